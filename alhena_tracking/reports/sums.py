"""Sums of several tables, put together by the database in one statement.

What a query costs beside its rows (to be built, sent, planned and read) is most of what a report of rolled-up days
takes, so there are few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Context, Decimal
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import Aggregate, Max, QuerySet
from django.db.models.functions import Collate

#: What rows have in common, and what they come to.
Sums: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_THOUSANDTH = Decimal("0.001")
_TEXTS = ("product_id", "product_name")
_UNITS = ("units_added", "units_purchased")


class Part(Protocol):
    """Sums of one table: rows of a key, and then of one value for each of ``names``."""

    names: tuple[str, ...]

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        """The SELECT and its parameters. Raises ``EmptyResultSet`` where it could find nothing."""

    def __iter__(self) -> Iterator[Sums]:
        """Read this part alone."""


class Grouped:
    """What ``sums`` come to of some rows, ``by`` some of their columns."""

    def __init__(self, rows: QuerySet[Any], by: Sequence[str], **sums: Any) -> None:
        self.names = tuple(sums)
        self._keys = len(by)
        # Under other names than those of the columns, which aggregates may not have.
        named = {f"{name}_sum": aggregate for name, aggregate in sums.items()}
        self._rows: QuerySet[Any, tuple[Any, ...]] = rows.order_by().values_list(*by).annotate(**named)

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        sql, params = self._rows.query.get_compiler(self._rows.db).as_sql()
        return sql, tuple(params)

    def __iter__(self) -> Iterator[Sums]:
        for row in self._rows:
            values = (_exact(value) for value in row[self._keys :])
            yield tuple(row[: self._keys]), dict(zip(self.names, values, strict=True))


def add_up(parts: Sequence[Part], by: Sequence[str], *, using: str) -> Iterator[Sums]:
    """What all ``parts`` say of a key together, by one query; 0 is what none of them says anything of.

    ``by`` are the keys of each part, in their order, under whatever names. Days are dates, units have three places.
    """
    connection = connections[using]
    statements: list[tuple[str, tuple[str, ...]]] = []
    params: list[Any] = []
    for part in parts:
        try:
            sql, its_params = part.statement()
        except EmptyResultSet:
            continue
        statements.append((sql, part.names))
        params += its_params
    if not statements:
        return
    names = list(dict.fromkeys(name for _, part_names in statements for name in part_names))
    keys = [f"key_{name}" for name in by]
    sql = _united(statements, keys, names, connection.ops.quote_name)
    key_readers = [_read_date if name == "on" else _as_it_is for name in by]
    readers = [_reader(name) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for row in cursor.fetchall():
            key = tuple(read(value) for read, value in zip(key_readers, row, strict=False))
            yield key, {name: read(value) for name, read, value in zip(names, readers, row[len(by) :], strict=True)}


def _united(
    statements: Sequence[tuple[str, tuple[str, ...]]],
    keys: Sequence[str],
    names: Sequence[str],
    quote: Callable[[str], str],
) -> str:
    tables, selects = [], []
    for number, (sql, part_names) in enumerate(statements):
        columns = ", ".join(map(quote, [*keys, *part_names]))
        tables.append(f"part_{number} ({columns}) AS ({sql})")
        values = (quote(name) if name in part_names else f"0 AS {quote(name)}" for name in names)
        selects.append(f"SELECT {', '.join([*map(quote, keys), *values])} FROM part_{number}")  # noqa: S608
    sums = (f"{'MAX' if name in _TEXTS else 'SUM'}({quote(name)})" for name in names)
    grouped = ", ".join(map(quote, keys))
    return (
        f"WITH {', '.join(tables)} SELECT {', '.join([grouped, *sums])}"  # noqa: S608
        f" FROM ({' UNION ALL '.join(selects)}) AS parts GROUP BY {grouped}"
    )


#: What orders text as Python does, by the vendors of databases.
_COLLATIONS = {"postgresql": "C", "mysql": "utf8mb4_bin", "sqlite": "BINARY"}


def last_text(name: str, rows: QuerySet[Any]) -> Aggregate:
    """The last one of some texts, in the order that Python gives them."""
    return Max(Collate(name, _COLLATIONS[connections[rows.db].vendor]))


def _exact(value: Any) -> Any:
    """A sum as its field holds it: SQLite adds units up as floats, MariaDB amounts to decimals."""
    return value.quantize(_THOUSANDTH) if isinstance(value, Decimal) else value


def _reader(name: str) -> Callable[[Any], Any]:
    if name in _TEXTS:
        return _as_it_is
    return _read_units if name in _UNITS else int


def _as_it_is(value: Any) -> Any:
    return value


def _read_date(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _read_units(value: Any) -> Decimal:
    # As Django reads SQLite's floats, which have so many digits.
    exact = Context(prec=15).create_decimal_from_float(value) if isinstance(value, float) else Decimal(value)
    return exact.quantize(_THOUSANDTH)
