"""Processes that get in each other's way: one id from all sides, deadlocks, failed serializations (F11, F12)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from alhena_tracking.ingestion.order_rows import contents_digest
from alhena_tracking.models import CartEvent, Interaction, Order, VisitorSession
from tests.support import event_data
from tests.support.factories import CartEventFactory, InteractionFactory, OrderFactory
from tests.support.faults.books import check_books
from tests.support.faults.database import trigger, wait_for_waiting
from tests.support.faults.delivery import Answer, deliver, post
from tests.support.faults.events import Event, Message, batch, cart_event, interaction, new_visitor, order
from tests.support.faults.load import Load
from tests.support.faults.server import Server
from tests.support.runs import examples

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="the trigger is PostgreSQL's")
AT_ONCE = 64
RETRIES = 3


# One event, from all sides


def _post_at_once(server: Server, messages: list[Message], at_once: int) -> list[Answer]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda message: post(server, message), messages))


@pytest.mark.parametrize(
    "report",
    [
        lambda visitor: [interaction(visitor)],
        lambda visitor: [cart_event(visitor)],
        lambda visitor: [order(visitor)],
        lambda visitor: [order(visitor, order_id="1001")],
        lambda visitor: [interaction(visitor), cart_event(visitor), order(visitor)],
    ],
    ids=["interaction", "cart event", "order without id", "order", "batch"],
)
@pytest.mark.parametrize("threads", [1, 8])
def test_one_event_when_posted_at_once_is_recorded_once(
    start_server: Callable[..., Server], threads: int, report: Callable[[str], list[Event]]
) -> None:
    server, chat = start_server(threads=threads), interaction(new_visitor())
    assert deliver(server, chat.message())[-1].words == ["recorded"]
    events = report(chat.visitor)
    message = batch(events) if len(events) > 1 else events[0].message()
    answers = _post_at_once(server, [message] * AT_ONCE, AT_ONCE)
    assert {answer.status for answer in answers} <= {200, 201}
    words = Counter(word for answer in answers for word in answer.words)
    assert words == {"recorded": len(events), "duplicate": (AT_ONCE - 1) * len(events)}
    check_books([chat, *events])


def test_events_when_a_storm_of_retries_brings_them_are_recorded_once(server: Server, chat: Event) -> None:
    events = [chat] + [
        order(chat.visitor, value=number, order_id=str(uuid.uuid4()) if number % 2 else None)
        if number % 5 == 0
        else cart_event(chat.visitor, quantity=number)
        for number in range(1, 50)
    ]
    messages = [event.message() for event in events] * (examples(500, full=10_000) // len(events))
    Random(1).shuffle(messages)
    answers = _post_at_once(server, messages, 16)
    assert {answer.status for answer in answers} <= {200, 201}
    words = Counter(answer.words[0] for answer in answers)
    assert words == {"recorded": len(events) - 1, "duplicate": len(messages) - len(events) + 1}
    check_books(events)


@pytest.mark.parametrize("row", [CartEventFactory, InteractionFactory, OrderFactory])
@pytest.mark.parametrize("is_batched", [False, True])
def test_event_when_its_id_is_being_recorded_is_a_duplicate(
    server: Server, chat: Event, row: type[CartEventFactory | InteractionFactory | OrderFactory], is_batched: bool
) -> None:
    """The visitors have no lock in common: only the database knows."""
    reports: dict[Any, Callable[..., Event]] = {
        CartEventFactory: cart_event,
        InteractionFactory: interaction,
        OrderFactory: partial(order, lines=0),
    }
    event, others = reports[row](chat.visitor), [cart_event(chat.visitor), cart_event(chat.visitor, quantity=2)]
    message = batch([others[0], event, others[1]]) if is_batched else event.message()
    stranger = interaction(new_visitor())
    assert deliver(server, stranger.message())[-1].words == ["recorded"]
    credited = Interaction.objects.get(event_id=stranger.event_id)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            fields = {"company": credited.company, "session": credited.session, "event_id": event.event_id}
            if row is not InteractionFactory:
                fields |= {"channel": credited.kind, "credited_interaction": credited}
            if row is OrderFactory:
                equal = event_data.order(order_id="", value_minor=10_000)
                fields |= {"order_id": "", "contents_digest": contents_digest(equal)}
            row(**fields)
            posted = pool.submit(post, server, message)
            wait_for_waiting()
        assert posted.result().words == (["recorded", "duplicate", "recorded"] if is_batched else ["duplicate"])
    stored = [str(pk) for table in (Interaction, CartEvent, Order) for (pk,) in table.objects.values_list("event_id")]
    assert Counter(stored) == Counter(e.event_id for e in [chat, stranger, event, *(others if is_batched else [])])


# Transactions that the database gives up


@pytest.mark.parametrize("round_", range(examples(2, full=20)))
def test_event_when_it_is_the_victim_of_a_deadlock_is_recorded(server: Server, chat: Event, round_: int) -> None:
    event, other = cart_event(chat.visitor), interaction(new_visitor())
    assert deliver(server, other.message())[-1].words == ["recorded"]
    others = Interaction.objects.get(event_id=other.event_id)
    competitors = CartEventFactory.build_batch(
        100, company=others.company, session=others.session, channel=others.kind, credited_interaction=others
    )
    competitors[0].event_id = event.event_id
    with ThreadPoolExecutor(1) as pool, transaction.atomic(), connection.cursor() as cursor:
        # This transaction holds what the event waits for, and then waits for what the event holds. MariaDB gives the
        # one up that did less, PostgreSQL the one that notices first.
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL deadlock_timeout = '20s'")
        CartEvent.objects.bulk_create(competitors)
        posted = pool.submit(post, server, event.message())
        wait_for_waiting()
        VisitorSession.objects.lock(Interaction.objects.get(event_id=chat.event_id).session_id)
        transaction.set_rollback(True)
    assert posted.result().words == ["recorded"]
    check_books([chat, other, event])


def test_event_when_its_transaction_cannot_be_serialized_is_recorded(
    server: Server, chat: Event, start_server: Callable[..., Server]
) -> None:
    event = order(chat.visitor, order_id="1001")
    strict = start_server(FAULTS_ISOLATION="repeatable read")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # The order's transaction has looked around before it waits for this one, and may not see what it changes.
            VisitorSession.objects.lock(Interaction.objects.get().session_id)
            posted = pool.submit(post, strict, event.message())
            wait_for_waiting()
        assert posted.result().words == ["recorded"]
    check_books([chat, event])


@needs_postgresql
@pytest.mark.parametrize("error", ["deadlock_detected", "serialization_failure"])
def test_event_when_its_transaction_always_fails_is_rejected(server: Server, chat: Event, error: str) -> None:
    event = cart_event(chat.visitor)
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE fault_attempts")  # counts on when a transaction does not
        try:
            with trigger(f"PERFORM nextval('fault_attempts'); RAISE EXCEPTION USING ERRCODE = '{error}'", CartEvent):
                assert post(server, event.message()).is_unavailable
            cursor.execute("SELECT last_value FROM fault_attempts")
            assert cursor.fetchone() == (1 + RETRIES,)
        finally:
            cursor.execute("DROP SEQUENCE fault_attempts")
    assert deliver(server, event.message())[-1].words == ["recorded"]
    check_books([chat, event])


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_events_when_isolation_is_stricter_are_stored_once(start_server: Callable[..., Server], isolation: str) -> None:
    with Load(start_server(workers=4, FAULTS_ISOLATION=isolation)) as load:
        load.wait_for(examples(80, full=3000), seconds=300)
    assert all(answer.is_final or answer.is_unavailable for answer in load.answers)
    check_books(load.events)
