"""Filters that format money and quantities."""

from decimal import Decimal
from json import dumps

from django import template

from example_project.shop.currencies import Currency
from example_project.shop.models import Product

register = template.Library()


@register.filter
def money(amount: Decimal, currency: Currency) -> str:
    """Format an amount, such as `€9.50` or `¥1,600`."""
    return currency.format(amount)


@register.filter
def amount(quantity: Decimal, product: Product) -> str:
    """Format a quantity: `250 g` or `1.25 kg` for products sold by weight, otherwise `3`."""
    if not product.is_sold_by_weight:
        return f"{quantity.normalize():f}"
    if quantity < 1:
        return f"{(quantity * 1000).normalize():f} g"
    return f"{quantity.normalize():f} kg"


@register.filter
def price_in(product: Product, currency: Currency) -> Decimal:
    """The price of one unit."""
    return product.price_in(currency)


@register.filter
def price_of_step(product: Product, currency: Currency) -> Decimal:
    """The price of the smallest quantity, such as a bag of 250 g."""
    return currency.round(product.price_in(currency) * product.step)


@register.filter
def number(quantity: Decimal) -> str:
    """Format a quantity for `<input type="number">`, independent of the language."""
    return f"{quantity.normalize():f}"


@register.filter
def json(value: object) -> str:
    """Serialize `value` as JSON for a `data-*` attribute."""
    return dumps(value)
