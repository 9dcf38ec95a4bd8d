"""Some weeks of plausible traffic, so that the report has something to tell on the first day.

Every event goes through the ingestion functions, so the rows are the ones real visitors would have left. The same seed
and number of days give the same figures all day long: today's traffic is squeezed into the part of it that has passed.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from alhena_tracking.ingestion import (
    CartEventData,
    InteractionData,
    LineItemData,
    OrderData,
    RefundData,
    Visitor,
    record,
    record_refund,
)
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Interaction,
    Order,
    PendingConfirmation,
    Refund,
    RejectedEvent,
    RolledUpDay,
    Trust,
    VisitorSession,
)
from example_project.shop.currencies import EUR, JPY, Currency
from example_project.shop.models import Product

Event = InteractionData | CartEventData | OrderData | RefundData

METHODS: dict[type[Event], str] = {
    InteractionData: "sendInteraction",
    CartEventData: "sendCartEvent",
    OrderData: "sendCheckoutEvent",
    RefundData: "refund",
}

VISITS_A_DAY = 15
GROWTH = 0.7  # how many more visits the last day has than the first, as a share
WEEKDAYS = (0.95, 0.85, 0.9, 1.0, 1.1, 1.3, 1.2)
# When people think of coffee: weights of the hours from 6 in the morning to 11 at night.
HOURS = dict(zip(range(6, 24), (2, 5, 8, 9, 8, 6, 5, 5, 4, 4, 4, 4, 5, 7, 9, 9, 6, 2), strict=True))
CHANNELS = {"CHAT": 52, "FAQ": 32, "NUDGE": 16}
DAY = 24 * 60  # in minutes
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


def lay_history(company: Company, *, days: int, seed: int, now: datetime) -> int:
    """Replace the company's traffic by `days` of it up to `now`, and return how many events were recorded.

    Zero if this history is there already; then it is kept, with everything that has happened in the shop since.
    """
    events = sorted(make_history(company, days=days, seed=seed, now=now), key=lambda event: event.occurred_at)
    first = next(event for event in events if isinstance(event, InteractionData))
    if Interaction.objects.filter(company=company, event_id=first.event_id).exists():
        return 0
    counts: Counter[tuple[date, str, str, str]] = Counter()
    with transaction.atomic():
        clear_history(company)
        for event in events:
            if isinstance(event, RefundData):
                outcome = record_refund(company, event)
            else:
                [outcome] = record(company, [event])
            day = event.received_at.astimezone(company.zone).date()
            counts[day, METHODS[type(event)], outcome.status, outcome.reason] += 1
        EventCount.objects.bulk_create(
            EventCount(company=company, counted_on=day, method=method, outcome=status, reason=reason, count=count)
            for (day, method, status, reason), count in counts.items()
        )
    return sum(count for (_, _, status, _), count in counts.items() if status == "recorded")


def exclude_test_order(company: Company, user: AbstractBaseUser) -> None:
    """Let staff exclude one of the confirmed orders, as if one of them had tried the checkout."""
    orders = Order.objects.filter(company=company, trust=Trust.CONFIRMED, refunds=None).order_by("-occurred_at")
    for order in orders[3:4]:
        order.exclude(user, "Test order: we tried the new checkout.")


def clear_history(company: Company) -> None:
    for model in (
        Refund,
        PendingConfirmation,
        Order,
        CartEvent,
        Interaction,
        VisitorSession,
        EventCount,
        RejectedEvent,
        RolledUpDay,
    ):
        model._default_manager.filter(company=company).delete()


def make_history(company: Company, *, days: int, seed: int, now: datetime) -> Iterator[Event]:
    today = now.astimezone(company.zone).date()
    rng = random.Random(f"{seed} {days} {today}")
    products = list(Product.objects.filter(sku__in=POPULARITY))
    clock = Clock(midnight_of(today, company), midnight_of(today + timedelta(days=1), company), now)
    for age in reversed(range(days)):
        day = today - timedelta(days=age)
        expected = VISITS_A_DAY * WEEKDAYS[day.weekday()] * (1 + GROWTH * (1 - age / days))
        for _ in range(max(1, round(rng.gauss(expected, expected**0.5)))):
            yield from Visit(rng, products, clock, started_at(rng, midnight_of(day, company))).events()


def midnight_of(day: date, company: Company) -> datetime:
    return datetime.combine(day, time.min, tzinfo=company.zone).astimezone(UTC)


def started_at(rng: random.Random, midnight: datetime) -> datetime:
    (hour,) = rng.choices(list(HOURS), weights=list(HOURS.values()))
    return midnight + timedelta(hours=hour, seconds=rng.uniform(0, 3600))


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

    def __init__(self, rng: random.Random, products: list[Product], clock: Clock, starts_at: datetime) -> None:
        self.rng = rng
        self.products = products
        self.clock = clock
        self.moment = starts_at
        self.visitor = Visitor(self.new_id(), self.new_id())
        self.currency: Currency = JPY if self.happens(0.1) else EUR
        self.cart: dict[Product, Decimal] = {}

    def events(self) -> Iterator[Event]:
        """What the visitor does, in order, as far as it lies in the past."""
        for event in self.story():
            if event.occurred_at > self.clock.now:
                return
            yield event

    def story(self) -> Iterator[Event]:
        channel, profile = self.choose(CHANNELS), self.choose(AI_PROFILES)
        conversation = f"c-{self.rng.getrandbits(40):010x}"
        product = self.choose_product()
        yield self.ask(channel, product, conversation, profile)
        while self.happens(0.4):
            self.wait(0.5, 4)
            # An answer in the FAQ leads to another one, or on to the chat.
            channel = channel if self.happens(0.8) else "CHAT"
            yield self.ask(channel, product, conversation, profile)
        if self.happens(0.5):
            return
        yield from self.fill_cart(product)
        if self.happens(0.12):
            # Asleep over it, and back within the day.
            self.wait(180, 900)
        if self.cart and self.happens(0.5):
            self.wait(1, 12)
            yield from self.buy()

    def fill_cart(self, product: Product) -> Iterator[Event]:
        if self.happens(0.08):
            # It was in the cart before the visitor asked; nobody has reported that.
            self.cart[product] = product.step
        for _ in range(self.rng.choices((1, 2, 3), weights=(6, 3, 1))[0]):
            self.wait(0.5, 6)
            steps = self.rng.choice((1, 1, 1, 2))
            yield self.change(product, self.cart.get(product, Decimal(0)) + product.step * steps)
            product = self.choose_product()
        for product in list(self.cart):
            if self.happens(0.16):
                self.wait(0.2, 2)
                yield self.change(product, self.cart[product] + product.step)
            if self.happens(0.12):
                self.wait(0.2, 2)
                yield self.change(product, self.cart[product] - product.step)
            if product in self.cart and self.happens(0.07):
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
        )

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
        total = full = sum(line.value_minor for line in lines)
        if self.happens(0.15):
            total = full * 9 // 10  # a voucher
        number = "M-" + "".join(self.rng.choices("23456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=8))
        # Ten days ago the shop learned to send its orders' ids with all of them.
        if self.happens(0.06) and self.moment < self.clock.midnight - timedelta(days=10):
            yield self.order("", total, lines, Trust.REPORTED)
        elif self.happens(0.5):
            yield self.order(number, total, lines, Trust.REPORTED)
        else:
            if total != full and self.happens(0.3):
                yield self.order(number, full, lines, Trust.REPORTED)  # the browser has not heard of the voucher
            yield self.order(number, total, lines, Trust.CONFIRMED)
            if self.happens(0.12):
                self.wait(1 * DAY, 8 * DAY)
                yield self.refund(number, total if self.happens(0.4) else lines[0].value_minor * total // full)

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
        return {
            "visitor": self.visitor,
            "event_id": self.new_id(),
            "occurred_at": occurred_at,
            "received_at": occurred_at + timedelta(seconds=self.rng.uniform(0.05, 1.5)),
        }

    def choose(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), weights=list(weights.values()))[0]

    def choose_product(self) -> Product:
        return self.rng.choices(self.products, weights=[POPULARITY[product.sku] for product in self.products])[0]

    def happens(self, probability: float) -> bool:
        return self.rng.random() < probability

    def wait(self, least_minutes: float, most_minutes: float) -> None:
        self.moment += timedelta(minutes=self.rng.uniform(least_minutes, most_minutes))

    def new_id(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)
