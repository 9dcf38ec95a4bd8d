"""Sums of the roll-ups: what ``live`` says of the same days, from a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from alhena_tracking.conf import conf
from alhena_tracking.models import (
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailySessions,
    Trust,
    WeeklyProductTotals,
)
from alhena_tracking.reports.figures import Period
from alhena_tracking.reports.grouped import FoundRows, Grouped, StoredRows, Sum, product_texts, total, total_where
from alhena_tracking.reports.query import ReportQuery


def credited_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], **lookups: str) -> Grouped:
    """Sums of cart events, orders and refunds."""
    return Grouped(
        StoredRows(DailyFigures, query.company, periods, {**query.credit, **lookups}),
        by,
        **_sums("add_to_cart_minor", "cart_events", "carts"),
        **_counted_sums("orders", "purchase_minor", "refunded_minor"),
        confirmed_minor=total_where("purchase_minor", "trust", Trust.CONFIRMED),
    )


def credited_totals(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """The same of which less is asked."""
    return Grouped(
        StoredRows(DailyFigures, query.company, periods, query.credit),
        by,
        **_sums("add_to_cart_minor", "cart_events"),
        **_counted_sums("orders", "purchase_minor"),
    )


def product_sums(query: ReportQuery, periods: Sequence[Period], currency: str) -> Grouped:
    """Sums of every product, whose id's digest is the key, of what was credited as asked."""
    rows = StoredRows(DailyProductFigures, query.company, periods, {**query.credit, "currency": currency})
    return _of_products(rows, ["product_id_digest"], **_counted_sums("units_purchased", "purchase_minor"))


def product_totals(
    query: ReportQuery,
    model: type[DailyProductTotals | WeeklyProductTotals],
    periods: Sequence[Period],
    currency: str,
) -> Grouped:
    """The same whatever it was credited to, of days or of whole weeks."""
    rows = StoredRows(model, query.company, periods, {"currency": currency})
    kind = "confirmed_" if conf.confirmed_orders_only else ""
    bought = {name: total(kind + name) for name in ("units_purchased", "purchase_minor")}
    return _of_products(rows, ["product_id_digest"], **bought)


def totals_of_day(rows: QuerySet[DailyProductFigures]) -> Grouped:
    """What ``DailyProductTotals`` says of some products, by currency and product."""
    bought = {
        f"confirmed_{name}": total_where(name, "trust", Trust.CONFIRMED)
        for name in ("units_purchased", "purchase_minor")
    }
    return _of_products(
        FoundRows(rows), ["currency", "product_id_digest"], **_sums("units_purchased", "purchase_minor"), **bought
    )


def totals_of_week(rows: QuerySet[DailyProductTotals]) -> Grouped:
    """What ``WeeklyProductTotals`` says, likewise."""
    bought = ("units_purchased", "purchase_minor", "confirmed_units_purchased", "confirmed_purchase_minor")
    return _of_products(FoundRows(rows), ["currency", "product_id_digest"], **_sums(*bought))


def _of_products(rows: StoredRows | FoundRows, by: Sequence[str], **bought: Sum) -> Grouped:
    added = _sums("add_to_cart_minor", "cart_events", "units_added")
    return Grouped(rows, by, **product_texts(rows), **added, **bought)


def session_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Sums of sessions, and of those with an order that is asked for."""
    rows = StoredRows(DailySessions, query.company, periods, query.visits)
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
