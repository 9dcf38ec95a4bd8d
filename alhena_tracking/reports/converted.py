"""Purchase revenue and add-to-cart GMV of all currencies as one sum, at dated rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from alhena_tracking.contract.amounts import rounded
from alhena_tracking.exchange_rates import Rates
from alhena_tracking.models import CartEvent, Order
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SourceDays, SplitDays
from alhena_tracking.reports.grouped import Grouped
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFigures:
    """The figures of one currency, and as much of them as has a rate in the target currency.

    ``purchase_minor``, ``refunded_minor`` (of these orders) and ``add_to_cart_minor`` are in minor units of
    ``currency``; the ``converted_…`` ones in those of the target, rounded once, without the ``unconverted_orders`` and
    ``unconverted_cart_events``.
    """

    currency: str
    orders: int = 0
    purchase_minor: int = 0
    converted_purchase_minor: int = 0
    unconverted_orders: int = 0
    refunded_minor: int = 0
    converted_refunded_minor: int = 0
    cart_events: int = 0
    add_to_cart_minor: int = 0
    converted_add_to_cart_minor: int = 0
    unconverted_cart_events: int = 0

    @property
    def net_minor(self) -> int:
        return self.purchase_minor - self.refunded_minor

    @property
    def converted_net_minor(self) -> int:
        return self.converted_purchase_minor - self.converted_refunded_minor


@dataclass(frozen=True, slots=True)
class Conversion:
    """The figures of all currencies in one: the sums of its ``parts``, those with the most orders first."""

    currency: str
    parts: tuple[ConvertedFigures, ...]

    @property
    def purchase_minor(self) -> int:
        return sum(part.converted_purchase_minor for part in self.parts)

    @property
    def refunded_minor(self) -> int:
        return sum(part.converted_refunded_minor for part in self.parts)

    @property
    def net_minor(self) -> int:
        """Purchase revenue minus refunds."""
        return self.purchase_minor - self.refunded_minor

    @property
    def add_to_cart_minor(self) -> int:
        return sum(part.converted_add_to_cart_minor for part in self.parts)

    @property
    def orders(self) -> int:
        """The orders whose value is in the sum."""
        return sum(part.orders - part.unconverted_orders for part in self.parts)

    @property
    def unconverted_orders(self) -> int:
        return sum(part.unconverted_orders for part in self.parts)

    @property
    def unconverted_cart_events(self) -> int:
        return sum(part.unconverted_cart_events for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount of one day in minor units of a currency, of a number of rows; ``own_minor`` is the same at the rate
    that the shop stated.
    """

    kind: str
    currency: str
    on: date
    minor: int
    count: int
    own_minor: Fraction | int | None = None


def convert(query: ReportQuery, days: SourceDays, target: str) -> Conversion:
    """Add up all currencies under the query's other filters in ``target``.

    An order whose value the shop stated in ``target``, too, counts with that, and its refunds in proportion; any other
    amount counts at the rate of its day, refunds at that of their order's day. So nothing is left of an order that is
    refunded in full. Orders and refunds are read from their rows, cart events from roll-ups where they are valid.
    """
    amounts = [*_orders(query, target), *_refunds(query, target), *_cart_events(query, days.credited)]
    rates = Rates.of(
        {target, *(amount.currency for amount in amounts)},
        query.period.start,
        query.period.end,
        using=CartEvent.objects.db,
    )
    sums: dict[str, dict[str, int | Fraction]] = {}
    for amount in amounts:
        of_currency = sums.setdefault(amount.currency, {})
        converted = _converted(amount, rates, target)
        rows, minor = _FIELDS[amount.kind]
        _add(of_currency, minor, amount.minor)
        if rows:
            _add(of_currency, rows, amount.count)
        if converted is not None:
            _add(of_currency, f"converted_{minor}", converted)
        elif rows:
            _add(of_currency, f"unconverted_{rows}", amount.count)
    parts = [
        ConvertedFigures(currency=currency, **{name: rounded(number) for name, number in of_currency.items()})
        for currency, of_currency in sums.items()
    ]
    return Conversion(target, tuple(sorted(parts, key=lambda part: (-part.orders, -part.cart_events, part.currency))))


#: The number and the sum that amounts of a kind add to.
_FIELDS = {
    "order": ("orders", "purchase_minor"),
    "refund": ("", "refunded_minor"),
    "cart": ("cart_events", "add_to_cart_minor"),
}


def _converted(amount: _Amount, rates: Rates, target: str) -> Fraction | int | None:
    if amount.own_minor is not None:
        return amount.own_minor
    if amount.currency == target:
        return amount.minor
    return rates.convert(amount.minor, amount.currency, target, amount.on)


def _add(sums: dict[str, int | Fraction], name: str, number: int | Fraction) -> None:
    sums[name] = sums.get(name, 0) + number


def _orders(query: ReportQuery, target: str) -> Iterator[_Amount]:
    orders = live.stated_order_totals(query.orders(query.period), ("currency", "occurred_on", "shop_currency"))
    found = add_up([orders], ("currency", "on", "shop_currency"), using=Order.objects.db)
    for (currency, on, shop_currency), sums in found:
        own_minor = sums["shop_minor"] if shop_currency == target != currency else None
        yield _Amount("order", currency, on, sums["purchase_minor"], sums["orders"], own_minor)


def _refunds(query: ReportQuery, target: str) -> Iterator[_Amount]:
    """Yield the refunds of the period's orders, those of orders at a rate of their own by their two values."""
    by = ("currency", "on", "value", "shop_value")
    refunds = live.converted_refunds(query.orders(query.period), target)
    for (currency, on, value, shop_value), sums in add_up([refunds], by, using=Order.objects.db):
        own_minor = Fraction(sums["refunded_minor"] * shop_value, value) if value else None
        yield _Amount("refund", currency, on, sums["refunded_minor"], 0, own_minor)


def _cart_events(query: ReportQuery, days: SplitDays) -> Iterator[_Amount]:
    by = ("currency", "on")
    parts: list[Grouped] = []
    if days.rolled_up:
        parts.append(rolled_up.cart_totals(query, days.rolled_up, by))
    if days.live:
        events = query.credited(CartEvent.objects.included(), *days.live)
        parts.append(live.cart_totals(events, ("currency", "occurred_on")))
    for (currency, on), sums in add_up(parts, by, using=CartEvent.objects.db):
        if sums["cart_events"]:
            yield _Amount("cart", currency, on, sums["add_to_cart_minor"], sums["cart_events"])
