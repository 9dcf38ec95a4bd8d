"""Orders with one id in the browser and another on the shop's server: claim and confirmation never meet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

#: The browser's id and the server's.
Pair: TypeAlias = tuple[str, str]

#: How far apart report and confirmation of one order may be.
NEAR = timedelta(hours=24)
#: So many equal digits stand for one order, whatever is around them.
_DIGITS = 3
#: Digits without leading zeros.
_NUMBER = re.compile(r"0*(\d+)")
_MARK = "…"


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """An order with its id, as one side reported it."""

    order_id: str
    currency: str
    value_minor: int
    at: datetime


def unmet_pairs(reported: Collection[NamedOrder], stated: Collection[NamedOrder]) -> tuple[Pair, ...]:
    """Return the ids of orders that browsers ``reported`` and the server ``stated``, by the most frequent difference.

    The orders of a pair have the same amount and currency, are near in time, and their ids differ by the case, by
    leading zeros, or by what stands around a common part. Each id is in one pair.
    """
    by_amount = defaultdict(list)
    for order in stated:
        by_amount[order.currency, order.value_minor].append(order)
    found: defaultdict[Pair, dict[str, str]] = defaultdict(dict)
    for report in reported:
        near = [
            (abs(order.at - report.at), order.order_id)
            for order in by_amount[report.currency, report.value_minor]
            if abs(order.at - report.at) <= NEAR
        ]
        for _, order_id in sorted(near):
            difference = _difference(report.order_id, order_id)
            if difference is not None and order_id not in found[difference].values():
                found[difference].setdefault(report.order_id, order_id)
    most: dict[str, str] = max(found.values(), key=len, default={})
    return tuple(most.items())


def _difference(one: str, other: str) -> Pair | None:
    """Return how two ids of one order differ: each with a mark in place of the common part."""
    if one == other:
        return None
    one, other = one.casefold(), other.casefold()
    if _letters(one) == _letters(other):
        return _MARK, _MARK
    (number, around), (other_number, around_other) = _framed(one), _framed(other)
    if number == other_number and len(number) >= _DIGITS:
        return around, around_other
    if one in other:
        return _MARK, _MARK.join(other.rsplit(one, 1))
    if other in one:
        difference = _difference(other, one)
        return difference and difference[::-1]
    return None


def _framed(text: str) -> Pair:
    """Return the longest number of an id, of several the last, and the id with a mark in its place."""
    longest = max(_NUMBER.finditer(text), key=lambda match: (len(match[1]), match.start()), default=None)
    if longest is None:
        return "", text
    return longest[1], text[: longest.start()] + _MARK + text[longest.end() :]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))
