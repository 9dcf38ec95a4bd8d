"""Visitors whose carts several requests change at once: then one of the requests records for all that wait.

Whoever finds that another one came between begins anew. That is cheaper than a lock for everybody, as it hardly ever
happens. Where it does, the processes lock the visitor's session for some time before they read, and the threads of each
form a queue: the first of them waits for the lock, and then records what the others brought meanwhile together with its
own, as one batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeAlias

from django.db import OperationalError

from alhena_tracking.ingestion.data import EventData, Outcome

#: Gives all events that wait at this moment, and those that it gave before.
Gather: TypeAlias = Callable[[], Sequence[EventData]]
#: Records them; the session to lock first, if somebody came between in it.
Record: TypeAlias = Callable[[Gather, int | None], list[Outcome]]

#: How long queues are formed after the last time that somebody came between.
SECONDS = 1.0
#: How many visitors are remembered; beyond them, all are forgotten.
VISITORS = 1000

_contended: dict[Hashable, tuple[float, int]] = {}  # until when, and in which session
_waiting: dict[Hashable, list[_Ticket]] = {}
_guard = threading.Lock()
_turns = [threading.Lock() for _ in range(64)]


@dataclass(slots=True, eq=False)
class _Ticket:
    """What one request brought, and what became of it."""

    events: Sequence[EventData]
    outcomes: list[Outcome] | None = None
    error: Exception | None = None

    @property
    def is_served(self) -> bool:
        return self.outcomes is not None or self.error is not None


def note(visitor: Hashable, session_id: int) -> None:
    """Remember for ``SECONDS`` that somebody came between in this session."""
    if len(_contended) >= VISITORS:
        _contended.clear()
    _contended[visitor] = (monotonic() + SECONDS, session_id)


def together(visitor: Hashable, events: Sequence[EventData], record: Record, until: float) -> list[Outcome]:
    """Record ``events``, together with other events of the visitor if somebody came between a moment ago.

    Raises ``OperationalError`` where its turn has not come at ``until`` (``time.monotonic``).
    """
    contended_until, session_id = _contended.get(visitor, (0, None))
    if contended_until <= monotonic():
        return record(lambda: events, None)
    ticket = _Ticket(events)
    with _guard:
        _waiting.setdefault(visitor, []).append(ticket)
    turn = _turns[hash(visitor) % len(_turns)]
    if not turn.acquire(timeout=max(0, until - monotonic())):
        _withdraw(visitor, ticket)
        raise OperationalError("too many requests of one visitor wait for the database")
    try:
        if not ticket.is_served:
            _serve(visitor, record, session_id)
    finally:
        turn.release()
    if ticket.error is not None:
        raise ticket.error
    assert ticket.outcomes is not None  # noqa: S101
    return ticket.outcomes


def forget() -> None:
    """Expect nobody."""
    _contended.clear()


def _serve(visitor: Hashable, record: Record, session_id: int | None) -> None:
    tickets: list[_Ticket] = []
    try:
        outcomes = iter(record(partial(_gather, visitor, tickets), session_id))
    except Exception as error:
        _gather(visitor, tickets)  # our own may be among those that still wait
        for ticket in tickets:
            ticket.error = error
    else:
        for ticket in tickets:
            ticket.outcomes = [next(outcomes) for _ in ticket.events]


def _gather(visitor: Hashable, tickets: list[_Ticket]) -> list[EventData]:
    with _guard:
        tickets += _waiting.pop(visitor, [])
    return [event for ticket in tickets for event in ticket.events]


def _withdraw(visitor: Hashable, ticket: _Ticket) -> None:
    with _guard:
        others = [other for other in _waiting.pop(visitor, []) if other is not ticket]
        if others:
            _waiting[visitor] = others
