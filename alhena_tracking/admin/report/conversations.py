"""What comes of conversations, as texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.changes import value_text
from alhena_tracking.admin.report.texts import CardText
from alhena_tracking.reports import Card, ConversationFigures, OrderTimes, RevenueImpactReport, Unit


@dataclass(frozen=True, slots=True)
class TimeBar:
    """The orders of one bucket; ``width`` is relative to the largest one, in percent, as SVG needs it."""

    label: str
    orders: str
    share: str
    width: str


@dataclass(frozen=True, slots=True)
class Quartile:
    label: str
    time: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesText:
    """The times from the credited interaction to the order; ``undated`` says what has none."""

    caption: str
    quartiles: list[Quartile]
    bars: list[TimeBar]
    undated: str


def conversation_context(report: RevenueImpactReport) -> dict[str, Any]:
    """Return what the section's template takes."""
    assert report.conversations is not None  # noqa: S101  (the query asks for it)
    figures = report.conversations
    return {
        "has_conversations": bool(figures.conversations or figures.orders),
        "conversation_cards": [_card_text(card, figures, report.currency) for card in figures.cards],
        "times": _times_text(report, figures.times),
    }


def _card_text(card: Card, figures: ConversationFigures, currency: str) -> CardText:
    name, unit, value = card.type.name, card.type.unit, card.value
    return CardText(
        name=f"conversation-{name}",
        label=str(card.type.label),
        formula=str(card.type.formula),
        series=card.type.series.value,
        value=value_text(unit, value, currency),
        reason=_no_value_text(name, figures) if value is None else "",
        unit=currency if unit is Unit.MONEY and value is not None else "",
        change=None,
        note="",
        details=[],
    )


def _no_value_text(name: str, figures: ConversationFigures) -> str:
    if name == "revenue_per_conversation_minor" and figures.is_mixed:
        return _("More than one in twenty of these orders is in another currency, and conversations have none.")
    return _("In this period there is nothing to divide by.")


def _times_text(report: RevenueImpactReport, times: OrderTimes) -> TimesText:
    most = max((bucket.orders for bucket in times.buckets), default=0) or 1
    caption = ngettext(
        "%(count)s order in %(currency)s.",
        "%(count)s orders in %(currency)s, by the time since the interaction that they are credited to.",
        times.orders,
    )
    undated = ngettext(
        "%(count)s order is not included: the time of its interaction is not stored.",
        "%(count)s orders are not included: the time of their interaction is not stored.",
        times.undated_orders,
    )
    return TimesText(
        caption=caption % {"count": formats.count(times.orders), "currency": report.currency},
        quartiles=_quartiles(times),
        bars=[
            TimeBar(
                bucket.label,
                formats.count(bucket.orders),
                formats.share(Fraction(bucket.orders, times.orders or 1)),
                f"{100 * bucket.orders / most:.1f}%",
            )
            for bucket in times.buckets
        ]
        if times.orders
        else [],
        undated=undated % {"count": formats.count(times.undated_orders)} if times.undated_orders else "",
    )


def _quartiles(times: OrderTimes) -> list[Quartile]:
    named = (
        (_("Lower quartile"), times.lower_quartile_minutes, _("A quarter of the orders took no longer.")),
        (_("Median"), times.median_minutes, _("Half of the orders took no longer.")),
        (_("Upper quartile"), times.upper_quartile_minutes, _("Three quarters of the orders took no longer.")),
    )
    return [Quartile(label, _minutes(minutes), meaning) for label, minutes, meaning in named if minutes is not None]


def _minutes(minutes: int) -> str:
    return formats.duration(timedelta(minutes=minutes)) if minutes else _("under 1 minute")
