"""The numbers of *Revenue impact*: from a question to frozen dataclasses, by few grouped queries."""

from alhena_tracking.reports.cards import Card, Series, Unit
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Figures, Period
from alhena_tracking.reports.revenue_impact import (
    ChannelFigures,
    ReportQuery,
    RevenueImpactReport,
    last_interaction_on,
    revenue_impact,
)

__all__ = [
    "Card",
    "ChannelFigures",
    "CurrencyTotals",
    "DayFigures",
    "Figures",
    "Period",
    "ReportQuery",
    "RevenueImpactReport",
    "Series",
    "Unit",
    "last_interaction_on",
    "revenue_impact",
]
