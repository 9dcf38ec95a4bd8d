"""The functions for the shop's own process, called in a transaction of the shop's."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from django.test import RequestFactory, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alhena_tracking import events
from alhena_tracking.contract import limits
from alhena_tracking.db.messages import Messages
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import InvalidEvent, Outcome, UnknownCompany, Visitor
from alhena_tracking.ingestion import EventData, record
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Interaction,
    LockRow,
    Order,
    PendingConfirmation,
    Refund,
)
from tests.support.failing_writes import before_writing

VISITOR = Visitor(uuid.UUID(int=7 << 64 | 5), None)
ITEM: dict[str, Any] = {
    "type": "ITEM_ADDED",
    "product_id": "SKU-1",
    "product_name": "Mug",
    "currency": "EUR",
    "value": 1,
    "quantity": 1,
}
ORDER: dict[str, Any] = {"order_id": "1001", "value": 10, "currency": "EUR"}
REFUND: dict[str, Any] = {"order_id": "1001", "refund_id": "r1", "value": 1, "currency": "EUR"}
DEFERRED = Outcome("deferred")

CALLS: list[Callable[[], Any]] = [
    lambda: events.record_interaction(VISITOR, type="CHAT"),
    lambda: events.record_cart_event(VISITOR, **ITEM),
    lambda: events.record_cart_events([{"visitor": VISITOR, **ITEM}] * 2),
    lambda: events.record_order(VISITOR, **ORDER),
    lambda: events.record_orders([{"visitor": VISITOR, **ORDER, "order_id": number} for number in range(2)]),
    lambda: events.refund_order(**REFUND),
]


def stored() -> list[int]:
    return [model._default_manager.count() for model in (Interaction, CartEvent, Order, Refund)]


def counted() -> Counter[tuple[str, str, str]]:
    event_counts.flush()
    rows = EventCount.objects.all()
    return Counter({(row.method, row.outcome, row.reason): row.count for row in rows})


@pytest.mark.django_db(transaction=True)
def test_events_when_in_a_transaction_are_recorded_after_its_commit(company: Company) -> None:
    with transaction.atomic():
        Group.objects.create(name="customers")
        outcomes = [call() for call in CALLS]
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            transaction.atomic(),
        ):
            events.record_order(None, **{**ORDER, "order_id": "in vain"})
            transaction.set_rollback(True)
        assert stored() == [0, 0, 0, 0]
    assert outcomes == [DEFERRED, DEFERRED, [DEFERRED] * 2, DEFERRED, [DEFERRED] * 2, DEFERRED]
    assert not any(LockRow._meta.db_table in query["sql"] for query in queries)
    assert stored() == [1, 3, 3, 1]
    assert counted() == {
        ("sendInteraction", "recorded", ""): 1,
        ("sendCartEvent", "recorded", ""): 3,
        ("sendCheckoutEvent", "recorded", ""): 3,
        ("refund", "recorded", ""): 1,
    }


@pytest.mark.django_db(transaction=True)
def test_events_when_the_transaction_rolls_back_are_not_recorded(company: Company) -> None:
    with transaction.atomic():
        for call in CALLS:
            call()
        transaction.set_rollback(True)
    assert stored() == [0, 0, 0, 0]
    assert counted() == {}


@pytest.mark.django_db(transaction=True)
def test_event_when_deferred_is_of_the_call_and_arrives_later(company: Company) -> None:
    called_at = timezone.now().replace(microsecond=0)
    with time_machine.travel(called_at, tick=False) as clock, transaction.atomic():
        events.record_interaction(VISITOR, type="CHAT")
        events.record_order_on_commit(VISITOR, **ORDER)
        clock.shift(timedelta(minutes=5))
    for row in (Interaction.objects.get(), Order.objects.get()):
        assert (row.occurred_at, row.received_at) == (called_at, called_at + timedelta(minutes=5))


@pytest.mark.django_db(transaction=True)
def test_events_when_invalid_in_a_transaction_raise_at_once(company: Company) -> None:
    with transaction.atomic():
        with pytest.raises(InvalidEvent):
            events.record_interaction(VISITOR, type="TALK")
        with pytest.raises(InvalidEvent):
            events.record_orders([{**ORDER, "value": -1}])
        with pytest.raises(InvalidEvent):
            events.refund_order(**{**REFUND, "value": 0})
        with pytest.raises(UnknownCompany):
            events.record_order(VISITOR, company="nobody", **ORDER)
        Group.objects.create(name="customers")
    assert Group.objects.exists()
    assert {outcome for _, outcome, _ in counted()} == {"invalid"}


@pytest.mark.django_db(transaction=True)
def test_events_when_not_to_be_recorded_are_ignored_at_once(company: Company) -> None:
    opted_out = RequestFactory().get("/", headers={"Sec-GPC": "1"})
    with transaction.atomic():
        assert events.record_order(opted_out, **ORDER).reason == "privacy_signal"
        assert events.record_interaction(RequestFactory().get("/"), type="CHAT").reason == "no_interaction"
        orders = [{**ORDER, "visitor": opted_out}, ORDER]
        assert [outcome.status for outcome in events.record_orders(orders)] == ["ignored", "deferred"]
    assert counted() == {
        ("sendCheckoutEvent", "ignored", "privacy_signal"): 2,
        ("sendCheckoutEvent", "pending", ""): 1,
        ("sendInteraction", "ignored", "no_interaction"): 1,
    }


@pytest.mark.django_db(transaction=True)
def test_events_when_they_fail_after_the_commit_are_logged_and_counted(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "SERVER_BATCH_EVENTS", 2)
    written = []

    def fail_twice() -> None:
        written.append(1)
        if len(written) <= 2:
            raise OperationalError("quotes what was sent: 1001")

    with monkeypatch.context() as patched, transaction.atomic():
        Group.objects.create(name="customers")
        events.record_orders({**ORDER, "order_id": number} for number in range(5))
        events.refund_order(**{**REFUND, "order_id": "4", "currency": "USD"})
        events.record_interaction(VISITOR, type="CHAT")
        events.record_order(VISITOR, **{**ORDER, "order_id": "4"})
        events.refund_order(**{**REFUND, "order_id": "4", "currency": "USD"})
        before_writing(patched, fail_twice)
    assert Group.objects.exists()
    assert [record.getMessage() for record in caplog.records] == [
        "record_orders: OperationalError",
        "refund_order: currency: currency_mismatch",
    ]
    assert counted() == {
        ("sendCheckoutEvent", "error", "failed_after_commit"): 2,
        ("sendCheckoutEvent", "pending", ""): 3,
        ("sendCheckoutEvent", "recorded", ""): 1,
        ("sendInteraction", "recorded", ""): 1,
        ("refund", "ignored", "unknown_order"): 1,
        ("refund", "invalid", "currency_mismatch"): 1,
    }


@pytest.mark.django_db(transaction=True)
def test_orders_when_many_fail_together_are_recorded_by_fewer(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def record_few(company: Company, given: Sequence[EventData]) -> list[Outcome]:
        sizes.append(len(given))
        if len(given) > 50:
            raise OperationalError("the database took longer than STATEMENT_TIMEOUT allows")
        return record(company, given)

    monkeypatch.setattr(events.recording, "record", record_few)
    with transaction.atomic():
        events.record_orders({**ORDER, "order_id": number} for number in range(120))
    assert sizes == [120, 50, 50, 20]
    assert PendingConfirmation.objects.count() == 120


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["record_orders", "record_cart_events"])
def test_lists_when_recorded_lock_all_of_a_chunk_in_order(
    company: Company, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of 500 events, here 20, are locked at once: two imports never wait for each other in a circle."""
    monkeypatch.setattr(limits, "SERVER_BATCH_EVENTS", 20)
    visitors = [Visitor(uuid.uuid4(), None) for _ in range(limits.SERVER_BATCH_EVENTS + 1)]
    locked: list[list[int]] = []
    send = Messages.send

    def note(self: Messages, statements: Any, params: Any, **how: Any) -> Any:
        locked.append(params.get("numbers", []))
        return send(self, statements, params, **how)

    monkeypatch.setattr(type(LockRow.objects.all()), "lock", lambda _, numbers: locked.append(list(numbers)))
    monkeypatch.setattr(Messages, "send", note)
    if name == "record_orders":
        orders = [{**ORDER, "order_id": number, "visitor": visitor} for number, visitor in enumerate(visitors)]
        events.record_orders(orders)
        assert [numbers == sorted(set(numbers)) for numbers in locked if numbers] == [True, True]
    else:
        events.record_cart_events([{**ITEM, "visitor": visitor} for visitor in visitors])
        assert [numbers for numbers in locked if numbers] == []


@pytest.mark.django_db(transaction=True)
def test_events_when_awaited_are_as_from_synchronous_code(company: Company) -> None:
    def orders() -> Iterator[dict[str, Any]]:
        for group in Group.objects.all():
            yield {**ORDER, "order_id": group.name, "visitor": VISITOR}

    async def shop() -> list[Any]:
        return [
            await events.arecord_interaction(VISITOR, type="CHAT"),
            await events.arecord_cart_event(VISITOR, **ITEM),
            *await events.arecord_cart_events([{"visitor": VISITOR, **ITEM}]),
            await events.arecord_order(VISITOR, **ORDER),
            *await events.arecord_orders(orders()),
            await events.arefund_order(**REFUND),
        ]

    Group.objects.create(name="1002")
    assert [outcome.status for outcome in async_to_sync(shop)()] == ["recorded"] * 6
    assert stored() == [1, 2, 2, 1]


# In a shop's tests


class TestShop(TestCase):
    """A shop's own tests: the blocks around them are no transaction of the shop's."""

    def test_event_when_in_a_test_case_is_recorded_at_once(self) -> None:
        assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"
        events.record_order_on_commit(VISITOR, **ORDER)
        assert stored() == [1, 0, 1, 0]

    def test_event_when_in_a_block_of_a_test_case_is_captured(self) -> None:
        with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
            assert events.record_interaction(VISITOR, type="CHAT") == DEFERRED
            events.record_order_on_commit(VISITOR, **ORDER)
            assert stored() == [0, 0, 0, 0]
        assert stored() == [1, 0, 1, 0]

    def test_event_when_captured_within_a_block_is_recorded_once(self) -> None:
        with transaction.atomic():
            with self.captureOnCommitCallbacks(execute=True):
                events.record_order_on_commit(None, **ORDER)
                events.record_interaction_on_commit(VISITOR, type="CHAT")
            assert stored() == [1, 0, 0, 0]


@pytest.mark.django_db
def test_event_when_in_a_fixture_of_pytest_django_is_recorded_at_once(
    django_capture_on_commit_callbacks: Any,
) -> None:
    assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"
    with django_capture_on_commit_callbacks(execute=True) as callbacks, transaction.atomic():
        assert events.record_order(VISITOR, **ORDER) == DEFERRED
    assert len(callbacks) == 1
    assert stored() == [1, 0, 1, 0]
