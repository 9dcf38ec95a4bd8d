"""How webhooks are taken: by those of a made-up platform, which is the template in ``docs/integrations.md``."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from django.core import serializers
from django.db import OperationalError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alhena_tracking import maintenance
from alhena_tracking.checks import check_integrations
from alhena_tracking.db.transactions import database
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import record_interaction
from alhena_tracking.ingestion import Visitor
from alhena_tracking.integrations import deliveries
from alhena_tracking.integrations import platform as platforms
from alhena_tracking.integrations.connections import of_row
from alhena_tracking.integrations.mapping import Mapped, MappedPrivacyRequest
from alhena_tracking.models import (
    Company,
    EventCount,
    Order,
    PendingConfirmation,
    PrivacyRequest,
    Refund,
    RejectedEvent,
    ShopConnection,
    Trust,
    WebhookDelivery,
)
from tests.support.kiosk import code_of_template, load_template
from tests.support.runs import examples
from tests.support.webhooks import SECRET, deliver, sign

pytestmark = pytest.mark.django_db

URL = "/alhena/integrations/kiosk/acme"
VISITOR = "3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4,a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0"


@pytest.fixture(autouse=True)
def kiosk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The platform of the template, registered for one test."""
    monkeypatch.setattr(platforms, "_registered", {})
    return load_template()


@pytest.fixture
def connection(company: Company) -> ShopConnection:
    return ShopConnection.objects.create(company=company, platform="kiosk", shop="kiosk.example", secret=SECRET)


def sale(**fields: Any) -> dict[str, Any]:
    now = timezone.now()
    return {
        "id": "K-1",
        "mode": "live",
        "status": "open",
        "total": "30.98",
        "currency": "EUR",
        "tax": "4.95",
        "lines": [{"sku": "SKU-1", "name": "Mug", "pieces": 2, "sum": "24.00"}],
        "sold_at": (now - timedelta(minutes=2)).isoformat(),
        "changed_at": (now - timedelta(minutes=2)).isoformat(),
        "paid_at": now.isoformat(),
        "refunds": [],
        "note": None,
        "customer": {"name": "Ada Nowhere", "email": "ada@shop.example"},
        **fields,
    }


def headers(body: bytes, *, delivery: str = "d-1", topic: str = "sale.created", **more: str) -> dict[str, str]:
    return {
        "X-Kiosk-Signature": sign(body),
        "X-Kiosk-Topic": topic,
        "X-Kiosk-Delivery": delivery,
        "X-Kiosk-Shop": "kiosk.example",
        "X-Kiosk-Sent-At": timezone.now().isoformat(),
        **more,
    }


def send(payload: Any, **more: Any) -> tuple[int, Any]:
    """Deliver a payload, and return the status and the words of the results."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    status, answer = deliver(URL, body, {**headers(body), **headers(body, **more)})
    if status == 200:
        return status, [" ".join(result.values()) for result in answer["results"]]
    return status, answer["errors"][0]["code"]


def chat(company: Company, minutes_ago: int = 10) -> None:
    first, second = VISITOR.split(",")
    at = timezone.now() - timedelta(minutes=minutes_ago)
    record_interaction(Visitor(UUID(first), UUID(second)), company=company.key, type="CHAT", occurred_at=at)


def counts() -> dict[tuple[str, str, str], int]:
    event_counts.flush()
    return {(row.method, row.outcome, row.reason): row.count for row in EventCount.objects.all()}


# The template


def test_template_when_written_down_takes_under_120_lines() -> None:
    assert len(code_of_template().splitlines()) < 120


def test_order_when_claimed_by_the_buyer_is_confirmed(connection: ShopConnection, company: Company) -> None:
    chat(company)
    assert send(sale(note=VISITOR)) == (200, ["confirmed"])
    order = Order.objects.get()
    assert (order.order_id, order.value_minor, order.tax_minor, order.trust) == ("K-1", 3098, 495, Trust.CONFIRMED)
    assert [(line.product_id, line.total_minor) for line in order.lines.all()] == [("SKU-1", 2400)]
    assert counts()["webhook kiosk sale.created", "confirmed", ""] == 1


@pytest.mark.skipif("database().vendor != 'postgresql'", reason="only PostgreSQL takes several statements at once")
@pytest.mark.django_db(transaction=True)
def test_new_order_when_delivered_takes_few_messages(connection: ShopConnection, company: Company) -> None:
    """For the connection, for the delivery before and after, and two for the order."""
    chat(company)
    assert send(sale(), delivery="d-1") == (200, ["pending"])  # the company is cached from now on
    with CaptureQueriesContext(database()) as captured:
        assert send(sale(id="K-2", note=VISITOR), delivery="d-2") == (200, ["confirmed"])
    assert len(captured) == 5


def test_order_when_nobody_is_named_waits_for_a_report(connection: ShopConnection) -> None:
    assert send(sale()) == (200, ["pending"])
    assert PendingConfirmation.objects.get().value_minor == 3098
    assert "Ada" not in json.dumps([str(vars(row)) for row in PendingConfirmation.objects.all()])


def test_order_when_changed_and_refunded_is_corrected(connection: ShopConnection, company: Company) -> None:
    chat(company)
    send(sale(note=VISITOR))
    now = timezone.now().isoformat()
    refund = {"id": "r-1", "amount": "5.00", "at": now}
    later = sale(note=VISITOR, total="28.00", changed_at=now, refunds=[refund])
    assert send(later, delivery="d-2", topic="sale.changed") == (200, ["corrected", "recorded"])
    assert (Order.objects.get().value_minor, Refund.objects.get().value_minor) == (2800, 500)


def test_order_when_cancelled_before_it_is_known_does_not_count(connection: ShopConnection, company: Company) -> None:
    chat(company)
    now = timezone.now().isoformat()
    send(sale(note=VISITOR, status="void", changed_at=now), delivery="d-2")
    send(sale(note=VISITOR))
    assert not Order.objects.counted().exists()


@pytest.mark.parametrize(
    ("fields", "reason"), [({"mode": "test"}, "test"), ({"paid_at": None}, "unpaid"), ({"lines": None}, "unreadable")]
)
def test_payload_when_it_holds_no_order_is_counted_by_reason(
    connection: ShopConnection, fields: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    connection.orders_count_once = "paid"
    connection.save()
    assert send(sale(**fields)) == (200, [f"ignored {reason}"])
    assert counts() == {("webhook kiosk sale.created", "ignored", reason): 1}
    assert "Ada" not in caplog.text


def test_order_when_invalid_is_answered_200_and_counted(connection: ShopConnection) -> None:
    assert send(sale(total="much")) == (200, ["invalid not_a_number"])
    assert counts()["sendCheckoutEvent", "invalid", "not_a_number"] == 1


def test_topic_when_not_used_is_counted(connection: ShopConnection) -> None:
    assert send({}, topic="stock.changed") == (200, ["ignored unknown_topic"])
    assert counts() == {("webhook kiosk", "ignored", "unknown_topic"): 1}


# Refused


def test_delivery_when_signed_by_another_secret_is_refused(connection: ShopConnection) -> None:
    body = json.dumps(sale()).encode()
    for signature in (sign(body, "another"), "", "ü", sign(body + b" ")):
        assert deliver(URL, body, headers(body) | {"X-Kiosk-Signature": signature})[0] == 401
    assert not WebhookDelivery.objects.exists()
    assert counts() == {("webhook kiosk", "unauthorized", "invalid_signature"): 4}


def test_delivery_when_signed_by_the_previous_secret_is_taken(connection: ShopConnection) -> None:
    connection.secret, connection.previous_secret = "the next one", SECRET
    connection.save()
    assert send(sale())[0] == 200


def test_delivery_when_there_is_no_connection_is_refused(company: Company) -> None:
    assert send(sale()) == (401, "invalid_signature")


def test_delivery_when_secrets_are_empty_is_refused(connection: ShopConnection) -> None:
    connection.secret = ""
    connection.save()
    body = json.dumps(sale()).encode()
    assert deliver(URL, body, headers(body) | {"X-Kiosk-Signature": sign(body, "")})[0] == 401


def test_delivery_when_of_another_shop_is_refused(connection: ShopConnection) -> None:
    body = json.dumps(sale()).encode()
    for shop in ("other.example", ""):
        assert deliver(URL, body, headers(body) | {"X-Kiosk-Shop": shop})[0] == 403
    for shop in ("kiosk.example", "https://KIOSK.example/", "http://kiosk.example"):
        assert deliver(URL, body, headers(body) | {"X-Kiosk-Shop": shop})[0] == 200


def test_delivery_when_its_time_is_stale_is_refused(connection: ShopConnection) -> None:
    body = json.dumps(sale()).encode()
    stale = (timezone.now() - timedelta(hours=73)).isoformat()
    status, answer = deliver(URL, body, headers(body) | {"X-Kiosk-Sent-At": stale})
    assert (status, answer["errors"][0]["code"]) == (400, "stale")
    assert not WebhookDelivery.objects.exists()
    nanoseconds = f"{timezone.now():%Y-%m-%dT%H:%M:%S}.123456789Z"
    assert deliver(URL, body, headers(body) | {"X-Kiosk-Sent-At": nanoseconds})[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"a": "' + b"x" * 2_000_000 + b'"}', 413),
        (b"no JSON", 400),
        (b"[]", 400),
        (b'{"id": 1, "id": 2}', 400),
        (b"\xff", 400),
        (b"", 400),
    ],
    ids=["arrays", "objects", "2 MB", "text", "array", "repeated key", "not UTF-8", "nothing"],
)
def test_body_when_it_is_no_small_object_is_refused(connection: ShopConnection, body: bytes, status: int) -> None:
    assert deliver(URL, body, headers(body))[0] == status
    assert not WebhookDelivery.objects.exists()


def test_url_when_it_names_no_platform_or_company_is_refused(connection: ShopConnection) -> None:
    body = json.dumps(sale()).encode()
    assert deliver("/alhena/integrations/other/acme", body, headers(body))[0] == 404
    status, answer = deliver("/alhena/integrations/kiosk/other", body, headers(body))
    assert (status, answer["errors"][0]["code"]) == (403, "unknown_company")


def test_unsigned_when_many_are_limited_and_signed_are_not(connection: ShopConnection, settings: Any) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "RATE_LIMIT_PER_SOURCE": "2/m"}
    body = json.dumps(sale()).encode()
    wrong = headers(body) | {"X-Kiosk-Signature": "wrong"}
    assert [deliver(URL, body, wrong)[0] for _ in range(3)] == [401, 401, 429]
    assert [send(sale(), delivery=f"d-{number}")[0] for number in range(4)] == [200] * 4


def test_database_when_it_fails_is_answered_503(connection: ShopConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(deliveries, "record", fail)
    assert send(sale()) == (503, "unavailable")
    assert not WebhookDelivery.objects.exists()
    monkeypatch.undo()


# Repeated


def test_delivery_when_repeated_is_a_duplicate(connection: ShopConnection) -> None:
    assert [send(sale()) for _ in range(2)] == [(200, ["pending"]), (200, ["duplicate"])]
    assert WebhookDelivery.objects.count() == 1


def test_delivery_without_an_id_is_known_by_its_body(connection: ShopConnection, kiosk: ModuleType) -> None:
    kiosk.Kiosk.delivery_id_header = ""
    payload = sale()
    assert [send(payload) for _ in range(2)] == [(200, ["pending"]), (200, ["duplicate"])]


def test_delivery_when_lost_after_recording_is_taken_again(
    connection: ShopConnection, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat(company)
    payload = sale(note=VISITOR, refunds=[{"id": "r-1", "amount": "5.00", "at": timezone.now().isoformat()}])

    def fail(*args: Any) -> None:
        raise OperationalError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_remember", fail)
        assert send(payload) == (503, "unavailable")
    assert send(payload) == (200, ["duplicate", "duplicate"])
    assert (Order.objects.get().value_minor, Refund.objects.count()) == (3098, 1)


def test_deliveries_when_shuffled_and_doubled_end_in_the_same_rows(
    connection: ShopConnection, company: Company
) -> None:
    random = Random(23)
    chat(company)
    began = timezone.now() - timedelta(minutes=9)
    payloads = []
    for number in range(examples(8, full=2500)):
        for version in range(4):
            at = began + timedelta(seconds=version)
            refunds = [{"id": "r-1", "amount": "1.50", "at": at.isoformat()}] if version > 1 else []
            payloads.append(
                sale(
                    id=f"K-{number}",
                    total=f"{20 + number + version}.00",
                    sold_at=began.isoformat(),
                    changed_at=at.isoformat(),
                    status="void" if number % 5 == 0 and version == 3 else "open",
                    refunds=refunds,
                    note=VISITOR,
                )
            )
    numbered = list(enumerate(payloads))
    ends = []
    for _ in range(2):
        shuffled = random.sample(numbered + numbered, 2 * len(numbered))
        for delivery, payload in shuffled:
            assert send(payload, delivery=f"d-{delivery}")[0] == 200
        orders = Order.objects.order_by("order_id").values_list("order_id", "value_minor", "standing", "trust")
        ends.append((list(orders), Refund.objects.count(), sum(Refund.objects.values_list("counted_minor", flat=True))))
        WebhookDelivery.objects.all().delete()
    assert ends[0] == ends[1]
    by_hand = [(f"K-{n}", (23 + n) * 100, "CANCELLED" if n % 5 == 0 else "COUNTED") for n in range(len(payloads) // 4)]
    assert [order[:3] for order in ends[0][0]] == sorted(by_hand)
    assert ends[0][1:] == (len(by_hand), 150 * len(by_hand))


def test_delivery_ids_when_older_than_deliveries_may_be_are_deleted(connection: ShopConnection) -> None:
    send(sale())
    WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(hours=73))
    send(sale(), delivery="d-2")
    assert list(maintenance.STEPS["prune-deliveries"]()) == ["Deleted ids of webhook deliveries: 1."]
    assert WebhookDelivery.objects.count() == 1


# Secrets and settings


def test_secrets_when_dumped_are_left_out(connection: ShopConnection) -> None:
    connection.previous_secret, connection.api_key, connection.api_secret = "former one", "ck_1", "cs_1"
    connection.save()
    dump = serializers.serialize("json", ShopConnection.objects.all())
    assert "kiosk.example" in dump
    assert [text for text in (SECRET, "former one", "ck_1", "cs_1") if text in dump] == []


def test_settings_when_they_name_the_shop_have_precedence(company: Company, settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "INTEGRATIONS": {"acme": {"kiosk": {"SECRETS": [SECRET], "ORDERS_COUNT_ONCE": "paid"}}},
    }
    assert send(sale(paid_at=None)) == (200, ["ignored unpaid"])


def test_settings_when_they_name_an_unknown_platform_are_an_error(settings: Any) -> None:
    settings.ALHENA_TRACKING = {"INTEGRATIONS": {"acme": {"kiosk": {"SECRETS": ["a"]}, "kioks": {"SECRETS": ["a"]}}}}
    (message,) = check_integrations()
    assert (message.id, "'kioks'" in message.msg) == ("alhena_tracking.E031", True)
    settings.ALHENA_TRACKING = {"INTEGRATIONS": ["acme"]}
    assert check_integrations() == []


def test_privacy_request_when_delivered_is_stored_once(
    connection: ShopConnection, kiosk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erase(payload: Any, options: Any) -> Mapped:
        return Mapped(privacy_request=MappedPrivacyRequest(kind="erase", order_ids=("K-1",)))

    monkeypatch.setattr(kiosk.Kiosk, "topics", {"customer.erase": erase})
    payload = {"customer": {"email": "ada@shop.example"}}
    assert [send(payload, topic="customer.erase")[1] for _ in range(2)] == [["recorded"], ["duplicate"]]
    request = PrivacyRequest.objects.get()
    assert (request.kind, request.order_ids, request.platform) == ("erase", ["K-1"], "kiosk")


def test_rejected_delivery_when_counted_keeps_no_value(connection: ShopConnection) -> None:
    send(b'{"email": "ada@shop.example"')
    event_counts.flush()
    row = RejectedEvent.objects.get()
    assert (row.method, row.errors) == ("webhook kiosk sale.created", [{"field": "", "code": "parse_error"}])


def test_connection_when_written_out_has_no_secret(connection: ShopConnection) -> None:
    assert SECRET not in repr(of_row(connection))
