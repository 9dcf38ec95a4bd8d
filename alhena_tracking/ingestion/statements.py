"""The statements of the hot path, written out: to build them anew with the ORM takes longer than to run them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col

from alhena_tracking.attribution import Candidate, CartState
from alhena_tracking.ingestion import prepared
from alhena_tracking.ingestion.transactions import database
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession

_INTERACTION = Interaction._meta.db_table
_SESSION = VisitorSession._meta.db_table
_CART_EVENT = CartEvent._meta.db_table
_ORDER = Order._meta.db_table

#: Statements with more parameters are asked too rarely, and are too many, to be prepared.
_PREPARED_PARAMETERS = 8


class ProductInCart(NamedTuple):
    """What has a state of its own: one product, by the digest of its id, in one visitor's cart and one currency."""

    session_id: int
    product_id_digest: UUID
    currency: str


class Digests(NamedTuple):
    """What may be stored of a visitor's fingerprints."""

    user: Sequence[UUID]
    faq: Sequence[UUID]


@dataclass(slots=True)
class Found:
    """What is stored that events may have to do with.

    ``candidates`` are the visitor's interactions; ``known`` the tables and ids of the events that are there already.
    Where products were asked for: ``states``, the last one of each in each of the candidates' sessions and when it came
    about; ``ordered_at``, when each session last ordered; ``versions`` of the sessions at that moment.
    """

    candidates: list[Candidate] = field(default_factory=list)
    known: set[tuple[type[models.Model], UUID]] = field(default_factory=set)
    states: dict[ProductInCart, tuple[datetime, CartState]] = field(default_factory=dict)
    ordered_at: dict[int, datetime] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)


def look_up(
    company: Company,
    visitor: Digests,
    start: datetime,
    end: datetime,
    event_ids: Mapping[type[models.Model], Collection[UUID]],
    products: Collection[tuple[UUID, str]] = (),
) -> Found:
    """The visitor's interactions from ``start`` to ``end``, and which of ``event_ids`` are stored, in one statement.

    ``products``, by the digests of their ids and their currencies, ask for the state of the carts, too.
    """
    connection = database()
    uuid, moment = _field(Interaction, "event_id"), _field(Interaction, "occurred_at")
    asked = list(products) if visitor.user or visitor.faq else []
    params: list[Any] = []
    if visitor.user or visitor.faq:
        params += [uuid.get_db_prep_value(value, connection) for digests in visitor for value in digests]
        params += [moment.get_db_prep_value(start, connection), moment.get_db_prep_value(end, connection)]
    tables = list(event_ids)
    for table in tables:
        params += [company.pk, *(uuid.get_db_prep_value(value, connection) for value in event_ids[table])]
    for digest, currency in asked:
        params += [uuid.get_db_prep_value(digest, connection), currency]
    sql, types = _look_up_statement(
        connection.vendor == "postgresql",
        len(visitor.user),
        len(visitor.faq),
        tuple((table._meta.db_table, len(event_ids[table])) for table in tables),
        len(asked),
    )
    rows = None
    if asked and len(types) <= _PREPARED_PARAMETERS and prepared.can_prepare(connection):
        rows = prepared.fetch(connection, sql, types, params)
    if rows is None:
        rows = _fetch(connection, sql, params)
    found = Found()
    for part, *values in _converted(connection, rows, _LOOKED_UP):
        pk, at, session_id, started_at, ordered_at, number, kind, ai_profile, is_qualifying, event_id, *cart = values
        if part > 0:
            found.known.add((tables[part - 1], event_id))
        elif part < 0:
            product = ProductInCart(session_id, *asked[-1 - part])
            quantity, units = cart
            found.states[product] = (at, CartState(quantity, units, number))
        else:
            found.candidates.append(Candidate(pk, at, session_id, started_at, kind, ai_profile, bool(is_qualifying)))
            found.versions[session_id] = number
            if ordered_at is not None:
                found.ordered_at[session_id] = ordered_at
    return found


@lru_cache(maxsize=256)
def _look_up_statement(
    is_postgresql: bool, users: int, faqs: int, tables: tuple[tuple[str, int], ...], products: int
) -> tuple[str, tuple[str, ...]]:
    """The text for so many digests of each kind, ids of each table and products, and its parameters' types."""
    # PostgreSQL would take a column of a union that begins with NULL for text.
    null_uuid, null_moment, null_quantity = (
        ("NULL::uuid", "NULL::timestamptz", "NULL::numeric") if is_postgresql else ("NULL", "NULL", "NULL")
    )
    visit = ""
    parts: list[str] = []
    types: list[str] = []
    if users or faqs:
        shared = " OR ".join(
            f"i.{column} IN ({_places(range(count))})"
            for column, count in (("user_fingerprint_digest", users), ("faq_fingerprint_digest", faqs))
            if count
        )
        ordered_at = (
            f"(SELECT MAX(o.occurred_at) FROM {_ORDER} o WHERE o.session_id = s.id)" if products else null_moment
        )
        visit = (
            f"WITH visit AS (SELECT i.id, i.occurred_at, i.session_id, s.started_at, {ordered_at} AS ordered_at, "
            f"s.version, i.kind, i.ai_profile, i.is_qualifying FROM {_INTERACTION} i "
            f"INNER JOIN {_SESSION} s ON s.id = i.session_id "
            f"WHERE ({shared}) AND i.occurred_at >= %s AND i.occurred_at <= %s) "
        )
        parts.append(
            "SELECT 0 AS part, id, occurred_at, session_id, started_at, ordered_at, version, kind, ai_profile, "
            f"is_qualifying, {null_uuid} AS event_id, {null_quantity} AS cart_quantity, "
            f"{null_quantity} AS claimed_units FROM visit"
        )
        types += ["uuid"] * (users + faqs) + ["timestamptz"] * 2
    for part, (table, count) in enumerate(tables, start=1):
        parts.append(
            f"SELECT {part}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, event_id, NULL, NULL "
            f"FROM {table} WHERE company_id = %s AND event_id IN ({_places(range(count))})"
        )
        types += ["bigint", *["uuid"] * count]
    for part in range(products):
        parts.append(
            f"SELECT {-1 - part}, NULL, c.occurred_at, c.session_id, NULL, NULL, c.claimed_minor, NULL, NULL, NULL, "
            "NULL, c.cart_quantity, c.claimed_units FROM (SELECT DISTINCT session_id FROM visit) v "
            f"INNER JOIN {_CART_EVENT} c ON c.id = (SELECT x.id FROM {_CART_EVENT} x WHERE x.session_id = v.session_id "
            "AND x.product_id_digest = %s AND x.currency = %s ORDER BY x.occurred_at DESC, x.id DESC LIMIT 1)"
        )
        types += ["uuid", "varchar"]
    return visit + " UNION ALL ".join(parts), tuple(types)


def read_carts(
    since: Mapping[ProductInCart, datetime],
) -> tuple[dict[ProductInCart, list[CartEvent]], dict[int, list[datetime]]]:
    """Each product's events from a moment on and those of the moment before it, in order, and when sessions ordered.

    The events have no more fields than decide what they are worth, or say so. Of the orders, too, those from the moment
    on are given, and the last one before it.
    """
    connection = database()
    moment, digest = _field(CartEvent, "occurred_at"), _field(CartEvent, "product_id_digest")
    own = "session_id = %s AND product_id_digest = %s AND currency = %s"
    parts: list[str] = []
    params: list[Any] = []
    starts: dict[int, Any] = {}
    products = list(since)
    for part, product in enumerate(products):
        parts.append(
            f"SELECT {part} AS part, {', '.join(_CART_FIELDS)} FROM {_CART_EVENT} WHERE {own} AND occurred_at >= "
            f"COALESCE((SELECT MAX(occurred_at) FROM {_CART_EVENT} WHERE {own} AND occurred_at < %s), %s)"
        )
        session_id, product_digest, currency = product
        identity = [session_id, digest.get_db_prep_value(product_digest, connection), currency]
        start = moment.get_db_prep_value(since[product], connection)
        starts[session_id] = min(starts.get(session_id, start), start)
        params += [*identity, *identity, start, start]
    columns = ", ".join(_ORDER_COLUMNS.get(name, "NULL") for name in _CART_FIELDS)
    for session_id, start in starts.items():
        parts.append(
            f"SELECT -1, {columns} FROM {_ORDER} WHERE session_id = %s AND occurred_at >= "
            f"COALESCE((SELECT MAX(occurred_at) FROM {_ORDER} WHERE session_id = %s AND occurred_at < %s), %s)"
        )
        params += [session_id, session_id, start, start]
    events: dict[ProductInCart, list[CartEvent]] = {}
    order_times: dict[int, list[datetime]] = {}
    rows = _fetch(connection, " UNION ALL ".join(parts), params)
    for part, *values in _converted(connection, rows, _CARTS):
        event = CartEvent.from_db(connection.alias, _CART_FIELDS, values)
        if part < 0:
            order_times.setdefault(event.pk, []).append(event.occurred_at)
        else:
            events.setdefault(products[part], []).append(event)
    for its_own in events.values():
        its_own.sort(key=lambda event: (event.occurred_at, event.pk))
    return events, order_times


def lock_session(session_id: int) -> None:
    """Hold a session until the transaction ends. See ``VisitorSessionQuerySet.lock``."""
    with database().cursor() as cursor:
        cursor.execute(f"UPDATE {_SESSION} SET version = version + 1 WHERE id = %s", [session_id])


def _places(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _fetch(connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _converted(
    connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]], fields: Mapping[int, models.Field[Any, Any]]
) -> list[list[Any]]:
    """The rows with the columns of ``fields``, by their places, as those fields' values."""
    converted = [list(row) for row in rows]
    for index, column, convert in _converters(connection.alias, tuple(fields.items())):
        for row in converted:
            row[index] = convert(row[index], column, connection)
    return converted


@cache
def _converters(
    alias: str, fields: Sequence[tuple[int, models.Field[Any, Any]]]
) -> list[tuple[int, Col, Callable[..., Any]]]:
    connection = connections[alias]
    columns = [(index, Col("", model_field)) for index, model_field in fields]
    return [
        (index, column, convert)
        for index, column in columns
        for convert in [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
    ]


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field: models.Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    return field


def _fields(model: type[models.Model], **places: int) -> dict[int, models.Field[Any, Any]]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {place: fields[name] for name, place in places.items()}


_LOOKED_UP = (
    _fields(Interaction, occurred_at=2, event_id=10)
    | _fields(VisitorSession, started_at=4)
    | {5: _field(Order, "occurred_at")}
    | _fields(CartEvent, cart_quantity=11, claimed_units=12)
)
_WORTH = {"type", "quantity", "value_minor", "value_basis", "units", "gmv_minor"}
_STATE = {"cart_quantity", "claimed_units", "claimed_minor"}
_CART_FIELDS = [
    field.name for field in CartEvent._meta.concrete_fields if field.name in {"id", "occurred_at"} | _WORTH | _STATE
]
_CARTS = {place: _field(CartEvent, name) for place, name in enumerate(_CART_FIELDS, start=1)}
#: What stands for an order among cart events.
_ORDER_COLUMNS = {"id": "session_id", "occurred_at": "occurred_at"}
