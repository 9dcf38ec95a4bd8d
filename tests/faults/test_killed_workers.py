"""Web workers that die: under load, between commit and answer, and half-way through a batch (F1, F2, F14)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest
from django.db import connection
from django.db.models import Sum

from alhena_tracking.models import (
    CartEvent,
    Interaction,
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Refund,
    Trust,
)
from tests.support.faults.books import check_books
from tests.support.faults.database import end_connection, locked, wait_for_waiting
from tests.support.faults.delivery import deliver, post
from tests.support.faults.events import Event, Message, batch, cart_event, interaction, line_items, order
from tests.support.faults.load import Load
from tests.support.faults.server import Server
from tests.support.faults.wsgi import DIE_HEADER
from tests.support.runs import examples

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

Totals = dict[str, int | None]


@pytest.mark.parametrize("threads", [1, 4])
def test_events_when_workers_are_killed_under_load_are_there_once(
    start_server: Callable[..., Server], threads: int
) -> None:
    random, server = Random(1), start_server(threads=threads, FAULTS_ANSWER_SECONDS="0.02")
    with Load(server) as load:
        for _ in range(examples(10, full=100)):
            load.wait_for(5)
            server.kill_worker(random)
    assert {answer.status for answer in load.answers} == {0, 200, 201}
    assert any("duplicate" in answer.words for answer in load.answers), "nobody was killed after a commit"
    check_books(load.events)


# Between commit and answer


def _order(number: int, own: Mapping[str, str], **fields: object) -> Message:
    """An order as the shop's own server confirms it."""
    fields = {"order_id": f"order-{number}", "value": 90, "currency": "EUR", "line_items": line_items(2), **fields}
    return Message("checkout_events", fields, own)


def _refund(number: int, own: Mapping[str, str]) -> Message:
    return Message("refunds", {"order_id": f"order-{number}", "refund_id": "1", "value": 5, "currency": "EUR"}, own)


def _batch(visitor: str, number: int) -> Message:
    return batch(
        [
            interaction(visitor),
            cart_event(visitor, quantity=number + 1),
            order(visitor, order_id=f"order-{number}"),
            order(visitor, value=number),
        ]
    )


#: ``(visitor, number, own) -> messages``, of which the last one is not answered; ``own`` makes it the shop's own.
_STORIES: dict[str, Callable[[str, int, Mapping[str, str]], list[Message]]] = {
    "interaction": lambda visitor, number, own: [interaction(visitor).message()],
    "cart event": lambda visitor, number, own: [cart_event(visitor, quantity=number + 1).message()],
    "order": lambda visitor, number, own: [order(visitor, order_id=f"order-{number}").message()],
    "order without id": lambda visitor, number, own: [order(visitor, value=number).message()],
    "batch": lambda visitor, number, own: [_batch(visitor, number)],
    "early confirmation": lambda visitor, number, own: [_order(number, own)],
    "confirmation": lambda visitor, number, own: [
        order(visitor, order_id=f"order-{number}").message(),
        _order(number, own),
    ],
    "confirmation with visitor": lambda visitor, number, own: [
        order(visitor, order_id=f"order-{number}").message(),
        _order(number, own, user_fingerprint=visitor, event_id=str(uuid.uuid4())),
    ],
    "refund": lambda visitor, number, own: [
        order(visitor, order_id=f"order-{number}").message(),
        _refund(number, own),
    ],
}


def _totals() -> Totals:
    """Every count and sum that a second recording would change."""
    models = (Interaction, CartEvent, Order, OrderLine, OrderClaim, PendingConfirmation, Refund)
    return {
        **{model.__name__: model._default_manager.count() for model in models},
        "confirmed": Order.objects.filter(trust=Trust.CONFIRMED).count(),
        "GMV": CartEvent.objects.aggregate(Sum("gmv_minor"))["gmv_minor__sum"],
        "revenue": Order.objects.aggregate(Sum("value_minor"))["value_minor__sum"],
        "refunded": Refund.objects.aggregate(Sum("value_minor"))["value_minor__sum"],
    }


@pytest.mark.parametrize("story", _STORIES.values(), ids=_STORIES)
def test_report_when_its_answer_is_lost_is_a_duplicate_the_next_time(
    server: Server,
    chat: Event,
    credential: Mapping[str, str],
    story: Callable[[str, int, Mapping[str, str]], list[Message]],
) -> None:
    for number in range(1, examples(2, full=100) + 1):
        *earlier, last = story(chat.visitor, number, credential)
        for message in earlier:
            assert deliver(server, message)[-1].is_acknowledged
        before = _totals()
        assert post(server, replace(last, headers={**last.headers, DIE_HEADER: "1"})).status == 0
        committed = _totals()
        assert committed != before
        assert set(deliver(server, last)[-1].words) == {"duplicate"}
        assert _totals() == committed


# Half-way


@pytest.mark.parametrize("is_batched", [False, True], ids=["order", "batch"])
@pytest.mark.parametrize("is_worker_killed", [False, True], ids=["connection ended", "worker killed"])
def test_order_when_recording_dies_before_its_lines_is_whole_or_none(
    server: Server, chat: Event, is_worker_killed: bool, is_batched: bool
) -> None:
    recorded = [chat]
    for number in range(1, examples(2, full=20) + 1):
        events = [order(chat.visitor, value=number, lines=3)]
        if is_batched:
            before = cart_event(chat.visitor, quantity=2 * number)
            events = [before, *events, cart_event(chat.visitor, quantity=2 * number + 1)]
        message = batch(events) if is_batched else events[0].message()
        with locked(OrderLine), ThreadPoolExecutor(1) as pool:
            posted = pool.submit(post, server, message)
            pid = wait_for_waiting()
            if is_worker_killed:
                server.kill_workers()
            else:
                end_connection(pid)
            answer = posted.result()
        assert answer.status == 0 if is_worker_killed else answer.is_unavailable
        # PostgreSQL has the whole transaction already, and goes on with it when its client is gone.
        words = set(deliver(server, message)[-1].words)
        assert words == {"recorded"} or (is_worker_killed and words == {"duplicate"})
        recorded += events
        check_books(recorded)
