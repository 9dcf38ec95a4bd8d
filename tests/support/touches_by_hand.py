"""What of an order is direct, and what each model gives to whom: by hand, sharing no code with what it checks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any, NamedTuple

from alhena_tracking.models import Order

GRACE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of the assistant by the order's visitor, recorded before the order."""

    at: datetime
    channel: str
    profile: str
    products: tuple[str, ...]
    is_qualifying: bool = True


class Sums(NamedTuple):
    """What the models give to one channel and AI profile."""

    first: int
    last: int
    linear: Fraction


def direct_share(value_minor: int, lines: Sequence[tuple[str, int]], named: set[str]) -> Fraction:
    total = sum(minor for _, minor in lines)
    return Fraction(value_minor * sum(minor for product, minor in lines if product in named), total or 1)


def half_up(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))


def uses_in_window(uses: Sequence[Use], at: datetime, window: timedelta) -> list[Use]:
    """The uses that count, in order; those shortly after the order are as at its time."""
    found = [use for use in uses if use.is_qualifying and at - window <= use.at <= at + GRACE]
    places = {id(use): (min(use.at, at), place) for place, use in enumerate(uses)}
    return sorted(found, key=lambda use: places[id(use)])


def models_by_hand(value_minor: int, uses: Sequence[Use]) -> dict[tuple[str, str], Sums]:
    found: dict[tuple[str, str], Sums] = {}
    for number, use in enumerate(uses):
        sums = found.get((use.channel, use.profile), Sums(0, 0, Fraction(0)))
        found[use.channel, use.profile] = Sums(
            sums.first + (value_minor if number == 0 else 0),
            sums.last + (value_minor if number == len(uses) - 1 else 0),
            sums.linear + Fraction(value_minor, len(uses)),
        )
    return found


def linear_by_hand(value_minor: int, uses: Sequence[Use]) -> dict[tuple[str, str], int]:
    """What linear touch gives to each channel and AI profile, in the order of their first uses, in whole minor units:
    what they have together with those before them is rounded, half up.
    """
    counts = Counter((use.channel, use.profile) for use in uses)
    given, before = {}, 0
    for pair, upto in zip(counts, accumulate(counts.values()), strict=True):
        together = half_up(Fraction(value_minor * upto, len(uses)))
        given[pair], before = together - before, together
    return given


def stored_models(order: Order) -> dict[tuple[str, str], tuple[int, int, int]]:
    """What the stored rows give to each channel and AI profile under first, last and linear touch."""
    rows: Any = list(order.several_touches.all())
    if not rows:
        return {(order.channel, order.ai_profile): (order.value_minor,) * 3}
    sums: dict[tuple[str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for row in rows:
        assert (row.channel, row.ai_profile) not in sums
        whole = order.value_minor
        sums[row.channel, row.ai_profile] = (whole * row.is_first, whole * row.is_last, row.linear_minor)
    return dict(sums)
