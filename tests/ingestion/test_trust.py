"""Which claim an order shows, on a real database: against the oracle, and what must hold for any events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from alhena_tracking.models import (
    CartEvent,
    Interaction,
    Order,
    OrderClaim,
    PendingConfirmation,
    Refund,
    Trust,
    VisitorSession,
)
from tests.support import oracle, trust_oracle
from tests.support.runs import examples
from tests.support.trust_oracle import KEPT, Line, ShownOrder, Word
from tests.support.trust_sequences import (
    MODEL,
    WINDOW,
    Event,
    TrustSequence,
    batched_sequences,
    sequences,
    settling_confirmations,
    shuffled_sequences,
)
from tests.support.trust_shops import Shops

Key = tuple[str, str]


def property_test(full: int) -> settings:
    return settings(
        max_examples=examples(8, full=full, databases=["sqlite"]),  # the oracle knows no database
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# What rows say, and what the oracle says, in the same form


@dataclass(frozen=True, slots=True)
class Numbers:
    """The oracle's numbers of sessions and interactions, which are those of their arrival."""

    session: dict[int, int]
    interaction: dict[int, int]

    @classmethod
    def read(cls) -> Numbers:
        return cls(
            *(
                {pk: number for number, pk in enumerate(model.objects.order_by("id").values_list("pk", flat=True))}
                for model in (VisitorSession, Interaction)
            )
        )

    def credit(self, row: Order | OrderClaim | CartEvent) -> oracle.Credit:
        assert (row.attribution_window, row.attribution_model) == (WINDOW, MODEL)
        return oracle.Credit(
            session=self.session[row.session_id],
            interaction=self.interaction[row.credited_interaction_id],
            channel=row.channel,
            ai_profile=row.ai_profile,
        )


def _check_orders(orders: dict[Key, ShownOrder], unnamed: tuple[ShownOrder, ...]) -> None:
    numbers = Numbers.read()
    rows = list(Order.objects.select_related("company").order_by("id"))
    named = {(row.company.key, row.order_id): row for row in rows if row.order_id}
    assert {key: _row_of_order(row, numbers) for key, row in named.items()} == {
        key: _order_of_oracle(order) for key, order in orders.items()
    }
    without_id = [_row_of_order(row, numbers) for row in rows if not row.order_id]
    assert without_id == [_order_of_oracle(order) for order in unnamed]


def _row_of_order(row: Order, numbers: Numbers) -> dict[str, Any]:
    zone = row.company.zone
    assert row.occurred_on == row.occurred_at.astimezone(zone).date()
    return {
        "credit": numbers.credit(row),
        "trust": row.trust,
        "standing": row.standing,
        "has_conflict": row.has_conflict,
        "amount": (row.currency, row.value_minor),
        "occurred_at": row.occurred_at,
        "versions": tuple(row.versions.order_by("id").values_list("currency", "value_minor")),
        "lines": tuple(Line(line.product_id, line.quantity, line.total_minor) for line in row.lines.order_by("id")),
        "claims": [
            (claim.event_id, numbers.credit(claim), claim.trust, claim.currency, claim.value_minor, claim.occurred_at)
            for claim in row.claims.order_by("id")
        ],
    }


def _order_of_oracle(order: ShownOrder) -> dict[str, Any]:
    return {
        "credit": order.credit,
        "trust": order.trust,
        "standing": order.standing,
        "has_conflict": order.has_conflict,
        "amount": (order.currency, order.value_minor),
        "occurred_at": order.at,
        "versions": order.versions,
        "lines": order.lines,
        "claims": [
            (
                claim.event_id,
                claim.credit,
                "CONFIRMED" if claim.is_confirmation else "REPORTED",
                claim.currency,
                claim.value_minor,
                claim.at,
            )
            for claim in order.claims
        ],
    }


def _check_waiting(waiting: dict[Key, tuple[Word, datetime]], moment: datetime) -> None:
    """Confirmations that are too old wait no longer, whether or not they were pruned."""
    rows = PendingConfirmation.objects.select_related("company").filter(received_at__gte=moment - KEPT)
    assert {
        (row.company.key, row.order_id): (row.event_id, row.currency, row.value_minor, row.occurred_at, row.received_at)
        for row in rows
    } == {
        key: (word.event_id, word.currency, word.value_minor, word.at, since) for key, (word, since) in waiting.items()
    }


def _check_refunds(outcome: trust_oracle.Outcome) -> None:
    assert {
        (row.company.key, row.order_id, row.refund_id): (
            row.currency,
            row.value_minor,
            row.counted_minor,
            row.occurred_at,
            row.refunded_order.order_id if row.refunded_order else None,
        )
        for row in Refund.objects.select_related("company", "refunded_order")
    } == {
        key: (
            kept.refund.currency,
            kept.refund.value_minor,
            kept.counted_minor,
            kept.refund.at,
            kept.refund.order_id if kept.is_attached else None,
        )
        for key, kept in outcome.refunds.items()
    }


def _check_carts(sequence: TrustSequence, orders: list[ShownOrder], cart_changes: list[UUID]) -> None:
    """Orders empty the carts of the sessions that they are shown with, as these first reported them."""
    arrived: list[Any] = list(sequence.events)
    for order in orders:
        own = [claim for claim in order.claims if claim.credit and claim.credit.session == order.credit.session]
        word = own[0] if own else order.word
        if order.standing == "COUNTED":
            assert word.visitor
            lines = tuple((line.product_id, line.quantity) for line in word.lines)
            key = str(len(arrived))
            amount = word.currency, word.value_minor
            purchase = oracle.Purchase(word.company, *word.visitor, key, *amount, word.at, lines)
            # A denial that an interaction lifted becomes an order then.
            lifted = (index for index, event in enumerate(arrived) if isinstance(event, oracle.Interaction))
            arrived.insert(arrived.index(word) if word in arrived else max(lifted) + 1, purchase)
    kinds = oracle.Interaction | oracle.CartChange | oracle.Purchase
    events = [event for event in arrived if isinstance(event, kinds)]
    results = oracle.replay(events, window=WINDOW, model=MODEL).results
    changes = [result for result, event in zip(results, events, strict=True) if isinstance(event, oracle.CartChange)]
    rows = {row.event_id: row for row in CartEvent.objects.all()}
    assert [_figures_of_change(rows.get(event_id)) for event_id in cart_changes] == [
        (result.units, result.gmv_minor, result.after) if isinstance(result, oracle.RecordedChange) else None
        for result in changes
    ]


def _figures_of_change(row: CartEvent | None) -> tuple[Decimal, int, oracle.CartState] | None:
    if row is None:
        return None
    return row.units, row.gmv_minor, oracle.CartState(row.cart_quantity, row.claimed_units, row.claimed_minor)


# Against the oracle


@pytest.mark.django_db
@property_test(10_000)
@given(sequence=sequences())
def test_answers_and_rows_when_orders_are_spoken_of_agree_with_the_oracle(sequence: TrustSequence) -> None:
    with transaction.atomic():
        shops = Shops()
        answers = [shops.send(event) for event in sequence.events]
        _check_answers_and_rows(sequence, answers, shops)
        transaction.set_rollback(True)


@pytest.mark.django_db
@property_test(2_000)
@given(batches=batched_sequences())
def test_results_when_orders_come_in_batches_match_the_oracle(batches: Sequence[Sequence[Event]]) -> None:
    with transaction.atomic():
        shops = Shops()
        answers: list[str] = []
        for batch in batches:
            together = [event for event in batch if not isinstance(event, trust_oracle.Refund)]
            answers += shops.send_together(together) if together else [shops.send(event) for event in batch]
        _check_answers_and_rows(TrustSequence(tuple(chain.from_iterable(batches))), answers, shops)
        transaction.set_rollback(True)


def _check_answers_and_rows(sequence: TrustSequence, answers: Sequence[str], shops: Shops) -> None:
    outcome = sequence.replay()
    answered = zip(sequence.events, answers, strict=True)
    assert [answer for event, answer in answered if isinstance(event, Word | trust_oracle.Refund)] == list(
        outcome.answers
    )
    _check_orders(outcome.orders, outcome.unnamed)
    _check_refunds(outcome)
    _check_carts(sequence, [*outcome.orders.values(), *outcome.unnamed], shops.cart_changes)
    if sequence.said:
        _check_waiting(outcome.waiting, sequence.said[-1].received_at)


# Promises


@pytest.mark.django_db
@property_test(2_000)
@given(pair=shuffled_sequences())
def test_order_when_its_visitor_is_confirmed_ignores_arrival_order(
    pair: tuple[TrustSequence, TrustSequence],
) -> None:
    sequence, shuffled = pair
    settling = settling_confirmations(sequence)
    figures, figures_of_shuffled = _final_figures(sequence), _final_figures(shuffled)
    for key, word in settling.items():
        latest = max(_versions_of(sequence, key), key=lambda word: word.version_at)
        lines = {each[key].pop("lines") for each in (figures, figures_of_shuffled)}
        assert lines == {latest.lines} or not latest.lines  # then those that were known by then are kept
        assert figures[key] == figures_of_shuffled[key]
        assert figures[key]["credit"].session == _session(word)
        assert figures[key]["amount"] == (latest.currency, latest.value_minor)


def _versions_of(sequence: TrustSequence, key: Key) -> list[Word]:
    words = [event for event in sequence.said if isinstance(event, Word) and event.is_confirmation]
    return [word for word in words if (word.company, word.order_id) == key]


def _session(word: Word) -> int:
    assert word.credit
    return word.credit.session


def _final_figures(sequence: TrustSequence) -> dict[Key, dict[str, Any]]:
    """What each order shows of what its visitor's confirmation says."""
    with transaction.atomic():
        shops = Shops()
        for event in sequence.events:
            shops.send(event)
        numbers = Numbers.read()
        rows = {
            (row.company.key, row.order_id): _row_of_order(row, numbers)
            for row in Order.objects.select_related("company")
        }
        transaction.set_rollback(True)
    names = ("credit", "trust", "amount", "occurred_at", "lines")
    return {key: {name: row[name] for name in names} for key, row in rows.items()}


@pytest.mark.django_db
@property_test(2_000)
@given(sequence=sequences())
def test_confirmed_amount_when_a_browser_speaks_stays(sequence: TrustSequence) -> None:
    with transaction.atomic():
        shops = Shops()
        for event in sequence.events:
            before = _confirmed_amounts()
            shops.send(event)
            if isinstance(event, Word) and not event.is_confirmation:
                assert before.items() <= _confirmed_amounts().items()
        transaction.set_rollback(True)


def _confirmed_amounts() -> dict[int, tuple[str, int]]:
    rows = Order.objects.filter(trust__in=Trust.by_server()).values_list("pk", "currency", "value_minor")
    return {pk: (currency, value_minor) for pk, currency, value_minor in rows}
