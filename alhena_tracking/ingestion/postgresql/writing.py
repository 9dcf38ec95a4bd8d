"""Write what was planned, and commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connections, models

from alhena_tracking.db.messages import Messages
from alhena_tracking.db.transactions import database
from alhena_tracking.ingestion.carts import WORTH_FIELDS
from alhena_tracking.ingestion.planning import Plan
from alhena_tracking.ingestion.state import SESSION_FIELDS
from alhena_tracking.models import CartEvent, RolledUpDay, VisitorSession

_SESSION, _ROLLED_UP_DAY = (model._meta.db_table for model in (VisitorSession, RolledUpDay))

_encode = json.JSONEncoder(default=str).encode


def write(messages: Messages, plan: Plan) -> None:
    """Insert and update all rows, mark the days whose roll-ups they make stale, and commit."""
    added = [
        rows
        for rows in (plan.opened, plan.interactions, plan.orders_without_id, plan.lines_without_id, plan.cart_events)
        if rows
    ]
    statements: list[str] = []
    params: dict[str, Any] = {"company": plan.stale_days.company.pk}
    for rows in added:
        sql, names = _insertion(database().alias, type(rows[0]), rows[0].pk is not None)
        statements.append(sql)
        params[f"new_{type(rows[0])._meta.model_name}"] = _as_json(rows, names)
    if plan.joined:
        statements.append(_update(database().alias, VisitorSession, SESSION_FIELDS))
        params["changed_visitorsession"] = _as_json(list(plan.joined.values()), ("id", *SESSION_FIELDS))
    if plan.changed_cart_events:
        statements.append(_update(database().alias, CartEvent, WORTH_FIELDS))
        params["changed_cartevent"] = _as_json(plan.changed_cart_events, ("id", *WORTH_FIELDS))
    stale = plan.stale_days
    for number, (field, days) in enumerate(RolledUpDay.objects.marks(stale.days, stale.session_days)):
        statements.append(_MARK.format(field=field, number=number))
        params[f"days{number}"] = days
    results = messages.send(statements, params, commits=True) if statements else []
    for rows, ids in zip(added, results, strict=False):
        _note_ids(rows, ids)


def write_if_unchanged(messages: Messages, plan: Plan, versions: Mapping[int, int]) -> bool:
    """Write cart events in one statement, unless one of their sessions has another version than when it was read.

    Return whether they were written.
    """
    rows, changed = plan.cart_events, plan.changed_cart_events
    sql, names = _guarded_insertion(database().alias, bool(changed))
    sessions = sorted({row.session_id for row in rows})
    params = {
        "sessions": sessions,
        "versions": [versions[pk] for pk in sessions],
        "new_cartevent": _as_json(rows, names),
        **({"changed_cartevent": _as_json(changed, ("id", *WORTH_FIELDS))} if changed else {}),
    }
    [ids] = messages.send([sql], params, begins=False)
    if ids:
        _note_ids(rows, ids)
    return bool(ids)


def _note_ids(rows: Sequence[models.Model], ids: Sequence[tuple[Any, ...]]) -> None:
    for row, (pk,) in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = database().alias


_MARK = (
    f'INSERT INTO {_ROLLED_UP_DAY} (company_id, "on", is_stale, has_stale_sessions, is_in_week) '
    "SELECT %(company)s::bigint, day, TRUE, TRUE, FALSE FROM UNNEST(%(days{number})s::date[]) AS asked(day) "
    'ON CONFLICT (company_id, "on") DO UPDATE SET {field} = TRUE'
)


@cache
def _insertion(alias: str, model: type[models.Model], has_ids: bool) -> tuple[str, list[str]]:
    fields = [field for field in model._meta.concrete_fields if has_ids or not field.primary_key]
    names = ", ".join(str(field.column) for field in fields)
    rows = _recordset(alias, f"new_{model._meta.model_name}", fields)
    sql = f"INSERT INTO {model._meta.db_table} ({names}) SELECT {names} FROM {rows} RETURNING id"
    return sql, [field.attname for field in fields]


@cache
def _guarded_insertion(alias: str, has_changed: bool) -> tuple[str, list[str]]:
    insertion, names = _insertion(alias, CartEvent, False)
    unchanged = (
        f"SELECT s.id FROM UNNEST(%(sessions)s::bigint[], %(versions)s::bigint[]) AS asked(id, version) "
        f"INNER JOIN {_SESSION} s ON s.id = asked.id AND s.version = asked.version ORDER BY s.id FOR NO KEY UPDATE OF s"
    )
    held = f"UPDATE {_SESSION} SET version = version + 1 WHERE id IN ({unchanged}) RETURNING id"
    all_held = "WHERE (SELECT COUNT(*) FROM held) = CARDINALITY(%(sessions)s::bigint[])"
    changed = (
        f", changed AS ({_update(alias, CartEvent, WORTH_FIELDS).replace('WHERE', f'{all_held} AND')})"
        if has_changed
        else ""
    )
    return f"WITH held AS ({held}){changed} {insertion.replace(' RETURNING', f' {all_held} RETURNING')}", names


@cache
def _update(alias: str, model: type[models.Model], names: tuple[str, ...]) -> str:
    fields = [field for field in model._meta.concrete_fields if field.name in {"id", *names}]
    changes = ", ".join(f"{name} = new.{name}" for name in names)
    rows = _recordset(alias, f"changed_{model._meta.model_name}", fields)
    return f"UPDATE {model._meta.db_table} AS stored SET {changes} FROM {rows} WHERE stored.id = new.id"


def _recordset(alias: str, param: str, fields: Sequence[models.Field[Any, Any]]) -> str:
    """Return SQL that reads rows from JSON, which PostgreSQL casts faster than psycopg fills in every value."""
    columns = ", ".join(f"{field.column} {field.rel_db_type(connections[alias])}" for field in fields)
    return f"JSON_TO_RECORDSET(%({param})s::json) AS new({columns})"


def _as_json(rows: Sequence[object], names: Sequence[str]) -> str:
    values = attrgetter(*names)
    return _encode([dict(zip(names, values(row), strict=True)) for row in rows])
