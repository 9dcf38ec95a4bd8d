"""``POST analytics/batch``: several events of one visitor, each with an answer of its own."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from alhena_tracking.contract.limits import BATCH_BODY_BYTES
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import CartEvent, Company, EventCount, Interaction, Order, RejectedEvent
from tests.support.api_calls import CART_EVENT, IDENTITY, ORDER, codes, post
from tests.support.failing_writes import before_writing

pytestmark = pytest.mark.django_db

CHAT = {"method": "sendInteraction", "data": {"type": "CHAT"}}


def event_body(method: str, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    data = {name: value for name, value in body.items() if name not in IDENTITY}
    return {"method": method, "data": data, "event_id": str(uuid.uuid4()), **changes}


def send(*events: Any, **changes: Any) -> tuple[int, dict[str, Any]]:
    return post("batch", {**IDENTITY, "sent_at": timezone.now().isoformat(), "events": list(events), **changes})


def statuses(answer: dict[str, Any]) -> list[str]:
    return [result["status"] for result in answer["results"]]


def test_events_when_good_are_recorded_in_order(company: Company) -> None:
    cart, order = event_body("sendCartEvent", CART_EVENT), event_body("sendCheckoutEvent", ORDER)
    status, answer = send(cart, CHAT, cart, cart, order, order)
    assert status == 200
    assert statuses(answer) == ["ignored", "recorded", "recorded", "duplicate", "recorded", "duplicate"]
    assert answer["results"][0]["reason"] == "no_interaction"
    assert answer["results"][4]["id"] == order["event_id"]
    assert (Interaction.objects.count(), CartEvent.objects.count(), Order.objects.count()) == (1, 1, 1)


def test_event_when_it_is_bad_is_reported_in_its_place(company: Company) -> None:
    bad: list[tuple[Any, dict[str, str]]] = [
        (event_body("sendCartEvent", {**CART_EVENT, "value": "79.99"}), {"value": "wrong_type"}),
        (event_body("sendRefund", {}), {"method": "invalid_choice"}),
        ({"data": {}}, {"method": "required"}),
        ({"method": "sendInteraction"}, {"data": "required"}),
        ({"method": "sendInteraction", "data": []}, {"data": "wrong_type"}),
        (event_body("sendInteraction", {"type": "CHAT"}, event_id="x"), {"event_id": "invalid_uuid"}),
        (
            event_body("sendInteraction", {"type": "CHAT"}, occurred_at="2020-01-01T00:00:00Z"),
            {"occurred_at": "too_old"},
        ),
        (7, {"": "wrong_type"}),
        (None, {"": "wrong_type"}),
    ]
    status, answer = send(CHAT, *(event for event, _ in bad), event_body("sendCartEvent", CART_EVENT))
    assert status == 200
    assert statuses(answer) == ["recorded", *["invalid"] * len(bad), "recorded"]
    assert [codes(result) for result in answer["results"][1:-1]] == [errors for _, errors in bad]
    assert CartEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"events": None}, {"events": "required"}),
        ({"events": {}}, {"events": "wrong_type"}),
        ({"events": [CHAT] * 101}, {"events": "too_many"}),
        ({"user_fingerprint": None, "user_faq_fingerprint": None}, {"user_fingerprint": "required"}),
        ({"user_fingerprint": "undefined", "events": 1}, {"user_fingerprint": "invalid_uuid", "events": "wrong_type"}),
        ({"sent_at": "now"}, {"sent_at": "invalid_datetime"}),
        ({"company_key": None}, {"company_key": "required"}),
    ],
)
def test_envelope_when_it_is_bad_is_400(company: Company, changes: dict[str, Any], expected: dict[str, str]) -> None:
    status, answer = send(CHAT, **changes)
    assert (status, codes(answer)) == (400, expected)
    assert not Interaction.objects.exists()


def test_events_when_there_are_none_or_a_hundred_are_taken(company: Company) -> None:
    assert send(events=[]) == (200, {"results": []})
    status, answer = send(*[CHAT] * 100)
    assert (status, statuses(answer)) == (200, ["recorded"] * 100)


def test_batch_when_larger_than_one_event_may_be_is_read(company: Company) -> None:
    body = json.dumps({**IDENTITY, "events": [CHAT]}).encode()
    assert post("batch", body.ljust(BATCH_BODY_BYTES))[0] == 200
    assert post("batch", body.ljust(BATCH_BODY_BYTES + 1))[0] == 413


def test_batch_when_the_visitor_opted_out_is_ignored_whole(company: Company) -> None:
    body = {**IDENTITY, "events": [CHAT, {}, event_body("sendCheckoutEvent", ORDER)]}
    status, answer = post("batch", body, **{"Sec-GPC": "1"})
    assert (status, statuses(answer)) == (200, ["ignored", "invalid", "ignored"])
    assert not Interaction.objects.exists()


def test_batch_when_the_database_is_away_is_503_whole(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("server closed the connection")

    before_writing(monkeypatch, fail)
    status, answer = send(CHAT, {})
    assert (status, answer["status"]) == (503, "unavailable")
    assert not Interaction.objects.exists()


def test_batch_when_it_is_counted_counts_each_event(company: Company) -> None:
    send(
        CHAT, CHAT, event_body("sendCartEvent", CART_EVENT), event_body("sendCheckoutEvent", {**ORDER, "value": -1}), {}
    )
    event_counts.flush()
    counted = {(c.method, c.outcome, c.reason): c.count for c in EventCount.objects.filter(company=company)}
    assert counted == {
        ("sendInteraction", "recorded", ""): 2,
        ("sendCartEvent", "recorded", ""): 1,
        ("sendCheckoutEvent", "invalid", "negative"): 1,
        ("", "invalid", "required"): 1,
    }
    assert [row.errors for row in RejectedEvent.objects.filter(company=company)] == [
        [{"field": "method", "code": "required"}],
        [{"field": "value", "code": "negative"}],
    ]
