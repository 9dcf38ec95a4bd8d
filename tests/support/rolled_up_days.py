"""Compare rolled-up days with their events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from alhena_tracking.models import (
    Company,
    RolledUpDay,
    WeeklyProductTotals,
)
from alhena_tracking.reports import Period, ReportQuery, Section, ai_profiles, revenue_impact

#: When the tests of roll-ups start.
BEGINS_AT = "2027-06-16T12:00Z"
#: Early enough for the days to be over, and late enough for few of them to be due.
FIRST = datetime.fromisoformat(BEGINS_AT).date() - timedelta(days=12)
#: The Monday of a past week, with rolled-up days before it.
MONDAY = FIRST - timedelta(days=FIRST.weekday() + 7)


@contextmanager
def nothing_rolled_up() -> Iterator[None]:
    with transaction.atomic():
        RolledUpDay.objects.all().delete()
        yield
        transaction.set_rollback(True)


def assert_same_as_raw(*queries: ReportQuery) -> None:
    for asked_query in queries:
        query = replace(asked_query, sections=frozenset(Section))
        asked = revenue_impact(query), ai_profiles(query.company, query.period)
        with nothing_rolled_up():
            assert asked == (revenue_impact(query), ai_profiles(query.company, query.period))


def whole(company: Company, currency: str = "") -> ReportQuery:
    period = Period(FIRST, FIRST + timedelta(days=8))
    return ReportQuery(company=company, period=period, currency=currency, is_compared=False)


def spoil_totals(monday: date = MONDAY) -> None:
    assert WeeklyProductTotals.objects.filter(on=monday).update(units_added=F("units_added") + 1)
