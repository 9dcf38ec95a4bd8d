"""The HTTP contract of the ingestion endpoints."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.test import Client
from django.utils import timezone

from alhena_tracking import company_cache
from alhena_tracking.contract.limits import BODY_BYTES
from alhena_tracking.models import CartEvent, Company, Interaction, Order
from tests.support.api_calls import CART_EVENT, IDENTITY, ORDER, codes, post
from tests.support.failing_writes import before_writing

PATHS = ["interactions", "cart_events", "checkout_events"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def interacted(company: Company) -> None:
    assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201


def test_event_when_recorded_is_answered_with_its_own_id(interacted: None) -> None:
    event_id = str(uuid.uuid4())
    assert post("cart_events", {**CART_EVENT, "event_id": event_id}) == (201, {"status": "recorded", "id": event_id})
    assert post("cart_events", {**CART_EVENT, "event_id": event_id}) == (200, {"status": "duplicate"})


def test_order_when_reported_twice_is_one(interacted: None) -> None:
    assert post("checkout_events", ORDER)[0] == 201
    assert post("checkout_events", ORDER) == (200, {"status": "duplicate"})
    assert Order.objects.get().value_minor == 3998


def test_event_when_nobody_interacted_is_ignored(company: Company) -> None:
    assert post("cart_events", CART_EVENT) == (200, {"status": "ignored", "reason": "no_interaction"})


def test_call_when_made_as_alhena_documents_it_is_recorded(interacted: None) -> None:
    """An integer value, a free-text source, both fingerprints, no ids or times."""
    body = {**CART_EVENT, "value": 80, "currency": "USD", "source": "SHOPIFY"}
    assert post("cart_events", body)[0] == 201
    event = CartEvent.objects.get()
    assert (event.value_minor, event.source, event.gmv_minor) == (Decimal(8000), "SHOPIFY", 16000)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain"])
def test_body_when_it_is_json_by_any_name_is_read(company: Company, content_type: str) -> None:
    assert post("interactions", {**IDENTITY, "type": "FAQ"}, content_type)[0] == 201


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "text/plain; charset=utf-16"],
)
@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_not_json_is_415(company: Company, path: str, content_type: str) -> None:
    status, answer = post(path, b'{"a": 1}', content_type)
    assert (status, answer["status"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=lambda body: repr(body[:16]),
)
@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_not_an_event_is_400(company: Company, path: str, body: bytes) -> None:
    status, answer = post(path, body)
    assert (status, answer["status"]) == (400, "invalid")
    assert answer["errors"]


@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_too_large_is_413(company: Company, path: str) -> None:
    status, answer = post(path, b" " * (BODY_BYTES + 1))
    assert (status, answer["status"]) == (413, "too_large")
    assert post(path, b" " * BODY_BYTES)[0] == 400


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"company_key": None}, {"company_key": "required"}),
        ({"user_fingerprint": None, "user_faq_fingerprint": ""}, {"user_fingerprint": "required"}),
        ({"user_fingerprint": "undefined"}, {"user_fingerprint": "invalid_uuid"}),
        ({"user_fingerprint": str(uuid.UUID(int=0))}, {"user_fingerprint": "constant_uuid"}),
        ({"user_faq_fingerprint": 7}, {"user_faq_fingerprint": "wrong_type"}),
        ({"event_id": "x"}, {"event_id": "invalid_uuid"}),
        ({"event_id": str(uuid.UUID(int=0))}, {"event_id": "constant_uuid"}),
        ({"occurred_at": "yesterday"}, {"occurred_at": "invalid_datetime"}),
        ({"occurred_at": "2026-01-01T10:00:00"}, {"occurred_at": "invalid_datetime"}),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, {"occurred_at": "invalid_datetime"}),
        ({"occurred_at": "0001-01-01T00:00:00+14:00", "sent_at": "9999-12-31T00:00:00Z"}, {"occurred_at": "*"}),
        ({"sent_at": 1}, {"sent_at": "wrong_type"}),
        ({"occurred_at": "2020-01-01T00:00:00Z"}, {"occurred_at": "too_old"}),
        ({"source": ""}, {"source": "blank"}),
        ({"type": "CHAT", "value": 1}, {}),
    ],
)
def test_identity_when_it_is_wrong_is_named(
    company: Company, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    status, answer = post("interactions", {**IDENTITY, "type": "CHAT", **changes})
    assert status == (400 if expected else 201)
    found = codes(answer) if expected else {}
    assert found.keys() == expected.keys()
    assert all(code in {"*", found[field]} for field, code in expected.items())


def test_errors_when_there_are_several_are_reported_together(company: Company) -> None:
    line = {"product_id": "", "product_name": "Mug", "quantity": 0, "value": 1, "currency": "EUR"}
    status, answer = post("checkout_events", {"value": "39.98", "currency": "USD", "line_items": [line, 7]})
    assert status == 400
    assert codes(answer) == {
        "company_key": "required",
        "user_fingerprint": "required",
        "value": "wrong_type",
        "line_items[0].product_id": "blank",
        "line_items[0].quantity": "not_positive",
        "line_items[0].currency": "currency_mismatch",
        "line_items[1]": "wrong_type",
    }
    assert {error["message"] for error in answer["errors"]} >= {"Expected number, got string."}


def test_errors_when_asked_in_german_do_not_freeze_a_language(company: Company) -> None:
    for language in ("de", "en"):
        _, answer = post("interactions", {**IDENTITY, "type": "X\ud800"}, **{"Accept-Language": language})
        assert codes(answer) == {"type": "invalid_choice"}


@pytest.mark.parametrize("key", ["nobody", "ACME"])
def test_company_when_unknown_is_403(company: Company, key: str) -> None:
    status, answer = post("interactions", {**IDENTITY, "company_key": key, "type": "CHAT"})
    assert (status, codes(answer)) == (403, {"company_key": "unknown_company"})


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://testserver", 201),
        ("https://testserver", 201),
        ("https://shop.example", 201),
        ("https://SHOP.example", 201),
        ("http://shop.example", 403),
        ("https://evil.example", 403),
        ("https://testserver.evil.example", 403),
        ("evil://testserver", 403),
        ("testserver", 403),
        ("://testserver", 403),
        ("null", 403),
        ("http://[", 403),
        ("\xff", 403),
    ],
)
def test_origin_when_given_must_be_the_host_or_listed(company: Company, origin: str, expected: int) -> None:
    company.allowed_origins = "https://shop.example\nhttps://other.example"
    company.save()
    assert post("interactions", {**IDENTITY, "type": "CHAT"}, Origin=origin)[0] == expected
    assert Interaction.objects.count() == (1 if expected == 201 else 0)


def test_preflight_when_the_origin_is_listed_allows_no_credentials(company: Company, client: Client) -> None:
    company.allowed_origins = "https://shop.example"
    company.save()
    path = "/alhena/analytics/cart_events"
    listed = client.options(path, headers={"Origin": "https://shop.example"})
    assert listed.status_code == 204
    assert listed["Access-Control-Allow-Origin"] == "https://shop.example"
    assert listed["Access-Control-Allow-Headers"] == "Content-Type"
    assert "Access-Control-Allow-Credentials" not in listed
    assert "Access-Control-Allow-Origin" not in client.options(path, headers={"Origin": "https://evil.example"})


def test_answer_when_the_event_is_invalid_can_be_read_across_origins(company: Company, client: Client) -> None:
    company.allowed_origins = "https://shop.example"
    company.save()
    response = client.post(
        "/alhena/analytics/interactions",
        "{",
        content_type="text/plain",
        headers={"Origin": "https://shop.example"},
    )
    assert response.status_code == 400
    assert response["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Origin" in response["Vary"]


def test_visitor_when_opted_out_of_tracking_is_not_stored(company: Company) -> None:
    answer = post("interactions", {**IDENTITY, "type": "CHAT"}, **{"Sec-GPC": "1"})
    assert answer == (200, {"status": "ignored", "reason": "privacy_signal"})
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(("respect_dnt", "expected"), [(False, 201), (True, 200)])
def test_dnt_when_sent_counts_if_set_so(company: Company, settings: Any, respect_dnt: bool, expected: int) -> None:
    settings.ALHENA_TRACKING = {"RESPECT_DNT": respect_dnt}
    assert post("interactions", {**IDENTITY, "type": "CHAT"}, DNT="1")[0] == expected


@pytest.mark.parametrize("path", PATHS)
def test_method_when_not_post_is_405(client: Client, path: str) -> None:
    response = client.get(f"/alhena/analytics/{path}")
    assert response.status_code == 405
    assert response.json()["status"] == "error"
    assert "POST" in response["Allow"]


def test_time_when_the_clock_is_wrong_is_corrected(company: Company) -> None:
    wrong = timezone.now() - timedelta(days=400)
    body = {
        **IDENTITY,
        "type": "CHAT",
        "occurred_at": (wrong - timedelta(minutes=5)).isoformat(),
        "sent_at": wrong.isoformat(),
    }
    assert post("interactions", body)[0] == 201
    row = Interaction.objects.get()
    assert abs(row.received_at - row.occurred_at - timedelta(minutes=5)) < timedelta(seconds=1)


def test_time_when_the_answer_was_only_slow_is_kept(company: Company) -> None:
    at = timezone.now() - timedelta(seconds=30)
    assert (
        post("interactions", {**IDENTITY, "type": "CHAT", "occurred_at": at.isoformat(), "sent_at": at.isoformat()})[0]
        == 201
    )
    assert Interaction.objects.get().occurred_at == at


def test_time_when_in_the_future_is_when_it_was_received(company: Company) -> None:
    later = timezone.now() + timedelta(hours=1)
    assert post("interactions", {**IDENTITY, "type": "CHAT", "occurred_at": later.isoformat()})[0] == 201
    row = Interaction.objects.get()
    assert row.occurred_at == row.received_at


# Database trouble


class Deadlock(Exception):
    """As psycopg reports one."""

    sqlstate = "40P01"


def failing_inserts(monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> list[Exception]:
    """Let the next events fail with ``errors``, one each; those that are left are returned."""

    def fail_first() -> None:
        if errors:
            raise errors.pop(0)

    before_writing(monkeypatch, fail_first)
    return errors


def deadlock() -> OperationalError:
    error = OperationalError("deadlock detected")
    error.__cause__ = Deadlock()
    return error


def mariadb_deadlock() -> OperationalError:
    error = OperationalError(1213, "Deadlock found when trying to get lock")
    error.__cause__ = Exception(1213, "Deadlock found when trying to get lock")
    return error


@pytest.mark.parametrize("conflict", [deadlock, mariadb_deadlock])
def test_event_when_the_database_gives_it_up_is_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch, conflict: Any
) -> None:
    failing_inserts(monkeypatch, [conflict() for _ in range(3)])
    assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201
    assert Interaction.objects.count() == 1


def test_event_when_given_up_too_often_is_503(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    left = failing_inserts(monkeypatch, [deadlock() for _ in range(5)])
    status, answer = post("interactions", {**IDENTITY, "type": "CHAT"})
    assert (status, answer["status"]) == (503, "unavailable")
    assert len(left) == 1
    assert not Interaction.objects.exists()


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("server closed the connection"),
        InterfaceError("closed"),
        InternalError("cannot execute INSERT in a read-only transaction"),
        ProgrammingError("column does not exist"),
    ],
)
def test_event_when_the_database_is_away_is_503_at_once(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    left = failing_inserts(monkeypatch, [error, error])
    body = json.dumps({**IDENTITY, "type": "CHAT"})
    client = Client(raise_request_exception=False)
    response = client.post("/alhena/analytics/interactions", body, content_type="application/json")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json()["errors"][0]["code"] == "unavailable"
    assert left == [error]


def test_event_when_the_database_rejects_it_is_400(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_inserts(monkeypatch, [DataError("out of range"), DataError("out of range")])
    status, answer = post("interactions", {**IDENTITY, "type": "CHAT"})
    assert (status, codes(answer)) == (400, {"": "not_storable"})


def test_origin_when_the_database_is_away_is_answered_all_the_same(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(company_cache, "_companies", fail)
    status, answer = post("interactions", {**IDENTITY, "type": "CHAT"}, Origin="https://shop.example")
    assert (status, answer["status"]) == (503, "unavailable")
    status, answer = post("interactions", b"{", Origin="https://shop.example")
    assert (status, answer["status"]) == (400, "invalid")
