"""Rows and figures as JSON. Money is a whole number of minor units of a currency that stands beside it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from alhena_tracking.contract.amounts import decimals_of, with_decimals
from alhena_tracking.models import CartEvent, Order, VisitorSession
from alhena_tracking.reports import DayFigures, Figures, RevenueImpactReport
from alhena_tracking.reports.cards import CARD_TYPES

Document = dict[str, Any]

#: Decimals of what was divided: averages (of minor units), shares and changes.
DECIMALS = 6

SUMS = ("add_to_cart_minor", "purchase_minor", "confirmed_minor", "refunded_minor", "net_minor")
COUNTS = ("cart_days", "carts", "orders", "sessions", "converted_sessions")
RATIOS = (
    *("daily_add_to_cart_minor", "average_cart_minor", "average_order_minor", "revenue_per_session_minor"),
    *("conversion_rate", "confirmed_share"),
)
DAY_SUMS = (
    *("add_to_cart_minor", "cart_events", "carts", "purchase_minor", "confirmed_minor", "refunded_minor", "orders"),
    *("sessions", "converted_sessions"),
)
#: The cards, of which the change is told.
CHANGES = tuple(card_type.name for card_type in CARD_TYPES)


def report_document(report: RevenueImpactReport) -> Document:
    query = report.query
    previous = query.period.previous
    return {
        "company": query.company.key,
        "time_zone": query.company.time_zone,
        **_days("start", "end", query.period.start, query.period.end),
        **_days("previous_start", "previous_end", *((previous.start, previous.end) if report.previous else ())),
        "channel": query.channel,
        "profile": query.ai_profile,
        "trust": query.trust,
        **_currency(report.currency),
        "current": _figures(report.current),
        "previous": _figures(report.previous) if report.previous else None,
        "changes": {card.type.name: _decimal(card.change) for card in report.cards},
        "channels": [{"channel": one.channel, **_figures(one.figures)} for one in report.channels],
        "days": [_day(day) for day in report.days],
        "products": [
            {
                "product_id": product.product_id,
                "product_name": product.name,
                "add_to_cart_minor": product.add_to_cart_minor,
                "units_added": _quantity(product.units_added),
                "purchase_minor": product.purchase_minor,
                "units_purchased": _quantity(product.units_purchased),
            }
            for product in report.products
        ],
        "other_currencies": [
            {
                **_currency(total.currency),
                "add_to_cart_minor": total.add_to_cart_minor,
                "cart_events": total.cart_events,
                "purchase_minor": total.purchase_minor,
                "orders": total.orders,
            }
            for total in report.other_currencies
        ],
    }


def order_document(order: Order) -> Document:
    """For orders with their company, credited interaction, lines and refunds."""
    refunds = sorted(order.refunds.all(), key=lambda refund: (refund.occurred_at, refund.pk))
    refunded = sum(refund.value_minor for refund in refunds)
    return {
        **_event(order),
        "order_id": order.order_id,
        **_currency(order.currency),
        "value_minor": order.value_minor,
        "refunded_minor": refunded,
        "net_minor": order.value_minor - refunded,
        "refunds": [
            {
                "refund_id": refund.refund_id,
                "occurred_at": _moment(refund.occurred_at),
                "occurred_on": str(refund.occurred_on),
                "value_minor": refund.value_minor,
            }
            for refund in refunds
        ],
        "line_items": [
            {
                "product_id": line.product_id,
                "product_name": line.product_name,
                "quantity": _quantity(line.quantity),
                "total_minor": line.total_minor,
            }
            for line in order.lines.all()
        ],
        **_credit(order),
        "has_conflict": order.has_conflict,
        "is_excluded": order.excluded_at is not None,
        "exclusion_reason": order.exclusion_reason,
        "is_counted": order.is_counted,
    }


def cart_event_document(event: CartEvent) -> Document:
    """For cart events with their company and credited interaction."""
    return {
        **_event(event),
        "type": event.type,
        "product_id": event.product_id,
        "product_name": event.product_name,
        "quantity": _quantity(event.quantity),
        **_currency(event.currency),
        "value_minor": event.value_minor,
        "value_basis": event.value_basis,
        "units": _quantity(event.units),
        "gmv_minor": event.gmv_minor,
        **_credit(event),
    }


def session_document(session: VisitorSession) -> Document:
    """For sessions with their company, annotated with ``has_order``."""
    return {
        "id": session.pk,
        "company": session.company.key,
        "started_at": _moment(session.started_at),
        "started_on": str(session.started_on),
        "last_interaction_at": _moment(session.last_interaction_at),
        "qualified_at": _moment(session.qualified_at) if session.qualified_at else None,
        "channel": session.channel,
        "ai_profile": session.ai_profile,
        "has_order": session.has_order,  # type: ignore[attr-defined]
    }


def _event(row: Order | CartEvent) -> Document:
    return {
        "id": str(row.event_id),
        "company": row.company.key,
        "session": row.session_id,
        "occurred_at": _moment(row.occurred_at),
        "occurred_on": str(row.occurred_on),
        "received_at": _moment(row.received_at),
        "trust": row.trust,
        "source": row.source,
    }


def _credit(row: Order | CartEvent) -> Document:
    interaction = row.credited_interaction
    return {
        "channel": row.channel,
        "ai_profile": row.ai_profile,
        "credited_interaction": {
            "id": str(interaction.event_id),
            "kind": interaction.kind,
            "product_id": interaction.product_id,
            "occurred_at": _moment(interaction.occurred_at),
        },
        "attribution_window": row.attribution_window // timedelta(seconds=1),
        "attribution_model": row.attribution_model,
    }


def _figures(figures: Figures) -> Document:
    return {
        **{name: getattr(figures, name) for name in (*SUMS, *COUNTS)},
        **{name: _decimal(getattr(figures, name)) for name in RATIOS},
    }


def _day(day: DayFigures) -> Document:
    return {"day": str(day.on), "channel": day.channel, **{name: getattr(day, name) for name in DAY_SUMS}}


def _days(start_name: str, end_name: str, *days: date) -> Document:
    start, end = days or (None, None)
    return {start_name: start and str(start), end_name: end and str(end)}


def _currency(currency: str) -> Document:
    return {"currency": currency, "currency_decimals": decimals_of(currency) if currency else 0}


def _decimal(number: Fraction | int | None) -> str | None:
    return None if number is None else f"{with_decimals(number, DECIMALS):f}"


def _quantity(quantity: Decimal) -> str:
    return f"{quantity:.3f}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def list_document(results: Iterable[Document], following: str | None) -> Document:
    return {"next": following, "results": list(results)}
