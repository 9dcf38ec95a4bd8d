"""Visitors whose carts several requests change at once: then one of the requests records for all that wait.

Whoever finds that another one came between begins anew. That is cheaper than a lock for everybody, as it hardly ever
happens. Where it does, the threads of this process form a queue for some time, and the first of them records what the
others brought together with its own, as one batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import monotonic

from django.db import OperationalError

from alhena_tracking.ingestion.data import EventData, Outcome

#: How long queues are formed after the last time that somebody came between.
SECONDS = 1.0
#: How many visitors are remembered; beyond them, all are forgotten.
VISITORS = 1000

_until: dict[Hashable, float] = {}
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


def note(visitor: Hashable) -> None:
    """Remember for ``SECONDS`` that somebody came between."""
    if len(_until) >= VISITORS:
        _until.clear()
    _until[visitor] = monotonic() + SECONDS


def together(
    visitor: Hashable, events: Sequence[EventData], record: Callable[[Sequence[EventData]], list[Outcome]], until: float
) -> list[Outcome]:
    """``record(events)``, together with other events of the visitor if somebody came between a moment ago.

    Raises ``OperationalError`` where its turn has not come at ``until`` (``time.monotonic``).
    """
    if _until.get(visitor, 0) <= monotonic():
        return record(events)
    ticket = _Ticket(events)
    with _guard:
        _waiting.setdefault(visitor, []).append(ticket)
    turn = _turns[hash(visitor) % len(_turns)]
    if not turn.acquire(timeout=max(0, until - monotonic())):
        _withdraw(visitor, ticket)
        raise OperationalError("too many requests of one visitor wait for the database")
    try:
        if not ticket.is_served:
            with _guard:
                tickets = _waiting.pop(visitor)
            _serve(tickets, record)
    finally:
        turn.release()
    if ticket.error is not None:
        raise ticket.error
    assert ticket.outcomes is not None  # noqa: S101
    return ticket.outcomes


def forget() -> None:
    """Expect nobody."""
    _until.clear()


def _serve(tickets: Sequence[_Ticket], record: Callable[[Sequence[EventData]], list[Outcome]]) -> None:
    try:
        outcomes = iter(record([event for ticket in tickets for event in ticket.events]))
    except Exception as error:
        for ticket in tickets:
            ticket.error = error
    else:
        for ticket in tickets:
            ticket.outcomes = [next(outcomes) for _ in ticket.events]


def _withdraw(visitor: Hashable, ticket: _Ticket) -> None:
    with _guard:
        others = [other for other in _waiting.pop(visitor, []) if other is not ticket]
        if others:
            _waiting[visitor] = others
