"""Why an order or a cart event is credited as it is, and what else is known of it: facts, for others to put into words.

Each trace asks the database a number of queries that does not depend on how much happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, Q, Sum, Value, When

from alhena_tracking.attribution import EMPTY_CART, CartState
from alhena_tracking.models import CartEvent, Interaction, Order, OrderClaim, Refund, Trust, ValueBasis
from alhena_tracking.traces.timeline import Credit, Timeline, credit_of, timeline_of

#: How many claims and lines of an order are told.
CLAIMS_LENGTH = 50
LINES_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One session's word on an order, and in what it differs from what the order shows."""

    id: int
    at: datetime
    trust: Trust
    channel: Interaction.Kind
    session_id: int
    currency: str
    value_minor: int
    is_shown: bool
    is_other_visitor: bool
    is_other_amount: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """An order's claims in the order of arrival, the shown one always among them; ``total`` counts all."""

    told: tuple[Claim, ...]
    total: int
    other_visitors: int
    other_amounts: int

    @property
    def shown(self) -> Claim | None:
        return next((claim for claim in self.told if claim.is_shown), None)

    @property
    def omitted(self) -> int:
        return self.total - len(self.told)


@dataclass(frozen=True, slots=True)
class Refunds:
    """What was given back, in minor units of the order's currency; ``unfitting`` ones lower nothing."""

    count: int
    minor: int
    unfitting: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why an order counts nowhere. ``by`` is empty where the user is gone."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A product of an order; ``total_minor`` is the whole line's."""

    product_id: str
    product_name: str
    quantity: Decimal
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTrace:
    """All about an order. Amounts in minor units of ``currency``, ``on`` the day in ``zone``."""

    id: int
    order_id: str
    company: str
    zone: ZoneInfo
    at: datetime
    on: date
    currency: str
    value_minor: int
    trust: Trust
    source: str
    has_confirmed_visitor: bool
    has_conflict: bool
    is_counted: bool
    credit: Credit
    claims: Claims
    refunds: Refunds
    exclusion: Exclusion | None
    lines: tuple[Line, ...]
    omitted_lines: int
    timeline: Timeline

    @property
    def net_minor(self) -> int:
        return self.value_minor - self.refunds.minor


@dataclass(frozen=True, slots=True, kw_only=True)
class CartEventTrace:
    """All about a change of a cart: what was reported, what was there before it, and what is there after it."""

    id: int
    company: str
    zone: ZoneInfo
    at: datetime
    on: date
    type: CartEvent.Type
    product_id: str
    product_name: str
    currency: str
    value_minor: int
    value_basis: ValueBasis
    quantity: Decimal
    trust: Trust
    source: str
    before: CartState
    after: CartState
    units: Decimal
    gmv_minor: int
    credit: Credit
    timeline: Timeline


def order_trace(order: Order) -> OrderTrace:
    """Tell why ``order`` is credited as it is, who says so, and whether it counts."""
    company, credit = order.company, credit_of(order)
    refunds = _refunds(order)
    lines = order.lines.order_by("id")
    told_lines = lines[:LINES_LENGTH]
    return OrderTrace(
        id=order.pk,
        order_id=order.order_id,
        company=company.name,
        zone=company.zone,
        at=order.occurred_at,
        on=order.occurred_on,
        currency=order.currency,
        value_minor=order.value_minor,
        trust=Trust(order.trust),
        source=order.source,
        has_confirmed_visitor=order.has_confirmed_visitor,
        has_conflict=order.has_conflict,
        is_counted=order.is_counted,
        credit=credit,
        claims=_claims(order),
        refunds=refunds,
        exclusion=_exclusion(order),
        lines=tuple(Line(line.product_id, line.product_name, line.quantity, line.total_minor) for line in told_lines),
        omitted_lines=max(lines.count() - LINES_LENGTH, 0),
        timeline=timeline_of(order, credit),
    )


def cart_event_trace(event: CartEvent) -> CartEventTrace:
    """Tell why ``event`` is credited as it is, and why it is worth what it is."""
    company, credit = event.company, credit_of(event)
    return CartEventTrace(
        id=event.pk,
        company=company.name,
        zone=company.zone,
        at=event.occurred_at,
        on=event.occurred_on,
        type=CartEvent.Type(event.type),
        product_id=event.product_id,
        product_name=event.product_name,
        currency=event.currency,
        value_minor=event.value_minor,
        value_basis=ValueBasis(event.value_basis),
        quantity=event.quantity,
        trust=Trust(event.trust),
        source=event.source,
        before=_state_before(event),
        after=CartState(event.cart_quantity, event.claimed_units, event.claimed_minor),
        units=event.units,
        gmv_minor=event.gmv_minor,
        credit=credit,
        timeline=timeline_of(event, credit),
    )


# What is known beside


def _claims(order: Order) -> Claims:
    claims = OrderClaim.objects.filter(order=order)
    is_same_amount = Q(currency=order.currency, value_minor=order.value_minor)
    counts = claims.aggregate(
        total=Count("*"),
        other_visitors=Count("pk", filter=~Q(session=order.session_id)),
        other_amounts=Count("pk", filter=~is_same_amount),
    )
    # The order shows what its own session said: of the same amount, else (the amount is the server's) at that moment.
    likeness = Case(
        When(is_same_amount, session=order.session_id, then=Value(0)),
        When(session=order.session_id, occurred_at=order.occurred_at, then=Value(1)),
        When(session=order.session_id, then=Value(2)),
        default=Value(3),
    )
    told = list(claims.annotate(likeness=likeness).order_by("likeness", "id")[:CLAIMS_LENGTH])
    shown = next((claim.pk for claim in told[:1] if claim.session_id == order.session_id), None)
    return Claims(
        told=tuple(_claim(claim, order, shown) for claim in sorted(told, key=lambda claim: claim.pk)), **counts
    )


def _claim(claim: OrderClaim, order: Order, shown: int | None) -> Claim:
    return Claim(
        id=claim.pk,
        at=claim.occurred_at,
        trust=Trust(claim.trust),
        channel=Interaction.Kind(claim.channel),
        session_id=claim.session_id,
        currency=claim.currency,
        value_minor=claim.value_minor,
        is_shown=claim.pk == shown,
        is_other_visitor=claim.session_id != order.session_id,
        is_other_amount=(claim.currency, claim.value_minor) != (order.currency, order.value_minor),
    )


def _refunds(order: Order) -> Refunds:
    told = Q(refunded_order=order)
    if order.order_id_digest is not None:
        told |= Q(company=order.company_id, order_id_digest=order.order_id_digest)
    is_attached = Q(refunded_order=order)
    sums = Refund.objects.filter(told).aggregate(
        count=Count("pk", filter=is_attached),
        minor=Sum("value_minor", filter=is_attached, default=0),
        unfitting=Count("pk", filter=~is_attached),
    )
    return Refunds(sums["count"], int(sums["minor"]), sums["unfitting"])


def _exclusion(order: Order) -> Exclusion | None:
    if order.excluded_at is None:
        return None
    return Exclusion(
        order.excluded_at, order.excluded_by.get_username() if order.excluded_by else "", order.exclusion_reason
    )


def _state_before(event: CartEvent) -> CartState:
    """The state from which what ``event`` is worth was computed: that after the product's event before it, unless the
    session ordered in between.
    """
    earlier = (
        CartEvent.objects.filter(
            Q(occurred_at__lt=event.occurred_at) | Q(occurred_at=event.occurred_at, id__lt=event.pk),
            session=event.session_id,
            product_id_digest=event.product_id_digest,
            currency=event.currency,
        )
        .order_by("-occurred_at", "-id")
        .first()
    )
    last_order = (
        Order.objects.filter(session=event.session_id, occurred_at__lt=event.occurred_at)
        .order_by("-occurred_at")
        .values_list("occurred_at", flat=True)
        .first()
    )
    if earlier is None or (last_order is not None and earlier.occurred_at <= last_order):
        return EMPTY_CART
    return CartState(earlier.cart_quantity, earlier.claimed_units, earlier.claimed_minor)
