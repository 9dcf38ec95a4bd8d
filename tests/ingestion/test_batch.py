"""Events that are recorded together leave the rows and the answers that they leave one by one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.ingestion import CartEventData, EventData, OrderData, Outcome, RefundData, record
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    Order,
    OrderClaim,
    OrderConversation,
    OrderLine,
    OrderTouch,
    PendingConfirmation,
    Refund,
    Trust,
    VisitorSession,
)
from tests.support.event_data import NOW, VISITOR, cart_event, chat, data_of, order
from tests.support.factories import InteractionFactory, VisitorSessionFactory
from tests.support.histories import ORDER_IDS, RECEIVED_AT, History, histories
from tests.support.oracle import CartChange, Event
from tests.support.runs import examples

pytestmark = pytest.mark.django_db


@settings(
    max_examples=examples(8, full=2000, databases=["sqlite"]),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(), repeated=st.sets(st.integers(0, 24), max_size=3))
def test_rows_when_events_come_together_are_those_of_one_by_one(history: History, repeated: set[int]) -> None:
    batches = list(_batches(history, repeated))
    one_by_one = _outcome(history, [(basis, company, [data]) for basis, company, batch in batches for data in batch])
    assert _outcome(history, batches) == one_by_one


_REFUNDS = st.builds(
    RefundData,
    order_id=st.sampled_from([order_id for order_id in ORDER_IDS if order_id]),
    refund_id=st.sampled_from("RrS"),
    currency=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    value_minor=st.sampled_from([1, 300, 2000]),
    occurred_at=st.sampled_from([RECEIVED_AT, RECEIVED_AT - timedelta(days=2)]),
    received_at=st.just(RECEIVED_AT),
)


@settings(
    max_examples=examples(8, full=2000, databases=["sqlite"]),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories(),
    repeated=st.sets(st.integers(0, 24), max_size=3),
    confirmed=st.sets(st.integers(0, 24)),
    anonymous=st.sets(st.integers(0, 24)),
    size=st.integers(2, 30),
    refunds=st.dictionaries(st.integers(0, 24), st.lists(_REFUNDS, max_size=3), max_size=6),
)
def test_rows_when_batches_mix_visitors_are_those_of_one_by_one(
    history: History,
    repeated: set[int],
    confirmed: set[int],
    anonymous: set[int],
    size: int,
    refunds: dict[int, list[RefundData]],
) -> None:
    batches = list(_mixed_batches(history, repeated, confirmed, anonymous, size, refunds))
    one_by_one = _outcome(history, [(basis, company, [data]) for basis, company, batch in batches for data in batch])
    assert _outcome(history, batches) == one_by_one


Batch = tuple[str, str, list[EventData]]


def _batches(history: History, repeated: set[int]) -> Iterator[Batch]:
    """The history in batches: each visitor's events that follow each other. Some of them are sent twice."""
    events = [
        (event, data_of(event, uuid.UUID(int=number + 1)))
        for number, event in enumerate(history.events)
        for _ in range(2 if number in repeated else 1)
    ]

    def batch_of(item: tuple[Event, EventData]) -> tuple[Any, ...]:
        event, data = item
        return event.company, data.visitor, _basis_of(event)

    for (company, _, basis), batch in groupby(events, batch_of):
        yield basis, company, [data for _, data in batch]


def _mixed_batches(
    history: History,
    repeated: set[int],
    confirmed: set[int],
    anonymous: set[int],
    size: int,
    refunds: dict[int, list[RefundData]],
) -> Iterator[Batch]:
    """The history in batches of any visitors. Some events are sent twice, the shop's server confirms some, and of these
    some orders with an id name nobody. Refunds follow some of them.
    """
    batches: dict[tuple[str, str], list[EventData]] = {}
    for number, event in enumerate(history.events):
        data = data_of(event, uuid.UUID(int=number + 1))
        if number in confirmed:
            is_of_nobody = number in anonymous and isinstance(data, OrderData) and data.order_id
            data = replace(data, trust=Trust.CONFIRMED, visitor=None if is_of_nobody else data.visitor)
        # Batches of several companies and settings are filled at the same time.
        key = _basis_of(event), event.company
        batch = batches.setdefault(key, [])
        batch += [data] * (2 if number in repeated else 1)
        batch += refunds.get(number, [])
        if len(batch) >= size:
            yield *key, batches.pop(key)
    for key, batch in batches.items():
        yield *key, batch


def _basis_of(event: Event) -> str:
    return event.basis if isinstance(event, CartChange) else "unit"


def _outcome(history: History, batches: Sequence[Batch]) -> tuple[Any, ...]:
    with transaction.atomic():
        companies = {
            key: Company.objects.get_or_create(key=key.lower(), defaults={"name": key})[0]
            for key in {event.company for event in history.events}
        }
        rules = {
            "ATTRIBUTION_WINDOW": history.window,
            "ATTRIBUTION_MODEL": history.model,
            "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting",
        }
        outcomes: list[Outcome] = []
        for basis, company, events in batches:
            with override_settings(ALHENA_TRACKING={**rules, "CART_EVENT_VALUE": basis}):
                outcomes += record(companies[company], events)
        rows = _rows()
        transaction.set_rollback(True)
    return outcomes, rows


_OF_ORDERS = (Order, OrderClaim, OrderLine, OrderTouch, OrderConversation)
_MODELS = (VisitorSession, Interaction, CartEvent, *_OF_ORDERS, PendingConfirmation, Refund)
#: A session's version grows once with each batch. What late events of a batch make of others is counted as claimed once
#: all are placed.
_INCOMPARABLE = {"id", "company_id", "order_id", "version", "arrival", "carts_claimed"}


def _rows() -> list[Any]:
    """All rows, without the ids that differ from one run to the next; in the order of those ids."""
    sessions = {
        pk: number for number, pk in enumerate(VisitorSession.objects.order_by("id").values_list("id", flat=True))
    }
    events = dict(Interaction.objects.values_list("id", "event_id"))
    orders = dict(Order.objects.values_list("id", "event_id"))
    rows: list[Any] = []
    for model in _MODELS:
        for values in model._default_manager.order_by("id").values():
            row: dict[str, Any] = {**values}
            row["session_id"] = sessions.get(row.get("session_id", 0))
            row["recommendations"] = [(sessions[pk], *others) for pk, *others in row.get("recommendations") or ()]
            row["credited_interaction_id"] = events.get(row.get("credited_interaction_id", 0))
            row["refunded_order_id"] = orders.get(row.get("refunded_order_id", 0))
            row["content"] = str(orders[row["id" if model is Order else "order_id"]]) if model in _OF_ORDERS else ""
            if model is Refund:
                row["content"] = str(row["order_id_digest"])
            rows.append({name: value for name, value in row.items() if name not in _INCOMPARABLE})
    # Which of two orders of one transaction, or of their claims and refunds, has the smaller id means nothing.
    return sorted(rows, key=lambda row: row["content"])


def test_cart_events_when_there_are_fifty_take_as_many_queries_as_a_few(company: Company) -> None:
    record(company, [chat()])
    batch = [cart_event(product_id=f"SKU-{number % 12}", occurred_at=NOW) for number in range(50)]
    few, many = _queries(company, [cart_event()]), _queries(company, batch)
    assert (few, many) == (2, 2) if connection.vendor == "postgresql" else many <= few + 1 <= 14  # rows at once


def test_events_when_there_are_many_take_as_few_queries_as_two(company: Company) -> None:
    def batch(size: int) -> list[EventData]:
        return [
            event
            for number in range(size)
            for event in (
                chat(),
                cart_event(product_id=f"{size}-{number}"),
                order(order_id="", value_minor=1000 * size + number),
            )
        ]

    record(company, [chat(), *batch(1)])
    few, many = _queries(company, batch(2)), _queries(company, batch(30))
    assert many <= few + 6  # SQLite takes some rows at once


def test_event_when_it_is_at_fault_does_not_harm_the_others(company: Company) -> None:
    record(company, [chat()])
    good, bad = cart_event(), cart_event(source="x" * 300)  # more than its column holds
    if connection.vendor == "sqlite":
        bad = cart_event(value_minor=-1)  # SQLite checks no lengths
    outcomes = record(company, [good, bad, cart_event(product_id="SKU-2")])
    assert [outcome.status for outcome in outcomes] == ["recorded", "invalid", "recorded"]
    assert CartEvent.objects.count() == 2


def test_event_when_credited_within_its_batch_names_the_interaction(company: Company) -> None:
    outcomes = record(company, [cart_event(), chat(), cart_event()])
    assert [outcome.status for outcome in outcomes] == ["ignored", "recorded", "recorded"]
    assert CartEvent.objects.get().credited_interaction == Interaction.objects.get()


def _queries(company: Company, events: Sequence[EventData]) -> int:
    with CaptureQueriesContext(connection) as queries:
        outcomes = record(company, events)
    assert {outcome.status for outcome in outcomes} == {"recorded"}
    assert any(isinstance(event, CartEventData) for event in events)
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


def test_carts_when_their_session_is_amid_many_interactions_are_read(company: Company) -> None:
    """The session is at an end of the first event's range, and in the middle of both events' range together."""
    users, faqs = VISITOR.digests(company)
    crowd = VisitorSessionFactory.create(company=company, started_at=NOW - timedelta(hours=20))
    started_first = VisitorSessionFactory.create(company=company, started_at=NOW - timedelta(hours=22))
    minutes = [*(-600 + number for number in range(20)), *(-100 + number for number in range(20))]
    for session, moments in ((crowd, minutes), (started_first, [-300])):
        for moment in moments:
            InteractionFactory.create(
                session=session,
                user_fingerprint_digest=users[0],
                faq_fingerprint_digest=faqs[0],
                occurred_at=NOW + timedelta(minutes=moment),
            )
    first, second = NOW - timedelta(minutes=200), NOW
    record(company, [cart_event(occurred_at=first - timedelta(minutes=1), quantity=Decimal(2))])
    record(
        company,
        [cart_event(occurred_at=first, quantity=Decimal(3)), cart_event(occurred_at=second, quantity=Decimal(5))],
    )
    rows = CartEvent.objects.order_by("occurred_at").values_list("session_id", "units")
    assert list(rows)[:2] == [(started_first.pk, Decimal(2)), (started_first.pk, Decimal(1))]
