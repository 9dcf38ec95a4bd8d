"""What drawn sequences reach, and what holds in the oracle of trust for each of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings

from tests.support.drawing import drawn
from tests.support.oracle import CartChange
from tests.support.trust_oracle import Outcome, Refund, ShownOrder, Word
from tests.support.trust_sequences import (
    RECEIVED_FROM,
    VISITS,
    TrustSequence,
    sequences,
    settling_confirmations,
    shuffled_sequences,
)

Event = Word | Refund

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEPT = timedelta(hours=72)


@settings(deadline=None)
@given(shuffled_sequences())
def test_figures_are_the_same_when_words_arrive_in_another_order(pair: tuple[TrustSequence, TrustSequence]) -> None:
    orders = [drawn.replay().orders for drawn in pair]
    for key, by in settling_confirmations(pair[0]).items():
        words = [event for event in pair[0].said if isinstance(event, Word) and event.is_confirmation]
        words = [word for word in words if (word.company, word.order_id) == key]
        latest = max(words, key=lambda word: word.version_at)
        is_in_one_currency = len({word.currency for word in words}) == 1
        for order in (shown[key] for shown in orders):
            expected = (*_amount(latest), by.credit, by.at, "VERIFIED")
            assert (*_amount(order), order.credit, order.at, order.trust) == expected
            # What the latest version leaves out is what had been said by then.
            assert not latest.lines or order.lines == latest.lines
            if latest.is_cancelled is not None:
                counts = "COUNTED" if is_in_one_currency else "HELD"
                assert order.standing == ("CANCELLED" if latest.is_cancelled else counts)


@settings(deadline=None)
@given(sequences())
def test_amount_stays_when_the_order_is_confirmed_and_a_browser_reports(sequence: TrustSequence) -> None:
    outcomes = [prefix.replay() for prefix in sequence.prefixes()]
    for before, after, event in zip(outcomes, outcomes[1:], sequence.said, strict=False):
        if isinstance(event, Word) and not event.is_confirmation:
            for key, order in before.orders.items():
                assert order.trust == "REPORTED" or _amount(order) == _amount(after.orders[key])


@settings(deadline=None)
@given(sequences())
def test_order_is_credited_to_a_session_that_claimed_it(sequence: TrustSequence) -> None:
    for order in sequence.replay().orders.values():
        sessions = {claim.credit.session for claim in order.claims if claim.credit}
        assert order.credit.session in sessions
        assert order.standing != "HELD" or order.trust != "VERIFIED" or _has_other_currency(order)


@settings(deadline=None)
@given(sequences())
def test_refunds_never_exceed_their_order_when_sequences_are_drawn(sequence: TrustSequence) -> None:
    outcome = sequence.replay()
    for key, order in outcome.orders.items():
        counted = [
            kept
            for (company, order_id, _), kept in outcome.refunds.items()
            if (company, order_id) == key and kept.is_attached
        ]
        assert {kept.refund.currency for kept in counted if kept.counted_minor} <= {order.currency}
        assert all(kept.counted_minor <= kept.refund.value_minor for kept in counted)
        assert sum(kept.counted_minor for kept in counted) <= order.value_minor


@settings(deadline=None)
@given(sequences())
def test_sequences_keep_the_contract_when_drawn(sequence: TrustSequence) -> None:
    received = [event.received_at for event in sequence.said]
    assert received == sorted(received)
    for event in sequence.said:
        assert event.at <= event.received_at
        assert event.received_at >= RECEIVED_FROM
        if isinstance(event, Refund):
            assert event.value_minor > 0
        else:
            assert event.visitor or (event.is_confirmation and event.order_id)


@settings(deadline=None)
@given(shuffled_sequences())
def test_shuffled_sequences_are_the_same_events_when_drawn(pair: tuple[TrustSequence, TrustSequence]) -> None:
    drawn, shuffled = (
        [replace(event, received_at=NOON) if isinstance(event, Event) else event for event in sequence.events]
        for sequence in pair
    )
    assert Counter(drawn) == Counter(shuffled)
    assert [event.received_at for event in pair[0].said] == [event.received_at for event in pair[1].said]
    words = {event for event in drawn if isinstance(event, Word)}
    assert len(words) == len({word.event_id for word in words})


# What sequences reach

OFTEN = {
    *(f"{answer} report" for answer in ("recorded", "held", "duplicate", "no_interaction")),
    *(
        f"{answer} named confirmation"
        for answer in ("recorded", "confirmed", "corrected", "duplicate", "no_interaction")
    ),
    *(
        f"{answer} nameless confirmation"
        for answer in ("confirmed", "corrected", "duplicate", "pending", "no_interaction")
    ),
    *(
        "recorded refund",
        "duplicate refund",
        "unknown_order refund",
        "currency_mismatch refund",
        "exceeds_order refund",
    ),
    *("known event id", "several claims", "conflict", "order without id", "equal orders", "several companies"),
    *("confirmed", "verified", "held above the ceiling", "held as no claim fits", "not ours"),
    *("claim of a shared session", "report takes up what waited", "order in a cart's time", "refund attached later"),
    *("denied before a claim", "denied after a claim", "denial renewed"),
    *("cancelled", "several versions", "held in another currency", "late version", "excess of refunds"),
}
SELDOM = {
    *("report after what waited is too old", "confirmation takes the place of one too old", "refund too old"),
    *("claim shown anew", "later claim shown", "0 gives way", "excess ends"),
    *("order ids that differ by case", "late visit counts", "refund reported again while not attached"),
    *("cancelled before a claim", "what is left after refunds", "earlier version repeated"),
    *("near claim", "released by a claim", "released by the server"),
    "denial replaced",
}
RARE = {
    *("claim moves a confirmed order", "exact claim takes over from a near one"),
    *("denial lifted by a visit", "order without id confirmed", "reinstated", "claim of a visitor without credit"),
    *("known event id of another event", "claim that agrees with an earlier version"),
}
EXPECTED = Counter(dict.fromkeys(OFTEN, 20) | dict.fromkeys(SELDOM, 8) | dict.fromkeys(RARE, 3))


def test_sequences_reach_every_interesting_case_when_drawn() -> None:
    reached: Counter[str] = Counter()
    for sequence in drawn(sequences(), most=4000):
        reached.update(set(_features(sequence)))
        if reached >= EXPECTED:
            break
    assert EXPECTED - reached == Counter()


def test_shuffled_sequences_reach_confirmed_visitors_when_drawn() -> None:
    reached = 0
    for sequence, shuffled in drawn(shuffled_sequences(), most=400):
        orders = sequence.replay().orders
        reached += sequence.said != shuffled.said and any(
            len(orders[key].claims) > 1 for key in settling_confirmations(sequence)
        )
        if reached == 20:
            break
    assert reached == 20


def _features(sequence: TrustSequence) -> Iterator[str]:
    """Name the interesting things that happen in a sequence."""
    said = sequence.said
    outcomes = [prefix.replay() for prefix in sequence.prefixes()]
    if len({event.company for event in said}) > 1:
        yield "several companies"
    if len(outcomes[-1].unnamed) > 0:
        yield "order without id"
    if {"A1", "a1"} <= {order_id for _, order_id in outcomes[-1].orders}:
        yield "order ids that differ by case"
    for order in outcomes[-1].orders.values():
        yield from _order_features(sequence, order)
    for index, (event, answer) in enumerate(zip(said, outcomes[-1].answers, strict=True)):
        before, after = outcomes[index], outcomes[index + 1]
        if isinstance(event, Word):
            kind = "named confirmation" if event.is_confirmation else "report"
            yield f"{answer} {kind if event.visitor else 'nameless confirmation'}"
            yield from _word_features(event, answer, said[:index], before, after)
        else:
            yield f"{answer} refund"
            is_known = (event.company, event.order_id, event.refund_id) in before.refunds
            if is_known and answer in ("recorded", "unknown_order"):
                yield "refund reported again while not attached"


def _order_features(sequence: TrustSequence, order: ShownOrder) -> Iterator[str]:
    if len(order.claims) > 1:
        yield "several claims"
    if order.has_conflict:
        yield "conflict"
    if order.trust != "REPORTED":
        yield order.trust.lower()
    if order.standing == "HELD":
        if order.trust == "REPORTED":
            yield "held above the ceiling"
        else:
            yield "held in another currency" if _has_other_currency(order) else "held as no claim fits"
    if order.standing == "CANCELLED":
        yield "cancelled"
    if len(order.versions) > 1:
        yield "several versions"
    if order.standing == "NOT_OURS":
        yield "not ours"
    if order.trust == "CONFIRMED" and order.standing == "COUNTED":
        if order.word != order.claims[0]:
            yield "later claim shown"
        if _amount(order.word) in order.versions:
            yield "claim that agrees with an earlier version"
        elif _amount(order) != _amount(order.word):
            yield "near claim"
    sessions = {claim.credit.session for claim in order.claims if claim.credit}
    if any(event.credit and event.credit.session in sessions for event in _silent_words(sequence, order)):
        yield "claim of a shared session"
    changes = [event.at for event in sequence.events if isinstance(event, CartChange)]
    if any(at <= order.at for at in changes) and any(at > order.at for at in changes):
        yield "order in a cart's time"
    if order.credit.interaction == len(VISITS):
        yield "late visit counts"


def _has_other_currency(order: ShownOrder) -> bool:
    return any(currency != order.currency for currency, _ in order.versions)


def _silent_words(sequence: TrustSequence, order: ShownOrder) -> list[Word]:
    """List the words on an order that are of no claim of their own, by visitors of none of its claims."""
    claimants = {claim.visitor for claim in order.claims}
    words = [event for event in sequence.said if isinstance(event, Word) and event.visitor not in claimants]
    return [word for word in words if (word.company, word.order_id) == (order.word.company, order.word.order_id)]


def _amount(shown: ShownOrder | Word) -> tuple[str, int]:
    return shown.currency, shown.value_minor


def _word_features(
    word: Word, answer: str, earlier: tuple[Event, ...], before: Outcome, after: Outcome
) -> Iterator[str]:
    words = [event for event in earlier if isinstance(event, Word)]
    same_id = [event for event in words if event.event_id == word.event_id]
    if same_id and answer == "duplicate":
        yield "known event id"
        if all(event.order_id != word.order_id for event in same_id):
            yield "known event id of another event"
    if word.order_id is None:
        if answer in ("duplicate", "confirmed"):
            yield "equal orders" if answer == "duplicate" else "order without id confirmed"
        return
    key = word.company, word.order_id
    waited = any((event.company, event.order_id) == key and event.visitor is None for event in words)
    if answer == "recorded" and not word.is_confirmation and waited:
        is_taken_up = after.orders[key].trust == "CONFIRMED"
        yield "report takes up what waited" if is_taken_up else "report after what waited is too old"
    if answer == "recorded" and not word.is_confirmation and after.orders[key].standing == "CANCELLED":
        yield "cancelled before a claim"
    if answer == "pending" and waited and key not in before.waiting:
        yield "confirmation takes the place of one too old"
    if answer == "confirmed" and word.visitor and not word.credit:
        yield "claim of a visitor without credit"
    yield from _denial_features(word, key, before, after)
    if key in before.orders:
        yield from _change_features(word, before.orders[key], after.orders[key])
        yield from _version_features(word, answer, before, after)
    for refund_key, kept in before.refunds.items():
        shown = after.refunds[refund_key]
        if kept.counted_minor != shown.counted_minor and kept.is_attached:
            yield "excess of refunds" if shown.counted_minor < kept.counted_minor else "excess ends"
        elif kept.is_attached != shown.is_attached:
            yield "refund attached later"
        elif not kept.is_attached and word.received_at - kept.refund.received_at > KEPT and answer == "recorded":
            yield "refund too old"


def _version_features(word: Word, answer: str, before: Outcome, after: Outcome) -> Iterator[str]:
    """Name what the shop's server does to an order that it confirmed."""
    key = word.company, word.order_id or ""
    was, shown = before.orders[key], after.orders[key]
    if was.trust == "REPORTED" or not word.is_confirmation:
        return
    if was.standing == "CANCELLED" and shown.standing == "COUNTED":
        yield "reinstated"
    if answer == "duplicate":
        refunded = sum(kept.counted_minor for refund, kept in before.refunds.items() if refund[:2] == key)
        if len(shown.versions) > len(was.versions):
            yield "late version"
        elif _amount(word) == _amount(was):
            return
        elif _amount(word) in was.versions:
            yield "earlier version repeated"
        elif _amount(word) == (was.currency, was.value_minor - refunded):
            yield "what is left after refunds"


def _denial_features(word: Word, key: tuple[str, str], before: Outcome, after: Outcome) -> Iterator[str]:
    was, is_ = (outcome.waiting.get(key) for outcome in (before, after))
    if is_ is None or is_[0].visitor is None:
        if was and was[0].visitor and key in after.orders and after.orders[key].credit.interaction == len(VISITS):
            yield "denial lifted by a visit"
        return
    if was != is_ and is_[0] == word:
        yield "denied after a claim" if key in before.orders else "denied before a claim"
    if was and was[0].visitor and was != is_:
        yield "denial renewed" if was[0] == is_[0] else "denial replaced"


def _change_features(word: Word, was: ShownOrder, shown: ShownOrder) -> Iterator[str]:
    if was.word != shown.word:
        yield "claim shown anew"
        if shown.trust == was.trust == "CONFIRMED" and shown.standing == was.standing == "COUNTED":
            yield "claim moves a confirmed order"
            if _amount(was.word) != _amount(was):
                yield "exact claim takes over from a near one"
    if was.standing == "HELD" and shown.standing == "COUNTED":
        yield "released by the server" if word.is_confirmation else "released by a claim"
    if any(old.value_minor == 0 != new.value_minor for old, new in zip(was.claims, shown.claims, strict=False)):
        yield "0 gives way"
