"""The functions for the shop's own process."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings as SETTINGS  # noqa: N812  (beside the fixture)
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from rest_framework.request import Request

from alhena_tracking import events, signals
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import InvalidEvent, Outcome, UnknownCompany, Visitor
from alhena_tracking.ingestion import record
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
from tests.support import event_data

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


NO_COOKIES = [None, "", "1.x.y.1", f"2.{USER}.{FAQ}.1", f"1.{USER}.{FAQ}.1; x"]
NO_INTERACTION = Outcome("ignored", reason="no_interaction")


@pytest.mark.parametrize("cookie", NO_COOKIES)
def test_order_when_the_request_has_no_cookie_waits_for_a_report(interacted: None, cookie: str | None) -> None:
    assert events.record_order(request(cookie), **ORDER).status == "pending"
    assert PendingConfirmation.objects.get().value_minor == 3998


def test_order_when_the_request_has_no_cookie_names_nobody(company: Company) -> None:
    """Case 3 of the figures: a buyer without our cookie is not a stranger to the one who reported the order."""
    reported = event_data.chat(timezone.now() - timedelta(hours=1))
    claim = event_data.order(timezone.now(), order_id="1001", value_minor=3998)
    assert [outcome.status for outcome in record(company, [reported, claim])] == ["recorded", "recorded"]
    assert events.record_order(request(None), **ORDER).status == "confirmed"
    order = Order.objects.get()
    assert (order.trust, order.has_conflict) == (Trust.CONFIRMED, False)


@pytest.mark.parametrize("cookie", NO_COOKIES)
def test_events_when_the_request_has_no_cookie_are_ignored(company: Company, cookie: str | None) -> None:
    unknown = request(cookie)
    assert events.record_interaction(unknown, type="CHAT") == NO_INTERACTION
    assert events.record_cart_event(unknown, type="ITEM_ADDED", **ITEM) == NO_INTERACTION
    assert events.record_order(unknown, **{**ORDER, "order_id": None}) == NO_INTERACTION
    assert not any(model.objects.exists() for model in (Interaction, CartEvent, PendingConfirmation))
    with pytest.raises(InvalidEvent):
        events.record_interaction(unknown, type="TALK")


def test_visitor_when_it_is_a_request_of_rest_framework_is_its_own(company: Company) -> None:
    assert events.record_interaction(Request(request()), type="CHAT").status == "recorded"
    assert events.record_order(VISITOR, **ORDER).status == "recorded"


def test_visitor_when_it_is_something_else_is_an_error(company: Company) -> None:
    with pytest.raises(InvalidEvent, match="got str") as caught:
        events.record_order("visitor", **ORDER)  # type: ignore[arg-type]
    assert caught.value.errors == {"visitor": "wrong_type"}


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
    exceeding = events.refund_order(**{**refund, "refund_id": "r2", "value": Decimal("29.99")})
    assert exceeding == Outcome("ignored", reason="exceeds_order")
    with pytest.raises(InvalidEvent) as caught:
        events.refund_order(**{**refund, "refund_id": "r2", "currency": "USD"})
    assert caught.value.errors == {"currency": "currency_mismatch"}
    assert Refund.objects.get(refunded_order__isnull=False).value_minor == 1000


def test_event_when_invalid_names_every_field(company: Company) -> None:
    with pytest.raises(InvalidEvent) as caught:
        events.record_order(VISITOR, order_id=True, value="free", currency="€", line_items=[{"quantity": 0}])
    errors = {"order_id": "wrong_type", "value": "not_a_number", "currency": "unknown_currency"}
    assert caught.value.errors == errors
    assert "value: not_a_number (“free” is not a number.)" in str(caught.value)
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


class Status(models.TextChoices):
    CHAT = "CHAT", "Chat"


def test_events_when_their_values_are_of_the_shops_types_are_recorded(company: Company) -> None:
    number, product = uuid.uuid4(), Company(pk=7)
    assert events.record_interaction(request(), type=Status.CHAT, product_id=product).status == "recorded"
    lines = (
        {**ITEM, "product_id": 7, "product_name": name, "value": 39.98}
        for name in [SafeString("<b>Mug</b>"), gettext_lazy("Order")]
    )
    order: dict[str, Any] = {"order_id": number, "value": 39.98, "currency": SafeString("EUR"), "line_items": lines}
    assert events.record_order(request(), **order).status == "recorded"
    stored = Order.objects.get()
    assert (stored.order_id, stored.value_minor) == (str(number), 3998)
    assert [(row.product_id, row.product_name) for row in stored.lines.all()] == [("7", "<b>Mug</b>"), ("7", "Order")]
    refund: dict[str, Any] = {"order_id": number, "refund_id": 1, "value": Decimal("1"), "currency": "EUR"}
    assert events.refund_order(**refund).status == "recorded"


def test_order_when_an_amount_is_an_inexact_float_names_the_rule(company: Company) -> None:
    with pytest.raises(InvalidEvent, match="at most 2 decimals") as caught:
        events.record_order(VISITOR, **{**ORDER, "value": 0.1 + 0.2})
    assert caught.value.errors == {"value": "inexact_float"}


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
        events.record_order(VISITOR, **{**ORDER, "value": 30})
        events.refund_order(order_id="1001", refund_id="r1", value=10, currency="EUR")
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
    assert received == [
        ("interaction_recorded", False),
        ("cart_event_recorded", False),
        ("order_recorded", False),
        ("order_corrected", False),
        ("order_refunded", False),
    ]


class Unnamed:
    """A callable that has no ``__qualname__``."""

    def __call__(self, **details: Any) -> None:
        raise RuntimeError("the shop's own bug")


class Unnameable(Unnamed):
    """One whose other attributes raise, too."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__qualname__":
            raise RuntimeError(name)
        return super().__getattribute__(name)


async def fail_in_time(**details: Any) -> None:
    raise RuntimeError("the shop's own bug")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_in_transaction", [False, True])
@pytest.mark.parametrize(
    "receiver",
    [Unnamed().__call__, Unnamed(), Unnameable(), partial(Unnamed().__call__, more=1), fail_in_time],
    ids=["method", "object", "unnameable", "partial", "coroutine function"],
)
def test_receiver_when_it_fails_harms_nothing(
    company: Company, receiver: Any, is_in_transaction: bool, caplog: pytest.LogCaptureFixture
) -> None:
    later = []

    def receive(instance: Any, **details: Any) -> None:
        later.append(instance)

    signals.interaction_recorded.connect(receiver, weak=False)
    signals.interaction_recorded.connect(receive)
    try:
        with transaction.atomic() if is_in_transaction else nullcontext():
            record(company, [event_data.chat(timezone.now())])
    finally:
        signals.interaction_recorded.disconnect(receiver)
        signals.interaction_recorded.disconnect(receive)
    assert Interaction.objects.count() == 1
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert bool(later) is not isinstance(receiver, Unnameable)


# The shop's own people


def with_user(user: object, session: str | None = "s") -> HttpRequest:
    made = request()
    made.user = user  # type: ignore[assignment]
    if session is not None:
        made.COOKIES[SETTINGS.SESSION_COOKIE_NAME] = session
    return made


def raising() -> object:
    raise RuntimeError


def in_test_mode(value: str) -> HttpRequest:
    made = request()
    made.COOKIES["alhena_test"] = value
    return made


STAFF = SimpleNamespace(is_staff=True)


@pytest.mark.parametrize(
    ("made", "is_own"),
    [
        (with_user(STAFF), True),
        (with_user(STAFF, None), True),
        (with_user(SimpleLazyObject(lambda: STAFF)), True),
        (Request(with_user(STAFF)), True),
        (in_test_mode("1"), True),
        (in_test_mode("0"), False),
        (with_user(AnonymousUser()), False),
        (with_user(SimpleNamespace(is_staff=False)), False),
        (with_user(SimpleLazyObject(raising)), False),
        (with_user(None), False),
        (request(), False),
    ],
)
def test_event_when_the_shops_own_people_make_it_is_a_test(interacted: None, made: HttpRequest, is_own: bool) -> None:
    outcome = events.record_order(made, **ORDER)
    assert Order.objects.exists() == (not is_own)
    if not is_own:
        assert outcome.status == "recorded"
        return
    assert outcome == Outcome("ignored", reason="test")
    assert events.record_orders([{"visitor": made, **ORDER}]) == [Outcome("ignored", reason="test")]
    assert events.record_cart_event(made, type="ITEM_ADDED", **ITEM).reason == "test"
    assert events.record_interaction(made, type="CHAT").reason == "test"
    with pytest.raises(InvalidEvent):
        events.record_order(made, value=-1, currency="EUR")


def test_staff_when_the_request_has_no_session_are_not_looked_up(interacted: None) -> None:
    look_up = Mock(return_value=STAFF)
    made = with_user(SimpleLazyObject(look_up), session=None)
    assert events.record_order(made, **ORDER).status == "recorded"
    look_up.assert_not_called()
