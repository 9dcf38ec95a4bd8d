"""The orders and cart events behind the figures."""

from __future__ import annotations

from alhena_tracking.models import CartEvent, Order
from alhena_tracking.querysets import DatedQuerySet, OrderQuerySet
from alhena_tracking.reports.revenue_impact import RevenueImpactReport


def latest_orders(report: RevenueImpactReport, limit: int = 10) -> list[Order]:
    """The latest of the orders that the report counts; who may see them is for the caller to know."""
    # By the day first, in which the report's index has them in order.
    return list(counted_orders(report).order_by("-occurred_on", "-occurred_at", "-id")[:limit])


def counted_orders(report: RevenueImpactReport) -> OrderQuerySet[Order]:
    """All orders that the report counts, in no order."""
    return report.query.orders(report.query.period, currency=report.currency)


def has_uncounted_orders(report: RevenueImpactReport) -> bool:
    """Whether orders in any currency are credited as asked and are no revenue: excluded, or not confirmed yet."""
    return report.query.credited(Order.objects.uncounted(), report.query.period).exists()


def counted_cart_events(report: RevenueImpactReport) -> DatedQuerySet[CartEvent]:
    """All cart events that the report counts, in no order."""
    return report.query.credited(CartEvent.objects.all(), report.query.period, currency=report.currency)
