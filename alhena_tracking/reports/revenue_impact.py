"""The report as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from alhena_tracking.models import Interaction
from alhena_tracking.reports.cards import CARD_TYPES, Card
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Figures, Period
from alhena_tracking.reports.products import ProductFigures, figures_by_product
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.rows import choose_currency, figures_by_day

#: Sessions without a qualifying interaction have no channel.
NO_CHANNEL = ""


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """What one channel came to; ``channel`` is empty for sessions without a qualifying interaction."""

    channel: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueImpactReport:
    """The answer. Cards, charts, tables, exports and JSON all show what is in it, so that they always agree.

    ``days`` holds a row for every day and channel of the period that has any figures, in the order of days.
    ``products`` holds the first of the ``product_count`` products, those bought for most first. ``currency`` is empty
    if none was asked for and nothing was taken. ``other_currencies`` are those in which anything was taken besides, the
    busiest first. ``previous`` is ``None`` where the query compares with nothing.
    """

    query: ReportQuery
    currency: str
    other_currencies: tuple[CurrencyTotals, ...]
    days: tuple[DayFigures, ...]
    channels: tuple[ChannelFigures, ...]
    products: tuple[ProductFigures, ...]
    product_count: int
    current: Figures
    previous: Figures | None

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(card_type.card(self.current, self.previous) for card_type in CARD_TYPES)

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened in the period, in any currency."""
        return not self.days and not self.other_currencies

    @property
    def has_credit(self) -> bool:
        """Whether any cart event or order was credited to the assistant in the period, in any currency."""
        return bool(self.other_currencies) or any(day.cart_events or day.orders for day in self.days)


def revenue_impact(query: ReportQuery, *, most_products: int | None = None) -> RevenueImpactReport:
    """Answer ``query``: money in minor units of the report's currency, days in the company's time zone.

    ``most_products`` are told of, or all of them.

    Asks the database four queries: which days are rolled up, what was taken in each currency, and the figures of days
    and of products; and one more to find a currency where nothing was taken in the period.
    """
    period, previous = query.period, query.period.previous
    both = SourceDays.of(query.company, Period(previous.start, period.end))
    asked = both.within(period)
    currency, other_currencies = choose_currency(query, asked.credited)
    if not currency:
        currency, _ = choose_currency(query, both.within(previous).credited)
    days = figures_by_day(query, both if query.is_compared else asked, currency)
    products, product_count = figures_by_product(query, asked, currency, most=most_products)
    current_days = tuple(day for day in days if day.on in period)
    return RevenueImpactReport(
        query=query,
        currency=currency,
        other_currencies=tuple(other_currencies),
        days=current_days,
        channels=_by_channel(current_days),
        products=tuple(products),
        product_count=product_count,
        current=Figures.of(current_days),
        previous=Figures.of(day for day in days if day.on in previous) if query.is_compared else None,
    )


def _by_channel(days: tuple[DayFigures, ...]) -> tuple[ChannelFigures, ...]:
    found = {day.channel for day in days}
    return tuple(
        ChannelFigures(channel, Figures.of(day for day in days if day.channel == channel))
        for channel in (*Interaction.Kind.values, NO_CHANNEL)
        if channel in found
    )
