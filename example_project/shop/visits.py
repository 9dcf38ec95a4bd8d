"""Visits to the example shop: most of them by chance, and some planned, so that nothing worth seeing is missing."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from alhena_tracking.ingestion import CartEventData, InteractionData, LineItemData, OrderData, RefundData, Visitor
from alhena_tracking.models import Trust
from example_project.shop.currencies import EUR, JPY, Currency
from example_project.shop.models import Product

Event = InteractionData | CartEventData | OrderData | RefundData

CHANNELS = {"CHAT": 52, "FAQ": 32, "NUDGE": 16}
AI_PROFILES = {"barista": 6, "tea-sommelier": 3, "gift-finder": 2}
POPULARITY = {
    "COF-HOUSE": 10,
    "COF-GUJI": 9,
    "COF-HUILA": 8,
    "COF-DECAF": 4,
    "TEA-SENCHA": 6,
    "TEA-ASSAM": 4,
    "TEA-ORCHARD": 4,
    "TEA-KYUSU": 2,
    "BRW-DRIPPER": 4,
    "BRW-PRESS": 3,
    "BRW-GRINDER": 2,
    "BRW-KETTLE": 2,
}
CHANCES = {
    "pays in yen": 0.1,
    "asks again": 0.4,
    "goes on to the chat": 0.2,
    "is handed to another profile": 0.1,
    "fills a cart": 0.5,
    "had it in the cart before": 0.08,
    "takes more": 0.16,
    "takes fewer": 0.12,
    "removes it": 0.07,
    "sleeps on it": 0.12,
    "buys": 0.5,
    "has a voucher": 0.15,
    "sends no order id": 0.06,
    "is not confirmed": 0.5,
    "is confirmed without the visitor": 0.3,
    "is bought by somebody else": 0,
    "states far too much": 0,
    "browser misses the voucher": 0.3,
    "cancels": 0.03,
    "cancels before it is paid": 0.02,
    "gets a discount later": 0.05,
    "sends something back": 0.1,
    "sends all of it back": 0.4,
}
DAY = 24 * 60  # in minutes
#: Every answer of a planned visit recommends what was asked about.
ADVISED = "is advised"
FAR_TOO_MUCH = Decimal(250_000)


@dataclass(frozen=True)
class Plan:
    """A visit of so many days ago: its channel, and those of the `CHANCES` that come true."""

    age: int
    channel: str
    comes_true: frozenset[str]

    @classmethod
    def purchase(cls, age: int, channel: str, *comes_true: str) -> "Plan":
        return cls(age, channel, frozenset({"fills a cart", "buys", *comes_true}))


#: What staff should find in every history, whatever chance brings. A shorter history has all of it on its first days.
PLANS = (
    Plan.purchase(1, "NUDGE"),
    Plan.purchase(1, "CHAT", "is handed to another profile"),
    Plan.purchase(2, "NUDGE", "is handed to another profile"),
    Plan(2, "FAQ", frozenset({"fills a cart", "takes more", "takes fewer", "removes it"})),
    Plan.purchase(3, "CHAT", "pays in yen", "is not confirmed"),
    Plan.purchase(4, "CHAT", "has a voucher", "browser misses the voucher"),
    Plan.purchase(5, "FAQ", "cancels"),
    Plan.purchase(6, "CHAT", "is confirmed without the visitor", "gets a discount later"),
    Plan.purchase(6, "FAQ", "cancels before it is paid"),
    Plan.purchase(7, "FAQ", "is bought by somebody else"),
    Plan.purchase(8, "CHAT", "states far too much"),
    Plan.purchase(12, "CHAT", "sends no order id"),
)


@dataclass(frozen=True)
class Clock:
    """Maps today's 24 hours to those that have passed; earlier days stay as they are."""

    midnight: datetime
    next_midnight: datetime
    now: datetime

    def __call__(self, moment: datetime) -> datetime:
        if moment <= self.midnight:
            return moment
        passed = (self.now - self.midnight) / (self.next_midnight - self.midnight)
        return self.midnight + (moment - self.midnight) * passed


class EventFields(TypedDict):
    visitor: Visitor
    event_id: UUID
    occurred_at: datetime
    received_at: datetime


class Visit:
    """One visitor: some questions, perhaps a cart, perhaps an order."""

    def __init__(
        self,
        rng: random.Random,
        products: list[Product],
        clock: Clock,
        *,
        starts_at: datetime,
        order_ids_since: datetime,
        plan: Plan | None = None,
    ) -> None:
        self.rng = rng
        self.products = products
        self.clock = clock
        self.moment = starts_at
        self.order_ids_since = order_ids_since
        self.plan = plan
        widget_id = self.new_id()
        self.visitor = Visitor(widget_id, self.new_id())
        self.currency: Currency = JPY if self.happens("pays in yen") else EUR
        self.cart: dict[Product, Decimal] = {}
        self.tips = random.Random(widget_id.int)

    def events(self) -> Iterator[Event]:
        """What the visitor does, in order, as far as it lies in the past."""
        for event in self.story():
            if event.occurred_at > self.clock.now:
                return
            yield event

    def story(self) -> Iterator[Event]:
        channel, profile = self.choose(CHANNELS), self.choose(AI_PROFILES)
        channel = self.plan.channel if self.plan else channel
        conversation = f"c-{self.rng.getrandbits(40):010x}"
        product = self.choose_product()
        yield self.ask(channel, product, conversation, profile)
        while self.happens("asks again"):
            self.wait(0.5, 4)
            channel = "CHAT" if self.happens("goes on to the chat") else channel
            yield self.ask(channel, product, conversation, profile)
        if self.happens("is handed to another profile"):
            self.wait(0.5, 4)
            yield self.ask("CHAT", product, conversation, next(each for each in AI_PROFILES if each != profile))
        if not self.happens("fills a cart"):
            return
        yield from self.fill_cart(product)
        if self.happens("sleeps on it"):
            self.wait(180, 900)
        if self.cart and self.happens("buys"):
            self.wait(1, 12)
            yield from self.buy()

    def fill_cart(self, product: Product) -> Iterator[Event]:
        if self.happens("had it in the cart before"):
            self.cart[product] = product.step  # nobody has reported that
        for _ in range(self.rng.choices((1, 2, 3), weights=(6, 3, 1))[0]):
            self.wait(0.5, 6)
            steps = self.rng.choice((1, 1, 1, 2))
            yield self.change(product, self.cart.get(product, Decimal(0)) + product.step * steps)
            product = self.choose_product()
        for product in list(self.cart):
            if self.happens("takes more"):
                self.wait(0.2, 2)
                yield self.change(product, self.cart[product] + product.step)
            if self.happens("takes fewer"):
                self.wait(0.2, 2)
                yield self.change(product, self.cart[product] - product.step)
            if product in self.cart and self.happens("removes it"):
                self.wait(0.2, 3)
                yield self.change(product, Decimal(0))

    def ask(self, channel: str, product: Product, conversation: str, profile: str) -> InteractionData:
        is_chat = channel == "CHAT"
        return InteractionData(
            **self.common(),
            kind=channel,
            product_id="" if is_chat else product.sku,
            conversation_id=conversation if is_chat else "",
            ai_profile="" if channel == "FAQ" else profile,
            recommended_product_ids=self.recommend(product) if is_chat else None,
        )

    def recommend(self, product: Product) -> list[str] | None:
        """Most answers in the chat recommend what was asked about, and something that goes with it."""
        is_advised = self.plan is not None and ADVISED in self.plan.comes_true
        if self.tips.random() < 0.3 and not is_advised:
            return None
        return list(dict.fromkeys([product.sku, self.tips.choice(self.products).sku]))

    def change(self, product: Product, quantity: Decimal) -> CartEventData:
        before = self.cart.get(product, Decimal(0))
        if not before:
            event_type = "ITEM_ADDED"
        elif not quantity:
            event_type = "ITEM_REMOVED"
        else:
            event_type = "QUANTITY_INCREASED" if quantity > before else "QUANTITY_DECREASED"
        self.cart[product] = quantity
        if not quantity:
            del self.cart[product]
        return CartEventData(
            **self.common(),
            type=event_type,
            product_id=product.sku,
            product_name=product.name,
            currency=self.currency.code,
            value_minor=self.currency.to_minor(product.price_in(self.currency)),
            quantity=quantity,
        )

    def buy(self) -> Iterator[OrderData | RefundData]:
        lines = tuple(
            LineItemData(
                product_id=product.sku,
                product_name=product.name,
                quantity=quantity,
                value_minor=self.currency.to_minor(product.price_in(self.currency) * quantity),
            )
            for product, quantity in self.cart.items()
        )
        total = full = int(sum(line.value_minor for line in lines))
        if self.happens("has a voucher"):
            total = full * 9 // 10
        number = "M-" + "".join(self.rng.choices("23456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=8))
        if self.moment < self.order_ids_since and self.happens("sends no order id"):
            yield self.order("", total, lines, Trust.REPORTED)
        elif self.happens("states far too much"):
            yield self.order(number, self.currency.to_minor(FAR_TOO_MUCH), (), Trust.REPORTED)
        elif self.happens("is bought by somebody else"):
            yield self.order(number, total, lines, Trust.REPORTED)
            buyer = Visitor(self.new_id(), self.new_id())
            yield replace(self.order(number, total, lines, Trust.CONFIRMED), visitor=buyer)
        elif self.happens("is not confirmed"):
            yield self.order(number, total, lines, Trust.REPORTED)
        else:
            is_nameless = self.happens("is confirmed without the visitor")
            misses_voucher = total != full and self.happens("browser misses the voucher")
            if is_nameless or misses_voucher:
                yield self.order(number, full if misses_voucher else total, lines, Trust.REPORTED)
            confirmed = self.order(number, total, lines, Trust.CONFIRMED)
            yield replace(confirmed, visitor=None) if is_nameless else confirmed
            if self.happens("gets a discount later"):
                self.wait(10, 120)
                yield replace(self.order(number, total * 8 // 10, lines, Trust.CONFIRMED), visitor=None)
            elif self.happens("cancels before it is paid"):
                self.wait(10, 120)
                yield replace(self.order(number, total, lines, Trust.CONFIRMED), visitor=None, is_cancelled=True)
            elif self.happens("cancels"):
                self.wait(10, 120)
                yield self.refund(number, total)
            elif self.happens("sends something back"):
                self.wait(1 * DAY, 8 * DAY)
                is_all = self.happens("sends all of it back")
                yield self.refund(number, total if is_all else int(lines[0].value_minor) * total // full)

    def order(self, number: str, total: int, lines: tuple[LineItemData, ...], trust: Trust) -> OrderData:
        return OrderData(
            **self.common(),
            order_id=number,
            currency=self.currency.code,
            value_minor=total,
            line_items=lines,
            trust=trust,
        )

    def refund(self, number: str, value_minor: int) -> RefundData:
        occurred_at = self.clock(self.moment)
        return RefundData(
            order_id=number,
            refund_id=f"R-{self.rng.getrandbits(32):08x}",
            currency=self.currency.code,
            value_minor=value_minor,
            occurred_at=occurred_at,
            received_at=occurred_at,
        )

    def common(self) -> EventFields:
        occurred_at = self.clock(self.moment)
        received_at = occurred_at + timedelta(seconds=self.rng.uniform(0.05, 1.5))
        return {
            "visitor": self.visitor,
            "event_id": self.new_id(),
            "occurred_at": occurred_at,
            "received_at": min(received_at, self.clock.now),
        }

    def choose(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), weights=list(weights.values()))[0]

    def choose_product(self) -> Product:
        return self.rng.choices(self.products, weights=[POPULARITY[product.sku] for product in self.products])[0]

    def happens(self, what: str) -> bool:
        return what in self.plan.comes_true if self.plan else self.rng.random() < CHANCES[what]

    def wait(self, least_minutes: float, most_minutes: float) -> None:
        self.moment += timedelta(minutes=self.rng.uniform(least_minutes, most_minutes))

    def new_id(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)
