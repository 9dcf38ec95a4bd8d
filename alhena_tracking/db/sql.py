"""Run SQL of our own, and convert its columns as Django does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = json.JSONEncoder(default=str).encode


def fetch(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] | Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def converted(
    connection: BaseDatabaseWrapper, rows: Sequence[Sequence[Any]], fields: Mapping[int, models.Field[Any, Any]]
) -> list[list[Any]]:
    """Convert the columns at the places in ``fields`` to these fields' Python values."""
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
    return None if microseconds is None else time_of(microseconds)


def time_of(microseconds: int) -> datetime:
    """Return the time that ``time_column`` stands for on PostgreSQL."""
    return _EPOCH + timedelta(microseconds=microseconds)


def time_column(name: str, is_postgresql: bool) -> str:
    """Return SQL for a time as ``converted`` reads it: psycopg takes longer to parse a date than the rest of a row."""
    return f"(EXTRACT(EPOCH FROM {name}) * 1000000)::bigint" if is_postgresql else name


def field_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field: models.Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]
    return field


def fields_at(model: type[models.Model], **places: int) -> dict[int, models.Field[Any, Any]]:
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {place: fields[name] for name, place in places.items()}


@cache
def insertion(alias: str, model: type[models.Model], has_ids: bool) -> tuple[str, list[str]]:
    """Return PostgreSQL's SQL that inserts rows of the JSON parameter ``new_<model>``, and their fields."""
    fields = [field for field in model._meta.concrete_fields if has_ids or not field.primary_key]
    names = ", ".join(str(field.column) for field in fields)
    rows = _recordset(alias, f"new_{model._meta.model_name}", fields)
    sql = f"INSERT INTO {model._meta.db_table} ({names}) SELECT {names} FROM {rows} RETURNING id"
    return sql, [field.attname for field in fields]


@cache
def update(alias: str, model: type[models.Model], names: tuple[str, ...]) -> str:
    """Return PostgreSQL's SQL that updates fields by the rows of the JSON parameter ``changed_<model>``."""
    fields = [field for field in model._meta.concrete_fields if field.name in {"id", *names}]
    changes = ", ".join(f"{name} = new.{name}" for name in names)
    rows = _recordset(alias, f"changed_{model._meta.model_name}", fields)
    return f"UPDATE {model._meta.db_table} AS stored SET {changes} FROM {rows} WHERE stored.id = new.id"


def _recordset(alias: str, param: str, fields: Sequence[models.Field[Any, Any]]) -> str:
    """Return SQL that reads rows from JSON, which PostgreSQL casts faster than psycopg fills in every value."""
    columns = ", ".join(f"{field.column} {field.rel_db_type(connections[alias])}" for field in fields)
    return f"JSON_TO_RECORDSET(%({param})s::json) AS new({columns})"


def as_json(rows: Sequence[object], names: Sequence[str]) -> str:
    """Return rows as the parameter of ``insertion`` and ``update``."""
    values = attrgetter(*names)
    return _encode([dict(zip(names, values(row), strict=True)) for row in rows])
