"""Hypothesis strategies for reports of orders: short sequences, dense in the hard cases of trust.

As with histories, a sequence is decoded from a few bytes an event, one byte a choice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any, TypeVar
from uuid import UUID, uuid5

from hypothesis import strategies as st

from tests.support import oracle
from tests.support.oracle import CartChange, Credit, Interaction, Purchase, RecordedPurchase
from tests.support.trust_oracle import KEPT, Line, Outcome, Refund, Visit, Word, replay

Choice = TypeVar("Choice")
Event = Interaction | CartChange | Word | Refund
Ids = tuple[str | None, str | None]

WINDOW = timedelta(hours=24)
MODEL = "first_touch"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
TICK = timedelta(microseconds=1)
BASE = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECEIVED_FROM = BASE + 27 * HOUR
"""All events happen before this time and are received after it, so that they may arrive in any order."""

A, B, C, D, E = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcde")
ANN: Ids = (A, None)
EVE: Ids = (None, B)  # in Ann's session, credited to its second interaction
BOB: Ids = (C, None)
CYD: Ids = (C, B)  # in Ann's session, which began earlier, and credited to Bob's interaction
LEA: Ids = (E, None)  # may interact after the first words
DAN: Ids = (D, None)  # never interacts

VISITS = (
    Interaction("acme", *ANN, kind="CHAT", ai_profile="shopping", is_qualifying=True, at=BASE),
    Interaction("acme", *BOB, kind="NUDGE", ai_profile="", is_qualifying=True, at=BASE + HOUR),
    Interaction("acme", A, B, kind="FAQ", ai_profile="support", is_qualifying=True, at=BASE + 2 * HOUR),
    Interaction("globex", *ANN, kind="FAQ", ai_profile="", is_qualifying=True, at=BASE + HOUR),
)
LATE_VISIT = Interaction("acme", *LEA, kind="FAQ", ai_profile="", is_qualifying=True, at=BASE + HOUR)

# The first choice is the simplest. Choices that should be drawn more often are repeated.
KINDS = (
    None,
    *["report"] * 8,
    *["named confirmation"] * 3,
    *["nameless confirmation"] * 6,
    *["refund"] * 6,
    *["retry"] * 2,
    *["exact report"] * 3,
    "reused event id",
    *["cart change"] * 3,
    *["late visit"] * 3,
)
WORDS = ("report", "named confirmation", "nameless confirmation")
COMPANIES = (*["acme"] * 15, "globex")
ORDER_IDS = (
    ("A1",),
    ("A1",),
    ("A1",),
    ("A1", "A1", "a1"),
    ("A1", None, None),
    ("A1", "A1", "B2", "a1", None),
)
VISITORS = (*[ANN] * 3, *[BOB] * 5, EVE, CYD, LEA, LEA, DAN)
CURRENCIES = (*["EUR"] * 9, "JPY")
VALUES = (*[1000] * 6, *[800] * 3, 700, 700, 2500, 0, 0, 20_000_000)
LINES = (
    (),
    (),
    (Line("mug", Decimal(1), 1000),),
    (Line("mug", Decimal(1), 1000),),
    (Line("tea", Decimal("0.250"), 300), Line("mug", Decimal(2), 400)),
)
OCCURRED = (
    *[3 * HOUR] * 5,
    *[3 * HOUR + 5 * MINUTE] * 3,
    3 * HOUR + 30 * MINUTE,
    3 * HOUR + 30 * MINUTE + TICK,
    90 * MINUTE,  # before the FAQ
    24 * HOUR + 30 * MINUTE,  # Ann's chat is too long ago
    -HOUR,  # before any interaction
    27 * HOUR,  # any interaction is too long ago
)
# How the shop's server dates a word that names nobody, and how long before its receipt.
DATED = ("lately", "lately", "lately", "not", "then")
AGO = (timedelta(0), MINUTE, 2 * MINUTE, HOUR, HOUR + TICK)
# When the shop's server says that it made a version, before it is received; and what it says beside the figures.
UPDATED = (*[None] * 6, timedelta(0), MINUTE, 5 * MINUTE, 31 * HOUR, -MINUTE, -MINUTE - TICK)
CANCELLED = (*[None] * 12, True, True, False)
TAXES = (*[None] * 5, 200, 200, 0)
REFUND_IDS = ("R1", "R1", "R2", "R2", "R3", "r1")
REFUND_VALUES = (300, 300, 700, 1000, 1001, 1)
# Intervals between the receipt of two events.
WAITS = (
    *[MINUTE] * 16,
    *[timedelta(0)] * 4,
    *[30 * HOUR] * 3,
    72 * HOUR,
    72 * HOUR - MINUTE,
    72 * HOUR + TICK,
    100 * HOUR,
)
CHANGES = ("ITEM_ADDED", "ITEM_ADDED", "QUANTITY_INCREASED", "QUANTITY_DECREASED", "ITEM_REMOVED")
CHANGED = (3 * HOUR - MINUTE, 3 * HOUR, 3 * HOUR + MINUTE, 3 * HOUR + 10 * MINUTE, 25 * HOUR, 2 * HOUR)


@dataclass(frozen=True, slots=True)
class TrustSequence:
    """Events in order of arrival. Interactions come first, except a late one."""

    events: tuple[Event, ...]

    @property
    def said(self) -> tuple[Word | Refund, ...]:
        """The words on orders, in order of arrival."""
        return tuple(event for event in self.events if isinstance(event, Word | Refund))

    def prefixes(self) -> Iterator["TrustSequence"]:
        """Yield what had arrived before each word, and all that has in the end."""
        for index, event in enumerate(self.events):
            if isinstance(event, Word | Refund):
                yield TrustSequence(self.events[:index])
        yield self

    def replay(self) -> Outcome:
        """Ask the oracle."""
        heard: list[Word | Refund | Visit] = []
        for index, event in enumerate(self.events):
            if isinstance(event, Word | Refund):
                heard.append(event)
            elif isinstance(event, Interaction):
                credit = partial(_credit, _visits(self.events[: index + 1]), event.company)
                heard.append(Visit(event.company, (event.chat, event.faq), RECEIVED_FROM, credit))
        return replay(heard)


class _Choices:
    """Bytes, one for each choice."""

    def __init__(self, choices: bytes) -> None:
        self._choices = iter(choices)

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[next(self._choices) % len(options)]


def sequences(most_events: int = 12) -> st.SearchStrategy[TrustSequence]:
    """Sequences in which at most `most_events` events follow the interactions."""
    return st.builds(_sequence, st.binary(min_size=1, max_size=1), _choices(most_events))


@st.composite
def shuffled_sequences(draw: st.DrawFn, most_events: int = 10) -> tuple[TrustSequence, TrustSequence]:
    """Pairs of sequences of the same events in two orders of arrival.

    No event id is that of another event, all interactions are known before, and the confirmations of an order that
    name a visitor are retries of one.
    """
    drawn = draw(st.builds(_sequence, st.binary(min_size=1, max_size=1), _choices(most_events), st.just(True)))
    visits = [event for event in drawn.events if isinstance(event, Interaction)]
    events = _without_rival_confirmations([event for event in drawn.events if not isinstance(event, Interaction)])
    moments = [event.received_at for event in events if isinstance(event, Word | Refund)]
    shuffled: list[Event] = []
    for event in draw(st.permutations(events)):
        if isinstance(event, Word | Refund):
            shuffled.append(replace(event, received_at=moments.pop(0)))
        else:
            shuffled.append(event)
    return TrustSequence((*visits, *events)), TrustSequence((*visits, *shuffled))


def batched_sequences(most_events: int = 12) -> st.SearchStrategy[tuple[tuple[Event, ...], ...]]:
    """Sequences cut into what is sent together, which is all of one visitor, by one sender and at one moment.

    Events of one id are all the same.
    """
    sizes = st.lists(st.integers(1, 5), min_size=most_events, max_size=most_events)
    return st.builds(_batches, sequences(most_events), sizes)


def _batches(sequence: TrustSequence, sizes: Sequence[int]) -> tuple[tuple[Event, ...], ...]:
    batches: list[tuple[Event, ...]] = []
    remaining_sizes, room = iter(sizes), 0
    for index, event in enumerate(sequence.events):
        sender = batches[-1][0] if batches else None
        if room and isinstance(sender, Word) and sender.visitor and isinstance(event, Word | CartChange):
            batches[-1] += (_sent_along(event, sender, _visits(sequence.events[:index])),)
            room -= 1
        else:
            batches.append((event,))
            room = next(remaining_sizes) - 1 if isinstance(event, Word) else 0
    return tuple(tuple(map(_with_an_id_of_its_own, batch)) for batch in batches)


def _with_an_id_of_its_own(event: Event) -> Event:
    """Derive a word's id from its content and its current id, which words that were made to differ share."""
    if not isinstance(event, Word):
        return event
    content = replace(event, credit=None, received_at=BASE)
    return replace(event, event_id=uuid5(event.event_id, repr(content)))


def _sent_along(event: Word | CartChange, sender: Word, visits: tuple[Interaction, ...]) -> Word | CartChange:
    """The same word, by the visitor of another word and received with it."""
    assert sender.visitor
    if isinstance(event, CartChange):
        chat, faq = sender.visitor
        return replace(event, company=sender.company, chat=chat, faq=faq)
    at = min(event.at, sender.received_at)
    return replace(
        event,
        company=sender.company,
        is_confirmation=sender.is_confirmation,
        visitor=sender.visitor,
        at=at,
        received_at=sender.received_at,
        is_dated=True,
        **earned(visits, sender.company, sender.visitor, at),
    )


def settling_confirmations(sequence: TrustSequence) -> dict[tuple[str, str], Word]:
    """The confirmation that names the credited visitor, by company and order id."""
    settling: dict[tuple[str, str], Word] = {}
    for event in sequence.said:
        if isinstance(event, Word) and event.order_id is not None and event.is_confirmation and event.credit:
            settling.setdefault((event.company, event.order_id), event)
    return settling


def _without_rival_confirmations(events: Sequence[Event]) -> list[Event]:
    settling = settling_confirmations(TrustSequence(tuple(events)))
    return [
        event
        for event in events
        # One that names a visitor who is not credited may still verify the order, if that visitor claimed it.
        if not (isinstance(event, Word) and event.order_id is not None and event.is_confirmation and event.visitor)
        or (event.credit and event.event_id == settling[event.company, event.order_id].event_id)
    ]


def _choices(most_events: int) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.binary(min_size=18, max_size=18), min_size=most_events // 2, max_size=most_events)


def _sequence(settings: bytes, choices: Sequence[bytes], is_plain: bool = False) -> TrustSequence:
    """Decode a sequence; a plain one begins with a confirmation that names a visitor, and lets no event interfere with
    another but as a word on the same order: it has no late interaction, and no event id that is another event's.
    """
    order_ids = _Choices(settings).pick(ORDER_IDS)
    events: list[Event] = list(VISITS)
    received_at = RECEIVED_FROM
    for number, bytes_ in enumerate(choices, start=1):
        choice = _Choices(bytes_)
        kind = choice.pick(KINDS)
        received_at += MINUTE if is_plain else choice.pick(WAITS)
        if is_plain and number == 1:
            kind = "named confirmation"
        if kind is None or (is_plain and kind in ("late visit", "refund", "reused event id")):
            continue
        words = _words_young_enough(events, received_at)
        if kind == "late visit":
            events += [LATE_VISIT] if LATE_VISIT not in events else []
        elif kind == "cart change":
            events.append(_cart_change(choice))
        elif kind == "refund":
            events.append(_refund(choice, order_ids, received_at))
        elif kind == "retry" and words:
            retried = choice.pick(words[::-1])
            at = retried.at if retried.is_dated else received_at
            of_visitor = earned(_visits(events), retried.company, retried.visitor, at)
            events.append(replace(retried, at=at, received_at=received_at, **of_visitor))
        elif kind == "reused event id" and words:
            reused = choice.pick(words[::-1]).event_id
            events.append(_word(choice.pick(WORDS), choice, order_ids, events, reused, received_at, is_plain))
        elif kind == "exact report" and (nameless := [word for word in words if word.visitor is None]):
            report = _word("report", choice, order_ids, events, UUID(int=number), received_at, is_plain)
            events.append(_agreeing(report, nameless[-1], events))
        else:
            events.append(_word(kind, choice, order_ids, events, UUID(int=number), received_at, is_plain))
    return TrustSequence(tuple(events))


def _words_young_enough(events: Sequence[Event], moment: datetime) -> list[Word]:
    """List the words that may be sent again: after 72 hours an event is rejected before its id is read."""
    first_received: dict[UUID, datetime] = {}
    words = [event for event in events if isinstance(event, Word)]
    for word in words:
        first_received.setdefault(word.event_id, word.received_at)
    return [word for word in words if moment - first_received[word.event_id] <= KEPT]


def _word(
    kind: str,
    choice: _Choices,
    order_ids: Sequence[str | None],
    events: Sequence[Event],
    event_id: UUID,
    received_at: datetime,
    is_plain: bool,
) -> Word:
    company = choice.pick(COMPANIES)
    order_id = choice.pick(order_ids)
    visitor = choice.pick(VISITORS)
    names_visitor = kind != "nameless confirmation" or order_id is None
    dated = "then" if names_visitor or is_plain else choice.pick(DATED)
    at = BASE + choice.pick(OCCURRED)
    if dated != "then":
        at = received_at - (choice.pick(AGO) if dated == "lately" else timedelta(0))
    is_confirmation = kind.endswith("confirmation")
    updated, is_cancelled = choice.pick(UPDATED), choice.pick(CANCELLED)
    if is_plain:  # so that it says which version is the last, whatever arrives when
        updated = received_at - BASE - SECOND * event_id.int
    return Word(
        company=company,
        event_id=event_id,
        is_confirmation=is_confirmation,
        updated_at=received_at - updated if is_confirmation and updated is not None else None,
        is_cancelled=is_cancelled if is_confirmation else None,
        tax_minor=choice.pick(TAXES),
        visitor=visitor if names_visitor else None,
        order_id=order_id,
        currency=choice.pick(CURRENCIES),
        value_minor=choice.pick(VALUES),
        lines=choice.pick(LINES),
        at=at,
        received_at=received_at,
        is_dated=dated != "not",
        **earned(_visits(events), company, visitor if names_visitor else None, at),
    )


def _agreeing(report: Word, nameless: Word, events: Sequence[Event]) -> Word:
    """Return a report that agrees with what the shop's server said."""
    return replace(
        report,
        company=nameless.company,
        order_id=nameless.order_id,
        currency=nameless.currency,
        value_minor=nameless.value_minor,
        **earned(_visits(events), nameless.company, report.visitor, report.at),
    )


def _refund(choice: _Choices, order_ids: Sequence[str | None], received_at: datetime) -> Refund:
    return Refund(
        company=choice.pick(COMPANIES),
        order_id=choice.pick(order_ids) or "A1",
        refund_id=choice.pick(REFUND_IDS),
        currency=choice.pick(CURRENCIES),
        value_minor=choice.pick(REFUND_VALUES),
        at=BASE + choice.pick(OCCURRED),
        received_at=received_at,
    )


def _cart_change(choice: _Choices) -> CartChange:
    change = choice.pick(CHANGES)
    return CartChange(
        "acme",
        *choice.pick((ANN, BOB, EVE)),
        type=change,
        product_id="mug",
        currency="EUR",
        value_minor=500,
        basis="unit",
        quantity=choice.pick((Decimal(1), Decimal(2), Decimal(3))),
        at=BASE + choice.pick(CHANGED),
    )


def _visits(events: Sequence[Event]) -> tuple[Interaction, ...]:
    return tuple(event for event in events if isinstance(event, Interaction))


def earned(visits: tuple[Interaction, ...], company: str, visitor: Ids | None, at: datetime) -> dict[str, Any]:
    """Return the credit of a word, and whose interaction it is."""
    credit = _credit(visits, company, visitor, at)
    earner = visits[credit.interaction] if credit else None
    return {"credit": credit, "earned_by": (earner.chat, earner.faq) if earner else None}


@cache
def _credit(visits: tuple[Interaction, ...], company: str, visitor: Ids | None, at: datetime) -> Credit | None:
    """Ask the attribution oracle, which numbers sessions and interactions in order of arrival."""
    if visitor is None:
        return None
    purchase = Purchase(company, *visitor, order_id=None, currency="EUR", value_minor=0, at=at)
    result = oracle.replay([*visits, purchase], window=WINDOW, model=MODEL).results[-1]
    return result.credit if isinstance(result, RecordedPurchase) else None
