"""What changes of carts are worth, each by the state that the one before it left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import contention, insertions, statements
from alhena_tracking.ingestion.data import CartEventData
from alhena_tracking.ingestion.statements import Found, ProductInCart
from alhena_tracking.ingestion.visits import Attribution
from alhena_tracking.models import CartEvent, Company

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
    session_id = events[0].session_id
    ordered_at = found.ordered_at.get(session_id)
    if any(event.session_id != session_id for event in events) or contention.is_expected(session_id):
        return False
    if ordered_at and ordered_at >= min(event.occurred_at for event in events):
        return False
    order_times = [ordered_at] if ordered_at else []
    for product, added in _by_product(events).items():
        last = found.states.get(product)
        if last and last[0] > added[0].occurred_at:
            return False
        _follow(added, last, order_times)
    version = found.versions[session_id]
    is_inserted = insertions.insert_unless_changed(session_id, version, events, is_durable=is_durable)
    if not is_inserted:
        contention.note(session_id)
    return is_inserted


def insert_cart_events(events: Sequence[CartEvent]) -> None:
    """Insert ``events`` at their places among the stored ones, and compute anew what those after them are worth.

    After the orders of the same transaction. The caller holds the sessions.
    """
    if not events:
        return
    added = _by_product(events)
    changed = _placed(added, {product: its_own[0].occurred_at for product, its_own in added.items()})
    insertions.insert(events)
    _update(changed)


def recompute(session_id: int, since: datetime) -> None:
    """Compute anew what a session's cart events from ``since`` on are worth. The caller holds the session."""
    later = CartEvent.objects.filter(session=session_id, occurred_at__gte=since).order_by()
    products = later.values_list("session_id", "product_id_digest", "currency").distinct()
    _update(_placed({}, {ProductInCart(*product): since for product in products}))


def _by_product(events: Iterable[CartEvent]) -> dict[ProductInCart, list[CartEvent]]:
    """The events of each product in their order; of equal moments, the first one told is the first."""
    events_of: dict[ProductInCart, list[CartEvent]] = {}
    for event in sorted(events, key=_moment):
        events_of.setdefault(ProductInCart(event.session_id, event.product_id_digest, event.currency), []).append(event)
    return events_of


def _placed(
    added: Mapping[ProductInCart, Sequence[CartEvent]], since: Mapping[ProductInCart, datetime]
) -> list[CartEvent]:
    """Compute what each product's events from a moment on are worth, those that are ``added`` in their places.

    Returns the stored ones that are worth something else now.
    """
    if not since:
        return []
    stored, order_times = statements.read_carts(since)
    changed = []
    for product, start in since.items():
        rows = stored.get(product, [])
        earlier = [row for row in rows if row.occurred_at < start]
        last = (earlier[-1].occurred_at, _state_after(earlier[-1])) if earlier else None
        later = rows[len(earlier) :]
        worth = [_worth(row) for row in later]
        _follow(sorted([*later, *added.get(product, ())], key=_moment), last, order_times.get(product.session_id, ()))
        changed += [row for row, was_worth in zip(later, worth, strict=True) if _worth(row) != was_worth]
    return changed


def _follow(
    events: Iterable[CartEvent], last: tuple[datetime, CartState] | None, order_times: Collection[datetime]
) -> None:
    """Compute what a product's events are worth, each by the state that the one before it left, the first by ``last``.

    After an order, the cart is empty.
    """
    for event in events:
        is_empty = last is None or any(last[0] <= order_at < event.occurred_at for order_at in order_times)
        _compute(event, EMPTY_CART if is_empty or last is None else last[1])
        last = (event.occurred_at, _state_after(event))


def _update(changed: Sequence[CartEvent]) -> None:
    if changed:
        insertions.update(changed, _WORTH_FIELDS)


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


def _moment(event: CartEvent) -> datetime:
    moment: datetime = event.occurred_at
    return moment
