"""What the shop's server says with its secret key, and what nobody else can."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alhena_tracking import company_cache
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import shown_order
from alhena_tracking.models import (
    CartEvent,
    Company,
    Order,
    OrderClaim,
    PendingConfirmation,
    Refund,
    RejectedEvent,
    SecretKey,
    Standing,
    Trust,
)
from tests.support.api_calls import CART_EVENT, IDENTITY, ORDER, codes, post

pytestmark = pytest.mark.django_db

ANONYMOUS = {**ORDER, "user_fingerprint": None, "user_faq_fingerprint": None}
REFUND = {"company_key": "acme", "order_id": "1001", "refund_id": "r1", "value": 10, "currency": "USD"}
RIVAL = {"user_fingerprint": "5f0c1a52-9a57-4d0e-8f5b-3c6d2a1e7b40", "user_faq_fingerprint": None}


@pytest.fixture
def key(company: Company) -> str:
    return SecretKey(company=company, name="server").issue()


@pytest.fixture
def confirm(key: str) -> Any:
    def send(path: str, body: Any) -> tuple[int, dict[str, Any]]:
        return post(path, body, Authorization=f"Bearer {key}")

    return send


@pytest.fixture
def interacted(company: Company) -> None:
    for identity in ({}, RIVAL):
        assert post("interactions", {**IDENTITY, **identity, "type": "CHAT"})[0] == 201


def test_event_when_sent_with_a_key_is_confirmed(interacted: None, confirm: Any) -> None:
    assert confirm("cart_events", CART_EVENT)[0] == 201
    assert confirm("checkout_events", ORDER)[0] == 201
    assert (CartEvent.objects.get().trust, Order.objects.get().trust) == (Trust.CONFIRMED, Trust.VERIFIED)


@pytest.mark.parametrize("said_before", ["1001", "other", None])
def test_confirmation_when_a_browser_used_its_event_id_stands(
    interacted: None, confirm: Any, said_before: str | None
) -> None:
    """Pixels of advertisers give one id to the browser's event and the server's (F30)."""
    own = {"event_id": str(uuid.uuid4())}
    assert post("checkout_events", {**ORDER, **own, "order_id": said_before, "value": 1})[0] == 201
    status, answer = confirm("checkout_events", {**ORDER, **own, "order_id": "1001", "value": 75})
    assert (status, answer["status"]) == ((200, "confirmed") if said_before == "1001" else (201, "recorded"))
    order = Order.objects.get(order_id="1001")
    assert (order.trust, order.value_minor) == (Trust.VERIFIED, 7500)
    assert confirm("checkout_events", {**ORDER, **own, "order_id": "1001", "value": 75})[1] == {"status": "duplicate"}
    assert post("checkout_events", {**ORDER, **own, "order_id": "1002"})[1] == {"status": "duplicate"}


def test_confirmations_when_they_share_an_event_id_all_stand(interacted: None, confirm: Any) -> None:
    own = {"event_id": str(uuid.uuid4())}
    for number in range(3):
        assert confirm("checkout_events", {**ORDER, **own, "order_id": str(number)})[0] == 201
        assert confirm("checkout_events", {**ANONYMOUS, **own, "order_id": f"waiting {number}"})[0] == 202
    assert (Order.objects.count(), PendingConfirmation.objects.count()) == (3, 3)


@pytest.mark.parametrize("is_server_first", [True, False])
def test_cart_event_when_browser_and_server_send_it_counts_once(
    interacted: None, confirm: Any, is_server_first: bool
) -> None:
    body = {**CART_EVENT, "event_id": str(uuid.uuid4())}
    senders = [confirm, post] if is_server_first else [post, confirm]
    assert [send("cart_events", body)[0] for send in senders] == [201, 201]
    assert [send("cart_events", body)[1] for send in senders] == [{"status": "duplicate"}] * 2
    first, second = CartEvent.objects.order_by("id")
    assert (first.gmv_minor > 0, second.gmv_minor) == (True, 0)


def test_clock_when_it_is_the_servers_is_believed(company: Company, confirm: Any) -> None:
    at = timezone.now() - timedelta(hours=5)
    body = {**IDENTITY, "type": "CHAT", "occurred_at": at.isoformat(), "sent_at": "2020-01-01T00:00:00Z"}
    assert confirm("interactions", body)[0] == 201
    assert company.visitorsession_set.get().started_at == at


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Bearer ", "Token x", "", "Bearer \xff"])
def test_key_when_it_is_wrong_is_401(interacted: None, key: str, authorization: str) -> None:
    status, answer = post("checkout_events", ORDER, Authorization=authorization)
    assert (status, answer["status"], codes(answer)) == (401, "unauthorized", {"": "invalid_key"})
    assert not Order.objects.exists()


@pytest.mark.parametrize(("path", "body"), [("checkout_events", ORDER), ("refunds", REFUND)])
def test_company_when_unknown_is_reported_to_a_server(confirm: Any, path: str, body: dict[str, Any]) -> None:
    body = {name: value for name, value in body.items() if not name.startswith("user_")}
    status, answer = confirm(path, {**body, "company_key": "nobody"})
    assert (status, codes(answer)) == (403, {"company_key": "unknown_company"})


def test_key_when_revoked_or_of_another_company_is_401(company: Company, key: str) -> None:
    other = Company.objects.create(key="other", name="Other")
    others = SecretKey(company=other, name="server").issue()
    assert post("refunds", REFUND, Authorization=f"Bearer {others}")[0] == 401
    company_cache.revoke(SecretKey.objects.get(company=company))
    assert post("refunds", REFUND, Authorization=f"Bearer {key}")[0] == 401


def test_order_when_squatted_is_the_confirmed_one(interacted: None, confirm: Any) -> None:
    assert post("checkout_events", {**ORDER, **RIVAL, "value": 99999})[0] == 201
    assert confirm("checkout_events", ORDER) == (200, {"status": "confirmed"})
    order = Order.objects.get()
    assert (order.value_minor, order.trust, order.has_conflict) == (3998, Trust.VERIFIED, True)
    assert order.session_id == OrderClaim.objects.get(trust=Trust.CONFIRMED).session_id
    assert confirm("checkout_events", ORDER) == (200, {"status": "duplicate"})


def test_order_when_reported_amounts_differ_keeps_the_first(interacted: None) -> None:
    for value in (39.98, 40, 41):
        post("checkout_events", {**ORDER, "value": value})
    order = Order.objects.get()
    assert (order.value_minor, order.has_conflict) == (3998, True)
    assert list(order.claims.order_by("id").values_list("value_minor", flat=True)) == [3998]


def test_order_when_confirmed_before_it_is_reported_waits(interacted: None, confirm: Any) -> None:
    assert confirm("checkout_events", {**ANONYMOUS, "value": 12.34}) == (202, {"status": "pending"})
    assert confirm("checkout_events", {**ANONYMOUS, "value": 12.34}) == (200, {"status": "duplicate"})
    assert post("checkout_events", ORDER)[0] == 201
    order = Order.objects.get()
    assert (order.value_minor, order.trust, order.has_conflict) == (1234, Trust.CONFIRMED, True)
    assert order.standing == Standing.HELD
    assert not PendingConfirmation.objects.exists()


def test_order_when_nobody_is_named_needs_an_id_and_a_key(interacted: None, confirm: Any) -> None:
    assert codes(confirm("checkout_events", {**ANONYMOUS, "order_id": None})[1]) == {"user_fingerprint": "required"}
    assert codes(confirm("cart_events", {**CART_EVENT, **ANONYMOUS, "type": "ITEM_ADDED"})[1]) == {
        "user_fingerprint": "required"
    }
    assert codes(post("checkout_events", ANONYMOUS)[1]) == {"user_fingerprint": "required"}


def test_batch_when_sent_with_a_key_may_confirm_orders_of_nobody(interacted: None, confirm: Any) -> None:
    events = [
        {"method": "sendCheckoutEvent", "data": {"order_id": str(number), "value": 1, "currency": "EUR"}}
        for number in range(3)
    ]
    interaction = {"method": "sendInteraction", "data": {"type": "CHAT"}}
    status, answer = confirm("batch", {"company_key": "acme", "events": [*events, interaction]})
    assert [result["status"] for result in answer["results"]] == ["pending"] * 3 + ["invalid"]
    assert status == 200
    assert PendingConfirmation.objects.count() == 3


def test_refund_when_nobody_vouches_for_it_is_401(interacted: None) -> None:
    status, answer = post("refunds", REFUND)
    assert (status, codes(answer)) == (401, {"": "key_required"})


def test_refund_when_it_fits_is_recorded_once(interacted: None, confirm: Any) -> None:
    post("checkout_events", ORDER)
    status, answer = confirm("refunds", REFUND)
    assert (status, answer["status"], uuid.UUID(answer["id"])) == (201, "recorded", Refund.objects.get().event_id)
    assert confirm("refunds", {**REFUND, "value": 11}) == (200, {"status": "duplicate"})
    more = {**REFUND, "refund_id": "r2"}
    exceeds = (200, {"status": "ignored", "reason": "exceeds_order"})
    assert confirm("refunds", {**more, "value": 29.99}) == exceeds
    assert codes(confirm("refunds", {**more, "currency": "EUR"})[1]) == {"currency": "currency_mismatch"}
    assert codes(confirm("refunds", {**more, "value": 0, "refund_id": 7})[1]) == {
        "value": "not_positive",
        "refund_id": "wrong_type",
    }
    assert confirm("refunds", {**more, "value": 29.98})[0] == 201
    assert Order.objects.get().value_minor == 3998


def test_refund_when_its_order_follows_is_attached(interacted: None, confirm: Any) -> None:
    unknown = (200, {"status": "ignored", "reason": "unknown_order"})
    assert confirm("refunds", REFUND) == unknown
    assert confirm("refunds", REFUND) == unknown
    assert post("checkout_events", ORDER)[0] == 201
    assert Refund.objects.get().refunded_order == Order.objects.get()
    assert confirm("refunds", REFUND) == (200, {"status": "duplicate"})


def test_rejected_key_when_counted_is_among_the_reasons(company: Company, key: str) -> None:
    post("checkout_events", ORDER, Authorization="Bearer wrong")
    post("checkout_events", ORDER, Origin="https://evil.example")
    post("checkout_events", {**ORDER, "company_key": "nobody"})
    post("checkout_events", b"{")
    event_counts.flush()
    rejected = RejectedEvent.objects.filter(company=company)
    assert sorted((row.outcome, error["field"], error["code"]) for row in rejected for error in row.errors) == [
        ("forbidden", "", "origin_not_allowed"),
        ("forbidden", "company_key", "unknown_company"),
        ("invalid", "", "parse_error"),
        ("unauthorized", "", "invalid_key"),
    ]


def test_revenue_when_only_confirmed_counts_excludes_reported(interacted: None, confirm: Any, settings: Any) -> None:
    post("checkout_events", ORDER)
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}
    assert not Order.objects.counted().exists()
    confirm("checkout_events", ANONYMOUS)
    assert Order.objects.counted().count() == 1


@pytest.mark.parametrize(("stated", "shown"), [(None, "RIVAL"), ("SERVER", "SERVER")])
def test_details_when_another_claim_is_shown_are_its_own_or_the_servers(
    interacted: None, confirm: Any, monkeypatch: pytest.MonkeyPatch, stated: str | None, shown: str
) -> None:
    monkeypatch.setattr(shown_order, "ORDER_DETAILS", ("source",))  # as any field that an order has beside its figures
    post("checkout_events", {**ORDER, "source": "FIRST"})
    post("checkout_events", {**ORDER, **RIVAL, "value": 91, "source": "RIVAL"})
    assert Order.objects.get().source == "FIRST"
    assert confirm("checkout_events", {**ANONYMOUS, "value": 91, "source": stated})[1] == {"status": "confirmed"}
    assert Order.objects.get().source == shown
    post("checkout_events", {**ORDER, "value": 92, "source": "LATER"})
    assert Order.objects.get().source == shown
