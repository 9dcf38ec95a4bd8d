"""The functions for the shop's own process."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from alhena_tracking import events, signals
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import InvalidEvent, UnknownCompany, Visitor
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Interaction,
    Order,
    PendingConfirmation,
    Refund,
    Trust,
)
from tests.support.failing_writes import before_writing

USER, FAQ = uuid.UUID(int=7 << 64 | 5), uuid.UUID(int=9 << 64 | 5)
VISITOR = Visitor(USER, FAQ)
ITEM: dict[str, Any] = {
    "product_id": "SKU-1",
    "product_name": "Mug",
    "currency": "EUR",
    "value": Decimal("19.99"),
    "quantity": 2,
}
ORDER: dict[str, Any] = {"order_id": "1001", "value": Decimal("39.98"), "currency": "EUR"}

pytestmark = pytest.mark.django_db


def request(cookie: str | None = f"1.{USER}.{FAQ}.1700000000", **headers: str) -> HttpRequest:
    made = RequestFactory().post("/checkout", headers=headers)
    if cookie is not None:
        made.COOKIES["alhena_acme"] = cookie
    return made


@pytest.fixture
def interacted(company: Company) -> None:
    assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"


def test_events_when_recorded_for_a_request_are_confirmed(company: Company) -> None:
    assert events.record_interaction(request(), type="FAQ", product_id="SKU-1").status == "recorded"
    assert events.record_cart_event(request(), type="ITEM_ADDED", **ITEM).status == "recorded"
    line = {**ITEM, "value": Decimal("39.98")}
    assert events.record_order(request(), **ORDER, line_items=[line]).status == "recorded"
    order = Order.objects.get()
    assert (order.trust, order.value_minor) == (Trust.VERIFIED, 3998)
    assert order.lines.get().total_minor == 3998
    assert {row.trust for model in (Interaction, CartEvent) for row in model.objects.all()} == {Trust.CONFIRMED}


@pytest.mark.parametrize("cookie", [None, "", "1.x.y.1", f"2.{USER}.{FAQ}.1", f"1.{USER}.{FAQ}.1; x"])
def test_order_when_the_request_has_no_visitor_is_not_stored(interacted: None, cookie: str | None) -> None:
    outcome = events.record_order(request(cookie), **ORDER)
    assert (outcome.status, outcome.reason) == ("ignored", "no_interaction")
    assert not PendingConfirmation.objects.exists()


def test_order_when_the_request_opts_out_is_not_stored(interacted: None) -> None:
    outcome = events.record_order(request(**{"Sec-GPC": "1"}), **ORDER)
    assert (outcome.status, outcome.reason) == ("ignored", "privacy_signal")
    assert not Order.objects.exists()


def test_order_when_recorded_without_a_visitor_waits_for_a_report(company: Company) -> None:
    assert events.record_order(None, **ORDER).status == "pending"
    assert PendingConfirmation.objects.get().value_minor == 3998


def test_refund_when_repeated_is_a_duplicate(interacted: None) -> None:
    events.record_order(VISITOR, **ORDER)
    refund: dict[str, Any] = {"order_id": "1001", "refund_id": "r1", "value": 10, "currency": "EUR"}
    assert events.refund_order(**refund).status == "recorded"
    assert events.refund_order(**refund).status == "duplicate"
    with pytest.raises(InvalidEvent) as caught:
        events.refund_order(**{**refund, "refund_id": "r2", "value": Decimal("29.99")})
    assert caught.value.errors == {"value": "exceeds_order"}
    with pytest.raises(InvalidEvent) as caught:
        events.refund_order(**{**refund, "refund_id": "r2", "currency": "USD"})
    assert caught.value.errors == {"currency": "currency_mismatch"}
    assert Refund.objects.get().value_minor == 1000


def test_event_when_invalid_names_every_field(company: Company) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_order(VISITOR, order_id=7, value="39.98", currency="EUR", line_items=[{"quantity": 0}])
    assert caught.value.errors.items() >= {"order_id": "wrong_type", "value": "wrong_type"}.items()
    assert caught.value.errors["line_items[0].quantity"] == "not_positive"
    with pytest.raises(InvalidEvent) as caught:
        events.record_cart_event(Visitor(None, None), type="ITEM_ADDED", **ITEM)
    assert caught.value.errors == {"user_fingerprint": "required"}


def test_company_when_there_is_none_is_named(company: Company, settings: Any) -> None:
    with pytest.raises(UnknownCompany, match="nobody"):
        events.record_interaction(VISITOR, company="nobody", type="CHAT")
    settings.ALHENA_TRACKING = {}
    with pytest.raises(UnknownCompany):
        events.record_interaction(VISITOR, type="CHAT")


def test_event_when_its_time_and_id_are_given_keeps_them(company: Company) -> None:
    at, event_id = timezone.now() - timedelta(hours=2), uuid.uuid4()
    assert events.record_interaction(VISITOR, type="CHAT", occurred_at=at, event_id=event_id).id == event_id
    assert events.record_interaction(VISITOR, type="CHAT", occurred_at=at, event_id=event_id).status == "duplicate"
    assert Interaction.objects.get().occurred_at == at


def fail() -> None:
    raise OperationalError("quotes what was sent: 1001")


def test_event_when_it_fails_leaves_the_transaction_of_the_shop_usable(
    interacted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        with monkeypatch.context() as patched:
            before_writing(patched, fail)
            with pytest.raises(OperationalError):
                events.record_order(VISITOR, **ORDER)
        Company.objects.create(key="later", name="Later")
    assert Company.objects.filter(key="later").exists()
    assert not Order.objects.exists()


# After commit


@pytest.mark.django_db(transaction=True)
def test_order_when_recorded_on_commit_depends_on_the_commit(interacted: None) -> None:
    with transaction.atomic():
        events.record_order_on_commit(request(), **ORDER)
        assert not Order.objects.exists()
    assert Order.objects.get().trust == Trust.CONFIRMED
    with transaction.atomic():
        events.record_order_on_commit(request(), **{**ORDER, "order_id": "1002"})
        transaction.set_rollback(True)
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_events_when_invalid_on_commit_are_logged_without_values(
    interacted: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events.record_order_on_commit(request(), order_id="1001", value="secret", currency="EUR")
    events.record_cart_event_on_commit(request(), type="ITEM_ADDED")
    events.record_interaction_on_commit(request(), company="nobody", type="CHAT")
    events.refund_order_on_commit(order_id="1001", refund_id="r1", value=0, currency="EUR")
    before_writing(monkeypatch, fail)
    events.record_order_on_commit(request(), **ORDER)
    assert caplog.text.count("ERROR") == 5
    assert "record_order: value: wrong_type" in caplog.text
    assert "OperationalError" in caplog.text
    assert not any(value in caplog.text for value in ("secret", "1001", str(USER)))


def counted(company: Company) -> Counter[tuple[str, str, str]]:
    return Counter({(c.method, c.outcome, c.reason): c.count for c in EventCount.objects.filter(company=company)})


@pytest.mark.django_db(transaction=True)
def test_events_when_counted_are_those_that_were_committed(company: Company) -> None:
    before = counted(company)  # a server of an earlier test may have written its own as it ended
    events.record_interaction(VISITOR, type="CHAT")
    with transaction.atomic():
        events.record_order(VISITOR, **ORDER)
        transaction.set_rollback(True)
    with pytest.raises(InvalidEvent):
        events.record_interaction(VISITOR, type="TALK")
    event_counts.flush()
    assert {key: number - before[key] for key, number in counted(company).items() if number != before[key]} == {
        ("sendInteraction", "recorded", ""): 1,
        ("sendInteraction", "invalid", "invalid_choice"): 1,
    }


# Signals


@pytest.mark.django_db(transaction=True)
def test_signals_when_something_is_recorded_are_sent_after_commit(company: Company) -> None:
    received: list[tuple[str, bool]] = []

    def receive(name: str) -> Any:
        def receiver(instance: Any, **details: Any) -> None:
            received.append((name, transaction.get_connection().in_atomic_block))

        return receiver

    receivers = {name: receive(name) for name in vars(signals) if name.startswith(("interaction", "cart", "order"))}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        events.record_interaction(VISITOR, type="CHAT")
        events.record_cart_event(VISITOR, type="ITEM_ADDED", **ITEM)
        events.record_order(VISITOR, **ORDER)
        events.record_order(VISITOR, **ORDER)
        events.record_order(VISITOR, **{**ORDER, "value": 1})
        events.refund_order(order_id="1001", refund_id="r1", value=10, currency="EUR")
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
    assert received == [
        ("interaction_recorded", False),
        ("cart_event_recorded", False),
        ("order_recorded", False),
        ("order_conflicted", False),
        ("order_refunded", False),
    ]


@pytest.mark.django_db(transaction=True)
def test_receiver_when_it_fails_harms_nothing(company: Company) -> None:
    def receiver(**details: Any) -> None:
        raise RuntimeError("the shop's own bug")

    signals.interaction_recorded.connect(receiver)
    try:
        assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"
    finally:
        signals.interaction_recorded.disconnect(receiver)
    assert Interaction.objects.count() == 1
