"""What the browser refused, in a batch; and the tests of the shop's own people."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from alhena_tracking.contract import limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import CartEvent, Company, EventCount, Interaction, RejectedEvent
from tests.support.api_calls import IDENTITY, post

pytestmark = pytest.mark.django_db

MISSING = {"method": "sendCheckoutEvent", "errors": [{"field": "value", "code": "required"}]}


def counts() -> dict[tuple[str, str, str], int]:
    event_counts.flush()
    return {(row.method, row.outcome, row.reason): row.count for row in EventCount.objects.all()}


def report(refused: Any, **extra: Any) -> tuple[int, dict[str, Any]]:
    return post("batch", {**IDENTITY, "events": [], "refused": refused} | extra)


def test_refusal_when_reported_is_counted_and_kept(company: Company) -> None:
    assert report([MISSING]) == (200, {"results": []})
    assert counts() == {("sendCheckoutEvent", "refused_in_browser", "required"): 1}
    row = RejectedEvent.objects.get()
    assert (row.method, row.errors) == ("sendCheckoutEvent", MISSING["errors"])


@pytest.mark.parametrize(
    ("method", "errors", "outcome", "reason"),
    [
        ("sendCartEvent", [("previousQuantity", "negative")], "left_out", "negative"),
        ("sendCheckoutEvent", [("tax", "wrong_type"), ("shipping", "negative")], "left_out", "wrong_type"),
        ("sendCheckoutEvent", [("tax", "wrong_type"), ("value", "required")], "refused_in_browser", "wrong_type"),
        ("sendInteraction", [("recommendedProductIds", "too_many")], "left_out", "too_many"),
        ("sendCheckoutEvent", [("items[2].price", "required")], "left_out", "required"),
        ("sendCartEvent", [("items[2].price", "required")], "refused_in_browser", "required"),
        ("sendCheckoutEvent", [("tax", "negative"), ("value", "unclear_total")], "left_out", "unclear_total"),
        ("sendCheckoutEvent", [("lineItems[2].value", "required")], "refused_in_browser", "required"),
    ],
)
def test_refusal_when_the_rest_was_sent_is_counted_as_such(
    company: Company, method: str, errors: list[tuple[str, str]], outcome: str, reason: str
) -> None:
    report([{"method": method, "errors": [{"field": field, "code": code} for field, code in errors]}])
    assert counts() == {(method, outcome, reason): 1}


@pytest.mark.parametrize(
    "refused",
    [
        None,
        7,
        "x",
        {},
        [None, 7, "x", [], {}],
        [{"method": "toString", "errors": MISSING["errors"]}, {"method": ["x"], "errors": MISSING["errors"]}],
        [{"method": "sendCartEvent"}, {"method": "sendCartEvent", "errors": {"0": 1}}],
        [{"method": "sendCartEvent", "errors": [None, 7, [], {}, {"field": "x"}, {"code": "my own words"}]}],
        [{"method": "sendCartEvent", "errors": [{"field": "value", "code": ["required"]}]}],
    ],
)
def test_refusals_when_not_in_our_words_are_dropped(company: Company, refused: Any) -> None:
    assert report(refused)[0] == 200
    assert counts() == {}


@pytest.mark.parametrize("field", [None, 7, [], "x" * 300, "<script>", "a.b.c", "4111 1111 1111 1111", "\0", "\ud800"])
def test_refusal_when_its_path_is_none_keeps_the_code_alone(company: Company, field: Any) -> None:
    report([{"method": "sendCartEvent", "errors": [{"field": field, "code": "required"}]}])
    assert counts() == {("sendCartEvent", "refused_in_browser", "required"): 1}
    assert RejectedEvent.objects.get().errors == [{"field": "", "code": "required"}]


def test_refusals_when_many_are_bounded(company: Company) -> None:
    errors = [{"field": f"lineItems[{index}].value", "code": "required"} for index in range(120)]
    report([{**MISSING, "errors": errors}] * (limits.REFUSED + 5))
    assert counts() == {("sendCheckoutEvent", "refused_in_browser", "required"): limits.REFUSED}
    assert all(len(row.errors) == event_counts.KEPT_ERRORS for row in RejectedEvent.objects.all())


def test_refusals_when_beside_events_cost_as_one_more(company: Company, settings: Any) -> None:
    settings.ALHENA_TRACKING = settings.ALHENA_TRACKING | {"RATE_LIMIT_PER_SOURCE": "3/m"}
    for _ in range(3):
        assert report([MISSING] * 20)[0] == 200
    assert report([MISSING])[0] == 429


@pytest.mark.parametrize("extra", [{"HTTP_SEC_GPC": "1"}, {"HTTP_USER_AGENT": "Googlebot/2.1"}])
def test_refusals_when_nothing_may_be_stored_are_not_counted(company: Company, client: Client, extra: Any) -> None:
    body = {**IDENTITY, "events": [], "refused": [MISSING]}
    assert client.post("/alhena/analytics/batch", body, content_type="application/json", **extra).status_code == 200
    assert counts() == {}


def test_refusals_when_the_origin_is_foreign_are_not_counted(company: Company, client: Client) -> None:
    body = {**IDENTITY, "events": [], "refused": [MISSING]}
    answer = client.post(
        "/alhena/analytics/batch", body, content_type="application/json", HTTP_ORIGIN="https://elsewhere.example"
    )
    assert answer.status_code == 403
    assert counts() == {("", "forbidden", "origin_not_allowed"): 1}


def test_test_when_stated_records_nothing(company: Company) -> None:
    interaction = {"method": "sendInteraction", "data": {"type": "CHAT"}}
    invalid = {"method": "sendInteraction", "data": {"type": "MAIL"}}
    results = report([MISSING], events=[interaction, invalid], test=True)[1]["results"]
    assert [result["status"] for result in results] == ["ignored", "invalid"]
    ignored = {"status": "ignored", "reason": "test"}
    assert results[0] == ignored
    assert post("interactions", {**IDENTITY, "type": "CHAT", "test": True}) == (200, ignored)
    assert not Interaction.objects.exists()
    assert not CartEvent.objects.exists()
    assert counts()["sendInteraction", "ignored", "test"] == 2
    assert ("sendCheckoutEvent", "refused_in_browser", "required") not in counts()


@pytest.mark.parametrize("test", [False, None, 1, "true", "1", [True]])
def test_test_when_not_stated_records(company: Company, test: Any) -> None:
    assert post("interactions", {**IDENTITY, "type": "CHAT", "test": test})[0] == 201


def test_test_when_only_a_cookie_says_so_is_not_read(company: Company, client: Client) -> None:
    client.cookies["alhena_test"] = "1"
    body = {**IDENTITY, "type": "CHAT"}
    assert client.post("/alhena/analytics/interactions", body, content_type="application/json").status_code == 201
