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
from alhena_tracking.models import CartEvent, Company, Interaction, Order, Trust, VisitorSession
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports.figures import CurrencyTotals, DayFigures, Period

#: Figures of ``DayFigures`` by name, of one day and channel.
Sums: TypeAlias = tuple[tuple[date, str], Mapping[str, int]]


def choose_currency(
    company: Company, period: Period, channel: str, chosen: str = ""
) -> tuple[str, list[CurrencyTotals]]:
    """The currency to show, and what was taken in each other one, the busiest first.

    Shown is the ``chosen`` one, else that of the most orders, else (without orders) that of the most cart events, else
    (without either) none: an empty string.
    """
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for currency, minor, count in _by_currency(Order.objects.counted(), "value_minor", company, period, channel):
        found[currency].update(purchase_minor=minor, orders=count)
    shown = chosen or _busiest(found, "orders")
    for currency, minor, count in _by_currency(CartEvent.objects.all(), "gmv_minor", company, period, channel, shown):
        found[currency].update(add_to_cart_minor=minor, cart_events=count)
    shown = shown or _busiest(found, "cart_events")
    others = [CurrencyTotals(currency=currency, **sums) for currency, sums in found.items() if currency != shown]
    return shown, sorted(others, key=lambda total: (-total.orders, -total.cart_events, total.currency))


def figures_by_day(company: Company, period: Period, currency: str, channel: str) -> list[DayFigures]:
    """The figures of every day and channel that has any; all channels without a ``channel``."""
    found: defaultdict[tuple[date, str], dict[str, int]] = defaultdict(dict)
    for sums in (
        _cart_sums(company, period, currency, channel),
        _order_sums(company, period, currency, channel),
        _session_sums(company, period, channel),
        _conversion_sums(company, period, channel),
    ):
        for key, values in sums:
            found[key].update(values)
    return [DayFigures(on=on, channel=of, **sums) for (on, of), sums in sorted(found.items())]


def last_interaction_on(company: Company) -> date | None:
    """The last day on which the assistant was used in a shop; ``None`` if it never was."""
    day: date | None = Interaction.objects.filter(company=company).aggregate(last=Max("occurred_on"))["last"]
    return day


def _busiest(found: Mapping[str, Mapping[str, int]], count: str) -> str:
    return min(found, key=lambda currency: (-found[currency].get(count, 0), currency), default="")


def _by_currency(
    rows: DatedQuerySet[Any], minor: str, company: Company, period: Period, channel: str, except_for: str = ""
) -> Iterator[tuple[str, int, int]]:
    # Naming every currency lets the report's indexes, which begin with company and currency, find the days.
    currencies = [currency for currency in MINOR_UNITS if currency != except_for]
    rows = rows.between(period.start, period.end).filter(company=company, currency__in=currencies, **_channel(channel))
    yield from rows.order_by().values_list("currency").annotate(minor=Sum(minor), count=Count("*"))


def _cart_sums(company: Company, period: Period, currency: str, channel: str) -> Iterator[Sums]:
    """Sums of cart events and the number of carts, in one pass.

    A cart is a session's first cart event of a day, whatever its channel, so the places are given before the channel
    is chosen. Django's ORM cannot group by what a window function says, hence the outer ``SELECT``.
    """
    place = Window(RowNumber(), partition_by=["occurred_on", "session_id"], order_by=["occurred_at", "id"])
    events = (
        CartEvent.objects.filter(company=company, currency=currency)
        .between(period.start, period.end)
        .order_by()
        .annotate(place=place)
        .values("occurred_on", "channel", "gmv_minor", "place")
    )
    inner_sql, params = events.query.get_compiler(events.db).as_sql()
    sql = (
        "SELECT occurred_on, channel, SUM(gmv_minor), COUNT(*), SUM(CASE WHEN place = 1 THEN 1 ELSE 0 END) "  # noqa: S608
        f"FROM ({inner_sql}) placed {'WHERE channel = %s ' if channel else ''}GROUP BY occurred_on, channel"
    )
    to_date = CartEvent._meta.get_field("occurred_on").to_python  # SQLite answers with text
    with connections[events.db].cursor() as cursor:
        cursor.execute(sql, (*params, channel) if channel else params)
        for on, of, minor, count, carts in cursor.fetchall():
            sums = {"add_to_cart_minor": int(minor), "cart_events": count, "carts": int(carts)}
            yield (to_date(on), of), sums


def _order_sums(company: Company, period: Period, currency: str, channel: str) -> Iterator[Sums]:
    orders = Order.objects.counted().filter(company=company, currency=currency).between(period.start, period.end)
    return _grouped(
        orders.filter(**_channel(channel)),
        by=("occurred_on", "channel"),
        purchase_minor=Sum("value_minor"),
        confirmed_minor=Sum("value_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
        orders=Count("*"),
    )


def _session_sums(company: Company, period: Period, channel: str) -> Iterator[Sums]:
    sessions = VisitorSession.objects.filter(company=company).between(period.start, period.end)
    return _grouped(sessions.filter(**_channel(channel)), by=("started_on", "channel"), sessions=Count("*"))


def _conversion_sums(company: Company, period: Period, channel: str) -> Iterator[Sums]:
    """Sessions that have an order by now: on whatever day, in whatever currency, credited to whatever channel."""
    orders = Order.objects.counted().filter(
        session__company=company, session__started_on__gte=period.start, session__started_on__lte=period.end
    )
    return _grouped(
        orders.filter(**_channel(channel, "session__channel")),
        by=("session__started_on", "session__channel"),
        converted_sessions=Count("session", distinct=True),
    )


def _grouped(rows: QuerySet[Any], by: tuple[str, str], **sums: Aggregate) -> Iterator[Sums]:
    for on, channel, *values in rows.order_by().values_list(*by).annotate(**sums):
        yield (on, channel), dict(zip(sums, values, strict=True))


def _channel(channel: str, field: str = "channel") -> dict[str, str]:
    return {field: channel} if channel else {}
