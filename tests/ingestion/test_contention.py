"""Requests of one visitor that record for each other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from django.db import OperationalError

from alhena_tracking.ingestion import EventData, Outcome, contention
from tests.support.event_data import cart_event

VISITOR = (1, "visitor")
SESSION = 7


class Recorder:
    """Records nothing; holds the first batch up until ``go_on`` is set, before or after it knows its events."""

    def __init__(self, error: Exception | None = None, *, is_late: bool = False) -> None:
        self.batches: list[Sequence[EventData]] = []
        self.sessions: list[int | None] = []
        self.has_begun = threading.Event()
        self.go_on = threading.Event()
        self.error = error
        self.is_late = is_late

    def __call__(self, gather: contention.Gather, session_id: int | None) -> list[Outcome]:
        events = [] if self.is_late else gather()
        self.sessions.append(session_id)
        self.has_begun.set()
        assert self.go_on.wait(10)
        if self.error:
            raise self.error
        events = gather() if self.is_late else events
        self.batches.append(events)
        return [Outcome("recorded", event.event_id) for event in events]


def _wait_for_tickets(count: int) -> None:
    deadline = monotonic() + 10
    while len(contention._waiting.get(VISITOR, ())) < count:
        assert monotonic() < deadline


def _together(record: Recorder, requests: Sequence[Sequence[EventData]], until: float) -> list[list[Outcome]]:
    """The answers of requests of which all but the first come while that is recorded."""
    with ThreadPoolExecutor(len(requests)) as pool:
        answers = [pool.submit(contention.together, VISITOR, requests[0], record, until)]
        record.has_begun.wait(10)
        answers += [pool.submit(contention.together, VISITOR, events, record, until) for events in requests[1:]]
        _wait_for_tickets(len(requests) - 1)
        record.go_on.set()
        return [answer.result() for answer in answers]


def test_requests_when_one_came_between_are_recorded_together() -> None:
    contention.note(VISITOR, SESSION)
    record = Recorder()
    requests = [[cart_event()], [cart_event(), cart_event()], [cart_event()]]
    answers = _together(record, requests, monotonic() + 10)
    assert [[outcome.id for outcome in answer] for answer in answers] == [
        [event.event_id for event in events] for events in requests
    ]
    assert sorted(len(batch) for batch in record.batches) == [1, 3]
    assert not contention._waiting


def test_requests_when_they_come_while_the_session_is_waited_for_are_recorded_with_it() -> None:
    contention.note(VISITOR, SESSION)
    record = Recorder(is_late=True)
    requests = [[cart_event()], [cart_event(), cart_event()], [cart_event()]]
    answers = _together(record, requests, monotonic() + 10)
    assert [[outcome.id for outcome in answer] for answer in answers] == [
        [event.event_id for event in events] for events in requests
    ]
    assert [len(batch) for batch in record.batches] == [4]
    assert record.sessions == [SESSION]
    assert not contention._waiting


def test_requests_when_nobody_came_between_are_recorded_each_by_itself() -> None:
    record = Recorder()
    record.go_on.set()
    for _ in range(2):
        contention.together(VISITOR, [cart_event()], record, monotonic() + 10)
    assert [len(batch) for batch in record.batches] == [1, 1]
    assert record.sessions == [None, None]


@pytest.mark.parametrize("is_late", [False, True])
def test_request_when_its_batch_fails_is_told_so(is_late: bool) -> None:
    contention.note(VISITOR, SESSION)
    record = Recorder(OperationalError("gone"), is_late=is_late)
    with pytest.raises(OperationalError, match="gone"):
        _together(record, [[cart_event()], [cart_event()]], monotonic() + 10)
    assert not contention._waiting


def test_request_when_its_turn_does_not_come_gives_up() -> None:
    contention.note(VISITOR, SESSION)
    record = Recorder()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(contention.together, VISITOR, [cart_event()], record, monotonic() + 10)
        assert record.has_begun.wait(10)
        with pytest.raises(OperationalError, match="wait"):
            contention.together(VISITOR, [cart_event()], record, monotonic() + 0.05)
        assert not contention._waiting
        record.go_on.set()
        assert [outcome.status for outcome in first.result()] == ["recorded"]
    assert len(record.batches) == 1
