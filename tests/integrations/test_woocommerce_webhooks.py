"""WooCommerce's deliveries over HTTP: signed, repeated, in any order."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from pytest_django.live_server_helper import LiveServer

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import record_interaction
from alhena_tracking.ingestion import Visitor
from alhena_tracking.models import Company, EventCount, Order, PendingConfirmation, Refund, ShopConnection, Trust
from tests.support.runs import some
from tests.support.webhooks import deliver, sign
from tests.support.woocommerce import EXPECTED, HEADERS, SECRET, VISITOR, body_of, payload

pytestmark = [pytest.mark.django_db, pytest.mark.now("2026-11-26T09:00Z")]

URL = "/alhena/integrations/woocommerce/acme"
ORDERS = {name: each for name, each in EXPECTED.items() if each["result"] == "order"}


@pytest.fixture
def connection(company: Company) -> ShopConnection:
    """A connected shop, in which the visitor has used the chat before all orders."""
    chat_before_the_orders(company)
    return ShopConnection.objects.create(
        company=company, platform="woocommerce", shop="woo-fixture.example", secret=SECRET
    )


def chat_before_the_orders(company: Company) -> None:
    at = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    record_interaction(Visitor(*map(UUID, VISITOR)), company=company.key, type="CHAT", occurred_at=at)


def send(name: str, **headers: str) -> tuple[int, list[str]]:
    """Deliver a recorded payload, and return the status and the words of the results."""
    status, answer = deliver(URL, body_of(name), {**HEADERS[name], **headers})
    if status == 200:
        return status, [" ".join(result.values()) for result in answer["results"]]
    return status, [error["code"] for error in answer["errors"]]


def send_changed(order: dict[str, Any], topic: str = "order.updated") -> list[str]:
    body = json.dumps(order).encode()
    headers = {
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Source": "https://woo-fixture.example/",
        "X-WC-Webhook-Signature": sign(body, SECRET),
    }
    status, answer = deliver(URL, body, headers)
    assert status == 200, answer
    return [" ".join(result.values()) for result in answer["results"]]


def figures() -> dict[str, tuple[Any, ...]]:
    """What counts of each order."""
    return {
        order.order_id: (
            order.value_minor,
            order.currency,
            sum(refund.counted_minor for refund in Refund.objects.filter(refunded_order=order)),
            sorted((line.product_id, int(line.quantity), line.total_minor) for line in order.lines.all()),
            order.is_cancelled,
            Trust(order.trust).name,
        )
        for order in Order.objects.all()
    }


def expected_figures(names: Iterable[str]) -> dict[str, tuple[Any, ...]]:
    """What counts once all were delivered: of each order the latest version, less every refund that it ever had."""
    by_change = sorted(names, key=lambda name: (payload(name)["date_modified_gmt"], name))
    refunds = {
        (payload(name)["id"], each["id"]): minor(each["total"], "USD")
        for name in by_change
        for each in payload(name)["refunds"]
    }
    found = {}
    for name in by_change:
        order, expected = payload(name), ORDERS[name]
        total = "total_with_tax" if order["prices_include_tax"] else "total"
        currency = expected["currency"]
        found[expected["order_id"]] = (
            minor(expected["value"], currency),
            currency,
            -sum(value for (order_id, _), value in refunds.items() if order_id == order["id"]),
            sorted((line["product_id"], line["quantity"], minor(line[total], currency)) for line in expected["lines"]),
            False,
            "VERIFIED",
        )
    return found


def minor(amount: str, currency: str) -> int:
    return int(amount) if currency == "JPY" else int(amount.replace(".", ""))


def counts() -> dict[tuple[str, str, str], int]:
    event_counts.flush()
    rows = EventCount.objects.filter(method__startswith="webhook woocommerce")
    return {(row.method.removeprefix("webhook woocommerce "), row.outcome, row.reason): row.count for row in rows}


@pytest.mark.parametrize("name", ORDERS)
def test_order_when_delivered_is_recorded_as_expected(connection: ShopConnection, name: str) -> None:
    status, results = send(name)
    assert (status, set(results)) == (200, {"recorded"})
    assert figures() == expected_figures([name])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("order_created_admin_manual.json", "by_staff"),
        ("order_created_subscription_renewal.json", "renewal"),
        ("order_updated_checkout_draft.json", "checkout_draft"),
        ("order_updated_failed.json", "failed"),
        ("order_deleted.json", "deleted"),
    ],
)
def test_payload_when_it_is_no_order_is_counted(connection: ShopConnection, name: str, reason: str) -> None:
    assert send(name) == (200, [f"ignored {reason}"])
    assert not Order.objects.exists()
    assert counts() == {(EXPECTED[name]["topic"], "ignored", reason): 1}


def test_ping_when_a_webhook_is_saved_is_answered_200_unsigned() -> None:
    status, answer = deliver(URL, body_of("ping.txt"), {})
    assert (status, answer) == (200, {"results": [{"status": "ignored", "reason": "ping"}]})


def test_delivery_when_signed_otherwise_is_refused(connection: ShopConnection) -> None:
    name = "order_created_processing.json"
    wrong = sign(body_of(name), "another secret")
    assert send(name, **{"X-WC-Webhook-Signature": wrong}) == (401, ["invalid_signature"])
    assert send(name, **{"X-WC-Webhook-Source": "https://another.example/"}) == (403, ["other_shop"])
    assert not Order.objects.exists()


@pytest.mark.parametrize("seed", some(range(30), 2))
def test_deliveries_when_shuffled_and_doubled_end_in_the_same_rows(connection: ShopConnection, seed: int) -> None:
    names = [name for name in HEADERS if name != "ping.txt"] * 2
    random = Random(seed)
    random.shuffle(names)
    for name in names:
        if random.random() < 0.2:
            assert send(name, **{"X-WC-Webhook-Signature": sign(b"", SECRET)})[0] == 401
        # WooCommerce's own retries keep the delivery's id, a later save of the order has another.
        more = {"X-WC-Webhook-Delivery-ID": f"{random.random()}"} if random.random() < 0.5 else {}
        assert send(name, **more)[0] == 200
    assert figures() == expected_figures(ORDERS)


@pytest.mark.django_db(transaction=True)
def test_shop_when_it_delivers_over_http_twice_at_once_is_recorded_once(live_server: LiveServer) -> None:
    company = Company.objects.get(key="acme")
    chat_before_the_orders(company)
    ShopConnection.objects.create(company=company, platform="woocommerce", secret=SECRET)
    address = urlsplit(live_server.url).netloc

    def post(name: str) -> int:
        """Deliver until it is taken, as the database of the test may be busy."""
        for _ in range(20):
            client = http.client.HTTPConnection(address, timeout=30)
            client.request("POST", URL, body_of(name), dict(HEADERS[name]))
            status = client.getresponse().status
            client.close()
            if status != 503:
                break
        return status

    names = [name for name in HEADERS if name != "ping.txt"]
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(post, [name for name in names for _ in range(2)])) == {200}
    assert post("ping.txt") == 200
    assert figures() == expected_figures(ORDERS)


# One order's life


def test_order_when_unpaid_counts_once_paid_if_so_chosen(connection: ShopConnection) -> None:
    ShopConnection.objects.update(orders_count_once="paid")
    assert send("order_created_bacs_on_hold.json") == (200, ["ignored unpaid"])
    assert send("order_updated_bacs_paid.json") == (200, ["recorded"])
    order = Order.objects.get()
    assert order.occurred_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert order.trust == Trust.VERIFIED


def test_order_when_cancelled_unpaid_counts_no_longer(connection: ShopConnection) -> None:
    send("order_created_bacs_on_hold.json")
    cancelled = payload("order_created_bacs_on_hold.json", status="cancelled", date_modified_gmt="2026-11-22T09:00:00")
    assert send_changed(cancelled) == ["corrected"]
    assert Order.objects.get().is_cancelled


def test_order_when_its_debit_is_returned_counts_no_longer(connection: ShopConnection) -> None:
    send("order_created_bacs_on_hold.json")
    failed = payload("order_created_bacs_on_hold.json", status="failed", date_modified_gmt="2026-11-22T09:00:00")
    assert send_changed(failed) == ["ignored failed"]
    assert Order.objects.get().is_cancelled
    # The buyer pays in another way.
    assert send("order_updated_bacs_paid.json") == (200, ["corrected"])
    assert not Order.objects.get().is_cancelled


def test_order_when_paid_after_a_failed_attempt_is_recorded(connection: ShopConnection) -> None:
    failed = payload("order_created_bacs_on_hold.json", status="failed")
    assert send_changed(failed) == ["ignored failed"]
    assert PendingConfirmation.objects.get().is_cancelled
    send("order_updated_bacs_paid.json")
    order = Order.objects.get()
    assert (order.is_cancelled, order.value_minor, Trust(order.trust)) == (False, 5390, Trust.VERIFIED)


def test_order_when_taken_out_of_the_bin_counts_again(connection: ShopConnection) -> None:
    send("order_created_processing.json")
    assert send("order_deleted.json") == (200, ["ignored deleted"])
    in_bin = payload("order_created_processing.json", status="trash", date_modified_gmt="2026-11-21T09:00:00")
    assert send_changed(in_bin) == ["corrected"]
    assert Order.objects.get().is_cancelled
    restored = payload("order_created_processing.json", date_modified_gmt="2026-11-21T10:00:00")
    assert send_changed(restored, "order.restored") == ["corrected"]
    assert not Order.objects.get().is_cancelled


def test_refund_when_deleted_in_the_shop_still_counts(connection: ShopConnection) -> None:
    send("order_updated_refund_added.json")
    send("order_updated_refund_removed.json")
    refund = Refund.objects.get()
    assert (refund.refund_id, refund.counted_minor) == ("9101", 1280)
    assert refund.occurred_at == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_order_when_nobody_is_named_waits_for_the_thank_you_page(connection: ShopConnection) -> None:
    nameless = payload("order_created_processing.json", meta={"_alhena": None})
    assert send_changed(nameless) == ["pending"]


def test_payload_of_another_shape_is_counted_and_answered_200(connection: ShopConnection) -> None:
    assert send_changed({"order": {"id": 4107}}) == ["ignored unreadable"]
    assert send_changed(payload("order_created_processing.json", total=None)) == ["ignored unreadable"]


# The order of arrival


def life(*states: str) -> list[dict[str, Any]]:
    """The payloads of an order by bank transfer that takes these statuses, an hour each; a payment is there or not."""
    payloads = []
    for hours, state in enumerate(states):
        status, _, more = state.partition(" ")
        changes: dict[str, Any] = {
            "status": status,
            "date_modified_gmt": f"2026-11-21T{hours:02}:00:00",
            "date_paid_gmt": "2026-11-21T00:00:00" if status in {"processing", "completed", "refunded"} else None,
            "refunds": [{"id": 9103, "reason": "", "total": "-3.90"}] if more == "refund" else [],
        }
        payloads.append(payload("order_created_bacs_on_hold.json", **changes))
    return payloads


@pytest.mark.parametrize("seed", some(range(12), 1))
@pytest.mark.parametrize(
    ("states", "once", "expected"),
    [
        (("pending", "on-hold", "processing", "completed refund"), "placed", (5390, "COUNTED", 390)),
        (("pending", "on-hold", "processing", "completed refund"), "paid", (5390, "COUNTED", 390)),
        (("on-hold", "failed", "on-hold", "processing"), "placed", (5390, "COUNTED", 0)),
        (("on-hold", "failed", "pending", "processing"), "paid", (5390, "COUNTED", 0)),
        (("on-hold", "processing", "failed"), "placed", (5390, "CANCELLED", 0)),
        (("on-hold", "cancelled"), "placed", (5390, "CANCELLED", 0)),
        (("pending", "failed", "cancelled"), "placed", (5390, "CANCELLED", 0)),
        (("processing", "completed refund", "trash"), "placed", (5390, "CANCELLED", 390)),
        (("processing", "trash", "processing refund"), "placed", (5390, "COUNTED", 390)),
    ],
)
def test_life_of_an_order_when_shuffled_ends_in_the_same_row(
    connection: ShopConnection, states: tuple[str, ...], once: str, expected: tuple[Any, ...], seed: int
) -> None:
    ShopConnection.objects.update(orders_count_once=once)
    payloads = life(*states) * 2
    Random(seed).shuffle(payloads)
    for each in payloads:
        send_changed(each)
    order = Order.objects.get()
    refunded = sum(refund.counted_minor for refund in order.refunds.all())
    assert (order.value_minor, order.standing, refunded) == expected
    assert order.trust == Trust.VERIFIED
