"""What drawn sequences reach, and what holds in the oracle of trust for each of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings

from tests.support.drawing import drawn
from tests.support.oracle import CartChange
from tests.support.trust_oracle import Outcome, Refund, ShownOrder, Word, replay
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


def _figures(order: ShownOrder) -> tuple[object, ...]:
    return order.currency, order.value_minor, order.credit, order.at, order.lines, order.trust


@settings(deadline=None)
@given(shuffled_sequences())
def test_figures_are_the_same_when_words_arrive_in_another_order(pair: tuple[TrustSequence, TrustSequence]) -> None:
    sequence, shuffled = (drawn.replay().orders for drawn in pair)
    for key, by in settling_confirmations(pair[0]).items():
        expected = (by.currency, by.value_minor, by.credit, by.at, by.lines, "CONFIRMED")
        assert _figures(sequence[key]) == _figures(shuffled[key]) == expected


@settings(deadline=None)
@given(sequences())
def test_amount_stays_when_the_order_is_confirmed_and_a_browser_reports(sequence: TrustSequence) -> None:
    said = sequence.said
    for index, event in enumerate(said):
        if isinstance(event, Word) and not event.is_confirmation:
            after = replay(said[: index + 1]).orders
            for key, order in replay(said[:index]).orders.items():
                assert order.trust == "REPORTED" or _figures(order)[:2] == _figures(after[key])[:2]


@settings(deadline=None)
@given(sequences())
def test_refunds_never_exceed_their_order_when_sequences_are_drawn(sequence: TrustSequence) -> None:
    outcome = sequence.replay()
    for key, order in outcome.orders.items():
        counted = [
            kept.refund
            for (company, order_id, _), kept in outcome.refunds.items()
            if (company, order_id) == key and kept.is_attached
        ]
        assert {refund.currency for refund in counted} <= {order.currency}
        assert sum(refund.value_minor for refund in counted) <= order.value_minor


@settings(deadline=None)
@given(sequences())
def test_sequences_keep_the_contract_when_drawn(sequence: TrustSequence) -> None:
    received = [event.received_at for event in sequence.said]
    assert received == sorted(received)
    for event in sequence.said:
        assert event.at <= RECEIVED_FROM <= event.received_at
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
    *("recorded report", "duplicate report", "no_interaction report"),
    *(f"{answer} named confirmation" for answer in ("recorded", "confirmed", "duplicate", "no_interaction")),
    *(f"{answer} nameless confirmation" for answer in ("confirmed", "duplicate", "pending")),
    *(
        "recorded refund",
        "duplicate refund",
        "unknown_order refund",
        "currency_mismatch refund",
        "exceeds_order refund",
    ),
    *("known event id", "several claims", "conflict", "order without id", "equal orders", "several companies"),
    *("confirmed by figures", "confirmed by visitor", "confirmation of a stranger counts"),
    *("claim of a shared session", "report takes up what waited", "order in a cart's time", "refund attached later"),
}
SELDOM = {
    *("report after what waited is too old", "confirmation takes the place of one too old", "refund too old"),
    *("known event id of another event", "claim shown anew", "confirmation of both kinds"),
    *("order ids that differ by case", "late visit counts", "refund reported again while not attached"),
    *("what waited gives way in conflict", "refund detached", "later claim shown"),
}
EXPECTED = Counter(dict.fromkeys(OFTEN, 20) | dict.fromkeys(SELDOM, 8))


def test_sequences_reach_every_interesting_case_when_drawn() -> None:
    reached: Counter[str] = Counter()
    for sequence in drawn(sequences(), most=1000):
        reached.update(set(_features(sequence)))
        if reached >= EXPECTED:
            break
    assert EXPECTED - reached == Counter()


def test_shuffled_sequences_reach_confirmed_visitors_when_drawn() -> None:
    reached = 0
    for sequence, shuffled in drawn(shuffled_sequences(), most=200):
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
    outcomes = [replay(said[:index]) for index in range(len(said) + 1)]
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
    if order.trust == "CONFIRMED":
        yield "confirmed by visitor" if order.has_confirmed_visitor else "confirmed by figures"
        if not order.has_confirmed_visitor and order.word != order.claims[0]:
            yield "later claim shown"
        if sum(word.is_confirmation for word in order.claims) > 1:
            yield "confirmation of both kinds"
    sessions = {claim.credit.session for claim in order.claims if claim.credit}
    if len({claim.visitor for claim in order.claims}) > len(sessions):
        yield "claim of a shared session"
    changes = [event.at for event in sequence.events if isinstance(event, CartChange)]
    if any(at <= order.at for at in changes) and any(at > order.at for at in changes):
        yield "order in a cart's time"
    if order.credit.interaction == len(VISITS):
        yield "late visit counts"


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
        if answer == "duplicate":
            yield "equal orders"
        return
    key = word.company, word.order_id
    waited = any((event.company, event.order_id) == key and event.visitor is None for event in words)
    if answer == "recorded" and not word.is_confirmation and waited:
        is_taken_up = after.orders[key].trust == "CONFIRMED"
        yield "report takes up what waited" if is_taken_up else "report after what waited is too old"
    if answer == "recorded" and word.is_confirmation and after.orders[key].has_conflict:
        yield "what waited gives way in conflict"
    if answer == "pending" and waited:
        yield "confirmation takes the place of one too old"
    if answer == "confirmed" and word.visitor and not word.credit:
        yield "confirmation of a stranger counts"
    if answer == "duplicate" and key in before.orders and before.orders[key].word != after.orders[key].word:
        yield "claim shown anew"
    for refund_key, kept in before.refunds.items():
        if kept.is_attached != after.refunds[refund_key].is_attached:
            yield "refund detached" if kept.is_attached else "refund attached later"
        elif not kept.is_attached and word.received_at - kept.refund.received_at > KEPT and answer == "recorded":
            yield "refund too old"
