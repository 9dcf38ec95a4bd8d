"""The fields of an order, of its refunds and of its cancellation, from Oscar's models. Read after the commit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from alhena_tracking.conf import conf
from alhena_tracking.integrations.oscar.companies import company_of_site
from alhena_tracking.integrations.oscar.products import product_id

SOURCE = "OSCAR"


def order_fields(order: Any) -> dict[str, Any]:
    """Return the fields of an order with its lines, whose totals are those with offers, vouchers and tax."""
    return _figures(order) | {"line_items": [_line_fields(line, order.currency) for line in order.lines.all()]}


def cancellation_fields(order: Any, *, is_cancelled: bool) -> dict[str, Any]:
    """Return the fields that cancel or reinstate an order. Its lines stay as they are."""
    return _figures(order) | {"cancelled": is_cancelled}


def transaction_refund_fields(transaction: Any) -> dict[str, Any]:
    """Return the fields of a refund from a payment transaction."""
    source = transaction.source
    return _refund_fields(source.order, f"transaction-{transaction.pk}", transaction, source.currency)


def event_refund_fields(event: Any) -> dict[str, Any]:
    """Return the fields of a refund from a payment event, such as staff enter in the dashboard."""
    return _refund_fields(event.order, f"payment-event-{event.pk}", event, event.order.currency)


def _figures(order: Any) -> dict[str, Any]:
    return {
        "company": _company_of(order),
        "order_id": str(order.number),
        "value": order.total_incl_tax,
        "currency": order.currency,
        "tax": order.total_incl_tax - order.total_excl_tax,
        "shipping": order.shipping_incl_tax,
        "discount": order.total_discount_incl_tax,
        "occurred_at": _aware(order.date_placed),
        "source": SOURCE,
    }


def _line_fields(line: Any, currency: str) -> dict[str, Any]:
    return {
        "product_id": _id_of(line),
        "product_name": line.title,
        "quantity": line.quantity,
        "line_total": line.line_price_incl_tax,
        "currency": currency,
    }


def _id_of(line: Any) -> str:
    """Return the product's id; of a product that is deleted, what the line kept of it."""
    if line.product is not None:
        return product_id(line.product, line.stockrecord)
    return str(line.upc or line.partner_sku)


def _refund_fields(order: Any, refund_id: str, row: Any, currency: str) -> dict[str, Any]:
    return {
        "company": _company_of(order),
        "order_id": str(order.number),
        "refund_id": refund_id,
        "value": row.amount,
        "currency": currency,
        "occurred_at": _aware(row.date_created),
    }


def _company_of(order: Any) -> str | None:
    return company_of_site(order.site) if conf.oscar_companies else None


def _aware(time: datetime) -> datetime:
    """Return the time with a zone, which a project with ``USE_TZ = False`` leaves out."""
    return timezone.make_aware(time) if timezone.is_naive(time) else time
