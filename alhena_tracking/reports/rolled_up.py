"""Sums of the roll-ups: what ``live`` says of the same days, from a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Aggregate, Q, QuerySet, Sum, Value

from alhena_tracking.conf import conf
from alhena_tracking.models import DailyFigures, DailyProductFigures, DailyProductTotals, DailySessions, Trust
from alhena_tracking.reports.figures import Period
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import Grouped, product_texts


def credited_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], **lookups: str) -> Grouped:
    """Sums of cart events, orders and refunds."""
    return Grouped(
        query.credited(DailyFigures.objects.all(), *periods, **lookups),
        by,
        **_sums("add_to_cart_minor", "cart_events", "carts"),
        **_counted_sums("orders", "purchase_minor", "refunded_minor"),
        confirmed_minor=Sum("purchase_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
    )


def credited_totals(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """The same of which less is asked."""
    return Grouped(
        query.credited(DailyFigures.objects.all(), *periods),
        by,
        **_sums("add_to_cart_minor", "cart_events"),
        **_counted_sums("orders", "purchase_minor"),
    )


def product_sums(query: ReportQuery, periods: Sequence[Period], currency: str) -> Grouped:
    """Sums of every product, whose id's digest is the key."""
    rows: QuerySet[Any]
    if query.credit:
        rows = query.credited(DailyProductFigures.objects.all(), *periods, currency=currency)
        bought = _counted_sums("units_purchased", "purchase_minor")
    else:
        rows = query.of_company(DailyProductTotals.objects.all(), *periods, currency=currency)
        kind = "confirmed_" if conf.confirmed_orders_only else ""
        bought = {name: Sum(kind + name) for name in ("units_purchased", "purchase_minor")}
    return Grouped(
        rows,
        ["product_id_digest"],
        **product_texts(rows),
        **_sums("add_to_cart_minor", "cart_events", "units_added"),
        **bought,
    )


def product_totals(rows: QuerySet[DailyProductFigures]) -> Grouped:
    """What ``DailyProductTotals`` says of some products, by currency and product."""
    confirmed = Q(trust=Trust.CONFIRMED)
    return Grouped(
        rows,
        ["currency", "product_id_digest"],
        **product_texts(rows),
        **_sums("add_to_cart_minor", "cart_events", "units_added", "units_purchased", "purchase_minor"),
        confirmed_units_purchased=Sum("units_purchased", filter=confirmed, default=0),
        confirmed_purchase_minor=Sum("purchase_minor", filter=confirmed, default=0),
    )


def session_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Sums of sessions, and of those with an order that is asked for."""
    rows = query.of_company(DailySessions.objects.all(), *periods, **query.visits)
    return Grouped(rows, by, sessions=Sum("sessions"), converted_sessions=_converted(query.trust))


def _converted(trust: str) -> Aggregate | Value:
    if conf.confirmed_orders_only:
        return Value(0) if trust == Trust.REPORTED else Sum("confirmed_sessions")
    columns: dict[str, str] = {Trust.REPORTED: "reported_sessions", Trust.CONFIRMED: "confirmed_sessions"}
    return Sum(columns.get(trust, "converted_sessions"))


def _sums(*names: str) -> dict[str, Aggregate]:
    return {name: Sum(name) for name in names}


def _counted_sums(*names: str) -> dict[str, Aggregate]:
    """Sums that leave out what the settings do not count."""
    counted = Q(trust=Trust.CONFIRMED) if conf.confirmed_orders_only else Q()
    return {name: Sum(name, filter=counted, default=0) for name in names}
