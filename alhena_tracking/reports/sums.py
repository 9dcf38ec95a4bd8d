"""Sums of several tables, combined by the database in one statement.

A report of rolled-up days reads few rows, so most of its time is the fixed cost of each statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Context, Decimal
from functools import partial
from typing import Any, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from alhena_tracking.reports.grouped import COLLATIONS, STAMP, STAMPS, TEXTS, Grouped
from alhena_tracking.reports.large_sums import EXACT_SUM, is_too_large, provide_exact_sum

#: The key of a group, and its sums.
Sums: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_Statement: TypeAlias = tuple[str, list[Any]]

_THOUSANDTH = Decimal("0.001")
#: The sums by which products are ordered, the usual one first.
PRODUCT_RANKS = ("purchase_minor", "add_to_cart_minor")
_UNITS = ("units_added", "units_purchased", "trusted_units_purchased")


def add_up(parts: Sequence[Grouped], by: Sequence[str], *, using: str) -> Iterator[Sums]:
    """Yield the sums of all ``parts`` for each key, by one query; sums that no part has are 0.

    ``by`` names the keys, which each part has in this order under its own names. Days are dates, units have three
    decimals.
    """
    names = _names(parts)
    key_readers = [_read_date if name == "on" else _as_it_is for name in by]
    readers = _readers(names)
    for row in _fetch(partial(_united, parts, by, connections[using]), connections[using]):
        key = tuple(read(value) for read, value in zip(key_readers, row, strict=False))
        yield key, _read(readers, row[len(by) :])


def rank_products(
    parts: Sequence[Grouped], *, most: int | None, first: str, using: str
) -> tuple[list[dict[str, Any]], int, int]:
    """Return the sums of ``parts`` by product (keyed by the digest of its id), the number of products, and what all of
    them were bought for.

    Ordered by the sum ``first`` (of ``PRODUCT_RANKS``), then by the other one, descending; limited to ``most``.
    Products without any cart event or purchase are left out.
    """
    ranks = [f"{{{name}}}" for name in sorted(PRODUCT_RANKS, key=first.__ne__)]
    return _rank(parts, ranks, "{cart_events} <> 0 OR {units_purchased} <> 0", most=most, using=using)


def rank_changes(parts: Sequence[Grouped], *, most: int, using: str) -> list[dict[str, Any]]:
    """Return the products (keyed as in ``rank_products``) whose ``purchase_minor`` and ``previous_purchase_minor``
    differ most, the largest difference first.
    """
    change = "({purchase_minor} - {previous_purchase_minor})"
    return _rank(parts, [f"ABS{change}"], f"{change} <> 0", most=most, using=using)[0]


def _rank(
    parts: Sequence[Grouped], ranks: Sequence[str], condition: str, *, most: int | None, using: str
) -> tuple[list[dict[str, Any]], int, int]:
    """Return the sums of the first products by ``ranks``, descending, and of all that meet a condition the number, and
    what they were bought for.

    Both are SQL, with the names of sums in braces.
    """
    connection = connections[using]
    quote: Callable[[Any], str] = connection.ops.quote_name
    names = _names(parts)
    by_id = f"{quote('product_id')} COLLATE {quote(COLLATIONS[connection.vendor])}"
    limit = "" if most is None else f" LIMIT {most:d}"

    def ranked(add: str) -> _Statement | None:
        united = _united(parts, ["product_id_digest"], connection, add)
        if united is None:
            return None
        sql, params = united
        # Sums beyond 64 bits are texts, ordered approximately.
        number = "CAST({} AS REAL)" if add == EXACT_SUM else "{}"
        numbers = {name: number.format(quote(name)) for name in names}
        order = [f"{rank.format(**numbers)} DESC" for rank in ranks]
        sql = (
            f"SELECT {', '.join(map(quote, names))}, COUNT(*) OVER (), {add}({quote('purchase_minor')}) OVER ()"  # noqa: S608
            f" FROM ({sql}) AS united WHERE {condition.format(**numbers)} ORDER BY {', '.join([*order, by_id])}{limit}"
        )
        return sql, params

    rows, readers = _fetch(ranked, connection), _readers(names)
    count, purchase_minor = rows[0][-2:] if rows else (0, 0)
    return [_read(readers, row[:-2]) for row in rows], count, int(purchase_minor)


def insert(model: type[Model], parts: Sequence[Grouped], by: Sequence[str], *, using: str, **same: Any) -> None:
    """Insert a row of ``model`` for each key of the ``parts``, inside the database.

    Its fields are named as ``by`` and the sums; sums without a field are left out. ``same`` are fields with one value
    in all rows. Raises ``DataError`` or ``OverflowError`` where a sum does not fit into its field.
    """
    connection = connections[using]
    quote: Callable[[Any], str] = connection.ops.quote_name
    united = _united(parts, by, connection)
    if united is None:
        return
    sql, params = united
    fields = {one.name: one for one in model._meta.concrete_fields}
    stored = [name for name in _names(parts) if name in fields]
    stamped = [name for name in stored if name in STAMPS]
    columns = [*(fields[name].column for name in same), *by, *stored, *(STAMPS[name] for name in stamped)]
    values = [fields[name].get_db_prep_save(value, connection=connection) for name, value in same.items()]
    taken = [*("%s" for _ in values), *(quote(f"key_{name}") for name in by)]
    taken += [f"SUBSTR({quote(name)}, {STAMP + 1})" if name in STAMPS else quote(name) for name in stored]
    taken += [f"SUBSTR({quote(name)}, 1, {STAMP})" for name in stamped]
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"  # noqa: S608
                f" SELECT {', '.join(taken)} FROM ({sql}) AS united",
                [*values, *params],
            )
        except OperationalError as error:
            if is_too_large(error):
                raise OverflowError from error
            raise


def _names(parts: Sequence[Grouped]) -> list[str]:
    """Return the names of all sums, in the order in which ``_united`` selects them after the keys."""
    return list(dict.fromkeys(name for part in parts for name in part.names))


def _united(
    parts: Sequence[Grouped], by: Sequence[str], connection: BaseDatabaseWrapper, add: str = "SUM"
) -> _Statement | None:
    """Return the statement that combines ``parts`` with the summing function ``add``; ``None`` without rows."""
    quote: Callable[[Any], str] = connection.ops.quote_name
    # Otherwise PostgreSQL may start parallel workers, which takes longer than reading the roll-ups.
    materialized = "MATERIALIZED " if connection.vendor == "postgresql" else ""
    tables: list[str] = []
    selected: list[str] = []
    params: list[Any] = []
    keys = [quote(f"key_{name}") for name in by]
    names = _names(parts)
    for number, part in enumerate(parts):
        try:
            sql, its_params = part.statement(add)
        except EmptyResultSet:
            continue
        params += its_params
        tables.append(f"part_{number} ({', '.join([*keys, *map(quote, part.names)])}) AS {materialized}({sql})")
        none = {name: "''" if name in TEXTS else "0" for name in names}
        values = (quote(name) if name in part.names else f"{none[name]} AS {quote(name)}" for name in names)
        selected.append(f"SELECT {', '.join([*keys, *values])} FROM part_{number}")  # noqa: S608
    if not tables:
        return None
    sums = (f"{'MAX' if name in TEXTS else add}({quote(name)}) AS {quote(name)}" for name in names)
    sql = (
        f"WITH {', '.join(tables)} SELECT {', '.join([*keys, *sums])}"  # noqa: S608
        f" FROM ({' UNION ALL '.join(selected)}) AS parts GROUP BY {', '.join(keys)}"
    )
    return sql, params


def _fetch(statement: Callable[[str], _Statement | None], connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, built for a summing function."""
    try:
        return _execute(statement("SUM"), connection)
    except OperationalError as error:
        if not is_too_large(error):
            raise
    provide_exact_sum(connection)
    return _execute(statement(EXACT_SUM), connection)


def _execute(statement: _Statement | None, connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    if statement is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _read(readers: Sequence[tuple[str, Callable[[Any], Any]]], row: Sequence[Any]) -> dict[str, Any]:
    return {name: read(value) for (name, read), value in zip(readers, row, strict=True)}


def _readers(names: Sequence[str]) -> list[tuple[str, Callable[[Any], Any]]]:
    return [(name, _reader(name)) for name in names]


def _reader(name: str) -> Callable[[Any], Any]:
    if name in TEXTS:
        return _as_it_is
    return _read_units if name in _UNITS else int


def _as_it_is(value: Any) -> Any:
    return value


def _read_date(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _read_units(value: Any) -> Decimal:
    # As Django reads SQLite's floats.
    exact = Context(prec=15).create_decimal_from_float(value) if isinstance(value, float) else Decimal(value)
    return exact.quantize(_THOUSANDTH)
