"""The oracle of trust answers as the specification does: examples worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from tests.support.oracle import Credit
from tests.support.trust_oracle import KeptRefund, Line, Outcome, Refund, ShownOrder, Word, replay
from tests.support.trust_sequences import (
    TICK,
)

Event = Word | Refund

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
KEPT = timedelta(hours=72)
ANN = Credit(session=0, interaction=0, channel="CHAT", ai_profile="shopping")
EVE = Credit(session=0, interaction=2, channel="FAQ", ai_profile="support")  # of Ann's session
BOB = Credit(session=1, interaction=1, channel="NUDGE", ai_profile="")
MUG = (Line("mug", Decimal(1), 1000),)
TEA = (Line("tea", Decimal("0.5"), 1000),)

REPORT = Word("acme", UUID(int=0), False, ("somebody", None), ANN, "A1", "EUR", 1000, (), NOON, NOON)
CONFIRMATION = replace(REPORT, is_confirmation=True)
EVENTS: dict[str, Event] = {
    "report": REPORT,
    "confirmation": CONFIRMATION,
    "nameless": replace(CONFIRMATION, visitor=None, credit=None),
    "refund": Refund("acme", "A1", "R1", "EUR", 300, NOON, NOON),
}
FIELDS: dict[str, dict[str, object]] = {
    "company": {"globex": "globex"},
    "event_id": {"first": UUID(int=1), "second": UUID(int=2), "third": UUID(int=3)},
    "credit": {"eve": EVE, "bob": BOB, "stranger": None},
    "order_id": {"a1": "a1", "B2": "B2", "unnamed": None},
    "refund_id": {"R2": "R2", "R3": "R3"},
    "currency": {"JPY": "JPY"},
    "lines": {"mug": MUG, "tea": TEA},
    "at": {
        "before": NOON - HALF_AN_HOUR - TICK,
        "sooner": NOON + timedelta(minutes=20),
        "soon": NOON + HALF_AN_HOUR,
        "after": NOON + HALF_AN_HOUR + TICK,
    },
    "received_at": {
        "tick": NOON + TICK,
        "kept": NOON + KEPT,
        "late": NOON + KEPT + TICK,
        "later": NOON + 2 * KEPT + TICK,
    },
}
MEANINGS: dict[str, dict[str, Any]] = {
    name: {field: value} for field, values in FIELDS.items() for name, value in values.items()
}


def said(script: str) -> list[Event]:
    """Read words such as `report bob 700 mug`; one that is `first` or `second` has the event id of that word."""
    events: list[Event] = []
    for number, (kind, *words) in enumerate(map(str.split, script.split("; ")), start=1):
        event = EVENTS[kind]
        if isinstance(event, Word):
            event = replace(event, event_id=UUID(int=number))
        for name in words:
            event = replace(event, **MEANINGS.get(name) or {"value_minor": int(name)})
        events.append(event)
    return events


def answers(script: str) -> str:
    return " ".join(replay(said(script)).answers)


def seen(script: str) -> str:
    """Give what is shown of A1: whose visitor, what amount and lines, what confirmed them, conflict, and the claims."""
    events = said(script)
    orders = replay(events).orders
    if ("acme", "A1") not in orders:
        return "nothing"
    order = orders["acme", "A1"]
    assert (order.credit, order.at) == (order.word.credit, order.word.at)
    assert order.trust == "CONFIRMED" or not order.has_confirmed_visitor
    parts = {
        f"{events.index(order.word)}: {order.value_minor} {order.currency}": True,
        "".join(line.product_id for line in order.lines): True,
        "visitor": order.has_confirmed_visitor,
        "figures": order.trust == "CONFIRMED" and not order.has_confirmed_visitor,
        "conflict": order.has_conflict,
        "of " + ",".join(str(events.index(claim)) for claim in order.claims): True,
    }
    return " ".join(part for part, is_so in parts.items() if part and is_so)


def waiting(script: str) -> dict[tuple[str, str], int]:
    """Give which confirmations wait, by their place among all that was said."""
    events = said(script)
    return {key: events.index(pending) for key, pending in replay(events).waiting.items()}


def refunds(script: str) -> str:
    """Name the refunds of A1 in order of arrival, those in brackets that do not count."""
    kept = [(key, refund.is_attached) for key, refund in replay(said(script)).refunds.items()]
    return " ".join(key[2] if is_attached else f"({key[2]})" for key, is_attached in kept if key[:2] == ("acme", "A1"))


def test_nothing_is_known_when_nothing_was_said() -> None:
    assert replay([]) == Outcome(answers=(), orders={}, unnamed=(), waiting={}, refunds={})


@pytest.mark.parametrize(
    "impossible",
    [
        replace(REPORT, visitor=None),
        replace(REPORT, visitor=None, order_id=None),
        replace(CONFIRMATION, visitor=None, order_id=None),
    ],
)
def test_word_is_rejected_when_it_is_about_nobodys_order(impossible: Word) -> None:
    with pytest.raises(ValueError, match="nobody's order"):
        replay([impossible])


# Event ids


@pytest.mark.parametrize(
    "script",
    [
        "report; report {} first",
        "report unnamed; report {} first",
        "report; report bob; report {} second",
        "confirmation; report bob; report {} second",
    ],
)
@pytest.mark.parametrize("other", ["bob 700", "bob B2", "bob unnamed", "stranger B2"])
def test_event_is_a_duplicate_when_its_id_is_known(script: str, other: str) -> None:
    events = said(script.format(other))
    before = replay(events[:-1])
    assert replay(events) == replace(before, answers=(*before.answers, "duplicate"))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("report globex; report first", "recorded recorded"),
        ("report stranger B2; report first", "no_interaction recorded"),
        ("confirmation stranger B2; report first", "no_interaction recorded"),
        ("report; confirmation; report B2 second", "recorded confirmed recorded"),
        ("report; nameless 700; report B2 second", "recorded confirmed recorded"),
        ("report; report eve; report B2 second", "recorded duplicate recorded"),
        ("nameless; report; report B2 first", "pending recorded recorded"),
        ("nameless; report B2 first kept", "pending recorded"),
        # Less trust swallows nothing, and what the server says of an order is compared with what it said before.
        ("report; confirmation first", "recorded confirmed"),
        ("report; confirmation B2 first", "recorded recorded"),
        ("confirmation; report B2 first", "recorded recorded"),
        ("confirmation; confirmation B2 first", "recorded recorded"),
        ("confirmation; nameless B2 first", "recorded pending"),
        ("nameless; nameless B2 first", "pending pending"),
        ("report unnamed; confirmation bob unnamed first", "recorded recorded"),
        ("confirmation unnamed; confirmation bob unnamed first", "recorded duplicate"),
    ],
)
def test_event_is_taken_when_nothing_is_kept_under_its_id(script: str, expected: str) -> None:
    assert answers(script) == expected


# Orders with an id


@pytest.mark.parametrize(
    ("script", "answer", "shown"),
    [
        # Reports: the first is shown; another becomes a claim unless its session said as much.
        ("report mug", "recorded", "0: 1000 EUR mug of 0"),
        ("report stranger", "no_interaction", "nothing"),
        ("report; report bob a1", "recorded", "0: 1000 EUR of 0"),
        ("report; report bob globex", "recorded", "0: 1000 EUR of 0"),
        ("report; report bob", "duplicate", "0: 1000 EUR conflict of 0,1"),
        ("report; report 700", "duplicate", "0: 1000 EUR conflict of 0,1"),
        ("report; report JPY", "duplicate", "0: 1000 EUR conflict of 0,1"),
        ("report; report eve mug before", "duplicate", "0: 1000 EUR of 0"),
        ("report bob 700; report; report eve", "duplicate", "0: 700 EUR conflict of 0,1"),
        ("report; report stranger 700", "duplicate", "0: 1000 EUR of 0"),
        # Confirmations that name a visitor: the first takes the order over, others are only claims.
        ("confirmation mug", "recorded", "0: 1000 EUR mug visitor of 0"),
        ("nameless; confirmation", "recorded", "1: 1000 EUR visitor of 1"),
        ("nameless 700 mug; confirmation", "recorded", "1: 1000 EUR visitor conflict of 1"),
        ("nameless 700; confirmation late", "recorded", "1: 1000 EUR visitor of 1"),
        ("report mug; confirmation eve tea soon", "confirmed", "1: 1000 EUR tea visitor of 0"),
        ("report mug; confirmation bob", "confirmed", "1: 1000 EUR visitor conflict of 0,1"),
        ("report 700; confirmation", "confirmed", "1: 1000 EUR visitor conflict of 0,1"),
        ("report; nameless; confirmation", "confirmed", "2: 1000 EUR visitor of 0"),
        ("report; nameless 700; confirmation", "confirmed", "2: 1000 EUR visitor conflict of 0"),
        ("nameless; report; nameless 7; confirmation", "confirmed", "3: 1000 EUR visitor conflict of 1"),
        ("report; nameless 7; nameless; confirmation", "confirmed", "3: 1000 EUR visitor conflict of 0"),
        ("confirmation; confirmation bob 700", "duplicate", "0: 1000 EUR visitor conflict of 0,1"),
        ("confirmation; confirmation eve tea", "duplicate", "0: 1000 EUR visitor of 0"),
        ("confirmation; report bob", "duplicate", "0: 1000 EUR visitor conflict of 0,1"),
        # Confirmations of a stranger: lost while the order is not known, as good as nameless afterwards.
        ("confirmation stranger 700; report", "recorded", "1: 1000 EUR of 1"),
        ("report bob; confirmation stranger 700 tea", "confirmed", "0: 700 EUR tea figures conflict of 0"),
        ("report; nameless; confirmation stranger 7", "duplicate", "0: 1000 EUR figures conflict of 0"),
        ("confirmation; confirmation stranger 700", "duplicate", "0: 1000 EUR visitor conflict of 0"),
        # Nameless confirmations: the first settles the figures, whether it waited or not.
        ("nameless", "pending", "nothing"),
        ("nameless; nameless 700 kept", "duplicate", "nothing"),
        ("nameless; nameless 700 late", "pending", "nothing"),
        ("nameless; report kept", "recorded", "1: 1000 EUR figures of 1"),
        ("nameless 700; report late", "recorded", "1: 1000 EUR of 1"),
        ("nameless; nameless 700 kept; report kept", "recorded", "2: 1000 EUR figures of 2"),
        ("nameless; nameless 7 late; report later", "recorded", "2: 7 EUR figures conflict of 2"),
        ("nameless; report stranger; report", "recorded", "2: 1000 EUR figures of 2"),
        ("nameless; confirmation stranger 7; report", "recorded", "2: 1000 EUR figures of 2"),
        ("report; nameless", "confirmed", "0: 1000 EUR figures of 0"),
        ("report; nameless; nameless tea", "duplicate", "0: 1000 EUR figures of 0"),
        ("report; nameless; nameless JPY", "duplicate", "0: 1000 EUR figures conflict of 0"),
        ("report; nameless globex; nameless B2", "pending", "0: 1000 EUR of 0"),
        # Its lines count, else those of the claim that is shown, unless that one is of another currency.
        ("report bob mug; nameless 700 tea", "confirmed", "0: 700 EUR tea figures conflict of 0"),
        ("report bob mug; nameless 700", "confirmed", "0: 700 EUR mug figures conflict of 0"),
        ("report bob mug; nameless JPY tea", "confirmed", "0: 1000 JPY tea figures conflict of 0"),
        ("nameless JPY; report bob mug", "recorded", "1: 1000 JPY figures conflict of 1"),
    ],
)
def test_order_is_shown_when_words_on_it_arrive(script: str, answer: str, shown: str) -> None:
    assert replay(said(script)).answers[-1] == answer
    assert seen(script) == shown


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("confirming", "index", "lines"), [("nameless 700", 1, MUG), ("nameless 1", 0, TEA), ("nameless 700 JPY", 0, ())]
)
def test_claim_of_the_confirmed_amount_is_shown_when_there_is_one(
    confirming: str, index: int, lines: tuple[Line, ...], position: int
) -> None:
    *claims, settling = said(f"report bob 2500 tea; report 700 mug; report bob 700; {confirming}")
    order = replay([*claims[:position], settling, *claims[position:]]).orders["acme", "A1"]
    assert (order.word, order.lines, order.claims, order.has_conflict) == (claims[index], lines, tuple(claims), True)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("nameless; nameless B2; nameless globex; report B2", {("acme", "A1"): 0, ("globex", "A1"): 2}),
        ("nameless; confirmation stranger B2 kept", {("acme", "A1"): 0}),
        ("nameless; confirmation stranger B2 late", {}),
        ("nameless; nameless kept", {("acme", "A1"): 0}),
        ("nameless; nameless late", {("acme", "A1"): 1}),
        ("nameless; report", {}),
    ],
)
def test_confirmation_waits_when_its_order_is_unknown(script: str, expected: dict[tuple[str, str], int]) -> None:
    assert waiting(script) == expected


# Orders without an id


def test_order_without_id_is_recorded_when_attributed() -> None:
    events = said("report unnamed mug; confirmation unnamed bob; report unnamed stranger")
    reported, confirming, _ = [event for event in events if isinstance(event, Word)]
    orders = (
        ShownOrder(reported, ANN, "REPORTED", False, False, "EUR", 1000, MUG, claims=()),
        ShownOrder(confirming, BOB, "CONFIRMED", True, False, "EUR", 1000, (), claims=()),
    )
    assert replay(events) == Outcome(("recorded", "recorded", "no_interaction"), {}, orders, {}, {})


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ("report unnamed", "report unnamed", True),
        ("report unnamed", "confirmation unnamed eve", True),
        ("report unnamed", "report unnamed soon", True),
        ("report unnamed", "report unnamed after", False),
        ("report unnamed", "report unnamed before", False),
        ("report unnamed", "report unnamed bob", False),
        ("report unnamed", "report unnamed 700", False),
        ("report unnamed", "report unnamed JPY", False),
        ("report unnamed", "report unnamed mug", False),
        ("report unnamed", "report unnamed globex", False),
        ("report unnamed", "report", False),
    ],
)
def test_order_without_id_is_a_duplicate_when_an_equal_one_is_near(one: str, other: str, are_equal: bool) -> None:
    expected = "recorded duplicate" if are_equal else "recorded recorded"
    assert answers(f"{one}; {other}") == answers(f"{other}; {one}") == expected
    assert len(replay(said(f"{one}; {other}")).unnamed) == (1 if are_equal or other == "report" else 2)


def test_order_without_id_is_recorded_when_it_repeats_only_a_duplicate() -> None:
    assert answers("report unnamed; report unnamed sooner; report unnamed after") == "recorded duplicate recorded"
    assert answers("report unnamed; report unnamed after; report unnamed sooner") == "recorded recorded duplicate"


# Refunds


@pytest.mark.parametrize(
    ("script", "answer", "expected"),
    [
        ("report; refund; refund R2 700", "recorded", "R1 R2"),
        ("report; refund; refund 2000 JPY", "duplicate", "R1"),
        ("report; refund 2000 JPY", "currency_mismatch", ""),
        ("report; refund 1001", "exceeds_order", ""),
        ("report; refund 700; refund R2 301", "exceeds_order", "R1"),
        ("report; refund 700; refund R2 300", "recorded", "R1 R2"),
        ("report; nameless 700; refund 701", "exceeds_order", ""),
        ("report; nameless 700; refund 700", "recorded", "R1"),
        ("report; report B2; refund 1000 B2; refund 1000", "recorded", "R1"),
        ("report; report globex; refund 1000 globex; refund 1000", "recorded", "R1"),
        # They wait for the order, in order of arrival.
        ("refund 2000; refund 2000", "unknown_order", "(R1)"),
        ("nameless; report stranger; refund", "unknown_order", "(R1)"),
        ("refund; refund R2 701; report kept", "recorded", "R1 (R2)"),
        ("refund 1001; refund R2 700; refund R3 301; report", "recorded", "(R1) R2 (R3)"),
        ("refund 1001; refund R2 700; refund R3; report", "recorded", "(R1) R2 R3"),
        ("refund JPY; refund R2; confirmation", "recorded", "(R1) R2"),
        ("refund 1 B2; refund 1 globex; refund 1000; report", "recorded", "R1"),
        ("refund 701; refund R2 700; nameless 700; report", "recorded", "(R1) R2"),
        ("refund; refund R2 700 tick; report late", "recorded", "(R1) R2"),
        ("refund 600; refund R2 500; refund 600; report", "recorded", "R2 (R1)"),
        ("refund 2000; report; refund 700; refund R2 301", "exceeds_order", "R1"),
        ("refund; report late; refund JPY", "currency_mismatch", "(R1)"),
        # They are weighed anew when the order is rewritten, but not by a word that leaves it as it is.
        ("report; refund; refund R2; refund R3 200; nameless 500", "confirmed", "R1 (R2) R3"),
        ("report; refund 600; confirmation bob 500", "confirmed", "(R1)"),
        ("report; refund; nameless JPY", "confirmed", "(R1)"),
        ("report; refund; nameless 300 later", "confirmed", "R1"),
        ("report; refund; nameless 299 later", "confirmed", "(R1)"),
        ("refund 1500; report; nameless 1500 kept", "confirmed", "R1"),
        ("refund 1500; report; nameless 1500 late", "confirmed", "(R1)"),
        ("report; refund; nameless 1; confirmation late", "confirmed", "(R1)"),
        ("report; nameless; refund 1000; report bob 100; nameless 100", "duplicate", "R1"),
    ],
)
def test_refund_counts_when_it_fits(script: str, answer: str, expected: str) -> None:
    assert replay(said(script)).answers[-1] == answer
    assert refunds(script) == expected


def test_refund_waits_anew_when_reported_again() -> None:
    first, again, foreign, late = said("refund 2000; refund 700 tick; refund 700 JPY; report late")
    assert isinstance(first, Refund)
    assert isinstance(again, Refund)
    for order in ([first, again, late], [first, late, again]):
        assert replay(order).refunds == {("acme", "A1", "R1"): KeptRefund(again, is_attached=True)}
    assert replay([first, late, foreign]).refunds == {("acme", "A1", "R1"): KeptRefund(first, is_attached=False)}


# Promises


def _figures(order: ShownOrder) -> tuple[object, ...]:
    return order.currency, order.value_minor, order.credit, order.at, order.lines, order.trust


def test_order_is_the_same_when_its_named_confirmation_comes_at_any_place() -> None:
    words = said("confirmation eve tea soon; report bob 700 mug; report; nameless 2500 mug; confirmation stranger 1")
    found = {_figures(replay(shuffled).orders["acme", "A1"]) for shuffled in permutations(words)}
    assert found == {("EUR", 1000, EVE, NOON + HALF_AN_HOUR, TEA, "CONFIRMED")}
