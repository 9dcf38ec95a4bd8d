"""Sums read from the events themselves. Every query groups; none returns a row per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from alhena_tracking.models import CartEvent, Interaction, Order, OrderLine, Refund, Trust
from alhena_tracking.reports.grouped import (
    COUNT,
    FoundRows,
    Grouped,
    ListedRows,
    Sum,
    count_if,
    largest,
    latest_text,
    latest_text_where,
    total,
    total_if,
    total_known,
    total_where,
)


def _refunded(**lookups: object) -> Subquery:
    """Sum an order's refunds, looked up by index: for a join, databases would read all refunds."""
    refunds = Refund.objects.filter(refunded_order=OuterRef("pk"), **lookups).order_by()
    return Subquery(refunds.values("refunded_order").annotate(total=models.Sum("counted_minor")).values("total"))


_REFUNDED = _refunded()
_IS_FIRST, _IS_LAST = "several_touches__is_first", "several_touches__is_last"
_FIRST_LINE = Subquery(OrderLine.objects.filter(order=OuterRef("pk")).order_by().values("pk")[:1])


def cart_sums(events: QuerySet[CartEvent], by: Sequence[str], credit: Mapping[str, str] | None = None) -> Grouped:
    """Sum cart events and count carts, in one pass.

    A cart is a session's first cart event of a day and currency under any credit, so rows are numbered before
    ``credit`` filters them.
    """
    place = Window(
        RowNumber(),
        # Left out for a single currency, so that the report's index has the rows in this order.
        partition_by=[*(["currency"] if "currency" in by else []), "occurred_on", "session_id"],
        order_by=["occurred_at", "id"],
    )
    return Grouped(
        FoundRows(events.annotate(place=place), credit or {}),
        by,
        add_to_cart_minor=total("gmv_minor"),
        cart_events=COUNT,
        carts=Sum("{add}(CASE WHEN {} = 1 THEN 1 ELSE 0 END)", ("place",)),
    )


def cart_totals(events: QuerySet[CartEvent], by: Sequence[str]) -> Grouped:
    """Sum cart events without counting carts, which is cheaper."""
    return Grouped(FoundRows(events), by, add_to_cart_minor=total("gmv_minor"), cart_events=COUNT)


def order_totals(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sum and count orders, without refunds."""
    return Grouped(FoundRows(orders), by, purchase_minor=total("value_minor"), orders=COUNT)


def stated_order_totals(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sum and count orders, with what the shop stated of their values in its own currency."""
    return Grouped(
        FoundRows(orders),
        by,
        purchase_minor=total("value_minor"),
        shop_minor=total_known("shop_value_minor"),
        orders=COUNT,
    )


def order_sums(orders: QuerySet[Order], by: Sequence[str], *, until: datetime | None = None) -> Grouped:
    """Sum orders with their refunds (all, or those by ``until``), which count on the order's day."""
    refunds_minor = _refunded(occurred_at__lte=until) if until else _REFUNDED
    return Grouped(
        FoundRows(orders.annotate(refunds_minor=refunds_minor, first_line=_FIRST_LINE)),
        by,
        purchase_minor=total("value_minor"),
        confirmed_minor=total_where("value_minor", "trust", Trust.CONFIRMED),
        verified_minor=total_where("value_minor", "trust", Trust.VERIFIED),
        orders=COUNT,
        direct_minor=total("direct_minor"),
        refunded_minor=total_known("refunds_minor"),
        unlined_minor=Sum("{add}(CASE WHEN {} IS NULL THEN {} ELSE 0 END)", ("first_line", "value_minor")),
        tax_minor=total_known("tax_minor"),
        shipping_minor=total_known("shipping_minor"),
        discount_minor=total_known("discount_minor"),
        stated_orders=Sum("COUNT(COALESCE({}, {}))", ("tax_minor", "shipping_minor")),
    )


def touch_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sum what first, last and linear touch give to each channel and AI profile, of the orders with several touches.

    Those of the touch are the last keys.
    """
    return Grouped(
        FoundRows(orders.filter(several_touches__isnull=False)),
        [*by, "several_touches__channel", "several_touches__ai_profile"],
        first_minor=total_if(_IS_FIRST, "value_minor"),
        last_minor=total_if(_IS_LAST, "value_minor"),
        linear_minor=total("several_touches__linear_minor"),
        first_orders=count_if(_IS_FIRST),
        last_orders=count_if(_IS_LAST),
    )


def several_touches_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sum and count the orders with several touches."""
    found = FoundRows(orders.filter(several_touches__is_first=True))
    return Grouped(found, by, several_minor=total("value_minor"), several_orders=COUNT)


def untouched_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Count orders without stored touches."""
    return Grouped(FoundRows(orders.filter(touches__isnull=True)), by, orders_without_touches=COUNT)


def converted_refunds(orders: QuerySet[Order], target: str) -> Grouped:
    """Sum the refunds of orders by currency and the order's day; where the shop stated an order's value in ``target``,
    too, also by its value and that: 0 and 0 for the others.
    """
    is_stated = models.Q(refunded_order__shop_currency=target, refunded_order__shop_value_minor__isnull=False)
    is_stated &= ~models.Q(refunded_order__currency=target)
    refunds = Refund.objects.using(orders.db).filter(refunded_order__in=orders)
    values = {
        name: models.Case(models.When(is_stated, then=f"refunded_order__{column}"), default=0)
        for name, column in (("value", "value_minor"), ("shop_value", "shop_value_minor"))
    }
    by = ("refunded_order__currency", "refunded_order__occurred_on", *values)
    return Grouped(FoundRows(refunds.annotate(**values)), by, refunded_minor=total("counted_minor"))


def refund_sums(refunds: QuerySet[Refund]) -> Grouped:
    """Sum refunds of counted orders by their own day, and the channel of their order."""
    by = ("occurred_on", "refunded_order__channel")
    return Grouped(FoundRows(refunds), by, dated_refunds_minor=total("counted_minor"))


def recommended_sums(
    interactions: QuerySet[Interaction], by: Sequence[str], product_ids: Sequence[str] | None = None
) -> Grouped:
    """Count interactions by each product that they recommended; its id is the last key."""
    rows = ListedRows(interactions, "recommended_product_ids", "product_id", product_ids)
    return Grouped(rows, [*by, "product_id"], interactions=Sum("COUNT(DISTINCT {})", ("id",)))


def added_sums(events: QuerySet[CartEvent], by: Sequence[str]) -> Grouped:
    """Sum additions to carts by product; the digest of its id is the last key."""
    found = FoundRows(events)
    return Grouped(
        found,
        [*by, "product_id_digest"],
        product_id=largest("product_id"),
        product_name=latest_text(found, "product_name", "occurred_at"),
        add_to_cart_minor=total("gmv_minor"),
        units_added=total("units"),
        cart_events=COUNT,
    )


def purchased_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sum purchases by product; the digest of its id is the last key.

    Names that only unconfirmed orders gave stand apart, as ``reported_name``.
    """
    found = FoundRows(OrderLine.objects.using(orders.db).filter(order__in=orders))
    name = ("product_name", "order__occurred_at", "order__trust")
    return Grouped(
        found,
        [*(f"order__{name}" for name in by), "product_id_digest"],
        product_id=largest("product_id"),
        product_name=latest_text_where(found, *name, *Trust.by_server()),
        reported_name=latest_text_where(found, *name, Trust.REPORTED),
        purchase_minor=total("total_minor"),
        direct_minor=total_if("is_direct", "total_minor"),
        units_purchased=total("quantity"),
    )
