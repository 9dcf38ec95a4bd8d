"""Which interaction earns an event, and what a change of a cart is worth: pure choices, no database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from alhena_tracking.contract.limits import INTERACTION_GRACE, QUANTITY_DECIMALS
from alhena_tracking.models import AttributionModel, CartEvent, ValueBasis


@dataclass(frozen=True, slots=True)
class Candidate:
    """An interaction that shares a fingerprint with what is looked at, and the session that holds it."""

    id: int
    occurred_at: datetime
    session_id: int
    session_started_at: datetime
    channel: str = ""
    ai_profile: str = ""
    is_qualifying: bool = True


@dataclass(frozen=True, slots=True)
class Credit:
    """The interaction an event is credited to and the session the event belongs to (which need not hold the former)."""

    interaction_id: int
    session_id: int
    channel: str
    ai_profile: str


def choose_credit(candidates: Iterable[Candidate], at: datetime, window: timedelta, model: str) -> Credit | None:
    """Credit an event at ``at`` to one of its qualifying ``candidates``, or to none of them.

    Those in [``at`` - ``window``, ``at``] are eligible, and those dated up to ``INTERACTION_GRACE`` later count as at
    ``at``: the assistant's first request may be the slower one.
    """
    eligible = [c for c in candidates if c.is_qualifying and at - window <= c.occurred_at <= at + INTERACTION_GRACE]
    if not eligible:
        return None
    choose = max if model == AttributionModel.LAST_TOUCH else min
    credited = choose(eligible, key=lambda c: (min(c.occurred_at, at), c.id))
    return Credit(
        interaction_id=credited.id,
        session_id=_earliest_session(eligible),
        channel=credited.channel,
        ai_profile=credited.ai_profile,
    )


def choose_session(candidates: Iterable[Candidate], at: datetime, window: timedelta) -> int | None:
    """The session that an interaction at ``at`` joins; ``None`` where it opens one."""
    near = [c for c in candidates if abs(c.occurred_at - at) <= window]
    return _earliest_session(near) if near else None


def _earliest_session(candidates: list[Candidate]) -> int:
    return min((c.session_started_at, c.session_id) for c in candidates)[1]


class Claim(Protocol):
    """One session's word on an order; ``value_minor`` in minor units of ``currency``."""

    currency: Any
    value_minor: Any


_Claim = TypeVar("_Claim", bound=Claim)


def choose_claim(claims: Sequence[_Claim], currency: str, value_minor: int) -> _Claim:
    """Of the claims of an order, in order of arrival, the one that its confirmed figures speak for: else the first."""
    return next((c for c in claims if (c.currency, c.value_minor) == (currency, value_minor)), claims[0])


@dataclass(frozen=True, slots=True)
class CartState:
    """One product in one visitor's cart: how much is in it, and how many units at which amount we claim of it.

    ``quantity`` is ``None`` while nothing is known of the product. ``minor`` is in minor units of the currency.
    """

    quantity: Decimal | None
    units: Decimal
    minor: int


EMPTY_CART = CartState(quantity=None, units=Decimal(0), minor=0)


@dataclass(frozen=True, slots=True)
class CartChange:
    """What a cart event adds (negative: gives back) and the state after it."""

    units: Decimal
    gmv_minor: int
    state: CartState


def change_cart(
    state: CartState, type_: str, quantity: Decimal, value_minor: int, value_basis: str = ValueBasis.UNIT
) -> CartChange:
    """What a cart event is worth after ``state``.

    ``quantity`` is what is left in the cart after the action (``ITEM_REMOVED`` leaves nothing); ``value_minor`` is the
    price of one unit, or of the whole ``quantity``.
    """
    if type_ in {CartEvent.Type.QUANTITY_DECREASED, CartEvent.Type.ITEM_REMOVED}:
        left = Decimal(0) if type_ == CartEvent.Type.ITEM_REMOVED else quantity
        return _give_back(state, left)
    if state.quantity is not None and quantity < state.quantity:
        state = EMPTY_CART  # the cart was emptied unseen
    if state.quantity is not None:
        units = quantity - state.quantity
    elif type_ == CartEvent.Type.ITEM_ADDED:
        units = quantity
    else:
        units = min(Decimal(1), quantity)  # what was in the cart before the interaction is not ours
    priced = quantity if value_basis == ValueBasis.TOTAL else Decimal(1)
    gmv_minor = _rounded_ratio(_thousandths(units) * value_minor, _thousandths(priced))
    return CartChange(units, gmv_minor, CartState(quantity, state.units + units, state.minor + gmv_minor))


def _give_back(state: CartState, left: Decimal) -> CartChange:
    taken_out = max(state.quantity - left, Decimal(0)) if state.quantity is not None else Decimal(0)
    units = min(state.units, taken_out)
    gmv_minor = 0
    if units:
        gmv_minor = _rounded_ratio(state.minor * _thousandths(units), _thousandths(state.units))
    return CartChange(-units, -gmv_minor, CartState(left, state.units - units, state.minor - gmv_minor))


def _thousandths(quantity: Decimal) -> int:
    return int(quantity.scaleb(QUANTITY_DECIMALS))


def _rounded_ratio(numerator: int, denominator: int) -> int:
    """``numerator`` / ``denominator``, neither negative, rounded half up (and so half away from zero)."""
    return (2 * numerator + denominator) // (2 * denominator)
