"""Lock and read what events depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from alhena_tracking.attribution import Candidate
from alhena_tracking.db.messages import Messages
from alhena_tracking.db.sql import time_column, time_of
from alhena_tracking.ingestion.data import Visitor
from alhena_tracking.ingestion.state import (
    INTERACTIONS_READ,
    SESSION_FIELDS,
    TABLES,
    Demand,
    Fingerprint,
    ProductInCart,
    Stored,
    StoredCartEvent,
)
from alhena_tracking.models import CartEvent, Interaction, LockRow, Order, VisitorSession

_INTERACTION, _SESSION, _CART_EVENT, _ORDER, _LOCK_ROW = (
    model._meta.db_table for model in (Interaction, VisitorSession, CartEvent, Order, LockRow)
)
_CART_COLUMNS = ("session_id", "product_id_digest", "currency", *StoredCartEvent.__dataclass_fields__)
_INTERACTION_COLUMNS = ("id", "occurred_at", "kind", "ai_profile", "is_qualifying")

_encode = json.JSONEncoder(default=str).encode


def read(messages: Messages, demand: Demand, also: Iterable[tuple[Visitor, int]], *, locks: bool) -> Stored:
    """Read what the events depend on, with the carts of ``also`` (visitors in sessions). It ``locks`` before."""
    return _Reading(demand, also).run(messages, locks=locks)


class _Reading:
    def __init__(self, demand: Demand, also: Iterable[tuple[Visitor, int]]) -> None:
        self.demand = demand
        self.visitors = list(demand.visitors)
        self.also = list(also)
        self.stored = Stored()

    def run(self, messages: Messages, *, locks: bool) -> Stored:
        """Lock rows, then sessions, then read: each statement sees what those before it waited for."""
        numbers, tables = self.demand.lock_numbers, _Tables()
        visits = [tables.add(column, _RANGE, rows) for column, rows in self._ranges().items()]
        if self.also:
            also = [(self.visitors.index(visitor), session_id) for visitor, session_id in self.also]
            visits.append(tables.add("also", {"visitor": "integer", "session_id": "bigint"}, also))
        questions = self._questions(tables)
        statements = [_answers(tuple(visits), tuple(questions))]
        if locks:
            statements = [*([_LOCK_ROWS] if numbers else []), _lock_sessions(tuple(visits)), *statements]
        params = {**tables.params, "numbers": numbers, "company": self.demand.company.pk}
        *locked, [(document,)] = messages.send(statements, params, begins=locks)
        self._add_answers(json.loads(document, parse_float=Decimal))
        if locks:
            held = {pk for (pk,) in locked[-1]}
            self.stored.carts_read = {visit for visit in self.stored.carts_read if visit[1] in held}
        self._read_ends(messages)
        return self.stored

    def _ranges(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return when which visitor's interactions matter, by the fingerprint's column."""
        ranges: dict[str, list[tuple[Any, ...]]] = {}
        for number, visitor in enumerate(self.demand.visitors.values()):
            for column, digest in visitor.fingerprints:
                ranges.setdefault(column, []).append((number, digest, *visitor.interactions))
        return ranges

    def _questions(self, tables: _Tables) -> list[tuple[str, _Table]]:
        """Return the names of the questions to ask, and the rows to ask each for."""
        visitors = list(enumerate(self.demand.visitors.values()))
        asked: dict[str, list[tuple[Any, ...]]] = {
            **{table._meta.db_table: [(event_id,) for event_id in ids] for table, ids in self.demand.event_ids.items()},
            "ids": [(len(self.demand.events),)] if self.demand.has_references else [],
            "sessions": [(True,)] if self.demand.has_references else [],
            "carts": [(number, *key, at) for number, visitor in visitors for key, at in visitor.products.items()],
            "later_carts": [(number, visitor.emptied_at) for number, visitor in visitors if visitor.emptied_at],
            "order_times": [(number, visitor.carts_since) for number, visitor in visitors if visitor.carts_since],
            "contents": [(number, key, *at) for number, visitor in visitors for key, at in visitor.contents.items()],
        }
        return [(name, tables.add(name, _TYPES[name], rows)) for name, rows in asked.items() if rows]

    def _add_answers(self, answers: dict[str, list[Any]]) -> None:
        stored = self.stored
        for number, *values in answers["found"]:
            self._add_visit(number, *values)
        for table in self.demand.event_ids:
            stored.known.update((table, UUID(event_id)) for event_id in answers[table._meta.db_table])
        for model, ids in zip(_RESERVED, zip(*answers.get("ids", ()), strict=True), strict=False):
            stored.reserved_ids[model] = list(ids)
        for pk, started_at, started_on, last_at, qualified_at, channel, ai_profile in answers.get("sessions", ()):
            stored.sessions[pk] = VisitorSession(
                pk=pk,
                company=self.demand.company,
                started_at=time_of(started_at),
                started_on=date.fromisoformat(started_on),
                last_interaction_at=time_of(last_at),
                qualified_at=qualified_at and time_of(qualified_at),
                channel=channel,
                ai_profile=ai_profile,
            )
        stored.add_carts(
            (ProductInCart(session_id, UUID(digest), currency), StoredCartEvent(pk, time_of(at), *values))
            for name in ("carts", "later_carts")
            for session_id, digest, currency, pk, at, *values in answers.get(name, ())
        )
        for session_id, at in answers.get("order_times", ()):
            stored.order_times.setdefault(session_id, []).append(time_of(at))
        for session_id, digest, at in answers.get("contents", ()):
            stored.contents.setdefault((session_id, UUID(digest)), []).append(time_of(at))

    def _add_visit(
        self,
        number: int,
        column: str | None,
        digest: str,
        session_id: int,
        version: int,
        started_at: int,
        pk: int,
        at: int,
        *others: Any,
    ) -> None:
        self.stored.carts_read.add((self.visitors[number], session_id))
        self.stored.versions[session_id] = version
        if column is not None:
            of_fingerprint = self.stored.candidates.setdefault(Fingerprint(column, UUID(digest)), {})
            of_fingerprint[pk] = Candidate(pk, time_of(at), session_id, time_of(started_at), *others)

    def _read_ends(self, messages: Messages) -> None:
        """Of many interactions, read those at both ends of each event's range: so far it was all events' range."""
        many = {
            fingerprint
            for visitor in self.demand.visitors.values()
            for fingerprint in visitor.fingerprints
            if len(visitor.times) > 1 and len(self.stored.candidates.get(fingerprint, ())) > INTERACTIONS_READ
        }
        tables = _Tables()
        for column in dict.fromkeys(fingerprint.column for fingerprint in many):
            rows = [
                (number, fingerprint.digest, *visitor.interactions_at(at, at))
                for number, visitor in enumerate(self.demand.visitors.values())
                for fingerprint in visitor.fingerprints
                if fingerprint in many and fingerprint.column == column
                for at in visitor.times
            ]
            tables.add(column, _RANGE, rows)
        if not many:
            return
        for fingerprint in many:
            self.stored.candidates[fingerprint] = {}
        [[(document,)]] = messages.send([_ends(tuple(tables.tables))], tables.params, begins=False)
        read = set(self.stored.carts_read)
        for visit in json.loads(document):
            self._add_visit(*visit)
        self.stored.carts_read = read


# Statements for reading


class _Table(NamedTuple):
    """The name of a question, and SQL for the rows that it is asked for, which are parameters."""

    name: str
    sql: str


class _Tables:
    def __init__(self) -> None:
        self.tables: list[_Table] = []
        self.params: dict[str, Any] = {}

    def add(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> _Table:
        """Add rows with columns of these types. A single one is planned as if it were not a table."""
        is_one = len(rows) == 1
        names, table = _table(name, tuple(types.items()), is_one)
        self.params.update(zip(names, rows[0] if is_one else map(list, zip(*rows, strict=True)), strict=True))
        self.tables.append(table)
        return table


@cache
def _table(name: str, types: tuple[tuple[str, str], ...], is_one: bool) -> tuple[list[str], _Table]:
    """Return the names of the parameters, and the table."""
    names = [f"{name}_{column}" for column, _ in types]
    if is_one:
        columns = ", ".join(f"%({name}_{column})s::{type_} AS {column}" for column, type_ in types)
        return names, _Table(name, f"(SELECT {columns}) AS asked")
    columns = ", ".join(f"%({name}_{column})s::{type_}[]" for column, type_ in types)
    return names, _Table(name, f"UNNEST({columns}) AS asked({', '.join(column for column, _ in types)})")


def _times(columns: Iterable[str], prefix: str) -> str:
    """Return columns, with times in microseconds, which ``time_of`` reads."""
    return ", ".join(
        time_column(f"{prefix}.{name}", is_postgresql=True) if name.endswith("_at") else f"{prefix}.{name}"
        for name in columns
    )


def _visits(tables: tuple[_Table, ...], *parts: str) -> str:
    """Return SQL for the interactions of the visitors asked for, and for the sessions asked for besides them."""
    visits = []
    for name, table in tables:
        if name == "also":
            visits.append(f"SELECT visitor, NULL, NULL, session_id, NULL, NULL, NULL, NULL, NULL FROM {table}")
            continue
        own = (
            f"SELECT session_id, {', '.join(_INTERACTION_COLUMNS)} FROM {_INTERACTION} WHERE {name} = asked.digest "
            "AND occurred_at >= asked.since AND occurred_at <= asked.until ORDER BY "
        )
        limited = " UNION ALL ".join(f"({own} {part})" for part in parts)
        visits.append(
            f"SELECT asked.visitor, '{name}', asked.digest, i.* FROM {table} CROSS JOIN LATERAL ({limited}) i"
        )
    return " UNION ALL ".join(visits)


_ENDS = (f"occurred_at, id LIMIT {INTERACTIONS_READ}", f"occurred_at DESC, id DESC LIMIT {INTERACTIONS_READ}")
_VISIT_COLUMNS = f"visitor, fingerprint, digest, session_id, {', '.join(_INTERACTION_COLUMNS)}"
_FOUND = (
    f"SELECT JSON_BUILD_ARRAY(visitor, fingerprint, digest, session_id, s.version, {_times(['started_at'], 's')}, "
    f"{_times(_INTERACTION_COLUMNS, 'visits')}) FROM visits INNER JOIN {_SESSION} s ON s.id = session_id"
)


@cache
def _lock_sessions(tables: tuple[_Table, ...]) -> str:
    """Lock sessions in ascending order. See ``VisitorSessionQuerySet.lock``."""
    sessions = f"SELECT session_id FROM ({_visits(tables, *_ENDS)}) AS visits({_VISIT_COLUMNS})"
    in_order = f"SELECT id FROM {_SESSION} WHERE id IN ({sessions}) ORDER BY id FOR NO KEY UPDATE"
    return f"UPDATE {_SESSION} SET version = version + 1 WHERE id IN ({in_order}) RETURNING id"


@cache
def _answers(tables: tuple[_Table, ...], questions: tuple[tuple[str, _Table], ...]) -> str:
    """Return SQL that answers the questions with one JSON document: faster than to parse many columns."""
    answers = {"found": _FOUND}
    answers |= {name: _QUESTIONS[name].format(asked=table.sql) for name, table in questions}
    document = ", ".join(f"'{name}', {_as_array(sql)}" for name, sql in answers.items())
    visits = f"WITH visits({_VISIT_COLUMNS}) AS MATERIALIZED ({_visits(tables, *_ENDS)})"
    return f"{visits} SELECT JSON_BUILD_OBJECT({document})::text"


@cache
def _ends(tables: tuple[_Table, ...]) -> str:
    return f"WITH visits({_VISIT_COLUMNS}) AS MATERIALIZED ({_visits(tables, *_ENDS)}) SELECT {_as_array(_FOUND)}::text"


def _as_array(sql: str) -> str:
    return f"(SELECT COALESCE(JSON_AGG(answer), '[]') FROM ({sql}) AS found(answer))"


_LOCK_ROWS = (
    f"UPDATE {_LOCK_ROW} SET is_taken = FALSE WHERE id IN (SELECT id FROM {_LOCK_ROW} "
    "WHERE id = ANY(%(numbers)s::smallint[]) ORDER BY id FOR NO KEY UPDATE)"
)
_RANGE = {"visitor": "integer", "digest": "uuid", "since": "timestamptz", "until": "timestamptz"}
_TABLES_OF_EVENTS = tuple(chain.from_iterable(TABLES.values()))
_TYPES = {
    **{table._meta.db_table: {"event_id": "uuid"} for table in _TABLES_OF_EVENTS},
    "ids": {"most": "integer"},
    "sessions": {"are_asked": "boolean"},
    "carts": {"visitor": "integer", "digest": "uuid", "currency": "varchar", "since": "timestamptz"},
    "later_carts": {"visitor": "integer", "since": "timestamptz"},
    "order_times": {"visitor": "integer", "since": "timestamptz"},
    "contents": _RANGE,
}
_RESERVED = (VisitorSession, Interaction, Order)
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
_LATER = (
    "(SELECT DISTINCT asked.visitor, later.product_id_digest AS digest, later.currency, asked.since "
    f"FROM {_IN_SESSIONS} CROSS JOIN LATERAL (SELECT * FROM {_CART_EVENT} WHERE session_id = v.session_id "
    "AND occurred_at >= asked.since OFFSET 0) later) AS asked"
)
_ORDERS = f"FROM {_ORDER} WHERE session_id = v.session_id AND occurred_at"
_OF_SESSIONS = (
    f"SELECT JSON_BUILD_ARRAY(s.id, {_times(SESSION_FIELDS, 's')}) "
    f"FROM {{asked}}, (SELECT DISTINCT session_id FROM visits) v INNER JOIN {_SESSION} s ON s.id = v.session_id"
)
_QUESTIONS = {
    **{
        table._meta.db_table: (
            "SELECT TO_JSON(t.event_id) FROM {asked} CROSS JOIN LATERAL "
            f"(SELECT event_id FROM {table._meta.db_table} WHERE company_id = %(company)s::bigint "
            "AND event_id = asked.event_id OFFSET 0) t"
        )
        for table in _TABLES_OF_EVENTS
    },
    # Ids of rows that others refer to, so that all can be inserted at once.
    "ids": f"SELECT JSON_BUILD_ARRAY({_SEQUENCES}) FROM {{asked}} CROSS JOIN GENERATE_SERIES(1, asked.most)",
    "sessions": _OF_SESSIONS,
    "carts": _CARTS,
    "later_carts": _CARTS.format(asked=_LATER),
    "order_times": (
        f"SELECT JSON_BUILD_ARRAY(v.session_id, {_times(['occurred_at'], 'o')}) FROM {_IN_SESSIONS} CROSS JOIN LATERAL "
        f"(SELECT MAX(occurred_at) AS occurred_at {_ORDERS} < asked.since UNION ALL "
        f"SELECT occurred_at {_ORDERS} >= asked.since) o WHERE o.occurred_at IS NOT NULL"
    ),
    "contents": (
        f"SELECT JSON_BUILD_ARRAY(v.session_id, asked.digest, {_times(['occurred_at'], 'o')}) FROM {_IN_SESSIONS} "
        f"CROSS JOIN LATERAL (SELECT occurred_at FROM {_ORDER} WHERE session_id = v.session_id "
        "AND contents_digest = asked.digest AND occurred_at >= asked.since AND occurred_at <= asked.until OFFSET 0) o"
    ),
}
