"""Sums of the roll-ups: what ``live`` says of the same days, from a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from alhena_tracking.conf import conf
from alhena_tracking.models import DailyFigures, DailyProductFigures, DailyProductTotals, DailySessions, Trust
from alhena_tracking.reports.figures import Period
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import Grouped, Sum, product_texts, total, total_where


def credited_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], **lookups: str) -> Grouped:
    """Sums of cart events, orders and refunds."""
    return Grouped(
        query.credited(DailyFigures.objects.all(), *periods, **lookups),
        by,
        **_sums("add_to_cart_minor", "cart_events", "carts"),
        **_counted_sums("orders", "purchase_minor", "refunded_minor"),
        confirmed_minor=total_where("purchase_minor", "trust", Trust.CONFIRMED),
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
        bought = {name: total(kind + name) for name in ("units_purchased", "purchase_minor")}
    return Grouped(
        rows,
        ["product_id_digest"],
        **product_texts(rows),
        **_sums("add_to_cart_minor", "cart_events", "units_added"),
        **bought,
    )


def product_totals(rows: QuerySet[DailyProductFigures]) -> Grouped:
    """What ``DailyProductTotals`` says of some products, by currency and product."""
    return Grouped(
        rows,
        ["currency", "product_id_digest"],
        **product_texts(rows),
        **_sums("add_to_cart_minor", "cart_events", "units_added", "units_purchased", "purchase_minor"),
        confirmed_units_purchased=total_where("units_purchased", "trust", Trust.CONFIRMED),
        confirmed_purchase_minor=total_where("purchase_minor", "trust", Trust.CONFIRMED),
    )


def session_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Sums of sessions, and of those with an order that is asked for."""
    rows = query.of_company(DailySessions.objects.all(), *periods, **query.visits)
    return Grouped(rows, by, sessions=total("sessions"), converted_sessions=_converted(query.trust))


def _converted(trust: str) -> Sum:
    if conf.confirmed_orders_only:
        return Sum("0") if trust == Trust.REPORTED else total("confirmed_sessions")
    columns: dict[str, str] = {Trust.REPORTED: "reported_sessions", Trust.CONFIRMED: "confirmed_sessions"}
    return total(columns.get(trust, "converted_sessions"))


def _sums(*names: str) -> dict[str, Sum]:
    return {name: total(name) for name in names}


def _counted_sums(*names: str) -> dict[str, Sum]:
    """Sums that leave out what the settings do not count."""
    if conf.confirmed_orders_only:
        return {name: total_where(name, "trust", Trust.CONFIRMED) for name in names}
    return _sums(*names)
