"""Why an order or a cart event is credited, and what else is known of it: facts, which the admin puts into words.

The number of queries of a trace does not depend on how much happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, Count, Q, Sum, Value, When

from alhena_tracking.attribution import EMPTY_CART, CartState, known_state, order_from_cart
from alhena_tracking.contract.limits import CART_ORDERS
from alhena_tracking.models import CartEvent, Order, OrderClaim, OrderLine, Refund, Standing
from alhena_tracking.traces.timeline import Timeline, timeline_of

#: How many claims and lines of an order a trace lists at most.
CLAIMS_LENGTH = 50
LINES_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Claims:
    """An order's claims in order of arrival, the credited one always listed; the counts are of all claims."""

    listed: tuple[OrderClaim, ...]
    credited: OrderClaim | None
    total: int
    other_visitors: int
    other_amounts: int

    @property
    def omitted(self) -> int:
        return self.total - len(self.listed)


@dataclass(frozen=True, slots=True)
class Refunds:
    """The refunds of an order, in minor units of its currency; ``mismatched`` ones are not deducted."""

    count: int
    minor: int
    mismatched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTrace:
    order: Order
    claims: Claims
    refunds: Refunds
    lines: tuple[OrderLine, ...]
    omitted_lines: int
    timeline: Timeline

    @property
    def net_minor(self) -> int:
        return self.order.value_minor - self.refunds.minor


@dataclass(frozen=True, slots=True, kw_only=True)
class CartEventTrace:
    """``before`` is the state of the product in the cart that the event changed."""

    event: CartEvent
    before: CartState
    timeline: Timeline


def order_trace(order: Order) -> OrderTrace:
    lines = order.lines.order_by("id")
    return OrderTrace(
        order=order,
        claims=_claims(order),
        refunds=_refunds(order),
        lines=tuple(lines[:LINES_LENGTH]),
        omitted_lines=max(lines.count() - LINES_LENGTH, 0),
        timeline=timeline_of(order),
    )


def cart_event_trace(event: CartEvent) -> CartEventTrace:
    return CartEventTrace(event=event, before=_state_before(event), timeline=timeline_of(event))


def _claims(order: Order) -> Claims:
    claims = OrderClaim.objects.filter(order=order)
    is_same_amount = Q(currency=order.currency, value_minor=order.value_minor)
    counts = claims.aggregate(
        total=Count("*"),
        other_visitors=Count("pk", filter=~Q(session=order.session_id)),
        other_amounts=Count("pk", filter=~is_same_amount),
    )
    # The credited claim is that of the order's session.
    likeness = Case(
        When(session=order.session_id, then=Value(0)), When(is_same_amount, then=Value(1)), default=Value(2)
    )
    listed = list(claims.annotate(likeness=likeness).order_by("likeness", "id")[:CLAIMS_LENGTH])
    credited = next((claim for claim in listed[:1] if claim.session_id == order.session_id), None)
    return Claims(listed=tuple(sorted(listed, key=lambda claim: claim.pk)), credited=credited, **counts)


def _refunds(order: Order) -> Refunds:
    is_deducted = Q(refunded_order=order)
    is_known = is_deducted
    if order.order_id_digest is not None:
        is_known |= Q(company=order.company_id, order_id_digest=order.order_id_digest)
    sums = Refund.objects.filter(is_known).aggregate(
        count=Count("pk", filter=is_deducted),
        minor=Sum("counted_minor", filter=is_deducted, default=0),
        mismatched=Count("pk", filter=~is_deducted),
    )
    return Refunds(sums["count"], int(sums["minor"]), sums["mismatched"])


def _state_before(event: CartEvent) -> CartState:
    """Read the state that the product's previous event in the session and the orders since left."""
    is_before = Q(occurred_at__lt=event.occurred_at) | Q(occurred_at=event.occurred_at, arrival__lt=event.arrival)
    earlier = (
        CartEvent.objects.filter(
            is_before,
            session=event.session_id,
            product_id_digest=event.product_id_digest,
            currency=event.currency,
        )
        .order_by("-occurred_at", "-arrival")
        .first()
    )
    state = EMPTY_CART
    if earlier is not None:
        state = CartState(earlier.cart_quantity, earlier.claimed_units, earlier.claimed_minor)
        orders = _orders_between(earlier, event)
        for order in orders:
            quantity = Decimal(order.cart_lines.get(event.product_id_digest.hex, 0))
            state = EMPTY_CART if order.empties_cart else order_from_cart(state, quantity)
        state = EMPTY_CART if len(orders) > CART_ORDERS else state
    return known_state(state, event.type, event.quantity, event.previous_quantity)


def _orders_between(first: CartEvent, last: CartEvent) -> list[Order]:
    orders = Order.objects.filter(
        Q(cart_at__gt=first.occurred_at) | Q(cart_at=first.occurred_at, arrival__gt=first.arrival),
        Q(cart_at__lt=last.occurred_at) | Q(cart_at=last.occurred_at, arrival__lt=last.arrival),
        session=last.session_id,
        standing=Standing.COUNTED,
    )
    return list(orders.order_by("cart_at", "arrival")[: CART_ORDERS + 1])
