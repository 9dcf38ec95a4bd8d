"""Rows read for an export: any number of them in the same memory.

Everywhere they are read in pieces by day and time, each starting after the last row of the previous one: never with
``OFFSET``, which scans the skipped rows again. PostgreSQL also writes the lines of a CSV file itself (``COPY``), a day
at a time, which takes a seventh of the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

from django.db import connections
from django.db.models import F, Q

from alhena_tracking.contract.amounts import in_major_units
from alhena_tracking.exports import cells
from alhena_tracking.exports.cells import Form
from alhena_tracking.exports.tables import Cell, Table
from alhena_tracking.models import Order, Refund
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import Period

#: How many keys are read at once, and how many of their rows.
KEYS = 20_000
ROWS = 1000

#: A row's id and the values of its fields.
_Values: TypeAlias = tuple[Any, ...]
#: Adds to the values, by their ids and fields, those of the columns that are no fields.
Completed: TypeAlias = Callable[["Rows", list[_Values]], list[_Values]]

#: The values of columns that are computed from an order's refunds.
_OF_REFUNDS = ("refunded_minor", "net_minor", "refund_days")
JOINED_REFUNDS = """LEFT JOIN LATERAL (
    SELECT sum(counted_minor)::bigint AS sum,
        string_agg({day} || ' ' || {amount}, '; ' ORDER BY occurred_at, id) AS days
    FROM {refunds} WHERE refunded_order_id = t.id
) refund ON true"""
_SQL_OF_REFUNDS = {
    "refunded_minor": "COALESCE(refund.sum, 0)",
    "net_minor": "(t.value_minor - COALESCE(refund.sum, 0))",
    "refund_days": "refund.days",
}
#: Columns that are computed from other fields of their row.
_COMPUTED = {"assisted_minor": F("value_minor") - F("direct_minor")}


class RowColumn(NamedTuple):
    """A column: its title, the field or the computed value that it shows, and its form."""

    title: str
    source: str
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the database. ``joined`` and ``completed`` bring what is computed from other rows."""

    found: DatedQuerySet[Any]
    period: Period
    columns: Sequence[RowColumn]
    currency: str
    joined: str = ""
    completed: Completed = field(default=lambda _rows, values: values)

    def table(self, title: str) -> Table:
        return Table(
            title=title,
            columns=[column.title for column in self.columns],
            rows=self.cells(),
            copied=self.copied if can_copy(self.found.db) else None,
            types=[column.form.type for column in self.columns],
        )

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(column.source for column in self.columns if column.source not in _OF_REFUNDS))

    def cells(self) -> Iterator[list[Cell]]:
        """Yield the cells of each row, by day and time."""
        names = ["id", *self.fields, *_OF_REFUNDS]
        forms = [(names.index(column.source), column.form.cell) for column in self.columns]
        for keys in pieces(self.found):
            for row in self.completed(self, self.read(keys)):
                yield [cell(row[place]) for place, cell in forms]

    def read(self, keys: Sequence[int]) -> list[_Values]:
        """Return the rows with these ids, in their order, without those deleted since the ids were read."""
        computed = {name: _COMPUTED[name] for name in self.fields if name in _COMPUTED}
        rows = (
            self.found.model._default_manager.using(self.found.db).filter(pk__in=keys).order_by().annotate(**computed)
        )
        found = {row[0]: row for row in rows.values_list("id", *self.fields)}
        return [found[key] for key in keys if key in found]

    def copied(self) -> Generator[bytes, None, None]:
        """Yield each row as a line of CSV, without its end, written by PostgreSQL."""
        connection = connections[self.found.db]
        for day in self.period.days:
            sql, params = self._copying(day)
            # Past the wrapper, which takes no parameters where Django logs statements.
            with (
                connection.cursor() as cursor,
                connection.wrap_database_errors,
                cursor.cursor.copy(sql, params) as copy,
            ):
                for line in copy:
                    yield line[:-1]

    def _copying(self, day: date) -> tuple[str, Sequence[Any]]:
        fields = self.fields
        inner = (
            self.found.filter(occurred_on=day)
            .order_by("occurred_at", "id")
            .annotate(**{f"c{number}": _COMPUTED.get(name, F(name)) for number, name in enumerate(fields)})
            .values_list(*(f"c{number}" for number in range(len(fields))), "value_minor", "id")
        )
        sql, params = inner.query.get_compiler(using=self.found.db).as_sql()
        sources = {name: f"t.c{number}" for number, name in enumerate(fields)} | _SQL_OF_REFUNDS
        expressions = [column.form.sql(sources[column.source]) for column in self.columns]
        joined = self.joined.format(
            refunds=Refund._meta.db_table,
            day=cells.day().sql("occurred_on"),
            amount=cells.amount(self.currency).sql("counted_minor"),
        )
        # Only the driver fills in parameters: percent signs of ours are doubled for it.
        selected = ", ".join(expressions).replace("%", "%%")
        return f"COPY (SELECT {selected} FROM ({sql}) t {joined}) TO STDOUT (FORMAT csv)", params


def can_copy(alias: str | None = None) -> bool:
    """Return whether the database writes CSV itself: PostgreSQL in UTF-8, by psycopg 3."""
    connection = connections[alias or Order.objects.db]
    if connection.vendor != "postgresql":
        return False
    connection.ensure_connection()
    info = getattr(connection.connection, "info", None)
    driver = getattr(getattr(connection, "Database", None), "__name__", "")
    return driver == "psycopg" and info is not None and info.parameter_status("server_encoding") == "UTF8"


def pieces(rows: DatedQuerySet[Any]) -> Iterator[list[int]]:
    """Yield the ids of all rows in the order of the export."""
    ordered = rows.order_by("occurred_on", "occurred_at", "id").values_list("occurred_on", "occurred_at", "id")
    keys = list(ordered[:KEYS])
    while keys:
        ids = [pk for _on, _at, pk in keys]
        yield from (ids[start : start + ROWS] for start in range(0, len(ids), ROWS))
        if len(keys) < KEYS:
            return
        keys = list(_after(ordered, *keys[-1])[:KEYS])


def _after(ordered: Any, on: date, at: datetime, pk: int) -> Any:
    is_later = Q(occurred_on__gt=on) | Q(occurred_at__gt=at) | Q(occurred_at=at, id__gt=pk)
    return ordered.filter(is_later, occurred_on__gte=on)  # also by day alone, for the index


def with_refunds(rows: Rows, orders: list[_Values]) -> list[_Values]:
    """Add each order's refunds: their sum, what is left of its value, and the amounts by day."""
    value = 1 + rows.fields.index("value_minor")
    given: defaultdict[int, list[tuple[date, int]]] = defaultdict(list)
    refunds = Refund.objects.using(rows.found.db).filter(refunded_order__in=[order[0] for order in orders])
    found = refunds.order_by("occurred_at", "id").values_list("refunded_order", "occurred_on", "counted_minor")
    for pk, on, minor in found:
        given[pk].append((on, minor))
    completed = []
    for order in orders:
        of_order = given.get(order[0], ())
        refunded = sum(minor for _on, minor in of_order)
        days = "; ".join(f"{on} {in_major_units(minor, rows.currency)}" for on, minor in of_order)
        completed.append((*order, refunded, order[value] - refunded, days))
    return completed
