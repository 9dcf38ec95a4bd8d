"""The cart: quantities by SKU in the visitor's session, and the events that report its changes."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from example_project.shop.currencies import CURRENCIES, DEFAULT_CURRENCY, Currency
from example_project.shop.models import Order, OrderLine, Product

MAX_QUANTITY = Decimal(99)


@dataclass(frozen=True)
class CartLine:
    product: Product
    quantity: Decimal
    currency: Currency

    @property
    def unit_price(self) -> Decimal:
        return self.product.price_in(self.currency)

    @property
    def total(self) -> Decimal:
        return self.currency.round(self.unit_price * self.quantity)


class Cart:
    """The cart of one session.

    Every change adds an event for `sendCartEvent` to the session. The next page reports it (`take_events`), so it is
    reported exactly once: the answer to the form is a redirect and reports nothing, and neither does a reload. Changing
    the currency is not a cart event.
    """

    def __init__(self, session: SessionBase) -> None:
        self._session = session
        self._lines: list[CartLine] | None = None

    @property
    def currency(self) -> Currency:
        return CURRENCIES.get(self._session.get("currency", ""), DEFAULT_CURRENCY)

    @currency.setter
    def currency(self, currency: Currency) -> None:
        self._session["currency"] = currency.code
        self._lines = None

    @property
    def lines(self) -> list[CartLine]:
        """The lines in the order in which they were added."""
        if self._lines is None:
            quantities = self._quantities
            products = {product.sku: product for product in Product.objects.filter(sku__in=quantities)}
            self._lines = [
                CartLine(products[sku], Decimal(quantity), self.currency)
                for sku, quantity in quantities.items()
                if sku in products
            ]
        return self._lines

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    def __iter__(self) -> Iterator[CartLine]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self._quantities)

    def quantity_of(self, product: Product) -> Decimal:
        return Decimal(self._quantities.get(product.sku, 0))

    def add(self, product: Product, quantity: Decimal) -> None:
        self.set_quantity(product, self.quantity_of(product) + quantity)

    def increase(self, product: Product) -> None:
        self.set_quantity(product, self.quantity_of(product) + product.step)

    def decrease(self, product: Product) -> None:
        self.set_quantity(product, self.quantity_of(product) - product.step)

    def remove(self, product: Product) -> None:
        self.set_quantity(product, Decimal(0))

    def set_quantity(self, product: Product, quantity: Decimal) -> None:
        """Set the product's quantity, limited to 0 to `MAX_QUANTITY`, and add the event."""
        before = self.quantity_of(product)
        after = min(max(quantity, Decimal(0)), MAX_QUANTITY)
        if after == before:
            return
        if not before:
            event_type = "ITEM_ADDED"
        elif not after:
            event_type = "ITEM_REMOVED"
        else:
            event_type = "QUANTITY_INCREASED" if after > before else "QUANTITY_DECREASED"

        quantities = self._quantities
        if after:
            quantities[product.sku] = str(after)
        else:
            del quantities[product.sku]
        self._session["cart"] = {"id": self._id, "quantities": quantities}
        self._session["cart_events"] = [
            *self._session.get("cart_events", []),
            {
                "type": event_type,
                "productId": product.sku,
                "productName": product.name,
                "value": float(product.price_in(self.currency)),
                "currency": self.currency.code,
                "quantity": float(after),
                "previousQuantity": float(before),
            },
        ]
        self._lines = None

    def take_events(self) -> list[dict[str, str | float]]:
        """Remove and return the events since the last page, as arguments of `sendCartEvent`."""
        events: list[dict[str, str | float]] = self._session.pop("cart_events", [])
        return events

    def check_out(self, name: str, email: str) -> Order:
        """Turn the cart into an order. Submitting a cart twice, even concurrently, makes one order."""
        with transaction.atomic():
            order, is_new = Order.objects.get_or_create(
                cart_id=self._id,
                defaults={"name": name, "email": email, "currency": self.currency.code, "total": self.total},
            )
            if is_new:
                OrderLine.objects.bulk_create(
                    OrderLine(
                        order=order,
                        product=line.product,
                        name=line.product.name,
                        quantity=line.quantity,
                        unit_price=line.unit_price,
                        total=line.total,
                    )
                    for line in self.lines
                )
        self._session.pop("cart", None)
        self._lines = None
        return order

    @property
    def _quantities(self) -> dict[str, str]:
        quantities: dict[str, str] = self._session.get("cart", {}).get("quantities", {})
        return dict(quantities)

    @property
    def _id(self) -> str:
        cart_id: str = self._session.get("cart", {}).get("id") or str(uuid.uuid4())
        return cart_id
