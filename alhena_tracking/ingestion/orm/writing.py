"""Write what was planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from alhena_tracking.db.transactions import rows_of
from alhena_tracking.ingestion.carts import WORTH_FIELDS
from alhena_tracking.ingestion.order_rows import new_touches
from alhena_tracking.ingestion.orm.order_states import save_states
from alhena_tracking.ingestion.orm.rows import Ids, insert
from alhena_tracking.ingestion.plan import Plan
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.state import SESSION_FIELDS, StoredCartEvent, StoredOrder
from alhena_tracking.models import CartEvent, Order, RolledUpDay, VisitorSession


def write(plan: Plan) -> None:
    """Insert and update all rows, and mark the days whose roll-ups they make stale."""
    ids: Ids = {}
    insert(plan.opened, ids)
    rows_of(VisitorSession).bulk_update(plan.joined.values(), SESSION_FIELDS)
    for pk, used in plan.used_allowances:
        rows_of(VisitorSession).filter(pk=pk).update(
            carts_since=used.since, carts_events=used.events, carts_claimed=used.claimed
        )
    insert(plan.interactions, ids)
    insert(plan.new_orders, ids)
    for line in plan.lines_without_id:
        line.order_id = line.order.pk
    for conversation in plan.conversations_without_id:
        conversation.order_id = conversation.order.pk
    insert(plan.lines_without_id, ids)
    insert(plan.conversations_without_id, ids)
    insert([touch for order in plan.orders_without_id for touch in new_touches(order)], ids)
    save_states(plan.states, ids)
    insert(plan.cart_events, ids)
    save_emptying(plan.changed_cart_orders)
    save_worth(plan.changed_cart_events)
    mark_stale(plan.stale_days)


def save_worth(events: Iterable[StoredCartEvent]) -> None:
    """Store what cart events are worth."""
    changed = [CartEvent(id=row.id, **{name: getattr(row, name) for name in WORTH_FIELDS}) for row in events]
    rows_of(CartEvent).bulk_update(changed, WORTH_FIELDS, batch_size=500)


def save_emptying(orders: Collection[StoredOrder]) -> None:
    """Store whether orders empty all of a cart, and of what where ``PRODUCT_GROUP`` decides that."""
    for order in orders:
        if order.grouped_lines:
            rows_of(Order).filter(pk=order.id).update(cart_lines=order.cart_lines)
    for empties_cart in (True, False):
        if pks := [order.id for order in orders if order.empties_cart == empties_cart]:
            rows_of(Order).filter(pk__in=pks).update(empties_cart=empties_cart)


def mark_stale(stale: StaleDays) -> None:
    """Mark the days whose figures change; call it after locking what changes them."""
    rows_of(RolledUpDay).mark_stale(stale.company, stale.days, of_sessions=stale.session_days)
