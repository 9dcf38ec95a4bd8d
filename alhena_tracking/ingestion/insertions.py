"""Insert rows of a model in one statement that returns their primary keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from alhena_tracking.db import prepared
from alhena_tracking.db.transactions import atomic, database, fills_in_parameters
from alhena_tracking.models import VisitorSession

_HOLD = f"UPDATE {VisitorSession._meta.db_table} SET version = version + 1 WHERE id = %s AND version = %s"

_encode = json.JSONEncoder(default=str).encode

_Fields: TypeAlias = "Sequence[models.Field[Any, Any]]"


def insert(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model in one statement, and give them their primary keys."""
    if not rows:
        return
    connection = database()
    if not connection.features.can_return_rows_from_bulk_insert:
        type(rows[0])._default_manager.using(connection.alias).bulk_create(rows)
        return
    fields, insertion, places = _insertion(connection.alias, type(rows[0]))
    if fills_in_parameters(connection):
        _insert(connection, f"{insertion} VALUES {_filled_in(connection, rows, fields, places)}", None, rows)
    else:
        values = ", ".join([f"({places})"] * len(rows))
        _insert(connection, f"{insertion} VALUES {values}", _values(rows, fields, connection), rows)


def insert_unless_changed(
    session_id: int,
    version: int,
    rows: Sequence[models.Model],
    changed: Sequence[object],
    names: Sequence[str],
    *,
    is_durable: bool,
    also: Callable[[], None] | None = None,
) -> bool:
    """Insert rows of a session and update the ``changed`` ones, unless the session's ``version`` has changed.

    ``also`` runs in the same transaction (or savepoint). Return whether the rows were stored. On PostgreSQL, outside a
    transaction and without ``also``, this is a single statement.
    """
    connection = database()
    if also is None and prepared.can_prepare(connection):
        model = type(rows[0])
        sql, types = _guarded_insertion(connection.alias, model, tuple(names) if changed else ())
        attributes = [field.attname for field in _insertion(connection.alias, model)[0]]
        params = {"session": session_id, "version": version, "added": _as_json(rows, attributes)}
        if changed:
            params["changed"] = _as_json(changed, ["id", *names])
        inserted = prepared.fetch(connection, sql, types, params)
        if inserted is not None:
            return _note_keys(connection, inserted, rows)
    with atomic(is_durable=is_durable):
        with connection.cursor() as cursor:
            cursor.execute(_HOLD, [session_id, version])
            if not cursor.rowcount:
                return False
        insert(rows)
        update(type(rows[0]), changed, names)
        if also is not None:
            also()
        return True


def update(model: type[models.Model], rows: Sequence[object], names: Sequence[str]) -> None:
    """Update the fields ``names`` of rows that have an ``id``, 500 rows in a statement or more."""
    if not rows:
        return
    connection = database()
    if not fills_in_parameters(connection):
        instances = [model(**{name: getattr(row, name) for name in ("id", *names)}) for row in rows]
        model._default_manager.using(connection.alias).bulk_update(instances, names, batch_size=500)
        return
    fields = [field for field in model._meta.concrete_fields if field.name in {"id", *names}]
    values = _filled_in(connection, rows, fields, ", ".join(["%s"] * len(fields)))
    columns = ", ".join(str(field.column) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(_update_from(f"(VALUES {values}) new({columns})", model, names))


def _update_from(source: str, model: type[models.Model], names: Sequence[str]) -> str:
    changes = ", ".join(f"{name} = new.{name}" for name in names)
    return f"UPDATE {model._meta.db_table} AS stored SET {changes} FROM {source} WHERE stored.id = new.id"


def _insert(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] | None, rows: Sequence[models.Model]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING id", params)
        _note_keys(connection, cursor.fetchall(), rows)


def _note_keys(
    connection: BaseDatabaseWrapper, inserted: Sequence[tuple[Any, ...]], rows: Sequence[models.Model]
) -> bool:
    """Set the rows' primary keys; return whether any row was inserted."""
    if not inserted:
        return False
    for row, (pk,) in zip(rows, inserted, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = connection.alias
    return True


@cache
def _insertion(alias: str, model: type[models.Model]) -> tuple[_Fields, str, str]:
    quote = database().ops.quote_name
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    return fields, f"INSERT INTO {quote(model._meta.db_table)} ({columns})", ", ".join(["%s"] * len(fields))


@cache
def _guarded_insertion(
    alias: str, model: type[models.Model], names: Sequence[str]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the statement of ``insert_unless_changed`` and the types of its parameters; ``names`` are updated."""
    fields, insertion, _ = _insertion(alias, model)
    types = {"session": "bigint", "version": "bigint", "added": "json"}
    held = f"WITH held AS ({_HOLD % ('%(session)s', '%(version)s')} RETURNING id)"
    if names:
        types["changed"] = "json"
        stored = [field for field in model._meta.concrete_fields if field.name in {"id", *names}]
        held += f", updated AS ({_update_from('held, ' + _recordset(alias, stored, 'changed'), model, names)})"
    sql = f"{held} {insertion} SELECT new.* FROM held, {_recordset(alias, fields, 'added')} RETURNING id"
    return sql, tuple(types.items())


def _recordset(alias: str, fields: _Fields, param: str) -> str:
    """Return SQL that reads the rows of a parameter made by ``_as_json``: one statement for any number of rows."""
    columns = ", ".join(f"{field.attname} {field.rel_db_type(connections[alias])}" for field in fields)
    return f"JSON_TO_RECORDSET(%({param})s) AS new({columns})"


def _as_json(rows: Sequence[object], names: Sequence[str]) -> str:
    """Encode rows as JSON, which PostgreSQL casts itself: faster than having psycopg fill in every value."""
    values = attrgetter(*names)
    return _encode([dict(zip(names, values(row), strict=True)) for row in rows])


def _filled_in(connection: BaseDatabaseWrapper, rows: Sequence[object], fields: _Fields, places: str) -> str:
    """Return the rows as SQL. Filling them in row by row is faster than in one long text."""
    with connection.cursor() as cursor:
        return ", ".join(cursor.mogrify(f"({places})", _values([row], fields, connection)) for row in rows)


def _values(rows: Sequence[object], fields: _Fields, connection: BaseDatabaseWrapper) -> list[Any]:
    if fills_in_parameters(connection) and not any(isinstance(field, models.JSONField) for field in fields):
        # psycopg adapts all other values itself.
        return [getattr(row, field.attname) for row in rows for field in fields]
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in fields]
