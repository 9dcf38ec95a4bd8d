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
    """A reported cart event: `quantity` is what is left; `value_minor` is of one unit or of all of them (`basis`)."""

    company: str
    chat: str | None
    faq: str | None
    type: str
    product_id: str
    currency: str
    value_minor: int
    basis: str
    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Purchase:
    """A reported order without lines, with or without an id."""

    company: str
    chat: str | None
    faq: str | None
    order_id: str | None
    currency: str
    value_minor: int
    at: datetime


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
    results: list[Result] = []
    for index in range(len(events)):
        if index in joined:
            results.append(joined[index])
        elif index in duplicates:
            results.append("duplicate")
        elif index in purchases:
            results.append(RecordedPurchase(credited[index]))
        elif index in changes:
            results.append(_figures(events, index, credited, changes, purchases))
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


def _figures(
    events: Sequence[Event],
    index: int,
    credited: Mapping[int, Credit],
    changes: Sequence[int],
    purchases: Sequence[int],
) -> RecordedChange:
    """Rebuild the cart that a change belongs to, from the first change in it to this one."""
    session = credited[index].session
    orders = [events[purchase].at for purchase in purchases if credited[purchase].session == session]

    def cart(change: int) -> tuple[int, str, str, int]:
        """Name the cart: orders part a session's time into carts, a change at an order's very instant is before it."""
        event = events[change]
        assert isinstance(event, CartChange)
        return (
            credited[change].session,
            event.product_id,
            event.currency,
            sum(ordered_at < event.at for ordered_at in orders),
        )

    same_cart = sorted((change for change in changes if cart(change) == cart(index)), key=lambda i: (events[i].at, i))
    step: _Step | None = None
    for change in same_cart[: same_cart.index(index) + 1]:
        event = events[change]
        assert isinstance(event, CartChange)
        step = _step(event, step.after if step else None)
    assert step is not None
    return RecordedChange(
        credit=credited[index],
        units=_decimal(step.units),
        gmv_minor=step.minor,
        after=CartState(_decimal(step.after.quantity), _decimal(step.after.units), step.after.minor),
    )


def _step(event: CartChange, before: _Claim | None) -> _Step:
    left = Fraction(0) if event.type == "ITEM_REMOVED" else Fraction(event.quantity)
    if event.type in ("ITEM_ADDED", "QUANTITY_INCREASED"):
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
        return event.value_minor / Fraction(event.quantity)
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
