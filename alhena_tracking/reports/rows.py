"""From the database to sums per day and channel: of the roll-ups where they hold, and of the events of other days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from django.db.models import Max

from alhena_tracking.currencies import MINOR_UNITS
from alhena_tracking.models import CartEvent, Company, Interaction, Order
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SplitDays
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Period
from alhena_tracking.reports.live import Sums
from alhena_tracking.reports.query import ReportQuery

#: How many AI profiles are offered as a filter. The browser names them, so there can be any number.
MOST_PROFILES = 50

_TOTALS = ("add_to_cart_minor", "cart_events", "purchase_minor", "orders")


def choose_currency(query: ReportQuery, days: SplitDays) -> tuple[str, list[CurrencyTotals]]:
    """The currency to show, and what was taken in each other one, the busiest first.

    Shown is the query's, else that of the most orders, else (without orders) that of the most cart events, else
    (without either) none: an empty string.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(sums: Iterator[Sums]) -> None:
        for (currency,), values in sums:
            found[currency].update({name: values.get(name, 0) for name in _TOTALS})

    if days.rolled_up:
        add(rolled_up.credited_sums(query, days.rolled_up, ["currency"]))
    if days.live:
        # Naming every currency lets the report's indexes, which begin with company and currency, find the days.
        add(live.order_sums(query.orders(*days.live, currency__in=list(MINOR_UNITS)), ["currency"]))
    shown = query.currency or _busiest(found, "orders")
    if days.live:
        others = [currency for currency in MINOR_UNITS if currency != shown]
        events = query.credited(CartEvent.objects.all(), *days.live, currency__in=others)
        add(live.cart_totals(events, ["currency"]))
    shown = shown or _busiest(found, "cart_events")
    totals = [CurrencyTotals(currency=currency, **sums) for currency, sums in found.items() if currency != shown]
    return shown, sorted(totals, key=lambda total: (-total.orders, -total.cart_events, total.currency))


def figures_by_day(query: ReportQuery, days: SplitDays, currency: str) -> list[DayFigures]:
    """The figures of every day and channel that has any."""
    found: defaultdict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for key, values in (*_rolled_up_sums(query, days, currency), *_live_sums(query, days, currency)):
        on, channel = key
        found[on, channel].update(values)
    return [DayFigures(on=on, channel=of, **sums) for (on, of), sums in sorted(found.items())]


def last_interaction_on(company: Company) -> date | None:
    """The last day on which the assistant was used in a shop; ``None`` if it never was."""
    day: date | None = Interaction.objects.filter(company=company).aggregate(last=Max("occurred_on"))["last"]
    return day


def ai_profiles(company: Company, period: Period) -> list[str]:
    """The AI profiles of the sessions that started in a period, by name: the ``MOST_PROFILES`` busiest."""
    query, days = ReportQuery(company=company, period=period), SplitDays.of(company, period)
    found: Counter[str] = Counter()
    if days.rolled_up:
        for (profile,), sums in rolled_up.session_sums(query, days.rolled_up, ["ai_profile"]):
            found[profile] += sums["sessions"]
    if days.live:
        for (profile,), sums in live.session_sums(query.started(*days.live), ["ai_profile"]):
            found[profile] += sums["sessions"]
    found.pop("", None)
    return sorted(sorted(found, key=lambda profile: (-found[profile], profile))[:MOST_PROFILES])


def _busiest(found: Mapping[str, Mapping[str, int]], count: str) -> str:
    counted = {currency: sums[count] for currency, sums in found.items() if sums[count]}
    return min(counted, key=lambda currency: (-counted[currency], currency), default="")


def _rolled_up_sums(query: ReportQuery, days: SplitDays, currency: str) -> Iterator[Sums]:
    if days.rolled_up:
        by = ("on", "channel")
        yield from rolled_up.credited_sums(query, days.rolled_up, by, currency=currency)
        yield from rolled_up.session_sums(query, days.rolled_up, by)


def _live_sums(query: ReportQuery, days: SplitDays, currency: str) -> Iterator[Sums]:
    if days.live:
        by = ("occurred_on", "channel")
        events = query.of_company(CartEvent.objects.filter(currency=currency), *days.live)
        orders, sessions = query.orders(*days.live, currency=currency), query.started(*days.live)
        converting = Order.objects.counted().filter(**({"trust": query.trust} if query.trust else {}))
        yield from live.cart_sums(events, by, query.credit)
        yield from live.order_sums(orders, by)
        yield from live.refund_sums(orders, by)
        yield from live.session_sums(sessions, ("started_on", "channel"), converted_sessions=converting)
