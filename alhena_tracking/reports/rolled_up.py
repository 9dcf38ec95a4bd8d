"""Sums read from the roll-ups: the same as in ``live``, from a few rows a day."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from alhena_tracking.conf import conf
from alhena_tracking.models import (
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailyRecommended,
    DailySessions,
    DailyTouches,
    Trust,
    WeeklyProductTotals,
)
from alhena_tracking.reports.grouped import (
    STAMPS,
    FoundRows,
    Grouped,
    StoredRows,
    Sum,
    largest,
    latest_stored,
    total,
    total_where,
)
from alhena_tracking.reports.periods import Period
from alhena_tracking.reports.query import ReportQuery

#: The sums of a product's order lines.
_BOUGHT = ("units_purchased", "purchase_minor", "direct_minor")


def credited_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], **lookups: str) -> Grouped:
    """Sum cart events, orders and refunds."""
    return Grouped(
        StoredRows(DailyFigures, query.company, periods, {**query.credit, **lookups}),
        by,
        **_sums("add_to_cart_minor", "cart_events", "carts"),
        **counted_sums("orders", "purchase_minor", "refunded_minor", "direct_minor", "unlined_minor"),
        **counted_sums("tax_minor", "shipping_minor", "discount_minor", "stated_orders"),
        confirmed_minor=total_where("purchase_minor", "trust", Trust.CONFIRMED),
        verified_minor=total_where("purchase_minor", "trust", Trust.VERIFIED),
    )


def credited_totals(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Sum cart events and orders, without carts and refunds."""
    return Grouped(
        StoredRows(DailyFigures, query.company, periods, query.credit),
        by,
        **_sums("add_to_cart_minor", "cart_events"),
        **counted_sums("orders", "purchase_minor"),
    )


def cart_totals(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Sum cart events without counting carts."""
    rows = StoredRows(DailyFigures, query.company, periods, query.credit)
    return Grouped(rows, by, **_sums("add_to_cart_minor", "cart_events"))


def purchase_totals(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], currency: str) -> Grouped:
    """Sum and count orders, without refunds."""
    rows = StoredRows(DailyFigures, query.company, periods, {**query.credit, "currency": currency})
    return Grouped(rows, by, **counted_sums("orders", "purchase_minor"))


def touch_sums(query: ReportQuery, periods: Sequence[Period], currency: str) -> Grouped:
    """Sum what the models give to each channel and AI profile, of the orders with several touches."""
    return Grouped(
        StoredRows(DailyTouches, query.company, periods, {**query.credit, "currency": currency}),
        ("touched_channel", "touched_profile"),
        **counted_sums("first_minor", "last_minor", "linear_minor", "first_orders", "last_orders"),
    )


def several_touches_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str], currency: str) -> Grouped:
    """Sum and count the orders with several touches, and count those without stored touches."""
    return Grouped(
        StoredRows(DailyTouches, query.company, periods, {**query.credit, "currency": currency}),
        by,
        # Each order has one first touch.
        several_minor=_counted("first_minor"),
        several_orders=_counted("first_orders"),
        orders_without_touches=_counted("orders_without_touches"),
    )


def product_sums(query: ReportQuery, periods: Sequence[Period], currency: str) -> Grouped:
    """Sum by product under the query's filters; the key is the digest of its id."""
    rows = StoredRows(DailyProductFigures, query.company, periods, {**query.credit, "currency": currency})
    return _of_products(rows, ["product_id_digest"], **counted_sums(*_BOUGHT))


def product_totals(
    query: ReportQuery,
    model: type[DailyProductTotals | WeeklyProductTotals],
    periods: Sequence[Period],
    currency: str,
) -> Grouped:
    """Sum by product over all credits, from days or weeks."""
    rows = StoredRows(model, query.company, periods, {"currency": currency})
    kind = "trusted_" if conf.confirmed_orders_only else ""
    bought = {name: total(kind + name) for name in _BOUGHT}
    return _of_products(rows, ["product_id_digest"], **bought)


def recommended_sums(query: ReportQuery, periods: Sequence[Period], product_ids: Sequence[str] | None) -> Grouped:
    """Count the interactions that recommended products under the query's filters; the key is the product's id."""
    rows = StoredRows(DailyRecommended, query.company, periods, query.visits, product_ids)
    return Grouped(rows, ["product_id"], interactions=total("interactions"))


def totals_of_day(rows: QuerySet[DailyProductFigures]) -> Grouped:
    """Return the sums of ``DailyProductTotals``, by currency and product."""
    bought = {f"trusted_{name}": total_where(name, "trust", *Trust.by_server()) for name in _BOUGHT}
    return _of_products(FoundRows(rows), ["currency", "product_id_digest"], **_sums(*_BOUGHT), **bought)


def totals_of_week(rows: QuerySet[DailyProductTotals]) -> Grouped:
    """Return the sums of ``WeeklyProductTotals``, by currency and product."""
    bought = (*_BOUGHT, *(f"trusted_{name}" for name in _BOUGHT))
    return _of_products(FoundRows(rows), ["currency", "product_id_digest"], **_sums(*bought))


def _of_products(rows: StoredRows | FoundRows, by: Sequence[str], **bought: Sum) -> Grouped:
    added = _sums("add_to_cart_minor", "cart_events", "units_added")
    names = {name: latest_stored(rows, name) for name in STAMPS}
    return Grouped(rows, by, product_id=largest("product_id"), **names, **added, **bought)


def session_sums(query: ReportQuery, periods: Sequence[Period], by: Sequence[str]) -> Grouped:
    """Count sessions, and those with an order under the query's filters.

    ``channel`` and ``ai_profile`` are null in the sums over all their values, where they are keys without a filter.
    """
    pair = {"channel": query.channel or None, "ai_profile": query.ai_profile or None}
    chosen = {name: value for name, value in pair.items() if value or name not in by}
    rows = StoredRows(DailySessions, query.company, periods, chosen)
    return Grouped(
        rows,
        by,
        sessions=total("sessions"),
        converted_sessions=total_of_trust(query.trust, "converted_sessions", "sessions"),
    )


def total_of_trust(trust: str, counted: str, kind: str) -> Sum:
    """Return the total of what has an order of a level of trust: the column ``counted``, or that of ``kind`` for the
    level; of the levels that count, if it is empty.
    """
    if conf.confirmed_orders_only and trust == Trust.REPORTED:
        return Sum("0")
    if not trust:
        return total(f"trusted_{kind}" if conf.confirmed_orders_only else counted)
    return total(f"{trust.lower()}_{kind}")


def _sums(*names: str) -> dict[str, Sum]:
    return {name: total(name) for name in names}


def counted_sums(*names: str) -> dict[str, Sum]:
    """Sum columns of orders that count."""
    return {name: _counted(name) for name in names}


def _counted(name: str) -> Sum:
    """Sum only confirmed and verified orders under ``CONFIRMED_ORDERS_ONLY``."""
    return total_where(name, "trust", *Trust.by_server()) if conf.confirmed_orders_only else total(name)
