"""Sums of events, as they are stored now. Every query groups; none returns a row per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber

from alhena_tracking.models import CartEvent, Order, OrderLine, Refund, Trust, VisitorSession
from alhena_tracking.reports.grouped import COUNT, FoundRows, Grouped, Sum, product_texts, total, total_where

#: What was given back of an order, looked up by its index. To join them, databases would read all refunds there are.
_REFUNDED = Subquery(
    Refund.objects.filter(refunded_order=OuterRef("pk"))
    .order_by()
    .values("refunded_order")
    .annotate(total=models.Sum("value_minor"))
    .values("total")
)


def cart_sums(events: QuerySet[CartEvent], by: Sequence[str], credit: Mapping[str, str] | None = None) -> Grouped:
    """Sums of cart events and the number of carts, in one pass.

    A cart is a session's first cart event of a day and currency, whatever is credited with it, so the places are given
    before ``credit`` chooses.
    """
    place = Window(
        RowNumber(),
        # Of events of one currency it is left out, so that the report's index has them in this order.
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
    """The same without the carts: cheaper where their number is not asked for."""
    return Grouped(FoundRows(events), by, add_to_cart_minor=total("gmv_minor"), cart_events=COUNT)


def order_totals(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sums of orders of which little is asked."""
    return Grouped(FoundRows(orders), by, purchase_minor=total("value_minor"), orders=COUNT)


def order_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sums of orders, with what was refunded of them: that lowers the net of the order's day, not of its own."""
    return Grouped(
        FoundRows(orders.annotate(refunds_minor=_REFUNDED)),
        by,
        purchase_minor=total("value_minor"),
        confirmed_minor=total_where("value_minor", "trust", Trust.CONFIRMED),
        orders=COUNT,
        refunded_minor=Sum("COALESCE({add}({}), 0)", ("refunds_minor",)),
    )


def session_sums(sessions: QuerySet[VisitorSession], by: Sequence[str], **converting: QuerySet[Order]) -> Grouped:
    """Sums of sessions; and for each of ``converting``, under its name, how many of them have one of those orders by
    now: on whatever day, in whatever currency, credited to whatever channel.
    """
    # One order of each session is looked up by its index. To join them, databases would read all orders there are.
    looked_up = {
        f"{name}_order": Subquery(orders.filter(session=OuterRef("pk")).order_by().values("pk")[:1])
        for name, orders in converting.items()
    }
    converted = {name: Sum("COUNT({})", (f"{name}_order",)) for name in converting}
    return Grouped(FoundRows(sessions.annotate(**looked_up)), by, sessions=COUNT, **converted)


def added_sums(events: QuerySet[CartEvent], by: Sequence[str]) -> Grouped:
    """What was put into carts of each product, which ends the keys: its id's digest."""
    return _of_products(events, by, add_to_cart_minor=total("gmv_minor"), units_added=total("units"), cart_events=COUNT)


def purchased_sums(orders: QuerySet[Order], by: Sequence[str], *, is_confirmed: bool = False) -> Grouped:
    """What was bought of each product, likewise; where ``is_confirmed`` is asked for, by the confirmed of ``orders``
    (but the products have the names that all gave them, as they have in the roll-ups).
    """
    lines = OrderLine.objects.using(orders.db).filter(order__in=orders)
    names = [f"order__{name}" for name in by]
    bought = {"purchase_minor": "total_minor", "units_purchased": "quantity"}
    if is_confirmed:
        sums = {name: total_where(column, "order__trust", Trust.CONFIRMED) for name, column in bought.items()}
    else:
        sums = {name: total(column) for name, column in bought.items()}
    return _of_products(lines, names, **sums)


def _of_products(rows: QuerySet[Any], by: Sequence[str], **sums: Sum) -> Grouped:
    # By the digest: collations hold ids for equal that are not.
    found = FoundRows(rows)
    return Grouped(found, [*by, "product_id_digest"], **product_texts(found), **sums)
