"""The functions for the shop's own process that record many events at once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, transaction
from django.test import RequestFactory

from alhena_tracking import events
from alhena_tracking.contract import limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import InvalidEvent, UnknownCompany, Visitor, recording
from alhena_tracking.ingestion import EventData, Outcome, record
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Order,
    PendingConfirmation,
    Refund,
    RejectedEvent,
    Trust,
    VisitorSession,
)
from tests.support import factories
from tests.support.failing_writes import before_writing

pytestmark = pytest.mark.django_db

VISITORS = [Visitor(uuid.UUID(int=number << 64 | 5), None) for number in range(1, 6)]
ITEM: dict[str, Any] = {
    "type": "ITEM_ADDED",
    "product_id": "SKU-1",
    "product_name": "Mug",
    "currency": "EUR",
    "value": Decimal("19.99"),
    "quantity": 2,
}


def order(number: int, **changes: Any) -> dict[str, Any]:
    return {"order_id": str(number), "value": Decimal("39.98"), "currency": "EUR", **changes}


def statuses(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.status for outcome in outcomes]


@pytest.fixture
def interacted(company: Company) -> None:
    for visitor in VISITORS:
        events.record_interaction(visitor, type="CHAT")


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of events in each transaction, of which two at most are together."""
    sizes: list[int] = []

    def record_and_note(company: Company, events: Sequence[EventData]) -> list[Outcome]:
        sizes.append(len(events))
        return record(company, events)

    monkeypatch.setattr(recording, "record", record_and_note)
    monkeypatch.setattr(limits, "SERVER_BATCH_EVENTS", 2)
    return sizes


def test_orders_when_of_many_visitors_are_recorded_in_order(interacted: None, transactions: list[int]) -> None:
    outcomes = events.record_orders(order(number, visitor=visitor) for number, visitor in enumerate(VISITORS))
    assert statuses(outcomes) == ["recorded"] * 5
    assert transactions == [2, 2, 1]
    rows = {row.event_id: row for row in Order.objects.all()}
    assert [rows[outcome.id].order_id for outcome in outcomes if outcome.id] == ["0", "1", "2", "3", "4"]
    assert {row.trust for row in rows.values()} == {Trust.VERIFIED}
    assert len({row.session_id for row in rows.values()}) == 5


def test_cart_events_when_of_many_visitors_are_recorded_in_order(interacted: None) -> None:
    stranger = Visitor(None, uuid.uuid4())
    outcomes = events.record_cart_events([{**ITEM, "visitor": visitor} for visitor in [*VISITORS, stranger]])
    assert statuses(outcomes) == ["recorded"] * 5 + ["ignored"]
    assert CartEvent.objects.values("session").distinct().count() == VisitorSession.objects.count() == 5


def test_orders_when_visitors_are_requests_or_nobody_are_as_alone(interacted: None) -> None:
    def request(**headers: str) -> Any:
        made = RequestFactory().post("/checkout", headers=headers)
        made.COOKIES["alhena_acme"] = f"1.{VISITORS[0].user_fingerprint}.{uuid.uuid4()}.1700000000"
        return made

    orders = [
        order(1, visitor=request(**{"Sec-GPC": "1"})),
        order(2, visitor=request()),
        order(3, visitor=None),
        order(4),
        order(2),
    ]
    outcomes = events.record_orders(orders)
    assert statuses(outcomes) == ["ignored", "recorded", "pending", "pending", "duplicate"]
    assert outcomes[0].reason == "privacy_signal"


def test_events_when_there_are_none_are_none(company: Company) -> None:
    assert events.record_orders([]) == events.record_cart_events(iter(())) == []


def test_orders_when_some_are_invalid_are_not_recorded(company: Company, transactions: list[int]) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_orders(
            [
                order(1),
                order(2),
                order(3),
                order(4, value="free"),
                order(5, order_id=None, line_items=[{**ITEM, "value": -1}]),
            ]
        )
    assert caught.value.errors == {
        "orders[3].value": "not_a_number",
        "orders[4].user_fingerprint": "required",
    }
    assert "orders[3].value: not_a_number" in str(caught.value)
    assert not transactions
    assert not PendingConfirmation.objects.exists()


def test_cart_event_when_it_names_nobody_is_invalid(company: Company) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_cart_events([{**ITEM, "visitor": VISITORS[0]}, ITEM])
    assert caught.value.errors == {"events[1].user_fingerprint": "required"}


def test_errors_when_there_are_too_many_are_the_first(company: Company) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_orders(order(number, value=-1) for number in range(10 * limits.ERRORS))
    assert list(caught.value.errors) == [f"orders[{number}].value" for number in range(limits.ERRORS)]


def test_company_when_named_is_that_of_all_events(company: Company) -> None:
    globex = factories.CompanyFactory.create(key="globex")
    assert statuses(events.record_orders([order(1)], company="globex")) == ["pending"]
    assert PendingConfirmation.objects.get().company == globex
    with pytest.raises(UnknownCompany):
        events.record_orders([order(1)], company="nobody")
    with pytest.raises(TypeError, match=r"orders\[1\] has a company"):
        events.record_orders([order(2), order(3, company="globex")])
    assert PendingConfirmation.objects.count() == 1


def test_orders_when_the_database_fails_midway_can_be_sent_again(
    company: Company, transactions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [order(number) for number in range(5)]

    def fail_later() -> None:
        if len(transactions) > 1:
            raise OperationalError("server closed the connection")

    with monkeypatch.context() as patched:
        before_writing(patched, fail_later)
        with pytest.raises(OperationalError):
            events.record_orders(orders)
    assert PendingConfirmation.objects.count() == 2
    assert statuses(events.record_orders(orders)) == ["duplicate"] * 2 + ["pending"] * 3


def test_event_when_the_database_refuses_it_harms_no_other(interacted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_second(company: Company, given: Sequence[EventData]) -> list[Outcome]:
        first, *others = record(company, [given[0], *given[2:]])
        return [first, Outcome("invalid", reason="not_storable"), *others]

    monkeypatch.setattr(recording, "record", refuse_second)
    outcomes = events.record_cart_events([{**ITEM, "visitor": visitor} for visitor in VISITORS[:3]])
    assert statuses(outcomes) == ["recorded", "invalid", "recorded"]
    event_counts.flush()
    assert RejectedEvent.objects.get().errors == [{"field": "", "code": "not_storable"}]


@pytest.mark.django_db(transaction=True)
def test_events_when_many_are_counted_each(company: Company) -> None:
    with pytest.raises(InvalidEvent):
        events.record_orders([order(1), order(2, value=-1), order(3, value=-1)])
    events.record_orders([order(1), order(2), order(2)])
    event_counts.flush()
    counted = {(c.method, c.outcome, c.reason): c.count for c in EventCount.objects.filter(company=company)}
    assert counted == {
        ("sendCheckoutEvent", "invalid", "negative"): 2,
        ("sendCheckoutEvent", "pending", ""): 2,
        ("sendCheckoutEvent", "duplicate", ""): 1,
    }
    assert RejectedEvent.objects.count() == 2


def refund(number: object, **fields: Any) -> dict[str, Any]:
    return {"order_id": "1", "refund_id": number, "value": "5,00", "currency": "EUR", **fields}


def test_refunds_when_of_many_orders_are_recorded_in_order(interacted: None, transactions: list[int]) -> None:
    events.record_orders([order(1, visitor=VISITORS[0]), order(2, visitor=VISITORS[1])])
    transactions.clear()
    refunds = [refund(7), refund(7), refund(8, order_id=2), refund(9, order_id="no"), refund(10, currency="USD")]
    outcomes = events.record_refunds(each for each in refunds)
    assert statuses(outcomes) == ["recorded", "duplicate", "recorded", "ignored", "invalid"]
    assert [outcome.reason for outcome in outcomes[3:]] == ["unknown_order", "currency_mismatch"]
    assert transactions == [2, 2, 1]
    assert dict(Refund.objects.values_list("refund_id", "value_minor")) == {"7": 500, "8": 500, "9": 500}
    assert async_to_sync(events.arecord_refunds)(refunds)[0].status == "duplicate"


def test_refunds_when_some_are_invalid_are_not_recorded(interacted: None) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_refunds([refund(1), refund("", value=0)])
    assert caught.value.errors == {"refunds[1].refund_id": "required", "refunds[1].value": "not_positive"}
    assert not Refund.objects.exists()
    assert events.record_refunds([]) == []


@pytest.mark.django_db(transaction=True)
def test_refunds_when_in_a_transaction_are_recorded_after_it(interacted: None) -> None:
    events.record_order(VISITORS[0], **order(1))
    with transaction.atomic():
        assert statuses(events.record_refunds([refund(1)])) == ["deferred"]
        assert not Refund.objects.exists()
    assert Refund.objects.get().refunded_order == Order.objects.get()
