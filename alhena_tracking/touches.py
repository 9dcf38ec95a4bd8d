"""Which interactions an order's credit could have chosen, and what of the order is theirs. Pure, without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from alhena_tracking.attribution import Candidate, eligible
from alhena_tracking.contract.limits import TOUCHES


@dataclass(frozen=True, slots=True)
class Touch:
    """The eligible interactions of one order with one channel and AI profile: how many, and whether the first and the
    last of all are among them.
    """

    channel: str
    ai_profile: str
    count: int
    is_first: bool
    is_last: bool


class Recommendation(NamedTuple):
    """What one conversation recommended before an order, in interactions of one channel and AI profile.

    ``products`` are places in the order's ``named_products``.
    """

    session_id: int
    conversation_digest: str
    channel: str
    ai_profile: str
    products: Sequence[int]


def touching(candidates: Iterable[Candidate], at: datetime, window: timedelta, most: int) -> list[Candidate]:
    """Return the interactions that the credit of an order at ``at`` could choose, in order.

    Of very many, ``most`` of the first and as many of the last, so that it does not matter how many more were read.
    """
    found = sorted(eligible(candidates, at, window), key=lambda one: (min(one.occurred_at, at), one.id))
    return found if len(found) <= 2 * most else [*found[:most], *found[-most:]]


def touches_of(interactions: Sequence[Candidate]) -> list[Touch]:
    """Group interactions, which are in order, by channel and AI profile, in the order of each pair's first one.

    Of more than ``TOUCHES`` pairs, those of the first and the last interaction are kept, and those with the most.
    """
    if not interactions:
        return []
    counts = Counter((one.channel, one.ai_profile) for one in interactions)
    first, last = ((one.channel, one.ai_profile) for one in (interactions[0], interactions[-1]))
    kept = set(sorted(counts, key=lambda pair: (pair not in (first, last), -counts[pair]))[:TOUCHES])
    return [Touch(*pair, count, pair == first, pair == last) for pair, count in counts.items() if pair in kept]


def linear_minor(value_minor: int, counts: Sequence[int]) -> list[int]:
    """Divide an amount by ``counts``, in whole minor units that add up to it."""
    total, taken = sum(counts), 0
    shares: list[int] = []
    for count in counts:
        taken += count
        shares.append(_rounded(value_minor * taken, total) - sum(shares))
    return shares


def direct_minor(value_minor: int, lines: Iterable[tuple[int, bool]]) -> int:
    """Return how much of an order is direct: its value × direct lines ÷ all lines, rounded once, half up.

    ``lines`` are their amounts in minor units, and whether each is direct. Without an amount in them, nothing is.
    """
    lines = list(lines)
    total = sum(minor for minor, _ in lines)
    direct = sum(minor for minor, is_direct in lines if is_direct)
    return _rounded(value_minor * direct, total) if total else 0


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
