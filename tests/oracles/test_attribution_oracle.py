"""The oracle of attribution answers as the specification does: examples worked out by hand, and what is drawn."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.drawing import drawn
from tests.support.histories import RECEIVED_AT, History, histories
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
    Result,
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
        ("removed 0, increased 5", "0 0, 5 500"),
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
        ("added 3, order +1, increased 5 +1", "3 300, 2 200"),
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


# What histories reach

OFTEN = {
    *("late CartChange", "late Interaction", "late Purchase"),
    *("several sessions", "session chained beyond a window", "session of several fingerprints"),
    *("session's start moved back", "interaction near several sessions"),
    *("credited interaction of another session", "interaction after credit", "not recorded", "not recorded, but known"),
    *(f"{record} {channel}" for record in ("CartChange", "Purchase") for channel in ("CHAT", "FAQ", "NUDGE")),
    *("duplicate id", "order between cart changes", "order at a cart change's instant", "figures changed afterwards"),
    *(f"{kind} leaves" for kind in CHANGES.values()),
    *("ITEM_ADDED claims", "QUANTITY_INCREASED claims", "QUANTITY_DECREASED gives back", "ITEM_REMOVED gives back"),
    *(f"{kind} {sign}" for kind in ("unit", "total", "EUR", "JPY", "KWD") for sign in ("claims", "gives back")),
    *("give-back of a fraction", "claim of nothing's worth", "claim of a great amount"),
}
SELDOM = {
    *(f"interaction's window {off}" for off in ("-1", "+0", "+1")),
    *(f"credit's {edge} {off}" for edge in ("window", "grace") for off in ("-1", "+0", "+1")),
    *("session without a channel", "several companies", "order ids that differ by case", "duplicate without id"),
    *("give-back of a half", "give-back of all, some left", "start afresh"),
}
EXPECTED = Counter(dict.fromkeys(OFTEN, 20) | dict.fromkeys(SELDOM, 2))


def test_histories_reach_every_interesting_case_when_drawn() -> None:
    reached: Counter[str] = Counter()
    for history in drawn(histories(), most=500):
        reached.update(set(_features(history)))
        if reached >= EXPECTED:
            break
    assert EXPECTED - reached == Counter()


@settings(deadline=None)
@given(histories())
def test_histories_keep_the_contract_when_drawn(history: History) -> None:
    assert len(history.events) <= 25
    for event in history.events:
        assert event.chat or event.faq
        assert RECEIVED_AT - 3 * DAY < event.at <= RECEIVED_AT
        if isinstance(event, CartChange):
            assert event.quantity == round(event.quantity, 3)
            assert 0 <= event.quantity <= 10**6
            assert event.quantity > 0 or event.type in ("QUANTITY_DECREASED", "ITEM_REMOVED")
            assert 0 <= event.value_minor <= 10**13
            assert event.value_minor * event.quantity <= 10**15


@settings(deadline=None)
@given(histories())
def test_claims_stay_within_the_cart_when_histories_are_drawn(history: History) -> None:
    for result in history.replay().results:
        if isinstance(result, RecordedChange):
            assert 0 <= result.after.units <= result.after.quantity
            assert result.after.minor >= 0
            assert result.after.units > 0 or result.after.minor == 0


@settings(deadline=None)
@given(histories())
def test_credit_stands_when_more_arrives(history: History) -> None:
    def lasting(results: tuple[Result, ...]) -> list[object]:
        return [result.credit if isinstance(result, RecordedChange) else result for result in results]

    final = lasting(history.replay().results)
    for count in range(len(final)):
        assert lasting(_results_of_first(history, count)) == final[:count]


def _results_of_first(history: History, count: int) -> tuple[Result, ...]:
    return replay(history.events[:count], window=history.window, model=history.model).results


def _features(history: History) -> Iterator[str]:
    """Name the interesting things that happen in a history."""
    found, events, window = history.replay(), history.events, history.window
    if len(found.sessions) > 1:
        yield "several sessions"
    if len({session.company for session in found.sessions}) > 1:
        yield "several companies"
    for session in found.sessions:
        own = [events[i] for i in session.interactions]
        if session.last_interaction_at - session.started_at > window:
            yield "session chained beyond a window"
        if not session.channel:
            yield "session without a channel"
        if own[0].at > session.started_at:
            yield "session's start moved back"
        if len({(event.chat, event.faq) for event in own}) > 1:
            yield "session of several fingerprints"
    for index, (event, result) in enumerate(zip(events, found.results, strict=True)):
        if any(event.at < earlier.at for earlier in events[:index]):
            yield f"late {type(event).__name__}"
        known = _known(history, index)
        yield from (_edge(event, event.at - events[i].at, window) for i in known)
        if isinstance(event, Interaction):
            if len({found.results[i] for i in known if abs(events[i].at - event.at) <= window}) > 1:
                yield "interaction near several sessions"
        elif isinstance(result, RecordedChange | RecordedPurchase):
            yield f"{type(event).__name__} {result.credit.channel}"
            if found.results[result.credit.interaction] != result.credit.session:
                yield "credited interaction of another session"
            if any(i > index for i in found.sessions[result.credit.session].interactions):
                yield "interaction after credit"
            yield from _cart_features(history, found, index)
        elif result == "duplicate":
            yield "duplicate id" if isinstance(event, Purchase) and event.order_id else "duplicate without id"
        else:
            yield "not recorded, but known" if known else "not recorded"


def _known(history: History, index: int) -> list[int]:
    """List the interactions that arrived before an event and share an id with it."""
    event = history.events[index]
    return [
        i
        for i, other in enumerate(history.events[:index])
        if isinstance(other, Interaction)
        and other.company == event.company
        and ((other.chat and other.chat == event.chat) or (other.faq and other.faq == event.faq))
    ]


def _edge(event: Event, distance: timedelta, window: timedelta) -> str:
    """Name the edge on which, or next to which, an interaction at this distance lies; empty if it is far from any."""
    for off in (-1, 0, 1):
        if isinstance(event, Interaction):
            if abs(distance) == window + off * TICK:
                return f"interaction's window {off:+d}"
        elif distance == window + off * TICK:
            return f"credit's window {off:+d}"
        elif -distance == MINUTE + off * TICK:
            return f"credit's grace {off:+d}"
    return ""


def _cart_features(history: History, found: Outcome, index: int) -> Iterator[str]:
    """Name what happens to the session's carts by one recorded event."""
    event, own = history.events[index], found.results[index]
    changes: list[tuple[int, CartChange, RecordedChange]] = []
    order_times: list[datetime] = []
    may_have_changed = False
    assert isinstance(own, RecordedChange | RecordedPurchase)
    for i, (other, result) in enumerate(zip(history.events, found.results, strict=True)):
        if isinstance(result, RecordedChange | RecordedPurchase) and result.credit.session == own.credit.session:
            may_have_changed |= i > index and other.at <= event.at
            if isinstance(other, CartChange) and isinstance(result, RecordedChange):
                changes.append((i, other, result))
            else:
                order_times.append(other.at)
    if isinstance(event, Purchase):
        times = [change.at for _, change, _ in changes]
        if event.at in times:
            yield "order at a cart change's instant"
        if min(times, default=event.at) < event.at < max(times, default=event.at):
            yield "order between cart changes"
        ids = {other.order_id for other in history.events if isinstance(other, Purchase)}
        if event.order_id and event.order_id.swapcase() in ids - {event.order_id}:
            yield "order ids that differ by case"
    if isinstance(event, CartChange) and isinstance(own, RecordedChange):
        yield from _change_features(event, own)
        if may_have_changed and _results_of_first(history, index + 1)[index] != own:
            yield "figures changed afterwards"
        before = [
            (other.at, i, result.after.quantity)
            for i, other, result in changes
            if (other.product_id, other.currency) == (event.product_id, event.currency)
            and (other.at, i) < (event.at, index)
        ]
        at, _, quantity = max(before, default=(event.at, index, Decimal(0)))
        is_growth = event.type in ("ITEM_ADDED", "QUANTITY_INCREASED")
        if is_growth and own.after.quantity < quantity and not any(at <= ordered < event.at for ordered in order_times):
            yield "start afresh"


def _change_features(event: CartChange, result: RecordedChange) -> Iterator[str]:
    sign = "claims" if result.units > 0 else "gives back" if result.units < 0 else "leaves"
    yield from (f"{event.type} {sign}", f"{event.basis} {sign}", f"{event.currency} {sign}")
    if result.units > 0 and result.gmv_minor == 0:
        yield "claim of nothing's worth"
    if result.gmv_minor > 10**12:
        yield "claim of a great amount"
    if result.units < 0 < result.after.units:
        units_before = result.after.units - result.units
        product = (result.after.minor - result.gmv_minor) * -result.units
        if product % units_before:
            yield "give-back of a half" if 2 * product % units_before == 0 else "give-back of a fraction"
    if result.units < 0 < result.after.quantity and result.after.units == 0:
        yield "give-back of all, some left"
