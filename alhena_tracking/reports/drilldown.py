"""The orders and cart events behind the figures."""

from __future__ import annotations

from alhena_tracking.models import CartEvent, Order, Standing
from alhena_tracking.querysets import CartEventQuerySet, OrderQuerySet
from alhena_tracking.reports.revenue_impact import RevenueImpactReport


def latest_orders(report: RevenueImpactReport, limit: int = 10) -> list[Order]:
    """Return the latest orders that the report counts. The caller checks permissions."""
    # By day first, as in the report's index.
    return list(counted_orders(report).order_by("-occurred_on", "-occurred_at", "-id")[:limit])


def counted_orders(report: RevenueImpactReport) -> OrderQuerySet[Order]:
    """Return all orders that the report counts, unordered."""
    return report.query.orders(report.query.period, currency=report.currency)


def has_uncounted_orders(report: RevenueImpactReport) -> bool:
    """Return whether an order under the query's filters, in any currency, is excluded or not confirmed yet."""
    orders = Order.objects.uncounted().filter(standing__in=[Standing.COUNTED, Standing.EXCLUDED])
    return report.query.credited(orders, report.query.period).exists()


def counted_cart_events(report: RevenueImpactReport) -> CartEventQuerySet[CartEvent]:
    """Return all cart events that the report counts, unordered."""
    return report.query.credited(CartEvent.objects.included(), report.query.period, currency=report.currency)
