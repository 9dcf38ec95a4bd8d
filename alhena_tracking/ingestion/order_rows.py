"""The rows of orders, and of what events state of orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.data import ORDER_DETAILS, LineItemData, OrderData, RefundData
from alhena_tracking.ingestion.visits import Attribution
from alhena_tracking.models import Company, Order, OrderClaim, OrderLine, PendingConfirmation, Refund, Trust, ValueBasis


def new_order(company: Company, data: OrderData, attribution: Attribution) -> Order:
    """Make the row of an order as one event states it."""
    is_confirmed = data.trust == Trust.CONFIRMED
    return Order(
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id) if data.order_id else None,
        has_confirmed_visitor=is_confirmed,
        has_confirmed_lines=is_confirmed,
        **data.fields(company),
        **attribution.fields(),
    )


def new_claim(company: Company, data: OrderData, attribution: Attribution) -> OrderClaim:
    """Make the row of what one event states of an order, beside what others state."""
    return OrderClaim(
        line_items=lines_as_told(data.line_items),
        **data.fields(company),
        **attribution.fields(),
    )


def lines_as_told(items: Iterable[LineItemData]) -> list[dict[str, Any]]:
    """Return an order's lines as claims and pending confirmations keep them: each with its total, in minor units."""
    return [
        {
            "product_id": item.product_id,
            "product_name": item.product_name,
            "quantity": str(item.quantity),
            "total_minor": _total_minor(item),
        }
        for item in items
    ]


def _total_minor(item: LineItemData) -> int:
    if conf.line_item_value == ValueBasis.UNIT:
        return int((item.quantity * item.value_minor).to_integral_value(ROUND_HALF_UP))
    return item.value_minor


def new_lines(order: Order, lines: Iterable[dict[str, Any]]) -> list[OrderLine]:
    return [
        OrderLine(
            order=order,
            product_id=line["product_id"],
            product_id_digest=text_digest(line["product_id"]),
            product_name=line["product_name"],
            quantity=Decimal(line["quantity"]),
            total_minor=line["total_minor"],
        )
        for line in lines
    ]


def new_pending(company: Company, data: OrderData, *, replacing: PendingConfirmation | None) -> PendingConfirmation:
    """Make the row of a confirmation that waits for a report. It replaces one that has waited too long."""
    return PendingConfirmation(
        pk=replacing.pk if replacing else None,
        company=company,
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id),
        event_id=data.event_id,
        source=data.source,
        line_items=lines_as_told(data.line_items),
        occurred_at=data.occurred_at,
        received_at=data.received_at,
        **data.stated(),
    )


def show_details(order: Order, confirmed: OrderData | PendingConfirmation) -> None:
    """Show in an order what the shop's server states beside figures and lines. What it leaves out stays."""
    for name in ("source", *ORDER_DETAILS):
        if value := getattr(confirmed, name):
            setattr(order, name, value)


def new_refund(company: Company, data: RefundData) -> Refund:
    """Make the row of a refund, which belongs to no order yet."""
    return Refund(
        company=company,
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id),
        refund_id=data.refund_id,
        refund_id_digest=text_digest(data.refund_id),
        currency=data.currency,
        value_minor=data.value_minor,
        occurred_at=data.occurred_at,
        received_at=data.received_at,
        occurred_on=data.occurred_at.astimezone(company.zone).date(),
    )
