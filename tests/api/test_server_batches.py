"""``POST analytics/batch`` with a secret key: events of many visitors in one request."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from alhena_tracking.api.ingestion import throttling
from alhena_tracking.contract import limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import review
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Interaction,
    Order,
    PendingConfirmation,
    Refund,
    SecretKey,
    Standing,
    Trust,
    VisitorSession,
)
from tests.support import factories
from tests.support.api_calls import CART_EVENT, FAQ, IDENTITY, ORDER, USER, codes, post
from tests.support.published_schema import answer_validator

pytestmark = pytest.mark.django_db

Send = Callable[..., tuple[int, dict[str, Any]]]


def visitor(number: int) -> dict[str, str]:
    return {"user_fingerprint": str(uuid.UUID(int=number << 64 | 5))}


def event(method: str, body: dict[str, Any], **own: Any) -> dict[str, Any]:
    return {"method": method, "data": {name: body[name] for name in body.keys() - IDENTITY.keys()}, **own}


def chat(**own: Any) -> dict[str, Any]:
    return event("sendInteraction", {"type": "CHAT"}, **own)


def order(order_id: str, **own: Any) -> dict[str, Any]:
    return event("sendCheckoutEvent", {**ORDER, "order_id": order_id}, **own)


def statuses(answer: dict[str, Any]) -> list[str]:
    return [result["status"] for result in answer["results"]]


@pytest.fixture
def send(company: Company) -> Send:
    """Send a batch as the shop's server."""
    key = SecretKey(company=company, name="server").issue()

    def send(*events: Any, path: str = "batch", **envelope: Any) -> tuple[int, dict[str, Any]]:
        body = {"company_key": company.key, "events": list(events), **envelope}
        return post(path, body, Authorization=f"Bearer {key}")

    return send


def test_events_when_each_names_its_visitor_need_none_of_the_batch(send: Send) -> None:
    visitors = [visitor(number) for number in range(1, 4)]
    status, answer = send(
        *(chat(**each) for each in visitors),
        *(event("sendCartEvent", CART_EVENT, **each) for each in visitors),
        *(order(each["user_fingerprint"], **each) for each in visitors),
    )
    assert (status, statuses(answer)) == (200, ["recorded"] * 9)
    assert VisitorSession.objects.count() == 3
    for model in (Interaction, CartEvent, Order):
        rows = model._default_manager.all()
        assert {row.trust for row in rows} == {Trust.VERIFIED if model is Order else Trust.CONFIRMED}
        assert len({row.session_id for row in rows}) == 3
    for recorded in Order.objects.all():
        assert recorded.credited_interaction.session_id == recorded.session_id


def test_event_when_it_names_nobody_has_the_visitor_of_the_batch(send: Send) -> None:
    nobody = {"user_fingerprint": None, "user_faq_fingerprint": ""}
    status, answer = send(chat(), chat(**visitor(1)), chat(**nobody), order("1001", **nobody), **visitor(2))
    assert (status, statuses(answer)) == (200, ["recorded"] * 4)
    sessions = [row.session_id for row in Interaction.objects.order_by("id")]
    assert sessions[0] == sessions[2] == Order.objects.get().session_id != sessions[1]


def test_event_when_it_names_one_fingerprint_has_not_the_batchs_other(send: Send) -> None:
    send(chat(user_faq_fingerprint=FAQ), user_fingerprint=USER, user_faq_fingerprint=str(uuid.uuid4()))
    row = Interaction.objects.get()
    assert row.user_fingerprint_digest is None
    assert row.faq_fingerprint_digest is not None


def test_event_when_neither_it_nor_the_batch_names_anybody_is_invalid(send: Send) -> None:
    without_id = event("sendCheckoutEvent", {"value": 1, "currency": "EUR"})
    status, answer = send(chat(**visitor(1)), chat(), event("sendCartEvent", CART_EVENT), without_id, order("1001"))
    assert (status, statuses(answer)) == (200, ["recorded", "invalid", "invalid", "invalid", "pending"])
    assert [codes(result) for result in answer["results"][1:4]] == [{"user_fingerprint": "required"}] * 3
    assert PendingConfirmation.objects.get().order_id == "1001"


def test_fingerprint_when_it_is_bad_is_reported_in_its_place(send: Send) -> None:
    status, answer = send(
        chat(**visitor(1)),
        chat(user_fingerprint="undefined", user_faq_fingerprint=7),
        event("sendCartEvent", {**CART_EVENT, "value": "1"}, user_fingerprint=str(uuid.UUID(int=0))),
        chat(user_fingerprint="x", event_id="x", user_faq_fingerprint=FAQ),
        chat(**visitor(2)),
        **visitor(3),
    )
    assert (status, statuses(answer)) == (200, ["recorded", "invalid", "invalid", "invalid", "recorded"])
    assert [codes(result) for result in answer["results"][1:4]] == [
        {"user_fingerprint": "invalid_uuid", "user_faq_fingerprint": "wrong_type"},
        {"user_fingerprint": "constant_uuid", "value": "wrong_type"},
        {"user_fingerprint": "invalid_uuid", "event_id": "invalid_uuid"},
    ]
    assert Interaction.objects.count() == 2


def test_fingerprints_when_sent_without_a_key_are_ignored(company: Company) -> None:
    events = [chat(), chat(**visitor(1)), chat(user_fingerprint="undefined", user_faq_fingerprint=7)]
    status, answer = post("batch", {**IDENTITY, "events": events})
    assert (status, statuses(answer)) == (200, ["recorded"] * 3)
    assert VisitorSession.objects.count() == 1
    status, answer = post("batch", {"company_key": "acme", "events": [chat(**visitor(1))]})
    assert (status, codes(answer)) == (400, {"user_fingerprint": "required"})


def test_batch_when_sent_with_a_key_may_have_five_hundred_events(send: Send) -> None:
    events = [chat(**visitor(number)) for number in range(1, limits.SERVER_BATCH_EVENTS + 2)]
    status, answer = send(*events)
    assert (status, codes(answer)) == (400, {"events": "too_many"})
    assert str(limits.SERVER_BATCH_EVENTS) in answer["errors"][0]["message"]
    status, answer = send(*events[1:])
    assert (status, statuses(answer)) == (200, ["recorded"] * limits.SERVER_BATCH_EVENTS)
    assert VisitorSession.objects.count() == limits.SERVER_BATCH_EVENTS


def test_batch_when_sent_with_a_key_costs_all_its_events(send: Send, settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_COMPANY": "500/m"}
    events = [chat(**visitor(1))] * 300
    assert [send(*events)[0] for _ in range(2)] == [200, 429]


def test_shop_when_one_home_floods_it_is_answered(send: Send, settings: Any) -> None:
    """A home has a /56: 256 networks that each count as an address. Invalid events cost as much as others (F32)."""
    rules = {"RATE_LIMIT_PER_SOURCE": "60/m", "RATE_LIMIT_PER_COMPANY": "3000/m", "TRUSTED_PROXIES": 1}
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", **rules}
    throttling.forget()

    def post_from(address: str, *events: Any) -> int:
        return post("batch", {**IDENTITY, "events": list(events)}, **{"X-Forwarded-For": address})[0]

    flood = [post_from(f"2001:db8:0:{number:x}::1", *[0] * 60) for number in range(125)]
    assert (flood.count(200), flood.count(429)) == (10, 115)
    assert send(*[chat(**visitor(1))] * 300)[0] == 200
    assert {post_from(f"2001:db8:{number:x}::1", chat()) for number in range(1, 50)} == {200}


@pytest.mark.parametrize("proxies", [None, 0])
def test_shop_when_one_address_behind_a_proxy_floods_is_answered(
    send: Send, settings: Any, proxies: int | None
) -> None:
    """``None``: nobody named the proxy, and what it forwards is taken for a network (F32)."""
    rules = {"RATE_LIMIT_PER_SOURCE": "60/m", "RATE_LIMIT_PER_COMPANY": "6000/m", "TRUSTED_PROXIES": proxies}
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", **rules}
    throttling.forget()

    def post_from(address: str, *events: Any) -> int:
        forwarded = {"X-Forwarded-For": address} if proxies is None else {}
        return post("batch", {**IDENTITY, "events": list(events)}, **forwarded)[0]

    flood = [post_from("203.0.113.7", *[0] * 60) for _ in range(125)]
    assert flood.count(200) == (10 if proxies is None else 1)
    assert flood.count(200) + flood.count(429) == 125
    assert {send(*[chat(**visitor(1))] * 300)[0] for _ in range(3)} == {200}
    if proxies is None:
        assert {post_from(f"198.51.100.{number}", chat()) for number in range(1, 50)} == {200}


def test_shop_when_its_visitors_are_too_many_is_answered(send: Send, settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": "60/m"}
    throttling.forget()
    assert [post("batch", {**IDENTITY, "events": [0] * 60})[0] for _ in range(2)] == [200, 429]
    assert send(chat(**visitor(1)))[0] == 200


def test_batch_when_sent_under_its_former_name_is_the_same(send: Send) -> None:
    first, again = (send(chat(**visitor(1), event_id=USER), path=path) for path in ("events", "batch"))
    assert first == (200, {"results": [{"status": "recorded", "id": USER}]})
    assert again == (200, {"results": [{"status": "duplicate"}]})


def test_key_when_it_is_another_companys_records_nothing(company: Company, send: Send) -> None:
    globex = factories.CompanyFactory.create(key="globex")
    status, answer = send(chat(**visitor(1)), order("1001"), company_key=globex.key)
    assert (status, codes(answer)) == (401, {"": "invalid_key"})
    assert not Interaction.objects.exists()
    assert not PendingConfirmation.objects.exists()


def test_event_when_it_names_another_company_is_recorded_for_the_batchs(company: Company, send: Send) -> None:
    globex = factories.CompanyFactory.create(key="globex")
    named = chat(**visitor(1), company_key=globex.key)
    named["data"]["company_key"] = globex.key
    status, answer = send(named, order("1001"))
    assert (status, statuses(answer)) == (200, ["recorded", "pending"])
    assert Interaction.objects.get().company == PendingConfirmation.objects.get().company == company


def test_visitor_when_another_company_knows_them_is_not_credited(company: Company, send: Send) -> None:
    globex = factories.CompanyFactory.create(key="globex")
    assert post("interactions", {"company_key": globex.key, **visitor(1), "type": "CHAT"})[0] == 201
    status, answer = send(event("sendCartEvent", CART_EVENT, **visitor(1)), order("1001", **visitor(1)))
    assert (status, statuses(answer)) == (200, ["ignored", "ignored"])


# Refunds


def refund(refund_id: Any = "r1", order_id: str = "1001", value: Any = 10, **own: Any) -> dict[str, Any]:
    data = {"order_id": order_id, "refund_id": refund_id, "value": value, "currency": "USD", **own}
    return {"method": "refund", "data": data}


def test_refunds_when_in_a_batch_are_answered_as_single_ones(send: Send) -> None:
    items = [
        refund("early"),
        chat(**visitor(1)),
        order("1001", **visitor(1)),
        refund(),
        refund(),
        refund("r2", currency="EUR"),
        refund("r3", value=0),
        refund(order_id="1002"),
        order("1003"),
        {"method": "refund"},
        refund("r4", value=19.98),
    ]
    status, answer = send(*items)
    assert (status, statuses(answer)) == (
        200,
        [
            *("ignored", "recorded", "recorded", "recorded", "duplicate", "invalid", "invalid", "ignored", "pending"),
            *("invalid", "recorded"),
        ],
    )
    results = answer["results"]
    assert [codes(results[index]) for index in (5, 6, 9)] == [
        {"currency": "currency_mismatch"},
        {"value": "not_positive"},
        {"data": "required"},
    ]
    assert results[0]["reason"] == results[7]["reason"] == "unknown_order"
    validator = answer_validator("batch", 200)
    assert validator is not None
    validator.validate(answer)
    assert {row.refund_id for row in Order.objects.get().refunds.all()} == {"early", "r1", "r4"}
    recorded = Refund.objects.get(refund_id="r1", order_id="1001")
    assert results[3]["id"] == str(recorded.event_id)
    assert EventCount.objects.filter(method="refund").count() == 0
    event_counts.flush()
    counted = EventCount.objects.filter(method="refund").values_list("outcome", "count")
    assert dict(counted.values_list("outcome").annotate(Sum("count"))) == {
        "ignored": 2,
        "recorded": 2,
        "duplicate": 1,
        "invalid": 3,
    }


def test_refund_when_a_browsers_batch_has_one_is_invalid(company: Company) -> None:
    _, answer = post("batch", {**IDENTITY, "events": [refund(), chat()]})
    assert statuses(answer) == ["invalid", "recorded"]
    assert codes(answer["results"][0]) == {"method": "invalid_choice"}
    assert "refund" not in answer["results"][0]["errors"][0]["message"].split(" is not one of ")[1]


def test_refunds_when_they_wait_and_are_sent_again_keep_the_last(send: Send) -> None:
    for _ in range(2):
        status, answer = send(*(refund(value=value) for value in (3, 4, 5)))
        assert (status, statuses(answer)) == (200, ["ignored"] * 3)
    assert Refund.objects.get().value_minor == 500


def test_refund_when_its_order_is_excluded_leaves_it_so(send: Send) -> None:
    send(chat(**visitor(1)), order("1001", **visitor(1)))
    review.exclude_sessions([VisitorSession.objects.get().pk], None, "A test.")
    assert statuses(send(refund())[1]) == ["recorded"]
    assert Order.objects.get().standing == Standing.EXCLUDED


def test_refunds_when_alone_read_no_claims_and_lock_no_sessions(company: Company, send: Send) -> None:
    send(chat(**visitor(1)), order("1001", **visitor(1)))
    with CaptureQueriesContext(connection) as queries:
        send(refund("r1"), refund("r2"), refund("r3"))
    statements = " ".join(query["sql"] for query in queries)
    assert "alhena_tracking_orderclaim" not in statements
    assert "alhena_tracking_visitorsession" not in statements
