"""What comes of conversations with the assistant."""

from __future__ import annotations

from dataclasses import dataclass

from alhena_tracking.reports.order_times import OrderTimes, order_times
from alhena_tracking.reports.query import ReportQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFigures:
    """``times`` are those of all orders of the report, with a conversation or without."""

    times: OrderTimes


def conversation_figures(query: ReportQuery, currency: str) -> ConversationFigures:
    """Read what comes of conversations, by one statement."""
    return ConversationFigures(times=order_times(query, currency))
