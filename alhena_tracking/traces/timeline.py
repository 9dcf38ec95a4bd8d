"""What happened in a visitor's session around an order or a cart event, and which of it earned the credit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from django.db.models import QuerySet

from alhena_tracking.contract.limits import INTERACTION_GRACE
from alhena_tracking.models import AttributionModel, CartEvent, Interaction, Order, Refund, VisitorSession

#: How many entries are told; of more, those nearest to the order or cart event.
TIMELINE_LENGTH = 200


class Standing(StrEnum):
    """What became of an interaction when the credit was given.

    ``ELIGIBLE`` ones came second; ``TOLD_LATER`` and ``NOT_SHARED`` ones would have come first, had they been there
    already, or shared a fingerprint with what is traced.
    """

    CREDITED = "credited"
    ELIGIBLE = "eligible"
    NOT_QUALIFYING = "not qualifying"
    BEFORE_WINDOW = "before window"
    AFTERWARDS = "afterwards"
    TOLD_LATER = "told later"
    NOT_SHARED = "not shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionStep:
    """A use of the assistant. ``is_of_session`` is false for a credited one that another session holds."""

    id: int
    at: datetime
    kind: Interaction.Kind
    product_id: str
    ai_profile: str
    standing: Standing
    is_of_session: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CartStep:
    """A change of the cart, what it is worth, and the state after it. Amounts in minor units of ``currency``."""

    id: int
    at: datetime
    type: CartEvent.Type
    product_id: str
    product_name: str
    currency: str
    units: Decimal
    gmv_minor: int
    cart_quantity: Decimal
    claimed_units: Decimal
    claimed_minor: int
    is_subject: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStep:
    """An order; ``order_id`` is empty where the shop named none."""

    id: int
    at: datetime
    order_id: str
    currency: str
    value_minor: int
    is_excluded: bool
    is_subject: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundStep:
    """Money given back for an order of the session."""

    id: int
    at: datetime
    order_pk: int
    order_id: str
    refund_id: str
    currency: str
    value_minor: int
    is_of_subject: bool


Step: TypeAlias = InteractionStep | CartStep | OrderStep | RefundStep


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened in the session, in the order of time: what lies nearest to the subject, and how much does not."""

    steps: tuple[Step, ...]
    omitted_before: int
    omitted_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What earned the credit, and the rules in force when it was given.

    ``distance`` is how long before the subject the interaction was; negative where it is dated shortly after it.
    """

    interaction: InteractionStep
    distance: timedelta
    window: timedelta
    model: AttributionModel
    channel: Interaction.Kind
    ai_profile: str
    session_id: int
    session_started_at: datetime


def credit_of(subject: Order | CartEvent) -> Credit:
    interaction: Interaction = subject.credited_interaction
    session: VisitorSession = subject.session
    return Credit(
        interaction=_interaction_step(subject)(interaction),
        distance=subject.occurred_at - interaction.occurred_at,
        window=subject.attribution_window,
        model=AttributionModel(subject.attribution_model),
        channel=Interaction.Kind(subject.channel),
        ai_profile=subject.ai_profile,
        session_id=session.pk,
        session_started_at=session.started_at,
    )


def _standing(interaction: Interaction, subject: Order | CartEvent) -> Standing:
    if interaction.pk == subject.credited_interaction_id:
        return Standing.CREDITED
    if not interaction.is_qualifying:
        return Standing.NOT_QUALIFYING
    if interaction.occurred_at < subject.occurred_at - subject.attribution_window:
        return Standing.BEFORE_WINDOW
    if interaction.occurred_at > subject.occurred_at + INTERACTION_GRACE:
        return Standing.AFTERWARDS
    place, credited_place = (
        (min(one.occurred_at, subject.occurred_at), one.pk) for one in (interaction, subject.credited_interaction)
    )
    is_last_touch = subject.attribution_model == AttributionModel.LAST_TOUCH
    if place < credited_place if is_last_touch else place > credited_place:
        return Standing.ELIGIBLE
    return Standing.TOLD_LATER if interaction.received_at > subject.received_at else Standing.NOT_SHARED


# The timeline


def timeline_of(subject: Order | CartEvent, credit: Credit) -> Timeline:
    at, session_id = subject.occurred_at, subject.session_id
    sources: list[tuple[QuerySet[Any], Callable[[Any], Step]]] = [
        (Interaction.objects.filter(session=session_id), _interaction_step(subject)),
        (CartEvent.objects.filter(session=session_id), _cart_step(subject)),
        (Order.objects.filter(session=session_id), _order_step(subject)),
        (
            Refund.objects.filter(refunded_order__session=session_id).select_related("refunded_order"),
            _refund_step(subject),
        ),
    ]
    steps: list[Step] = []
    totals = {False: 0, True: 0}  # by whether they lie after the subject
    for rows, step_of in sources:
        for is_after in (False, True):
            found, total = _nearest(rows, at, is_after=is_after)
            steps += map(step_of, found)
            totals[is_after] += total
    if credit.interaction not in steps:
        steps.append(credit.interaction)
        totals[credit.interaction.at > at] += not credit.interaction.is_of_session
    # Those that must not be missing come first, whatever lies nearer.
    steps.sort(key=lambda step: (not _is_needed(step), abs(step.at - at)))
    told = sorted(steps[:TIMELINE_LENGTH], key=lambda step: (step.at, _RANKS[type(step)], step.id))
    told_after = sum(step.at > at for step in told)
    return Timeline(tuple(told), totals[False] - (len(told) - told_after), totals[True] - told_after)


#: The order of what happened at one moment.
_RANKS: dict[type[Step], int] = {InteractionStep: 0, CartStep: 1, OrderStep: 2, RefundStep: 3}


def _is_needed(step: Step) -> bool:
    match step:
        case InteractionStep():
            return step.standing is Standing.CREDITED
        case CartStep() | OrderStep():
            return step.is_subject
        case RefundStep():
            return False


def _nearest(rows: QuerySet[Any], at: datetime, *, is_after: bool) -> tuple[list[Any], int]:
    """Of the rows up to a moment, or after it, the nearest ones, and how many there are."""
    if is_after:
        rows = rows.filter(occurred_at__gt=at).order_by("occurred_at", "id")
    else:
        rows = rows.filter(occurred_at__lte=at).order_by("-occurred_at", "-id")
    found = list(rows[:TIMELINE_LENGTH])
    return found, len(found) if len(found) < TIMELINE_LENGTH else rows.count()


def _interaction_step(subject: Order | CartEvent) -> Callable[[Interaction], InteractionStep]:
    return lambda row: InteractionStep(
        id=row.pk,
        at=row.occurred_at,
        kind=Interaction.Kind(row.kind),
        product_id=row.product_id,
        ai_profile=row.ai_profile,
        standing=_standing(row, subject),
        is_of_session=row.session_id == subject.session_id,
    )


def _cart_step(subject: Order | CartEvent) -> Callable[[CartEvent], CartStep]:
    return lambda row: CartStep(
        id=row.pk,
        at=row.occurred_at,
        type=CartEvent.Type(row.type),
        product_id=row.product_id,
        product_name=row.product_name,
        currency=row.currency,
        units=row.units,
        gmv_minor=row.gmv_minor,
        cart_quantity=row.cart_quantity,
        claimed_units=row.claimed_units,
        claimed_minor=row.claimed_minor,
        is_subject=row == subject,
    )


def _order_step(subject: Order | CartEvent) -> Callable[[Order], OrderStep]:
    return lambda row: OrderStep(
        id=row.pk,
        at=row.occurred_at,
        order_id=row.order_id,
        currency=row.currency,
        value_minor=row.value_minor,
        is_excluded=row.excluded_at is not None,
        is_subject=row == subject,
    )


def _refund_step(subject: Order | CartEvent) -> Callable[[Refund], RefundStep]:
    return lambda row: RefundStep(
        id=row.pk,
        at=row.occurred_at,
        order_pk=_of(row.refunded_order).pk,
        order_id=_of(row.refunded_order).order_id,
        refund_id=row.refund_id,
        currency=row.currency,
        value_minor=row.value_minor,
        is_of_subject=row.refunded_order == subject,
    )


def _of(order: Order | None) -> Order:
    assert order is not None  # noqa: S101  (only refunds of orders are asked for; tells mypy)
    return order
