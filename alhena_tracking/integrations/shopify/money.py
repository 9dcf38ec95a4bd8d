"""Amounts of Shopify's payloads. A "set" holds one amount twice: in the shop's currency, and in the buyer's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from alhena_tracking.contract.currencies import DEFAULT_MINOR_UNIT, MINOR_UNITS

Side = Literal["presentment_money", "shop_money"]

BUYER: Side = "presentment_money"
SHOP: Side = "shop_money"


def amount(money_set: Mapping[str, Any], side: Side = BUYER) -> Decimal:
    return Decimal(money_set[side]["amount"])


def currency(money_set: Mapping[str, Any], side: Side = BUYER) -> str:
    return str(money_set[side]["currency_code"])


def total(money_sets: Iterable[Mapping[str, Any]], side: Side = BUYER) -> Decimal:
    return sum((amount(each, side) for each in money_sets), Decimal(0))


def rounded(value: Decimal, code: str) -> Decimal:
    """Round to the currency's minor unit, half away from zero."""
    return value.quantize(Decimal(1).scaleb(-MINOR_UNITS.get(code, DEFAULT_MINOR_UNIT)), ROUND_HALF_UP)


def converted(value: Decimal, source: Side, rates: Iterable[Mapping[str, Any]]) -> Decimal | None:
    """Convert an amount of the ``source`` side into the other side's currency, at the rate of one of the sets.

    The largest set has the rate with the most digits. ``None`` if none has one.
    """
    target = SHOP if source == BUYER else BUYER
    known = max(rates, key=lambda each: amount(each, source), default=None)
    if known is None or amount(known, source) <= 0:
        return None
    return rounded(value * amount(known, target) / amount(known, source), currency(known, target))


def sets_within(node: object) -> Iterator[Mapping[str, Any]]:
    """Yield every set in a part of a payload."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(each.get(BUYER), Mapping) and isinstance(each.get(SHOP), Mapping):
                if "currency_code" in each[BUYER]:
                    yield each
            else:
                waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
