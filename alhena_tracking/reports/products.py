"""Which products were put into carts and bought."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max, Sum

from alhena_tracking.models import CartEvent, OrderLine
from alhena_tracking.reports.figures import Period
from alhena_tracking.reports.query import ReportQuery

_THOUSANDTH = Decimal("0.001")


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


def figures_by_product(query: ReportQuery, period: Period, currency: str) -> list[ProductFigures]:
    """The figures of every product that has any: those bought for most first, then those most was added of."""
    found: defaultdict[UUID, dict[str, Any]] = defaultdict(dict)
    for digest, values in (*_added(query, period, currency), *_purchased(query, period, currency)):
        found[digest].update(values)
    products = [ProductFigures(**values) for values in found.values()]
    return sorted(
        products, key=lambda product: (-product.purchase_minor, -product.add_to_cart_minor, product.product_id)
    )


def _added(query: ReportQuery, period: Period, currency: str) -> list[tuple[UUID, dict[str, Any]]]:
    rows = query.credited(CartEvent.objects.all(), period, currency=currency)
    return _sums(rows, add_to_cart_minor=Sum("gmv_minor"), units_added=Sum("units"))


def _purchased(query: ReportQuery, period: Period, currency: str) -> list[tuple[UUID, dict[str, Any]]]:
    rows = OrderLine.objects.filter(order__in=query.orders(period, currency=currency)).order_by()
    return _sums(rows, purchase_minor=Sum("total_minor"), units_purchased=Sum("quantity"))


def _sums(rows: Any, **sums: Sum) -> list[tuple[UUID, dict[str, Any]]]:
    # By the digest: collations hold ids for equal that are not.
    grouped = rows.values("product_id_digest").annotate(
        **sums, some_id=Max("product_id"), some_name=Max("product_name")
    )
    return [
        (
            row["product_id_digest"],
            {"product_id": row["some_id"], "name": row["some_name"], **{name: _exact(row[name]) for name in sums}},
        )
        for row in grouped
    ]


def _exact(total: Any) -> Any:
    """SQLite adds units up as floats."""
    return total.quantize(_THOUSANDTH) if isinstance(total, Decimal) else int(total)
