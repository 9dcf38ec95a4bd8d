"""What changes of carts are worth, each by the state that the one before it left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import insertions, statements
from alhena_tracking.ingestion.data import CartEventData
from alhena_tracking.ingestion.statements import Found, ProductInCart
from alhena_tracking.ingestion.visits import Attribution
from alhena_tracking.models import CartEvent, Company, Order

_WORTH_FIELDS = ["units", "gmv_minor", "cart_quantity", "claimed_units", "claimed_minor"]


def new_cart_event(company: Company, data: CartEventData, attribution: Attribution) -> CartEvent:
    """The row of a cart event; what it is worth is not known yet."""
    return CartEvent(
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


def append_cart_events(events: Sequence[CartEvent], found: Found, *, is_durable: bool) -> bool:
    """Insert ``events`` after those that were ``found``, if they are of one session and nobody else changed it since.

    Returns whether that was so; else nothing is stored. A session is rarely changed from two sides at once, and so most
    events need not wait for its lock before they read.
    """
    ordered = sorted(events, key=_moment)
    session_id = ordered[0].session_id
    ordered_at = found.ordered_at.get(session_id)
    if any(event.session_id != session_id for event in ordered) or (
        ordered_at and ordered_at >= ordered[0].occurred_at
    ):
        return False
    if _compute_all(ordered, dict(found.states), {session_id: [ordered_at]} if ordered_at else {}):
        return False
    return insertions.insert_unless_changed(session_id, found.versions[session_id], events, is_durable=is_durable)


def insert_cart_events(events: Sequence[CartEvent]) -> dict[int, datetime]:
    """Insert ``events`` at their places among the stored ones, after the orders of the same transaction.

    Returns since when the rows of which sessions must be computed anew, because an event came late. The caller holds
    the sessions.
    """
    if not events:
        return {}
    ordered = sorted(events, key=_moment)  # of equal moments, the first one told stays the first
    states, order_times = _states_before(ordered)
    stale = _compute_all(ordered, states, order_times)
    insertions.insert(events)
    return stale


def _compute_all(
    ordered: Sequence[CartEvent],
    states: dict[ProductInCart, tuple[datetime, CartState]],
    order_times: Mapping[int, Sequence[datetime]],
) -> dict[int, datetime]:
    """Compute what events are worth, one after the other, from ``states`` on.

    Returns since when the rows of which sessions must be computed anew, because an event came late.
    """
    stale: dict[int, datetime] = {}
    for event in ordered:
        product = _product_of(event)
        last = states.get(product)
        if last and last[0] > event.occurred_at:  # it came late: the state before it is an older one
            stale.setdefault(event.session_id, event.occurred_at)  # the earliest one, as they are in order
        _compute(event, _state_at(event, last, order_times.get(event.session_id, ())))
        states[product] = (event.occurred_at, _state_after(event))
    return stale


def _states_before(
    events: Sequence[CartEvent],
) -> tuple[dict[ProductInCart, tuple[datetime, CartState]], dict[int, list[datetime]]]:
    """The last state of each product, and the moments of the orders that may have emptied it since."""
    first, last = events[0].occurred_at, events[-1].occurred_at
    products = list(dict.fromkeys(_product_of(event) for event in events))
    states, orders = statements.newest_states(products, orders_before=first)
    order_times = {session_id: [at] for session_id, at in orders.items()}
    if first < last:
        between = Order.objects.filter(
            session__in={event.session_id for event in events}, occurred_at__gte=first, occurred_at__lt=last
        )
        for session_id, at in between.order_by().values_list("session_id", "occurred_at"):
            order_times.setdefault(session_id, []).append(at)
    return states, order_times


def recompute(session_id: int, since: datetime) -> None:
    """Compute anew what a session's cart events from ``since`` on are worth. The caller holds the session."""
    events = list(CartEvent.objects.filter(session=session_id, occurred_at__gte=since).order_by("occurred_at", "id"))
    if not events:
        return
    products = list(dict.fromkeys(_product_of(event) for event in events))
    states, _ = statements.newest_states(products, before=since)
    oldest = min((at for at, _ in states.values()), default=since)
    order_times = list(
        Order.objects.filter(session=session_id, occurred_at__gte=oldest)
        .order_by()
        .values_list("occurred_at", flat=True)
    )
    changed = []
    for event in events:
        product = _product_of(event)
        worth = _worth(event)
        _compute(event, _state_at(event, states.get(product), order_times))
        if _worth(event) != worth:
            changed.append(event)
        states[product] = (event.occurred_at, _state_after(event))
    CartEvent.objects.bulk_update(changed, _WORTH_FIELDS, batch_size=500)


def _state_at(event: CartEvent, last: tuple[datetime, CartState] | None, order_times: Iterable[datetime]) -> CartState:
    """The state that ``event`` continues from: the ``last`` one of its product, unless an order emptied it since."""
    if last is None or any(last[0] <= order_at < event.occurred_at for order_at in order_times):
        return EMPTY_CART
    return last[1]


def _compute(event: CartEvent, state: CartState) -> None:
    change = change_cart(state, event.type, event.quantity, event.value_minor, event.value_basis)
    event.units, event.gmv_minor = change.units, change.gmv_minor
    assert change.state.quantity is not None  # noqa: S101  (known after any event; tells mypy)
    event.cart_quantity = change.state.quantity
    event.claimed_units, event.claimed_minor = change.state.units, change.state.minor


def _state_after(event: CartEvent) -> CartState:
    return CartState(event.cart_quantity, event.claimed_units, event.claimed_minor)


def _worth(event: CartEvent) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in _WORTH_FIELDS)


def _product_of(event: CartEvent) -> ProductInCart:
    return ProductInCart(event.session_id, event.product_id_digest, event.currency)


def _moment(event: CartEvent) -> datetime:
    moment: datetime = event.occurred_at
    return moment
