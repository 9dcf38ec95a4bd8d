"""Orders of Shopify: ``orders/create``, ``orders/paid``, ``orders/updated`` and ``orders/cancelled``.

Each has the whole order as it is then, so all are mapped alike, and the one with the latest ``updated_at`` stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from alhena_tracking.contract.limits import EVENT_AGE
from alhena_tracking.ingestion import Visitor
from alhena_tracking.integrations.mapping import (
    Mapped,
    MappedOrder,
    MappedRefund,
    MappingOptions,
    ignored,
    visitor_from_text,
)
from alhena_tracking.integrations.shopify import money
from alhena_tracking.integrations.shopify.money import BUYER, SHOP
from alhena_tracking.integrations.shopify.refunds import SAMPLE_ORDER_ID, refund_of

#: The cart attribute into which shopify.js writes both fingerprints. Buyers could write it, too.
VISITOR_ATTRIBUTE = "__alhena"

#: Orders that nobody placed in the storefront, by ``source_name``. Other names, such as an app's id, may be those of a
#: storefront of its own. Shopify has not published the names of agents' channels; these are inferred.
_ELSEWHERE = {
    "pos": "pos",
    "shopify_draft_order": "draft",
    "subscription_contract": "renewal",
    "subscription_contract_checkout_one": "renewal",
    "chatgpt": "placed_by_agent",
    "copilot": "placed_by_agent",
    "gemini": "placed_by_agent",
    "perplexity": "placed_by_agent",
}
_PAID = {"paid", "partially_refunded", "refunded"}
#: Of these at least a part was captured.
_CAPTURED = {*_PAID, "partially_paid"}


def map_order(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map an order, its refunds included."""
    reason = _reason_against(payload)
    if reason:
        return ignored(reason)
    order_id = str(payload["id"])
    refunds = [refund for each in payload.get("refunds") or () if (refund := refund_of(each, order_id))]
    status = payload["financial_status"]
    is_captured = status in _CAPTURED or bool(refunds)
    is_cancelled = not is_captured and (payload["cancelled_at"] is not None or status == "voided")
    if options.orders_count_once == "paid" and status not in _PAID and not is_cancelled:
        return ignored("unpaid")
    order = MappedOrder(
        fields={
            "order_id": order_id,
            **_amounts(payload, refunds, is_captured=is_captured),
            "line_items": _lines(payload),
            "occurred_at": payload.get("processed_at") or payload["created_at"],
            "updated_at": payload["updated_at"],
            "cancelled": is_cancelled,
            "source": "SHOPIFY",
        },
        claimed_by=_visitor(payload),
    )
    return Mapped(events=(order, *refunds))


def _reason_against(order: Mapping[str, Any]) -> str:
    """Return why the payload is no order of the storefront; empty if it is one."""
    if str(order["id"]) == SAMPLE_ORDER_ID:
        return "sample"
    if order.get("test"):
        return "test"
    elsewhere = _ELSEWHERE.get(str(order.get("source_name")).lower())
    if elsewhere:
        return elsewhere
    created, processed = order["created_at"], order.get("processed_at")
    # Imports of former orders are dated back.
    is_import = processed and datetime.fromisoformat(created) - datetime.fromisoformat(processed) > EVENT_AGE
    return "too_old" if is_import else ""


def _amounts(order: Mapping[str, Any], refunds: Sequence[MappedRefund], *, is_captured: bool) -> dict[str, Any]:
    """Return the value before refunds and its parts in the buyer's currency, and the value in the shop's if it differs.

    What is left of an order and what was refunded add up to it, whatever was edited. Once an order is cancelled nothing
    is left, though the shop has the money until it is refunded, or never got any: then it is the total.
    """
    total = order["total_price_set"]
    code = money.currency(total)
    value = money.amount(order.get("current_total_price_set") or total)
    value += sum((refund.fields["value"] for refund in refunds), Decimal(0))
    if order["cancelled_at"] is not None and not (is_captured and order["financial_status"] == "refunded"):
        value = money.amount(total)
    amounts = {
        "value": value,
        "currency": code,
        "tax": money.amount(order["total_tax_set"]),
        "shipping": money.amount(order["total_shipping_price_set"]),
        "discount": money.amount(order["total_discounts_set"]),
    }
    shop_value = _shop_value(value, total) if money.currency(total, SHOP) != code else None
    if shop_value is not None:
        amounts |= {"shop_value": shop_value, "shop_currency": money.currency(total, SHOP)}
    return amounts


def _shop_value(value: Decimal, total: Mapping[str, Any]) -> Decimal | None:
    """Return the value in the shop's currency, at the order's own rate."""
    if value == money.amount(total):
        return money.amount(total, SHOP)
    return money.converted(value, BUYER, [total])


def _lines(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the buyer keeps, at the prices paid; of a cancelled order what was bought."""
    code = money.currency(order["total_price_set"])
    lines = []
    for line in order["line_items"]:
        bought = line["quantity"]
        kept = bought if order["cancelled_at"] is not None else line.get("current_quantity", bought)
        if not kept or not bought:
            continue
        paid = money.amount(line["price_set"]) * bought
        # Discounts of the whole order stand only here. They stay those of the quantity bought.
        paid -= money.total(each["amount_set"] for each in line["discount_allocations"])
        lines.append(
            {
                # Tips and custom items have none: they are known by their names.
                "product_id": str(line["product_id"]) if line["product_id"] else None,
                "product_name": line["title"],
                "quantity": kept,
                "total": money.rounded(paid * kept / bought, code),
            }
        )
    return lines


def _visitor(order: Mapping[str, Any]) -> Visitor | None:
    """Return the first visitor that the cart's attribute names."""
    named = [each["value"] for each in order.get("note_attributes") or () if each["name"] == VISITOR_ATTRIBUTE]
    return next(filter(None, map(visitor_from_text, named)), None)
