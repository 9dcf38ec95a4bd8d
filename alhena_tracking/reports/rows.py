"""From the database to sums per day and channel. Every query groups; none returns a row per event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import Aggregate, Count, Max, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from alhena_tracking.currencies import MINOR_UNITS
from alhena_tracking.models import CartEvent, Company, Interaction, Order, Refund, Trust
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Period
from alhena_tracking.reports.query import ReportQuery

#: Figures of ``DayFigures`` by name, of one day and channel.
Sums: TypeAlias = tuple[tuple[date, str], Mapping[str, int]]

#: How many AI profiles are offered as a filter. The browser names them, so there can be any number.
MOST_PROFILES = 50


def choose_currency(query: ReportQuery, period: Period) -> tuple[str, list[CurrencyTotals]]:
    """The currency to show, and what was taken in each other one, the busiest first.

    Shown is the query's, else that of the most orders, else (without orders) that of the most cart events, else
    (without either) none: an empty string.
    """
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for currency, minor, count in _by_currency(Order.objects.counted(), "value_minor", query, period):
        found[currency].update(purchase_minor=minor, orders=count)
    shown = query.currency or _busiest(found, "orders")
    for currency, minor, count in _by_currency(CartEvent.objects.all(), "gmv_minor", query, period, shown):
        found[currency].update(add_to_cart_minor=minor, cart_events=count)
    shown = shown or _busiest(found, "cart_events")
    others = [CurrencyTotals(currency=currency, **sums) for currency, sums in found.items() if currency != shown]
    return shown, sorted(others, key=lambda total: (-total.orders, -total.cart_events, total.currency))


def figures_by_day(query: ReportQuery, period: Period, currency: str) -> list[DayFigures]:
    """The figures of every day and channel that has any."""
    found: defaultdict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for sums in (
        _cart_sums(query, period, currency),
        _order_sums(query, period, currency),
        _refund_sums(query, period, currency),
        _session_sums(query, period),
        _conversion_sums(query, period),
    ):
        for key, values in sums:
            found[key].update(values)
    return [DayFigures(on=on, channel=of, **sums) for (on, of), sums in sorted(found.items())]


def last_interaction_on(company: Company) -> date | None:
    """The last day on which the assistant was used in a shop; ``None`` if it never was."""
    day: date | None = Interaction.objects.filter(company=company).aggregate(last=Max("occurred_on"))["last"]
    return day


def ai_profiles(company: Company, period: Period) -> list[str]:
    """The AI profiles of the sessions that started in a period, by name: the ``MOST_PROFILES`` busiest."""
    sessions = ReportQuery(company=company, period=period).started(period).exclude(ai_profile="")
    counted = sessions.values_list("ai_profile").annotate(sessions=Count("*"))
    return sorted(profile for profile, _ in counted.order_by("-sessions", "ai_profile")[:MOST_PROFILES])


def _busiest(found: Mapping[str, Mapping[str, int]], count: str) -> str:
    return min(found, key=lambda currency: (-found[currency].get(count, 0), currency), default="")


def _by_currency(
    rows: DatedQuerySet[Any], minor: str, query: ReportQuery, period: Period, except_for: str = ""
) -> Iterator[tuple[str, int, int]]:
    # Naming every currency lets the report's indexes, which begin with company and currency, find the days.
    currencies = [currency for currency in MINOR_UNITS if currency != except_for]
    rows = query.credited(rows, period, currency__in=currencies)
    yield from rows.values_list("currency").annotate(minor=Sum(minor), count=Count("*"))


def _cart_sums(query: ReportQuery, period: Period, currency: str) -> Iterator[Sums]:
    """Sums of cart events and the number of carts, in one pass.

    A cart is a session's first cart event of a day, whatever is credited with it, so the places are given before the
    filters choose. Django's ORM cannot group by what a window function says, hence the outer ``SELECT``.
    """
    place = Window(RowNumber(), partition_by=["occurred_on", "session_id"], order_by=["occurred_at", "id"])
    events = (
        CartEvent.objects.filter(company=query.company, currency=currency)
        .between(period.start, period.end)
        .order_by()
        .annotate(place=place)
        .values("occurred_on", "gmv_minor", "place", *{"channel", *query.credit})
    )
    inner_sql, params = events.query.get_compiler(events.db).as_sql()
    chosen = " AND ".join(f"{name} = %s" for name in query.credit)
    sql = (
        "SELECT occurred_on, channel, SUM(gmv_minor), COUNT(*), SUM(CASE WHEN place = 1 THEN 1 ELSE 0 END) "  # noqa: S608
        f"FROM ({inner_sql}) placed {f'WHERE {chosen} ' if chosen else ''}GROUP BY occurred_on, channel"
    )
    to_date = CartEvent._meta.get_field("occurred_on").to_python  # SQLite answers with text
    with connections[events.db].cursor() as cursor:
        cursor.execute(sql, (*params, *query.credit.values()))
        for on, of, minor, count, carts in cursor.fetchall():
            sums = {"add_to_cart_minor": int(minor), "cart_events": count, "carts": int(carts)}
            yield (to_date(on), of), sums


def _order_sums(query: ReportQuery, period: Period, currency: str) -> Iterator[Sums]:
    return _grouped(
        query.orders(period, currency=currency),
        by=("occurred_on", "channel"),
        purchase_minor=Sum("value_minor"),
        confirmed_minor=Sum("value_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
        orders=Count("*"),
    )


def _refund_sums(query: ReportQuery, period: Period, currency: str) -> Iterator[Sums]:
    """Refunds lower the net of the order's day, not of their own."""
    return _grouped(
        Refund.objects.filter(refunded_order__in=query.orders(period, currency=currency)).order_by(),
        by=("refunded_order__occurred_on", "refunded_order__channel"),
        refunded_minor=Sum("value_minor"),
    )


def _session_sums(query: ReportQuery, period: Period) -> Iterator[Sums]:
    return _grouped(query.started(period), by=("started_on", "channel"), sessions=Count("*"))


def _conversion_sums(query: ReportQuery, period: Period) -> Iterator[Sums]:
    """Sessions that have an order by now: on whatever day, in whatever currency, credited to whatever channel."""
    orders = Order.objects.counted().filter(session__in=query.started(period))
    return _grouped(
        orders.filter(trust=query.trust) if query.trust else orders,
        by=("session__started_on", "session__channel"),
        converted_sessions=Count("session", distinct=True),
    )


def _grouped(rows: QuerySet[Any], by: tuple[str, str], **sums: Aggregate) -> Iterator[Sums]:
    for on, channel, *values in rows.order_by().values_list(*by).annotate(**sums):
        yield (on, channel), dict(zip(sums, values, strict=True))
