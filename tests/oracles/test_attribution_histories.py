"""What drawn histories reach, and what holds in the oracle of attribution for each of them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings

from tests.support.drawing import drawn
from tests.support.histories import RECEIVED_AT, History, histories
from tests.support.oracle import (
    CartChange,
    Event,
    Interaction,
    Outcome,
    Purchase,
    RecordedChange,
    RecordedPurchase,
    Result,
    replay,
)

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CHANGES = {
    "added": "ITEM_ADDED",
    "increased": "QUANTITY_INCREASED",
    "decreased": "QUANTITY_DECREASED",
    "removed": "ITEM_REMOVED",
}


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
