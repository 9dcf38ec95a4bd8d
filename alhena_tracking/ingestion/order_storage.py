"""Reading and writing what is known under some order ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import insertions
from alhena_tracking.ingestion.order_rows import new_lines
from alhena_tracking.ingestion.orders import OrderFile, counted_as
from alhena_tracking.ingestion.touched_days import TouchedDays
from alhena_tracking.ingestion.visits import Identities
from alhena_tracking.models import Company, Order, OrderClaim, OrderLine, PendingConfirmation, Refund


def open_files(company: Company, order_ids: Collection[str]) -> dict[str, OrderFile]:
    """The files of some order ids. The caller holds their lock rows."""
    files = {text_digest(order_id): OrderFile(company) for order_id in order_ids}
    if not files:
        return {}
    known = {"company": company, "order_id_digest__in": files}
    orders = {}
    for order in Order.objects.filter(**known):
        order.company = company
        orders[order.pk] = files[order.order_id_digest].order = order
        files[order.order_id_digest].counted_as = counted_as(order)
    for pending in PendingConfirmation.objects.filter(**known):
        files[pending.order_id_digest].pending = pending
    for refund in Refund.objects.filter(**known).order_by("id"):
        if refund.refunded_order_id is not None:
            refund.refunded_order = orders[refund.refunded_order_id]
            files[refund.order_id_digest].attached_refund_ids.add(refund.pk)
        files[refund.order_id_digest].refunds.append(refund)
    if orders:
        for claim in OrderClaim.objects.filter(order__in=orders).order_by("id"):
            files[orders[claim.order_id].order_id_digest].claims.append(claim)
    return {order_id: files[text_digest(order_id)] for order_id in order_ids}


def write_files(files: Iterable[OrderFile], identities: Identities, touched: TouchedDays) -> None:
    """Store what changed."""
    files = list(files)
    orders = [file.order for file in files if file.order is not None]
    claims = [claim for file in files for claim in file.claims if claim._state.adding]
    for row in [*orders, *claims]:
        identities.resolve(row)
    insertions.insert([order for order in orders if order._state.adding])
    lines: list[OrderLine] = []
    for file in files:
        if file.order is None:
            _save_pending(file.pending)
        else:
            lines += _save_order(file, file.order, touched)
            _note_change(file, file.order, touched)
    insertions.insert(claims)
    insertions.insert(lines)


def _save_pending(pending: PendingConfirmation | None) -> None:
    if pending is not None and pending._state.adding:
        pending.save(force_update=pending.pk is not None)


def _save_order(file: OrderFile, order: Order, touched: TouchedDays) -> list[OrderLine]:
    """Store what changed of a known order, and return the lines that it is to get."""
    if not file.is_new and file.is_changed:
        order.save(force_update=True)
    for claim in file.claims:
        claim.order = order
    if file.pending is not None and not file.pending._state.adding:
        file.pending.delete()
    save_refunds(file, touched)
    if file.lines is None:
        return []
    if not file.is_new:
        OrderLine.objects.filter(order=order).delete()
    return new_lines(order, file.lines)


def _note_change(file: OrderFile, order: Order, touched: TouchedDays) -> None:
    if file.lines is not None:
        touched.add(order.occurred_on)
    if file.is_counted_otherwise:
        touched.add_order(order.session_id, order.occurred_on)
        if file.counted_as:
            touched.add_order(*file.counted_as[:2])


def save_refunds(file: OrderFile, touched: TouchedDays) -> None:
    """Store new refunds, and those that were attached or detached."""
    if file.superseded_refund is not None:
        file.superseded_refund.delete()
    for refund in file.refunds:
        refund.refunded_order = refund.refunded_order  # an order that was inserted since has its id now
        is_attached = refund.refunded_order_id is not None
        was_attached = refund.pk in file.attached_refund_ids
        if is_attached != was_attached and file.order is not None:
            touched.add(file.order.occurred_on)
        if refund._state.adding:
            refund.save(force_insert=True)
        elif is_attached != was_attached:
            refund.save(update_fields=["refunded_order"])
