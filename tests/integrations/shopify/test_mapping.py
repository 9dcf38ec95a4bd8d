"""What payloads of Shopify are mapped to: the figures of ``payloads/shopify``, and what no payload shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alhena_tracking.diagnosis.outcomes import REASONS
from alhena_tracking.integrations.mapping import Mapped, MappedOrder, MappedRefund, MappingOptions
from alhena_tracking.integrations.shopify.platform import Shopify

PAYLOADS = Path(__file__).parents[1] / "payloads" / "shopify"
EXPECTED: dict[str, dict[str, Any]] = json.loads((PAYLOADS / "expected.json").read_text())
#: The reason under which a payload without events is counted.
REASON = {
    "orders_create_test_true": "test",
    "orders_create_pos": "pos",
    "orders_create_draft_order": "draft",
    "orders_create_subscription_renewal": "renewal",
    "orders_create_backdated_import": "too_old",
    "orders_create_shopify_sample_notification": "sample",
    "orders_edited": "no_amounts",
    "refunds_create_restock_only": "no_money",
    "app_uninstalled": "disconnected",
}


def payload(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return data


def map_payload(topic: str, data: dict[str, Any], orders_count_once: Any = "placed") -> Mapped:
    return Shopify.topics[topic](data, MappingOptions(orders_count_once=orders_count_once))


def changed(name: str, *changes: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = deepcopy(payload(name))
    for change in changes:
        change(data)
    return data


def order_of(mapped: Mapped) -> MappedOrder:
    order = mapped.events[0]
    assert isinstance(order, MappedOrder)
    return order


def refunds_of(mapped: Mapped) -> list[dict[str, str]]:
    refunds = [event.fields for event in mapped.events if isinstance(event, MappedRefund)]
    return [{"refund_id": fields["refund_id"], "refund": str(fields["value"])} for fields in refunds]


def net_of(mapped: Mapped) -> Decimal:
    order = order_of(mapped)
    if order.fields["cancelled"]:
        return Decimal(0)
    refunds = [event.fields["value"] for event in mapped.events if isinstance(event, MappedRefund)]
    return Decimal(order.fields["value"] - sum(refunds, Decimal(0)))


def cancelled(status: str) -> Callable[[dict[str, Any]], object]:
    """Cancel an order: nothing is left of it."""

    def change(order: dict[str, Any]) -> None:
        order |= {"cancelled_at": "2026-11-23T10:00:00+01:00", "financial_status": status}
        order["current_total_price_set"]["presentment_money"]["amount"] = "0.00"
        for line in order["line_items"]:
            line["current_quantity"] = 0

    return change


# The payloads


@pytest.mark.parametrize("file", [file for file in EXPECTED if EXPECTED[file]["result"] in {"order", "cancel"}])
def test_order_when_mapped_has_the_expected_figures(file: str) -> None:
    expected = EXPECTED[file]
    mapped = map_payload(expected["topic"], payload(file.removesuffix(".json")))
    order = order_of(mapped)
    assert order.fields["order_id"] == expected["order_id"]
    assert (str(order.fields["value"]), order.fields["currency"]) == (expected["value"], expected["currency"])
    assert net_of(mapped) == Decimal(expected["net"])
    assert refunds_of(mapped) == expected.get("refunds", [])
    assert order.fields["source"] == "SHOPIFY"
    if expected["result"] == "cancel":
        assert order.fields["cancelled"] is (not expected["refunds"])
        return
    assert order.fields["cancelled"] is False
    has_shop_value = expected["shop_currency"] != expected["currency"]
    assert ("shop_value" in order.fields, "shop_currency" in order.fields) == (has_shop_value, has_shop_value)
    if has_shop_value:
        assert str(order.fields["shop_value"]) == expected["shop_value"]
        assert order.fields["shop_currency"] == expected["shop_currency"]
    assert order.fields["occurred_at"] == expected["occurred_at"]
    lines = order.fields["line_items"]
    assert [
        {"product_id": line["product_id"], "quantity": line["quantity"], "total": str(line["total"])} for line in lines
    ] == expected["lines"]
    named = order.claimed_by
    visitors = [str(named.user_fingerprint), str(named.faq_fingerprint)] if named else []
    assert (visitors, order.visitor) == (expected["visitors"], None)


@pytest.mark.parametrize("file", [file for file in EXPECTED if EXPECTED[file]["result"] == "refund"])
def test_refund_when_mapped_has_the_expected_figures(file: str) -> None:
    expected = EXPECTED[file]
    (refund,) = map_payload(expected["topic"], payload(file.removesuffix(".json"))).events
    assert isinstance(refund, MappedRefund)
    assert {**refund.fields, "value": str(refund.fields["value"])} == {
        "order_id": expected["order_id"],
        "refund_id": expected["refund_id"],
        "value": expected["refund"],
        "currency": expected["currency"],
        "occurred_at": expected["occurred_at"],
    }


@pytest.mark.parametrize(("name", "reason"), REASON.items())
def test_payload_without_events_when_mapped_has_its_reason(name: str, reason: str) -> None:
    mapped = map_payload(EXPECTED[f"{name}.json"]["topic"], payload(name))
    assert (mapped.events, mapped.privacy_request, mapped.reason) == ((), None, reason)
    assert reason in REASONS


@pytest.mark.parametrize(
    ("name", "kind"),
    [("customers_data_request", "access"), ("customers_redact", "erase"), ("shop_redact", "erase_shop")],
)
def test_privacy_request_when_mapped_names_orders_only(name: str, kind: str) -> None:
    expected = EXPECTED[f"{name}.json"]
    mapped = map_payload(expected["topic"], payload(name))
    request = mapped.privacy_request
    assert request
    assert (request.kind, list(request.order_ids)) == (kind, expected.get("order_ids", []))
    assert (mapped.events, mapped.reason) == ((), "")


def test_payloads_are_all_tested() -> None:
    results = {"order", "cancel", "refund", "data_request", "erase", "erase_shop"}
    rest = {file.removesuffix(".json") for file in EXPECTED if EXPECTED[file]["result"] not in results}
    assert rest == REASON.keys()
    assert {file.name for file in PAYLOADS.glob("*.json")} - {"expected.json", "headers.json"} == EXPECTED.keys()


# Once placed, or once paid


@pytest.mark.parametrize(
    ("name", "topic", "reason"),
    [
        ("orders_create_pending_cod", "orders/create", "unpaid"),
        ("orders_paid_after_cod", "orders/paid", ""),
        ("orders_paid_after_cod", "orders/updated", ""),
        ("orders_create_basic_usd", "orders/create", ""),
    ],
)
def test_order_when_orders_count_once_paid_waits_for_the_money(name: str, topic: str, reason: str) -> None:
    mapped = map_payload(topic, payload(name), "paid")
    assert (mapped.reason, bool(mapped.events)) == (reason, not reason)


def test_unpaid_order_when_cancelled_is_excluded_under_both_choices() -> None:
    for choice in ("placed", "paid"):
        mapped = map_payload("orders/cancelled", payload("orders_cancelled_unpaid"), choice)
        assert order_of(mapped).fields["cancelled"] is True


# Cancellations


def test_paid_order_when_cancelled_but_not_refunded_keeps_its_value() -> None:
    data = changed("orders_create_before_edit", cancelled("paid"))
    mapped = map_payload("orders/updated", data)
    assert (str(order_of(mapped).fields["value"]), net_of(mapped)) == ("78.90", Decimal("78.90"))
    assert order_of(mapped).fields["cancelled"] is False
    assert len(order_of(mapped).fields["line_items"]) == 2


def test_order_when_reduced_before_payment_and_refunded_keeps_nothing() -> None:
    def paid_less(order: dict[str, Any]) -> None:
        order["refunds"][0]["transactions"][0]["amount"] = "66.40"

    data = changed("orders_updated_edit_down_money_refunded", cancelled("refunded"), paid_less)
    assert net_of(map_payload("orders/cancelled", data)) == 0


@pytest.mark.parametrize("status", ["pending", "authorized", "voided"])
def test_order_when_cancelled_and_nothing_was_captured_is_excluded(status: str) -> None:
    mapped = map_payload("orders/updated", changed("orders_create_before_edit", cancelled(status)))
    assert (order_of(mapped).fields["cancelled"], order_of(mapped).fields["value"]) == (True, Decimal("78.90"))


def test_order_when_reinstated_is_not_excluded() -> None:
    mapped = map_payload("orders/updated", payload("orders_updated_tags_only"))
    assert order_of(mapped).fields["cancelled"] is False


# Other shapes


@pytest.mark.parametrize("name", ["chatgpt", "ChatGPT", "copilot"])
def test_order_of_an_agents_channel_when_mapped_is_placed_by_agent(name: str) -> None:
    data = changed("orders_create_basic_usd", lambda order: order.update(source_name=name))
    assert map_payload("orders/create", data).reason == "placed_by_agent"


@pytest.mark.parametrize("name", ["web", "3890849", "", None])
def test_order_of_another_storefront_when_mapped_is_taken(name: str | None) -> None:
    data = changed("orders_create_basic_usd", lambda order: order.update(source_name=name))
    assert len(map_payload("orders/create", data).events) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        [{"name": "__alhena", "value": value}]
        for value in ("", "nobody", "undefined,undefined", None, 5, "00000000-0000-0000-0000-000000000000,")
    ],
)
def test_visitor_when_the_attribute_is_nonsense_is_nobody(attributes: list[dict[str, Any]]) -> None:
    data = changed("orders_create_basic_usd", lambda order: order.update(note_attributes=attributes))
    assert order_of(map_payload("orders/create", data)).claimed_by is None


def test_visitor_when_there_are_two_is_the_first_that_is_valid() -> None:
    def spoil(order: dict[str, Any]) -> None:
        order["note_attributes"].insert(0, {"name": "__alhena", "value": "x"})

    assert order_of(map_payload("orders/create", changed("orders_create_basic_usd", spoil))).claimed_by


def test_line_when_its_product_is_gone_keeps_its_name() -> None:
    data = changed("orders_create_basic_usd", lambda order: order["line_items"][0].update(product_id=None))
    (line,) = order_of(map_payload("orders/create", data)).fields["line_items"]
    assert (line["product_id"], line["product_name"]) == (None, "Blue mug")


def test_parts_when_mapped_are_in_the_buyers_currency() -> None:
    fields = order_of(map_payload("orders/create", payload("orders_create_eur_shop_jpy_buyer"))).fields
    data = payload("orders_create_eur_shop_jpy_buyer")
    assert {name: str(fields[name]) for name in ("tax", "shipping", "discount")} == {
        "tax": data["total_tax_set"]["presentment_money"]["amount"],
        "shipping": data["total_shipping_price_set"]["presentment_money"]["amount"],
        "discount": data["total_discounts_set"]["presentment_money"]["amount"],
    }


def test_shop_value_when_the_order_changes_has_the_orders_rate() -> None:
    def reduce(order: dict[str, Any]) -> None:
        order["current_total_price_set"]["presentment_money"]["amount"] = "6490"

    data = changed("orders_create_eur_shop_jpy_buyer", reduce)
    fields = order_of(map_payload("orders/updated", data)).fields
    assert (fields["value"], fields["shop_value"]) == (Decimal(6490), Decimal("39.94"))  # half of 79.88


# Refunds


def test_refund_when_all_transactions_failed_gives_nothing() -> None:
    for status in ("failure", "error"):
        data = changed("refunds_create_full", lambda refund: refund["transactions"][0].update(status=status))  # noqa: B023
        assert map_payload("refunds/create", data).reason == "no_money"


def test_refund_when_its_transaction_names_no_currency_has_the_buyers() -> None:
    data = changed(
        "refunds_create_jpy_in_buyer_currency", lambda refund: refund["transactions"][0].update(currency=None)
    )
    (refund,) = map_payload("refunds/create", data).events
    assert (refund.fields["value"], refund.fields["currency"]) == (Decimal(1990), "JPY")


@pytest.mark.parametrize(
    ("paid", "expected"),
    [("12.25", "1990"), ("13.36", "2171"), ("5.00", "812")],
    ids=["the line", "the line and its tax", "something else, at the rate of the payload"],
)
def test_refund_when_paid_in_the_shops_currency_is_in_the_buyers(paid: str, expected: str) -> None:
    data = changed(
        "refunds_create_jpy_in_buyer_currency",
        lambda refund: refund["transactions"][0].update(currency="EUR", amount=paid),
    )
    (refund,) = map_payload("refunds/create", data).events
    assert (str(refund.fields["value"]), refund.fields["currency"]) == (expected, "JPY")


def test_refund_of_a_test_or_a_sample_when_mapped_is_counted_as_such() -> None:
    test = changed("refunds_create_full", lambda refund: refund["transactions"][0].update(test=True))
    sample = changed("refunds_create_full", lambda refund: refund.update(order_id=820982911946154508))
    assert [map_payload("refunds/create", data).reason for data in (test, sample)] == ["test", "sample"]


def test_refund_when_it_comes_both_ways_is_the_same() -> None:
    alone = map_payload("refunds/create", payload("refunds_create_from_edit_down")).events
    within = map_payload("orders/updated", payload("orders_updated_edit_down_money_refunded")).events
    assert within[1:] == alone
