"""Sums of the roll-ups: what ``live`` says of the same days, from a few rows a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Aggregate, Max, Q, QuerySet, Sum, Value

from alhena_tracking.conf import conf
from alhena_tracking.models import DailyFigures, DailyProductFigures, DailyProductTotals, DailySessions, Trust
from alhena_tracking.reports.figures import Period
from alhena_tracking.reports.live import Sums, exact, last_text
from alhena_tracking.reports.query import ReportQuery


def credited_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], **lookups: str) -> Iterator[Sums]:
    """Sums of cart events, orders and refunds."""
    return _counted(
        query.credited(DailyFigures.objects.all(), *periods, **lookups),
        by,
        of_carts=("add_to_cart_minor", "cart_events", "carts"),
        of_orders=("orders", "purchase_minor", "refunded_minor"),
        confirmed_minor=Sum("purchase_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
    )


def product_sums(query: ReportQuery, periods: Sequence[Period], currency: str) -> Iterator[Sums]:
    """Sums of every product, whose id's digest is the key."""
    if not query.credit:
        yield from _product_totals(query, periods, currency)
        return
    rows = query.credited(DailyProductFigures.objects.all(), *periods, currency=currency)
    yield from _counted(
        rows,
        ["product_id_digest"],
        of_carts=("add_to_cart_minor", "cart_events", "units_added"),
        of_orders=("units_purchased", "purchase_minor"),
        product_id=Max("product_id"),
        product_name=last_text("product_name", rows),
    )


def _product_totals(query: ReportQuery, periods: Sequence[Period], currency: str) -> Iterator[Sums]:
    rows = query.of_company(DailyProductTotals.objects.filter(currency=currency), *periods)
    kind = "confirmed_" if conf.confirmed_orders_only else ""
    sums = _grouped(
        rows,
        ["product_id_digest"],
        product_id=Max("product_id"),
        product_name=last_text("product_name", rows),
        cart_events=Sum("cart_events"),
        add_to_cart_minor=Sum("add_to_cart_minor"),
        units_added=Sum("units_added"),
        purchase_minor=Sum(f"{kind}purchase_minor"),
        units_purchased=Sum(f"{kind}units_purchased"),
    )
    for key, values in sums:
        if values["cart_events"] or values["units_purchased"]:
            yield key, values


def session_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Iterator[Sums]:
    """Sums of sessions, and of those with an order that is asked for."""
    rows = query.of_company(DailySessions.objects.all(), *periods).filter(**query.visits)
    return _grouped(rows, by, sessions=Sum("sessions"), converted_sessions=_converted(query.trust))


def _converted(trust: str) -> Aggregate | Value:
    if conf.confirmed_orders_only:
        return Value(0) if trust == Trust.REPORTED else Sum("confirmed_sessions")
    columns: dict[str, str] = {Trust.REPORTED: "reported_sessions", Trust.CONFIRMED: "confirmed_sessions"}
    return Sum(columns.get(trust, "converted_sessions"))


def _counted(
    rows: QuerySet[Any], by: Sequence[str], of_carts: Sequence[str], of_orders: Sequence[str], **sums: Aggregate
) -> Iterator[Sums]:
    """Sums of which those ``of_orders`` leave out what the settings do not count, and keys of which nothing is left."""
    counted = Q(trust=Trust.CONFIRMED) if conf.confirmed_orders_only else Q()
    sums |= {name: Sum(name) for name in of_carts}
    sums |= {name: Sum(name, filter=counted, default=0) for name in of_orders}
    for key, values in _grouped(rows, by, **sums):
        if values["cart_events"] or values[of_orders[0]]:
            yield key, values


def _grouped(rows: QuerySet[Any], by: Sequence[str], **sums: Any) -> Iterator[Sums]:
    # Under other names than those of the columns, which aggregates may not have.
    named = {f"{name}_sum": aggregate for name, aggregate in sums.items()}
    for row in rows.values_list(*by).annotate(**named):
        values = (exact(value) for value in row[len(by) :])
        yield tuple(row[: len(by)]), dict(zip(sums, values, strict=True))
