"""The rows that an order, or what is told of it, is stored as."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.data import LineItemData, OrderData, RefundData
from alhena_tracking.ingestion.visits import Attribution
from alhena_tracking.models import Company, Order, OrderClaim, OrderLine, PendingConfirmation, Refund, Trust, ValueBasis


def new_order(company: Company, data: OrderData, attribution: Attribution) -> Order:
    """The row of an order as one event tells it."""
    is_confirmed = data.trust == Trust.CONFIRMED
    return Order(
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id) if data.order_id else None,
        currency=data.currency,
        value_minor=data.value_minor,
        has_confirmed_visitor=is_confirmed,
        has_confirmed_lines=is_confirmed,
        **data.fields(company),
        **attribution.fields(),
    )


def new_claim(company: Company, data: OrderData, attribution: Attribution) -> OrderClaim:
    """The row of what one event says of an order, beside what others say."""
    return OrderClaim(
        currency=data.currency,
        value_minor=data.value_minor,
        line_items=lines_as_told(data.line_items),
        **data.fields(company),
        **attribution.fields(),
    )


def lines_as_told(items: Iterable[LineItemData]) -> list[dict[str, Any]]:
    """An order's lines as claims and pending confirmations keep them: each with its own total, in minor units."""
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
    """The row of a confirmation that waits for a report, in the place of one that has waited too long."""
    return PendingConfirmation(
        pk=replacing.pk if replacing else None,
        company=company,
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id),
        event_id=data.event_id,
        source=data.source,
        currency=data.currency,
        value_minor=data.value_minor,
        line_items=lines_as_told(data.line_items),
        occurred_at=data.occurred_at,
        received_at=data.received_at,
    )


def new_refund(company: Company, data: RefundData) -> Refund:
    """The row of a refund, which belongs to no order yet."""
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
