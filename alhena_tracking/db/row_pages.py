"""Pages of a list: rows of several companies in the order of their times, found by keys.

A page reads as much at any size of the table. Each company's rows are read in the order of an index of company, moment
and id, and merged, since PostgreSQL reads no index in order for several companies. Conditions that no index serves are
applied to at most ``WINDOW`` rows. A page that ends there for lack of matches says so, and the next one goes on.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import BigIntegerField, BooleanField, DateTimeField, F, Func, QuerySet, Value
from django.db.models.expressions import RawSQL

from alhena_tracking.db.row_conditions import Conditions, conditions_of, without_companies
from alhena_tracking.db.sql import fetch
from alhena_tracking.models import Company

#: So many rows are searched for a page at most.
WINDOW = 20_000
#: And of each company at least so many of these.
_SHARE = 50
#: Up to here, rows are counted.
COUNTED = 10_000
#: So many companies are read by one statement.
_COMPANIES = 100
#: On PostgreSQL, up to so many: from their literal ids, it knows how many rows each has.
_MOST_UNITED = 20
#: Stands for a company's id among parameters.
_COMPANY = object()
_LARGEST_ID = 2**63 - 1


#: Bounds of the moment, as look-ups.
Bounds: TypeAlias = dict[str, datetime]
#: Builds the rows of one company, which is given as SQL, within its bounds.
Part: TypeAlias = Callable[[RawSQL, Bounds], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Between two rows: after the row of this moment and id, in the order of a page."""

    at: datetime
    pk: int

    @property
    def token(self) -> str:
        """The place as a text for addresses."""
        return urlsafe_b64encode(f"{self.at.astimezone(UTC).isoformat()} {self.pk}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, token: str) -> Place:
        """Return the place that a token names. Raises ``ValueError`` or ``OverflowError`` if it is none."""
        padded = token + "=" * (-len(token) % 4)
        text = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
        moment, _space, number = text.partition(" ")
        place = cls(datetime.fromisoformat(moment).astimezone(UTC), int(number))
        if place.token != token or not 0 <= place.pk <= _LARGEST_ID:
            raise ValueError
        return place


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows, the latest first, and where the pages beside it begin.

    ``searched_to`` is set where ``WINDOW`` rows were searched without filling the page: then it is also where the next
    page begins, older or newer.
    """

    rows: list[Any]
    older: Place | None
    newer: Place | None
    searched_to: Place | None = None


@dataclass(frozen=True, slots=True)
class AmountPage:
    """Rows by an amount. ``since`` is set where there are more rows than are sorted: the earliest of these."""

    rows: list[Any]
    has_more: bool
    since: Place | None


@dataclass(frozen=True, slots=True)
class RowCount:
    """``number`` is exact, or an estimate, or a bound that is exceeded."""

    number: int
    is_exact: bool = True
    is_estimate: bool = False


class RowList:
    """The rows of a QuerySet that belong to ``companies``, the latest first by ``moment``."""

    def __init__(self, rows: QuerySet[Any], companies: Sequence[Company], moment: str) -> None:
        self.rows = rows.order_by()
        self.moment = moment
        self._of_any_company = without_companies(self.rows)
        self.conditions: Conditions = conditions_of(rows, moment)
        self.companies = [company for company in companies if self.conditions.allow(company)]

    def older(self, size: int, start: Place | None = None) -> RowPage:
        """Return the page after ``start``, or the first one."""
        rows, has_more, end = self._page(size, start, is_older=True)
        begin = self._place(rows[0]) if rows else start
        newer = begin if start is not None else None
        if has_more:
            return RowPage(rows, self._place(rows[-1]), newer)
        return RowPage(rows, end, newer, searched_to=end)

    def newer(self, size: int, start: Place | None = None) -> RowPage:
        """Return the page before ``start``, or the last one."""
        rows, has_more, end = self._page(size, start, is_older=False)
        if not has_more and end is None and start is not None:
            return self.older(size)  # the first page, whole
        begin = self._place(rows[0]) if rows else start
        older = begin if start is not None else None
        newer = self._place(rows[-1]) if has_more else end
        return RowPage(rows[::-1], older, newer, searched_to=None if has_more else end)

    def by_amount(self, field: str, size: int, skipped: int, *, is_descending: bool) -> AmountPage:
        """Return a page of the latest rows, at most ``WINDOW``, in the order of an amount."""
        end = self._end_of_window(None, is_older=True)

        def part(company: RawSQL, bounds: Bounds) -> QuerySet[Any]:
            rows = self._from(self._of_any_company, company, bounds, None, end, is_older=True)
            return rows.order_by().values_list("pk", field)

        direction = "DESC" if is_descending else "ASC"
        found: list[tuple[int, int]] = []
        skipped = min(skipped, WINDOW)
        for union, params in self._unions(part):
            sql = f"{union} ORDER BY 2 {direction}, 1 {direction} LIMIT {skipped + size + 1}"
            found += fetch(self._connection, sql, params)
        found.sort(key=lambda row: (row[1], row[0]), reverse=is_descending)
        pks = [pk for pk, _amount in found[skipped : skipped + size]]
        rows = {row.pk: row for row in self.rows.filter(pk__in=pks)} if pks else {}
        has_more = len(found) > skipped + size
        return AmountPage([rows[pk] for pk in pks if pk in rows], has_more, end)

    def count(self) -> RowCount | None:
        """Count the rows up to ``COUNTED``, or estimate their number. ``None`` where neither can be done in time."""
        if self._is_searched and self._end_of_window(None, is_older=True) is not None:
            return self._estimate()
        # In order, too: else PostgreSQL may read the whole table for the first rows of a company.
        number = 0
        for union, params in self._unions(self._part(COUNTED + 1, None, None, is_older=True)):
            [(found,)] = fetch(self._connection, f"SELECT COUNT(*) FROM ({union}) AS found", params)  # noqa: S608
            number += found
            if number > COUNTED:
                return self._estimate() or RowCount(COUNTED, is_exact=False)
        return RowCount(number)

    def _estimate(self) -> RowCount | None:
        """Ask PostgreSQL's planner how many rows there are, if they are many and it knows the shares of the values."""
        if self._connection.vendor != "postgresql" or not self.conditions.are_exact:
            return None
        [plan] = json.loads(self.rows.explain(format="json"))
        estimate = plan["Plan"]["Plan Rows"]
        return RowCount(estimate, is_exact=False, is_estimate=True) if estimate > COUNTED else None

    @property
    def _connection(self) -> Any:
        return connections[self.rows.db]

    @property
    def _is_searched(self) -> bool:
        """Whether rows are read that may not match."""
        return not self.conditions.are_indexed

    def _place(self, row: Any) -> Place:
        return Place(getattr(row, self.moment), row.pk)

    def _page(self, size: int, start: Place | None, *, is_older: bool) -> tuple[list[Any], bool, Place | None]:
        """Return ``size`` rows from ``start`` on, whether there are more, and where the search ended before the last.

        A row that is deleted after its id was read is left out, and does not make the page the last one.
        """
        end = self._end_of_window(start, is_older=is_older) if self._is_searched else None
        while True:
            pks = self._pks(self._part(size + 1, start, end, is_older=is_older), size + 1, is_older=is_older)
            found = self.rows.filter(pk__in=pks) if pks else ()
            rows = sorted(found, key=lambda row: (getattr(row, self.moment), row.pk), reverse=is_older)
            if rows or not pks:
                return rows[:size], len(pks) > size, end

    def _end_of_window(self, start: Place | None, *, is_older: bool) -> Place | None:
        """Return the place up to which ``WINDOW`` rows are searched; ``None`` where there are no more."""
        if not self.companies:
            return None
        share = max(WINDOW // len(self.companies), _SHARE)

        def last(company: RawSQL, bounds: Bounds) -> QuerySet[Any]:
            rows = self._from(self.conditions.indexed, company, bounds, start, None, is_older=is_older)
            return rows[share - 1 : share]

        ends = self.conditions.indexed.filter(pk__in=self._pks(last, 1, is_older=is_older)).order_by()
        places = [Place(at, pk) for at, pk in ends.values_list(self.moment, "pk")]
        if not places:
            return None
        return (max if is_older else min)(places, key=lambda place: (place.at, place.pk))

    def _part(self, size: int, start: Place | None, end: Place | None, *, is_older: bool) -> Part:
        def part(company: RawSQL, bounds: Bounds) -> QuerySet[Any]:
            return self._from(self._of_any_company, company, bounds, start, end, is_older=is_older)[:size]

        return part

    def _from(
        self,
        rows: QuerySet[Any],
        company: RawSQL,
        bounds: Bounds,
        start: Place | None,
        end: Place | None,
        *,
        is_older: bool,
    ) -> QuerySet[Any]:
        """Return the company's rows beyond ``start`` as far as ``end``, in order, as ids with their moments."""
        moment, sign = self.moment, "-" if is_older else ""
        rows = rows.filter(company=company, **bounds)
        beyond, within = ("<", "lte") if is_older else (">", "gte")
        if start is not None:
            # By moment alone, too, for databases that search no index by pairs.
            rows = rows.filter(_compares(moment, beyond, start), **{f"{moment}__{within}": start.at})
        if end is not None:
            rows = rows.filter(_compares(moment, ">=" if is_older else "<=", end))
            rows = rows.filter(**{f"{moment}__{'gte' if is_older else 'lte'}": end.at})
        return rows.order_by(f"{sign}{moment}", f"{sign}pk").values_list("pk", moment)

    def _pks(self, part: Part, size: int, *, is_older: bool) -> list[int]:
        direction = "DESC" if is_older else "ASC"
        pks: list[int] = []
        for union, params in self._unions(part):
            sql = f"{union} ORDER BY 2 {direction}, 1 {direction} LIMIT {size}"
            pks += [pk for pk, _at in fetch(self._connection, sql, params)]
        return pks

    def _unions(self, part: Part) -> Iterator[tuple[str, list[Any]]]:
        """Yield SQL that unites the part of each company. What differs by company alone is made into SQL once."""
        alike: dict[tuple[Any, ...], list[int]] = {}
        for company in self.companies:
            alike.setdefault(tuple(self.conditions.bounds(company).items()), []).append(company.pk)
        is_joined = self._connection.vendor == "postgresql" and len(self.companies) > _MOST_UNITED
        return _joined(part, alike) if is_joined else _united(part, alike)


def _joined(part: Part, alike: dict[tuple[Any, ...], list[int]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield a statement for all companies with the same bounds: planning many parts takes longer than reading them."""
    for bounds, pks in alike.items():
        if compiled := _sql_of(part(RawSQL("alhena_of.company", []), dict(bounds))):
            sql, params = compiled
            companies = "unnest(%s::bigint[]) AS alhena_of(company)"
            yield f"SELECT part.* FROM {companies} CROSS JOIN LATERAL ({sql}) AS part", [pks, *params]  # noqa: S608


def _united(part: Part, alike: dict[tuple[Any, ...], list[int]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements for a bounded number of companies each."""
    selected: list[tuple[str, list[Any]]] = []
    for bounds, pks in alike.items():
        if compiled := _sql_of(part(RawSQL("%s", [_COMPANY]), dict(bounds))):
            sql, params = compiled
            selected += [(sql, [pk if value is _COMPANY else value for value in params]) for pk in pks]
    for first in range(0, len(selected), _COMPANIES):
        parts = selected[first : first + _COMPANIES]
        sql = " UNION ALL ".join(f"SELECT * FROM ({sql}) AS part_{number}" for number, (sql, _) in enumerate(parts))  # noqa: S608
        yield sql, [value for _sql, params in parts for value in params]


def _sql_of(rows: QuerySet[Any]) -> tuple[str, list[Any]] | None:
    """Return the SQL that reads the rows; ``None`` where it is known that there are none."""
    try:
        sql, params = rows.query.get_compiler(rows.db).as_sql()
    except EmptyResultSet:
        return None
    return sql, list(params)


def _compares(moment: str, operator: str, place: Place) -> Func:
    """Compare a row's moment and id with a place as a pair, which PostgreSQL and SQLite search an index by."""
    row = Func(F(moment), F("pk"), template="(%(expressions)s)", output_field=BooleanField())
    values = (Value(place.at, DateTimeField()), Value(place.pk, BigIntegerField()))
    given = Func(*values, template="(%(expressions)s)", output_field=BooleanField())
    return Func(row, given, template="%(expressions)s", arg_joiner=f" {operator} ", output_field=BooleanField())
