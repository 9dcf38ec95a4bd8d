"""The oracle of attribution answers as the specification does: examples worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.oracle import (
    CartChange,
    CartState,
    Credit,
    Event,
    Interaction,
    Outcome,
    Purchase,
    RecordedChange,
    RecordedPurchase,
    Session,
    replay,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

VISIT = Interaction("acme", "ann", None, "CHAT", "", True, NOON)
CHANGE = CartChange("acme", "ann", None, "ITEM_ADDED", "mug", "EUR", 100, "unit", Decimal(1), NOON)
ORDER = Purchase("acme", "ann", None, "A1", "EUR", 5000, NOON)
UNNAMED = replace(ORDER, order_id=None)

Fields = dict[str, Any]

IDS: dict[str, Fields] = {
    "ann": {"chat": "ann", "faq": None},
    "anna": {"chat": None, "faq": "anna"},
    "both": {"chat": "ann", "faq": "anna"},
    "ann+ben": {"chat": "ann", "faq": "ben"},
    "ben": {"chat": None, "faq": "ben"},
}
BOTH = IDS["both"]
BOB: Fields = {"chat": "bob"}
NOBODY: Fields = {"chat": "nobody"}
GLOBEX: Fields = {"company": "globex"}
CHANGES = {
    "added": "ITEM_ADDED",
    "increased": "QUANTITY_INCREASED",
    "decreased": "QUANTITY_DECREASED",
    "removed": "ITEM_REMOVED",
}


def visit(after: timedelta, **fields: Any) -> Interaction:
    return replace(VISIT, at=NOON + after, **fields)


def change(kind: str, quantity: str, after: timedelta = 0 * MINUTE, **fields: Any) -> CartChange:
    return replace(CHANGE, type=CHANGES[kind], quantity=Decimal(quantity), at=NOON + after, **fields)


def visits(script: str) -> list[Interaction]:
    """Read interactions such as `ann -3`, three hours before noon; one that is `idle` does not qualify."""
    words = [visit.split() for visit in script.split(", ")]
    return [visit(int(hours) * HOUR, is_qualifying=not idle, **IDS[who]) for who, hours, *idle in words]


def cart(script: str) -> list[Event]:
    """Read changes such as `added 3 @250 +1`: 250 each, a minute after noon; `=250` is the value of all three."""
    events: list[Event] = []
    for kind, *words in map(str.split, script.split(", ")):
        numbers = {word[0]: int(word[1:]) for word in words if word[0] in "@=+"}
        value_minor, basis = (numbers["="], "total") if "=" in numbers else (numbers.get("@", 100), "unit")
        after = numbers.get("+", 0) * MINUTE
        if kind == "order":
            events.append(replace(ORDER, at=NOON + after))
        else:
            events.append(change(kind, words[0], after, value_minor=value_minor, basis=basis))
    return events


def outcome(*events: Event, model: str = "first_touch") -> Outcome:
    return replay(events, window=DAY, model=model)


def credited(*events: Event, model: str = "first_touch") -> tuple[int, int] | None:
    """Give the session and the interaction that the last of the events is credited to."""
    result = outcome(*events, model=model).results[-1]
    return (result.credit.session, result.credit.interaction) if isinstance(result, RecordedChange) else None


def worth(*events: Event) -> str:
    """Give units and GMV of the cart changes of a visitor who has interacted before."""
    rows = [row for row in outcome(VISIT, *events).results if isinstance(row, RecordedChange)]
    return ", ".join(f"{row.units.normalize():f} {row.gmv_minor}" for row in rows)


# Sessions


@pytest.mark.parametrize(("distance", "joins"), [(DAY, True), (DAY + TICK, False)])
def test_interaction_joins_when_a_window_away(distance: timedelta, joins: bool) -> None:
    assert outcome(VISIT, visit(distance)).results == (0, 0 if joins else 1)
    assert outcome(VISIT, visit(-distance)).results == (0, 0 if joins else 1)


@pytest.mark.parametrize(
    ("script", "sessions"),
    [
        ("ann -24, ann 0, ann 24", (0, 0, 0)),
        ("both -24, anna 0, ann 24", (0, 0, 1)),
        ("ann -1, anna -2, both 0", (0, 1, 1)),
        ("anna -1, ann -1, both 0", (0, 1, 0)),
        ("ann -2, anna -1, both 0, anna 24, anna 25", (0, 1, 0, 0, 0)),
        ("anna -1, ann 0, ann -2, both 0", (0, 1, 1, 1)),
        ("anna -1, ann+ben 0, both 0, ben -2, both 0", (0, 1, 0, 1, 1)),
    ],
)
def test_interaction_joins_the_earliest_started_when_near_several(script: str, sessions: tuple[int, ...]) -> None:
    assert outcome(*visits(script)).results == sessions


@pytest.mark.parametrize(("chat", "faq"), [("ann", None), (None, "anna"), ("bob", "anna"), ("ann", "ben")])
def test_visitor_is_the_same_when_one_id_is_shared(chat: str | None, faq: str | None) -> None:
    first = replace(VISIT, **BOTH)
    assert outcome(first, replace(VISIT, chat=chat, faq=faq)).results == (0, 0)
    assert credited(first, replace(CHANGE, chat=chat, faq=faq)) == (0, 0)


@pytest.mark.parametrize("first", [VISIT, replace(VISIT, **BOTH)])
@pytest.mark.parametrize(
    "other", [BOB, {"chat": "bob", "faq": "ben"}, {"chat": "anna"}, {"chat": None, "faq": "ann"}, GLOBEX]
)
def test_visitor_is_another_when_like_is_not_shared_with_like(first: Interaction, other: Fields) -> None:
    found = outcome(first, replace(VISIT, **other))
    assert found.results == (0, 1)
    assert [session.interactions for session in found.sessions] == [(0,), (1,)]
    assert credited(first, replace(CHANGE, **other)) is None


@pytest.mark.parametrize(
    ("interactions", "session"),
    [
        (
            [VISIT, visit(HOUR, kind="NUDGE"), visit(-HOUR, kind="FAQ", ai_profile="support")],
            Session("acme", NOON - HOUR, NOON + HOUR, "FAQ", "support", (0, 1, 2)),
        ),
        ([replace(VISIT, kind="NUDGE"), VISIT], Session("acme", NOON, NOON, "NUDGE", "", (0, 1))),
        (
            [visit(-HOUR, is_qualifying=False), replace(VISIT, kind="FAQ", ai_profile="support")],
            Session("acme", NOON - HOUR, NOON, "FAQ", "support", (0, 1)),
        ),
        ([replace(VISIT, ai_profile="support", is_qualifying=False)], Session("acme", NOON, NOON, "", "", (0,))),
    ],
)
def test_session_has_the_first_qualifying_channel_when_shown(interactions: list[Interaction], session: Session) -> None:
    assert outcome(*interactions).sessions == (session,)


# Credit


@pytest.mark.parametrize("event", [CHANGE, ORDER, UNNAMED])
def test_event_is_not_recorded_when_no_interaction_came_before(event: Event) -> None:
    assert outcome(event) == Outcome((), (None,))
    assert outcome(event, VISIT).results == (None, 0)


@pytest.mark.parametrize(("at", "earns"), [(-DAY - TICK, False), (-DAY, True), (MINUTE, True), (MINUTE + TICK, False)])
def test_interaction_earns_when_within_the_window_and_the_grace(at: timedelta, earns: bool) -> None:
    found = outcome(visit(at, kind="FAQ", ai_profile="support"), CHANGE, ORDER).results
    assert found[2] == (RecordedPurchase(Credit(0, 0, "FAQ", "support")) if earns else None)
    assert isinstance(found[1], RecordedChange) == earns


@pytest.mark.parametrize(
    ("script", "first_touch", "last_touch"),
    [
        ("ann -2, ann -3, ann -1", (0, 1), (0, 2)),
        ("ann -1, ann -1", (0, 0), (0, 1)),
        ("ann -2 idle, ann -1", (0, 1), (0, 1)),
        ("ann -1 idle", None, None),
        ("ann -1, anna -2", (1, 1), (1, 0)),
        ("anna -1, ann -1", (0, 0), (0, 1)),
        ("anna -10, ann -26, ann -3", (1, 0), (1, 2)),
        ("ann -3 idle, anna -1", (1, 1), (1, 1)),
        ("ann -1, anna -2, ann -3", (0, 2), (0, 0)),
    ],
)
def test_session_and_interaction_are_chosen_when_several_may_earn(
    script: str, first_touch: tuple[int, int] | None, last_touch: tuple[int, int] | None
) -> None:
    event = replace(CHANGE, **BOTH)
    assert credited(*visits(script), event, model="first_touch") == first_touch
    assert credited(*visits(script), event, model="last_touch") == last_touch


def test_interactions_are_at_the_event_when_within_the_grace() -> None:
    events = visit(MINUTE), VISIT, CHANGE
    assert credited(*events, model="first_touch") == (0, 0)
    assert credited(*events, model="last_touch") == (0, 1)


def test_interaction_earns_nothing_when_only_its_session_is_shared() -> None:
    interactions = visits("both -25, anna -1")
    assert outcome(*interactions).results == (0, 0)
    assert credited(*interactions, CHANGE) is None


def test_credit_names_the_interactions_channel_when_the_sessions_differs() -> None:
    events = visit(-2 * HOUR), visit(-HOUR, kind="FAQ", ai_profile="support"), ORDER
    assert outcome(*events, model="last_touch").results[-1] == RecordedPurchase(Credit(0, 1, "FAQ", "support"))


def test_credit_stands_when_a_session_starts_earlier_afterwards() -> None:
    before: list[Event] = [*visits("ann -1, anna -2"), replace(CHANGE, **BOTH)]
    assert outcome(*before, visit(-3 * HOUR)).results[:3] == outcome(*before).results
    assert credited(*before) == (1, 1)


def test_model_is_rejected_when_unknown() -> None:
    with pytest.raises(ValueError, match="linear"):
        outcome(model="linear")


# What a cart change is worth


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # Nothing is known of the product before.
        ("added 3 @250", "3 750"),
        ("increased 3 @250", "1 250"),
        ("increased 0.4 @250", "0.4 100"),
        ("decreased 2, increased 5", "0 0, 3 300"),
        ("removed 0, increased 5", "0 0, 1 100"),
        # It grows: only the difference counts; less than before means that the cart was emptied unseen.
        ("added 2, added 5 @300", "2 200, 3 900"),
        ("added 2, increased 5 @300", "2 200, 3 900"),
        ("added 2, added 2 @999, increased 2 @999", "2 200, 0 0, 0 0"),
        ("increased 5, increased 7, removed 0", "1 100, 2 200, -3 -300"),
        ("added 3, added 2 @150, removed 0", "3 300, 2 300, -2 -300"),
        ("added 3, increased 2 @150, removed 0", "3 300, 1 150, -1 -150"),
        # It shrinks: no more is given back than was claimed, at the average of what was claimed.
        ("added 3 @200, decreased 2", "3 600, -1 -200"),
        ("added 3, removed 2 =7, added 1", "3 300, -3 -300, 1 100"),
        ("added 2, decreased 3, increased 4", "2 200, 0 0, 1 100"),
        ("added 2, decreased 2", "2 200, 0 0"),
        ("increased 5, decreased 2, removed 0", "1 100, -1 -100, 0 0"),
        ("added 2, decreased 1 @999, removed 0 @7", "2 200, -1 -100, -1 -100"),
        ("added 1, increased 3 @400, decreased 2", "1 100, 2 800, -1 -300"),
        # Amounts are rounded half away from zero, a total only once; parts add up to the whole.
        ("added 2 =5, decreased 1", "2 5, -1 -3"),
        ("added 3 =10, decreased 2, decreased 1, removed 0", "3 10, -1 -3, -1 -4, -1 -3"),
        ("added 2 =1, decreased 1.001", "2 1, -0.999 0"),
        ("added 0.5 @1", "0.5 1"),
        ("added 1.5 @333", "1.5 500"),
        ("added 0.499 @1", "0.499 0"),
        ("added 1 @0, increased 3 =1000", "1 0, 2 667"),
        ("increased 7 =1000", "1 143"),
        ("added 3 =999999999999999, decreased 2", "3 999999999999999, -1 -333333333333333"),
        ("added 1000000 @1000000000", "1000000 1000000000000000"),
        ("added 2 @0, decreased 1, removed 0", "2 0, -1 0, -1 0"),
        # Changes count in order of time, those at one time in order of arrival.
        ("added 3 +1, decreased 1 +3, increased 5 +2", "3 300, -4 -400, 2 200"),
        ("added 3 +1, added 2", "1 100, 2 200"),
        ("added 3, decreased 1", "3 300, -2 -200"),
        ("decreased 1, added 3", "0 0, 2 200"),
        # An order empties the cart for what is later than it.
        ("added 3, order +1, increased 5 +2, removed 0 +2", "3 300, 1 100, -1 -100"),
        ("added 3, order +1, increased 5 +1", "3 300, 1 100"),
        ("added 3, increased 5 +1, order +1", "3 300, 2 200"),
        ("added 3, removed 0 +2, order +1", "3 300, 0 0"),
        ("added 3, order +2, decreased 1 +1, added 2 +3", "3 300, -2 -200, 2 200"),
        ("order, added 3 +1, order +2, removed 0 +3", "3 300, -3 -300"),
    ],
)
def test_change_is_worth_units_and_amount_when_the_cart_changes(script: str, expected: str) -> None:
    assert worth(*cart(script)) == expected


def test_state_is_after_each_change_when_part_is_given_back() -> None:
    events = cart("added 3, decreased 1, increased 1.5 @200, order, increased 5 +1")
    assert [row.after for row in outcome(VISIT, *events).results if isinstance(row, RecordedChange)] == [
        CartState(Decimal(3), Decimal(3), 300),
        CartState(Decimal(1), Decimal(1), 100),
        CartState(Decimal("1.5"), Decimal("1.5"), 200),
        CartState(Decimal(5), Decimal(1), 100),
    ]


@pytest.mark.parametrize(
    ("order", "empties"),
    [
        (replace(ORDER, currency="JPY"), True),
        (replace(UNNAMED, value_minor=0), True),
        (replace(ORDER, **BOB), False),
        (replace(ORDER, **NOBODY), False),
    ],
)
@pytest.mark.parametrize("product", [{}, {"product_id": "tea"}, {"currency": "JPY"}])
def test_order_empties_its_sessions_whole_cart_when_recorded(order: Purchase, empties: bool, product: Fields) -> None:
    events = change("added", "3", -MINUTE, **product), order, change("removed", "0", MINUTE, **product)
    assert worth(replace(VISIT, **BOB), *events) == ("3 300, 0 0" if empties else "3 300, -3 -300")


@pytest.mark.parametrize("other", [{"product_id": "MUG"}, {"currency": "JPY"}, BOB, GLOBEX])
def test_carts_are_apart_when_one_thing_differs(other: Fields) -> None:
    known = replace(VISIT, **BOB), replace(VISIT, **GLOBEX)
    assert worth(*known, change("added", "2"), change("added", "3", **other)) == "2 200, 3 300"


def test_change_is_left_out_when_it_is_not_attributed() -> None:
    events = change("added", "2"), change("added", "9", **NOBODY), change("increased", "3")
    assert worth(*events) == "2 200, 1 100"


# Duplicates


@pytest.mark.parametrize(
    ("first", "second", "fate"),
    [
        (ORDER, replace(ORDER, value_minor=1, currency="JPY", at=NOON + HOUR), "duplicate"),
        (ORDER, replace(ORDER, **BOB), "duplicate"),
        (ORDER, replace(ORDER, **NOBODY), "duplicate"),
        (replace(ORDER, **NOBODY), ORDER, "recorded"),
        (ORDER, replace(ORDER, order_id="a1"), "recorded"),
        (ORDER, replace(ORDER, **GLOBEX), "recorded"),
        (ORDER, UNNAMED, "recorded"),
        (UNNAMED, ORDER, "recorded"),
        (UNNAMED, UNNAMED, "duplicate"),
        (UNNAMED, replace(UNNAMED, at=NOON + 30 * MINUTE), "duplicate"),
        (UNNAMED, replace(UNNAMED, at=NOON - 30 * MINUTE), "duplicate"),
        (UNNAMED, replace(UNNAMED, at=NOON + 30 * MINUTE + TICK), "recorded"),
        (UNNAMED, replace(UNNAMED, at=NOON - 30 * MINUTE - TICK), "recorded"),
        (UNNAMED, replace(UNNAMED, value_minor=5001), "recorded"),
        (UNNAMED, replace(UNNAMED, currency="JPY"), "recorded"),
        (UNNAMED, replace(UNNAMED, **BOB), "recorded"),
        (UNNAMED, replace(UNNAMED, **GLOBEX), "recorded"),
        (UNNAMED, replace(UNNAMED, **NOBODY), "not attributed"),
    ],
)
def test_order_is_a_duplicate_when_repeated(first: Purchase, second: Purchase, fate: str) -> None:
    result = outcome(*[visit(-HOUR, **who) for who in ({}, BOB, GLOBEX)], first, second).results[-1]
    assert ("recorded" if isinstance(result, RecordedPurchase) else result or "not attributed") == fate


def test_order_without_id_is_recorded_when_only_a_duplicate_is_near() -> None:
    repeated = [replace(UNNAMED, at=NOON + minutes * MINUTE) for minutes in (0, 20, 40, 55)]
    recorded = RecordedPurchase(Credit(0, 0, "CHAT", ""))
    assert outcome(VISIT, *repeated).results[1:] == (recorded, "duplicate", recorded, "duplicate")
