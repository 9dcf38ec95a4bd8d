"""What WooCommerce's payloads say, in our words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from alhena_tracking.integrations.mapping import Mapped, MappedOrder, MappedRefund
from alhena_tracking.integrations.woocommerce.orders import FIELDS
from alhena_tracking.integrations.woocommerce.platform import WooCommerce
from tests.support.woocommerce import EXPECTED, HEADERS, SECRET, body_of, mapped, payload

PLACED = "order_created_processing.json"
ON_HOLD = "order_created_bacs_on_hold.json"
REFUNDED = "order_updated_refund_added.json"

#: The reasons of the payloads whose expected result is that there is nothing to record.
REASONS = {
    "order_created_admin_manual.json": "by_staff",
    "order_created_subscription_renewal.json": "renewal",
    "order_updated_checkout_draft.json": "checkout_draft",
    "order_updated_failed.json": "failed",
    "order_deleted.json": "deleted",
}


def order_of(result: Mapped) -> MappedOrder:
    assert isinstance(result.events[0], MappedOrder), result
    return result.events[0]


def refunds_of(result: Mapped) -> list[MappedRefund]:
    return [event for event in result.events if isinstance(event, MappedRefund)]


@pytest.mark.parametrize("name", [name for name, each in EXPECTED.items() if each["result"] == "order"])
def test_order_when_mapped_has_the_expected_figures(name: str) -> None:
    expected, sent = EXPECTED[name], payload(name)
    result = mapped(sent, expected["topic"])
    order = order_of(result)
    fields = order.fields
    assert fields["order_id"] == expected["order_id"]
    assert (fields["value"], fields["currency"]) == (Decimal(expected["value"]), expected["currency"])
    assert fields["occurred_at"] == datetime.fromisoformat(expected["occurred_at"])
    total = "total_with_tax" if sent["prices_include_tax"] else "total"
    assert [(line["product_id"], line["quantity"], line["total"]) for line in fields["line_items"]] == [
        (line["product_id"], line["quantity"], Decimal(line[total])) for line in expected["lines"]
    ]
    assert order.visitor is not None
    assert [str(order.visitor.user_fingerprint), str(order.visitor.faq_fingerprint)] == expected["visitors"]
    refunds = [(each.fields["refund_id"], each.fields["value"]) for each in refunds_of(result)]
    assert refunds == [(each["refund_id"], Decimal(each["refund"])) for each in expected["refunds"]]
    assert fields["value"] - sum(value for _, value in refunds) == Decimal(expected["net"])
    paid = mapped(sent, expected["topic"], once="paid")
    assert paid == (result if expected["paid"] else Mapped(reason="unpaid"))


def test_files_when_expected_are_all_there() -> None:
    results = {each["result"] for each in EXPECTED.values()}
    assert results == {"order", "ignore", "delete"}
    assert {name for name, each in EXPECTED.items() if each["result"] != "order"} == {*REASONS, "ping.txt"}


@pytest.mark.parametrize(("name", "reason"), REASONS.items())
def test_payload_when_it_is_no_order_of_a_buyer_has_a_reason(name: str, reason: str) -> None:
    result = mapped(payload(name), EXPECTED[name]["topic"])
    assert result.reason == reason
    # Where the payment failed, an order that counted before counts no longer.
    assert [event.fields.get("cancelled") for event in result.events] == ([True] if reason == "failed" else [])


@pytest.mark.parametrize("name", [name for name, each in EXPECTED.items() if each["result"] == "order"])
def test_lines_when_added_up_with_shipping_and_tax_are_the_value(name: str) -> None:
    sent = payload(name)
    fields = order_of(mapped(sent)).fields
    on_top = 0 if sent["prices_include_tax"] else fields["tax"]
    assert sum(line["total"] for line in fields["line_items"]) + fields["shipping"] + on_top == fields["value"]


@pytest.mark.parametrize("name", [name for name in HEADERS if name != "ping.txt"])
def test_delivery_when_signed_is_accepted_with_its_secret_alone(name: str) -> None:
    platform, headers = WooCommerce(), HEADERS[name]
    signature = headers[platform.signature_header]
    assert platform.is_signed(body_of(name), signature, [SECRET])
    assert platform.is_signed(body_of(name), signature, ["another", SECRET])
    assert not platform.is_signed(body_of(name), signature, ["another"])
    assert not platform.is_signed(body_of(name) + b" ", signature, [SECRET])
    assert headers[platform.topic_header] in platform.topics
    assert not platform.is_ping(headers, body_of(name))


@pytest.mark.parametrize(
    ("headers", "body", "is_ping"),
    [
        ({}, body_of("ping.txt"), True),
        ({WooCommerce.topic_header: "order.created"}, b"webhook_id=12", False),
        ({}, b"webhook_id=12&more=1", False),
        ({}, b"webhook_id=", False),
        ({}, b"", False),
    ],
)
def test_ping_when_unsigned_is_known(headers: dict[str, str], body: bytes, is_ping: bool) -> None:
    assert WooCommerce().is_ping(headers, body) is is_ping


@pytest.mark.parametrize(
    ("name", "changes", "is_cancelled"),
    [
        (ON_HOLD, {"status": "cancelled"}, True),
        (PLACED, {"status": "cancelled"}, False),
        (PLACED, {"status": "trash"}, True),
        (PLACED, {"status": "failed"}, True),
        (PLACED, {"status": "refunded"}, False),
        (PLACED, {"status": "out-for-delivery"}, False),
        (ON_HOLD, {}, False),
    ],
)
def test_order_when_its_status_changes_is_cancelled_or_not(
    name: str, changes: dict[str, Any], is_cancelled: bool
) -> None:
    assert order_of(mapped(payload(name, **changes))).fields["cancelled"] is is_cancelled


def test_order_when_the_buyer_is_still_paying_is_unpaid() -> None:
    assert mapped(payload(ON_HOLD, status="pending")) == Mapped(reason="unpaid")


def test_order_when_its_payment_failed_names_nobody() -> None:
    assert order_of(mapped(payload(PLACED, status="failed"))).visitor is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"created_via": "pos-rest-api"}, "pos"),
        ({"created_via": "subscription", "meta": {"_subscription_renewal": None}}, "renewal"),
        ({"meta": {"_wcpay_mode": "test"}}, "test"),
        ({"meta": {"_wcpay_mode": "prod"}}, ""),
        ({"parent_id": 4000}, "part_of_order"),
        ({"meta": {"_wc_order_attribution_utm_source": "chatgpt.com"}}, "placed_by_agent"),
        ({"meta": {"_wc_order_attribution_utm_source": "ChatGPT"}}, "placed_by_agent"),
        ({"meta": {"_agentic_checkout_session_id": "s-1"}}, "placed_by_agent"),
        # A person who followed an agent's link.
        (
            {"meta": {"_wc_order_attribution_utm_source": "chatgpt.com", "_wc_order_attribution_session_pages": "7"}},
            "",
        ),
        ({"created_via": "store-api"}, ""),
        ({"created_via": "rest-api"}, ""),
    ],
)
def test_order_when_nobody_bought_it_in_the_shop_has_a_reason(changes: dict[str, Any], reason: str) -> None:
    assert mapped(payload(PLACED, **changes)).reason == reason


@pytest.mark.parametrize(
    ("text", "chat", "faq"),
    [
        ("3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4,", True, False),
        (",a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0", False, True),
        ("none", False, False),
        ({"0": "x"}, False, False),
        (None, False, False),
    ],
)
def test_visitor_when_the_order_has_the_meta_is_named(text: object, chat: bool, faq: bool) -> None:
    visitor = order_of(mapped(payload(PLACED, meta={"_alhena": text}))).visitor
    assert (bool(visitor and visitor.user_fingerprint), bool(visitor and visitor.faq_fingerprint)) == (chat, faq)


def test_fee_when_negative_stays_in_the_value_alone() -> None:
    fee = {"id": 1, "name": "Bonus", "amount": "-5.00", "total": "-5.00", "total_tax": "0.00"}
    fields = order_of(mapped(payload(PLACED, fee_lines=[fee], total="79.50"))).fields
    assert fields["value"] == Decimal("79.50")
    assert len(fields["line_items"]) == 2


def test_product_when_deleted_is_called_by_number_or_name() -> None:
    order = payload(PLACED)
    first, second = order["line_items"]
    first |= {"product_id": 0}
    second |= {"product_id": 0, "sku": ""}
    lines = order_of(mapped(order)).fields["line_items"]
    assert [line["product_id"] for line in lines] == ["SKU-712", "Copper kettle"]


def test_refund_when_listed_is_dated_when_the_order_changed() -> None:
    (refund,) = refunds_of(mapped(payload(REFUNDED)))
    assert refund.fields["occurred_at"] == datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_refund_when_no_money_moved_is_none() -> None:
    order = payload(PLACED, refunds=[{"id": 9102, "reason": "back on the shelf", "total": "0.00"}])
    assert refunds_of(mapped(order)) == []


@pytest.mark.parametrize("time", [None, "", "0000-00-00T00:00:00", "yesterday"])
def test_time_when_unreadable_is_none(time: str | None) -> None:
    fields = order_of(mapped(payload(PLACED, date_created_gmt=time, date_modified_gmt=time))).fields
    assert fields["occurred_at"] is fields["updated_at"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": True},
        {"id": -1},
        {"id": "4107"},
        {"total": None},
        {"total": "much"},
        {"total": "9e999999999", "total_tax": "x"},
        {"line_items": [None]},
        {"line_items": 1},
        {"meta_data": [{"key": []}]},
        {"meta_data": None},
        {"status": []},
        {"refunds": [{"id": 1}]},
        {"date_created_gmt": 7},
    ],
)
def test_payload_of_another_shape_raises_what_the_frame_takes(changes: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError, ArithmeticError)):
        mapped(payload(PLACED) | changes)
    with pytest.raises((LookupError, TypeError, ValueError)):
        mapped({}, "order.deleted")


def test_fields_when_asked_for_hold_nothing_about_the_customer() -> None:
    sent = payload(PLACED)
    assert order_of(mapped({name: sent[name] for name in FIELDS})) == order_of(mapped(sent))
    about = {"billing", "shipping", "customer_id", "customer_ip_address", "customer_user_agent", "customer_note"}
    assert about <= set(sent)
    assert not about & set(FIELDS)
