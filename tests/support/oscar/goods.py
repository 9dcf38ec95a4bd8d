"""What the Oscar shop sells, and its offers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test import factories


def product(title: str = "Kettle", price: str = "28.99", *, currency: str = "EUR", **fields: Any) -> Any:
    """A product with a stock record; ``upc`` is ``None`` unless given, ``sku`` is the partner's SKU."""
    sku = fields.pop("sku", f"SKU-{title}")
    made = factories.create_product(title=title, product_class="Goods", **fields)
    factories.create_stockrecord(made, Decimal(price), sku, num_in_stock=100, partner_name="Acme", currency=currency)
    return made


def offer_three_for_two(name: str = "Three for two") -> Any:
    """The cheapest of three products is free."""
    goods = factories.RangeFactory(name="All goods", includes_all_products=True)
    return factories.ConditionalOfferFactory(
        name=name,
        condition=factories.ConditionFactory(type="Count", value=3, range=goods),
        benefit=factories.BenefitFactory(type="Multibuy", value=None, range=goods),
        priority=2,
    )


def voucher_of_ten_percent(code: str = "TEN") -> Any:
    """A voucher that takes a tenth off what no other offer has."""
    goods = factories.RangeFactory(name="Goods of the voucher", includes_all_products=True)
    offer = factories.ConditionalOfferFactory(
        name=f"Voucher {code}",
        offer_type="Voucher",
        condition=factories.ConditionFactory(type="Count", value=1, range=goods),
        benefit=factories.BenefitFactory(type="Percentage", value=10, range=goods),
    )
    day = timedelta(days=1)
    voucher = factories.VoucherFactory(
        code=code, start_datetime=timezone.now() - day, end_datetime=timezone.now() + day
    )
    voucher.offers.add(offer)
    return voucher


def country() -> Any:
    """The only country that the shop delivers to."""
    fields = {"printable_name": "Germany", "is_shipping_country": True}
    return get_model("address", "Country").objects.get_or_create(iso_3166_1_a2="DE", defaults=fields)[0]
