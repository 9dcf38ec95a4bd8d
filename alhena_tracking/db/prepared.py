"""Statements that PostgreSQL parses and plans once per connection instead of once per event.

They are prepared in SQL under names derived from their text, so any process may use one that is prepared already, also
behind a pooler in transaction mode. One that is missing is prepared again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from alhena_tracking.db.transactions import fills_in_parameters

_UNKNOWN, _DUPLICATE = "26000", "42P05"  # invalid_sql_statement_name, duplicate_prepared_statement
#: How often a statement is prepared and executed, where a pooler changes the connection in between.
_ATTEMPTS = 2

#: The names that were prepared on each of the driver's connections.
_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def can_prepare(connection: BaseDatabaseWrapper) -> bool:
    """Whether no transaction is open: a statement that is gone would end it."""
    if not fills_in_parameters(connection):
        return False
    return connection.get_autocommit() and not connection.in_atomic_block


def fetch(
    connection: BaseDatabaseWrapper, sql: str, types: tuple[tuple[str, str], ...], params: Mapping[str, Any]
) -> list[tuple[Any, ...]] | None:
    """Return the rows of a statement with ``%(name)s`` for its parameters, given their PostgreSQL ``types`` and values.

    ``None``: the connection behind the pooler changed each time before the prepared statement could be executed.
    """
    name, preparation, execution = _texts(sql, types)
    for _ in range(_ATTEMPTS):
        connection.ensure_connection()
        names = _prepared.setdefault(connection.connection, set())
        with connection.cursor() as cursor:
            if name not in names:
                _prepare(cursor, preparation)
                names.add(name)
            try:
                cursor.execute(execution, params)
            except DatabaseError as error:
                if _state_of(error) != _UNKNOWN:
                    raise
                names.discard(name)
            else:
                rows: list[tuple[Any, ...]] = cursor.fetchall()
                return rows
    return None


def _prepare(cursor: Any, preparation: str) -> None:
    try:
        cursor.execute(preparation)
    except DatabaseError as error:
        if _state_of(error) != _DUPLICATE:
            raise


@lru_cache(maxsize=64)
def _texts(sql: str, types: tuple[tuple[str, str], ...]) -> tuple[str, str, str]:
    """Return the statement's name, and the SQL that prepares and executes it."""
    places_of = {name: f"${number}" for number, (name, _) in enumerate(types, start=1)}
    numbered = re.sub(r"%\((\w+)\)s", lambda match: places_of[match[1]], sql)
    statement = "alhena_" + blake2b(numbered.encode(), digest_size=8).hexdigest()
    kinds, places = ", ".join(kind for _, kind in types), ", ".join(f"%({name})s" for name, _ in types)
    return statement, f"PREPARE {statement} ({kinds}) AS {numbered}", f"EXECUTE {statement} ({places})"


def _state_of(error: DatabaseError) -> object:
    return getattr(error.__cause__, "sqlstate", None)
