"""The worth of cart events, each computed from the state that the previous one left. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart
from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.data import Attribution, CartEventData
from alhena_tracking.ingestion.order_rows import Place
from alhena_tracking.ingestion.state import ProductInCart, StoredCartEvent, earliest
from alhena_tracking.models import CartEvent, Company

WORTH_FIELDS = ("units", "gmv_minor", "cart_quantity", "claimed_units", "claimed_minor")

#: Where an order was, and where it is now.
Move: TypeAlias = tuple[Place | None, Place | None]
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


def product_of(event: CartEvent) -> ProductInCart:
    return ProductInCart(event.session_id, event.product_id_digest, event.currency)


def place(
    added: Mapping[ProductInCart, Sequence[CartEvent]],
    stored: Mapping[ProductInCart, Sequence[StoredCartEvent]],
    order_times: Mapping[int, Collection[datetime]],
    emptied: Mapping[int, datetime],
    again: Mapping[ProductInCart, datetime],
) -> list[StoredCartEvent]:
    """Compute the worth of the ``added`` events among the ``stored`` ones; return the stored ones whose worth changes.

    ``order_times`` are those of each session's orders, which empty its cart; ``emptied`` says of sessions since when
    they changed. Products in ``again`` are computed again from a time on.
    """
    changed = []
    for product in {**added, **again, **{product: None for product in stored if product.session_id in emptied}}:
        its_own = sorted(added.get(product, ()), key=_moment)
        starts = [event.occurred_at for event in its_own[:1]]
        start = min([*starts, *filter(None, (emptied.get(product.session_id), again.get(product)))])
        rows = stored.get(product, [])
        earlier = [row for row in rows if row.occurred_at < start]
        last = (earlier[-1].occurred_at, _state_after(earlier[-1])) if earlier else None
        later = rows[len(earlier) :]
        worth = [_worth(row) for row in later]
        # Sorting is stable: of equal times, stored events come first, and then those that arrived first.
        _follow(sorted([*later, *its_own], key=_moment), last, order_times.get(product.session_id, ()))
        changed += [row for row, was_worth in zip(later, worth, strict=True) if _worth(row) != was_worth]
    return changed


def emptied_since(moves: Iterable[Move]) -> dict[int, datetime]:
    """Return since when the carts of sessions change by orders that move."""
    emptied: dict[int, datetime] = {}
    for former, now in moves:
        if former != now:
            for session_id, at in filter(None, (former, now)):
                earliest(emptied, session_id, at)
    return emptied


def moved_times(
    moves: Iterable[Move], order_times: Mapping[int, Collection[datetime]]
) -> dict[int, Collection[datetime]]:
    """Return the times of each session's orders once the orders have moved."""
    moved = {session_id: list(times) for session_id, times in order_times.items()}
    for former, now in moves:
        if former == now:
            continue
        if former is not None and former[1] in moved.get(former[0], ()):
            moved[former[0]].remove(former[1])
        if now is not None:
            moved.setdefault(now[0], []).append(now[1])
    return {**moved}


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
