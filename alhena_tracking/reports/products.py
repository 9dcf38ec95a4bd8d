"""Figures by product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alhena_tracking.conf import conf
from alhena_tracking.models import CartEvent, DailyProductTotals, Interaction, WeeklyProductTotals
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SourceDays, SplitDays
from alhena_tracking.reports.grouped import STAMP, Grouped
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import PRODUCT_RANKS, add_up, rank_products

#: Of more products, the recommendations of all are read.
MOST_LOOKED_UP = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFigures:
    """The figures of one product: amounts in minor units, units with decimals (goods are sold by weight).

    Additions to carts are net of what was given back. ``purchase_minor`` sums order lines, so discounts on whole orders
    are not in it, and ``direct_minor`` those of them that are direct. ``recommended`` counts the qualifying
    interactions that recommended the product. ``name`` is the latest that its cart events and counted orders gave.
    """

    product_id: str
    name: str
    add_to_cart_minor: int = 0
    units_added: Decimal = Decimal()
    recommended: int = 0
    purchase_minor: int = 0
    direct_minor: int = 0
    units_purchased: Decimal = Decimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """The parts of purchase revenue: order lines, orders without lines, and the rest of orders with lines, which is
    what they hold of discounts (negative), shipping, taxes and rounding.
    """

    lines_minor: int
    adjustments_minor: int
    unlined_minor: int


@dataclass(frozen=True, slots=True)
class RankedProducts:
    """The first products; ``count`` and ``lines_minor`` (the sum of all order lines) are of all products."""

    first: tuple[ProductFigures, ...]
    count: int
    lines_minor: int


def figures_by_product(
    query: ReportQuery, days: SourceDays, currency: str, *, most: int | None = None, first: str = PRODUCT_RANKS[0]
) -> RankedProducts:
    """Return the figures of the first ``most`` products (or of all).

    Ordered by the sum ``first`` of ``PRODUCT_RANKS``, then by the other one, both descending.
    """
    parts = product_sums(query, days, currency)
    ranked, count, lines_minor = rank_products(parts, most=most, first=first, using=CartEvent.objects.db)
    recommended = _recommended(query, days.visits, [sums["product_id"] for sums in ranked])
    products = tuple(
        ProductFigures(
            product_id=sums["product_id"],
            name=latest_name(sums),
            add_to_cart_minor=sums["add_to_cart_minor"],
            units_added=sums["units_added"],
            recommended=recommended.get(sums["product_id"], 0),
            purchase_minor=sums["purchase_minor"],
            direct_minor=sums["direct_minor"],
            units_purchased=sums["units_purchased"],
        )
        for sums in ranked
    )
    return RankedProducts(products, count, lines_minor)


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


def _recommended(query: ReportQuery, days: SplitDays, product_ids: Sequence[str]) -> dict[str, int]:
    """Count by product the interactions of the days that recommended it, of any product where many are asked for."""
    if not product_ids:
        return {}
    some = product_ids if len(product_ids) <= MOST_LOOKED_UP else None
    parts: list[Grouped] = []
    if days.rolled_up:
        parts.append(rolled_up.recommended_sums(query, days.rolled_up, some))
    if days.live:
        parts.append(live.recommended_sums(query.recommending(*days.live), (), some))
    found = add_up(parts, ("product_id",), using=Interaction.objects.db)
    return {product_id: sums["interactions"] for (product_id,), sums in found}
