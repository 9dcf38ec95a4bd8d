"""One visitor who does everything at once (F33)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from random import Random
from threading import Barrier, Lock
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from alhena_tracking.contract.limits import SESSION_CLAIMS
from alhena_tracking.models import LockRow
from tests.support.faults.books import check_books
from tests.support.faults.database import database_url, deadlocks
from tests.support.faults.delivery import Answer, post
from tests.support.faults.events import Event, Message, batch, cart_event, interaction, new_visitor, order
from tests.support.faults.server import Server
from tests.support.runs import examples, require

pytestmark = [
    pytest.mark.faults,
    pytest.mark.concurrency,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

CONNECTIONS = 8
#: Of a round, which has a visitor of its own.
SECONDS = 4


class _Visitor:
    """What a visitor sends, each event a moment after the previous one, for a number of seconds.

    Some messages are sent twice, as when an answer is lost.
    """

    def __init__(self, seconds: float, seed: int) -> None:
        self.first = interaction(new_visitor(), occurred_at=timezone.now() - timedelta(hours=1))
        self.events = [self.first]
        self._order_ids = 0
        self._until = time.monotonic() + seconds
        self._random = Random(seed)
        self._messages = self._all()
        self._lock = Lock()

    def next_message(self) -> Message | None:
        with self._lock:
            return next(self._messages, None)

    def _all(self) -> Iterator[Message]:
        while time.monotonic() < self._until:
            together = [self._event() for _ in range(self._random.choice([1, 1, 1, 3]))]
            self.events += together
            message = batch(together) if len(together) > 1 else together[0].message()
            for _ in range(self._random.choice([1, 1, 1, 2])):
                yield message

    def _event(self) -> Event:
        visitor, number = self.first.visitor, len(self.events) + self._random.randrange(3)
        at = self.first.occurred_at + timedelta(milliseconds=10 * len(self.events), microseconds=self._moment())
        match self._random.randrange(10):
            case 0 | 1:
                return interaction(visitor, occurred_at=at)
            case 2:
                return order(visitor, value=self._moment(), occurred_at=at)
            case 3 if self._order_ids < SESSION_CLAIMS:
                self._order_ids += 1
                return order(visitor, order_id=str(uuid4()), occurred_at=at)
        return cart_event(visitor, product_id=f"sku-{number % 2}", quantity=self._random.randrange(5), occurred_at=at)

    _last_moment = 0

    def _moment(self) -> int:
        """Return a number that was not returned before."""
        self._last_moment += 1
        return self._last_moment


def test_one_visitor_when_everything_happens_at_once_is_recorded_right(transactional_db: None, tmp_path: Path) -> None:
    require("gunicorn", find_spec("gunicorn") is not None, "gunicorn is not installed: pip install --group databases")
    before, events = deadlocks(), []
    with Server(database_url(), tmp_path / "log", workers=2, threads=CONNECTIONS // 2) as server:
        for seed in range(examples(1, full=15)):
            visitor = _Visitor(SECONDS, seed)
            assert post(server, visitor.first.message()).words == ["recorded"]
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                sent = [pool.submit(_send, server, visitor) for _ in range(CONNECTIONS)]
            assert {answer.status for answers in sent for answer in answers.result()} <= {200, 201}
            events += visitor.events
    check_books(events)
    assert deadlocks() == before


def test_deadlock_when_two_connections_cause_one_is_counted(transactional_db: None) -> None:
    """What finds none elsewhere finds one here."""
    before, both_hold_one = deadlocks(), Barrier(2)

    def lock(*numbers: int) -> bool:
        try:
            with transaction.atomic():
                LockRow.objects.all().lock(numbers[:1])
                both_hold_one.wait(timeout=20)
                LockRow.objects.all().lock(numbers[1:])
        except OperationalError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        held = [*pool.map(lambda numbers: lock(*numbers), [(1, 2), (2, 1)])]
    assert sorted(held) == [False, True]
    assert deadlocks() == before + 1


def _send(server: Server, visitor: _Visitor) -> list[Answer]:
    answers = []
    while message := visitor.next_message():
        answers.append(post(server, message))
    return answers
