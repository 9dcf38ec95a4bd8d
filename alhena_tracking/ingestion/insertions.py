"""Inserting rows: one statement for those of a model, which says what primary keys they got."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from alhena_tracking.ingestion.transactions import atomic, database, fills_in_parameters
from alhena_tracking.models import VisitorSession

_HOLD = f"UPDATE {VisitorSession._meta.db_table} SET version = version + 1 WHERE id = %s AND version = %s"

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
    changed: Sequence[models.Model],
    names: Sequence[str],
    *,
    is_durable: bool,
) -> bool:
    """Insert rows of a session that nobody has locked since it was of that ``version``, in a transaction or savepoint,
    and store the fields of these ``names`` of ``changed`` ones of the same model.

    Returns whether that was done. On PostgreSQL, and where no transaction is open, in one statement.
    """
    connection = database()
    if not fills_in_parameters(connection) or connection.in_atomic_block or not connection.get_autocommit():
        with atomic(is_durable=is_durable):
            with connection.cursor() as cursor:
                cursor.execute(_HOLD, [session_id, version])
                if not cursor.rowcount:
                    return False
            insert(rows)
            update(changed, names)
            return True
    fields, insertion, places = _insertion(connection.alias, type(rows[0]))
    held = f"WITH held AS ({_HOLD} RETURNING id)"
    if changed:
        with connection.cursor() as cursor:
            held = cursor.mogrify(held, [session_id, version])
        updated = _update(connection, changed, names, "held, ")
        told = _filled_in(connection, rows, fields, places)
        sql = f"{held}, updated AS ({updated}) {insertion} SELECT told.* FROM held, (VALUES {told}) told"
        return _insert(connection, sql, None, rows)
    held = f"{held} {insertion}"
    if len(rows) == 1:
        params = [session_id, version, *_values(rows, fields, connection)]
        return _insert(connection, f"{held} SELECT {places} FROM held", params, rows)
    with connection.cursor() as cursor:
        held = cursor.mogrify(held, [session_id, version])
    told = _filled_in(connection, rows, fields, places)
    return _insert(connection, f"{held} SELECT told.* FROM held, (VALUES {told}) told", None, rows)


def update(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Store the fields of these ``names``, in one statement where there are not very many rows."""
    if not rows:
        return
    connection = database()
    if not fills_in_parameters(connection):
        type(rows[0])._default_manager.using(connection.alias).bulk_update(rows, names, batch_size=500)
        return
    with connection.cursor() as cursor:
        cursor.execute(_update(connection, rows, names))


def _update(
    connection: BaseDatabaseWrapper, rows: Sequence[models.Model], names: Sequence[str], also_from: str = ""
) -> str:
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if field.name in {"id", *names}]
    told = _filled_in(connection, rows, fields, ", ".join(["%s"] * len(fields)))
    columns = ", ".join(str(field.column) for field in fields)
    return (
        f"UPDATE {model._meta.db_table} AS stored SET {', '.join(f'{name} = told.{name}' for name in names)} "
        f"FROM {also_from}(VALUES {told}) told ({columns}) WHERE stored.id = told.id"
    )


def _insert(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] | None, rows: Sequence[models.Model]
) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING id", params)
        inserted = cursor.fetchall()
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


def _filled_in(connection: BaseDatabaseWrapper, rows: Sequence[models.Model], fields: _Fields, places: str) -> str:
    """The rows in SQL. psycopg takes longer to find all their places in one text than to fill them in row by row."""
    with connection.cursor() as cursor:
        return ", ".join(cursor.mogrify(f"({places})", _values([row], fields, connection)) for row in rows)


def _values(rows: Sequence[models.Model], fields: _Fields, connection: BaseDatabaseWrapper) -> list[Any]:
    if fills_in_parameters(connection) and not any(isinstance(field, models.JSONField) for field in fields):
        # All other values of ours psycopg takes as they are.
        return [getattr(row, field.attname) for row in rows for field in fields]
    return [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in fields]
