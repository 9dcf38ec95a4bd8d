"""A database that ends connections, is down, hangs, is full or cannot be written (F3, F4, F5, F6)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models import Model

from alhena_tracking.conf import conf
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    OrderClaim,
    OrderLine,
    VisitorSession,
)
from tests.support.faults.books import check_books
from tests.support.faults.cluster import Cluster, find_programs
from tests.support.faults.database import end_connections, locked, trigger
from tests.support.faults.delivery import Answer, deliver, post
from tests.support.faults.events import Event, Message, batch, cart_event, interaction, order
from tests.support.faults.load import Load
from tests.support.faults.server import ROOT, Server
from tests.support.runs import examples, require

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="these are PostgreSQL's faults; set DATABASE_URL"),
]

RECOVERY_SECONDS = 5
#: How long a worker may be held.
HELD_SECONDS = 5
#: How long a worker may be held by a lock alone; longer than LOCK_TIMEOUT, shorter than STATEMENT_TIMEOUT.
HELD_BY_LOCK_SECONDS = 3

#: ``visitor -> events``; more than one are sent as a batch.
_REPORTS: dict[str, Callable[[str], list[Event]]] = {
    "interaction": lambda visitor: [interaction(visitor)],
    "cart event": lambda visitor: [cart_event(visitor)],
    "order": lambda visitor: [order(visitor, order_id="1001")],
    "order without id": lambda visitor: [order(visitor)],
    "batch": lambda visitor: [
        cart_event(visitor),
        order(visitor, order_id="1001"),
        order(visitor),
        cart_event(visitor, quantity=2),
    ],
}


def _message(events: list[Event]) -> Message:
    return batch(events) if len(events) > 1 else events[0].message()


# Connections that end


def test_acknowledged_events_when_connections_end_are_stored_once(server: Server) -> None:
    with Load(server) as load:
        for _ in range(examples(5, full=50)):
            load.wait_for(20)
            assert end_connections() > 0
            load.wait_for(20, seconds=RECOVERY_SECONDS)
    assert all(answer.is_final or answer.is_unavailable for answer in load.answers)
    assert any(answer.is_unavailable for answer in load.answers)
    check_books(load.events)


# A database that is down


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the test's own, with the tables of the shop."""
    programs = find_programs()
    require("initdb", programs is not None, "PostgreSQL's initdb was not found")
    assert programs is not None
    with Cluster(programs) as cluster:
        environment = {
            **os.environ,
            "DATABASE_URL": cluster.url,
            "DJANGO_SETTINGS_MODULE": "tests.support.faults.settings",
        }
        command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        yield cluster


def test_event_when_the_database_is_down_is_rejected_in_a_second(cluster: Cluster, tmp_path: Path) -> None:
    with Server(cluster.url, tmp_path / "log") as server, Load(server) as load:
        for _ in range(examples(1, full=10)):
            load.wait_for(20)
            cluster.stop()
            server.kill_workers()  # the new ones have never seen the database
            stopped_at = time.monotonic()
            time.sleep(1)
            starting_at = time.monotonic()
            cluster.start()
            load.wait_for(20, seconds=RECOVERY_SECONDS)
            refusals = [answer for answer in load.answers if stopped_at < answer.began_at and answer.at < starting_at]
            assert refusals
            for answer in refusals:
                assert answer.is_unavailable, answer
                assert answer.seconds < 1
    assert {answer.status for answer in load.answers} <= {0, 200, 201, 503}
    stored = Counter(
        str(event_id)
        for model in (Interaction, CartEvent, Order)
        for (event_id,) in cluster.fetch(f"SELECT event_id FROM {model._meta.db_table}")  # noqa: S608
    )
    assert stored == Counter(event.event_id for event in load.events)


# A database that hangs


def _check_rejected(server: Server, events: list[Event], *, seconds: float, is_locked: bool = True) -> None:
    """Assert for some time that the workers, each kept busy, reject ``events`` and are soon free again.

    By a lock alone the first of them is held, and those that wait for what it holds are then held once more.
    """
    until = time.monotonic() + seconds
    message = _message(events)
    with ThreadPoolExecutor(server.workers) as pool:
        is_first = True
        while is_first or time.monotonic() < until:
            is_first = False
            answers: list[Answer] = list(pool.map(lambda _: post(server, message), range(server.workers)))
            assert all(answer.is_unavailable for answer in answers), answers
            assert max(answer.seconds for answer in answers) < HELD_SECONDS
            if is_locked:
                assert min(answer.seconds for answer in answers) < HELD_BY_LOCK_SECONDS


@pytest.mark.parametrize(
    ("model", "report"),
    [
        (Company, "cart event"),
        (LockRow, "order"),
        (Interaction, "cart event"),
        (CartEvent, "batch"),
        (OrderLine, "order without id"),
    ],
)
def test_event_when_its_table_is_locked_is_rejected_in_time(
    server: Server, chat: Event, model: type[Model], report: str
) -> None:
    events = _REPORTS[report](chat.visitor)
    with locked(model):
        server.kill_workers()  # the new ones know nothing, not even the company
        _check_rejected(server, events, seconds=examples(0, full=30))
    assert deliver(server, _message(events))[-1].words == ["recorded"] * len(events)
    check_books([chat, *events])


def test_event_when_its_session_is_locked_is_rejected_in_time(server: Server, chat: Event) -> None:
    event = cart_event(chat.visitor)
    with transaction.atomic():
        VisitorSession.objects.select_for_update().get()
        _check_rejected(server, [event], seconds=examples(3, full=30))
    assert deliver(server, event.message())[-1].words == ["recorded"]
    check_books([chat, event])


@pytest.mark.parametrize("seconds", [30, 1.5], ids=["one statement", "all statements"])
def test_batch_when_the_database_hangs_is_rejected_in_time(server: Server, chat: Event, seconds: float) -> None:
    """Where no statement takes too long by itself, all of them together may."""
    events = [interaction(chat.visitor), *_REPORTS["batch"](chat.visitor)]
    with trigger(f"PERFORM pg_sleep({seconds})", Interaction, CartEvent, Order, OrderLine):
        _check_rejected(server, events, seconds=0, is_locked=False)
    assert deliver(server, _message(events))[-1].words == ["recorded"] * len(events)
    check_books([chat, *events])


def test_event_when_waiting_as_the_database_hangs_is_rejected(server: Server, chat: Event) -> None:
    """All that one request waits for counts, not only what fails in the end."""
    event = cart_event(chat.visitor)
    server.kill_workers()  # the new ones must look the company up
    with trigger("PERFORM pg_sleep(30)", CartEvent), ThreadPoolExecutor(1) as pool:
        with locked(Company):
            checked = pool.submit(_check_rejected, server, [event], seconds=0, is_locked=False)
            time.sleep(conf.lock_timeout.total_seconds() - 0.3)
        checked.result()
    assert deliver(server, event.message())[-1].words == ["recorded"]
    check_books([chat, event])


# A database that cannot be written


def test_event_when_the_database_is_read_only_is_rejected(
    chat: Event, start_server: Callable[..., Server], server: Server
) -> None:
    standby = start_server(FAULTS_READ_ONLY="on")
    for report in _REPORTS.values():
        answer = post(standby, _message(report(chat.visitor)))
        assert answer.is_unavailable, answer
    check_books([chat])


@pytest.mark.parametrize(
    ("model", "report"),
    [
        (Interaction, "interaction"),
        (CartEvent, "cart event"),
        (CartEvent, "batch"),
        (OrderLine, "order"),
        (OrderClaim, "order"),
        (OrderLine, "order without id"),
        (OrderLine, "batch"),
    ],
)
def test_event_when_the_disk_is_full_leaves_nothing_behind(
    server: Server, chat: Event, model: type[Model], report: str
) -> None:
    events = _REPORTS[report](chat.visitor)
    with trigger("RAISE EXCEPTION USING ERRCODE = 'disk_full'", model):
        for _ in range(examples(1, full=10)):
            answer = post(server, _message(events))
            assert answer.is_unavailable, answer
            check_books([chat])
            assert (OrderClaim.objects.count(), OrderLine.objects.count()) == (0, 0)
    assert deliver(server, _message(events))[-1].words == ["recorded"] * len(events)
    check_books([chat, *events])
