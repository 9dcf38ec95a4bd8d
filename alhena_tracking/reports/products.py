"""Which products were put into carts and bought."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from alhena_tracking.models import CartEvent
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SplitDays
from alhena_tracking.reports.live import Sums
from alhena_tracking.reports.query import ReportQuery

_SUMMED = ("add_to_cart_minor", "units_added", "purchase_minor", "units_purchased")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFigures:
    """What one product came to: amounts in minor units, and units as they are sold (by weight, with decimals).

    Added is what went into carts, less what was given back. ``purchase_minor`` adds up the orders' lines, so discounts
    on whole orders are not in it. ``name`` is one of those that the product was reported under.
    """

    product_id: str
    name: str
    add_to_cart_minor: int = 0
    units_added: Decimal = Decimal()
    purchase_minor: int = 0
    units_purchased: Decimal = Decimal()


def figures_by_product(query: ReportQuery, days: SplitDays, currency: str) -> list[ProductFigures]:
    """The figures of every product that has any: those bought for most first, then those most was added of."""
    found: dict[UUID, dict[str, Any]] = {}
    for (digest,), sums in _sums(query, days, currency):
        of_product = found.setdefault(digest, sums)
        if of_product is not sums:
            of_product["product_name"] = max(of_product["product_name"], sums["product_name"])
            for name in _SUMMED:
                if name in sums:
                    of_product[name] = of_product.get(name, 0) + sums[name]
    products = [
        ProductFigures(
            product_id=sums["product_id"],
            name=sums["product_name"],
            **{name: sums[name] for name in _SUMMED if name in sums},
        )
        for sums in found.values()
    ]
    return sorted(
        products, key=lambda product: (-product.purchase_minor, -product.add_to_cart_minor, product.product_id)
    )


def _sums(query: ReportQuery, days: SplitDays, currency: str) -> Iterator[Sums]:
    if days.rolled_up:
        yield from rolled_up.product_sums(query, days.rolled_up, currency)
    if days.live:
        yield from live.added_sums(query.credited(CartEvent.objects.all(), *days.live, currency=currency), ())
        yield from live.purchased_sums(query.orders(*days.live, currency=currency), ())
