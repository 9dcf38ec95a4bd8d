"""Lock and read what events depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import CART_ORDERS
from alhena_tracking.db.messages import Messages, Table, Tables
from alhena_tracking.db.sql import time_column, time_of
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import CartEventData, InteractionData
from alhena_tracking.ingestion.state import (
    DENIALS_READ,
    INTERACTIONS_READ,
    SESSION_FIELDS,
    TABLES,
    Demand,
    Fingerprint,
    LateError,
    ProductInCart,
    Stored,
    StoredCartEvent,
    StoredOrder,
)
from alhena_tracking.models import CartEvent, Interaction, LockRow, Order, PendingConfirmation, Standing, VisitorSession

_INTERACTION, _SESSION, _CART_EVENT, _ORDER, _PENDING, _LOCK_ROW = (
    model._meta.db_table for model in (Interaction, VisitorSession, CartEvent, Order, PendingConfirmation, LockRow)
)
_CART_COLUMNS = ("session_id", "product_id_digest", "currency", *StoredCartEvent.__dataclass_fields__)
_ORDER_COLUMNS = tuple(StoredOrder.__dataclass_fields__)
_INTERACTION_COLUMNS = ("id", "occurred_at", "kind", "ai_profile", "is_qualifying")


def read(messages: Messages, demand: Demand, *, locks: bool) -> Stored:
    """Read what events other than orders depend on; with ``locks``, lock it first."""
    stored = _read(messages, demand, locks=locks)
    if demand.has_several_times and any(len(found) > INTERACTIONS_READ for found in stored.candidates.values()):
        # Of many interactions, read those at both ends of each event's range: so far it was all events' range.
        locked = stored.carts_read
        stored = _read(messages, demand, locks=False, is_by_time=True)
        if locks:
            stored.carts_read &= locked
    if not locks:
        stored.versions = {pk: version + 1 for pk, version in stored.versions.items()}
    for visitor, session_id in stored.carts_read:
        since = demand.visitors[visitor].carts_since
        if since and any(order.cart_at >= since for order in stored.cart_orders.get(session_id, ())):
            raise LateError
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
    visits = [tables.add(column, _FINGERPRINT_RANGE, rows) for column, rows in ranges.items()]
    statements = [_answers(tuple(visits), tuple(_questions(demand, tables)))]
    if locks:
        lock_rows = [_LOCK_ROWS] if demand.lock_numbers else []
        statements = [*lock_rows, _lock_sessions(tuple(visits)), *statements]
    params = {**tables.params, "numbers": demand.lock_numbers, "company": demand.company.pk}
    *locked, [(document,)] = messages.send(statements, params, begins=locks)
    answers = json.loads(document, parse_float=Decimal)
    stored = _stored(answers, demand)
    held = {pk for (pk,) in locked[-1]} if locks else None
    for visitor, number, (session_id, version, is_excluded, started_at, *used), pk, at, *others in answers["found"]:
        if held is None or session_id in held:
            stored.carts_read.add((visitors[visitor], session_id))
        stored.versions[session_id] = version
        since, events, claimed = used
        stored.allowances[session_id] = CartAllowance(since and time_of(since), events, claimed)
        if is_excluded:
            stored.excluded_sessions.add(session_id)
        candidate = Candidate(pk, time_of(at), session_id, time_of(started_at), *others)
        stored.candidates.setdefault(fingerprints[number], {})[pk] = candidate
    return stored


def _questions(demand: Demand, tables: Tables) -> list[tuple[str, Table]]:
    """Return the names of the questions to ask, and the rows to ask each for."""
    visitors = list(enumerate(demand.visitors.values()))
    asked: dict[str, list[tuple[Any, ...]]] = {
        **{table._meta.db_table: [(event_id,) for event_id in ids] for table, ids in demand.event_ids.items()},
        "ids": [] if demand.is_of_carts else [(len(demand.events),)],
        "sessions": [] if demand.is_of_carts else [(True,)],
        **_denials(demand),
        "carts": [(number, *key, at) for number, visitor in visitors for key, at in visitor.products.items()],
        "cart_orders": [(number,) for number, visitor in visitors if visitor.carts_since],
    }
    return [(name, tables.add(name, _TYPES[name], rows)) for name, rows in asked.items() if rows]


def _denials(demand: Demand) -> dict[str, list[tuple[Any, ...]]]:
    """Return the fingerprints of those who interact: a denial may name them."""
    asked: dict[str, list[tuple[Any, ...]]] = {}
    for visitor in demand.visitors.values():
        for column, digest in visitor.fingerprints if visitor.has_interactions else ():
            asked.setdefault(f"denied_{column}", []).append((digest,))
    return asked


def _stored(answers: dict[str, list[Any]], demand: Demand) -> Stored:
    """Build the rows of all answers but those of the interactions found."""
    stored = Stored()
    for table in demand.event_ids:
        stored.add_known(table, ((UUID(event_id), trust) for event_id, trust in answers[table._meta.db_table]))
    for model, ids in zip(_RESERVED, zip(*answers.get("ids", ()), strict=True), strict=False):
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
        for session_id, digest, currency, pk, at, *values in answers.get("carts", ())
    )
    for name in _DENIED:
        stored.denied_order_ids.update(order_id for (order_id,) in answers.get(name, ()))
    orders: dict[int, dict[int, StoredOrder]] = {}
    for session_id, pk, at, *values in answers.get("cart_orders", ()):
        orders.setdefault(session_id, {})[pk] = StoredOrder(pk, time_of(at), *values)
    stored.cart_orders = {session_id: list(found.values()) for session_id, found in orders.items()}
    return stored


# Statements for reading


def _times(columns: Iterable[str], prefix: str) -> str:
    """Return columns, with times in microseconds, which ``time_of`` reads."""
    return ", ".join(
        time_column(f"{prefix}.{name}", is_postgresql=True) if name.endswith("_at") else f"{prefix}.{name}"
        for name in columns
    )


@cache
def _visits(tables: tuple[Table, ...]) -> str:
    """Return SQL for the interactions of the visitors asked for."""
    visits = []
    for name, table in tables:
        rows = (
            f"FROM {_INTERACTION} WHERE {name} = asked.digest "
            "AND occurred_at >= asked.since AND occurred_at <= asked.until"
        )
        columns, first = ", ".join(_INTERACTION_COLUMNS), f"{rows} ORDER BY occurred_at, id"
        # Nothing comes after the last of the first rows where there are no more of them.
        after = f"(SELECT occurred_at, id {first} OFFSET {INTERACTIONS_READ - 1} LIMIT 1)"
        last = f"{rows} AND (occurred_at, id) > {after} ORDER BY occurred_at DESC, id DESC"
        visits.append(
            f"SELECT asked.visitor, asked.fingerprint, i.* FROM {table} CROSS JOIN LATERAL ("
            f"(SELECT session_id, {columns} {first} LIMIT {INTERACTIONS_READ}) UNION ALL "
            f"(SELECT session_id, {columns} {last} LIMIT {INTERACTIONS_READ})) i"
        )
    return (
        f"visits(visitor, fingerprint, session_id, {', '.join(_INTERACTION_COLUMNS)}) AS ({' UNION ALL '.join(visits)})"
    )


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
def _answers(tables: tuple[Table, ...], questions: tuple[tuple[str, Table], ...]) -> str:
    """Return SQL that answers the questions with one JSON document: faster than to parse many columns."""
    answers = {"found": _FOUND}
    answers |= {name: _QUESTIONS[name].format(asked=table.sql) for name, table in questions}
    document = ", ".join(
        f"'{name}', (SELECT COALESCE(JSON_AGG(answer), '[]') FROM ({sql}) AS found(answer))"
        for name, sql in answers.items()
    )
    return (
        f"WITH {_visits(tables).replace(' AS (', ' AS MATERIALIZED (', 1)} SELECT JSON_BUILD_OBJECT({document})::text"
    )


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
    f"{_times(['started_at'], 's')}, {time_column('s.carts_since', is_postgresql=True)}, s.carts_events, "
    f"s.carts_claimed), {_times(_INTERACTION_COLUMNS, 'visits')}) "
    f"FROM visits INNER JOIN {_SESSION} s ON s.id = session_id"
)
_TABLES_OF_EVENTS = (*TABLES[InteractionData], *TABLES[CartEventData])
_DENIED = {f"denied_{column}": column for column in ("user_fingerprint_digest", "faq_fingerprint_digest")}
_TYPES = {
    **{table._meta.db_table: {"event_id": "uuid"} for table in _TABLES_OF_EVENTS},
    "ids": {"most": "integer"},
    "sessions": {"are_asked": "boolean"},
    **{name: {"digest": "uuid"} for name in _DENIED},
    "carts": {"visitor": "integer", "digest": "uuid", "currency": "varchar", "since": "timestamptz"},
    "cart_orders": {"visitor": "integer"},
}
_RESERVED = (VisitorSession, Interaction)
_SEQUENCES = ", ".join(f"NEXTVAL(PG_GET_SERIAL_SEQUENCE('{model._meta.db_table}', 'id'))" for model in _RESERVED)
_IN_SESSIONS = "(SELECT DISTINCT visitor, session_id FROM visits) v INNER JOIN {asked} ON asked.visitor = v.visitor"
_PLACE = "session_id = v.session_id AND product_id_digest = asked.digest AND currency = asked.currency"
#: Each product's rows from a time on, and those of the last time before it. OFFSET 0 keeps PostgreSQL from reading a
#: small table as a whole, by a plan that it keeps when the table has grown.
_CARTS = (
    f"SELECT JSON_BUILD_ARRAY({_times(_CART_COLUMNS, 'c')}) FROM {_IN_SESSIONS} CROSS JOIN LATERAL (SELECT * "
    f"FROM {_CART_EVENT} WHERE {_PLACE} AND occurred_at >= COALESCE((SELECT MAX(occurred_at) FROM {_CART_EVENT} "
    f"WHERE {_PLACE} AND occurred_at < asked.since), asked.since) OFFSET 0) c"
)
_OF_SESSIONS = (
    f"SELECT JSON_BUILD_ARRAY(s.id, {_times(SESSION_FIELDS, 's')}) "
    f"FROM {{asked}}, (SELECT DISTINCT session_id FROM visits) v INNER JOIN {_SESSION} s ON s.id = v.session_id"
)
_QUESTIONS = {
    **{
        table._meta.db_table: (
            "SELECT JSON_BUILD_ARRAY(t.event_id, t.trust) FROM {asked} CROSS JOIN LATERAL "
            f"(SELECT event_id, trust FROM {table._meta.db_table} WHERE company_id = %(company)s::bigint "
            "AND event_id = asked.event_id OFFSET 0) t"
        )
        for table in _TABLES_OF_EVENTS
    },
    # Ids of rows that others refer to, so that all can be inserted at once.
    "ids": f"SELECT JSON_BUILD_ARRAY({_SEQUENCES}) FROM {{asked}} CROSS JOIN GENERATE_SERIES(1, asked.most)",
    "sessions": _OF_SESSIONS,
    **{
        name: (
            f"SELECT JSON_BUILD_ARRAY(p.order_id) FROM {{asked}} CROSS JOIN LATERAL (SELECT order_id "
            f"FROM {_PENDING} WHERE {column} = asked.digest ORDER BY received_at DESC LIMIT {DENIALS_READ}) p"
        )
        for name, column in _DENIED.items()
    },
    "carts": _CARTS,
    # The latest ones: of those before the event, unless one of them is later.
    "cart_orders": (
        f"SELECT JSON_BUILD_ARRAY(v.session_id, {_times(_ORDER_COLUMNS, 'o')}) FROM {_IN_SESSIONS} CROSS JOIN LATERAL "
        f"(SELECT * FROM {_ORDER} WHERE session_id = v.session_id AND standing = '{Standing.COUNTED}' "
        f"ORDER BY cart_at DESC, arrival DESC LIMIT {CART_ORDERS + 1}) o"
    ),
}
