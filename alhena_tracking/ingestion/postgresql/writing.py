"""Write what was planned, and commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import models

from alhena_tracking.contract.limits import LATEST_CLAIMS
from alhena_tracking.db.messages import Messages
from alhena_tracking.db.sql import as_json, insertion, update
from alhena_tracking.db.transactions import database
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.carts import WORTH_FIELDS
from alhena_tracking.ingestion.order_rows import new_lines, new_touches
from alhena_tracking.ingestion.plan import Plan
from alhena_tracking.ingestion.state import SESSION_FIELDS, UnusualError
from alhena_tracking.models import (
    CartEvent,
    Order,
    OrderClaim,
    OrderVersion,
    PendingConfirmation,
    RolledUpDay,
    VisitorSession,
)

_SESSION, _ROLLED_UP_DAY = (model._meta.db_table for model in (VisitorSession, RolledUpDay))


def write(messages: Messages, plan: Plan) -> None:
    """Insert and update all rows, mark the days whose roll-ups they make stale, and commit.

    Raises ``UnusualError`` for an order with so many new claims that the ORM has to drop some.
    """
    if any(len(state.claims.rows) > LATEST_CLAIMS for state in plan.states):
        raise UnusualError
    new: tuple[Sequence[models.Model], ...] = (
        plan.opened,
        plan.interactions,
        plan.new_orders,
        *_beside_orders(plan),
        plan.cart_events,
    )
    added = [rows for rows in new if rows]
    statements: list[str] = []
    params: dict[str, Any] = {"company": plan.stale_days.company.pk}
    for rows in added:
        sql, names = insertion(database().alias, type(rows[0]), rows[0].pk is not None)
        statements.append(sql)
        params[f"new_{type(rows[0])._meta.model_name}"] = as_json(rows, names)
    if plan.joined:
        statements.append(update(database().alias, VisitorSession, SESSION_FIELDS))
        params["changed_visitorsession"] = as_json(list(plan.joined.values()), ("id", *SESSION_FIELDS))
    if plan.used_allowances:
        statements.append(_ALLOWANCES)
        used = [(pk, *_columns_of(allowance)) for pk, allowance in plan.used_allowances]
        params.update(zip(("used_by", *_ALLOWANCE), map(list, zip(*used, strict=True)), strict=True))
    if plan.changed_cart_events:
        statements.append(update(database().alias, CartEvent, WORTH_FIELDS))
        params["changed_cartevent"] = as_json(plan.changed_cart_events, ("id", *WORTH_FIELDS))
    if plan.changed_cart_orders:
        statements.append(update(database().alias, Order, ("empties_cart", "cart_lines")))
        params["changed_order"] = as_json(plan.changed_cart_orders, ("id", "empties_cart", "cart_lines"))
    stale = plan.stale_days
    for number, (field, days) in enumerate(RolledUpDay.objects.marks(stale.days, stale.session_days)):
        statements.append(_MARK.format(field=field, number=number))
        params[f"days{number}"] = days
    results = messages.send(statements, params, commits=True) if statements else []
    for rows, ids in zip(added, results, strict=False):
        _note_ids(rows, ids)


def _beside_orders(plan: Plan) -> Iterable[Sequence[Any]]:
    """Return the lines, touches, conversations, claims and versions of new orders, and the confirmations that wait.

    The orders have their ids.
    """
    lines = list(plan.lines_without_id)
    for line in lines:
        line.order_id = line.order.pk
    conversations = list(plan.conversations_without_id)
    touches = [touch for order in plan.orders_without_id for touch in new_touches(order)]
    claims: list[OrderClaim] = []
    versions: list[OrderVersion] = []
    pending: list[PendingConfirmation] = []
    for state in plan.states:
        if state.order is not None:
            lines += new_lines(state.order, state.lines or ())
            touches += new_touches(state.order)
            conversations += state.conversations or ()
            for claim in state.claims.rows:
                claim.order = state.order
        for version in state.versions.rows:
            version.order = state.order
        claims += state.claims.rows
        versions += state.versions.rows
        if state.pending is not None and not state.drops_pending:
            pending.append(state.pending)
    for conversation in conversations:
        conversation.order_id = conversation.order.pk
    return lines, touches, conversations, claims, versions, pending


def write_if_unchanged(messages: Messages, plan: Plan, versions: Mapping[int, int]) -> bool:
    """Write cart events in one statement, unless one of their sessions has another version than when it was read.

    ``versions`` are the sessions' once this is written. Return whether they were written: never, if browsers' events
    are of several sessions, which is rare.
    """
    rows, changed = plan.cart_events, plan.changed_cart_events
    held = sorted((pk, versions[pk] - 1) for pk in {row.session_id for row in rows})
    allowances = [allowance for _, allowance in plan.used_allowances]
    if allowances and len(held) > 1:
        return False
    sql, names = _guarded_insertion(database().alias, len(held) == 1, bool(changed), bool(allowances))
    params: dict[str, Any] = {"new_cartevent": as_json(rows, names)}
    for allowance in allowances:
        params.update(zip(_ALLOWANCE, _columns_of(allowance), strict=True))
    if len(held) == 1:
        [(params["session"], params["version"])] = held
    else:
        params["sessions"], params["versions"] = map(list, zip(*held, strict=True))
    if changed:
        params["changed_cartevent"] = as_json(changed, ("id", *WORTH_FIELDS))
    [ids] = messages.send([sql], params, begins=False)
    if ids:
        _note_ids(rows, ids)
    return bool(ids)


def _columns_of(allowance: CartAllowance) -> tuple[Any, ...]:
    return allowance.since, allowance.events, allowance.claimed


def _note_ids(rows: Sequence[models.Model], ids: Sequence[tuple[Any, ...]]) -> None:
    for row, (pk,) in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding = False
        row._state.db = database().alias


#: The columns of a session that keep its allowance, and their types.
_ALLOWANCE = {"carts_since": "timestamptz", "carts_events": "integer", "carts_claimed": "integer"}
_ALLOWANCES = (
    f"UPDATE {_SESSION} AS s SET {', '.join(f'{name} = used.{name}' for name in _ALLOWANCE)} FROM UNNEST("
    f"%(used_by)s::bigint[], {', '.join(f'%({name})s::{type_}[]' for name, type_ in _ALLOWANCE.items())}) "
    f"AS used(id, {', '.join(_ALLOWANCE)}) WHERE s.id = used.id"
)
_MARK = (
    f'INSERT INTO {_ROLLED_UP_DAY} (company_id, "on", is_stale, has_stale_sessions, is_in_week) '
    "SELECT %(company)s::bigint, day, TRUE, TRUE, FALSE FROM UNNEST(%(days{number})s::date[]) AS asked(day) "
    'ON CONFLICT (company_id, "on") DO UPDATE SET {field} = TRUE'
)


@cache
def _guarded_insertion(
    alias: str, is_of_one_session: bool, has_changed: bool, has_allowance: bool
) -> tuple[str, list[str]]:
    """Return the statement of ``write_if_unchanged``, and the fields of the rows that it inserts."""
    if is_of_one_session:
        unchanged, all_held = "id = %(session)s::bigint AND version = %(version)s::bigint", "EXISTS (SELECT FROM held)"
    else:
        in_order = (
            "SELECT s.id FROM UNNEST(%(sessions)s::bigint[], %(versions)s::bigint[]) AS asked(id, version) INNER JOIN "
            f"{_SESSION} s ON s.id = asked.id AND s.version = asked.version ORDER BY s.id FOR NO KEY UPDATE OF s"
        )
        unchanged = f"id IN ({in_order})"
        all_held = "(SELECT COUNT(*) FROM held) = CARDINALITY(%(sessions)s::bigint[])"
    used = [f"{name} = %({name})s::{type_}" for name, type_ in _ALLOWANCE.items()] if has_allowance else []
    changes = ", ".join(["version = version + 1", *used])
    parts = [f"held AS (UPDATE {_SESSION} SET {changes} WHERE {unchanged} RETURNING id)"]
    if has_changed:
        parts.append(f"changed AS ({update(alias, CartEvent, WORTH_FIELDS)} AND {all_held})")
    sql, names = insertion(alias, CartEvent, False)
    return f"WITH {', '.join(parts)} {sql.replace(' RETURNING', f' WHERE {all_held} RETURNING')}", names
