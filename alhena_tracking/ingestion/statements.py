"""The hot path's statements in SQL: building them with the ORM takes longer than running them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from alhena_tracking.attribution import Candidate
from alhena_tracking.db import prepared
from alhena_tracking.db.sql import converted, fetch, field_of, fields_at, time_column
from alhena_tracking.db.transactions import database, fills_in_parameters
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession

_INTERACTION = Interaction._meta.db_table
_SESSION = VisitorSession._meta.db_table
_CART_EVENT = CartEvent._meta.db_table
_ORDER = Order._meta.db_table

#: The columns that a cart event's worth depends on or is stored in, with PostgreSQL's types.
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
#: Stands for any number of ids or products in one parameter, so that the statement stays the same.
_MANY = -1

_KINDS = ("user", "faq")
_DIGESTS = ("user_fingerprint_digest", "faq_fingerprint_digest")


class ProductInCart(NamedTuple):
    """The key of a cart state: one product (by the digest of its id) in one session and currency."""

    session_id: int
    product_id_digest: UUID
    currency: str


class Digests(NamedTuple):
    """The digests under which a visitor's fingerprints may be stored."""

    user: Sequence[UUID]
    faq: Sequence[UUID]


@dataclass(slots=True)
class StoredCartEvent:
    """The columns of a cart event's row that its worth depends on: id, time and ``_CART_COLUMNS``, in this order."""

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
    """The stored rows that events depend on.

    ``candidates`` are the visitor's interactions, ``known`` the tables and ids of events that are stored already. With
    products given: ``carts`` are their rows in each candidate's session, in order; ``ordered_at`` the time of each
    session's last order; ``versions`` those of the sessions when they were read.
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
    """Read the visitor's interactions from ``start`` to ``end`` and the stored ones of ``event_ids``, in one statement.

    ``products`` (digest of the id, currency) adds their rows in the carts: from the given time on, and those of the
    last time before it.
    """
    connection = database()
    uuid, moment = field_of(Interaction, "event_id"), field_of(Interaction, "occurred_at")
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
        rows_asked = [
            {"part": -1 - part, "digest": digest, "currency": currency, "since": since}
            for part, ((digest, currency), since) in enumerate(asked)
        ]
        params["products"] = json.dumps(rows_asked, default=str)
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
        rows = fetch(connection, sql, params)
    found = Found()
    for part, *values in converted(connection, rows, _LOOKED_UP):
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
    """Return the statement for these numbers of digests, ids and products, and the types of its parameters."""
    # PostgreSQL would take a column of a union that begins with NULL for text.
    null_uuid, null_moment = ("NULL::uuid", "NULL::timestamptz") if is_postgresql else ("NULL", "NULL")
    no_cart = ", ".join(f"NULL::{kind}" if is_postgresql else "NULL" for kind in _CART_COLUMNS.values())
    nothing = ", ".join(["NULL"] * len(_CART_COLUMNS))
    occurred_at, started_at, ordered_at, in_cart_at = (
        time_column(moment, is_postgresql) for moment in ("occurred_at", "started_at", "ordered_at", "c.occurred_at")
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
            each = f"LATERAL (SELECT t.event_id {stored} = asked.id OFFSET 0) t"
            among = f"FROM UNNEST(%(events{part})s) AS asked(id), {each}"
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
        each = _each_of(_place_in_cart("asked.digest", "asked.currency", "asked.since"))
        parts.append(
            f"SELECT asked.part, {in_cart} CROSS JOIN JSON_TO_RECORDSET(%(products)s) "
            f"AS asked(part integer, digest uuid, currency varchar, since timestamptz) CROSS JOIN LATERAL {each} c"
        )
    return visit + " UNION ALL ".join(parts), tuple(types.items())


def _place_in_cart(digest: str, currency: str, since: str) -> str:
    """Return the condition for a product's rows ``c`` in session ``v``: from ``since`` on, and the last before."""
    return (
        f"c.session_id = v.session_id AND c.product_id_digest = {digest} AND c.currency = {currency} "
        f"AND c.occurred_at >= COALESCE((SELECT MAX(x.occurred_at) FROM {_CART_EVENT} x "
        f"WHERE x.session_id = v.session_id AND x.product_id_digest = {digest} AND x.currency = {currency} "
        f"AND x.occurred_at < {since}), {since})"
    )


def _each_of(place: str) -> str:
    """Return the rows ``c`` under a condition. OFFSET keeps PostgreSQL from scanning them all first."""
    return f"(SELECT c.* FROM {_CART_EVENT} c WHERE {place} OFFSET 0)"


def read_carts(
    since: Mapping[ProductInCart, datetime],
) -> tuple[dict[ProductInCart, list[StoredCartEvent]], dict[int, list[datetime]]]:
    """Read each product's rows as in ``Found.carts``, and the times of orders from then on and of the last before."""
    connection = database()
    moment, digest = field_of(CartEvent, "occurred_at"), field_of(CartEvent, "product_id_digest")
    occurred_at = time_column("occurred_at", connection.vendor == "postgresql")
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
    for part, pk, at, *cart in converted(connection, fetch(connection, " UNION ALL ".join(parts), params), _CARTS):
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
    """Lock a session until the transaction ends. See ``VisitorSessionQuerySet.lock``."""
    with database().cursor() as cursor:
        cursor.execute(f"UPDATE {_SESSION} SET version = version + 1 WHERE id = %s", [session_id])


def _named(names: Collection[str]) -> str:
    return ", ".join(f"%({name})s" for name in names)


def _as_it_is(field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return the value unchanged: psycopg adapts datetimes and UUIDs itself."""
    return value


def _as_param(field: models.Field[Any, Any], value: Any, connection: BaseDatabaseWrapper) -> Any:
    return field.get_db_prep_value(value, connection)


_CARTS = fields_at(CartEvent, occurred_at=2) | {
    place: field_of(CartEvent, name) for place, name in enumerate(_CART_COLUMNS, start=3)
}
_LOOKED_UP = (
    fields_at(Interaction, occurred_at=2, event_id=10)
    | fields_at(VisitorSession, started_at=4)
    | {5: field_of(Order, "occurred_at")}
    | {place: field_of(CartEvent, name) for place, name in enumerate(_CART_COLUMNS, start=11)}
)
