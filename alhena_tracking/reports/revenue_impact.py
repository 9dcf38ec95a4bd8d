"""The report."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from operator import attrgetter

from alhena_tracking.models import Channel, Order
from alhena_tracking.reports.attribution_models import AttributionModels, attribution_models
from alhena_tracking.reports.breakdowns import choose_currency, figures_by_day, orders_elsewhere
from alhena_tracking.reports.cards import CARD_TYPES, Card
from alhena_tracking.reports.conversations import ConversationFigures, conversation_figures
from alhena_tracking.reports.converted import Conversion, ConvertedFigures, convert
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.differences import Differences, differences
from alhena_tracking.reports.figures import (
    CurrencyTotals,
    DayFigures,
    Figures,
    RowFigures,
    SessionDay,
    SessionRow,
    is_mixed,
)
from alhena_tracking.reports.periods import Part, Period
from alhena_tracking.reports.products import Composition, ProductFigures, figures_by_product
from alhena_tracking.reports.profiles import Profiles, figures_by_profile
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sections import Section
from alhena_tracking.reports.sums import PRODUCT_RANKS

_SUMS = [one.name for one in fields(DayFigures) if one.name not in {"on", "channel"}]
_sums_of = attrgetter(*_SUMS)


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """The figures of one channel."""

    channel: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueImpactReport:
    """The report that cards, charts, tables, exports and JSON all show, so that they always agree.

    ``days`` has a row for every day and channel with figures, by day, ``session_days`` the sessions of each day that
    has any. ``products`` are the first of ``product_count`` products, by purchase revenue unless asked otherwise;
    ``lines_minor`` sums the order lines of all of them.
    ``currency`` is empty if neither the query nor the company names one and there is no revenue. ``other_currencies``
    have figures, too, the busiest first. ``previous`` is ``None`` where nothing is compared: because nobody asked, or
    because nothing was recorded at the beginning of the compared period. Then ``recorded_since`` is the first day with
    data. While ``is_redating``, events may count on their day of a former time zone. ``held_back_orders`` counts the
    company's orders of the period that wait for staff, whatever the other filters, in all currencies. ``conversion``
    and what the query's ``sections`` name are ``None`` unless it asks for them; ``differences`` also where nothing is
    compared.
    """

    query: ReportQuery
    currency: str
    other_currencies: tuple[CurrencyTotals, ...]
    days: tuple[DayFigures, ...]
    session_days: tuple[SessionDay, ...]
    channels: tuple[ChannelFigures, ...]
    products: tuple[ProductFigures, ...]
    product_count: int
    current: Figures
    previous: Figures | None
    lines_minor: int = 0
    recorded_since: date | None = None
    is_redating: bool = False
    held_back_orders: int = 0
    conversion: Conversion | None = None
    differences: Differences | None = None
    models: AttributionModels | None = None
    profiles: Profiles | None = None
    conversations: ConversationFigures | None = None

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(card_type.card(self.current, self.previous) for card_type in CARD_TYPES)

    @property
    def composition(self) -> Composition:
        """How the products add up to the purchase revenue."""
        purchase_minor, unlined_minor = self.current.purchase_minor, self.current.unlined_minor
        return Composition(
            lines_minor=self.lines_minor,
            adjustments_minor=purchase_minor - unlined_minor - self.lines_minor,
            unlined_minor=unlined_minor,
        )

    @property
    def parts(self) -> list[Part]:
        """The days, weeks or months of the period."""
        return self.query.grain.parts(self.query.period)

    @property
    def rows(self) -> list[RowFigures]:
        """The figures of every day, week or month and every channel that has any, by day."""
        ends = {part.period.start: part.period.end for part in self.parts}
        found: dict[tuple[date, str], list[DayFigures]] = {}
        for day in self.days:
            found.setdefault((self._first_day(day.on), day.channel), []).append(day)
        rows = (_row(Period(start, ends[start]), channel, days) for (start, channel), days in found.items())
        return sorted(rows, key=lambda row: (row.on, row.channel))

    @property
    def session_rows(self) -> list[SessionRow]:
        """The sessions of every day, week or month that has any, by day."""
        found: dict[date, Counter[str]] = defaultdict(Counter)
        for day in self.session_days:
            found[self._first_day(day.on)].update(sessions=day.sessions, converted_sessions=day.converted_sessions)
        ends = {part.period.start: part.period.end for part in self.parts}
        return [SessionRow(on=on, last_on=ends[on], **counts) for on, counts in found.items()]

    def amounts(self, name: str) -> dict[tuple[date, str], int]:
        """Return one of the sums of ``rows``, by first day and channel, in a fraction of their time."""
        found: dict[tuple[date, str], int] = defaultdict(int)
        for day in self.days:
            found[self._first_day(day.on), day.channel] += getattr(day, name)
        return found

    def _first_day(self, day: date) -> date:
        return max(self.query.grain.first(day), self.query.period.start)

    @property
    def compared(self) -> Period | None:
        """The compared period; ``None`` where nothing is compared."""
        return self.query.compared if self.previous else None

    @property
    def compared_until(self) -> datetime | None:
        """The moment at which a compared day was cut."""
        return self.query.until if self.previous else None

    @property
    def currencies(self) -> tuple[ConvertedFigures, ...]:
        """The figures of all currencies, not converted: that of the report first."""
        shown = CurrencyTotals(
            currency=self.currency,
            orders=self.current.orders,
            purchase_minor=self.current.purchase_minor,
            cart_events=sum(day.cart_events for day in self.days),
            add_to_cart_minor=self.current.add_to_cart_minor,
        )
        found = (shown, *self.other_currencies) if self.currency else self.other_currencies
        return tuple(ConvertedFigures(**asdict(totals)) for totals in found)

    @property
    def is_empty(self) -> bool:
        """Whether there are no figures in the period, in any currency."""
        return not self.days and not self.other_currencies

    @property
    def has_credit(self) -> bool:
        """Whether any cart event or order is credited in the period, in any currency."""
        return bool(self.other_currencies) or any(day.cart_events or day.orders for day in self.days)


def revenue_impact(
    query: ReportQuery, *, most_products: int | None = None, first_products: str = PRODUCT_RANKS[0]
) -> RevenueImpactReport:
    """Compute the report for ``query``: money in minor units of its currency, days in the company's time zone.

    ``most_products`` limits the products, which are in the order of the sum ``first_products`` of ``PRODUCT_RANKS``.
    Takes five statements (rolled-up days, currencies, days, products, orders that are held back), and one more each for
    how often products were recommended; for the currencies of a compared period; to choose a currency where the period
    has none; where the compared period begins with a day without figures; after a change of the time zone; and for
    attribution models. It takes four to convert all currencies, and two each for the differences and AI profiles,
    and three for conversations.
    """
    period, compared = query.period, query.compared
    before = compared or period.previous
    both = SourceDays.of(query.company, before, period)
    asked = both.within(period)
    currency, other_currencies, elsewhere = choose_currency(query, asked.credited)
    if not currency:
        currency, *_ = choose_currency(query, both.within(before).credited)
    days, session_days = figures_by_day(query, both if compared and not query.until else asked, currency)
    recorded_since = None
    if compared and not any(day.on == compared.start for day in days):
        first = query.company.recorded_since()
        if first and first > compared.start:
            compared, recorded_since = None, first
    products = figures_by_product(query, asked, currency, most=most_products, first=first_products)
    current_days = tuple(day for day in days if day.on in period)
    current_sessions = tuple(day for day in session_days if day.on in period)
    current = Figures.of(current_days, current_sessions)
    current = replace(current, is_mixed=is_mixed(current.orders, elsewhere.total()))
    previous, different = None, None
    if compared:
        previous = Figures.of(
            (day for day in days if day.on in compared), (day for day in session_days if day.on in compared)
        )
        other_orders = orders_elsewhere(query, both.within(compared).credited, currency)
        previous = replace(previous, is_mixed=is_mixed(previous.orders, other_orders))
        if Section.DIFFERENCES in query.sections:
            different = differences(query, both, compared, currency, days, (current, previous))
    return RevenueImpactReport(
        query=query,
        currency=currency,
        other_currencies=tuple(other_currencies),
        days=current_days,
        session_days=current_sessions,
        channels=_by_channel(current_days, elsewhere),
        products=products.first,
        product_count=products.count,
        lines_minor=products.lines_minor,
        current=current,
        previous=previous,
        recorded_since=recorded_since,
        is_redating=query.company.redating is not None,
        held_back_orders=query.of_company(Order.objects.held_back(), period).count(),
        conversion=convert(query, asked, query.company.currency or currency)
        if query.is_converted and currency
        else None,
        differences=different,
        models=attribution_models(query, asked.credited, currency) if Section.MODELS in query.sections else None,
        profiles=figures_by_profile(query, asked, currency) if Section.PROFILES in query.sections else None,
        conversations=conversation_figures(query, asked, currency) if Section.CONVERSATIONS in query.sections else None,
    )


def _row(period: Period, channel: str, days: list[DayFigures]) -> RowFigures:
    """Add up days of one channel."""
    sums = map(sum, zip(*map(_sums_of, days), strict=True))
    return RowFigures(on=period.start, last_on=period.end, channel=channel, **dict(zip(_SUMS, sums, strict=True)))


def _by_channel(days: tuple[DayFigures, ...], elsewhere: Counter[str]) -> tuple[ChannelFigures, ...]:
    """Return the figures of each channel; ``elsewhere`` counts its orders in other currencies."""
    rows = []
    for channel in Channel.values:
        if of_channel := [day for day in days if day.channel == channel]:
            figures = Figures.of(of_channel, of_channel)
            is_of_several = is_mixed(figures.orders, elsewhere[channel])
            rows.append(ChannelFigures(channel, replace(figures, is_mixed=is_of_several)))
    return tuple(rows)
