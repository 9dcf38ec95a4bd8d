"""Sums and the figures computed from them, without a database.

Money is in whole minor units. Ratios are exact ``Fraction``s, rounded where they are shown, or
``None`` where the divisor is zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Self

#: With a larger share of the orders in other currencies, revenue per session is not computed.
MIXED = Fraction(5, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDay:
    """The sessions that started on one day. ``converted_sessions`` are those with an order by now, of any day."""

    on: date
    sessions: int = 0
    converted_sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures(SessionDay):
    """The figures of one channel on one day, from which all others (except products) are computed.

    ``carts`` counts the sessions whose first cart event of the day has this channel. ``sessions`` are those that belong
    to the channel (see ``SessionSums``), ``converted_sessions`` those with an order credited to it: a session can be
    in the rows of several channels, so their totals are not the sums of these. ``refunded_minor`` sums refunds of the
    day's orders so far, ``dated_refunds_minor`` those made on the day, of orders of any day. ``unlined_minor`` is the
    value of orders without lines. ``tax_minor``, ``shipping_minor`` and ``discount_minor`` are what orders state;
    ``stated_orders`` state tax or shipping.
    """

    channel: str
    add_to_cart_minor: int = 0
    cart_events: int = 0
    carts: int = 0
    purchase_minor: int = 0
    confirmed_minor: int = 0
    verified_minor: int = 0
    refunded_minor: int = 0
    dated_refunds_minor: int = 0
    direct_minor: int = 0
    unlined_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0
    discount_minor: int = 0
    orders: int = 0
    stated_orders: int = 0

    @property
    def unstated_orders(self) -> int:
        """The orders that state neither tax nor shipping."""
        return self.orders - self.stated_orders


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFigures(DayFigures):
    """The figures of one channel from the day ``on`` to ``last_on``: a day, week or month, or a part of one."""

    last_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow(SessionDay):
    """The sessions that started from the day ``on`` to ``last_on``."""

    last_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of several days. ``is_mixed`` if too many of their orders are in other currencies for revenue per
    session, as sessions have no currency.
    """

    add_to_cart_minor: int
    cart_days: int
    carts: int
    average_cart_minor: Fraction | None
    purchase_minor: int
    confirmed_minor: int
    verified_minor: int
    refunded_minor: int
    dated_refunds_minor: int
    direct_minor: int
    unlined_minor: int
    tax_minor: int
    shipping_minor: int
    discount_minor: int
    orders: int
    stated_orders: int
    sessions: int
    converted_sessions: int
    is_mixed: bool = False

    @classmethod
    def of(cls, days: Iterable[DayFigures], session_days: Iterable[SessionDay], *, is_mixed: bool = False) -> Self:
        """Add up ``days`` of one or several channels, and the sessions of ``session_days``."""
        days, session_days = list(days), list(session_days)
        return cls(
            add_to_cart_minor=sum(day.add_to_cart_minor for day in days),
            cart_days=len({day.on for day in days if day.cart_events}),
            carts=sum(day.carts for day in days),
            average_cart_minor=_average_cart_minor(days),
            purchase_minor=sum(day.purchase_minor for day in days),
            confirmed_minor=sum(day.confirmed_minor for day in days),
            verified_minor=sum(day.verified_minor for day in days),
            refunded_minor=sum(day.refunded_minor for day in days),
            dated_refunds_minor=sum(day.dated_refunds_minor for day in days),
            direct_minor=sum(day.direct_minor for day in days),
            unlined_minor=sum(day.unlined_minor for day in days),
            tax_minor=sum(day.tax_minor for day in days),
            shipping_minor=sum(day.shipping_minor for day in days),
            discount_minor=sum(day.discount_minor for day in days),
            orders=sum(day.orders for day in days),
            stated_orders=sum(day.stated_orders for day in days),
            sessions=sum(day.sessions for day in session_days),
            converted_sessions=sum(day.converted_sessions for day in session_days),
            is_mixed=is_mixed,
        )

    @property
    def daily_add_to_cart_minor(self) -> Fraction | None:
        return ratio(self.add_to_cart_minor, self.cart_days)

    @property
    def net_minor(self) -> int:
        """Purchase revenue minus refunds."""
        return self.purchase_minor - self.refunded_minor

    @property
    def net_of_tax_and_shipping_minor(self) -> int:
        """Purchase revenue minus the tax and shipping that orders state."""
        return self.purchase_minor - self.tax_minor - self.shipping_minor

    @property
    def unstated_orders(self) -> int:
        """The orders that state neither tax nor shipping."""
        return self.orders - self.stated_orders

    @property
    def assisted_minor(self) -> int:
        """Purchase revenue that is not direct."""
        return self.purchase_minor - self.direct_minor

    @property
    def average_order_minor(self) -> Fraction | None:
        return ratio(self.purchase_minor, self.orders)

    @property
    def orders_per_session(self) -> Fraction | None:
        return ratio(self.orders, self.sessions)

    @property
    def confirmed_share(self) -> Fraction | None:
        return ratio(self.confirmed_minor, self.purchase_minor)

    @property
    def verified_share(self) -> Fraction | None:
        return ratio(self.verified_minor, self.purchase_minor)

    @property
    def direct_share(self) -> Fraction | None:
        return ratio(self.direct_minor, self.purchase_minor)

    @property
    def conversion_rate(self) -> Fraction | None:
        return ratio(self.converted_sessions, self.sessions)

    @property
    def revenue_per_session_minor(self) -> Fraction | None:
        return None if self.is_mixed else ratio(self.purchase_minor, self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotals:
    """The totals of one currency."""

    currency: str
    add_to_cart_minor: int = 0
    cart_events: int = 0
    purchase_minor: int = 0
    orders: int = 0


def is_mixed(orders: int, other_orders: int) -> bool:
    """Return whether more than ``MIXED`` of all orders are the ``other_orders``, in other currencies."""
    return other_orders > MIXED * (orders + other_orders)


def _average_cart_minor(days: Iterable[DayFigures]) -> Fraction | None:
    """Return the mean of each day's average cart value, over the days with carts."""
    minor: dict[date, int] = defaultdict(int)
    carts: dict[date, int] = defaultdict(int)
    for day in days:
        minor[day.on] += day.add_to_cart_minor
        carts[day.on] += day.carts
    values = [Fraction(minor[on], carts[on]) for on in minor if carts[on]]
    return sum(values, start=Fraction()) / len(values) if values else None


def ratio(part: int, whole: int) -> Fraction | None:
    """Return a quotient; ``None`` where there is nothing to divide by."""
    return Fraction(part, whole) if whole else None
