"""The worth of cart events, each computed from the state that the previous one left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import insertions, statements
from alhena_tracking.ingestion.data import CartEventData
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.statements import Found, ProductInCart, StoredCartEvent
from alhena_tracking.ingestion.visits import Attribution
from alhena_tracking.models import CartEvent, Company

WORTH_FIELDS = ["units", "gmv_minor", "cart_quantity", "claimed_units", "claimed_minor"]

_Row: TypeAlias = CartEvent | StoredCartEvent

_ATTRIBUTES = [field.attname for field in CartEvent._meta.concrete_fields]


def new_cart_event(company: Company, data: CartEventData, attribution: Attribution) -> CartEvent:
    """Build the row of a cart event, without its worth."""
    values = {
        "product_id_digest": text_digest(data.product_id),
        "value_basis": conf.cart_event_value,
        **data.fields(company),
        **attribution.fields(),
    }
    # Positional: a model takes three times as long with keyword arguments.
    event = CartEvent(*map(values.get, _ATTRIBUTES))
    event.company = company
    return event


def append_cart_events(events: Sequence[CartEvent], found: Found, stale_days: StaleDays, *, is_durable: bool) -> bool:
    """Insert ``events`` of one session after the rows in ``found``, unless the session changed since.

    Return whether they were stored; otherwise nothing is. Concurrent changes of one session are rare, so most events
    need not lock it before they read.
    """
    session_id = events[0].session_id
    ordered_at = found.ordered_at.get(session_id)
    if any(event.session_id != session_id for event in events):
        return False
    if ordered_at and ordered_at >= min(event.occurred_at for event in events):
        return False  # only the session's last order was looked up
    changed = _placed(_by_product(events), found.carts, {session_id: [ordered_at]} if ordered_at else {})
    stale_days.add_cart_events([*events, *changed])
    return insertions.insert_unless_changed(
        session_id,
        found.versions[session_id],
        events,
        changed,
        WORTH_FIELDS,
        is_durable=is_durable,
        also=stale_days.mark if stale_days else None,
    )


def insert_cart_events(events: Sequence[CartEvent], stale_days: StaleDays) -> None:
    """Insert ``events`` in time order among the stored ones, and recompute the worth of the later ones.

    Call after the orders of the same transaction are stored, with the sessions locked.
    """
    if not events:
        return
    added = _by_product(events)
    changed = _placed(added, *statements.read_carts({product: of[0].occurred_at for product, of in added.items()}))
    insertions.insert(events)
    insertions.update(CartEvent, changed, WORTH_FIELDS)
    stale_days.add_cart_events([*events, *changed])


def recompute(session_id: int, since: datetime, stale_days: StaleDays) -> None:
    """Recompute the worth of a session's cart events from ``since`` on. The session must be locked."""
    later = CartEvent.objects.filter(session=session_id, occurred_at__gte=since).order_by()
    products = later.values_list("session_id", "product_id_digest", "currency").distinct()
    if carts := {ProductInCart(*product): since for product in products}:
        rows, order_times = statements.read_carts(carts)
        changed = _placed({product: [] for product in carts}, rows, order_times, since)
        insertions.update(CartEvent, changed, WORTH_FIELDS)
        stale_days.add_cart_events(changed)


def _by_product(events: Iterable[CartEvent]) -> dict[ProductInCart, list[CartEvent]]:
    """Group events by product, in time order; of equal times, in order of arrival."""
    events_of: dict[ProductInCart, list[CartEvent]] = {}
    for event in sorted(events, key=_moment):
        events_of.setdefault(ProductInCart(event.session_id, event.product_id_digest, event.currency), []).append(event)
    return events_of


def _placed(
    added: Mapping[ProductInCart, Sequence[CartEvent]],
    stored: Mapping[ProductInCart, Sequence[StoredCartEvent]],
    order_times: Mapping[int, Collection[datetime]],
    since: datetime | None = None,
) -> list[StoredCartEvent]:
    """Compute the worth of each product's events, with the ``added`` ones merged into the ``stored`` ones.

    Start at the first added event, or at ``since``. Return the stored events whose worth changed.
    """
    changed = []
    for product, its_own in added.items():
        start = since or its_own[0].occurred_at
        rows = stored.get(product, [])
        earlier = [row for row in rows if row.occurred_at < start]
        last = (earlier[-1].occurred_at, _state_after(earlier[-1])) if earlier else None
        later = rows[len(earlier) :]
        worth = [_worth(row) for row in later]
        _follow(sorted([*later, *its_own], key=_moment), last, order_times.get(product.session_id, ()))
        changed += [row for row, was_worth in zip(later, worth, strict=True) if _worth(row) != was_worth]
    return changed


def _follow(events: Iterable[_Row], last: tuple[datetime, CartState] | None, order_times: Collection[datetime]) -> None:
    """Compute the worth of a product's events in turn, starting from the state ``last``.

    An order empties the cart.
    """
    for event in events:
        is_empty = last is None or any(last[0] <= order_at < event.occurred_at for order_at in order_times)
        _compute(event, EMPTY_CART if is_empty or last is None else last[1])
        last = (event.occurred_at, _state_after(event))


def _compute(event: _Row, state: CartState) -> None:
    change = change_cart(state, event.type, event.quantity, event.value_minor, event.value_basis)
    event.units, event.gmv_minor = change.units, change.gmv_minor
    assert change.state.quantity is not None  # noqa: S101  (known after any event; tells mypy)
    event.cart_quantity = change.state.quantity
    event.claimed_units, event.claimed_minor = change.state.units, change.state.minor


def _state_after(event: _Row) -> CartState:
    return CartState(event.cart_quantity, event.claimed_units, event.claimed_minor)


def _worth(event: _Row) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in WORTH_FIELDS)


def _moment(event: _Row) -> datetime:
    moment: datetime = event.occurred_at
    return moment
