"""Re-date a company's rows after its time zone changed, in chunks beside ingestion.

A chunk is one short transaction. It locks what ingestion locks to change the same rows, in the same order, moves rows
to their days, and marks those days stale. So at every moment each row is on its day of a former zone or of the new one,
in the roll-ups, too. The place reached is stored with each chunk: a killed process loses one chunk, the next one goes
on, and of several at once each takes the next chunk. A zone that changes again meanwhile begins the walk anew.

Processes cache companies, and record by the former zone a little longer. So a walk that began before the zone settled
is followed by another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Model, Q
from django.utils import timezone

from alhena_tracking.db.transactions import ATTEMPTS, atomic, persistently, rows_of
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    OrderClaim,
    Redating,
    Refund,
    RolledUpDay,
    VisitorSession,
)

#: Rows of a chunk; and sessions, and rows protected by lock rows, of which ingestion has few.
ROWS = 1000
SESSIONS = 200
LOCKED_ROWS = 100


def due() -> list[Redating]:
    """Return the companies' walks that can go on."""
    rows = rows_of(Redating).due(timezone.now())
    return list(rows.select_related("company").order_by("pk"))


def redate(company_id: int, *, attempts: int = ATTEMPTS) -> int:
    """Re-date all rows that are due, and return how many moved.

    Raises ``OperationalError`` where a chunk has failed so many times; those before it are committed.
    """
    moved = 0
    while True:
        began = time.monotonic()
        chunk = persistently(partial(redate_chunk, company_id), attempts)
        if chunk is None:
            return moved
        moved += chunk
        # As long a pause lets ingestion have its turn, on SQLite above all.
        time.sleep(time.monotonic() - began)


def redate_short() -> None:
    """Re-date all companies with few rows that are due."""
    for walk in due():
        if walk.is_short:
            redate(walk.pk)


def redate_chunk(company_id: int) -> int | None:
    """Re-date the next rows, and return how many moved; ``None`` where nothing is due."""
    with atomic(is_durable=True):
        now = timezone.now()
        walks = rows_of(Redating).filter(pk=company_id)
        # The first statement takes the lock (and SQLite's write lock).
        if not walks.update(worked_at=now):
            return None
        walk = walks.select_related("company").get()
        if walk.is_settling and not walk.company.is_zone_settled(now):
            return None
        if not walk.table:
            walk.began_at, walk.table = now, next(iter(_TABLES))
        chunk = _Chunk(walk.company, walk)
        if not _TABLES[walk.table](chunk):
            _go_on(walk)
            return 0
        rows_of(RolledUpDay).mark_stale(walk.company, chunk.days, of_sessions=chunk.session_days)
        walk.save()
        return chunk.moved


def _go_on(walk: Redating) -> None:
    """Go on to the next table, or to the settling of the zone, or end."""
    tables = list(_TABLES)
    later = tables[tables.index(walk.table) + 1 :]
    walk.table, walk.last_id, walk.last_row_id = later[0] if later else "", 0, 0
    if later:
        walk.save()
        return
    began_at: datetime | None = walk.began_at
    if began_at is not None and walk.company.is_zone_settled(began_at):
        rows_of(Redating).filter(pk=walk.pk).delete()
        rows_of(Company).filter(pk=walk.pk).update(zone_changed_at=None)
    else:
        walk.is_settling = True
        walk.save()


@dataclass(slots=True)
class _Chunk:
    """Rows that are re-dated together, and the days of their figures."""

    company: Company
    walk: Redating
    moved: int = 0
    days: set[date] = field(default_factory=set)
    session_days: set[date] = field(default_factory=set)

    def next_ids(self, model: type[Model], number: int) -> list[int]:
        rows = rows_of(model).filter(company=self.company, pk__gt=self.walk.last_id).order_by("pk")
        ids = list(rows.values_list("pk", flat=True)[:number])
        if ids:
            self.walk.last_id = ids[-1]
        return ids

    def move(self, rows: Any) -> set[date]:
        """Re-date locked rows, and return the days that they were and are on."""
        moved, days = rows.redate(self.company.zone)
        self.moved += moved
        return set(days)


# The tables. Each function re-dates the next rows, and returns whether there were any.


def _redate_sessions(chunk: _Chunk) -> bool:
    """Re-date sessions with their cart events together, so that a cart is not split between two days."""
    walk, before = chunk.walk, chunk.walk.last_id
    ids = chunk.next_ids(VisitorSession, SESSIONS)
    if not ids:
        return False
    rows = rows_of(CartEvent).filter(Q(session__gt=ids[0]) | Q(pk__gt=walk.last_row_id), session__in=ids)
    events = list(rows.order_by("session", "pk").values_list("session", "pk")[: ROWS + 1])
    walk.last_row_id = 0
    if len(events) > ROWS:
        cut = events[-1][0]
        if cut > ids[0]:
            # Whole sessions only.
            walk.last_id = cut - 1
            events = [event for event in events if event[0] < cut]
        else:
            # One session has too many rows: a part of them.
            events = events[:ROWS]
            walk.last_id, walk.last_row_id = before, events[-1][1]
    sessions = [pk for pk in ids if pk <= max(walk.last_id, ids[0])]
    rows_of(VisitorSession).lock_all(sessions)
    chunk.session_days |= chunk.move(rows_of(VisitorSession).filter(pk__in=sessions))
    chunk.days |= chunk.move(rows_of(CartEvent).filter(pk__in=[pk for _, pk in events]))
    return True


def _redate_orders(chunk: _Chunk) -> bool:
    ids = chunk.next_ids(Order, LOCKED_ROWS)
    orders = rows_of(Order).filter(pk__in=ids)
    _lock_order_ids(orders.values_list("order_id_digest", flat=True))
    rows_of(VisitorSession).lock_all(list(orders.values_list("session", flat=True)))
    chunk.days |= chunk.move(orders)
    return bool(ids)


def _redate_refunds(chunk: _Chunk) -> bool:
    ids = chunk.next_ids(Refund, LOCKED_ROWS)
    refunds = rows_of(Refund).filter(pk__in=ids)
    _lock_order_ids(refunds.values_list("order_id_digest", flat=True))
    chunk.days |= chunk.move(refunds)
    return bool(ids)


def _redate_claims(chunk: _Chunk) -> bool:
    """Re-date claims, which count nowhere."""
    ids = chunk.next_ids(OrderClaim, LOCKED_ROWS)
    claims = rows_of(OrderClaim).filter(pk__in=ids)
    _lock_order_ids(claims.values_list("order__order_id_digest", flat=True))
    chunk.move(claims)
    return bool(ids)


def _redate_interactions(chunk: _Chunk) -> bool:
    """Re-date interactions, which never change. What they recommended counts on their day."""
    ids = chunk.next_ids(Interaction, ROWS)
    chunk.session_days |= chunk.move(rows_of(Interaction).filter(pk__in=ids))
    return bool(ids)


#: In this order, by the name under which the place is stored.
_TABLES: Mapping[str, Callable[[_Chunk], bool]] = {
    "sessions": _redate_sessions,
    "orders": _redate_orders,
    "refunds": _redate_refunds,
    "claims": _redate_claims,
    "interactions": _redate_interactions,
}


def _lock_order_ids(digests: Iterable[UUID | None]) -> None:
    rows_of(LockRow).lock([LockRow.number_of(digest) for digest in digests if digest is not None])
