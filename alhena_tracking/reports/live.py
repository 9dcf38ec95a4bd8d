"""Sums of events, as they are stored now. Every query groups; none returns a row per event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import RowNumber

from alhena_tracking.models import CartEvent, Order, OrderLine, Refund, Trust, VisitorSession
from alhena_tracking.reports.sums import Grouped, product_texts


class CartSums:
    """Sums of cart events and the number of carts, in one pass.

    A cart is a session's first cart event of a day and currency, whatever is credited with it, so the places are given
    before ``credit`` chooses. Django's ORM cannot group by what a window function says, hence the outer ``SELECT``.
    """

    names: tuple[str, ...] = ("add_to_cart_minor", "cart_events", "carts")

    def __init__(self, events: QuerySet[CartEvent], by: Sequence[str], credit: Mapping[str, str] | None = None) -> None:
        self._by, self._credit = by, credit or {}
        place = Window(
            RowNumber(),
            # Of events of one currency it is left out, so that the report's index has them in this order.
            partition_by=[*(["currency"] if "currency" in by else []), "occurred_on", "session_id"],
            order_by=["occurred_at", "id"],
        )
        self._placed = events.order_by().annotate(place=place).values("gmv_minor", "place", *{*by, *self._credit})

    def statement(self) -> tuple[str, tuple[Any, ...]]:
        inner_sql, params = self._placed.query.get_compiler(self._placed.db).as_sql()
        chosen = " AND ".join(f"{name} = %s" for name in self._credit)
        sql = (
            f"SELECT {', '.join(self._by)}, SUM(gmv_minor), COUNT(*), SUM(CASE WHEN place = 1 THEN 1 ELSE 0 END) "  # noqa: S608
            f"FROM ({inner_sql}) placed {f'WHERE {chosen} ' if chosen else ''}GROUP BY {', '.join(self._by)}"
        )
        return sql, (*params, *self._credit.values())


def cart_totals(events: QuerySet[CartEvent], by: Sequence[str]) -> Grouped:
    """The same without the carts: cheaper where their number is not asked for."""
    return Grouped(events, by, add_to_cart_minor=Sum("gmv_minor"), cart_events=Count("*"))


def order_totals(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sums of orders of which little is asked."""
    return Grouped(orders, by, purchase_minor=Sum("value_minor"), orders=Count("*"))


def order_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """Sums of orders, with what was refunded of them: that lowers the net of the order's day, not of its own."""
    # Looked up for each order by its index. To join them, databases would read all refunds there are.
    refunds = Refund.objects.using(orders.db).filter(refunded_order=OuterRef("pk")).order_by()
    refunded = refunds.values("refunded_order").annotate(total=Sum("value_minor")).values("total")
    return Grouped(
        orders.annotate(refunds_minor=Subquery(refunded)),
        by,
        purchase_minor=Sum("value_minor"),
        confirmed_minor=Sum("value_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
        orders=Count("*"),
        refunded_minor=Sum("refunds_minor", default=0),
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
    converted = {name: Count("pk", filter=Q(**{f"{name}_order__isnull": False})) for name in converting}
    return Grouped(sessions.annotate(**looked_up), by, sessions=Count("*"), **converted)


def added_sums(events: QuerySet[CartEvent], by: Sequence[str]) -> Grouped:
    """What was put into carts of each product, which ends the keys: its id's digest."""
    return _of_products(
        events, by, add_to_cart_minor=Sum("gmv_minor"), units_added=Sum("units"), cart_events=Count("*")
    )


def purchased_sums(orders: QuerySet[Order], by: Sequence[str]) -> Grouped:
    """What was bought of each product, likewise."""
    lines = OrderLine.objects.using(orders.db).filter(order__in=orders)
    names = [f"order__{name}" for name in by]
    return _of_products(lines, names, purchase_minor=Sum("total_minor"), units_purchased=Sum("quantity"))


def _of_products(rows: QuerySet[Any], by: Sequence[str], **sums: Any) -> Grouped:
    # By the digest: collations hold ids for equal that are not.
    return Grouped(rows, [*by, "product_id_digest"], **product_texts(rows), **sums)
