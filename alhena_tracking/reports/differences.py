"""What changed between the compared period and the report's: by factor, channel, AI profile and product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from alhena_tracking.contract.amounts import rounded
from alhena_tracking.models import Channel, Order
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.figures import DayFigures, Figures
from alhena_tracking.reports.grouped import Grouped
from alhena_tracking.reports.periods import Period
from alhena_tracking.reports.products import latest_name, product_sums
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up, rank_changes

#: Most AI profiles and products, those that changed most.
MOST_DIFFERENCES = 10
_PREVIOUS = "previous_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The purchase revenue of one channel, AI profile or product (its ``key``) in both periods, in minor units.

    Products have a ``name``, and no orders.
    """

    key: str
    name: str = ""
    purchase_minor: int = 0
    previous_purchase_minor: int = 0
    orders: int = 0
    previous_orders: int = 0

    @property
    def change_minor(self) -> int:
        return self.purchase_minor - self.previous_purchase_minor


@dataclass(frozen=True, slots=True)
class Factors:
    """How much of the change of purchase revenue comes from each of its factors, in minor units.

    Purchase revenue is sessions × orders per session × average order value. They change one after another, in this
    order, so that the parts add up to the change.
    """

    sessions_minor: int
    orders_per_session_minor: int
    average_order_minor: int

    @classmethod
    def of(cls, current: Figures, previous: Figures) -> Factors | None:
        """Return the factors; ``None`` where nothing had been bought, or no session had started."""
        if not previous.sessions or not previous.orders:
            return None
        by_sessions = rounded(Fraction(previous.purchase_minor * current.sessions, previous.sessions))
        by_orders = rounded(Fraction(previous.purchase_minor * current.orders, previous.orders))
        return cls(
            sessions_minor=by_sessions - previous.purchase_minor,
            orders_per_session_minor=by_orders - by_sessions,
            average_order_minor=current.purchase_minor - by_orders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The differences between both periods, the largest first.

    ``channels`` add up to the report's purchase revenue, and so do ``profiles`` with ``other_profiles``. Of products,
    whose lines leave out discounts, shipping and taxes of whole orders, only those that changed most are here.
    """

    factors: Factors | None
    channels: tuple[Difference, ...]
    profiles: tuple[Difference, ...]
    other_profiles: Difference | None
    products: tuple[Difference, ...]


def differences(
    query: ReportQuery,
    both: SourceDays,
    compared: Period,
    currency: str,
    days: Sequence[DayFigures],
    figures: tuple[Figures, Figures],
) -> Differences:
    """Compare the report's period with ``compared``, whose ``days`` and ``figures`` (current, previous) are known.

    ``both`` are the days of both periods. Takes two statements.
    """
    profiles = _largest(_of_profiles(query, both, compared, currency))
    rest = profiles[MOST_DIFFERENCES:]
    return Differences(
        factors=Factors.of(*figures),
        channels=tuple(_largest(_of_channels(days, query.period, compared))),
        profiles=tuple(profiles[:MOST_DIFFERENCES]),
        other_profiles=_added_up(rest) if rest else None,
        products=tuple(_of_products(query, both, compared, currency)),
    )


def _largest(found: Iterable[Difference]) -> list[Difference]:
    return sorted(found, key=lambda one: (-abs(one.change_minor), -one.purchase_minor, one.key))


def _added_up(found: Sequence[Difference]) -> Difference:
    return Difference(
        key="",
        purchase_minor=sum(one.purchase_minor for one in found),
        previous_purchase_minor=sum(one.previous_purchase_minor for one in found),
        orders=sum(one.orders for one in found),
        previous_orders=sum(one.previous_orders for one in found),
    )


def _of_channels(days: Sequence[DayFigures], period: Period, compared: Period) -> list[Difference]:
    found = []
    for channel in Channel.values:
        now = [day for day in days if day.channel == channel and day.on in period]
        before = [day for day in days if day.channel == channel and day.on in compared]
        one = Difference(
            key=channel,
            purchase_minor=sum(day.purchase_minor for day in now),
            previous_purchase_minor=sum(day.purchase_minor for day in before),
            orders=sum(day.orders for day in now),
            previous_orders=sum(day.orders for day in before),
        )
        if one.orders or one.previous_orders:
            found.append(one)
    return found


def _of_profiles(query: ReportQuery, both: SourceDays, compared: Period, currency: str) -> list[Difference]:
    by = ["ai_profile"]
    parts = _orders(query, both, query.period, currency, by)
    parts += [part.prefixed(_PREVIOUS) for part in _previous_orders(query, both, compared, currency, by)]
    return [
        Difference(
            key=profile,
            purchase_minor=sums["purchase_minor"],
            previous_purchase_minor=sums["previous_purchase_minor"],
            orders=sums["orders"],
            previous_orders=sums["previous_orders"],
        )
        for (profile,), sums in add_up(parts, by, using=Order.objects.db)
        if sums["orders"] or sums["previous_orders"]
    ]


def _orders(query: ReportQuery, both: SourceDays, period: Period, currency: str, by: Sequence[str]) -> list[Grouped]:
    days = both.within(period).credited
    parts = [live.order_totals(query.orders(*days.live, currency=currency), by)] if days.live else []
    if days.rolled_up:
        parts.append(rolled_up.purchase_totals(query, days.rolled_up, by, currency))
    return parts


def _previous_orders(
    query: ReportQuery, both: SourceDays, compared: Period, currency: str, by: Sequence[str]
) -> list[Grouped]:
    if query.until is None:
        return _orders(query, both, compared, currency, by)
    return [live.order_totals(query.orders(compared, currency=currency, occurred_at__lte=query.until), by)]


def _of_products(query: ReportQuery, both: SourceDays, compared: Period, currency: str) -> list[Difference]:
    now = product_sums(query, both.within(query.period), currency)
    if query.until is None:
        before = product_sums(query, both.within(compared), currency)
    else:
        orders = query.orders(compared, currency=currency, occurred_at__lte=query.until)
        before = [live.purchased_sums(orders, ())]
    parts = [*now, *(part.prefixed(_PREVIOUS) for part in before)]
    return [
        Difference(
            key=sums["product_id"],
            name=latest_name(sums),
            purchase_minor=sums["purchase_minor"],
            previous_purchase_minor=sums["previous_purchase_minor"],
        )
        for sums in rank_changes(parts, most=MOST_DIFFERENCES, using=Order.objects.db)
    ]
