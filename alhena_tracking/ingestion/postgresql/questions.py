"""What is asked of PostgreSQL about events and the sessions of their visitors (``visits``), each answered as JSON.

``OFFSET 0`` keeps PostgreSQL from reading a small table as a whole, by a plan that it keeps when the table has grown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Model

from alhena_tracking.contract.limits import CART_ORDERS, SESSION_CART_EVENTS
from alhena_tracking.db.sql import time_column
from alhena_tracking.ingestion.data import InteractionData, OrderData
from alhena_tracking.ingestion.state import (
    CLAIMS_OF_SESSION_READ,
    DENIALS_READ,
    LATER_ORDERS_READ,
    SESSION_FIELDS,
    TABLES,
    StoredCartEvent,
    StoredOrder,
)
from alhena_tracking.models import (
    CartEvent,
    Interaction,
    Order,
    OrderClaim,
    PendingConfirmation,
    Refund,
    Standing,
    Trust,
    VisitorSession,
)

_SESSION, _CART_EVENT, _ORDER, _CLAIM, _PENDING = (
    model._meta.db_table for model in (VisitorSession, CartEvent, Order, OrderClaim, PendingConfirmation)
)
#: The ids to reserve for each event of a kind: of rows that others refer to, so that all can be inserted at once.
RESERVED = {"ids": (InteractionData, (VisitorSession, Interaction)), "order_ids": (OrderData, (Order,))}
#: Questions about denials, and the columns that they are about.
DENIED = {f"denied_{column}": column for column in ("user_fingerprint_digest", "faq_fingerprint_digest")}


class Question(NamedTuple):
    """The types of what is asked for, and SQL with ``asked`` as a table of it."""

    types: dict[str, str]
    sql: str


def columns_of(columns: Iterable[str], prefix: str) -> str:
    """Return columns, with times in microseconds, which ``time_of`` reads."""
    return ", ".join(
        time_column(f"{prefix}.{name}", is_postgresql=True) if name.endswith("_at") else f"{prefix}.{name}"
        for name in columns
    )


def _of_event(table: type[Model]) -> Question:
    """Ask which events are known by their ids and trust."""
    # Orders with an order id are known by their claims.
    condition = "AND trust = asked.trust" + (" AND contents_digest IS NOT NULL" if table is Order else "")
    return Question(
        {"event_id": "uuid", "trust": "varchar"},
        "SELECT JSON_BUILD_ARRAY(asked.event_id, asked.trust) "
        f"FROM {{asked}} CROSS JOIN LATERAL {_first(table, 'event_id', condition)} t",
    )


def _first(table: type[Model], column: str, condition: str = "") -> str:
    """Return SQL for a row of the company's with the asked value.

    It is a range in the order of the column's index: for an equality in a small table, PostgreSQL may use any index of
    the company, by a plan that it keeps.
    """
    return (
        f"(SELECT {column} FROM {table._meta.db_table} WHERE company_id = %(company)s::bigint "
        f"AND {column} BETWEEN asked.{column} AND asked.{column} {condition} ORDER BY {column} LIMIT 1)"
    )


def _of_ids(models: Iterable[type[Model]]) -> Question:
    ids = ", ".join(f"NEXTVAL(PG_GET_SERIAL_SEQUENCE('{model._meta.db_table}', 'id'))" for model in models)
    return Question(
        {"count": "integer"},
        f"SELECT JSON_BUILD_ARRAY({ids}) FROM {{asked}} CROSS JOIN GENERATE_SERIES(1, asked.count)",
    )


def _of_denials(column: str) -> Question:
    return Question(
        {"digest": "uuid"},
        f"SELECT JSON_BUILD_ARRAY(p.order_id) FROM {{asked}} CROSS JOIN LATERAL (SELECT order_id "
        f"FROM {_PENDING} WHERE {column} = asked.digest ORDER BY received_at DESC LIMIT {DENIALS_READ}) p",
    )


_SINCE = {"visitor": "integer", "since": "timestamptz"}
_IN_SESSIONS = "(SELECT DISTINCT visitor, session_id FROM visits) v INNER JOIN {asked} ON asked.visitor = v.visitor"
_CART_COLUMNS = columns_of(("session_id", "product_id_digest", "currency", *StoredCartEvent.__dataclass_fields__), "c")
_PLACE = "session_id = v.session_id AND product_id_digest = asked.digest AND currency = asked.currency"
_IN_CART = f"SELECT * FROM {_CART_EVENT} WHERE session_id = v.session_id AND occurred_at"
_COUNTED = f"FROM {_ORDER} WHERE session_id = v.session_id AND standing = '{Standing.COUNTED}'"
_CART_ORDERS = (
    f"SELECT JSON_BUILD_ARRAY(v.session_id, {columns_of(StoredOrder.__dataclass_fields__, 'o')}) "
    f"FROM {_IN_SESSIONS} CROSS JOIN LATERAL"
)
# Not by a join, which PostgreSQL may begin at the orders.
_IS_CONFIRMED = (
    f"EXISTS (SELECT FROM (SELECT * FROM {_ORDER} WHERE id = c.order_id OFFSET 0) o WHERE o.session_id = v.session_id "
    f"AND o.trust IN ('{Trust.CONFIRMED}', '{Trust.VERIFIED}') "
    f"AND o.standing IN ('{Standing.COUNTED}', '{Standing.CANCELLED}', '{Standing.EXCLUDED}'))"
)
_OF_ORDER_ID = " UNION ALL ".join(_first(table, "order_id_digest") for table in (Order, PendingConfirmation, Refund))

QUESTIONS = {
    **{table._meta.db_table: _of_event(table) for kind in TABLES for table in TABLES[kind]},
    **{name: _of_ids(models) for name, (_, models) in RESERVED.items()},
    **{name: _of_denials(column) for name, column in DENIED.items()},
    "sessions": Question(
        {"are_asked": "boolean"},
        f"SELECT JSON_BUILD_ARRAY(s.id, {columns_of(SESSION_FIELDS, 's')}) "
        f"FROM {{asked}}, (SELECT DISTINCT session_id FROM visits) v INNER JOIN {_SESSION} s ON s.id = v.session_id",
    ),
    # Each product's rows from a time on, and those of the last time before it.
    "carts": Question(
        {"visitor": "integer", "digest": "uuid", "currency": "varchar", "since": "timestamptz"},
        f"SELECT JSON_BUILD_ARRAY({_CART_COLUMNS}) FROM {_IN_SESSIONS} CROSS JOIN LATERAL (SELECT * "
        f"FROM {_CART_EVENT} WHERE {_PLACE} AND occurred_at >= COALESCE((SELECT MAX(occurred_at) FROM {_CART_EVENT} "
        f"WHERE {_PLACE} AND occurred_at < asked.since), asked.since) OFFSET 0) c",
    ),
    "whole_carts": Question(
        _SINCE,
        f"SELECT JSON_BUILD_ARRAY({_CART_COLUMNS}) FROM {_IN_SESSIONS} CROSS JOIN LATERAL "
        f"(({_IN_CART} >= asked.since OFFSET 0) UNION ALL "
        f"({_IN_CART} < asked.since ORDER BY occurred_at DESC, arrival DESC LIMIT {SESSION_CART_EVENTS})) c",
    ),
    # The latest ones: of those before the event, unless one of them is later.
    "cart_orders": Question(
        {"visitor": "integer"},
        f"{_CART_ORDERS} (SELECT * {_COUNTED} ORDER BY cart_at DESC, arrival DESC LIMIT {CART_ORDERS + 1}) o",
    ),
    "whole_cart_orders": Question(
        _SINCE,
        f"{_CART_ORDERS} "
        f"((SELECT * {_COUNTED} AND cart_at < asked.since ORDER BY cart_at DESC, arrival DESC LIMIT {CART_ORDERS + 1}) "
        f"UNION ALL (SELECT * {_COUNTED} AND cart_at >= asked.since "
        f"ORDER BY cart_at, arrival LIMIT {LATER_ORDERS_READ})) o",
    ),
    # What is stored under order ids, whatever it is.
    "stored_orders": Question(
        {"order_id_digest": "uuid"}, f"SELECT TRUE FROM {{asked}} CROSS JOIN LATERAL ({_OF_ORDER_ID}) found"
    ),
    "open_claims": Question(
        _SINCE,
        f"SELECT JSON_BUILD_ARRAY(v.session_id, COUNT(*) FILTER (WHERE NOT {_IS_CONFIRMED})) FROM {_IN_SESSIONS} "
        f"CROSS JOIN LATERAL (SELECT order_id FROM {_CLAIM} WHERE session_id = v.session_id AND received_at > "
        f"asked.since AND trust = '{Trust.REPORTED}' ORDER BY received_at DESC LIMIT {CLAIMS_OF_SESSION_READ}) c "
        "GROUP BY v.visitor, v.session_id",
    ),
    "contents": Question(
        {"visitor": "integer", "digest": "uuid", "since": "timestamptz", "until": "timestamptz"},
        f"SELECT JSON_BUILD_ARRAY(v.session_id, asked.digest, {columns_of(['occurred_at'], 'o')}) FROM {_IN_SESSIONS} "
        f"CROSS JOIN LATERAL (SELECT occurred_at {_COUNTED} AND contents_digest = asked.digest "
        "AND occurred_at BETWEEN asked.since AND asked.until OFFSET 0) o",
    ),
}
