"""The worth of cart events, each computed from the state that the previous one and the orders since left. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from alhena_tracking.attribution import EMPTY_CART, CartState, change_cart, order_from_cart
from alhena_tracking.conf import conf
from alhena_tracking.contract.amounts import rounded_half_up
from alhena_tracking.contract.limits import CART_ORDERS, EMPTYING_INTERVAL, UNIT_VALUE_DECIMALS
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.cart_groups import InCart, lines_in_cart
from alhena_tracking.ingestion.data import Attribution, CartEventData
from alhena_tracking.ingestion.order_rows import Place
from alhena_tracking.ingestion.state import ProductInCart, StoredCartEvent, StoredOrder, earliest
from alhena_tracking.models import CartEvent, Company, Order, ValueBasis

if TYPE_CHECKING:
    from alhena_tracking.ingestion.order_state import OrderState

WORTH_FIELDS = ("units", "gmv_minor", "cart_quantity", "claimed_units", "claimed_minor")

CartOrder: TypeAlias = Order | StoredOrder
_Row: TypeAlias = CartEvent | StoredCartEvent
#: When something happened in a session, and in which order of arrival.
_Moment: TypeAlias = tuple[datetime, int]

_ATTRIBUTES = [field.attname for field in CartEvent._meta.concrete_fields]


class Move(NamedTuple):
    """An order, and where it emptied a cart, and empties one now."""

    order: Order
    former: Place | None
    now: Place | None


class Placed(NamedTuple):
    """The stored cart events whose worth changed, and the orders of which ``empties_cart`` did."""

    events: list[StoredCartEvent]
    orders: list[CartOrder]


def new_cart_event(company: Company, data: CartEventData, attribution: Attribution) -> CartEvent:
    """Build the row of a cart event, without its worth."""
    basis = conf.cart_event_value
    values = {
        "product_id_digest": text_digest(data.product_id),
        "value_basis": basis,
        **data.fields(company),
        "value_minor": rounded_half_up(data.value_minor, 0 if basis == ValueBasis.TOTAL else UNIT_VALUE_DECIMALS),
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
    orders: Mapping[int, Collection[CartOrder]],
    whole: Mapping[int, datetime],
    again: Mapping[ProductInCart, datetime],
) -> Placed:
    """Compute the worth of the ``added`` events among the ``stored`` ones and the ``orders``, which empty carts.

    Sessions in ``whole`` change from a time on, and are computed with all of their products; of the others, only the
    products with added events, and those in ``again`` from a time on, as no order follows these.
    """
    placed = Placed([], [])
    starts = dict(again)
    for product, events in added.items():
        for event in events:
            earliest(starts, product, event.occurred_at)
    carts: dict[int, _Cart] = {}
    for product in dict.fromkeys([*starts, *(product for product in stored if product.session_id in whole)]):
        session_id, since = product.session_id, whole.get(product.session_id)
        if session_id not in carts:
            carts[session_id] = _Cart(sorted(orders.get(session_id, ()), key=_moment_of_order), since)
        start = starts[product] if since is None else since - EMPTYING_INTERVAL
        carts[session_id].add(product, start, stored.get(product, ()), added.get(product, ()))
    for cart in carts.values():
        cart.run(placed)
    return placed


def moves_of(states: Iterable[OrderState]) -> list[Move]:
    return [Move(state.order, state.place, state.new_place) for state in states if state.order is not None]


def note_changes(orders: Iterable[CartOrder], states: Iterable[OrderState]) -> list[StoredOrder]:
    """Have the states of changed orders saved; return the others that are stored."""
    changed = {id(order) for order in orders}
    for state in states:
        state.is_changed |= id(state.order) in changed
    return [order for order in orders if isinstance(order, StoredOrder)]


def with_moves(orders: Mapping[int, Iterable[CartOrder]], moves: Iterable[Move]) -> dict[int, list[CartOrder]]:
    """Return each session's orders once some have moved, which are then the rows to save."""
    moved = {session_id: list(rows) for session_id, rows in orders.items()}
    for order, former, now in moves:
        if former == now:
            continue
        if former is not None:
            moved[former.session_id] = [row for row in moved.get(former.session_id, ()) if row.id != order.pk]
        if now is not None:
            moved.setdefault(now.session_id, []).append(order)
    return moved


def emptied_since(moves: Iterable[Move]) -> dict[int, datetime]:
    """Return since when the carts of sessions change by orders that move."""
    emptied: dict[int, datetime] = {}
    for _, former, now in moves:
        if former != now:
            for place in filter(None, (former, now)):
                earliest(emptied, place.session_id, place.at)
    return emptied


@dataclass(slots=True)
class _Product:
    """A product in a cart, the orders since its last event, and the removals that may be the shop's emptying its cart.

    After more than ``CART_ORDERS`` orders nothing of it is left, so that no more need be read.
    """

    state: CartState
    product_id: str = ""
    orders: int = 0
    removals: list[_Row] = field(default_factory=list)
    #: When it last changed.
    last: _Moment | None = None

    def change(self, event: _Row) -> None:
        change = change_cart(
            self.state, event.type, event.quantity, event.value_minor, event.value_basis, event.previous_quantity
        )
        event.units, event.gmv_minor = change.units, change.gmv_minor
        assert change.state.quantity is not None  # noqa: S101  (known after any event)
        event.cart_quantity = change.state.quantity
        event.claimed_units, event.claimed_minor = change.state.units, change.state.minor
        self.state, self.orders, self.last = change.state, 0, _moment(event)

    def order(self, quantity: str, *, empties: bool) -> None:
        self.orders += 1
        if empties or self.orders > CART_ORDERS:
            self.state = EMPTY_CART
        else:
            self.state = order_from_cart(self.state, Decimal(quantity))


class _Cart:
    """One session's cart. Of ``orders`` from ``since`` on, it decides whether they empty all."""

    def __init__(self, orders: Sequence[CartOrder], since: datetime | None) -> None:
        self._orders = orders
        self._since = since
        self._products: dict[ProductInCart, _Product] = {}
        self._rows: list[tuple[ProductInCart, _Row]] = []
        self._was: list[tuple[StoredCartEvent, tuple[object, ...]]] = []

    def add(
        self,
        product: ProductInCart,
        start: datetime,
        stored: Sequence[StoredCartEvent],
        added: Sequence[CartEvent],
    ) -> None:
        """Add a product, whose events from ``start`` on are computed."""
        earlier = [row for row in stored if row.occurred_at < start]
        later = stored[len(earlier) :]
        rows: list[_Row] = [*stored, *added]
        found = self._products[product] = _Product(EMPTY_CART, rows[0].product_id if rows else "")
        if earlier:
            found.state, found.last = _state_after(earlier[-1]), _moment(earlier[-1])
            for order in self._orders:
                if _moment(earlier[-1]) < _moment_of_order(order) and order.cart_at < start:
                    found.order(_ordered(order, product), empties=order.empties_cart)
        self._rows += [(product, row) for rows in (later, added) for row in rows]
        self._was += [(row, _worth(row)) for row in later]

    def run(self, placed: Placed) -> None:
        """Compute all in turn."""
        orders = []
        if self._since is not None:
            orders = [order for order in self._orders if order.cart_at >= self._since - EMPTYING_INTERVAL]
        steps: list[tuple[_Moment, ProductInCart | None, _Row | CartOrder]] = [
            *((_moment(row), product, row) for product, row in self._rows),
            *((_moment_of_order(order), None, order) for order in orders),
        ]
        # Sorting is stable: events that arrived with an order come before it.
        for _, product, step in sorted(steps, key=lambda step: step[0]):
            if isinstance(step, Order | StoredOrder):
                was = step.empties_cart, step.cart_lines
                self._order(step)
                if (step.empties_cart, step.cart_lines) != was:
                    placed.orders.append(step)
            elif product is not None:
                self._change(product, step)
        placed.events.extend(row for row, was_worth in self._was if _worth(row) != was_worth)

    def _change(self, product: ProductInCart, event: _Row) -> None:
        changed = self._products[product]
        changed.change(event)
        if event.type in CartEvent.ADDITIONS:
            for other in self._products:
                if other.product_id_digest == product.product_id_digest:
                    self._products[other].removals.clear()
        elif not event.cart_quantity:
            changed.removals.append(event)

    def _order(self, order: CartOrder) -> None:
        """Take an order out of the cart, and the worth of removals that were the shop's emptying it."""
        if order.grouped_lines and self._since is not None and order.cart_at >= self._since:
            order.cart_lines = lines_in_cart(order.grouped_lines, self._in_cart(order))
        is_any_left = any(product.state.quantity for product in self._products.values())
        holds_any = False
        for key, product in self._products.items():
            is_held = key.product_id_digest.hex in order.cart_lines if order.cart_lines else not is_any_left
            removals = _timely(product.removals, order)
            if is_held:
                for row in removals:
                    row.units, row.gmv_minor = Decimal(0), 0
                holds_any = holds_any or bool(removals or product.state.quantity)
        if self._since is not None and order.cart_at >= self._since:
            order.empties_cart = not order.cart_lines or not holds_any
        for key, product in self._products.items():
            product.order(_ordered(order, key), empties=order.empties_cart)

    def _in_cart(self, order: CartOrder) -> list[InCart]:
        """Return what is in the cart, or was until the shop emptied it, in the order of the last changes."""
        found = [
            (product.last, InCart(key.product_id_digest.hex, product.product_id, product.state.quantity or Decimal(0)))
            for key, product in self._products.items()
            if product.last is not None and (product.state.quantity or _timely(product.removals, order))
        ]
        return [one for _, one in sorted(found, key=lambda each: (each[0], each[1].digest))]


def _timely(removals: Iterable[_Row], order: CartOrder) -> list[_Row]:
    """Return the removals that were so shortly before an order that the shop emptied its cart."""
    return [row for row in removals if order.cart_at - row.occurred_at <= EMPTYING_INTERVAL]


def _ordered(order: CartOrder, product: ProductInCart) -> str:
    quantity: str = order.cart_lines.get(product.product_id_digest.hex, "0")
    return quantity


def _state_after(event: _Row) -> CartState:
    return CartState(event.cart_quantity, event.claimed_units, event.claimed_minor)


def _worth(event: _Row) -> tuple[object, ...]:
    return tuple(getattr(event, name) for name in WORTH_FIELDS)


def _moment(event: _Row) -> _Moment:
    return event.occurred_at, event.arrival


def _moment_of_order(order: CartOrder) -> _Moment:
    return order.cart_at, order.arrival
