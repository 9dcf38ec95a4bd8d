"""What a QuerySet's conditions say of its rows: their companies, their days, and whether an index serves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Field, Model, QuerySet, UniqueConstraint
from django.db.models.expressions import Col
from django.db.models.lookups import Lookup
from django.db.models.sql.where import AND, WhereNode

from alhena_tracking.models import Company, Redating

#: How far from its day by the zone's midnights a row may be: clocks set back at midnight repeat a part of it.
_MARGIN = timedelta(hours=2)
#: And while the company's time zone changes.
_REDATING_MARGIN = timedelta(days=2)
#: Days outside of these bound nothing: their midnights may be no times.
_FIRST, _LAST = date(1900, 1, 1), date(9900, 1, 1)
_OF_COMPANIES = {"exact", "in"}
#: Columns with few rows for each value. An index of theirs need not be in the list's order.
_OF_FEW_ROWS = {"id", "event_id", "order_id_digest", "refund_id_digest", "order", "refunded_order", "session"}


@dataclass
class Conditions:
    """What all rows of a QuerySet meet.

    ``indexed`` has the rows, of all companies, that meet those conditions which an index serves. ``are_indexed`` says
    whether these and the days are all, ``are_exact`` whether all compare a column of the rows with a value.
    """

    moment: str
    indexed: QuerySet[Any]
    are_indexed: bool
    are_exact: bool
    companies: set[int] | None = None
    first_day: date = date.min
    last_day: date = date.max

    def allow(self, company: Company) -> bool:
        return self.companies is None or company.pk in self.companies

    def bounds(self, company: Company) -> dict[str, datetime]:
        """Return look-ups by the moment that follow from those by day, for the index."""
        bounds: dict[str, datetime] = {}
        if _FIRST < self.first_day < _LAST:
            bounds[f"{self.moment}__gte"] = _midnight(self.first_day, company) - self._margin(company)
        if _FIRST < self.last_day < _LAST:
            bounds[f"{self.moment}__lt"] = _midnight(self.last_day + timedelta(days=1), company) + self._margin(company)
        return bounds

    def _margin(self, company: Company) -> timedelta:
        return _REDATING_MARGIN if company.pk in self._redating else _MARGIN

    @cached_property
    def _redating(self) -> set[int]:
        return set(Redating.objects.values_list("pk", flat=True))


def conditions_of(rows: QuerySet[Any], moment: str) -> Conditions:
    """Read the conditions of ``rows``, whose list is in the order of ``moment`` and id."""
    exact: dict[str, Lookup[Any]] = {}
    companies: set[int] | None = None
    days = [date.min, date.max]
    are_all_own = True
    for condition in _conjuncts(rows.query.where):
        own = _own_field(condition, rows)
        if own is None:
            are_all_own = False
        elif _is_on_companies(condition, rows):
            chosen = {condition.rhs} if condition.lookup_name == "exact" else set(condition.rhs)
            companies = chosen if companies is None else companies & chosen
        elif own.name == moment.replace("_at", "_on") and condition.lookup_name in _DAY_BOUNDS:
            first, last = _DAY_BOUNDS[condition.lookup_name](condition.rhs)
            days = [max(days[0], first), min(days[1], last)]
        elif condition.lookup_name == "exact" or (condition.lookup_name == "in" and own.name in _OF_FEW_ROWS):
            are_all_own &= exact.setdefault(own.name, condition) is condition
        else:
            are_all_own = False
    served = _served(rows.model, moment, exact)
    indexed = rows.model._default_manager.using(rows.db).filter(
        **{f"{name}__{exact[name].lookup_name}": exact[name].rhs for name in served}
    )
    return Conditions(
        moment,
        indexed,
        are_indexed=are_all_own and set(served) == set(exact),
        are_exact=are_all_own,
        companies=companies,
        first_day=days[0],
        last_day=days[1],
    )


def without_companies(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return ``rows`` without the conditions on companies that ``conditions_of`` reads, to be read company by company.

    A list of all companies in the condition for each of them would make PostgreSQL plan for their square.
    """
    rows = rows.all()
    where = rows.query.where
    if where.connector == AND and not where.negated:
        where.children = [child for child in where.children if not _is_on_companies(child, rows)]
    return rows


def _is_on_companies(condition: Any, rows: QuerySet[Any]) -> bool:
    own = _own_field(condition, rows)
    return own is not None and own.name == "company" and condition.lookup_name in _OF_COMPANIES


_DAY = timedelta(days=1)
_DAY_BOUNDS: dict[str, Any] = {
    "exact": lambda day: (day, day),
    "gte": lambda day: (day, date.max),
    "gt": lambda day: (min(day, _LAST) + _DAY, date.max),
    "lte": lambda day: (date.min, day),
    "lt": lambda day: (date.min, max(day, _FIRST) - _DAY),
    "range": lambda days: tuple(days),
}


def _conjuncts(where: Any) -> Iterator[Any]:
    """Yield the conditions that all rows meet; others as one."""
    is_conjunction = isinstance(where, WhereNode) and not where.negated
    if is_conjunction and (where.connector == AND or len(where.children) == 1):
        for child in where.children:
            yield from _conjuncts(child)
    else:
        yield where


def _own_field(condition: Any, rows: QuerySet[Any]) -> Field[Any, Any] | None:
    """Return the field of the rows' own table that a condition compares with values."""
    if not (isinstance(condition, Lookup) and isinstance(condition.lhs, Col) and condition.rhs_is_direct_value()):
        return None
    if condition.bilateral_transforms or condition.lhs.alias != rows.query.base_table:
        return None
    return condition.lhs.target


def _served(model: type[Model], moment: str, exact: dict[str, Lookup[Any]]) -> Sequence[str]:
    """Return those of the fields compared with values that one index serves."""
    if few := next((name for name in exact if name in _OF_FEW_ROWS and _begins_index(model, name)), None):
        return [few]
    in_order = [
        index.fields[1:-2]
        for index in model._meta.indexes
        if [index.fields[0], *index.fields[-2:]] == ["company", moment, "id"]
    ]
    return max((names for names in in_order if set(names) <= set(exact)), key=len, default=[])


def _begins_index(model: type[Model], name: str) -> bool:
    field = model._meta.get_field(name)
    if getattr(field, "primary_key", False) or getattr(field, "db_index", False):
        return True
    constraints = [each for each in model._meta.constraints if isinstance(each, UniqueConstraint)]
    columns = [list(each.fields) for each in (*model._meta.indexes, *constraints)]
    return any(each[:1] == [name] or each[:2] == ["company", name] for each in columns)


def _midnight(day: date, company: Company) -> datetime:
    return datetime.combine(day, time.min, company.zone)
