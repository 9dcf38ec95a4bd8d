"""How the values of rows are written: each form as a cell in Python, and as text by PostgreSQL.

The expressions take the name of a column and give text, or null where the cell is empty. A test compares both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from alhena_tracking.contract.amounts import decimals_of, in_major_units, unit_value
from alhena_tracking.exports.formulas import inert_sql
from alhena_tracking.exports.tables import Cell
from alhena_tracking.reports import Period

#: A day is up to 26 hours away from the same day in UTC.
_MARGIN = timedelta(days=3)
#: Offsets do not change twice within it.
_STEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of values: ``cell`` in Python, ``sql`` for PostgreSQL, and the type of the cells that are not empty."""

    cell: Callable[[Any], Cell]
    sql: Callable[[str], str]
    type: type[Cell] = str


def text() -> Form:
    """Return the form of texts that visitors or shops chose."""
    return Form(lambda value: value, inert_sql)


def word() -> Form:
    """Return the form of our own words, such as channels."""
    return Form(lambda value: value, lambda column: f"NULLIF({column}, '')")


def day() -> Form:
    return Form(lambda value: value, lambda column: f"to_char({column}, 'YYYY-MM-DD')")


def amount(currency: str) -> Form:
    """Return the form of whole minor units, in major units."""
    unit = _unit(currency)
    return Form(lambda minor: in_major_units(minor, currency), lambda column: f"({column} * {unit})::text", Decimal)


def price(currency: str) -> Form:
    """Return the form of unit prices in minor units, in major units with as many decimals as they need."""
    unit, decimals = _unit(currency), decimals_of(currency)

    def sql(column: str) -> str:
        value = f"{column} * {unit}"
        return (
            f"(CASE WHEN scale(trim_scale({value})) <= {decimals} THEN round({value}, {decimals})"
            f" ELSE trim_scale({value}) END)::text"
        )

    return Form(lambda minor: unit_value(minor, currency), sql, Decimal)


def quantity() -> Form:
    """Return the form of quantities, without trailing zeros."""

    def cell(value: Decimal) -> Decimal:
        return value.normalize() if value % 1 else value.quantize(Decimal(1))

    return Form(cell, lambda column: f"trim_scale({column})::text", Decimal)


def duration() -> Form:
    """Return the form of durations, as ``24:00:00``."""

    def cell(value: timedelta) -> str:
        minutes, seconds = divmod(value // timedelta(seconds=1), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"

    # Without days, which an interval would otherwise keep apart from hours.
    return Form(
        cell,
        lambda column: f"to_char(make_interval(secs => trunc(extract(epoch FROM {column}))::float), 'HH24:MI:SS')",
    )


def flag(yes: str, no: str) -> Form:
    words = {True: yes, False: no}
    return Form(words.__getitem__, lambda column: f"CASE WHEN {column} THEN {literal(yes)} ELSE {literal(no)} END")


def utc() -> Form:
    """Return the form of times in UTC."""
    return Form(lambda value: value.astimezone(UTC), lambda column: _moment(column, timedelta(0), "Z"), datetime)


def local(zone: ZoneInfo, period: Period) -> Form:
    """Return the form of times of a period's days in a time zone.

    PostgreSQL is given the zone's offsets in that period: its own time zones may differ from Python's.
    """
    offsets = _offsets(zone, period)

    def sql(column: str) -> str:
        *changes, (_since, last) = offsets
        if not changes:
            return _moment(column, last)
        cases = "".join(
            f" WHEN {column} < {literal(until.isoformat())}::timestamptz THEN {_moment(column, offset)}"
            for (_, offset), (until, _next) in pairwise(offsets)
        )
        return f"CASE{cases} ELSE {_moment(column, last)} END"

    return Form(lambda value: value.astimezone(zone), sql, datetime)


def literal(value: str) -> str:
    """Quote a text for PostgreSQL."""
    return "'" + value.replace("'", "''") + "'"


def _unit(currency: str) -> str:
    """The value of a minor unit."""
    return str(Decimal(1).scaleb(-decimals_of(currency)))


def _moment(column: str, offset: timedelta, written: str = "") -> str:
    """Return the expression for times at an offset, to the millisecond, as ``csv`` writes them."""
    at = f"{column} AT TIME ZONE 'UTC'"
    if offset:
        at = f"{at} + interval '{offset // timedelta(seconds=1)} seconds'"
    written = written or datetime(2000, 1, 1, tzinfo=timezone(offset)).isoformat()[19:]
    return f"""to_char({at}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"{written}"')"""


def _offsets(zone: ZoneInfo, period: Period) -> list[tuple[datetime, timedelta]]:
    """Return the offsets from UTC in a period's days, each with the second since which it holds."""
    since = datetime.combine(period.start, time(), UTC) - _MARGIN
    end = datetime.combine(period.end, time(), UTC) + _MARGIN
    offsets = [(since, _offset(zone, since))]
    while since < end:
        until = since + _STEP
        if _offset(zone, until) != offsets[-1][1]:
            at = _change(zone, since, until)
            offsets.append((at, _offset(zone, at)))
        since = until
    return offsets


def _change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """Return the first second between the two with another offset than at ``since``."""
    before = _offset(zone, since)
    while until - since > timedelta(seconds=1):
        middle = since + (until - since) // timedelta(seconds=2) * timedelta(seconds=1)
        since, until = (since, middle) if _offset(zone, middle) != before else (middle, until)
    return until


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    return timedelta(0) if offset is None else offset
