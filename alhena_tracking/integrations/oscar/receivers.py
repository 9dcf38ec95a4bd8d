"""The receivers of Django's and Oscar's signals. None of them raises, because these signals reach the checkout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeAlias

from django.core.signals import request_started
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import Signal

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.outcomes import CART_EVENT, ORDER, REFUND
from alhena_tracking.events import record_cart_event_on_commit, record_order_on_commit, refund_order_on_commit
from alhena_tracking.events.recording import without_raising
from alhena_tracking.integrations.oscar import carts, orders
from alhena_tracking.integrations.oscar.requests import request_of_order

_Receiver: TypeAlias = Callable[..., None]

#: Where a line carries its change from before the save to after it.
_CHANGE = "_alhena_tracking_change"


def _quiet(method: str) -> Callable[[_Receiver], _Receiver]:
    """Make a receiver log and count its errors, instead of raising them."""

    def decorate(receiver: _Receiver) -> _Receiver:
        @wraps(receiver)
        def quiet(sender: Any, **kwargs: Any) -> None:
            without_raising(f"oscar.{receiver.__name__}", method, None, partial(receiver, **kwargs))

        return quiet

    return decorate


@_quiet(ORDER)
def report_order(order: Any, **kwargs: Any) -> None:
    record_order_on_commit(request_of_order(order), partial(orders.order_fields, order))


@_quiet(ORDER)
def report_status(order: Any, old_status: str, new_status: str, **kwargs: Any) -> None:
    was_cancelled, is_cancelled = (status in conf.oscar_cancelled_statuses for status in (old_status, new_status))
    if was_cancelled != is_cancelled:
        record_order_on_commit(None, partial(orders.cancellation_fields, order, is_cancelled=is_cancelled))


@_quiet(REFUND)
def report_transaction(instance: Any, *, raw: bool = False, **kwargs: Any) -> None:
    if instance.txn_type == instance.REFUND and not conf.oscar_refund_events and not raw:
        refund_order_on_commit(partial(orders.transaction_refund_fields, instance))


@_quiet(REFUND)
def report_payment_event(instance: Any, *, raw: bool = False, **kwargs: Any) -> None:
    if conf.oscar_refund_events and not raw and instance.event_type.name in conf.oscar_refund_events:
        refund_order_on_commit(partial(orders.event_refund_fields, instance))


@_quiet(CART_EVENT)
def read_saved_line(instance: Any, *, raw: bool = False, update_fields: Any = None, using: str, **kwargs: Any) -> None:
    instance.__dict__.pop(_CHANGE, None)
    is_moved = update_fields is None or not {"quantity", "basket", "basket_id"}.isdisjoint(update_fields)
    if is_moved and not raw:
        setattr(instance, _CHANGE, carts.change_by_saving(instance, using))


@_quiet(CART_EVENT)
def read_deleted_line(instance: Any, *, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    instance.__dict__.pop(_CHANGE, None)
    setattr(instance, _CHANGE, carts.change_by_deleting(instance, using))


@_quiet(CART_EVENT)
def report_line(instance: Any, **kwargs: Any) -> None:
    change = instance.__dict__.pop(_CHANGE, None)
    if change is not None:
        record_cart_event_on_commit(change.request, partial(carts.cart_event_fields, instance, change))
    elif kwargs["signal"] is post_save:
        carts.note_merge(instance)


@_quiet(CART_EVENT)
def forget_merge(**kwargs: Any) -> None:
    """Begin each request of a thread without the last one's merge."""
    carts.merged_line.set(None)


def connect() -> None:
    """Connect the receivers. The models are named by their labels, as a project may have replaced them."""
    from oscar.apps.order.signals import order_placed, order_status_changed

    receivers: list[tuple[Signal, _Receiver, str | None]] = [
        (order_placed, report_order, None),
        (order_status_changed, report_status, None),
        (post_save, report_transaction, "payment.Transaction"),
        (post_save, report_payment_event, "order.PaymentEvent"),
        (pre_save, read_saved_line, "basket.Line"),
        (post_save, report_line, "basket.Line"),
        (pre_delete, read_deleted_line, "basket.Line"),
        (post_delete, report_line, "basket.Line"),
        (request_started, forget_merge, None),
    ]
    for signal, receiver, sender in receivers:
        signal.connect(receiver, sender=sender, dispatch_uid=f"alhena_tracking.oscar.{receiver.__name__}")
