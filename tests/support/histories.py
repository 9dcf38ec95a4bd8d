"""Hypothesis strategies for visitors' events: short histories, dense in the hard cases of attribution and carts.

A history is decoded from a few bytes an event, one byte a choice: that is fast to draw, and it shrinks well, because a
smaller byte is a plainer choice and an event that begins with a zero is no event at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from tests.support.oracle import (
    EMPTIED_WITHIN,
    GRACE,
    REPEATED_WITHIN,
    CartChange,
    Event,
    Interaction,
    Outcome,
    Purchase,
    replay,
)

Choice = TypeVar("Choice")

BASE = datetime(2026, 3, 2, 12, tzinfo=UTC)
REACH = timedelta(hours=35)
RECEIVED_AT = BASE + REACH
"""All events are less than 72 hours older than this time, so that they can be received then."""

# The first choice is the simplest. Choices that should be drawn more often are repeated.
WINDOWS = (timedelta(hours=24), timedelta(hours=1), timedelta(hours=24), timedelta(hours=1), timedelta(minutes=10))
MODELS = ("first_touch", "last_touch")
COMPANIES = (
    ("acme",),
    ("acme",),
    ("acme",),
    (*["acme"] * 6, "globex"),
    (*["acme"] * 8, "globex", "initech"),
)
CURRENCIES = (("EUR",), (*["EUR"] * 5, "JPY"), (*["KWD"] * 5, "EUR"), (*["JPY"] * 5, "KWD"))
BASES = (("unit",), ("total",), ("unit", "total"))

# Two visitor ids of each widget. The FAQ's second equals the chat's first, but must not match it.
A, B, C = (
    "5f0c1a52-9a57-4d0e-8f5b-3c6d2a1e7b40",
    "c2a7be19-1d34-4b8e-9e61-70f4d8a35c26",
    "91e3d76f-6b02-4c5a-a8d9-2f1b5e07c4d8",
)
VISITORS: tuple[tuple[str | None, str | None], ...] = (
    *[(A, None)] * 3,
    *[(A, B)] * 14,
    *[(None, B)] * 3,
    (C, None),
    (C, B),
    (C, B),
    (A, A),
    (C, A),
    (None, A),
)

KINDS: tuple[type[Event] | None, ...] = (None, *[Interaction] * 5, *[CartChange] * 14, *[Purchase] * 3)
KINDS_AT_FIRST = (None, *[Interaction] * 12, CartChange, Purchase)
CHANNELS = ("CHAT", "FAQ", "NUDGE")
AI_PROFILES = ("", "shopping", "support")
IS_QUALIFYING = (*[True] * 9, False)
CHANGES = (
    *["ITEM_ADDED"] * 3,
    *["QUANTITY_INCREASED"] * 4,
    *["QUANTITY_DECREASED"] * 4,
    "ITEM_REMOVED",
)
PRODUCTS = (*["mug"] * 8, "MUG", "tea")
# Changes of a product's last reported quantity.
MORE = tuple(
    map(Decimal, ("1", "2", "0.5", "3", "1", "2", "0.333", "0", "-1", "-0.5", "2.675", "0.001", "12", "1000000"))
)
LESS = tuple(map(Decimal, ("-1", "-0.5", "-1", "-2", "-0.333", "-0.001", "-1.5", "0", "1", "-1000000")))
MOST_UNITS = Decimal(1000000)
UNIT_VALUES = (100, 1, 3, 5, 7, 333, 1999, 0, 10**9, 7 * 10**12 + 1)
PARTS = (*["0"] * 5, "0.5", "0.25", "0.0001")  # of a minor unit, in unit prices
# What was in the cart before, if it is reported: relative to the last reported quantity.
PREVIOUS = (*[None] * 6, *["0"] * 5, "1", "-1", "-0.5", "2", "-1000000")
LINES = (
    *[()] * 3,
    (("mug", "1"),),
    (("mug", "2"),),
    (("tea", "1"), ("mug", "0.5")),
    (("mug", "1"), ("MUG", "1"), ("mug", "1.5")),
    (("MUG", "1000"),),
    (("cup", "1"),),
)
MOST_MINOR = 10**15
ORDER_IDS = (None, None, None, "A1", "a1", "A1", "\u00c11", "B2")
ORDER_VALUES = (1000, 1000, 1000, 0, 2500)
VALUES_OF_KNOWN_ORDERS = (1000, 1000, 1000, 1, 2500)

# An event's time is relative to the latest event, or to one that many events back.
LATEST = 0
BACK = (LATEST, LATEST, LATEST, LATEST, 1, 1, 1, 2, 2, 3, 4, 5, 7)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class History:
    """Events in order of arrival, and the settings in force."""

    events: tuple[Event, ...]
    window: timedelta
    model: str

    def replay(self) -> Outcome:
        """Ask the oracle."""
        return replay(self.events, window=self.window, model=self.model)


class _Choices:
    """Bytes, one for each choice."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[next(self._choices) % len(options)]


def histories(most_events: int = 25) -> st.SearchStrategy[History]:
    """Histories of at most `most_events` events, empty only when shrunk."""
    return st.builds(
        _history,
        st.binary(min_size=5, max_size=5),
        st.lists(st.binary(min_size=13, max_size=13), min_size=most_events // 2, max_size=most_events),
    )


def _history(settings: bytes, choices: list[bytes]) -> History:
    setting = _Choices(settings)
    window = setting.pick(WINDOWS)
    model = setting.pick(MODELS)
    companies = setting.pick(COMPANIES)
    currencies = setting.pick(CURRENCIES)
    bases = setting.pick(BASES)
    events: list[Event] = []
    for choice in choices:
        event = _event(_Choices(choice), events, window, companies, currencies, bases)
        if event is not None:
            events.append(event)
    return History(tuple(events), window, model)


def _event(
    choice: _Choices,
    earlier: Sequence[Event],
    window: timedelta,
    companies: Sequence[str],
    currencies: Sequence[str],
    bases: Sequence[str],
) -> Event | None:
    kind = choice.pick(KINDS if any(isinstance(event, Interaction) for event in earlier) else KINDS_AT_FIRST)
    company = choice.pick(companies)
    chat, faq = choice.pick(VISITORS)
    at = _time(choice, earlier, window)
    if kind is Interaction:
        return Interaction(
            company,
            chat,
            faq,
            kind=choice.pick(CHANNELS),
            ai_profile=choice.pick(AI_PROFILES),
            is_qualifying=choice.pick(IS_QUALIFYING),
            at=at,
        )
    if kind is CartChange:
        change = choice.pick(CHANGES)
        product_id = choice.pick(PRODUCTS)
        quantity = _quantity(choice, earlier, change, product_id)
        value_minor = choice.pick(UNIT_VALUES)
        value_minor = value_minor if value_minor * quantity <= MOST_MINOR else value_minor % 1000
        basis = choice.pick(bases)
        return CartChange(
            company,
            chat,
            faq,
            type=change,
            product_id=product_id,
            currency=choice.pick(currencies),
            basis=basis,
            value_minor=value_minor + (Decimal(choice.pick(PARTS)) if basis == "unit" and value_minor < 10**9 else 0),
            quantity=quantity,
            previous=_previous(choice, earlier, product_id),
            at=at,
        )
    if kind is Purchase:
        order_id = choice.pick(ORDER_IDS)
        return Purchase(
            company,
            chat,
            faq,
            order_id=order_id,
            currency=choice.pick(currencies),
            # A report of 0 gives way to a later one of the same order: see the sequences of trust.
            value_minor=choice.pick(ORDER_VALUES if order_id is None else VALUES_OF_KNOWN_ORDERS),
            lines=tuple((product, Decimal(quantity)) for product, quantity in choice.pick(LINES)),
            at=at,
        )
    return None


def _quantity(choice: _Choices, earlier: Sequence[Event], change: str, product_id: str) -> Decimal:
    last = _last_quantity(earlier, product_id)
    if change in ("ITEM_ADDED", "QUANTITY_INCREASED"):
        difference = choice.pick(MORE)
        return min(last + difference, MOST_UNITS) if last + difference > 0 else Decimal(1)
    return min(max(last + choice.pick(LESS), Decimal(0)), MOST_UNITS)


def _previous(choice: _Choices, earlier: Sequence[Event], product_id: str) -> Decimal | None:
    difference = choice.pick(PREVIOUS)
    if difference is None:
        return None
    return min(max(_last_quantity(earlier, product_id) + Decimal(difference), Decimal(0)), MOST_UNITS)


def _last_quantity(earlier: Sequence[Event], product_id: str) -> Decimal:
    reported = [event.quantity for event in earlier if isinstance(event, CartChange) and event.product_id == product_id]
    return reported[-1] if reported else Decimal(0)


def _time(choice: _Choices, earlier: Sequence[Event], window: timedelta) -> datetime:
    back = choice.pick(BACK)
    distance = choice.pick(_distances(window))
    if not earlier:
        return BASE
    anchor = max(event.at for event in earlier) if back == LATEST else earlier[max(len(earlier) - back, 0)].at
    at = anchor + distance
    return at if abs(at - BASE) <= REACH else anchor


@cache
def _distances(window: timedelta) -> tuple[timedelta, ...]:
    """List intervals between two events: short random ones, and ones on or next to the limit of a rule."""
    seconds, minutes = timedelta(seconds=5), timedelta(minutes=2)
    edges = (window, window, GRACE, REPEATED_WITHIN, EMPTIED_WITHIN)
    return (
        *[timedelta(0), timedelta(0), seconds, seconds, minutes, minutes] * 12,
        *[-seconds, -minutes] * 6,
        *[sign * (edge + off) for edge in edges for sign in (1, -1) for off in (-TICK, timedelta(0), TICK)],
        *[TICK, -TICK, window / 2, -window / 2, window * 2 / 3],
    )
