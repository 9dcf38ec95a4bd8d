"""A Shopify shop that sends webhooks as Shopify does, and knows its own books."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from tests.support.webhooks import deliver, sign

DOMAIN = "fixture-kettle-7f3a.myshopify.com"
URL = "/alhena/integrations/shopify/acme"
#: What the shop knows of a customer, and nobody else may store.
CUSTOMER = {"email": "ada@shop.example", "first_name": "Ada", "last_name": "Nowhere", "phone": "+49 30 1234567"}
#: By the buyer's currency, what one unit of the shop's is, and its decimals.
RATES = {"EUR": (Decimal(1), 2), "JPY": (Decimal(160), 0), "KWD": (Decimal("0.336"), 3)}
PRICES = {11: 4900, 22: 1250, 33: 890}


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """One delivery. A retry has the same id."""

    topic: str
    id: str
    triggered_at: datetime
    body: bytes

    def send(self, *, secret: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Hmac-Sha256": sign(self.body, secret) if secret else sign(self.body),
            "X-Shopify-Shop-Domain": DOMAIN,
            "X-Shopify-API-Version": "2026-07",
            "X-Shopify-Webhook-Id": self.id,
            "X-Shopify-Triggered-At": self.triggered_at.isoformat().replace("+00:00", "789Z"),
        }
        return deliver(URL, self.body, headers)


@dataclass(kw_only=True)
class ShopOrder:
    """An order as the shop has it, in cents of the shop's currency. ``lines``: product, bought, kept."""

    id: int
    currency: str
    visitor: str | None
    created_at: datetime
    updated_at: datetime
    lines: list[list[int]]
    shipping: int
    is_paid: bool = False
    is_cancelled: bool = False
    refunds: list[dict[str, Any]] = field(default_factory=list)
    #: What buyers got back, and what they owe or have paid for what is left.
    returned: int = 0

    @property
    def left(self) -> int:
        """What the shop keeps, or expects to get."""
        if self.is_cancelled:
            return 0
        return sum(PRICES[product] * kept for product, _, kept in self.lines) + self.shipping

    def minor(self, cents: int) -> int:
        """Return an amount in minor units of the buyer's currency."""
        rate, decimals = RATES[self.currency]
        return int((cents * rate).scaleb(decimals - 2).to_integral_value())


class FakeShopify:
    """Sells, edits, refunds and cancels at random, and keeps every webhook that Shopify would send."""

    def __init__(self, random: Random, now: datetime, visitors: list[str]) -> None:
        self.random, self.now, self.visitors = random, now, visitors
        self.shipping = 490
        self.orders: list[ShopOrder] = []
        self.calls: list[WebhookCall] = []

    def live(self, orders: int) -> None:
        """Let so many orders have their lives, one after the other."""
        for _ in range(orders):
            order = self.place()
            for _ in range(self.random.randrange(4)):
                self.random.choice([self.edit, self.pay, self.refund, self.tag, self.restock])(order)
            if self.random.random() < 0.3:
                self.cancel(order)

    def place(self) -> ShopOrder:
        self._pass()
        products = self.random.sample(sorted(PRICES), self.random.randint(1, 3))
        order = ShopOrder(
            id=6412000000000 + len(self.orders),
            currency=self.random.choice(["EUR", "EUR", "JPY", "KWD"]),
            visitor=self.visitors[len(self.orders) % len(self.visitors)],
            created_at=self.now,
            updated_at=self.now,
            lines=[[product, quantity, quantity] for product in products for quantity in [self.random.randint(1, 3)]],
            is_paid=self.random.random() < 0.7,
            shipping=self.shipping,
        )
        self.orders.append(order)
        self._send("orders/create", order)
        if order.is_paid:
            self._send("orders/paid", order)
        return order

    def pay(self, order: ShopOrder) -> None:
        if order.is_paid or order.is_cancelled:
            return
        self._touch(order)
        order.is_paid = True
        self._send("orders/paid", order)
        self._send("orders/updated", order)

    def edit(self, order: ShopOrder) -> None:
        """Take a piece out, and give its money back if it was paid; or add a product."""
        self._touch(order)
        line = self.random.choice(order.lines)
        missing = sorted(PRICES.keys() - {product for product, _, _ in order.lines})
        if line[2] > 1:
            line[2] -= 1
            self._give_back(order, PRICES[line[0]])
        elif missing and not order.is_paid:
            order.lines.append([missing[0], 1, 1])
        self._send("orders/updated", order)

    def refund(self, order: ShopOrder) -> None:
        """Give one piece back, if there is one."""
        if order.is_paid:
            self.edit(order)

    def restock(self, order: ShopOrder) -> None:
        """Take note of goods that came back, without money."""
        self._touch(order)
        refund = self._refund(order, 0)
        self._send("refunds/create", order, refund)
        self._send("orders/updated", order)

    def tag(self, order: ShopOrder) -> None:
        self._touch(order)
        self._send("orders/updated", order)

    def cancel(self, order: ShopOrder) -> None:
        self._touch(order)
        left = order.left
        order.is_cancelled = True
        for line in order.lines:
            line[2] = 0
        self._give_back(order, left)
        self._send("orders/cancelled", order)
        self._send("orders/updated", order)

    def _give_back(self, order: ShopOrder, cents: int) -> None:
        if order.is_paid:
            order.returned += order.minor(cents)
            self._send("refunds/create", order, self._refund(order, cents))

    def _refund(self, order: ShopOrder, cents: int) -> dict[str, Any]:
        status = self.random.choice(["success", "pending"])
        transaction = {
            "kind": "refund",
            "status": status,
            "amount": self._amount(order, cents),
            "currency": self.random.choice([order.currency, None]),
            "test": False,
        }
        failed = {**transaction, "status": "failure"}
        refund = {
            "id": order.id * 100 + len(order.refunds),
            "order_id": order.id,
            "created_at": order.updated_at.isoformat(),
            "processed_at": order.updated_at.isoformat(),
            "total_duties_set": self._set(order, 0),
            "order_adjustments": [],
            "refund_line_items": [],
            "refund_shipping_lines": [],
            "transactions": [failed, transaction] if cents else [],
        }
        order.refunds.append(refund)
        return refund

    def _pass(self) -> None:
        self.now += timedelta(seconds=1)

    def _touch(self, order: ShopOrder) -> None:
        self._pass()
        order.updated_at = self.now

    def _send(self, topic: str, order: ShopOrder, payload: dict[str, Any] | None = None) -> None:
        body = json.dumps(payload or self._order(order)).encode()
        number = len(self.calls)
        self.calls.append(
            WebhookCall(topic=topic, id=str(UUID(int=number)), triggered_at=self.now + timedelta(0, 0, 1), body=body)
        )

    def _amount(self, order: ShopOrder, cents: int) -> str:
        return f"{Decimal(order.minor(cents)).scaleb(-RATES[order.currency][1]):f}"

    def _set(self, order: ShopOrder, cents: int) -> dict[str, Any]:
        return {
            "shop_money": {"amount": f"{Decimal(cents).scaleb(-2):f}", "currency_code": "EUR"},
            "presentment_money": {"amount": self._amount(order, cents), "currency_code": order.currency},
        }

    def _order(self, order: ShopOrder) -> dict[str, Any]:
        bought = sum(PRICES[product] * quantity for product, quantity, _ in order.lines) + order.shipping
        status = "paid" if order.is_paid else "voided" if order.is_cancelled else "pending"
        if order.returned:
            status = "partially_refunded" if order.left else "refunded"
        return {
            "id": order.id,
            "test": False,
            "source_name": "web",
            "financial_status": status,
            "cancelled_at": order.updated_at.isoformat() if order.is_cancelled else None,
            "created_at": order.created_at.isoformat(),
            "processed_at": order.created_at.isoformat(),
            "updated_at": order.updated_at.isoformat(),
            "currency": "EUR",
            "presentment_currency": order.currency,
            "total_price_set": self._set(order, bought),
            "current_total_price_set": self._set(order, order.left),
            "total_tax_set": self._set(order, 0),
            "total_shipping_price_set": self._set(order, order.shipping),
            "total_discounts_set": self._set(order, 0),
            "note_attributes": [{"name": "__alhena", "value": order.visitor}] if order.visitor else [],
            "line_items": [
                {
                    "product_id": product,
                    "title": f"Product {product}",
                    "quantity": quantity,
                    "current_quantity": kept,
                    "price_set": self._set(order, PRICES[product]),
                    "discount_allocations": [],
                }
                for product, quantity, kept in order.lines
            ],
            "refunds": order.refunds,
            "customer": CUSTOMER,
            "email": CUSTOMER["email"],
        }


def with_retries(calls: list[WebhookCall], random: Random) -> Iterator[tuple[WebhookCall, str | None]]:
    """Yield every call at least twice, in any order, some of them first with a wrong signature: call and secret."""
    sent = random.sample(calls * 2, 2 * len(calls))
    for call in sent:
        if random.random() < 0.1:
            yield call, "not-the-secret"
        yield call, None
