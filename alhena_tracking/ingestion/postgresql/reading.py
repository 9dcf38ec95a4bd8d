"""Lock and read what events depend on."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import EMPTYING_INTERVAL
from alhena_tracking.db.messages import Messages, Table, Tables
from alhena_tracking.db.sql import time_column, time_of
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import OrderData
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.postgresql.questions import DENIED, QUESTIONS, RESERVED, columns_of
from alhena_tracking.ingestion.state import (
    INTERACTIONS_READ,
    Demand,
    Fingerprint,
    ProductInCart,
    Stored,
    StoredCartEvent,
    StoredOrder,
    UnusualError,
    earliest,
)
from alhena_tracking.models import Interaction, LockRow, VisitorSession

_INTERACTION, _SESSION, _LOCK_ROW = (model._meta.db_table for model in (Interaction, VisitorSession, LockRow))
_INTERACTION_COLUMNS = ("id", "occurred_at", "kind", "ai_profile", "is_qualifying")
#: What interactions and orders ask of interactions besides, and what only orders do.
_CONVERSATION_COLUMNS = ("conversation_id",)
_PRODUCT_COLUMNS = ("product_id", "recommended_product_ids")


def read(messages: Messages, demand: Demand, *, locks: bool) -> Stored:
    """Read what events depend on; with ``locks``, which only cart events may do without, lock it first.

    Raises ``UnusualError`` where orders are stored already, or follow cart events.
    """
    stored = _read(messages, demand, locks=locks)
    if demand.has_several_times and any(len(found) > INTERACTIONS_READ for found in stored.candidates.values()):
        # Of many interactions, read those at both ends of each event's range: so far it was all events' range.
        locked = stored.carts_read
        stored = _read(messages, demand, locks=False, is_by_time=True)
        if locks:
            stored.carts_read &= locked
    if not locks:
        stored.versions = {pk: version + 1 for pk, version in stored.versions.items()}
    since: dict[int, datetime] = {}
    ordering: set[int] = set()
    for visitor, session_id in stored.carts_read:
        of_visitor = demand.visitors[visitor]
        if of_visitor.carts_since:
            earliest(since, session_id, of_visitor.carts_since)
        if of_visitor.emptied_at:
            ordering.add(session_id)
    stored.whole_carts = {session_id: since[session_id] for session_id in ordering}
    for session_id in since.keys() - ordering:
        if any(order.cart_at >= since[session_id] for order in stored.cart_orders.get(session_id, ())):
            raise UnusualError
    return stored


def _read(messages: Messages, demand: Demand, *, locks: bool, is_by_time: bool = False) -> Stored:
    """Lock rows, then sessions, then read: each statement sees what those before it waited for."""
    tables = Tables()
    visitors = list(demand.visitors)
    fingerprints: list[Fingerprint] = []
    ranges: dict[str, list[tuple[Any, ...]]] = {}
    for visitor, of_visitor in enumerate(demand.visitors.values()):
        times = of_visitor.interactions_by_time if is_by_time else [of_visitor.interactions]
        for fingerprint in of_visitor.fingerprints:
            asked = ranges.setdefault(fingerprint.column, [])
            asked += [(visitor, len(fingerprints), fingerprint.digest, *range_) for range_ in times]
            fingerprints.append(fingerprint)
    # The shop's server may name no visitor.
    ranges = ranges or {"user_fingerprint_digest": []}
    visits = [tables.add(column, _FINGERPRINT_RANGE, rows) for column, rows in ranges.items()]
    columns = _INTERACTION_COLUMNS + (() if demand.is_of_carts else _CONVERSATION_COLUMNS)
    columns += _PRODUCT_COLUMNS if demand.count(OrderData) else ()
    statements = [_answers(tuple(visits), tuple(_questions(demand, tables)), columns)]
    if locks:
        lock_rows = [_LOCK_ROWS] if demand.lock_numbers else []
        statements = [*lock_rows, _lock_sessions(tuple(visits)), *statements]
    params = {**tables.params, "numbers": demand.lock_numbers, "company": demand.company.pk}
    *locked, [(document,)] = messages.send(statements, params, begins=locks)
    answers = json.loads(document, parse_float=Decimal)
    stored = _stored(answers, demand)
    held = {pk for (pk,) in locked[-1]} if locks else None
    for visitor, number, (session_id, version, is_excluded, started_at, *used), *interaction in answers["found"]:
        if held is None or session_id in held:
            stored.carts_read.add((visitors[visitor], session_id))
        stored.versions[session_id] = version
        since, events, claimed = used
        stored.allowances[session_id] = CartAllowance(since and time_of(since), events, claimed)
        if is_excluded:
            stored.excluded_sessions.add(session_id)
        pk, at, *credited = interaction
        candidate = Candidate(pk, time_of(at), session_id, time_of(started_at), *credited)
        stored.candidates.setdefault(fingerprints[number], {})[pk] = candidate
    return stored


def _questions(demand: Demand, tables: Tables) -> list[tuple[str, Table]]:
    """Return the names of the questions to ask, and the rows to ask each for."""
    visitors = list(enumerate(demand.visitors.values()))
    changing = [(number, visitor) for number, visitor in visitors if not visitor.emptied_at]
    ordering = [
        (number, visitor.carts_since - EMPTYING_INTERVAL)
        for number, visitor in visitors
        if visitor.emptied_at and visitor.carts_since
    ]
    asked: dict[str, list[tuple[Any, ...]]] = {
        **{table._meta.db_table: ids for table, ids in demand.event_ids.items()},
        **{name: [(count,)] for name, (kind, _) in RESERVED.items() if (count := demand.count(kind))},
        "sessions": [] if demand.is_of_carts else [(True,)],
        **_denials(demand),
        "carts": [(number, *key, at) for number, visitor in changing for key, at in visitor.products.items()],
        "cart_orders": [(number,) for number, visitor in changing if visitor.carts_since],
        "whole_carts": ordering,
        "whole_cart_orders": ordering,
        "stored_orders": [(text_digest(order_id),) for order_id in demand.order_ids],
        "open_claims": [(number, demand.claims_since) for number, visitor in visitors if visitor.has_order_ids],
        "contents": [(number, key, *at) for number, visitor in visitors for key, at in visitor.contents.items()],
    }
    return [(name, tables.add(name, QUESTIONS[name].types, rows)) for name, rows in asked.items() if rows]


def _denials(demand: Demand) -> dict[str, list[tuple[Any, ...]]]:
    """Return the fingerprints of those who interact: a denial may name them."""
    asked: dict[str, list[tuple[Any, ...]]] = {}
    for visitor in demand.visitors.values():
        for column, digest in visitor.fingerprints if visitor.has_interactions else ():
            asked.setdefault(f"denied_{column}", []).append((digest,))
    return asked


def _stored(answers: dict[str, list[Any]], demand: Demand) -> Stored:
    """Build the rows of all answers but those of the interactions found."""
    if answers.get("stored_orders"):
        raise UnusualError
    stored = Stored(orders={order_id: OrderState(demand.company) for order_id in demand.order_ids})
    for table in demand.event_ids:
        stored.add_known(table, ((UUID(event_id), trust) for event_id, trust in answers[table._meta.db_table]))
    for name, (_, models) in RESERVED.items():
        for model, ids in zip(models, zip(*answers.get(name, ()), strict=True), strict=False):
            stored.reserved_ids[model] = list(ids)
    for pk, started_at, started_on, last_at, qualified_at, channel, ai_profile in answers.get("sessions", ()):
        stored.sessions[pk] = VisitorSession(
            pk=pk,
            company=demand.company,
            started_at=time_of(started_at),
            started_on=date.fromisoformat(started_on),
            last_interaction_at=time_of(last_at),
            qualified_at=qualified_at and time_of(qualified_at),
            channel=channel,
            ai_profile=ai_profile,
        )
    stored.add_carts(
        (ProductInCart(session_id, UUID(digest), currency), StoredCartEvent(pk, time_of(at), *values))
        for name in ("carts", "whole_carts")
        for session_id, digest, currency, pk, at, *values in answers.get(name, ())
    )
    for name in DENIED:
        stored.denied_order_ids.update(order_id for (order_id,) in answers.get(name, ()))
    orders: dict[int, dict[int, StoredOrder]] = {}
    for name in ("cart_orders", "whole_cart_orders"):
        for session_id, pk, at, *values in answers.get(name, ()):
            orders.setdefault(session_id, {})[pk] = StoredOrder(pk, time_of(at), *values)
    stored.cart_orders = {session_id: list(found.values()) for session_id, found in orders.items()}
    stored.open_claims = dict(answers.get("open_claims", ()))
    for session_id, digest, at in answers.get("contents", ()):
        stored.contents.setdefault((session_id, UUID(digest)), []).append(time_of(at))
    return stored


# Statements for reading


@cache
def _visits(tables: tuple[Table, ...], names: tuple[str, ...] = _INTERACTION_COLUMNS) -> str:
    """Return SQL for these columns of the interactions of the visitors asked for."""
    visits = []
    for name, table in tables:
        rows = (
            f"FROM {_INTERACTION} WHERE {name} = asked.digest "
            "AND occurred_at >= asked.since AND occurred_at <= asked.until"
        )
        columns, first = ", ".join(names), f"{rows} ORDER BY occurred_at, id"
        # Nothing comes after the last of the first rows where there are no more of them.
        after = f"(SELECT occurred_at, id {first} OFFSET {INTERACTIONS_READ - 1} LIMIT 1)"
        last = f"{rows} AND (occurred_at, id) > {after} ORDER BY occurred_at DESC, id DESC"
        visits.append(
            f"SELECT asked.visitor, asked.fingerprint, i.* FROM {table} CROSS JOIN LATERAL ("
            f"(SELECT session_id, {columns} {first} LIMIT {INTERACTIONS_READ}) UNION ALL "
            f"(SELECT session_id, {columns} {last} LIMIT {INTERACTIONS_READ})) i"
        )
    return f"visits(visitor, fingerprint, session_id, {', '.join(names)}) AS ({' UNION ALL '.join(visits)})"


@cache
def _lock_sessions(tables: tuple[Table, ...]) -> str:
    """Lock sessions in ascending order. See ``VisitorSessionQuerySet.lock``.

    The array is read once. After waiting for a row, PostgreSQL judges it anew, and would not find it in a subquery of
    which it was not the first row.
    """
    ids = "ARRAY(SELECT session_id FROM visits)"
    in_order = f"SELECT id FROM {_SESSION} WHERE id = ANY({ids}) ORDER BY id FOR NO KEY UPDATE"
    return f"WITH {_visits(tables)} UPDATE {_SESSION} SET version = version + 1 WHERE id IN ({in_order}) RETURNING id"


@cache
def _answers(tables: tuple[Table, ...], questions: tuple[tuple[str, Table], ...], names: tuple[str, ...]) -> str:
    """Return SQL that answers the questions with one JSON document: faster than to parse many columns."""
    answers = {"found": _FOUND.format(columns=columns_of(names, "visits"))}
    answers |= {name: QUESTIONS[name].sql.format(asked=table.sql) for name, table in questions}
    document = ", ".join(
        f"'{name}', (SELECT COALESCE(JSON_AGG(answer), '[]') FROM ({sql}) AS found(answer))"
        for name, sql in answers.items()
    )
    visits = _visits(tables, names).replace(" AS (", " AS MATERIALIZED (", 1)
    return f"WITH {visits} SELECT JSON_BUILD_OBJECT({document})::text"


_LOCK_ROWS = (
    f"UPDATE {_LOCK_ROW} SET is_taken = FALSE WHERE id IN (SELECT id FROM {_LOCK_ROW} "
    "WHERE id = ANY(%(numbers)s::smallint[]) ORDER BY id FOR NO KEY UPDATE)"
)
_FINGERPRINT_RANGE = {
    "visitor": "integer",
    "fingerprint": "integer",
    "digest": "uuid",
    "since": "timestamptz",
    "until": "timestamptz",
}
_FOUND = (
    "SELECT JSON_BUILD_ARRAY(visitor, fingerprint, JSON_BUILD_ARRAY(session_id, s.version, s.excluded_at IS NOT NULL, "
    f"{columns_of(['started_at'], 's')}, {time_column('s.carts_since', is_postgresql=True)}, s.carts_events, "
    "s.carts_claimed), {columns}) "
    f"FROM visits INNER JOIN {_SESSION} s ON s.id = session_id"
)
