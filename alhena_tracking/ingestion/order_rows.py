"""Build the rows of orders, claims, pending confirmations and refunds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from alhena_tracking.conf import conf
from alhena_tracking.contract.amounts import rounded_half_up
from alhena_tracking.contract.ceilings import is_above
from alhena_tracking.contract.limits import TOTAL_MINOR, UNIT_VALUE_DECIMALS
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.cart_groups import grouped_lines
from alhena_tracking.ingestion.data import (
    ORDER_DETAILS,
    ORDER_PARTS,
    Attribution,
    Lines,
    OrderData,
    RefundData,
    stated_fields,
)
from alhena_tracking.models import (
    Company,
    HeldReason,
    Order,
    OrderAmounts,
    OrderClaim,
    OrderConversation,
    OrderLine,
    OrderTouch,
    PendingConfirmation,
    Refund,
    Standing,
    Trust,
    ValueBasis,
)
from alhena_tracking.product_groups import group_digest
from alhena_tracking.touches import Recommendation, Touch, direct_minor, linear_minor


class Place(NamedTuple):
    """The session whose cart an order empties, when, in which order of arrival, and of what."""

    session_id: int
    at: datetime
    arrival: int
    lines: dict[str, str]


def new_order(company: Company, data: OrderData, attribution: Attribution, lines: Lines) -> Order:
    """Build an order from one event, whose lines are those of ``stored_lines``."""
    is_confirmed = data.trust == Trust.CONFIRMED
    is_held = not is_confirmed and is_above(conf.max_order_value, data.currency, data.value_minor)
    values = {
        **data.fields(company),
        **attribution.order_fields(),
        # A server's event that is credited names the visitor.
        "trust": Trust.VERIFIED if is_confirmed else Trust.REPORTED,
    }
    order = Order(
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id) if data.order_id else None,
        contents_digest=None if data.order_id else digest_of(data, lines),
        has_confirmed_lines=is_confirmed and data.line_items is not None,
        held_reason=HeldReason.ABOVE_CEILING if is_held else "",
        confirmed_at=data.received_at if is_confirmed else None,
        server_occurred_at=data.server_occurred_at if is_confirmed else None,
        updated_at=data.version_at if is_confirmed else None,
        is_cancelled=is_confirmed and bool(data.is_cancelled),
        cart_at=data.occurred_at,
        cart_lines=cart_lines(lines),
        grouped_lines=grouped_lines(lines),
        **values,
    )
    set_direct(order, lines)
    return order


def new_claim(company: Company, data: OrderData, attribution: Attribution, lines: Lines) -> OrderClaim:
    """Build a claim from one event."""
    claim = OrderClaim()
    restate_claim(claim, company, data, attribution, lines)
    return claim


def restate_claim(claim: OrderClaim, company: Company, data: OrderData, attribution: Attribution, lines: Lines) -> None:
    """Set all of a claim but its order by one event."""
    is_above_ceiling = is_above(conf.max_order_value, data.currency, data.value_minor)
    values = {"line_items": lines, "is_above_ceiling": is_above_ceiling, **data.fields(company)}
    values |= attribution.order_fields()
    for name, value in values.items():
        setattr(claim, name, value)


def contents_digest(data: OrderData) -> UUID:
    """Return the digest by which orders without an id are compared: of their value, currency and lines."""
    return digest_of(data, stored_lines(data))


def digest_of(data: OrderData, lines: Lines) -> UUID:
    """Return the ``contents_digest`` of an event whose lines are those of ``stored_lines``."""
    contents = sorted(
        (text_digest(line["product_id"]).hex, str(Decimal(line["quantity"]).normalize()), line["total_minor"])
        for line in lines
    )
    return text_digest(repr((data.currency, data.value_minor, contents)))


def stored_lines(data: OrderData) -> Lines:
    """Convert an order's lines to the JSON of claims and pending confirmations, with totals in minor units."""
    return [
        {
            "product_id": item.product_id,
            "product_name": item.product_name,
            "quantity": str(item.quantity),
            "total_minor": total_minor,
        }
        for item, total_minor in zip(data.line_items or (), _line_totals(data), strict=True)
    ]


def stored_line(line: OrderLine) -> dict[str, Any]:
    """Return a stored line as ``stored_lines`` does."""
    return {
        "product_id": line.product_id,
        "product_name": line.product_name,
        "quantity": str(line.quantity),
        "total_minor": line.total_minor,
    }


def _line_totals(data: OrderData) -> list[int]:
    """Return the totals of an order's lines in minor units, by ``LINE_ITEM_VALUE``.

    ``auto`` takes the values as unit prices where only these add up to the order's value, unless they were stated as
    totals.
    """
    items, reading = data.line_items or (), conf.line_item_value
    totals = [int(rounded_half_up(item.value_minor)) for item in items]
    if reading == ValueBasis.TOTAL or data.has_line_totals:
        return totals
    prices = [rounded_half_up(item.value_minor, UNIT_VALUE_DECIMALS) for item in items]
    priced = [
        min(int(rounded_half_up(price * item.quantity)), TOTAL_MINOR) for price, item in zip(prices, items, strict=True)
    ]
    if reading == ValueBasis.UNIT:
        return priced
    signed = (data.tax_minor, data.shipping_minor, -(data.discount_minor or 0))
    extras = {sum(parts) for parts in product(*((0, extra or 0) for extra in signed))}
    rest = data.value_minor - sum(totals), data.value_minor - sum(priced)
    return priced if rest[0] not in extras and rest[1] in extras else totals


def new_lines(order: Order, lines: Iterable[dict[str, Any]]) -> list[OrderLine]:
    return [
        OrderLine(
            order=order,
            product_id=line["product_id"],
            product_id_digest=text_digest(line["product_id"]),
            product_name=line["product_name"],
            quantity=Decimal(line["quantity"]),
            total_minor=line["total_minor"],
            is_direct=is_direct,
        )
        for line, is_direct in _with_directness(order, lines)
    ]


def set_direct(order: Order, lines: Iterable[dict[str, Any]]) -> None:
    """Set how much of an order with these lines is direct."""
    order.direct_minor = direct_minor(
        order.value_minor, ((line["total_minor"], is_direct) for line, is_direct in _with_directness(order, lines))
    )


def _with_directness(order: Order, lines: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], bool]]:
    """Return lines, and whether an interaction that the order's credit could have chosen named their products."""
    named = set(order.named_products or ())
    return [(line, bool(named) and group_digest(line["product_id"]).hex in named) for line in lines]


def new_touches(order: Order) -> list[OrderTouch]:
    """Build the touches of a stored order; none where all are of its own channel and AI profile."""
    touches = [Touch(*values) for values in order.touches or ()]
    shares = linear_minor(order.value_minor, [touch.count for touch in touches])
    return [
        OrderTouch(
            order=order,
            channel=touch.channel,
            ai_profile=touch.ai_profile,
            count=touch.count,
            is_first=touch.is_first,
            is_last=touch.is_last,
            linear_minor=share,
        )
        for touch, share in zip(touches, shares, strict=True)
    ]


def new_conversations(order: Order, lines: Iterable[Mapping[str, Any]]) -> list[OrderConversation]:
    """Build the conversations that recommended the product of one of an order's ``lines``."""
    recommendations = [Recommendation(*values) for values in order.recommendations or ()]
    if not recommendations:
        return []
    bought = {group_digest(line["product_id"]).hex for line in lines}
    places = {place for place, digest in enumerate(order.named_products or ()) if digest in bought}
    return [
        OrderConversation(
            order=order,
            session_id=one.session_id,
            conversation_digest=UUID(one.conversation_digest),
            channel=one.channel,
            ai_profile=one.ai_profile,
        )
        for one in recommendations
        if not places.isdisjoint(one.products)
    ]


def recommending_sessions(row: Order | OrderClaim) -> set[int]:
    """Return the sessions whose conversations an order with these recommendations may buy through."""
    return {Recommendation(*values).session_id for values in row.recommendations or ()}


def new_pending(
    company: Company, data: OrderData, lines: Lines | None, *, replacing: PendingConfirmation | None
) -> PendingConfirmation:
    """Build a pending confirmation, or a denial if the event names a visitor, in place of an earlier one."""
    users, faqs = data.visitor.digests(company) if data.visitor else ([], [])
    return PendingConfirmation(
        pk=replacing.pk if replacing else None,
        company=company,
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id),
        event_id=data.event_id,
        source=data.source,
        line_items=lines,
        updated_at=data.version_at,
        is_cancelled=bool(data.is_cancelled),
        occurred_at=data.occurred_at,
        is_dated=data.is_dated,
        received_at=data.received_at,
        user_fingerprint_digest=users[0] if users else None,
        faq_fingerprint_digest=faqs[0] if faqs else None,
        **data.stated(),
    )


def copy_amounts(source: OrderAmounts, target: OrderAmounts) -> None:
    for name in ("currency", "value_minor", *ORDER_PARTS):
        setattr(target, name, getattr(source, name))


def take_figures(row: Order | PendingConfirmation, before: Order | PendingConfirmation, data: OrderData) -> None:
    """Give a row a version's figures. What it leaves out stays: the parts of an equal value, and a cancellation."""
    is_same = (before.currency, before.value_minor) == (data.currency, data.value_minor)
    stated = {name: getattr(data, name) for name in ORDER_PARTS}
    parts = {name: getattr(before, name) if is_same and part in {None, ""} else part for name, part in stated.items()}
    row.is_cancelled = before.is_cancelled if data.is_cancelled is None else data.is_cancelled
    row.currency, row.value_minor, row.updated_at = data.currency, data.value_minor, data.version_at
    for name, part in parts.items():
        setattr(row, name, part)


def data_of(pending: PendingConfirmation) -> OrderData:
    """Return the event of a pending confirmation, without its visitor and lines."""
    return OrderData(
        visitor=None,
        trust=Trust.CONFIRMED,
        order_id=pending.order_id,
        event_id=pending.event_id,
        source=pending.source,
        occurred_at=pending.occurred_at,
        is_dated=pending.is_dated,
        received_at=pending.received_at,
        updated_at=pending.updated_at,
        is_cancelled=pending.is_cancelled or None,
        **{name: getattr(pending, name) for name in stated_fields(OrderData)},
    )


def show_details(order: Order, confirmed: OrderData) -> None:
    """Show in an order what the shop's server states beside figures and lines. What it leaves out stays."""
    for name in ("source", *ORDER_DETAILS):
        if value := getattr(confirmed, name):
            setattr(order, name, value)


def new_refund(company: Company, data: RefundData) -> Refund:
    """Build a refund, not attached to an order yet."""
    return Refund(
        counted_minor=0,
        company=company,
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id),
        refund_id=data.refund_id,
        refund_id_digest=text_digest(data.refund_id),
        event_id=data.event_id,
        currency=data.currency,
        value_minor=data.value_minor,
        occurred_at=data.occurred_at,
        received_at=data.received_at,
        occurred_on=data.occurred_at.astimezone(company.zone).date(),
    )


def figure_key(order: Order) -> tuple[Any, ...]:
    """Return all that decides an order's place in the figures, session and day first."""
    credit = (order.channel, order.ai_profile, order.trust, order.standing, order.touches)
    stated = (order.tax_minor, order.shipping_minor, order.discount_minor)
    return order.session_id, order.occurred_on, *credit, order.currency, order.value_minor, order.direct_minor, *stated


def place_of(order: Order) -> Place | None:
    """Return where an order empties a cart; ``None`` for one that does not count."""
    if order.standing != Standing.COUNTED:
        return None
    return Place(order.session_id, order.cart_at, order.arrival, order.cart_lines)


def cart_lines(lines: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Add up the quantities of lines by the digest of their product's id."""
    quantities: dict[str, Decimal] = {}
    for line in lines:
        digest = text_digest(line["product_id"]).hex
        quantities[digest] = quantities.get(digest, Decimal(0)) + Decimal(line["quantity"])
    return {digest: str(quantity) for digest, quantity in quantities.items()}
