"""Figures by product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alhena_tracking.conf import conf
from alhena_tracking.models import CartEvent, DailyProductTotals, WeeklyProductTotals
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.grouped import STAMP, Grouped
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import PRODUCT_RANKS, rank_products


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFigures:
    """The figures of one product: amounts in minor units, units with decimals (goods are sold by weight).

    Additions to carts are net of what was given back. ``purchase_minor`` sums order lines, so discounts on whole orders
    are not in it. ``name`` is the latest that the product's cart events and counted orders gave.
    """

    product_id: str
    name: str
    add_to_cart_minor: int = 0
    units_added: Decimal = Decimal()
    purchase_minor: int = 0
    units_purchased: Decimal = Decimal()


def figures_by_product(
    query: ReportQuery, days: SourceDays, currency: str, *, most: int | None = None, first: str = PRODUCT_RANKS[0]
) -> tuple[list[ProductFigures], int]:
    """Return the figures of the first ``most`` products (or of all), and the number of products.

    Ordered by the sum ``first`` of ``PRODUCT_RANKS``, then by the other one, both descending.
    """
    parts = product_sums(query, days, currency)
    ranked, count = rank_products(parts, most=most, first=first, using=CartEvent.objects.db)
    products = [
        ProductFigures(
            product_id=sums["product_id"],
            name=latest_name(sums),
            add_to_cart_minor=sums["add_to_cart_minor"],
            units_added=sums["units_added"],
            purchase_minor=sums["purchase_minor"],
            units_purchased=sums["units_purchased"],
        )
        for sums in ranked
    ]
    return products, count


def product_sums(query: ReportQuery, days: SourceDays, currency: str) -> list[Grouped]:
    """Return the sums of all products on some days."""
    parts: list[Grouped] = []
    if query.credit:
        if days.credited.rolled_up:
            parts.append(rolled_up.product_sums(query, days.credited.rolled_up, currency))
    else:
        if days.weeks:
            parts.append(rolled_up.product_totals(query, WeeklyProductTotals, days.weeks, currency))
        if days.outside_weeks:
            parts.append(rolled_up.product_totals(query, DailyProductTotals, days.outside_weeks, currency))
    if live_days := days.credited.live:
        parts.append(live.added_sums(query.credited(CartEvent.objects.included(), *live_days, currency=currency), ()))
        parts.append(live.purchased_sums(query.orders(*live_days, currency=currency), ()))
    return parts


def latest_name(sums: Mapping[str, Any]) -> str:
    """Return the latest name that a product's cart events and counted orders gave."""
    names = ["product_name"] if conf.confirmed_orders_only else ["product_name", "reported_name"]
    latest: str = max(sums[name] for name in names)
    return latest[STAMP:]
