"""Why an order or a cart event is credited, and what else is known of it: facts, which the admin puts into words.

The number of queries of a trace does not depend on how much happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from django.db.models import Case, Count, F, Q, Sum, Value, When

from alhena_tracking.attribution import EMPTY_CART, CartState, known_state, order_from_cart
from alhena_tracking.contract.limits import CART_ORDERS, INTERACTION_GRACE
from alhena_tracking.models import CartEvent, Interaction, Order, OrderClaim, OrderLine, OrderVersion, Refund, Standing
from alhena_tracking.product_groups import group_digest
from alhena_tracking.traces.timeline import Timeline, timeline_of

#: How many claims, versions and lines of an order a trace lists at most.
CLAIMS_LENGTH = 50
VERSIONS_LENGTH = 50
LINES_LENGTH = 100
#: Of so many interactions those that made lines direct are found.
INTERACTIONS_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Claims:
    """An order's claims in order of arrival, the credited one always listed; the counts are of all claims.

    ``other_amounts`` agree with no version.
    """

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
    """The refunds of an order, in minor units of its currency; ``mismatched`` ones are not deducted.

    ``minor`` is what is deducted; ``excess_minor`` is what these refunds are more than the order.
    """

    count: int
    minor: int
    excess_minor: int
    mismatched: int


@dataclass(frozen=True, slots=True)
class Version:
    """What the shop's server said of an order at one time; the amounts are in minor units."""

    currency: str
    value_minor: int
    parts: tuple[int | None, int | None, int | None]
    is_cancelled: bool
    has_lines: bool
    updated_at: datetime
    superseded_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One version of an order, the next one, and when the shop's server made it."""

    before: Version
    after: Version
    at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """The latest changes of an order by the shop's server, the earliest first, and the number of those left out."""

    listed: tuple[Change, ...]
    omitted: int

    @property
    def former_amounts(self) -> set[tuple[str, int]]:
        return {(change.before.currency, change.before.value_minor) for change in self.listed}


@dataclass(frozen=True, slots=True)
class Mention:
    """The first interaction that named or recommended the product of a direct line."""

    interaction: Interaction
    is_recommendation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTrace:
    """``mentions`` has what made lines direct, by their keys, as far as it is known."""

    order: Order
    changes: Changes
    claims: Claims
    refunds: Refunds
    lines: tuple[OrderLine, ...]
    mentions: Mapping[int, Mention]
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
    listed = tuple(lines[:LINES_LENGTH])
    changes = _changes(order)
    return OrderTrace(
        order=order,
        changes=changes,
        claims=_claims(order, changes.former_amounts),
        refunds=_refunds(order),
        lines=listed,
        mentions=_mentions(order, listed),
        omitted_lines=max(lines.count() - LINES_LENGTH, 0),
        timeline=timeline_of(order),
    )


def cart_event_trace(event: CartEvent) -> CartEventTrace:
    return CartEventTrace(event=event, before=_state_before(event), timeline=timeline_of(event))


def _changes(order: Order) -> Changes:
    """Read the versions of an order by the shop's own times."""
    rows = order.versions.annotate(has_lines=Q(line_items__isnull=False)).defer("line_items")
    former = [_version(row, has_lines=row.has_lines) for row in rows.order_by("-updated_at", "-id")[:VERSIONS_LENGTH]]
    versions = [*reversed(former), _version(order, has_lines=order.has_confirmed_lines)] if former else []
    # A version that was said again has a later time than the change to it.
    changes = (Change(one, two, min(two.updated_at, one.superseded_at)) for one, two in pairwise(versions))
    return Changes(tuple(changes), rows.count() - len(former))


def _version(row: Order | OrderVersion, *, has_lines: bool) -> Version:
    assert row.updated_at is not None  # noqa: S101  (an order with versions has one that stands)
    return Version(
        row.currency,
        row.value_minor,
        (row.tax_minor, row.shipping_minor, row.discount_minor),
        row.is_cancelled,
        has_lines,
        row.updated_at,
        row.superseded_at if isinstance(row, OrderVersion) else row.updated_at,
    )


def _claims(order: Order, former_amounts: Collection[tuple[str, int]]) -> Claims:
    claims = OrderClaim.objects.filter(order=order)
    is_same_amount = Q(currency=order.currency, value_minor=order.value_minor)
    for currency, minor in former_amounts:
        is_same_amount |= Q(currency=currency, value_minor=minor)
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
    is_known = Q(refunded_order=order)
    is_deducted = Q(refunded_order=order, currency=order.currency)
    if order.order_id_digest is not None:
        is_known |= Q(company=order.company_id, order_id_digest=order.order_id_digest)
    sums = Refund.objects.filter(is_known).aggregate(
        count=Count("pk", filter=is_deducted),
        minor=Sum("counted_minor", filter=is_deducted, default=0),
        excess=Sum(F("value_minor") - F("counted_minor"), filter=is_deducted, default=0),
        mismatched=Count("pk", filter=~is_deducted),
    )
    return Refunds(sums["count"], int(sums["minor"]), int(sums["excess"]), sums["mismatched"])


def _mentions(order: Order, lines: Sequence[OrderLine]) -> dict[int, Mention]:
    """Find what made lines direct among the interactions of the order's window; these may be gone by now."""
    direct: dict[UUID, list[int]] = {}
    for line in lines:
        if line.is_direct:
            direct.setdefault(group_digest(line.product_id), []).append(line.pk)
    if not direct:
        return {}
    found: dict[int, Mention] = {}
    in_window = Interaction.objects.filter(
        Q(recommended_product_ids__isnull=False) | ~Q(product_id=""),
        session__in={order.session_id, order.credited_interaction.session_id},
        is_qualifying=True,
        occurred_at__gte=order.occurred_at - order.attribution_window,
        occurred_at__lte=order.occurred_at + INTERACTION_GRACE,
    )
    for interaction in in_window.order_by("occurred_at", "id")[:INTERACTIONS_LENGTH]:
        recommended = interaction.recommended_product_ids or []
        products = [(interaction.product_id, False), *((each, True) for each in recommended)]
        for product_id, is_recommendation in products:
            for pk in direct.get(group_digest(product_id), ()) if product_id else ():
                found.setdefault(pk, Mention(interaction, is_recommendation))
    return found


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
