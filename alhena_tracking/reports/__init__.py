"""The figures of *Revenue impact*: from a query to frozen dataclasses, in a few grouped statements."""

from alhena_tracking.reports.attribution_models import AttributionModels, ModelFigures
from alhena_tracking.reports.breakdowns import ai_profiles, last_interaction_on
from alhena_tracking.reports.cards import Card, Series, Unit
from alhena_tracking.reports.conversations import ConversationFigures
from alhena_tracking.reports.converted import Conversion, ConvertedFigures
from alhena_tracking.reports.differences import Difference, Differences
from alhena_tracking.reports.drilldown import counted_cart_events, counted_orders, has_uncounted_orders, latest_orders
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Figures, RowFigures, SessionDay, SessionRow
from alhena_tracking.reports.order_times import OrderTimes
from alhena_tracking.reports.periods import Comparison, Grain, Part, Period, Preset
from alhena_tracking.reports.products import Composition, ProductFigures
from alhena_tracking.reports.profiles import ProfileFigures, Profiles
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.revenue_impact import ChannelFigures, RevenueImpactReport, revenue_impact
from alhena_tracking.reports.sections import Section

__all__ = [
    "AttributionModels",
    "Card",
    "ChannelFigures",
    "Comparison",
    "Composition",
    "ConversationFigures",
    "Conversion",
    "ConvertedFigures",
    "CurrencyTotals",
    "DayFigures",
    "Difference",
    "Differences",
    "Figures",
    "Grain",
    "ModelFigures",
    "OrderTimes",
    "Part",
    "Period",
    "Preset",
    "ProductFigures",
    "ProfileFigures",
    "Profiles",
    "ReportQuery",
    "RevenueImpactReport",
    "RowFigures",
    "Section",
    "Series",
    "SessionDay",
    "SessionRow",
    "Unit",
    "ai_profiles",
    "counted_cart_events",
    "counted_orders",
    "has_uncounted_orders",
    "last_interaction_on",
    "latest_orders",
    "revenue_impact",
]
