"""A second implementation of attribution, visitor sessions and cart changes, to check the application.

It shares no code with what it checks. It has the whole history at hand and answers every question by looking through
all of it again: nothing is carried from one event to the next but the answers themselves. Amounts and quantities are
exact fractions until the last step.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

GRACE = timedelta(seconds=60)
REPEATED_WITHIN = timedelta(minutes=30)
EMPTIED_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Interaction:
    """One use of the assistant. `chat` and `faq` are the visitor's two ids, here and in the other events."""

    company: str
    chat: str | None
    faq: str | None
    kind: str
    ai_profile: str
    is_qualifying: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class CartChange:
    """A reported cart event: `quantity` is what is left, `previous` what was there before, if it is reported.

    `value_minor` is of one unit, with up to four decimals, or of all of them (`basis`).
    """

    company: str
    chat: str | None
    faq: str | None
    type: str
    product_id: str
    currency: str
    value_minor: Decimal | int
    basis: str
    quantity: Decimal
    at: datetime
    previous: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A reported order, with or without an id and lines, which are pairs of a product and a quantity."""

    company: str
    chat: str | None
    faq: str | None
    order_id: str | None
    currency: str
    value_minor: int
    at: datetime
    lines: tuple[tuple[str, Decimal], ...] = ()


Event = Interaction | CartChange | Purchase


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor session; its interactions are indices into the events, in order of arrival."""

    company: str
    started_at: datetime
    last_interaction_at: datetime
    channel: str
    ai_profile: str
    interactions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Credit:
    """The credit of a recorded event: the index of its session, and the index of its interaction among the events."""

    session: int
    interaction: int
    channel: str
    ai_profile: str


@dataclass(frozen=True, slots=True)
class CartState:
    """The state of one product in one currency in one session: last quantity, claimed units, claimed amount."""

    quantity: Decimal
    units: Decimal
    minor: int


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A recorded cart change with its final figures: units and GMV are negative where something is given back."""

    credit: Credit
    units: Decimal
    gmv_minor: int
    after: CartState


@dataclass(frozen=True, slots=True)
class RecordedPurchase:
    """A recorded order."""

    credit: Credit


# An interaction's session, a recorded event, an order that was there already, or an event credited to nothing.
Result = int | RecordedChange | RecordedPurchase | Literal["duplicate"] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sessions in the order in which they were opened, and one result for each event."""

    sessions: tuple[Session, ...]
    results: tuple[Result, ...]


def replay(events: Sequence[Event], *, window: timedelta, model: str) -> Outcome:
    """Work out what is recorded of `events`, given in order of arrival, once all of them have arrived.

    `at` is the corrected `occurred_at`, in any order. `model` is "first_touch" or "last_touch"; anything else raises
    ValueError.
    """
    if model not in ("first_touch", "last_touch"):
        raise ValueError(f"unknown attribution model: {model!r}")
    joined = _join(events, window)
    credited: dict[int, Credit] = {}
    for index, event in enumerate(events):
        if not isinstance(event, Interaction):
            credit = _credit(events, index, joined, window, model)
            if credit is not None:
                credited[index] = credit
    purchases, duplicates = _tell_duplicates(events, credited)
    changes = [index for index in credited if isinstance(events[index], CartChange)]
    carts = {
        session: _Cart(events, [index for index in (*changes, *purchases) if credited[index].session == session])
        for session in set(joined.values())
    }
    results: list[Result] = []
    for index in range(len(events)):
        if index in joined:
            results.append(joined[index])
        elif index in duplicates:
            results.append("duplicate")
        elif index in purchases:
            results.append(RecordedPurchase(credited[index]))
        elif index in changes:
            results.append(carts[credited[index].session].figures(index, credited[index]))
        else:
            results.append(None)
    sessions = tuple(_session(events, number, joined) for number in sorted(set(joined.values())))
    return Outcome(sessions, tuple(results))


# Sessions


def _join(events: Sequence[Event], window: timedelta) -> dict[int, int]:
    """Return the session of every interaction."""
    joined: dict[int, int] = {}
    for index, event in enumerate(events):
        if isinstance(event, Interaction):
            within_reach = {
                session
                for earlier, session in joined.items()
                if _is_same_visitor(events[earlier], event) and abs(events[earlier].at - event.at) <= window
            }
            if within_reach:
                joined[index] = _earliest_started(events, within_reach, joined)
            else:
                joined[index] = len(set(joined.values()))
    return joined


def _is_same_visitor(one: Event, other: Event) -> bool:
    same_chat = one.chat is not None and one.chat == other.chat
    same_faq = one.faq is not None and one.faq == other.faq
    return one.company == other.company and (same_chat or same_faq)


def _earliest_started(events: Sequence[Event], sessions: Collection[int], joined: Mapping[int, int]) -> int:
    """Choose among `sessions` by their interactions in `joined`; of two started together, the one opened first."""

    def start(session: int) -> datetime:
        return min(events[index].at for index in joined if joined[index] == session)

    return min(sessions, key=lambda session: (start(session), session))


def _session(events: Sequence[Event], number: int, joined: Mapping[int, int]) -> Session:
    own = {
        index: event for index, event in enumerate(events) if isinstance(event, Interaction) and joined[index] == number
    }
    qualifying = [index for index, interaction in own.items() if interaction.is_qualifying]
    first = min(qualifying, key=lambda index: (own[index].at, index), default=None)
    return Session(
        company=next(iter(own.values())).company,
        started_at=min(interaction.at for interaction in own.values()),
        last_interaction_at=max(interaction.at for interaction in own.values()),
        channel="" if first is None else own[first].kind,
        ai_profile="" if first is None else own[first].ai_profile,
        interactions=tuple(own),
    )


# Credit


def _credit(
    events: Sequence[Event], index: int, joined: Mapping[int, int], window: timedelta, model: str
) -> Credit | None:
    """Find the credit of a cart change or purchase, by the interactions known on its arrival."""
    event = events[index]
    joined_by_then = {earlier: session for earlier, session in joined.items() if earlier < index}
    candidates = {
        earlier: interaction
        for earlier, interaction in enumerate(events[:index])
        if isinstance(interaction, Interaction)
        and interaction.is_qualifying
        and _is_same_visitor(interaction, event)
        and event.at - window <= interaction.at <= event.at + GRACE
    }
    if not candidates:
        return None
    in_order = sorted(candidates, key=lambda earlier: (min(candidates[earlier].at, event.at), earlier))
    chosen = in_order[0] if model == "first_touch" else in_order[-1]
    return Credit(
        session=_earliest_started(events, {joined[earlier] for earlier in candidates}, joined_by_then),
        interaction=chosen,
        channel=candidates[chosen].kind,
        ai_profile=candidates[chosen].ai_profile,
    )


# Orders


def _tell_duplicates(events: Sequence[Event], credited: Mapping[int, Credit]) -> tuple[list[int], list[int]]:
    """List the recorded purchases and the duplicates; purchases without credit are in neither list."""
    recorded: list[int] = []
    duplicates: list[int] = []
    for index, event in enumerate(events):
        if isinstance(event, Purchase):
            if any(_is_same_order(events, earlier, index, credited) for earlier in recorded):
                duplicates.append(index)
            elif index in credited:
                recorded.append(index)
    return recorded, duplicates


def _is_same_order(events: Sequence[Event], recorded: int, reported: int, credited: Mapping[int, Credit]) -> bool:
    one, other = events[recorded], events[reported]
    assert isinstance(one, Purchase)
    assert isinstance(other, Purchase)
    if one.order_id is not None or other.order_id is not None:
        return one.company == other.company and one.order_id == other.order_id
    return (
        reported in credited
        and credited[recorded].session == credited[reported].session
        and (one.currency, one.value_minor) == (other.currency, other.value_minor)
        and sorted(one.lines) == sorted(other.lines)
        and abs(one.at - other.at) <= REPEATED_WITHIN
    )


# Cart changes


@dataclass(frozen=True, slots=True)
class _Claim:
    """The state of one product, in exact numbers."""

    quantity: Fraction
    units: Fraction
    minor: int


@dataclass(frozen=True, slots=True)
class _Step:
    """The change of the claim by one cart change, and the claim after it."""

    units: Fraction
    minor: int
    after: _Claim


class _Cart:
    """The cart changes and purchases of one session. A state of `None` is that of a product not in the cart."""

    def __init__(self, events: Sequence[Event], indices: Sequence[int]) -> None:
        self._order = sorted(indices, key=lambda index: (events[index].at, index))
        self._steps = [events[index] for index in self._order]
        self._products = {(e.product_id, e.currency) for e in self._steps if isinstance(e, CartChange)}
        self._known: dict[tuple[str, str, int], _Claim | None] = {}

    def figures(self, index: int, credit: Credit) -> RecordedChange:
        place = self._order.index(index)
        change = self._steps[place]
        assert isinstance(change, CartChange)
        step = _step(change, self._before(change.product_id, change.currency, place))
        if any(self._is_emptying(place, later) for later in range(place + 1, len(self._steps))):
            step = _Step(Fraction(0), 0, step.after)
        after = CartState(_decimal(step.after.quantity), _decimal(step.after.units), step.after.minor)
        return RecordedChange(credit, _decimal(step.units), step.minor, after)

    def _before(self, product: str, currency: str, place: int) -> _Claim | None:
        """Look up the state of a product before a step."""
        key = (product, currency, place)
        if place and key not in self._known:
            claim, step = self._before(product, currency, place - 1), self._steps[place - 1]
            if isinstance(step, Purchase):
                claim = self._after_purchase(product, claim, place - 1)
            elif isinstance(step, CartChange) and (step.product_id, step.currency) == (product, currency):
                claim = _step(step, claim).after
            self._known[key] = claim if claim and claim.quantity else None
        return self._known[key] if place else None

    def _after_purchase(self, product: str, claim: _Claim | None, place: int) -> _Claim | None:
        bought = _bought(self._steps[place])
        if claim is None or self._takes_all(place):
            return None
        quantity = bought.get(product, Fraction(0))
        return _lower(claim, max(claim.units - quantity, Fraction(0)), claim.quantity - quantity)

    def _takes_all(self, place: int) -> bool:
        """Whether a purchase has no lines, or none of what was in the cart until the shop emptied it for this one."""
        bought = _bought(self._steps[place])
        still = any(self._before(*product, place) for product in self._products if product[0] in bought)
        emptied = any(self._is_emptying(earlier, place) for earlier in range(place))
        return not bought or not (still or emptied)

    def _is_emptying(self, place: int, later: int) -> bool:
        """Whether a change removes a product because of a later purchase."""
        change, purchase = self._steps[place], self._steps[later]
        if not isinstance(change, CartChange) or not isinstance(purchase, Purchase):
            return False
        if change.type in ("ITEM_ADDED", "QUANTITY_INCREASED") or (change.type != "ITEM_REMOVED" and change.quantity):
            return False
        between = [step for step in self._steps[place + 1 : later] if isinstance(step, CartChange)]
        is_back = any(
            step.product_id == change.product_id and step.type in ("ITEM_ADDED", "QUANTITY_INCREASED")
            for step in between
        )
        if is_back or purchase.at - change.at > EMPTIED_WITHIN:
            return False
        if purchase.lines:
            return change.product_id in _bought(purchase)
        return not any(self._before(*product, later) for product in self._products)


def _bought(purchase: Event) -> dict[str, Fraction]:
    """Sum up the quantities of an order's lines by product."""
    assert isinstance(purchase, Purchase)
    return {
        product: sum((Fraction(quantity) for name, quantity in purchase.lines if name == product), Fraction(0))
        for product, _ in purchase.lines
    }


def _lower(claim: _Claim, units: Fraction, quantity: Fraction) -> _Claim | None:
    """Leave so many claimed units, with their part of the amount, in a cart of so many."""
    if quantity <= 0:
        return None
    minor = claim.minor - _round(claim.minor * (claim.units - units) / claim.units) if claim.units else 0
    return _Claim(quantity, units, minor)


def _step(event: CartChange, before: _Claim | None) -> _Step:
    left = Fraction(0) if event.type == "ITEM_REMOVED" else Fraction(event.quantity)
    is_growth = event.type in ("ITEM_ADDED", "QUANTITY_INCREASED")
    if event.previous is not None and not (is_growth and event.previous > event.quantity):
        previous = Fraction(event.previous)
        known = before or _Claim(previous, Fraction(0), 0)
        before = _lower(known, min(known.units, previous), previous) or _Claim(Fraction(0), Fraction(0), 0)
    if is_growth:
        if before is not None and left < before.quantity:
            before = None  # the cart was emptied without an event
        if before is not None:
            units = left - before.quantity
        elif event.type == "ITEM_ADDED":
            units = left
        else:
            units = min(Fraction(1), left)
        minor = _round(units * _unit_value(event))
    elif before is not None:
        given_back = min(before.units, max(before.quantity - left, Fraction(0)))
        units = -given_back
        minor = -before.minor if given_back == before.units else -_round(before.minor * given_back / before.units)
    else:
        units, minor = Fraction(0), 0
    claimed_units = before.units if before else Fraction(0)
    claimed_minor = before.minor if before else 0
    return _Step(units, minor, _Claim(left, claimed_units + units, claimed_minor + minor))


def _unit_value(event: CartChange) -> Fraction:
    if event.basis == "total":
        return Fraction(event.value_minor) / Fraction(event.quantity)
    if event.basis == "unit":
        return Fraction(event.value_minor)
    raise ValueError(f"unknown basis: {event.basis!r}")


def _round(amount: Fraction) -> int:
    """Round half away from zero; amounts are never negative here."""
    assert amount >= 0
    return int(amount + Fraction(1, 2))


def _decimal(number: Fraction) -> Decimal:
    """Turn whole thousandths, which quantities are, into a decimal with three places."""
    thousandths = number * 1000
    assert thousandths.denominator == 1
    return Decimal(thousandths.numerator).scaleb(-3)
