"""Choose the interaction that earns an event, and compute the worth of a cart event. Pure, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from alhena_tracking.contract.limits import (
    INTERACTION_GRACE,
    NEAR_CLAIM,
    NEAR_CLAIM_INTERVAL,
    QUANTITY_DECIMALS,
    UNIT_VALUE_DECIMALS,
)
from alhena_tracking.models import AttributionModel, CartEvent, ValueBasis


@dataclass(frozen=True, slots=True)
class Candidate:
    """An interaction that shares a fingerprint with the event, and the session that it belongs to."""

    id: int
    occurred_at: datetime
    session_id: int
    session_started_at: datetime
    channel: str = ""
    ai_profile: str = ""
    is_qualifying: bool = True
    #: Where an interaction or an order asks for it.
    conversation_id: str = ""
    #: The products that it named and recommended, where an order asks for them.
    product_id: str = ""
    recommended_product_ids: Sequence[str] | None = None

    @property
    def product_ids(self) -> tuple[str, ...]:
        """The products that it named or recommended."""
        return tuple(each for each in (self.product_id, *(self.recommended_product_ids or ())) if each)


@dataclass(frozen=True, slots=True)
class Credit:
    """The interaction that an event is credited to, and the event's session, which may be another one's."""

    interaction_id: int
    session_id: int
    channel: str
    ai_profile: str
    occurred_at: datetime


def choose_credit(candidates: Iterable[Candidate], at: datetime, window: timedelta, model: str) -> Credit | None:
    """Credit an event at ``at`` to one of its ``candidates``; ``None`` if none is eligible."""
    found = eligible(candidates, at, window)
    if not found:
        return None
    choose = max if model == AttributionModel.LAST_TOUCH else min
    credited = choose(found, key=lambda c: (min(c.occurred_at, at), c.id))
    return Credit(
        interaction_id=credited.id,
        session_id=_earliest_session(found),
        channel=credited.channel,
        ai_profile=credited.ai_profile,
        occurred_at=credited.occurred_at,
    )


def eligible(candidates: Iterable[Candidate], at: datetime, window: timedelta) -> list[Candidate]:
    """Return the qualifying candidates in [``at`` - ``window``, ``at``].

    Those up to ``INTERACTION_GRACE`` later count as at ``at``, since the assistant's request may be slower than the
    event's.
    """
    return [c for c in candidates if c.is_qualifying and at - window <= c.occurred_at <= at + INTERACTION_GRACE]


def choose_session(candidates: Iterable[Candidate], at: datetime, window: timedelta) -> int | None:
    """Return the session that an interaction at ``at`` joins; ``None`` where it opens one."""
    near = [c for c in candidates if abs(c.occurred_at - at) <= window]
    return _earliest_session(near) if near else None


def _earliest_session(candidates: list[Candidate]) -> int:
    return min((c.session_started_at, c.session_id) for c in candidates)[1]


class Claim(Protocol):
    """A session's claim to an order; ``value_minor`` in minor units of ``currency``."""

    currency: Any
    value_minor: Any
    received_at: Any


_Claim = TypeVar("_Claim", bound=Claim)


def nearest_claim(claims: Sequence[_Claim], at: datetime | None) -> _Claim:
    """Return the claim (of those in order of arrival) received nearest to ``at``; the first without a time."""
    return claims[0] if at is None else min(claims, key=lambda claim: abs(claim.received_at - at))


def is_near_claim(claim: Claim, currency: str, confirmed: Iterable[int], at: datetime) -> bool:
    """Return whether a claim is so near to a confirmed amount, and to its time, that it may be of the same order.

    ``confirmed`` are the amount with and without its parts, in minor units.
    """
    return bool(
        claim.currency == currency
        and claim.value_minor > 0
        and any(
            abs(claim.value_minor - minor) * NEAR_CLAIM.denominator <= minor * NEAR_CLAIM.numerator
            for minor in confirmed
        )
        and abs(claim.received_at - at) <= NEAR_CLAIM_INTERVAL
    )


@dataclass(frozen=True, slots=True)
class CartState:
    """One product in one session's cart: its quantity, and the claimed units and amount.

    ``quantity`` is ``None`` while it is unknown. ``minor`` is in minor units of the currency.
    """

    quantity: Decimal | None
    units: Decimal
    minor: int


EMPTY_CART = CartState(quantity=None, units=Decimal(0), minor=0)


@dataclass(frozen=True, slots=True)
class CartChange:
    """The worth of a cart event (negative where it gives back), and the state after it."""

    units: Decimal
    gmv_minor: int
    state: CartState


def change_cart(
    state: CartState,
    type_: str,
    quantity: Decimal,
    value_minor: Decimal | int,
    value_basis: str = ValueBasis.UNIT,
    previous: Decimal | None = None,
) -> CartChange:
    """Compute the worth of a cart event after ``state``.

    ``quantity`` is the quantity in the cart after the action (``ITEM_REMOVED`` leaves none), ``previous`` the reported
    one before it; ``value_minor`` is the price of one unit, exact, or of the whole ``quantity``.
    """
    state = known_state(state, type_, quantity, previous)
    if type_ not in CartEvent.ADDITIONS:
        return _give_back(state, Decimal(0) if type_ == CartEvent.Type.ITEM_REMOVED else quantity)
    if state.quantity is not None and quantity < state.quantity:
        state = EMPTY_CART  # the cart was emptied unseen
    if state.quantity is not None:
        units = quantity - state.quantity
    elif type_ == CartEvent.Type.ITEM_ADDED:
        units = quantity
    else:
        units = min(Decimal(1), quantity)  # what was in the cart before the interaction is not ours
    priced = quantity if value_basis == ValueBasis.TOTAL else Decimal(1)
    value = int(Decimal(value_minor).scaleb(UNIT_VALUE_DECIMALS))
    gmv_minor = _rounded_ratio(_thousandths(units) * value, _thousandths(priced) * 10**UNIT_VALUE_DECIMALS)
    return CartChange(units, gmv_minor, CartState(quantity, state.units + units, state.minor + gmv_minor))


def known_state(state: CartState, type_: str, quantity: Decimal, previous: Decimal | None) -> CartState:
    """Return the state that a cart event changes: a ``previous`` quantity stands, unless an addition goes below it."""
    if not state.quantity:
        state = EMPTY_CART  # a product of which nothing is left is as at first
    if previous is None or (type_ in CartEvent.ADDITIONS and previous > quantity):
        return state
    return replace(_without(state, max(state.units - previous, Decimal(0))), quantity=previous)


def order_from_cart(state: CartState, quantity: Decimal) -> CartState:
    """Return the state after an order of so many units, claimed ones first."""
    left = (state.quantity or Decimal(0)) - quantity
    return replace(_without(state, min(state.units, quantity)), quantity=left) if left > 0 else EMPTY_CART


def _give_back(state: CartState, left: Decimal) -> CartChange:
    taken_out = max(state.quantity - left, Decimal(0)) if state.quantity is not None else Decimal(0)
    units = min(state.units, taken_out)
    after = replace(_without(state, units), quantity=left)
    return CartChange(-units, after.minor - state.minor, after)


def _without(state: CartState, units: Decimal) -> CartState:
    """Take claimed units out, with their share of the amount."""
    if not units:
        return state
    share = _rounded_ratio(state.minor * _thousandths(units), _thousandths(state.units))
    return replace(state, units=state.units - units, minor=state.minor - share)


def _thousandths(quantity: Decimal) -> int:
    return int(quantity.scaleb(QUANTITY_DECIMALS))


def _rounded_ratio(numerator: int, denominator: int) -> int:
    """Divide two numbers that are not negative, rounding half up (and so half away from zero)."""
    return (2 * numerator + denominator) // (2 * denominator)
