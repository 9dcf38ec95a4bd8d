"""Roll-ups and changes at the same time, on database servers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from alhena_tracking import redating, rollups
from alhena_tracking.ingestion import RefundData, Visitor, record, review
from alhena_tracking.models import CartEvent, Company, Order, RolledUpDay, WeeklyProductTotals
from alhena_tracking.reports import Period, ReportQuery
from alhena_tracking.reports.sums import insert
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import cart_event, chat
from tests.support.factories import VisitorSessionFactory, at
from tests.support.faults.database import another_connection, wait_for_waiting
from tests.support.report_by_hand import fill
from tests.support.rolled_up_days import BEGINS_AT, FIRST, MONDAY, assert_same_as_raw, spoil_totals, whole
from tests.support.runs import examples
from tests.support.zones import change_zone

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.now(BEGINS_AT),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has a single writer; set DATABASE_URL"),
]


def change_during_roll_up(
    company: Company, now: datetime, change: Callable[[Company], None], is_under_way: Event, may_go_on: Event
) -> None:
    """Roll up, and change something once that is under way, which must wait for it."""
    with another_connection(lambda: roll_up(now)):
        assert is_under_way.wait(20)
        with another_connection(lambda: change(company)):
            wait_for_waiting()
            may_go_on.set()


def _exclude(company: Company) -> None:
    order = Order.objects.included().filter(company=company, occurred_on=FIRST)[0]
    review.exclude_orders([order.pk], None, "A test.")


def _refund(company: Company) -> None:
    refunded = Order.objects.included().filter(company=company, occurred_on=FIRST, value_minor__gt=500, refunds=None)[0]
    data = RefundData(
        order_id=refunded.order_id,
        refund_id="R",
        currency=refunded.currency,
        value_minor=1,
        occurred_at=at(FIRST),
        received_at=timezone.now(),
    )
    assert record(company, [data])[0].status == "recorded"


def _move(company: Company) -> None:
    change_zone(company, "Pacific/Kiritimati")
    redating.redate(company.pk)


def _record_late(company: Company, visitor: Visitor | None = None) -> None:
    visitor = visitor or Visitor(uuid4(), None)
    received_at = at(FIRST + timedelta(days=1))
    record(company, [chat(at(FIRST, 9), visitor, received_at=received_at)])
    [outcome] = record(company, [cart_event(at(FIRST, 10), visitor, received_at=received_at, event_id=uuid4())])
    assert outcome.status == "recorded"


def _sell_all_day(company: Company, *, is_first: bool) -> datetime:
    """Of a day that is to be rolled up at the moment returned, for the first time or again."""
    fill(company, random.Random(5), FIRST, days=1, sessions=25)
    now = at(FIRST + timedelta(days=6))
    if not is_first:
        roll_up(now)
        RolledUpDay.objects.update(is_stale=True)
    return now


@pytest.mark.parametrize("change", [_exclude, _refund, _record_late])
@pytest.mark.parametrize("is_first", [True, False])
def test_roll_up_when_a_change_is_under_way_waits_for_it(
    company: Company, change: Callable[[Company], None], is_first: bool
) -> None:
    now = _sell_all_day(company, is_first=is_first)
    # The transaction ends before the other connection is waited for.
    with ExitStack() as others, transaction.atomic():
        change(company)
        others.enter_context(another_connection(lambda: roll_up(now)))
        wait_for_waiting()
    assert RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert not any(result.failed for result in check_rollups())
    assert_same_as_raw(whole(Company.objects.get(), currency="EUR"))


@pytest.mark.parametrize("change", [_exclude, _refund, _move, _record_late])
@pytest.mark.parametrize("is_first", [True, False])
def test_change_when_a_roll_up_is_under_way_marks_the_day_afterwards(
    company: Company, change: Callable[[Company], None], is_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = _sell_all_day(company, is_first=is_first)
    has_read, may_go_on, tables = Event(), Event(), rollups._tables

    def pause(company: Company, on: date) -> Iterator[Any]:
        yield from tables(company, on)
        if on == FIRST:
            has_read.set()
            assert may_go_on.wait(20)

    monkeypatch.setattr(rollups, "_tables", pause)
    change_during_roll_up(company, now, change, has_read, may_go_on)
    monkeypatch.undo()
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert_same_as_raw(whole(Company.objects.get(), currency="EUR"))


def _roll_up_once_more(company: Company) -> None:
    RolledUpDay.objects.filter(company=company, on=FIRST).update(has_stale_sessions=True)
    assert rollups._roll_up_day(company, FIRST, at(FIRST + timedelta(days=8)))


@pytest.mark.parametrize("change", [_exclude, _refund, _move, _record_late, _roll_up_once_more])
def test_change_when_its_week_is_rolled_up_waits_and_the_week_is_not_read(
    company: Company, change: Callable[[Company], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company, random.Random(5), FIRST, days=1, sessions=25)
    VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    monday = FIRST - timedelta(days=FIRST.weekday())
    week = ReportQuery(company=company, period=Period(monday, monday + timedelta(days=6)), currency="EUR")
    now = at(FIRST + timedelta(days=8))
    roll_up(now)
    RolledUpDay.objects.update(is_in_week=False)
    is_added_up, may_go_on = Event(), Event()

    def pause(model: type[Any], *args: Any, **kwargs: Any) -> None:
        insert(model, *args, **kwargs)
        if model is WeeklyProductTotals and kwargs["on"] == monday:
            is_added_up.set()
            assert may_go_on.wait(20)

    monkeypatch.setattr(rollups, "insert", pause)
    change_during_roll_up(company, now, change, is_added_up, may_go_on)
    monkeypatch.undo()
    assert RolledUpDay.objects.filter(on__range=(monday, week.period.end), is_in_week=True).count() >= 6
    assert not RolledUpDay.objects.fresh().filter(on=FIRST, is_in_week=True).exists()
    spoil_totals(monday)
    assert_same_as_raw(replace(week, company=Company.objects.get()))


def test_roll_up_when_events_arrive_late_over_and_over_loses_none(company: Company) -> None:
    visitors, each = 6, examples(10, full=100)
    fill(company, random.Random(5), FIRST, days=1, sessions=5)
    VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    now = at(FIRST + timedelta(days=8))
    week = Period(FIRST - timedelta(days=FIRST.weekday()), FIRST + timedelta(days=6 - FIRST.weekday()))
    query = ReportQuery(company=company, period=week, currency="EUR", is_compared=False)
    roll_up(now)
    before = CartEvent.objects.count()

    def tell() -> None:
        visitor = Visitor(uuid4(), None)
        try:
            for _ in range(each):
                _record_late(company, visitor)
        finally:
            connection.close()

    rolled_up = 0
    with ThreadPoolExecutor(visitors) as pool:
        told = [pool.submit(tell) for _ in range(visitors)]
        while not all(future.done() for future in told):
            rolled_up += FIRST in roll_up(now)[0].days
    for future in told:
        future.result()
    assert rolled_up > 1
    assert CartEvent.objects.count() == before + visitors * each
    assert not any(result.failed for result in check_rollups())
    assert_same_as_raw(query)
    roll_up(now)
    assert_same_as_raw(query)
