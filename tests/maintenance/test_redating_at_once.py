"""Re-dating and other transactions at the same time, on database servers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from alhena_tracking import redating
from alhena_tracking.models import Company, LockRow, Order, Redating, RolledUpDay, VisitorSession
from alhena_tracking.querysets import RolledUpDayQuerySet
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.faults.database import another_connection, wait_for_waiting
from tests.support.report_by_hand import fill
from tests.support.rolled_up_days import BEGINS_AT, FIRST, assert_same_as_raw, whole
from tests.support.zones import change_zone, rows_on_other_days

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.now(BEGINS_AT),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has a single writer; set DATABASE_URL"),
]


@pytest.fixture
def moving(company: Company) -> Company:
    """A company whose rows are due."""
    fill(company, random.Random(5), FIRST, days=3, sessions=25)
    change_zone(company, "Pacific/Kiritimati")
    Redating.objects.update(is_short=False)
    return company


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Event, Event]]:
    """Let the first chunk pause before it ends; yield the events that it has paused and that it may go on."""
    has_paused, may_go_on, mark = Event(), Event(), RolledUpDayQuerySet.mark_stale

    def pause(self: Any, *args: Any, **kwargs: Any) -> None:
        mark(self, *args, **kwargs)
        if not has_paused.is_set():
            has_paused.set()
            assert may_go_on.wait(20)

    monkeypatch.setattr(RolledUpDayQuerySet, "mark_stale", pause)
    yield has_paused, may_go_on
    may_go_on.set()


def test_roll_up_when_a_chunk_is_under_way_waits_for_it(moving: Company, paused: tuple[Event, Event]) -> None:
    has_paused, may_go_on = paused
    with another_connection(lambda: redating.redate(moving.pk)):
        assert has_paused.wait(20)
        with another_connection(roll_up):
            wait_for_waiting()
            may_go_on.set()
    assert not any(result.failed for result in check_rollups())
    assert RolledUpDay.objects.fresh().exists()
    assert_same_as_raw(whole(moving, currency="EUR"))


def test_zone_when_changed_while_a_chunk_is_under_way_waits_for_it(
    moving: Company, paused: tuple[Event, Event]
) -> None:
    has_paused, may_go_on = paused
    with another_connection(lambda: redating.redate(moving.pk)):
        assert has_paused.wait(20)
        with another_connection(lambda: change_zone(moving, "Pacific/Pago_Pago")):
            wait_for_waiting()
            may_go_on.set()
    redating.redate(moving.pk)
    assert Company.objects.get(pk=moving.pk).time_zone == "Pacific/Pago_Pago"
    assert not Redating.objects.exists()
    assert rows_on_other_days(moving) == 0


def test_order_when_ingestion_is_changing_it_is_re_dated_afterwards(moving: Company) -> None:
    order = Order.objects.filter(company=moving, occurred_on=FIRST)[0]
    assert order.order_id_digest is not None
    with ExitStack() as others, transaction.atomic():
        LockRow.objects.lock([LockRow.number_of(order.order_id_digest)])
        order.refresh_from_db()
        others.enter_context(another_connection(lambda: redating.redate(moving.pk)))
        wait_for_waiting()
        order.save(force_update=True)  # with its day
    assert rows_on_other_days(moving) == 0


def test_session_when_ingestion_is_changing_it_is_re_dated_afterwards(moving: Company) -> None:
    session = VisitorSession.objects.filter(company=moving)[0]
    with ExitStack() as others, transaction.atomic():
        VisitorSession.objects.lock(session.pk)
        others.enter_context(another_connection(lambda: redating.redate(moving.pk)))
        wait_for_waiting()
        # An earlier interaction has arrived late.
        session.started_at -= timedelta(days=1)
        session.started_on = session.started_at.astimezone(moving.zone).date()
        VisitorSession.objects.bulk_update([session], ["started_at", "started_on"])
    assert rows_on_other_days(moving) == 0


def test_rows_when_several_processes_re_date_them_are_moved_once(
    moving: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("ROWS", 12), ("SESSIONS", 3), ("LOCKED_ROWS", 2)):
        monkeypatch.setattr(redating, name, size)
    due = rows_on_other_days(moving)

    def work() -> int:
        try:
            return redating.redate(moving.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        moved = [pool.submit(work) for _ in range(3)]
    assert sum(future.result() for future in moved) == due > 0
    assert rows_on_other_days(moving) == 0
    assert not Redating.objects.exists()
