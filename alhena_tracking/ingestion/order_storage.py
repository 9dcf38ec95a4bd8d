"""Read and write the states of orders."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import insertions
from alhena_tracking.ingestion.order_rows import new_lines
from alhena_tracking.ingestion.order_state import OrderState, figure_key
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.visits import Identities
from alhena_tracking.models import Company, Order, OrderClaim, OrderLine, PendingConfirmation, Refund


def read_states(company: Company, order_ids: Collection[str]) -> dict[str, OrderState]:
    """Return the state of each order id. Their lock rows must be locked."""
    states = {text_digest(order_id): OrderState(company) for order_id in order_ids}
    if not states:
        return {}
    known = {"company": company, "order_id_digest__in": states}
    orders = {}
    for order in Order.objects.filter(**known):
        order.company = company
        orders[order.pk] = states[order.order_id_digest].order = order
        states[order.order_id_digest].figure_key = figure_key(order)
    for pending in PendingConfirmation.objects.filter(**known):
        states[pending.order_id_digest].pending = pending
    for refund in Refund.objects.filter(**known).order_by("id"):
        if refund.refunded_order_id is not None:
            refund.refunded_order = orders[refund.refunded_order_id]
            states[refund.order_id_digest].attached_refund_ids.add(refund.pk)
        states[refund.order_id_digest].refunds.append(refund)
    if orders:
        for claim in OrderClaim.objects.filter(order__in=orders).order_by("id"):
            states[orders[claim.order_id].order_id_digest].claims.append(claim)
    return {order_id: states[text_digest(order_id)] for order_id in order_ids}


def write_states(states: Iterable[OrderState], identities: Identities, stale_days: StaleDays) -> None:
    """Store all changes."""
    states = list(states)
    orders = [state.order for state in states if state.order is not None]
    claims = [claim for state in states for claim in state.claims if claim._state.adding]
    for row in [*orders, *claims]:
        identities.resolve(row)
    insertions.insert([order for order in orders if order._state.adding])
    lines: list[OrderLine] = []
    for state in states:
        if state.order is None:
            _save_pending(state.pending)
        else:
            lines += _save_order(state, state.order, stale_days)
            _mark_days(state, state.order, stale_days)
    insertions.insert(claims)
    insertions.insert(lines)


def _save_pending(pending: PendingConfirmation | None) -> None:
    if pending is not None and pending._state.adding:
        pending.save(force_update=pending.pk is not None)


def _save_order(state: OrderState, order: Order, stale_days: StaleDays) -> list[OrderLine]:
    """Store the changes of an order; return its new lines."""
    if not state.is_new and state.is_changed:
        order.save(force_update=True)
    for claim in state.claims:
        claim.order = order
    if state.pending is not None and not state.pending._state.adding:
        state.pending.delete()
    save_refunds(state, stale_days)
    if state.lines is None:
        return []
    if not state.is_new:
        OrderLine.objects.filter(order=order).delete()
    return new_lines(order, state.lines)


def _mark_days(state: OrderState, order: Order, stale_days: StaleDays) -> None:
    if state.lines is not None:
        stale_days.add(order.occurred_on)
    if state.is_figure_changed:
        stale_days.add_order(order.session_id, order.occurred_on)
        if state.figure_key:
            stale_days.add_order(*state.figure_key[:2])


def save_refunds(state: OrderState, stale_days: StaleDays) -> None:
    """Store new refunds, and those that were attached or detached."""
    if state.superseded_refund is not None:
        state.superseded_refund.delete()
    for refund in state.refunds:
        refund.refunded_order = refund.refunded_order  # sets the id of an order inserted since
        is_attached = refund.refunded_order_id is not None
        was_attached = refund.pk in state.attached_refund_ids
        if is_attached != was_attached and state.order is not None:
            stale_days.add(state.order.occurred_on)
        if refund._state.adding:
            refund.save(force_insert=True)
        elif is_attached != was_attached:
            refund.save(update_fields=["refunded_order"])
