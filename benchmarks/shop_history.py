"""Generate two years of a shop's history in the database.

Every visitor has ten events: two interactions, seven or eight cart events and, for every other visitor, an order. Not
counted are order lines, claims, refunds (of one order in 16) and pending confirmations (of one visitor in ten).
Visitors are spread evenly over the days; half use the chat, a third the FAQ. There are five AI profiles, three
currencies (85 % EUR), and 500 products, few of which make most of the sales.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models

HISTORY = timedelta(days=730)
ZONE = "Europe/Berlin"
PRODUCTS = 500
EVENTS_A_SESSION = 10

_LITERALS: list[tuple[type[models.Field[Any, Any]], str]] = [
    (models.JSONField, "'[]'"),
    (models.CharField, "''"),
    (models.BooleanField, "false"),
    (models.IntegerField, "0"),
]


def fill(company: Any, events: int, first_id: int, until: datetime) -> None:
    """Create about ``events`` events of ``company`` in the two years that end three hours before ``until``.

    Ids start at ``first_id``.
    """
    from alhena_tracking.digests import text_digest
    from alhena_tracking.models import (
        CartEvent,
        Interaction,
        Order,
        OrderClaim,
        OrderLine,
        PendingConfirmation,
        Refund,
        VisitorSession,
    )

    sessions = events // EVENTS_A_SESSION
    digests = ", ".join(f"'{text_digest(f'sku-{number}')}'" for number in range(PRODUCTS + 1))
    of_company = {"company_id": f"{company.pk}"}
    visit = f"""
        SELECT {first_id} + i AS session, i, channel, currency, ai_profile, started_at FROM (
            SELECT i,
                CASE WHEN h < 50 THEN 'CHAT' WHEN h < 85 THEN 'FAQ' ELSE 'NUDGE' END AS channel,
                CASE WHEN g < 85 THEN 'EUR' WHEN g < 95 THEN 'USD' ELSE 'GBP' END AS currency,
                (ARRAY['', 'sommelier', 'butler', 'barista', 'concierge'])[1 + f % 5] AS ai_profile,
                TIMESTAMPTZ '{until.isoformat()}' - INTERVAL '3 hours'
                    - INTERVAL '{HISTORY.days} days' * ({sessions} - i)::float8 / {sessions} AS started_at
            FROM generate_series(0, {sessions - 1}) AS i,
                LATERAL (SELECT {_random("i", 1)} % 100 AS h, {_random("i", 2)} % 100 AS g, {_random("i", 3)} AS f) AS r
        ) AS drawn"""
    dated = {"occurred_at": "at", "received_at": "at", "occurred_on": f"(at AT TIME ZONE '{ZONE}')::date"}
    told = {**of_company, **dated, "event_id": "gen_random_uuid()", "trust": "'REPORTED'"}
    credit = {
        "session_id": "session",
        "credited_interaction_id": "2 * session",
        "channel": "channel",
        "ai_profile": "ai_profile",
        "attribution_window": "INTERVAL '24 hours'",
        "attribution_model": "'first_touch'",
    }
    product = {
        "product_id": "'sku-' || product",
        "product_id_digest": f"(ARRAY[{digests}]::uuid[])[1 + product]",
        "product_name": "'Product ' || product",
    }
    _insert(
        VisitorSession,
        visit,
        in_order_of="started_at",
        **of_company,
        id="session",
        started_at="started_at",
        started_on=f"(started_at AT TIME ZONE '{ZONE}')::date",
        last_interaction_at="started_at + INTERVAL '10 minutes'",
        qualified_at="started_at",
        channel="channel",
        ai_profile="ai_profile",
    )
    _insert(
        Interaction,
        f"SELECT *, started_at + k * INTERVAL '10 minutes' AS at FROM ({visit}) AS v, generate_series(0, 1) AS k",
        **told,
        id="2 * session + k",
        session_id="session",
        user_fingerprint_digest="md5('visitor ' || session)::uuid",
        kind="channel",
        is_qualifying="true",
        ai_profile="ai_profile",
    )
    changes = f"""
        SELECT *, started_at + INTERVAL '20 minutes' + j * INTERVAL '3 minutes' AS at,
            (power({_random("i * 8 + j", 4)} % 1000 / 1000.0, 3) * {PRODUCTS})::int AS product,
            500 + {_random("i * 8 + j", 5)} % 9500 AS price,
            {_random("i * 8 + j", 6)} % 100 < 15 AS is_removal
        FROM ({visit}) AS v, generate_series(0, 7) AS j WHERE j < 7 OR i % 2 = 1"""
    _insert(
        CartEvent,
        changes,
        **told,
        **credit,
        **product,
        id="8 * session + j",
        type="CASE WHEN is_removal THEN 'ITEM_REMOVED' ELSE 'ITEM_ADDED' END",
        currency="currency",
        value_minor="price",
        value_basis="'unit'",
        quantity="CASE WHEN is_removal THEN 0 ELSE 1 END",
        units="CASE WHEN is_removal THEN -1 ELSE 1 END",
        gmv_minor="CASE WHEN is_removal THEN -price ELSE price END",
        cart_quantity="1",
        claimed_units="1",
        claimed_minor="price",
    )
    purchases = f"""
        SELECT *, started_at + INTERVAL '1 hour' AS at, 2000 + {_random("i", 7)} % 30000 AS price FROM ({visit}) AS v
        WHERE i % 2 = 0"""
    order_id = {"order_id": "'order ' || session", "order_id_digest": "md5('order ' || session)::uuid"}
    _insert(
        Order,
        purchases,
        **{**told, "trust": "CASE WHEN i % 5 < 3 THEN 'CONFIRMED' ELSE 'REPORTED' END"},
        **credit,
        **order_id,
        id="session",
        currency="currency",
        value_minor="price",
        standing="'COUNTED'",
        cart_at="at",
        cart_lines="'{}'",
        empties_cart="true",
    )
    _insert(
        OrderClaim,
        purchases,
        **told,
        **credit,
        id="session",
        order_id="session",
        currency="currency",
        value_minor="price",
    )
    _insert(
        OrderLine,
        f"""SELECT *, (power({_random("i * 2 + l", 8)} % 1000 / 1000.0, 3) * {PRODUCTS})::int AS product
            FROM ({purchases}) AS p, generate_series(0, 1) AS l""",
        **product,
        id="2 * session + l",
        order_id="session",
        quantity="1",
        total_minor="price / 2",
    )
    _insert(
        Refund,
        f"SELECT * FROM ({purchases}) AS p WHERE i % 32 = 0",
        **of_company,
        **dated,
        **order_id,
        id="session",
        refunded_order_id="session",
        refund_id="'refund'",
        refund_id_digest="md5('refund')::uuid",
        currency="currency",
        value_minor="price / 2",
        counted_minor="price / 2",
        event_id="gen_random_uuid()",
    )
    _insert(
        PendingConfirmation,
        f"SELECT *, started_at AS at, 2000 AS price FROM ({visit}) AS v WHERE i % 10 = 1",
        **of_company,
        **order_id,
        id="session",
        event_id="gen_random_uuid()",
        currency="currency",
        value_minor="price",
        updated_at="at",
        occurred_at="at",
        received_at="at",
        is_dated="true",
    )


def _random(number: str, seed: int) -> str:
    """An SQL expression for reproducible pseudo-random integers."""
    return f"(hashint8extended({number}, {seed}) & 1073741823)::int"


def _insert(model: type[models.Model], source: str, *, in_order_of: str = "at", **columns: str) -> None:
    """Insert the rows of ``source`` in order of time. Columns that are not given are empty."""
    for field in model._meta.concrete_fields:
        if field.attname not in columns and not field.null:
            columns[field.attname] = next(literal for kind, literal in _LITERALS if isinstance(field, kind))
    table, names, values = model._meta.db_table, ", ".join(columns), ", ".join(columns.values())
    rows = f"SELECT {values} FROM ({source}) AS source ORDER BY {in_order_of}"
    with connection.cursor() as cursor, without_indexes(cursor, table):
        cursor.execute(f"INSERT INTO {table} ({names}) {rows}")


@contextmanager
def without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Disable triggers, and drop and recreate indexes, while many consistent rows are inserted.

    Around several calls of ``fill`` it builds the indexes once.
    """
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'u' AND conrelid = %s::regclass",
        [table],
    )
    constraints = dict(cursor.fetchall())
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisprimary",
        [table],
    )
    indexes = {name: definition for name, definition in cursor.fetchall() if name not in constraints}
    for name in constraints:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute("SET session_replication_role = replica")
    yield
    cursor.execute("RESET session_replication_role")
    cursor.execute("SET maintenance_work_mem = '512MB'")
    for name, definition in constraints.items():
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for definition in indexes.values():
        cursor.execute(definition)
