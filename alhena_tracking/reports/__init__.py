"""The numbers of *Revenue impact*: from a question to frozen dataclasses, by few grouped queries."""

from alhena_tracking.reports.cards import Card, Series, Unit
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Figures, Period
from alhena_tracking.reports.orders import counted_cart_events, counted_orders, has_uncounted_orders, latest_orders
from alhena_tracking.reports.products import ProductFigures
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.revenue_impact import ChannelFigures, RevenueImpactReport, revenue_impact
from alhena_tracking.reports.rows import ai_profiles, last_interaction_on
from alhena_tracking.reports.snapshot import snapshot
from alhena_tracking.reports.timeline import (
    CartStep,
    Credit,
    InteractionStep,
    OrderStep,
    RefundStep,
    Standing,
    Step,
    Timeline,
)
from alhena_tracking.reports.trace import CartEventTrace, Claim, OrderTrace, cart_event_trace, order_trace

__all__ = [
    "Card",
    "CartEventTrace",
    "CartStep",
    "ChannelFigures",
    "Claim",
    "Credit",
    "CurrencyTotals",
    "DayFigures",
    "Figures",
    "InteractionStep",
    "OrderStep",
    "OrderTrace",
    "Period",
    "ProductFigures",
    "RefundStep",
    "ReportQuery",
    "RevenueImpactReport",
    "Series",
    "Standing",
    "Step",
    "Timeline",
    "Unit",
    "ai_profiles",
    "cart_event_trace",
    "counted_cart_events",
    "counted_orders",
    "has_uncounted_orders",
    "last_interaction_on",
    "latest_orders",
    "order_trace",
    "revenue_impact",
    "snapshot",
]
