"""How long after the credited interaction orders are placed, against plain Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from alhena_tracking.models import Company, Order
from alhena_tracking.reports import Period, ReportQuery
from alhena_tracking.reports.order_times import OrderTimes, order_times
from tests.support.factories import OrderFactory, VisitorSessionFactory, at
from tests.support.runs import examples

DAY = date(2026, 5, 4)
NOON = at(DAY)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def quartile_by_hand(times: Sequence[int], number: int) -> int | None:
    """The nearest rank: the smallest time which so many quarters of all times do not exceed."""
    for time in sorted(times):
        if 4 * sum(other <= time for other in times) >= number * len(times):
            return time
    return None


def times_of(minutes: Sequence[int]) -> OrderTimes:
    return OrderTimes.of({each: list(minutes).count(each) for each in minutes})


def buckets_of(times: OrderTimes) -> list[int]:
    return [bucket.orders for bucket in times.buckets]


def asked(company: Company, **changes: Any) -> OrderTimes:
    values = {"company": company, "period": Period(DAY, DAY), "currency": "EUR", **changes}
    return order_times(ReportQuery(**values), values["currency"])


@pytest.fixture
def order(company: Company) -> Any:
    """Adds an order that was placed at noon, so long after its interaction."""
    session = VisitorSessionFactory.create(company=company, started_at=NOON)

    def order(after: timedelta | None, placed_at: datetime = NOON, **changes: Any) -> Order:
        credited_at = None if after is None else placed_at - after
        return OrderFactory.create(session=session, occurred_at=placed_at, credited_at=credited_at, **changes)

    return order


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([], (None, None, None)),
        ([7], (7, 7, 7)),
        ([1, 9], (1, 1, 9)),
        ([1, 2, 3], (1, 2, 3)),
        ([1, 2, 3, 4], (1, 2, 3)),
        ([0, 0, 0, 0, 900], (0, 0, 0)),
        ([5, 4, 3, 2, 1], (2, 3, 4)),
    ],
)
def test_quartiles_when_taken_are_times_of_orders(minutes: list[int], expected: tuple[int | None, ...]) -> None:
    times = times_of(minutes)
    assert (times.lower_quartile_minutes, times.median_minutes, times.upper_quartile_minutes) == expected


def test_buckets_when_times_are_at_their_ends_hold_their_beginnings() -> None:
    ends = [0, 1, 4, 5, 14, 15, 59, 60, 179, 180, 719, 720, 1439, 1440, 99_999]
    assert buckets_of(times_of(ends)) == [1, 2, 2, 2, 2, 2, 2, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("after", "minutes"),
    [
        (timedelta(0), 0),
        (-30 * MICROSECOND, 0),
        (timedelta(seconds=-60), 0),
        (MINUTE - MICROSECOND, 0),
        (MINUTE, 1),
        (MINUTE + MICROSECOND, 1),
        (60 * MINUTE - MICROSECOND, 59),
        (1440 * MINUTE, 1440),
    ],
)
@pytest.mark.parametrize("placed_at", [NOON, NOON + 999_999 * MICROSECOND, NOON + MICROSECOND])
def test_times_when_read_are_whole_minutes(
    company: Company, order: Any, after: timedelta, minutes: int, placed_at: datetime
) -> None:
    order(after, placed_at)
    assert asked(company).median_minutes == minutes


@pytest.mark.django_db
def test_times_when_an_interaction_has_none_are_counted_apart(company: Company, order: Any) -> None:
    order(None)
    order(3 * MINUTE)
    times = asked(company)
    assert (times.orders, times.undated_orders, times.median_minutes) == (1, 1, 3)
    assert buckets_of(times) == [0, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.django_db
def test_times_when_there_are_no_orders_are_none(company: Company) -> None:
    assert asked(company) == times_of([])


@pytest.mark.django_db
def test_times_when_filtered_are_of_the_orders_that_the_report_counts(company: Company, order: Any) -> None:
    order(1 * MINUTE)
    order(2 * MINUTE, channel="FAQ", trust="VERIFIED")
    order(3 * MINUTE, currency="JPY", ai_profile="butler")
    order(4 * MINUTE, is_denied=True)
    order(5 * MINUTE, NOON + timedelta(days=1))
    assert (asked(company).orders, asked(company, currency="JPY").median_minutes) == (2, 3)
    for filters, median in (
        ({"channel": "FAQ"}, 2),
        ({"trust": "VERIFIED"}, 2),
        ({"trust": "REPORTED"}, 1),
        ({"ai_profile": "butler", "currency": "JPY"}, 3),
        ({"ai_profile": "butler"}, None),
    ):
        assert asked(company, **filters).median_minutes == median


@pytest.mark.property
@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(examples(4, full=100)))
def test_times_when_orders_are_random_are_those_by_hand(company: Company, order: Any, seed: int) -> None:
    rnd = random.Random(seed)
    placed: list[int] = []
    for _ in range(rnd.choice((1, 2, 9, 30))):
        after = rnd.choice((60, 3_600, 90_000)) * rnd.random()
        order(timedelta(seconds=after), NOON + timedelta(microseconds=rnd.randrange(10**6)))
        placed.append(int(timedelta(seconds=after) // MINUTE))
    times = asked(company)
    found = (times.lower_quartile_minutes, times.median_minutes, times.upper_quartile_minutes)
    assert found == tuple(quartile_by_hand(placed, number) for number in (1, 2, 3))
    assert sum(buckets_of(times)) == times.orders == len(placed)
