"""The statements of the hot path, written out: to build them anew with the ORM takes longer than to run them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col

from alhena_tracking.attribution import Candidate, CartState
from alhena_tracking.ingestion.transactions import database
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession

_INTERACTION = Interaction._meta.db_table
_SESSION = VisitorSession._meta.db_table
_CART_EVENT = CartEvent._meta.db_table
_ORDER = Order._meta.db_table


class ProductInCart(NamedTuple):
    """What has a state of its own: one product, by the digest of its id, in one visitor's cart and one currency."""

    session_id: int
    product_id_digest: UUID
    currency: str


class Digests(NamedTuple):
    """What may be stored of a visitor's fingerprints."""

    user: Sequence[UUID]
    faq: Sequence[UUID]


def look_up(
    company: Company,
    visitor: Digests,
    start: datetime,
    end: datetime,
    event_ids: Mapping[type[models.Model], Collection[UUID]],
) -> tuple[list[Candidate], set[tuple[type[models.Model], UUID]]]:
    """The visitor's interactions from ``start`` to ``end``, and which of ``event_ids`` are stored, in one statement."""
    connection = database()
    parts: list[str] = []
    params: list[Any] = []
    digest = Interaction._meta.get_field("user_fingerprint_digest")
    moment = Interaction._meta.get_field("occurred_at")
    if visitor.user or visitor.faq:
        shared = []
        for column, digests in zip(("user_fingerprint_digest", "faq_fingerprint_digest"), visitor, strict=True):
            if digests:
                shared.append(f"i.{column} IN ({_places(digests)})")
                params += [digest.get_db_prep_value(value, connection) for value in digests]
        parts.append(
            "SELECT 0 AS part, i.id, i.occurred_at, i.session_id, s.started_at, i.kind, i.ai_profile, i.is_qualifying, "
            f"NULL AS event_id FROM {_INTERACTION} i INNER JOIN {_SESSION} s ON s.id = i.session_id "
            f"WHERE ({' OR '.join(shared)}) AND i.occurred_at >= %s AND i.occurred_at <= %s"
        )
        params += [moment.get_db_prep_value(start, connection), moment.get_db_prep_value(end, connection)]
    tables = list(event_ids)
    for part, table in enumerate(tables, start=1):
        parts.append(
            f"SELECT {part}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, event_id FROM {table._meta.db_table} "
            f"WHERE company_id = %s AND event_id IN ({_places(event_ids[table])})"
        )
        params += [company.pk, *(digest.get_db_prep_value(value, connection) for value in event_ids[table])]
    candidates = []
    known = set()
    for part, *values in _fetch(connection, " UNION ALL ".join(parts), params, _LOOKED_UP):
        if part:
            known.add((tables[part - 1], values[-1]))
        else:
            pk, at, session_id, session_started_at, kind, ai_profile, is_qualifying, _ = values
            candidates.append(Candidate(pk, at, session_id, session_started_at, kind, ai_profile, bool(is_qualifying)))
    return candidates, known


def newest_states(
    products: Sequence[ProductInCart], *, before: datetime | None = None, orders_before: datetime | None = None
) -> tuple[dict[ProductInCart, tuple[datetime, CartState]], dict[int, datetime]]:
    """The last state of each of ``products`` and when it came about, and when each session last ordered.

    ``before`` leaves out the states from that moment on; ``orders_before`` (without which no orders are looked for)
    leaves out the orders from that moment on.
    """
    connection = database()
    moment = CartEvent._meta.get_field("occurred_at")
    digest = CartEvent._meta.get_field("product_id_digest")
    parts: list[str] = []
    params: list[Any] = []
    until = " AND occurred_at < %s" if before else ""
    for number, product in enumerate(products):
        parts.append(
            f"SELECT * FROM (SELECT {number} AS part, occurred_at, cart_quantity, claimed_units, claimed_minor "
            f"FROM {_CART_EVENT} WHERE session_id = %s AND product_id_digest = %s AND currency = %s{until} "
            f"ORDER BY occurred_at DESC, id DESC LIMIT 1) AS p{number}"
        )
        params += [
            product.session_id,
            digest.get_db_prep_value(product.product_id_digest, connection),
            product.currency,
        ]
        if before:
            params.append(moment.get_db_prep_value(before, connection))
    sessions = sorted({product.session_id for product in products}) if orders_before else []
    for number, session_id in enumerate(sessions):
        parts.append(
            f"SELECT * FROM (SELECT {-1 - number} AS part, occurred_at, 0 AS cart_quantity, 0 AS claimed_units, "
            f"0 AS claimed_minor FROM {_ORDER} WHERE session_id = %s AND occurred_at < %s "
            f"ORDER BY occurred_at DESC LIMIT 1) AS o{number}"
        )
        params += [session_id, moment.get_db_prep_value(orders_before, connection)]
    states = {}
    orders = {}
    for part, at, quantity, units, minor in _fetch(connection, " UNION ALL ".join(parts), params, _STATES):
        if part < 0:
            orders[sessions[-1 - part]] = at
        else:
            states[products[part]] = (at, CartState(quantity, units, minor))
    return states, orders


def lock_session(session_id: int) -> None:
    """Hold a session until the transaction ends. See ``VisitorSessionQuerySet.lock``."""
    with database().cursor() as cursor:
        cursor.execute(
            f"UPDATE {_SESSION} SET last_interaction_at = last_interaction_at WHERE id = %s",
            [session_id],
        )


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model in one statement, and give them their primary keys."""
    if not rows:
        return
    connection = database()
    model = type(rows[0])
    if not connection.features.can_return_rows_from_bulk_insert:
        model._default_manager.using(connection.alias).bulk_create(rows)
        return
    fields, statement, places = _insertion(connection.alias, model)
    params = [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} {', '.join([places] * len(rows))} RETURNING id", params)
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = pk
            row._state.adding = False
            row._state.db = connection.alias


@cache
def _insertion(alias: str, model: type[models.Model]) -> tuple[list[models.Field[Any, Any]], str, str]:
    quote = database().ops.quote_name
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    return fields, f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES", f"({_places(fields)})"


def _places(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))


def _fetch(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any], fields: Mapping[int, models.Field[Any, Any]]
) -> list[list[Any]]:
    """The rows that a statement gives; the columns of ``fields``, by their places, as those fields' values."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = [list(row) for row in cursor.fetchall()]
    for index, field in fields.items():
        column = Col("", field)
        converters = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        for convert in converters:
            for row in rows:
                row[index] = convert(row[index], column, connection)
    return rows


def _fields(model: type[models.Model], **places: int) -> dict[int, models.Field[Any, Any]]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {place: fields[name] for name, place in places.items()}


_LOOKED_UP = _fields(Interaction, occurred_at=2, event_id=8) | _fields(VisitorSession, started_at=4)
_STATES = _fields(CartEvent, occurred_at=1, cart_quantity=2, claimed_units=3, claimed_minor=4)
