"""The statements of the hot path, written out: to build them anew with the ORM takes longer than to run them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col

from alhena_tracking.attribution import Candidate
from alhena_tracking.db import prepared
from alhena_tracking.db.transactions import database, fills_in_parameters
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession

_INTERACTION = Interaction._meta.db_table
_SESSION = VisitorSession._meta.db_table
_CART_EVENT = CartEvent._meta.db_table
_ORDER = Order._meta.db_table

#: What decides what a cart event is worth, or says so, with PostgreSQL's types.
_CART_COLUMNS = {
    "type": "varchar",
    "quantity": "numeric",
    "value_minor": "bigint",
    "value_basis": "varchar",
    "units": "numeric",
    "gmv_minor": "bigint",
    "cart_quantity": "numeric",
    "claimed_units": "numeric",
    "claimed_minor": "bigint",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: So many ids or products, in one parameter: the statement is the same for any number of them.
_MANY = -1

_KINDS = ("user", "faq")
_DIGESTS = ("user_fingerprint_digest", "faq_fingerprint_digest")


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
class StoredCartEvent:
    """Of a cart event's row, its id, its moment and the ``_CART_COLUMNS``, in their order."""

    id: int
    occurred_at: datetime
    type: str
    quantity: Decimal
    value_minor: int
    value_basis: str
    units: Decimal
    gmv_minor: int
    cart_quantity: Decimal
    claimed_units: Decimal
    claimed_minor: int


@dataclass(slots=True)
class Found:
    """What is stored that events may have to do with.

    ``candidates`` are the visitor's interactions; ``known`` the tables and ids of the events that are there already.
    Where products were asked for: ``carts``, their rows in each of the candidates' sessions, in order; ``ordered_at``,
    when each session last ordered; ``versions`` of the sessions at that moment.
    """

    candidates: list[Candidate] = dataclasses.field(default_factory=list)
    known: set[tuple[type[models.Model], UUID]] = dataclasses.field(default_factory=set)
    carts: dict[ProductInCart, list[StoredCartEvent]] = dataclasses.field(default_factory=dict)
    ordered_at: dict[int, datetime] = dataclasses.field(default_factory=dict)
    versions: dict[int, int] = dataclasses.field(default_factory=dict)


def look_up(
    company: Company,
    visitor: Digests,
    start: datetime,
    end: datetime,
    event_ids: Mapping[type[models.Model], Collection[UUID]],
    products: Mapping[tuple[UUID, str], datetime] | None = None,
) -> Found:
    """The visitor's interactions from ``start`` to ``end``, and which of ``event_ids`` are stored, in one statement.

    ``products``, by the digests of their ids and their currencies, ask for their rows in the carts, too: those from
    a moment on, and those of the moment before it.
    """
    connection = database()
    uuid, moment = _field(Interaction, "event_id"), _field(Interaction, "occurred_at")
    param = _as_it_is if fills_in_parameters(connection) else _as_param
    tables = list(event_ids)
    asked = list((products or {}).items()) if visitor.user or visitor.faq else []
    params: dict[str, Any] = {"company": company.pk}
    for kind, digests in zip(_KINDS, visitor, strict=True):
        params |= {f"{kind}{n}": param(uuid, digest, connection) for n, digest in enumerate(digests)}
    if visitor.user or visitor.faq:
        params["start"] = param(moment, start, connection)
        params["end"] = param(moment, end, connection)
    can_prepare = bool(asked) and prepared.can_prepare(connection)
    counts: list[int] = []
    for part, table in enumerate(tables, start=1):
        ids = [param(uuid, event_id, connection) for event_id in event_ids[table]]
        counts.append(_MANY if can_prepare and len(ids) > 1 else len(ids))
        if counts[-1] == _MANY:
            params[f"events{part}"] = ids
        else:
            params |= {f"event{part}_{n}": event_id for n, event_id in enumerate(ids)}
    products_count = _MANY if can_prepare and len(asked) > 1 else len(asked)
    if products_count == _MANY:
        told = [
            {"part": -1 - part, "digest": digest, "currency": currency, "since": since}
            for part, ((digest, currency), since) in enumerate(asked)
        ]
        params["products"] = json.dumps(told, default=str)
    else:
        for part, ((digest, currency), since) in enumerate(asked):
            params[f"product{part}"] = param(uuid, digest, connection)
            params[f"currency{part}"] = currency
            params[f"since{part}"] = param(moment, since, connection)
    sql, types = _look_up_statement(
        connection.vendor == "postgresql",
        (len(visitor.user), len(visitor.faq)),
        tuple((table._meta.db_table, count) for table, count in zip(tables, counts, strict=True)),
        products_count,
    )
    rows = None
    if can_prepare:
        rows = prepared.fetch(connection, sql, types, params)
    if rows is None:
        rows = _fetch(connection, sql, params)
    found = Found()
    for part, *values in _converted(connection, rows, _LOOKED_UP):
        pk, at, session_id, started_at, ordered_at, version, kind, ai_profile, is_qualifying, event_id, *cart = values
        if part > 0:
            found.known.add((tables[part - 1], event_id))
        elif part < 0:
            product = ProductInCart(session_id, *asked[-1 - part][0])
            found.carts.setdefault(product, []).append(StoredCartEvent(pk, at, *cart))
        else:
            found.candidates.append(Candidate(pk, at, session_id, started_at, kind, ai_profile, bool(is_qualifying)))
            found.versions[session_id] = version
            if ordered_at is not None:
                found.ordered_at[session_id] = ordered_at
    for rows_of_product in found.carts.values():
        rows_of_product.sort(key=_place)
    return found


@lru_cache(maxsize=256)
def _look_up_statement(
    is_postgresql: bool, digests: tuple[int, int], tables: tuple[tuple[str, int], ...], products: int
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text for so many digests of each kind, ids of each table and products; its parameters with their types."""
    # PostgreSQL would take a column of a union that begins with NULL for text.
    null_uuid, null_moment = ("NULL::uuid", "NULL::timestamptz") if is_postgresql else ("NULL", "NULL")
    no_cart = ", ".join(f"NULL::{kind}" if is_postgresql else "NULL" for kind in _CART_COLUMNS.values())
    nothing = ", ".join(["NULL"] * len(_CART_COLUMNS))
    occurred_at, started_at, ordered_at, in_cart_at = (
        _moment_column(moment, is_postgresql) for moment in ("occurred_at", "started_at", "ordered_at", "c.occurred_at")
    )
    visit = ""
    parts: list[str] = []
    types: dict[str, str] = {"company": "bigint"}
    if any(digests):
        # Not one SELECT with OR: PostgreSQL takes that for a reason to read all of a table that it thinks is small.
        visits: list[str] = []
        before = ""
        for kind, column, count in zip(_KINDS, _DIGESTS, digests, strict=True):
            if count:
                names = [f"{kind}{n}" for n in range(count)]
                types |= dict.fromkeys(names, "uuid")
                visits.append(
                    "SELECT i.id, i.occurred_at, i.session_id, s.started_at, {ordered_at} AS ordered_at, s.version, "
                    f"i.kind, i.ai_profile, i.is_qualifying FROM {_INTERACTION} i "
                    f"INNER JOIN {_SESSION} s ON s.id = i.session_id WHERE i.{column} IN ({_named(names)}) "
                    f"AND i.occurred_at >= %(start)s AND i.occurred_at <= %(end)s{before}"
                )
                before = f" AND (i.{column} IS NULL OR i.{column} NOT IN ({_named(names)}))"
        types |= {"start": "timestamptz", "end": "timestamptz"}
        last_order = (
            f"(SELECT MAX(o.occurred_at) FROM {_ORDER} o WHERE o.session_id = s.id)" if products else null_moment
        )
        visit = f"WITH visit AS ({' UNION ALL '.join(visits).format(ordered_at=last_order)}) "
        parts.append(
            f"SELECT 0 AS part, id, {occurred_at}, session_id, {started_at}, {ordered_at}, version, kind, ai_profile, "
            f"is_qualifying, {null_uuid} AS event_id, {no_cart} FROM visit"
        )
    for part, (table, count) in enumerate(tables, start=1):
        names = [f"event{part}_{n}" for n in range(count)]
        types |= dict.fromkeys(names, "uuid") if count != _MANY else {f"events{part}": "uuid[]"}
        stored = f"FROM {table} t WHERE t.company_id = %(company)s AND t.event_id"
        among = f"{stored} IN ({_named(names)})"
        if count == _MANY:
            each = f"LATERAL (SELECT t.event_id {stored} = told.id OFFSET 0) t"
            among = f"FROM UNNEST(%(events{part})s) AS told(id), {each}"
        parts.append(
            f"SELECT {part}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, t.event_id, {nothing} {among}"
        )
    in_cart = (
        f"c.id, {in_cart_at}, v.session_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
        f"{', '.join(f'c.{column}' for column in _CART_COLUMNS)} FROM (SELECT DISTINCT session_id FROM visit) v"
    )
    for part in range(products):
        types |= {f"product{part}": "uuid", f"currency{part}": "varchar", f"since{part}": "timestamptz"}
        place = _place_in_cart(f"%(product{part})s", f"%(currency{part})s", f"%(since{part})s")
        joined = f"INNER JOIN {_CART_EVENT} c ON {place}"
        if is_postgresql:
            joined = f"CROSS JOIN LATERAL {_each_of(place)} c"
        parts.append(f"SELECT {-1 - part}, {in_cart} {joined}")
    if products == _MANY:
        types |= {"products": "json"}
        each = _each_of(_place_in_cart("told.digest", "told.currency", "told.since"))
        parts.append(
            f"SELECT told.part, {in_cart} CROSS JOIN JSON_TO_RECORDSET(%(products)s) "
            f"AS told(part integer, digest uuid, currency varchar, since timestamptz) CROSS JOIN LATERAL {each} c"
        )
    return visit + " UNION ALL ".join(parts), tuple(types.items())


def _moment_column(moment: str, is_postgresql: bool) -> str:
    """A moment as ``_converted`` reads it: psycopg takes longer to read one date than the rest of its row."""
    return f"(EXTRACT(EPOCH FROM {moment}) * 1000000)::bigint" if is_postgresql else moment


def _place_in_cart(digest: str, currency: str, since: str) -> str:
    """The condition for a product's rows ``c`` in the cart of ``v``: from a moment on, and those of the one before."""
    return (
        f"c.session_id = v.session_id AND c.product_id_digest = {digest} AND c.currency = {currency} "
        f"AND c.occurred_at >= COALESCE((SELECT MAX(x.occurred_at) FROM {_CART_EVENT} x "
        f"WHERE x.session_id = v.session_id AND x.product_id_digest = {digest} AND x.currency = {currency} "
        f"AND x.occurred_at < {since}), {since})"
    )


def _each_of(place: str) -> str:
    """The rows ``c`` of a place. OFFSET keeps PostgreSQL from joining the other way around, beginning with them all."""
    return f"(SELECT c.* FROM {_CART_EVENT} c WHERE {place} OFFSET 0)"


def read_carts(
    since: Mapping[ProductInCart, datetime],
) -> tuple[dict[ProductInCart, list[StoredCartEvent]], dict[int, list[datetime]]]:
    """Each product's rows as in ``Found.carts``, and when sessions ordered: from that moment on, and last before it."""
    connection = database()
    moment, digest = _field(CartEvent, "occurred_at"), _field(CartEvent, "product_id_digest")
    occurred_at = _moment_column("occurred_at", connection.vendor == "postgresql")
    own = "session_id = %s AND product_id_digest = %s AND currency = %s"
    parts: list[str] = []
    params: list[Any] = []
    starts: dict[int, Any] = {}
    products = list(since)
    for part, product in enumerate(products):
        parts.append(
            f"SELECT {part} AS part, id, {occurred_at}, {', '.join(_CART_COLUMNS)} FROM {_CART_EVENT} WHERE {own} "
            f"AND occurred_at >= COALESCE((SELECT MAX(occurred_at) FROM {_CART_EVENT} WHERE {own} "
            "AND occurred_at < %s), %s)"
        )
        session_id, product_digest, currency = product
        identity = [session_id, digest.get_db_prep_value(product_digest, connection), currency]
        start = moment.get_db_prep_value(since[product], connection)
        starts[session_id] = min(starts.get(session_id, start), start)
        params += [*identity, *identity, start, start]
    nothing = ", ".join(["NULL"] * len(_CART_COLUMNS))
    for session_id, start in starts.items():
        parts.append(
            f"SELECT -1, session_id, {occurred_at}, {nothing} FROM {_ORDER} WHERE session_id = %s AND occurred_at >= "
            f"COALESCE((SELECT MAX(occurred_at) FROM {_ORDER} WHERE session_id = %s AND occurred_at < %s), %s)"
        )
        params += [session_id, session_id, start, start]
    rows: dict[ProductInCart, list[StoredCartEvent]] = {}
    order_times: dict[int, list[datetime]] = {}
    for part, pk, at, *cart in _converted(connection, _fetch(connection, " UNION ALL ".join(parts), params), _CARTS):
        if part < 0:
            order_times.setdefault(pk, []).append(at)
        else:
            rows.setdefault(products[part], []).append(StoredCartEvent(pk, at, *cart))
    for rows_of_product in rows.values():
        rows_of_product.sort(key=_place)
    return rows, order_times


def _place(event: StoredCartEvent) -> tuple[datetime, int]:
    return event.occurred_at, event.id


def lock_session(session_id: int) -> None:
    """Hold a session until the transaction ends. See ``VisitorSessionQuerySet.lock``."""
    with database().cursor() as cursor:
        cursor.execute(f"UPDATE {_SESSION} SET version = version + 1 WHERE id = %s", [session_id])


def _named(names: Collection[str]) -> str:
    return ", ".join(f"%({name})s" for name in names)


def _fetch(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] | Mapping[str, Any]
) -> list[tuple[Any, ...]]:
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
    converters: list[tuple[int, Col, Callable[..., Any]]] = []
    for index, model_field in fields:
        column = Col("", model_field)
        of_column = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        if connection.vendor == "postgresql" and isinstance(model_field, models.DateTimeField):
            of_column = [_from_microseconds]
        converters += [(index, column, convert) for convert in of_column]
    return converters


def _from_microseconds(microseconds: int | None, column: Col, connection: BaseDatabaseWrapper) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _as_it_is(field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    """psycopg takes moments and UUIDs of ours as they are."""
    return value


def _as_param(field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    return field.get_db_prep_value(value, connection)


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field: models.Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    return field


def _fields(model: type[models.Model], **places: int) -> dict[int, models.Field[Any, Any]]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {place: fields[name] for name, place in places.items()}


_CARTS = _fields(CartEvent, occurred_at=2) | {
    place: _field(CartEvent, name) for place, name in enumerate(_CART_COLUMNS, start=3)
}
_LOOKED_UP = (
    _fields(Interaction, occurred_at=2, event_id=10)
    | _fields(VisitorSession, started_at=4)
    | {5: _field(Order, "occurred_at")}
    | {place: _field(CartEvent, name) for place, name in enumerate(_CART_COLUMNS, start=11)}
)
