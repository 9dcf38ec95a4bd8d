"""Purchase revenue as credited, and by first, last and linear touch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from alhena_tracking.models import Channel, Order
from alhena_tracking.reports import live, rolled_up
from alhena_tracking.reports.breakdowns import MOST_PROFILES
from alhena_tracking.reports.days import SplitDays
from alhena_tracking.reports.grouped import Grouped
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up

_PAIR = ("channel", "ai_profile")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """What each model gives to one channel or AI profile, in minor units; linear touch divides orders.

    ``name`` is the value of the channel or AI profile, and ``None`` for several together.
    """

    name: str | None
    credited_minor: int = 0
    first_minor: int = 0
    last_minor: int = 0
    linear_minor: int = 0
    credited_orders: int = 0
    first_orders: int = 0
    last_orders: int = 0

    @classmethod
    def of(cls, name: str | None, sums: Iterable[Mapping[str, int]]) -> Self:
        """Add up sums of ``_given``."""
        added: Counter[str] = Counter()
        for each in sums:
            added.update(each)
        return cls(name=name, **added)

    @property
    def amounts(self) -> tuple[int, int, int, int]:
        """As credited, by first, by last and by linear touch."""
        return self.credited_minor, self.first_minor, self.last_minor, self.linear_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionModels:
    """The rows of ``channels`` add up to ``total``, under each model, and so do those of ``profiles``.

    Of more than ``MOST_PROFILES`` of these, the last row has all others. ``several_orders`` have touches of several
    channels or AI profiles: only by these do models differ. ``orders_without_touches`` count as touched once.
    """

    channels: tuple[ModelFigures, ...] = ()
    profiles: tuple[ModelFigures, ...] = ()
    total: ModelFigures = ModelFigures(name=None)
    several_orders: int = 0
    orders_without_touches: int = 0


def attribution_models(query: ReportQuery, days: SplitDays, currency: str) -> AttributionModels:
    """Divide the report's purchase revenue in a currency among channels and AI profiles, by one statement.

    The query's filters choose orders by what they are credited to.
    """
    given: dict[tuple[str, str], dict[str, int]] = {}
    several_orders = orders_without_touches = 0
    for (channel, profile), sums in add_up(_parts(query, days, currency), _PAIR, using=Order.objects.db):
        several_orders += sums["several_orders"]
        orders_without_touches += sums["orders_without_touches"]
        given[channel, profile] = _given(sums)
    return AttributionModels(
        channels=tuple(sorted(_rows(given, 0), key=lambda row: Channel.values.index(row.name or ""))),
        profiles=_first_profiles(_rows(given, 1)),
        total=ModelFigures.of(None, given.values()),
        several_orders=several_orders,
        orders_without_touches=orders_without_touches,
    )


def _parts(query: ReportQuery, days: SplitDays, currency: str) -> list[Grouped]:
    """Return sums by channel and AI profile: of all orders and of those with several touches by what they are credited
    to, and of the latter by their touches.
    """
    parts: list[Grouped] = []
    if days.rolled_up:
        parts.append(rolled_up.purchase_totals(query, days.rolled_up, _PAIR, currency))
        parts.append(rolled_up.several_touches_sums(query, days.rolled_up, _PAIR, currency))
        parts.append(rolled_up.touch_sums(query, days.rolled_up, currency))
    if days.live:
        orders = query.orders(*days.live, currency=currency)
        parts.append(live.order_totals(orders, _PAIR))
        parts.append(live.several_touches_sums(orders, _PAIR))
        parts.append(live.untouched_sums(orders, _PAIR))
        parts.append(live.touch_sums(orders, ()))
    return parts


def _given(sums: Mapping[str, int]) -> dict[str, int]:
    """Return what each model gives: orders with several touches to those, all others to what they are credited to."""
    credited_minor, credited_orders = sums["purchase_minor"], sums["orders"]
    other_minor, other_orders = credited_minor - sums["several_minor"], credited_orders - sums["several_orders"]
    return {
        "credited_minor": credited_minor,
        **{name: other_minor + sums[name] for name in ("first_minor", "last_minor", "linear_minor")},
        "credited_orders": credited_orders,
        **{name: other_orders + sums[name] for name in ("first_orders", "last_orders")},
    }


def _rows(given: Mapping[tuple[str, str], Mapping[str, int]], place: int) -> list[ModelFigures]:
    """Add up what the models give by channel (``place`` 0) or AI profile (1), without rows of nothing."""
    found: dict[str, list[Mapping[str, int]]] = defaultdict(list)
    for pair, sums in given.items():
        if any(sums.values()):
            found[pair[place]].append(sums)
    return [ModelFigures.of(name, sums) for name, sums in found.items()]


def _first_profiles(rows: list[ModelFigures]) -> tuple[ModelFigures, ...]:
    """Return the first ``MOST_PROFILES`` by revenue, and all others as one row."""
    rows = sorted(rows, key=lambda row: ([-minor for minor in row.amounts], row.name))
    others = rows[MOST_PROFILES:]
    if not others:
        return tuple(rows)
    sums = [{name: value for name, value in asdict(row).items() if name != "name"} for row in others]
    return *rows[:MOST_PROFILES], ModelFigures.of(None, sums)
