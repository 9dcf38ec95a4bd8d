"""Random events of a shop, recorded by ``ingestion``: late and conflicting ones, confirmations, refunds, exclusions."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from alhena_tracking import redating
from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    RefundData,
    Visitor,
    record,
    review,
)
from alhena_tracking.models import CartEvent, Channel, Company, Order, Trust
from tests.support.zones import let_settle

HOUR = timedelta(hours=1)
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/St_Johns")
PROFILES = ("", "", "sommelier", "butler")
CONVERSATIONS = ("", "c-1", "c-2", "c-2", "C-2")
PRODUCTS = ("tea", "cup", "kettle")
CURRENCIES = ("EUR", "EUR", "EUR", "JPY")


class ShopLife:
    """A shop in which each ``step`` does something; ``now`` is the server's clock."""

    def __init__(self, company: Company, staff: AbstractBaseUser, seed: int, now: datetime) -> None:
        self.company, self.staff, self.now = company, staff, now
        self.rnd = random.Random(seed)
        self.visitors = [Visitor(self._uuid(), self.rnd.choice((None, self._uuid()))) for _ in range(3)]

    def step(self) -> str:
        """Do something at random, and return its name."""
        visits = (self.pass_time, self.interact, self.change_cart, self.send_together, self.order)
        afterwards = (self.confirm, self.refund, self.exclude, self.move, self.redate)
        happens = self.rnd.choices((*visits, *afterwards), (6, 6, 8, 3, 5, 4, 4, 3, 1, 3))[0]
        return f"{happens.__name__}: {happens()}"

    def pass_time(self) -> timedelta:
        passed = self.rnd.choice((HOUR, 5 * HOUR, 20 * HOUR, 50 * HOUR))
        self.now += passed
        return passed

    def interact(self) -> object:
        return record(self.company, [self._interaction(self._visitor())])

    def change_cart(self) -> object:
        return record(self.company, [self._cart_event(self._visitor())])

    def send_together(self) -> object:
        visitor = self._visitor()
        makes = self.rnd.choices((self._interaction, self._cart_event, self._order), k=3)
        return record(self.company, [make(visitor) for make in makes])

    def order(self) -> object:
        return record(self.company, [self._order(self._visitor())])

    def confirm(self) -> object:
        visitor = self.rnd.choice((None, None, self._visitor()))
        order = self._order(visitor, trust=Trust.CONFIRMED)
        return record(self.company, [order]) if order.order_id or visitor else None

    def refund(self) -> object:
        refund = RefundData(
            order_id=self._order_id(),
            refund_id=self.rnd.choice("RST"),
            currency=self.rnd.choice(CURRENCIES),
            value_minor=self.rnd.choice((300, 700)),
            occurred_at=self._moment(),
            received_at=self.now,
        )
        return record(self.company, [refund])

    def exclude(self) -> object:
        orders = list(Order.objects.filter(company=self.company).order_by("pk"))
        if not orders:
            return None
        order = self.rnd.choice(orders)
        if self.rnd.random() < 0.5:
            if order.session.excluded_at:
                return review.include_sessions([order.session_id])
            return review.exclude_sessions([order.session_id], self.staff, "A test.")
        if order.excluded_at:
            return review.include_orders([order.pk])
        return review.exclude_orders([order.pk], self.staff, "A test.")

    def move(self) -> str:
        """Change the company's time zone, which other processes notice a moment later, and re-date some of its rows."""
        remembered = Company.objects.get(pk=self.company.pk)
        self.company.time_zone = self.rnd.choice(ZONES)
        self.company.save()
        self.redate()
        if self.rnd.random() < 0.5:
            record(remembered, [self._cart_event(self._visitor())])
        let_settle(self.company)
        return self.company.time_zone

    def redate(self) -> list[int | None]:
        """Re-date some rows, if any are due."""
        moved = [redating.redate_chunk(self.company.pk) for _ in range(self.rnd.randrange(5))]
        self.company.refresh_from_db()
        return moved

    def _interaction(self, visitor: Visitor) -> EventData:
        return InteractionData(
            kind=self.rnd.choice(Channel.values),
            conversation_id=self.rnd.choice(CONVERSATIONS),
            ai_profile=self.rnd.choice(PROFILES),
            recommended_product_ids=self.rnd.sample(PRODUCTS, self.rnd.randrange(3)) or None,
            **self._event(visitor),
        )

    def _cart_event(self, visitor: Visitor) -> EventData:
        product = self.rnd.choice(PRODUCTS)
        return CartEventData(
            type=self.rnd.choice(CartEvent.Type.values),
            product_id=product,
            product_name=self._name(product),
            currency=self.rnd.choice(CURRENCIES),
            value_minor=self.rnd.randrange(1000),
            quantity=Decimal(self.rnd.choice(("1", "2", "0.250"))),
            **self._event(visitor, trust=self.rnd.choice(list(Trust))),
        )

    def _order(self, visitor: Visitor | None, trust: Trust = Trust.REPORTED) -> OrderData:
        lines = [
            LineItemData(product_id=product, product_name=self._name(product), quantity=Decimal(1), value_minor=400)
            for product in self.rnd.sample(PRODUCTS, self.rnd.randrange(3))
        ]
        return OrderData(
            order_id=self.rnd.choice((self._order_id(), self._order_id(), "")),
            currency=self.rnd.choice(CURRENCIES),
            value_minor=self.rnd.choice((1000, 1000, 2500)),
            line_items=tuple(lines),
            **self._event(visitor, trust=trust),
        )

    def _event(self, visitor: Visitor | None, trust: Trust = Trust.REPORTED) -> dict[str, Any]:
        return {
            "visitor": visitor,
            "occurred_at": self._moment(),
            "received_at": self.now,
            "event_id": self._uuid(),
            "trust": trust,
        }

    def _moment(self) -> datetime:
        """Now, or an earlier time at which events are still accepted."""
        return self.now - self.rnd.choice((0 * HOUR, 0 * HOUR, HOUR, 30 * HOUR, 60 * HOUR, 72 * HOUR))

    def _name(self, product: str) -> str:
        """One of the names under which a product is reported."""
        return f"{product.title()} {self.rnd.randrange(20)}"

    def _visitor(self) -> Visitor:
        return self.rnd.choice(self.visitors)

    def _order_id(self) -> str:
        return self.rnd.choice("ABCDEF")

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.rnd.getrandbits(128))
