"""Recording changes of a cart, each worth what the state before it makes it worth."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Subquery

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.crediting import attribute
from alhena_tracking.ingestion.data import DUPLICATE, NO_INTERACTION, CartEventData, Outcome
from alhena_tracking.models import CartEvent, Company, Order, VisitorSession
from alhena_tracking.querysets import DatedQuerySet

_WORTH_FIELDS = ["units", "gmv_minor", "cart_quantity", "claimed_units", "claimed_minor"]


def record_cart_event(company: Company, data: CartEventData) -> Outcome:
    """Store one change of a cart if an interaction earned it.

    Returns ``recorded``, ``duplicate`` (the ``event_id`` is there already) or ``ignored``; committed on return unless
    the caller holds a transaction open.
    """
    attribution = attribute(company, data)
    if attribution is None:
        return NO_INTERACTION
    event = CartEvent(
        type=data.type,
        product_id=data.product_id,
        product_id_digest=text_digest(data.product_id),
        product_name=data.product_name,
        currency=data.currency,
        value_minor=data.value_minor,
        value_basis=conf.cart_event_value,
        quantity=data.quantity,
        **data.fields(company),
        **attribution.fields(),
    )
    try:
        with transaction.atomic():
            VisitorSession.objects.lock(attribution.credit.session_id)
            _insert(event)
    except IntegrityError:
        if CartEvent.objects.filter(company=company, event_id=data.event_id).exists():
            return DUPLICATE
        raise
    return Outcome("recorded", data.event_id)


def _insert(event: CartEvent) -> None:
    """Put the event into its place among the same product's, and compute those after it anew if it comes late."""
    same_product = CartEvent.objects.filter(
        session=event.session_id, product_id_digest=event.product_id_digest, currency=event.currency
    )
    newest = _last(same_product, event)
    if newest is None or newest.occurred_at <= event.occurred_at:
        _compute(event, _state_after(newest))
        event.save(force_insert=True)
        return
    _compute(event, _state_after(_last(same_product.filter(occurred_at__lte=event.occurred_at), event)))
    event.save(force_insert=True)
    later = same_product.filter(occurred_at__gt=event.occurred_at)
    recompute(later, _orders_of(event.session_id), after=[event])


def _last(events: DatedQuerySet[CartEvent], before: CartEvent) -> CartEvent | None:
    """The last of ``events``, and with it when the session's last order before ``before`` was."""
    orders = Order.objects.filter(session=before.session_id, occurred_at__lt=before.occurred_at)
    last_order_at = Subquery(orders.order_by("-occurred_at").values("occurred_at")[:1])
    return events.annotate(last_order_at=last_order_at).order_by("-occurred_at", "-id").first()


def _state_after(event: CartEvent | None) -> CartState:
    if event is None:
        return EMPTY_CART
    last_order_at: datetime | None = event.last_order_at  # type: ignore[attr-defined]
    if last_order_at is not None and event.occurred_at <= last_order_at:
        return EMPTY_CART
    return _state_of(event)


def recompute(events: DatedQuerySet[CartEvent], order_times: list[datetime], after: Iterable[CartEvent] = ()) -> None:
    """Compute what ``events`` of one session are worth anew, continuing from the state ``after`` given ones.

    An order empties the carts of what is later than it. The caller holds the session's lock.
    """
    previous: dict[tuple[UUID, str], CartEvent] = {_product_of(event): event for event in after}
    changed = []
    for event in events.order_by("occurred_at", "id"):
        state = EMPTY_CART
        before = previous.get(_product_of(event))
        if before and not any(before.occurred_at <= order_at < event.occurred_at for order_at in order_times):
            state = _state_of(before)
        worth = _worth(event)
        _compute(event, state)
        if _worth(event) != worth:
            changed.append(event)
        previous[_product_of(event)] = event
    CartEvent.objects.bulk_update(changed, _WORTH_FIELDS, batch_size=500)


def empty_carts(session_id: int, order_at: datetime) -> None:
    """Make an order that came late empty the carts of what is later than it. The caller holds the session's lock."""
    later = CartEvent.objects.filter(session=session_id, occurred_at__gt=order_at)
    recompute(later, _orders_of(session_id))


def _orders_of(session_id: int) -> list[datetime]:
    return list(Order.objects.filter(session=session_id).order_by().values_list("occurred_at", flat=True))


def _compute(event: CartEvent, state: CartState) -> None:
    change = change_cart(state, event.type, event.quantity, event.value_minor, event.value_basis)
    event.units, event.gmv_minor = change.units, change.gmv_minor
    assert change.state.quantity is not None  # noqa: S101  (known after any event; tells mypy)
    event.cart_quantity = change.state.quantity
    event.claimed_units, event.claimed_minor = change.state.units, change.state.minor


def _state_of(event: CartEvent) -> CartState:
    return CartState(event.cart_quantity, event.claimed_units, event.claimed_minor)


def _worth(event: CartEvent) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in _WORTH_FIELDS)


def _product_of(event: CartEvent) -> tuple[UUID, str]:
    return event.product_id_digest, event.currency
