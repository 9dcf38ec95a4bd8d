"""Sums of events, as they are stored now. Every query groups; none returns a row per event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import Aggregate, Count, Max, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import Collate, RowNumber

from alhena_tracking.models import CartEvent, Order, OrderLine, Refund, Trust, VisitorSession

#: What rows have in common, and what they come to.
Sums: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

_THOUSANDTH = Decimal("0.001")


def cart_sums(
    events: QuerySet[CartEvent], by: Sequence[str], credit: Mapping[str, str] | None = None
) -> Iterator[Sums]:
    """Sums of cart events and the number of carts, in one pass.

    A cart is a session's first cart event of a day and currency, whatever is credited with it, so the places are given
    before ``credit`` chooses. Django's ORM cannot group by what a window function says, hence the outer ``SELECT``.
    """
    credit = credit or {}
    place = Window(
        RowNumber(),
        # Of events of one currency it is left out, so that the report's index has them in this order.
        partition_by=[*(["currency"] if "currency" in by else []), "occurred_on", "session_id"],
        order_by=["occurred_at", "id"],
    )
    placed = events.order_by().annotate(place=place).values("gmv_minor", "place", *{*by, *credit})
    inner_sql, params = placed.query.get_compiler(placed.db).as_sql()
    chosen = " AND ".join(f"{name} = %s" for name in credit)
    sql = (
        f"SELECT {', '.join(by)}, SUM(gmv_minor), COUNT(*), SUM(CASE WHEN place = 1 THEN 1 ELSE 0 END) "  # noqa: S608
        f"FROM ({inner_sql}) placed {f'WHERE {chosen} ' if chosen else ''}GROUP BY {', '.join(by)}"
    )
    to_date = CartEvent._meta.get_field("occurred_on").to_python  # SQLite answers with text
    with connections[placed.db].cursor() as cursor:
        cursor.execute(sql, (*params, *credit.values()))
        for *values, minor, count, carts in cursor.fetchall():
            key = (to_date(value) if name == "occurred_on" else value for name, value in zip(by, values, strict=True))
            yield tuple(key), {"add_to_cart_minor": int(minor), "cart_events": count, "carts": int(carts)}


def cart_totals(events: QuerySet[CartEvent], by: Sequence[str]) -> Iterator[Sums]:
    """The same without the carts: cheaper where their number is not asked for."""
    return _grouped(events, by, add_to_cart_minor=Sum("gmv_minor"), cart_events=Count("*"))


def order_sums(orders: QuerySet[Order], by: Sequence[str]) -> Iterator[Sums]:
    return _grouped(
        orders,
        by,
        purchase_minor=Sum("value_minor"),
        confirmed_minor=Sum("value_minor", filter=Q(trust=Trust.CONFIRMED), default=0),
        orders=Count("*"),
    )


def refund_sums(orders: QuerySet[Order], by: Sequence[str]) -> Iterator[Sums]:
    """Refunds of some orders: they lower the net of the order's day, not of their own."""
    refunds = Refund.objects.using(orders.db).filter(refunded_order__in=orders)
    return _grouped(refunds, [f"refunded_order__{name}" for name in by], refunded_minor=Sum("value_minor"))


def session_sums(
    sessions: QuerySet[VisitorSession], by: Sequence[str], **converting: QuerySet[Order]
) -> Iterator[Sums]:
    """Sums of sessions; and for each of ``converting``, under its name, how many of them have one of those orders by
    now: on whatever day, in whatever currency, credited to whatever channel.
    """
    # One order of each session is looked up by its index. To join them, databases would read all orders there are.
    looked_up = {
        f"{name}_order": Subquery(orders.filter(session=OuterRef("pk")).order_by().values("pk")[:1])
        for name, orders in converting.items()
    }
    converted = {name: Count("pk", filter=Q(**{f"{name}_order__isnull": False})) for name in converting}
    return _grouped(sessions.annotate(**looked_up), by, sessions=Count("*"), **converted)


def added_sums(events: QuerySet[CartEvent], by: Sequence[str]) -> Iterator[Sums]:
    """What was put into carts of each product, which ends the keys: its id's digest."""
    return _of_products(
        events, by, add_to_cart_minor=Sum("gmv_minor"), units_added=Sum("units"), cart_events=Count("*")
    )


def purchased_sums(orders: QuerySet[Order], by: Sequence[str]) -> Iterator[Sums]:
    """What was bought of each product, likewise."""
    lines = OrderLine.objects.using(orders.db).filter(order__in=orders)
    names = [f"order__{name}" for name in by]
    return _of_products(lines, names, purchase_minor=Sum("total_minor"), units_purchased=Sum("quantity"))


def _of_products(rows: QuerySet[Any], by: Sequence[str], **sums: Aggregate) -> Iterator[Sums]:
    # By the digest: collations hold ids for equal that are not.
    sums = {"product_id": Max("product_id"), "product_name": last_text("product_name", rows), **sums}
    for key, values in _grouped(rows, [*by, "product_id_digest"], **{f"{name}_": sums[name] for name in sums}):
        yield key, {name: exact(values[f"{name}_"]) for name in sums}


#: What orders text as Python does, by the vendors of databases.
_COLLATIONS = {"postgresql": "C", "mysql": "utf8mb4_bin", "sqlite": "BINARY"}


def last_text(name: str, rows: QuerySet[Any]) -> Aggregate:
    """The last one of some texts, in the order that Python gives them."""
    return Max(Collate(name, _COLLATIONS[connections[rows.db].vendor]))


def exact(value: Any) -> Any:
    """A sum as its field holds it: SQLite adds units up as floats, MariaDB amounts to decimals."""
    if isinstance(value, Decimal):
        return value.quantize(_THOUSANDTH)
    return value


def _grouped(rows: QuerySet[Any], by: Sequence[str], **sums: Aggregate) -> Iterator[Sums]:
    for row in rows.order_by().values_list(*by).annotate(**sums):
        yield tuple(row[: len(by)]), dict(zip(sums, row[len(by) :], strict=True))
