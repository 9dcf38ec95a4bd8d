"""Read sums by currency, day and channel, and AI profile: from roll-ups where valid, else from events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db.models import Max

from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SourceDays, SplitDays
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, SessionDay
from alhena_tracking.reports.grouped import Grouped
from alhena_tracking.reports.periods import Period
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.session_sums import SessionSums
from alhena_tracking.reports.sums import add_up

#: Most AI profiles offered as a filter, or with a row of their own. Browsers name them, so there can be any number.
MOST_PROFILES = 50
#: A channel without any of these has no row.
_SHOWN = ("cart_events", "orders", "sessions", "dated_refunds_minor")


def choose_currency(query: ReportQuery, days: SplitDays) -> tuple[str, list[CurrencyTotals], Counter[str]]:
    """Return the currency to show, the totals of the others, the busiest first, and by channel the orders in these.

    The currency is the query's, else the company's, else the one with the most orders, else the one with the most cart
    events, else empty.
    """
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    orders: dict[str, Counter[str]] = defaultdict(Counter)
    by = ["currency", "channel"]
    for (currency, channel), of_channel in add_up(credited_totals(query, days, by), by, using=CartEvent.objects.db):
        sums[currency].update(of_channel)
        orders[currency][channel] += of_channel["orders"]
    found = {
        currency: CurrencyTotals(currency=currency, **of_currency)
        for currency, of_currency in sums.items()
        if of_currency["cart_events"] or of_currency["orders"]
    }
    chosen = query.currency or query.company.currency
    shown = chosen or _busiest(found, "orders") or _busiest(found, "cart_events")
    found.pop(shown, None)
    others = sorted(found.values(), key=lambda total: (-total.orders, -total.cart_events, total.currency))
    return shown, others, sum((orders[total.currency] for total in others), Counter())


def orders_elsewhere(query: ReportQuery, days: SplitDays, currency: str) -> int:
    """Count the orders of the compared days in other currencies."""
    by = ["currency"]
    if query.compared and query.until:
        parts = [live.order_totals(query.orders(query.compared, **_by("occurred_at", query.until)), by)]
    else:
        parts = [live.order_totals(query.orders(*days.live), by)] if days.live else []
        if days.rolled_up:
            parts.append(rolled_up.credited_totals(query, days.rolled_up, by))
    found = add_up(parts, by, using=Order.objects.db)
    return sum(sums["orders"] for (other,), sums in found if other != currency)


def figures_by_day(query: ReportQuery, days: SourceDays, currency: str) -> tuple[list[DayFigures], list[SessionDay]]:
    """Return the figures of every day and channel that has any, and the sessions of each day under the query's filters.

    Under ``query.until``, also of the compared day.
    """
    parts: list[Grouped] = []
    by = ("on", "channel")
    credited, visits = days.credited, days.visits
    if credited.rolled_up:
        parts.append(rolled_up.credited_sums(query, credited.rolled_up, by, currency=currency))
    if visits.rolled_up:
        parts.append(rolled_up.session_sums(query, visits.rolled_up, by))
    parts.append(live.refund_sums(query.refunds(*credited.rolled_up, *credited.live, currency=currency)))
    if credited.live:
        parts += _credited(query, credited.live, currency)
    if visits.live:
        parts.append(_visits(query, visits.live))
    if query.compared and query.until:
        parts += _credited(query, [query.compared], currency, until=query.until)
        refunds = query.refunds(query.compared, currency=currency)
        parts.append(live.refund_sums(refunds.filter(**_by("occurred_at", query.until))))
        parts.append(_visits(query, [query.compared], until=query.until))
    rows: list[DayFigures] = []
    session_days: list[SessionDay] = []
    for (on, channel), sums in add_up(parts, by, using=CartEvent.objects.db):
        if channel is not None and any(sums[name] for name in _SHOWN):
            rows.append(DayFigures(on=on, channel=channel, **sums))
        if (query.channel or channel is None) and sums["sessions"]:
            counts = {name: sums[name] for name in ("sessions", "converted_sessions")}
            session_days.append(SessionDay(on=on, **counts))
    return sorted(rows, key=lambda day: (day.on, day.channel)), sorted(session_days, key=lambda day: day.on)


def _credited(
    query: ReportQuery, days: Sequence[Period], currency: str, *, until: datetime | None = None
) -> list[Grouped]:
    """Return the sums of cart events and orders, with refunds, from the events: all, or those by ``until``."""
    by, lookups = ("occurred_on", "channel"), {"currency": currency, **_by("occurred_at", until)}
    events = query.of_company(CartEvent.objects.included(), *days, **lookups)
    orders = query.orders(*days, **lookups)
    return [live.cart_sums(events, by, query.credit), live.order_sums(orders, by, until=until)]


def _visits(query: ReportQuery, days: Sequence[Period], *, until: datetime | None = None) -> Grouped:
    """Count sessions, and those with an order: all, or those by ``until``."""
    sessions = query.started(*days).filter(**_by("started_at", until), **_by("qualified_at", until))
    by = ("started_on", "channel")
    # A channel that is filtered by has all of them.
    levels = [by] if query.channel else [by, ("started_on",)]
    return SessionSums(sessions, levels, chosen=query.visits, until=until, converted_sessions=query.converting)


def _by(moment: str, until: datetime | None) -> dict[str, object]:
    return {f"{moment}__lte": until} if until else {}


def last_interaction_on(company: Company) -> date | None:
    """Return the last day on which the assistant was used in a shop; ``None`` if it never was."""
    day: date | None = Interaction.objects.filter(company=company).aggregate(last=Max("occurred_on"))["last"]
    return day


def ai_profiles(company: Company, period: Period) -> list[str]:
    """Return the ``MOST_PROFILES`` busiest AI profiles of a period's sessions, cart events and orders, by name."""
    query, days, by = ReportQuery(company=company, period=period), SourceDays.of(company, period), ["ai_profile"]
    parts = [*visits_by_profile(query, days.visits), *credited_totals(query, days.credited, by)]
    found = {
        profile: [-sums[name] for name in ("sessions", "orders", "cart_events")]
        for (profile,), sums in add_up(parts, by, using=VisitorSession.objects.db)
        if profile
    }
    profiles = (profile for profile, counts in found.items() if any(counts))
    return sorted(sorted(profiles, key=lambda profile: (found[profile], profile))[:MOST_PROFILES])


def visits_by_profile(query: ReportQuery, days: SplitDays) -> list[Grouped]:
    """Return the numbers of sessions by AI profile; ``None`` are those of any, where no profile is filtered by."""
    by, parts = ["ai_profile"], list[Grouped]()
    if days.rolled_up:
        parts.append(rolled_up.session_sums(query, days.rolled_up, by))
    if days.live:
        sessions = query.started(*days.live)
        parts.append(SessionSums(sessions, [by], chosen=query.visits, converted_sessions=query.converting))
    return parts


def credited_totals(query: ReportQuery, days: SplitDays, by: Sequence[str]) -> list[Grouped]:
    """Return the sums of cart events and orders on some days."""
    parts: list[Grouped] = []
    if days.rolled_up:
        parts.append(rolled_up.credited_totals(query, days.rolled_up, by))
    if days.live:
        parts.append(live.order_totals(query.orders(*days.live), by))
        parts.append(live.cart_totals(query.credited(CartEvent.objects.included(), *days.live), by))
    return parts


def _busiest(found: Mapping[str, CurrencyTotals], count: str) -> str:
    counted = {currency: getattr(totals, count) for currency, totals in found.items() if getattr(totals, count)}
    return min(counted, key=lambda currency: (-counted[currency], currency), default="")
