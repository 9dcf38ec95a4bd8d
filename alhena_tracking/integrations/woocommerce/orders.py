"""What WooCommerce's orders say, as its webhooks and its REST API (version 3) write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from alhena_tracking.integrations.mapping import (
    Mapped,
    MappedOrder,
    MappedRefund,
    MappingOptions,
    ignored,
    visitor_from_text,
)

#: The fields that are read. The REST API is asked for no others, and so for nothing about the customer.
FIELDS = (
    "id",
    "parent_id",
    "status",
    "currency",
    "prices_include_tax",
    "total",
    "total_tax",
    "shipping_total",
    "shipping_tax",
    "discount_total",
    "discount_tax",
    "created_via",
    "date_created_gmt",
    "date_modified_gmt",
    "date_paid_gmt",
    "meta_data",
    "line_items",
    "refunds",
)

_DRAFTS = {"auto-draft", "checkout-draft", "draft"}
_TILLS = {"pos-rest-api", "woocommerce-pos"}
_AGENTS = {"chatgpt", "chatgpt.com", "copilot", "copilot.com", "openai", "openai.com", "perplexity", "perplexity.ai"}

_ATTRIBUTION = "_wc_order_attribution_"


def map_order(order: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map the payload of ``order.created``, ``order.updated`` and ``order.restored``, or an order of the REST API."""
    meta = _meta(order)
    if reason := _reason_of_another_kind(order, meta):
        return ignored(reason)
    status, is_paid = order["status"], bool(order["date_paid_gmt"])
    if status in _DRAFTS:
        return ignored("checkout_draft")
    visitor = visitor_from_text(meta.get("_alhena"))
    if status == "failed":
        # It may have counted before, such as a direct debit that the bank returned. Nobody is named, so that an order
        # that never counted stays unknown.
        return Mapped(events=(MappedOrder(fields=_fields(order, is_cancelled=True)),), reason="failed")
    if status == "trash" or (status == "cancelled" and not is_paid):
        return Mapped(events=(MappedOrder(fields=_fields(order, is_cancelled=True), visitor=visitor),))
    if status == "pending" or (options.orders_count_once == "paid" and not is_paid):
        return ignored("unpaid")
    placed = MappedOrder(fields=_fields(order, is_cancelled=False), visitor=visitor)
    return Mapped(events=(placed, *_refunds(order)))


def map_deleted_order(payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map the payload of ``order.deleted``, which is the order's id alone."""
    _id(payload["id"])
    return ignored("deleted")


def modified_at(order: Mapping[str, Any]) -> datetime | None:
    """Return when the shop last changed the order."""
    return _time(order["date_modified_gmt"])


def refund_ids(order: Mapping[str, Any]) -> set[str]:
    """Return the ids of the order's refunds that the shop still has."""
    return {_id(refund["id"]) for refund in order["refunds"]}


def _reason_of_another_kind(order: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    """Return why no order of a buyer in the shop is what the payload has; empty if it is one."""
    created_via = order["created_via"]
    if created_via == "admin":
        return "by_staff"
    if created_via == "subscription" or meta.get("_subscription_renewal"):
        return "renewal"
    if created_via in _TILLS:
        return "pos"
    if meta.get("_wcpay_mode") == "test":
        return "test"
    if order.get("parent_id"):
        return "part_of_order"
    return "placed_by_agent" if _is_by_agent(meta) else ""


def _is_by_agent(meta: Mapping[str, Any]) -> bool:
    """Return whether an agent placed the order.

    Links in agents' answers name the agent as their source, too. The pages that a person then viewed in the shop are
    counted by WooCommerce's script.
    """
    if meta.get("_agentic_checkout_session_id"):
        return True
    source = str(meta.get(f"{_ATTRIBUTION}utm_source", "")).strip().lower()
    return source in _AGENTS and not meta.get(f"{_ATTRIBUTION}session_pages")


def _fields(order: Mapping[str, Any], *, is_cancelled: bool) -> dict[str, Any]:
    """Return the order's fields. Its total has the tax; lines and shipping costs have it where the shop's prices do."""
    has_tax = bool(order["prices_include_tax"])
    return {
        "order_id": _id(order["id"]),
        "value": Decimal(order["total"]),
        "currency": order["currency"],
        "tax": Decimal(order["total_tax"]),
        "shipping": _amount(order, "shipping_total", "shipping_tax", has_tax=has_tax),
        "discount": _amount(order, "discount_total", "discount_tax", has_tax=has_tax),
        "line_items": [
            {
                "product_id": _product_id(line),
                "product_name": line["name"],
                "quantity": line["quantity"],
                "total": _amount(line, "total", "total_tax", has_tax=has_tax),
            }
            for line in order["line_items"]
        ],
        "occurred_at": _time(order["date_created_gmt"]),
        "updated_at": modified_at(order),
        "cancelled": is_cancelled,
        "source": "WOOCOMMERCE",
    }


def _refunds(order: Mapping[str, Any]) -> Iterator[MappedRefund]:
    """Return the refunds that moved money. They have no dates: each changed the order at the time it was made."""
    for refund in order["refunds"]:
        value = -Decimal(refund["total"])
        if value > 0:
            yield MappedRefund(
                fields={
                    "order_id": _id(order["id"]),
                    "refund_id": _id(refund["id"]),
                    "value": value,
                    "currency": order["currency"],
                    "occurred_at": modified_at(order),
                }
            )


def _amount(holder: Mapping[str, Any], net: str, tax: str, *, has_tax: bool) -> Decimal:
    return Decimal(holder[net]) + (Decimal(holder[tax]) if has_tax else 0)


def _meta(order: Mapping[str, Any]) -> dict[str, Any]:
    return {each["key"]: each["value"] for each in order["meta_data"]}


def _product_id(line: Mapping[str, Any]) -> str:
    """Return the id of the line's product; of one that the shop no longer has, the article number or the name."""
    return str(line["product_id"] or line.get("sku") or line["name"])


def _id(value: object) -> str:
    if type(value) is not int or value <= 0:
        raise ValueError("not an id")
    return str(value)


def _time(text: str | None) -> datetime | None:
    """Return a time that is written in UTC, without the offset; ``None`` for none and for one that does not exist."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
