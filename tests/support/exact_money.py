"""An oracle for the values of carts and orders in exact fractions, and numbers as browsers write them.

The oracle shares no code with the application. It reads a number by its digits, rounds with fractions, and knows the
minor units of some currencies by heart.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

DECIMALS = {"EUR": 2, "USD": 2, "HUF": 2, "JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "TND": 3, "BHD": 3}
#: Codes without money of their own, unknown codes, and malformed ones.
NOT_MONEY = ["XXX", "XTS", "XAU", "CLF", "BOV", "EUX", "DEM", "€", "EURO", "BTC", "ＥＵＲ"]
MOST_MINOR, MOST_TOTAL, MOST_UNITS = 10**13, 10**15, 10**6


def half_up(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def minor_of(literal: str, currency: str) -> int:
    return half_up(Fraction(literal) * 10 ** DECIMALS[currency])


def price_of(literal: str, currency: str) -> Fraction:
    """A unit price keeps four decimals of a minor unit."""
    exact = Fraction(literal) * 10 ** DECIMALS[currency]
    return min(Fraction(half_up(exact * 10**4), 10**4), Fraction(MOST_MINOR))


def quantity_of(literal: str) -> Fraction:
    return Fraction(half_up(Fraction(literal) * 1000), 1000)


# Numbers


def _exact(literal: str) -> str:
    """The literal, if it equals the shortest one of its float: a browser writes no other digits."""
    return literal if Fraction(repr(float(literal))) == Fraction(literal) else repr(float(literal))


def value_literal(rnd: random.Random, currency: str) -> str:
    """An amount: plain prices, floating-point noise, halves of a minor unit, and the limits."""
    decimals = DECIMALS[currency]
    minor = rnd.choice((rnd.randrange(100), rnd.randrange(10**4), rnd.randrange(10**6), rnd.randrange(10**9)))
    price = minor / 10**decimals
    match rnd.randrange(12):
        case 0 | 1:
            return repr(price)
        case 2:  # a share, a tax, a multiple
            return repr(price * rnd.choice((0.07, 0.19, 0.1, 0.3, 1.1, 1.19, 1 / 3, 0.7)))
        case 3:
            return repr(sum([price] * rnd.randrange(2, 12)))
        case 4:
            return repr(abs(price - rnd.randrange(10**4) / 10**decimals))
        case 5:
            return repr(price / rnd.randrange(1, 13) * rnd.randrange(1, 13))
        case 6:  # halves of a minor unit, and their neighbours
            return _exact(f"{Decimal(10 * minor + 5).scaleb(-decimals - 1):f}")
        case 7:
            half = Decimal(2 * minor + 1).scaleb(-decimals) / 2
            return _exact(f"{half + rnd.choice((-1, 1)) * Decimal('1e-9'):f}")
        case 8:
            return str(minor)
        case 9:
            return _exact(rnd.choice((f"{minor}e-{decimals}", f"{minor}E-4", f"{minor}.0", f"{price:.6f}", "0", "0.0")))
        case 10:  # around the limit
            most = Decimal(MOST_MINOR).scaleb(-decimals) + rnd.choice((-1, 0, 0, 1)) * Decimal(1).scaleb(-decimals)
            return _exact(f"{most:f}")
        case _:
            return repr(math.nextafter(price, rnd.choice((0.0, math.inf))))


def quantity_literal(rnd: random.Random) -> str:
    return rnd.choice(
        (
            *[str(rnd.randrange(1, 9))] * 6,
            repr(0.1 * rnd.randrange(1, 30)),
            repr(rnd.randrange(1, 5000) / 1000),
            repr(rnd.random() * 10),
            _exact(f"{rnd.randrange(3)}.{rnd.randrange(1000):03}5"),
            rnd.choice(("0", "0.0004", "0.0005", "1000000", "1000000.0004", "1000000.0005", "999999.9995", "1e2")),
        )
    )


# The oracle


@dataclass
class _Claim:
    quantity: Fraction | None = None
    units: Fraction = Fraction(0)
    minor: int = 0


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event of a batch: its body, with numbers as literals between ``@``, and its expected error codes."""

    body: dict[str, Any]
    errors: dict[str, str]


@dataclass
class Books:
    """The expected rows by event id, and their sums by currency and day."""

    cart_events: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)
    orders: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)
    gmv_minor: defaultdict[tuple[str, Any], int] = field(default_factory=lambda: defaultdict(int))
    purchase_minor: defaultdict[tuple[str, Any], int] = field(default_factory=lambda: defaultdict(int))


class Visitor:
    """One visitor's events, a second apart, and their values under the settings ``basis`` and ``line_basis``."""

    def __init__(self, rnd: random.Random, books: Books, start: datetime, basis: str, line_basis: str) -> None:
        self.rnd, self.books, self.at, self.basis, self.line_basis = rnd, books, start, basis, line_basis
        self.currencies = rnd.sample(sorted(DECIMALS), 3)
        self.carts: defaultdict[tuple[str, str], _Claim] = defaultdict(_Claim)

    def events(self, number: int) -> Iterator[SentEvent]:
        yield self._sent_event("sendInteraction", {"type": self.rnd.choice(("CHAT", "FAQ", "NUDGE"))}, {})
        for _ in range(number - 1):
            yield self._order() if self.rnd.random() < 0.06 else self._cart_event()

    def _sent_event(self, method: str, data: dict[str, Any], errors: dict[str, str]) -> SentEvent:
        self.at += timedelta(seconds=1)
        event_id = str(UUID(int=self.rnd.getrandbits(128)))
        body = {"method": method, "event_id": event_id, "occurred_at": self.at.isoformat(), "data": data}
        return SentEvent(body, errors)

    def _cart_event(self) -> SentEvent:
        rnd = self.rnd
        currency = rnd.choice(self.currencies)
        value, quantity = value_literal(rnd, currency), quantity_literal(rnd)
        kind = rnd.choice(
            ("ITEM_ADDED", "ITEM_ADDED", "QUANTITY_INCREASED", "QUANTITY_INCREASED", "QUANTITY_DECREASED")
            + (("ITEM_REMOVED",) if rnd.random() < 0.5 else ())
        )
        product = f"sku-{rnd.randrange(3)}"
        errors = self._expected_errors(
            value, quantity, currency, is_positive=kind in {"ITEM_ADDED", "QUANTITY_INCREASED"}
        )
        told_currency = rnd.choice((currency, currency, currency.lower()))
        if rnd.random() < 0.02:
            told_currency = rnd.choice(NOT_MONEY)
            errors = {"currency": "unknown_currency"}
            value, quantity = "1", "1"
        data = {
            "type": kind,
            "product_id": product,
            "product_name": product,
            "value": f"@{value}@",
            "currency": told_currency,
            "quantity": f"@{quantity}@",
        }
        event = self._sent_event("sendCartEvent", data, errors)
        if not errors:
            minor: Fraction | int = minor_of(value, currency)
            if self.basis == "unit":
                minor = price_of(value, currency)
            left = quantity_of(quantity)
            units, gmv = self._change(self.carts[product, currency], kind, left, minor)
            after = self.carts[product, currency]
            facts = (currency, minor, left, units, gmv, after.quantity, after.units, after.minor)
            self.books.cart_events[UUID(event.body["event_id"])] = facts
            self.books.gmv_minor[currency, self.at.date()] += gmv
        return event

    def _change(self, cart: _Claim, kind: str, left: Fraction, minor: Fraction | int) -> tuple[Fraction, int]:
        """The value of an add-to-cart, implemented again from the specification."""
        before = cart.quantity or None  # a product of which nothing is left is as at first
        if kind in {"ITEM_REMOVED", "QUANTITY_DECREASED"}:
            left = Fraction(0) if kind == "ITEM_REMOVED" else left
            cart.quantity = left
            back = min(cart.units, max(before - left, Fraction(0))) if before is not None else Fraction(0)
            if not back:
                return Fraction(0), 0
            worth = cart.minor if back == cart.units else half_up(cart.minor * back / cart.units)
            cart.units, cart.minor = cart.units - back, cart.minor - worth
            return -back, -worth
        if before is not None and left < before:  # the cart was emptied without an event
            before, cart.units, cart.minor = None, Fraction(0), 0
        newly = left if kind == "ITEM_ADDED" else min(Fraction(1), left)
        units = newly if before is None else left - before
        unit_value = Fraction(minor) if self.basis == "unit" else Fraction(minor) / left
        gmv = half_up(units * unit_value)
        cart.quantity, cart.units, cart.minor = left, cart.units + units, cart.minor + gmv
        return units, gmv

    def _order(self) -> SentEvent:
        rnd = self.rnd
        currency = rnd.choice(self.currencies)
        value = value_literal(rnd, currency)
        errors = {"value": "too_large"} if minor_of(value, currency) > MOST_MINOR else {}
        lines, facts = [], []
        for index in range(rnd.randrange(1, 4)):
            line_value, quantity = value_literal(rnd, currency), quantity_literal(rnd)
            wrong = self._expected_errors(line_value, quantity, currency, is_positive=True)
            line_currency = currency
            if rnd.random() < 0.03:
                line_currency = rnd.choice([other for other in DECIMALS if other != currency])
                line_value, quantity, wrong = "1", "1", {"currency": "currency_mismatch"}
            errors |= {f"line_items[{index}].{name}": code for name, code in wrong.items()}
            product = f"bought-{rnd.randrange(3)}"  # not in the cart, so that the order empties all of it
            lines.append(
                {
                    "product_id": product,
                    "product_name": product,
                    "value": f"@{line_value}@",
                    "currency": line_currency,
                    "quantity": f"@{quantity}@",
                }
            )
            minor, sold = minor_of(line_value, currency), quantity_of(quantity)
            if self.line_basis == "unit":
                minor = min(half_up(price_of(line_value, currency) * sold), MOST_TOTAL)
            facts.append((sold, minor))
        order_id = f"{rnd.getrandbits(64):x}"
        data = {"order_id": order_id, "value": f"@{value}@", "currency": currency, "line_items": lines}
        event = self._sent_event("sendCheckoutEvent", data, errors)
        if not errors:
            minor = minor_of(value, currency)
            self.books.orders[UUID(event.body["event_id"])] = (currency, minor, tuple(facts))
            self.books.purchase_minor[currency, self.at.date()] += minor
            self.carts.clear()
        return event

    def _expected_errors(self, value: str, quantity: str, currency: str, *, is_positive: bool) -> dict[str, str]:
        minor, units = minor_of(value, currency), quantity_of(quantity)
        errors = {}
        if minor > MOST_MINOR:
            errors["value"] = "too_large"
        if units > MOST_UNITS:
            errors["quantity"] = "too_large"
        elif is_positive and not units:
            errors["quantity"] = "not_positive"
        if not errors and minor * units > MOST_TOTAL:
            errors["value"] = "too_large"
        return errors


def written(body: dict[str, Any]) -> bytes:
    """The body as JSON, with the literals between ``@`` as its numbers."""
    return re.sub(r'"@([^@"]*)@"', r"\1", json.dumps(body)).encode()
