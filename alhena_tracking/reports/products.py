"""Figures by product."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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
    are not in it, and ``direct_minor`` those of them that are direct. ``name`` is the latest that the product's cart
    events and counted orders gave.
    """

    product_id: str
    name: str
    add_to_cart_minor: int = 0
    units_added: Decimal = Decimal()
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
    ranked, count, lines_minor = rank_products(parts, most=most, first=first, using=CartEvent.objects.db)
    names = ["product_name"] if conf.confirmed_orders_only else ["product_name", "reported_name"]
    products = tuple(
        ProductFigures(
            product_id=sums["product_id"],
            name=max(sums[name] for name in names)[STAMP:],
            add_to_cart_minor=sums["add_to_cart_minor"],
            units_added=sums["units_added"],
            purchase_minor=sums["purchase_minor"],
            direct_minor=sums["direct_minor"],
            units_purchased=sums["units_purchased"],
        )
        for sums in ranked
    )
    return RankedProducts(products, count, lines_minor)
