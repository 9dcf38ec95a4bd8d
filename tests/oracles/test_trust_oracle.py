"""The oracle of trust answers as the specification does: examples worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from tests.support.oracle import Credit
from tests.support.trust_oracle import KeptRefund, Line, Outcome, Refund, ShownOrder, Visit, Word, replay
from tests.support.trust_sequences import TICK

Event = Word | Refund | Visit

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
HOUR = timedelta(hours=1)
KEPT = timedelta(hours=72)
ANN = Credit(session=0, interaction=0, channel="CHAT", ai_profile="shopping")
EVE = Credit(session=0, interaction=2, channel="FAQ", ai_profile="support")  # of Ann's session
BOB = Credit(session=1, interaction=1, channel="NUDGE", ai_profile="")
CYD = Credit(session=2, interaction=3, channel="CHAT", ai_profile="")
LATE = Credit(session=3, interaction=4, channel="FAQ", ai_profile="")  # the stranger's, once a visit is known
MUG = (Line("mug", Decimal(1), 1000),)
TEA = (Line("tea", Decimal("0.5"), 1000),)


def _credit_of_stranger(ids: tuple[str | None, str | None], at: datetime) -> Credit | None:
    return LATE if ids == ("stranger", None) and at >= NOON else None


REPORT = Word(
    "acme", UUID(int=0), False, ("ann", None), ANN, "A1", "EUR", 1000, (), NOON, NOON, earned_by=("ann", None)
)
CONFIRMATION = replace(REPORT, is_confirmation=True)
EVENTS: dict[str, Event] = {
    "report": REPORT,
    "confirmation": CONFIRMATION,
    "nameless": replace(CONFIRMATION, visitor=None, credit=None, earned_by=None),
    "refund": Refund("acme", "A1", "R1", "EUR", 300, NOON, NOON),
    "visit": Visit("acme", ("stranger", None), NOON, _credit_of_stranger),
}
FIELDS: dict[str, dict[str, object]] = {
    "company": {"globex": "globex"},
    "event_id": {"first": UUID(int=1), "second": UUID(int=2), "third": UUID(int=3)},
    "order_id": {"a1": "a1", "B2": "B2", "unnamed": None},
    "refund_id": {"R2": "R2", "R3": "R3"},
    "currency": {"JPY": "JPY"},
    "lines": {"mug": MUG, "tea": TEA},
    "value_minor": {"huge": 10_000_001},
    "at": {
        "before": NOON - HALF_AN_HOUR - TICK,
        "sooner": NOON + timedelta(minutes=20),
        "soon": NOON + HALF_AN_HOUR,
        "after": NOON + HALF_AN_HOUR + TICK,
        "at_one": NOON + HOUR,
        "past_one": NOON + HOUR + TICK,
    },
    "received_at": {
        "tick": NOON + TICK,
        "hour": NOON + HOUR,
        "hours": NOON + HOUR + TICK,
        "day": NOON + timedelta(hours=24),
        "kept": NOON + KEPT,
        "late": NOON + KEPT + TICK,
        "twice": NOON + 2 * KEPT,
        "later": NOON + 2 * KEPT + TICK,
    },
}
#: What a name changes in an event.
MEANINGS: dict[str, dict[str, Any]] = {
    "eve": {"visitor": (None, "eve"), "credit": EVE, "earned_by": ("ann", "eve")},
    "bob": {"visitor": ("bob", None), "credit": BOB, "earned_by": ("bob", None)},
    "cyd": {"visitor": ("cyd", None), "credit": CYD, "earned_by": ("cyd", None)},
    "stranger": {"visitor": ("stranger", None), "credit": None, "earned_by": None},
    "other": {"visitor": ("other", None), "credit": None, "earned_by": None},
    "uncredited": {"credit": None, "earned_by": None},
    "undated": {"is_dated": False},
    "cancelled": {"is_cancelled": True},
    "reinstated": {"is_cancelled": False},
    "taxed": {"tax_minor": 400},
    "older": {"updated_at": NOON - TICK},
    "newer": {"updated_at": NOON + TICK},
    "in_future": {"updated_at": NOON + timedelta(seconds=60) + TICK},
    **{name: {field: value} for field, values in FIELDS.items() for name, value in values.items()},
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
        if isinstance(event, Word) and not event.is_dated:
            event = replace(event, at=event.received_at)
        events.append(event)
    return events


def answers(script: str) -> str:
    return " ".join(replay(said(script)).answers)


def seen(script: str) -> str:
    """Give what is shown of A1: whose visitor, amount and lines, trust, standing, conflict, and the claims."""
    orders = replay(said(script)).orders
    if ("acme", "A1") not in orders:
        return "nothing"
    order = orders["acme", "A1"]
    assert order.at == order.word.at
    parts = [
        f"{_place(order.word)}: {order.value_minor} {order.currency}",
        *(line.product_id for line in order.lines),
        order.trust.lower() if order.trust != "REPORTED" else "",
        order.standing.lower() if order.standing != "COUNTED" else "",
        "conflict" if order.has_conflict else "",
        "of " + ",".join(map(_place, order.claims)),
    ]
    return " ".join(filter(None, parts))


def _place(word: Word) -> str:
    """Give a word's place among all events of its script, by the id that it has if none was stated."""
    return str(word.event_id.int - 1)


def waiting(script: str) -> dict[tuple[str, str], tuple[str, timedelta]]:
    """Give which words of the server wait, by their place among all events, and since when."""
    return {key: (_place(word), since - NOON) for key, (word, since) in replay(said(script)).waiting.items()}


def refunds(script: str) -> str:
    """Name the refunds of A1 in order of arrival: those that wait in brackets; of an excess, with what counts."""
    return " ".join(_refund(kept) for key, kept in replay(said(script)).refunds.items() if key[:2] == ("acme", "A1"))


def _refund(kept: KeptRefund) -> str:
    refund_id = kept.refund.refund_id
    if not kept.is_attached:
        return f"({refund_id})"
    return refund_id if kept.counted_minor == kept.refund.value_minor else f"{refund_id}:{kept.counted_minor}"


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
        ("report; nameless 700; report B2 second", "recorded pending recorded"),
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
        # The first report is shown; another session's becomes a claim.
        ("report mug", "recorded", "0: 1000 EUR mug of 0"),
        ("report stranger", "no_interaction", "nothing"),
        ("report; report bob a1", "recorded", "0: 1000 EUR of 0"),
        ("report; report bob globex", "recorded", "0: 1000 EUR of 0"),
        ("report; report bob", "duplicate", "0: 1000 EUR conflict of 0,1"),
        ("report bob 700; report; report eve", "duplicate", "0: 700 EUR conflict of 0,1"),
        ("report; report stranger 700", "duplicate", "0: 1000 EUR of 0"),
        # Of one session's reports the first stands.
        ("report; report 700", "duplicate", "0: 1000 EUR conflict of 0"),
        ("report; report JPY", "duplicate", "0: 1000 EUR conflict of 0"),
        ("report; report eve mug before", "duplicate", "0: 1000 EUR of 0"),
        ("report; report bob; report bob 700", "duplicate", "0: 1000 EUR conflict of 0,1"),
        # A report of 0 gives way to the session's first above 0.
        ("report 0", "recorded", "0: 0 EUR of 0"),
        ("report 0; report eve mug", "duplicate", "1: 1000 EUR mug of 1"),
        ("report 0; report 700; report", "duplicate", "1: 700 EUR conflict of 1"),
        ("report; report 0", "duplicate", "0: 1000 EUR conflict of 0"),
        ("report 0; report bob; report 700", "duplicate", "2: 700 EUR conflict of 2,1"),
        ("report; report bob 0; report bob 700", "duplicate", "0: 1000 EUR conflict of 0,2"),
        ("report 0; nameless; report", "duplicate", "2: 1000 EUR confirmed conflict of 2"),
        ("report 0; nameless 0; report mug", "duplicate", "0: 0 EUR confirmed conflict of 2"),
        ("confirmation 0; report mug", "duplicate", "0: 0 EUR verified conflict of 0"),
        ("report 0; confirmation uncredited 0; report", "duplicate", "0: 0 EUR verified conflict of 0"),
        # Above the ceiling, what only a browser says is held back; the first claim below it is shown.
        ("report 10000000", "recorded", "0: 10000000 EUR of 0"),
        ("report huge", "held", "0: 10000001 EUR held of 0"),
        ("report huge JPY", "held", "0: 10000001 JPY held of 0"),
        ("report huge; report bob huge", "duplicate", "0: 10000001 EUR held conflict of 0,1"),
        ("report huge; report bob", "duplicate", "1: 1000 EUR conflict of 0,1"),
        ("report huge; report bob; report cyd 700", "duplicate", "1: 1000 EUR conflict of 0,1,2"),
        ("report; report bob huge", "duplicate", "0: 1000 EUR conflict of 0,1"),
        ("report huge; nameless huge", "confirmed", "0: 10000001 EUR confirmed of 0"),
        ("report huge; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report huge; confirmation huge", "confirmed", "1: 10000001 EUR verified of 0"),
        ("nameless huge; report huge", "recorded", "1: 10000001 EUR confirmed of 1"),
        ("confirmation huge", "recorded", "0: 10000001 EUR verified of 0"),
        # The server names a visitor who used the assistant: the first such word decides.
        ("confirmation mug", "recorded", "0: 1000 EUR mug verified of 0"),
        ("nameless; confirmation", "recorded", "1: 1000 EUR verified of 1"),
        ("nameless 700 mug; confirmation", "recorded", "1: 1000 EUR mug verified of 1"),
        ("nameless 700; confirmation late", "recorded", "1: 1000 EUR verified of 1"),
        ("report mug; confirmation eve tea soon", "confirmed", "1: 1000 EUR tea verified of 0"),
        ("report; confirmation bob", "confirmed", "1: 1000 EUR verified conflict of 0,1"),
        ("report 700; confirmation", "confirmed", "1: 1000 EUR verified conflict of 0"),
        ("report; nameless; confirmation", "confirmed", "2: 1000 EUR verified of 0"),
        ("report; nameless 700; confirmation", "confirmed", "2: 1000 EUR verified conflict of 0"),
        ("nameless; report; nameless 7; confirmation", "confirmed", "3: 7 EUR verified of 1"),
        ("report; nameless 7; nameless; confirmation", "confirmed", "3: 1000 EUR verified conflict of 0"),
        ("confirmation; confirmation bob 700", "corrected", "0: 700 EUR verified conflict of 0,1"),
        ("confirmation; report bob", "duplicate", "0: 1000 EUR verified conflict of 0,1"),
        ("confirmation; confirmation stranger 700", "corrected", "0: 700 EUR verified of 0"),
        # A visitor who claimed the order himself is never denied, also where the money comes days later.
        ("report bob; confirmation bob uncredited late", "confirmed", "0: 1000 EUR verified of 0"),
        ("report bob; confirmation bob uncredited 700", "confirmed", "0: 700 EUR verified conflict of 0"),
        ("report; report bob; confirmation bob uncredited", "confirmed", "1: 1000 EUR verified conflict of 0,1"),
        ("report eve; confirmation uncredited", "confirmed", "0: 1000 EUR verified of 0"),
        ("report; confirmation bob uncredited", "no_interaction", "0: 1000 EUR not_ours conflict of 0"),
        # The server names a visitor who has not: the order is not ours, and no claim before or within 72 hours counts.
        ("confirmation stranger", "no_interaction", "nothing"),
        ("confirmation stranger 700; report", "recorded", "1: 1000 EUR not_ours conflict of 1"),
        ("confirmation stranger; report kept", "recorded", "1: 1000 EUR not_ours conflict of 1"),
        ("confirmation stranger; report late", "recorded", "1: 1000 EUR of 1"),
        ("confirmation stranger; report; report bob", "duplicate", "1: 1000 EUR not_ours conflict of 1,2"),
        ("report bob; confirmation stranger 700 tea", "no_interaction", "0: 1000 EUR not_ours conflict of 0"),
        ("report; nameless; confirmation stranger 7", "no_interaction", "0: 1000 EUR confirmed not_ours conflict of 0"),
        ("nameless; confirmation stranger 7; report", "recorded", "2: 1000 EUR not_ours conflict of 2"),
        # Words that name nobody are ignored and renew the memory.
        ("confirmation stranger; nameless", "no_interaction", "nothing"),
        ("report; confirmation stranger; nameless", "no_interaction", "0: 1000 EUR not_ours conflict of 0"),
        ("report; confirmation stranger; nameless later", "no_interaction", "0: 1000 EUR not_ours conflict of 0"),
        ("confirmation stranger; nameless kept; report twice", "recorded", "2: 1000 EUR not_ours conflict of 2"),
        ("confirmation stranger; nameless kept; report later", "recorded", "2: 1000 EUR of 2"),
        ("confirmation stranger; nameless late; report late", "recorded", "2: 1000 EUR confirmed of 2"),
        # A later word that names another visitor replaces it.
        ("confirmation stranger; confirmation 700", "recorded", "1: 700 EUR verified of 1"),
        ("confirmation stranger; report bob; confirmation", "confirmed", "2: 1000 EUR verified conflict of 1,2"),
        ("report bob; confirmation stranger; confirmation", "confirmed", "2: 1000 EUR verified conflict of 0,2"),
        (
            "confirmation stranger; confirmation other kept; report twice",
            "recorded",
            "2: 1000 EUR not_ours conflict of 2",
        ),
        ("confirmation stranger; confirmation other; visit; report", "recorded", "3: 1000 EUR not_ours conflict of 3"),
        # An interaction of the visitor, dated before the order and recorded in time, lifts it.
        ("confirmation stranger mug; visit", "no_interaction", "0: 1000 EUR mug verified of 0"),
        ("confirmation stranger; visit kept", "no_interaction", "0: 1000 EUR verified of 0"),
        ("confirmation stranger; visit late", "no_interaction", "nothing"),
        ("confirmation stranger before; visit", "no_interaction", "nothing"),
        ("confirmation stranger; visit globex", "no_interaction", "nothing"),
        ("confirmation stranger; nameless 700 kept; visit twice", "no_interaction", "0: 1000 EUR verified of 0"),
        ("report bob; confirmation stranger 700; visit", "no_interaction", "1: 700 EUR verified conflict of 0,1"),
        ("confirmation stranger; report; visit; report bob", "duplicate", "0: 1000 EUR verified conflict of 1,0,3"),
        # Words that name nobody wait for the order since the first, with the latest figures.
        ("nameless", "pending", "nothing"),
        ("nameless; nameless kept", "duplicate", "nothing"),
        ("nameless; nameless 700 kept", "pending", "nothing"),
        ("nameless; nameless 700 late", "pending", "nothing"),
        ("nameless; report kept", "recorded", "1: 1000 EUR confirmed of 1"),
        ("nameless 700; report late", "recorded", "1: 1000 EUR of 1"),
        ("nameless; nameless 700 kept; report 700 kept", "recorded", "2: 700 EUR confirmed of 2"),
        ("nameless; nameless 700 kept; report late", "recorded", "2: 1000 EUR of 2"),
        ("nameless; nameless 7 late; report 7 later", "recorded", "2: 7 EUR confirmed of 2"),
        ("nameless; report stranger; report", "recorded", "2: 1000 EUR confirmed of 2"),
        ("report; nameless", "confirmed", "0: 1000 EUR confirmed of 0"),
        ("report; nameless; nameless JPY", "corrected", "0: 1000 JPY confirmed held of 0"),
        ("report; nameless globex; nameless B2", "pending", "0: 1000 EUR of 0"),
        # The claim of the same amount received nearest to the server's time is shown; without a time, the first.
        ("report bob 700; report; nameless", "confirmed", "1: 1000 EUR confirmed conflict of 0,1"),
        ("report bob JPY; report; nameless", "confirmed", "1: 1000 EUR confirmed conflict of 0,1"),
        ("report; report bob hour; nameless soon hour", "confirmed", "0: 1000 EUR confirmed conflict of 0,1"),
        ("report; report bob hour; nameless after hour", "confirmed", "1: 1000 EUR confirmed conflict of 0,1"),
        ("report; report bob hour; nameless undated hour", "confirmed", "0: 1000 EUR confirmed conflict of 0,1"),
        (
            "report at_one hour; report bob before hours; nameless hours",
            "confirmed",
            "0: 1000 EUR confirmed conflict of 0,1",
        ),
        ("report; nameless at_one hour; report bob hour", "duplicate", "2: 1000 EUR confirmed conflict of 0,2"),
        ("report; nameless soon hour; report bob hour", "duplicate", "0: 1000 EUR confirmed conflict of 0,2"),
        # Else one near it, within 30 %, above 0, in an hour of the server's time and alone; the difference is flagged.
        ("report 700; nameless", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("report 1300; nameless", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("nameless; report 700", "recorded", "1: 1000 EUR confirmed conflict of 1"),
        ("report 699; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report 1301; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("nameless; report 699", "recorded", "1: 1000 EUR confirmed held conflict of 1"),
        ("report 700 JPY; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report 0; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report 0; nameless 0", "confirmed", "0: 0 EUR confirmed of 0"),
        ("report 1; nameless 0", "pending", "0: 0 EUR confirmed held conflict of 0"),
        ("report 700; report bob 2500; nameless", "pending", "0: 1000 EUR confirmed held conflict of 0,1"),
        ("report 700 hour; nameless hour", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("report 700 hours; nameless hours", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report 700; nameless at_one hour", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("report 700; nameless past_one hours", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        ("report 700; nameless undated hour", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("report 700; nameless undated hours", "pending", "0: 1000 EUR confirmed held conflict of 0"),
        # Else it is held back; an exact claim releases it, however late, and no other.
        ("report 699; nameless; report bob", "duplicate", "2: 1000 EUR confirmed conflict of 0,2"),
        ("report 699; nameless; report bob later", "duplicate", "2: 1000 EUR confirmed conflict of 0,2"),
        ("report 699; nameless; report bob 700", "duplicate", "0: 1000 EUR confirmed held conflict of 0,2"),
        ("nameless; report 699; report bob", "duplicate", "2: 1000 EUR confirmed conflict of 1,2"),
        ("report 699; nameless; report", "duplicate", "0: 1000 EUR confirmed held conflict of 0"),
        # An exact claim takes over from a near one for 72 hours; nothing else moves a credited order.
        ("report 700; nameless; report bob kept", "duplicate", "2: 1000 EUR confirmed conflict of 0,2"),
        ("report 700; nameless; report bob late", "duplicate", "0: 1000 EUR confirmed conflict of 0,2"),
        ("nameless; report 700; report bob kept", "duplicate", "2: 1000 EUR confirmed conflict of 1,2"),
        ("nameless; report 700; report bob late", "duplicate", "1: 1000 EUR confirmed conflict of 1,2"),
        ("report 700; nameless; report bob 900", "duplicate", "0: 1000 EUR confirmed conflict of 0,2"),
        ("report; nameless; report bob 700", "duplicate", "0: 1000 EUR confirmed conflict of 0,2"),
        ("report; nameless; report bob huge", "duplicate", "0: 1000 EUR confirmed conflict of 0,2"),
        # The server's lines count, else those of the claim that is shown, unless that one is of another currency.
        ("report bob mug; nameless tea", "confirmed", "0: 1000 EUR tea confirmed of 0"),
        ("report bob mug; nameless 800", "confirmed", "0: 800 EUR mug confirmed conflict of 0"),
        ("report bob mug; nameless JPY tea", "pending", "0: 1000 JPY tea confirmed held conflict of 0"),
        ("nameless JPY; report bob mug", "recorded", "1: 1000 JPY confirmed held conflict of 1"),
        ("report 700 mug; nameless; report bob tea", "duplicate", "2: 1000 EUR tea confirmed conflict of 0,2"),
        ("report 700; nameless mug; report bob tea", "duplicate", "2: 1000 EUR mug confirmed conflict of 0,2"),
        # The server speaks again: what it leaves out stays, but no lines of other money. Visitor and time stay.
        ("report; nameless; nameless 700", "corrected", "0: 700 EUR confirmed of 0"),
        ("report; nameless; nameless mug", "corrected", "0: 1000 EUR mug confirmed of 0"),
        ("report; nameless mug; nameless 700 late", "corrected", "0: 700 EUR mug confirmed of 0"),
        ("report mug; nameless; nameless 700", "corrected", "0: 700 EUR mug confirmed of 0"),
        ("report mug; nameless tea; nameless 700 JPY", "corrected", "0: 700 JPY confirmed held of 0"),
        ("report mug; nameless; nameless JPY; nameless newer", "corrected", "0: 1000 EUR mug confirmed held of 0"),
        ("confirmation; nameless 700 later", "corrected", "0: 700 EUR verified of 0"),
        # The latest version stands: of equal ones that arrived later, and what lies in the future is dated by arrival.
        ("report; nameless; nameless 700 older", "duplicate", "0: 1000 EUR confirmed of 0"),
        ("report; nameless newer; nameless 700 newer tick", "corrected", "0: 700 EUR confirmed of 0"),
        ("report; nameless newer; nameless 700", "duplicate", "0: 1000 EUR confirmed of 0"),
        ("report; nameless in_future; nameless 700 tick", "corrected", "0: 700 EUR confirmed of 0"),
        ("nameless; nameless 700 older; report", "recorded", "2: 1000 EUR confirmed of 2"),
        ("nameless 700; confirmation older", "recorded", "1: 700 EUR verified of 1"),
        ("nameless 700 newer; confirmation newer", "recorded", "1: 1000 EUR verified of 1"),
        ("report; confirmation; nameless 7; nameless 700 newer; nameless 7", "duplicate", "1: 700 EUR verified of 0"),
        # Without a time, a word that is equal to a former version is a duplicate, and with one it is not.
        ("report; nameless; nameless 700; nameless", "duplicate", "0: 700 EUR confirmed of 0"),
        ("report; nameless; nameless 700; nameless newer", "corrected", "0: 1000 EUR confirmed of 0"),
        ("nameless; nameless 700; nameless; report 700", "recorded", "3: 700 EUR confirmed of 3"),
        # A word of what is left after refunds restates the order.
        ("report; nameless; refund; nameless 700", "duplicate", "0: 1000 EUR confirmed of 0"),
        ("report; nameless; refund; nameless 699", "corrected", "0: 699 EUR confirmed of 0"),
        ("report; nameless; refund; nameless 700 cancelled", "corrected", "0: 700 EUR confirmed cancelled of 0"),
        # Cancelled orders count nowhere until they are reinstated, known or not yet.
        ("report; nameless; nameless cancelled", "corrected", "0: 1000 EUR confirmed cancelled of 0"),
        ("report; nameless cancelled", "confirmed", "0: 1000 EUR confirmed cancelled of 0"),
        ("nameless cancelled; report", "recorded", "1: 1000 EUR confirmed cancelled of 1"),
        ("nameless; nameless cancelled; report", "recorded", "2: 1000 EUR confirmed cancelled of 2"),
        ("nameless cancelled; confirmation", "recorded", "1: 1000 EUR verified cancelled of 1"),
        ("nameless cancelled; confirmation reinstated", "recorded", "1: 1000 EUR verified of 1"),
        ("nameless; confirmation cancelled older", "recorded", "1: 1000 EUR verified of 1"),
        ("report; confirmation cancelled", "confirmed", "1: 1000 EUR verified cancelled of 0"),
        ("report; nameless cancelled; nameless 700", "corrected", "0: 700 EUR confirmed cancelled of 0"),
        ("report; nameless; nameless cancelled; nameless", "duplicate", "0: 1000 EUR confirmed cancelled of 0"),
        ("report; nameless; nameless cancelled; nameless reinstated", "corrected", "0: 1000 EUR confirmed of 0"),
        ("report; nameless cancelled; nameless reinstated", "corrected", "0: 1000 EUR confirmed of 0"),
        (
            "report; nameless cancelled; confirmation stranger",
            "no_interaction",
            "0: 1000 EUR confirmed not_ours conflict of 0",
        ),
        # A claim fits if it agrees with any version.
        ("report 700; nameless 2000; nameless 700", "corrected", "0: 700 EUR confirmed conflict of 0"),
        ("nameless; nameless 700; report", "recorded", "2: 700 EUR confirmed of 2"),
        ("report; nameless 5000; nameless older", "duplicate", "0: 5000 EUR confirmed held conflict of 0"),
        ("report bob 2500; nameless; nameless 700; report", "duplicate", "3: 700 EUR confirmed conflict of 0,3"),
        (
            "report 800; nameless 2500; report bob 900; nameless",
            "corrected",
            "0: 1000 EUR confirmed held conflict of 0,2",
        ),
        # A claim may be near what is left without the tax.
        ("report 500; nameless taxed", "confirmed", "0: 1000 EUR confirmed conflict of 0"),
        ("report 419; nameless taxed", "pending", "0: 1000 EUR confirmed held conflict of 0"),
    ],
)
def test_order_is_shown_when_words_on_it_arrive(script: str, answer: str, shown: str) -> None:
    assert replay(said(script)).answers[-1] == answer
    assert seen(script) == shown


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("confirming", "index", "lines", "standing"),
    [
        ("nameless 700", 1, MUG, "COUNTED"),
        ("nameless 1", 0, TEA, "HELD"),
        ("nameless 700 JPY", 0, (), "HELD"),
    ],
)
def test_claim_of_the_confirmed_amount_is_shown_when_there_is_one(
    confirming: str, index: int, lines: tuple[Line, ...], standing: str, position: int
) -> None:
    *claims, settling = said(f"report bob 2500 tea; report 700 mug; report cyd 700; {confirming}")
    order = replay([*claims[:position], settling, *claims[position:]]).orders["acme", "A1"]
    assert (order.word, order.lines, order.standing) == (claims[index], lines, standing)
    assert (order.claims, order.has_conflict) == (tuple(claims), True)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("nameless; nameless B2; nameless globex; report B2", {("acme", "A1"): "0", ("globex", "A1"): "2"}),
        ("nameless; confirmation stranger B2 kept", {("acme", "A1"): "0", ("acme", "B2"): "1 kept"}),
        ("nameless; confirmation stranger B2 late", {("acme", "B2"): "1 late"}),
        ("nameless; nameless kept", {("acme", "A1"): "0"}),
        ("nameless; nameless 700 kept", {("acme", "A1"): "1"}),
        ("nameless; nameless late", {("acme", "A1"): "1 late"}),
        ("nameless; report", {}),
        # Denials
        ("nameless; confirmation stranger tick", {("acme", "A1"): "1 tick"}),
        ("confirmation stranger; nameless 700 tick", {("acme", "A1"): "0 tick"}),
        ("confirmation stranger; confirmation other 700 tick", {("acme", "A1"): "1 tick"}),
        ("confirmation stranger; report; report bob", {("acme", "A1"): "0"}),
        ("report; confirmation stranger; nameless kept", {("acme", "A1"): "1 kept"}),
        ("confirmation stranger; confirmation", {}),
        ("confirmation stranger; visit", {}),
        ("report; confirmation stranger; visit", {}),
        ("confirmation stranger; report late", {}),
    ],
)
def test_confirmation_waits_when_its_order_is_unknown(script: str, expected: dict[tuple[str, str], str]) -> None:
    received = MEANINGS | {"": {"received_at": NOON}}
    since = {key: value.partition(" ") for key, value in expected.items()}
    assert waiting(script) == {
        key: (place, received[name]["received_at"] - NOON) for key, (place, _, name) in since.items()
    }


# Twenty orders of a session


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("report", "too_many_claims"),
        ("report eve", "too_many_claims"),
        ("report bob; report", "too_many_claims"),
        ("report bob", "recorded"),
        ("report day", "recorded"),
        ("confirmation", "recorded"),
        ("report B2", "duplicate"),
        ("report B2; confirmation bob B2; report", "too_many_claims"),
        ("confirmation B2; report", "recorded"),
        ("nameless B2; report", "recorded"),
        # Held back or denied, an order is not confirmed for it.
        ("nameless 1 B2; report", "too_many_claims"),
        ("nameless B2; confirmation stranger B2; report", "too_many_claims"),
        ("confirmation stranger B2; report", "too_many_claims"),
    ],
)
def test_session_claims_twenty_orders_when_within_a_window(script: str, answer: str) -> None:
    claims = [replace(REPORT, order_id=f"O{number}", event_id=UUID(int=1000 + number)) for number in range(19)]
    outcome = replay([*claims, *said(f"report B2; {script}")])
    assert outcome.answers[:20] == ("recorded",) * 20
    assert outcome.answers[-1] == answer


# Orders without an id


def test_order_without_id_is_recorded_when_attributed() -> None:
    events = said("report unnamed mug; confirmation unnamed bob; report unnamed stranger")
    reported, confirming, _ = [event for event in events if isinstance(event, Word)]
    orders = (
        ShownOrder(reported, ANN, "REPORTED", "COUNTED", False, "EUR", 1000, MUG, claims=()),
        ShownOrder(confirming, BOB, "VERIFIED", "COUNTED", False, "EUR", 1000, (), claims=()),
    )
    assert replay(events) == Outcome(("recorded", "recorded", "no_interaction"), {}, orders, {}, {})


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ("report unnamed", "report unnamed", True),
        ("report unnamed", "report unnamed soon", True),
        ("report unnamed", "report unnamed after", False),
        ("report unnamed", "report unnamed before", False),
        ("report unnamed", "report unnamed bob", False),
        ("report unnamed", "report unnamed 700", False),
        ("report unnamed", "report unnamed JPY", False),
        ("report unnamed", "report unnamed mug", False),
        ("report unnamed", "report unnamed globex", False),
        ("report unnamed", "report", False),
        ("confirmation unnamed", "confirmation unnamed eve", True),
        ("confirmation unnamed", "confirmation unnamed mug", True),
        ("confirmation unnamed tea", "confirmation unnamed mug", False),
    ],
)
def test_order_without_id_is_a_duplicate_when_an_equal_one_is_near(one: str, other: str, are_equal: bool) -> None:
    expected = "recorded duplicate" if are_equal else "recorded recorded"
    assert answers(f"{one}; {other}") == answers(f"{other}; {one}") == expected
    assert len(replay(said(f"{one}; {other}")).unnamed) == (1 if are_equal or other == "report" else 2)


@pytest.mark.parametrize(
    ("script", "answer", "shown"),
    [
        ("report; confirmation", "confirmed", "0 1000 verified"),
        ("report; confirmation eve soon", "confirmed", "0 1000 verified"),
        ("report; confirmation after", "recorded", "0 1000 reported, 1 1000 verified"),
        ("report; confirmation bob", "recorded", "0 1000 reported, 1 1000 verified"),
        ("report; confirmation 700", "recorded", "0 1000 reported, 1 700 verified"),
        ("report; confirmation stranger", "no_interaction", "0 1000 reported"),
        ("confirmation; report", "duplicate", "0 1000 verified"),
        ("report; confirmation; confirmation", "duplicate", "0 1000 verified"),
        # Lines are compared only where both have them.
        ("report; confirmation mug", "confirmed", "0 1000 mug verified"),
        ("report mug; confirmation", "confirmed", "0 1000 mug verified"),
        ("report mug; confirmation tea", "recorded", "0 1000 mug reported, 1 1000 tea verified"),
        # That of the same event id comes first, then the nearest that is not confirmed.
        ("report; confirmation 700 first", "confirmed", "0 700 verified"),
        ("report after; report; confirmation sooner first", "confirmed", "0 1000 verified, 1 1000 reported"),
        ("report; report after; confirmation sooner", "confirmed", "0 1000 reported, 1 1000 verified"),
        (
            "report; report after; confirmation sooner; confirmation sooner",
            "confirmed",
            "0 1000 verified, 1 1000 verified",
        ),
        # One held back makes no equal one a duplicate, and is released.
        ("report huge", "held", "0 10000001 reported held"),
        ("report huge; report huge", "held", "0 10000001 reported held, 1 10000001 reported held"),
        ("report huge; confirmation huge", "confirmed", "0 10000001 verified"),
        ("confirmation huge", "recorded", "0 10000001 verified"),
    ],
)
def test_order_without_id_is_confirmed_when_the_server_reports_it(script: str, answer: str, shown: str) -> None:
    outcome = replay(said("; ".join(f"{words} unnamed" for words in script.split("; "))))
    assert outcome.answers[-1] == answer
    assert shown == ", ".join(
        " ".join(
            [
                f"{_place(order.word)} {order.value_minor}",
                *(line.product_id for line in order.lines),
                order.trust.lower(),
                *(["held"] if order.standing == "HELD" else []),
            ]
        )
        for order in outcome.unnamed
    )


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
        ("report; refund 1001", "exceeds_order", "(R1)"),
        ("report; refund 700; refund R2 301", "exceeds_order", "R1 (R2)"),
        ("report; refund 700; refund R2 300", "recorded", "R1 R2"),
        ("report; nameless 700; refund 701", "exceeds_order", "(R1)"),
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
        ("refund 2000; report; refund 700; refund R2 301", "exceeds_order", "R1 (R2)"),
        ("refund; report late; refund JPY", "currency_mismatch", "(R1)"),
        # They stay with the order. Where its value falls, they fill it by their times, and the rest is their excess.
        ("report; refund; refund R2; refund R3 200; nameless 500", "pending", "R1 R2:200 R3:0"),
        ("report; refund 600; confirmation bob 500", "confirmed", "R1:500"),
        ("report; refund; nameless JPY", "pending", "R1:0"),
        ("report; refund; nameless 300 later", "pending", "R1"),
        ("report; refund; nameless 299 later", "pending", "R1:299"),
        ("refund 1500; report; nameless 1500 kept", "pending", "R1"),
        ("refund 1500; report; nameless 1500 late", "pending", "(R1)"),
        ("report; refund; nameless 1; confirmation late", "confirmed", "R1"),
        ("report; nameless; refund 1000; report bob 100; nameless 100", "corrected", "R1:100"),
        ("report; nameless; refund soon; refund R2 700; nameless 800", "corrected", "R1:100 R2"),
        ("report; nameless; refund; nameless 100; refund", "duplicate", "R1:100"),
        ("report; nameless; refund; nameless 100; refund R2 1", "exceeds_order", "R1:100 (R2)"),
        ("report; nameless; refund; nameless JPY; nameless", "duplicate", "R1:0"),
        ("report; nameless; refund; nameless JPY; nameless newer", "corrected", "R1"),
        # What waits fits a correction for 72 hours.
        ("report; nameless; refund 1001; nameless 1001 kept", "corrected", "R1"),
        ("report; nameless; refund 1001; nameless 1001 late", "corrected", "(R1)"),
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
        assert replay(order).refunds == {("acme", "A1", "R1"): KeptRefund(again, is_attached=True, counted_minor=700)}
    assert replay([first, late, foreign]).refunds == {("acme", "A1", "R1"): KeptRefund(first, is_attached=False)}


# Promises


def _figures(order: ShownOrder) -> tuple[object, ...]:
    return order.currency, order.value_minor, order.credit, order.at, order.lines, order.trust, order.standing


def test_order_is_the_same_when_its_named_confirmation_comes_at_any_place() -> None:
    words = said(
        "confirmation eve tea soon newer; report bob 700 mug; report; nameless 2500 mug older; confirmation stranger 1"
    )
    found = {_figures(replay(shuffled).orders["acme", "A1"]) for shuffled in permutations(words)}
    assert found == {("EUR", 1000, EVE, NOON + HALF_AN_HOUR, TEA, "VERIFIED", "COUNTED")}
