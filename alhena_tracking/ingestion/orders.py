"""Recording purchases, each once."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django.db import IntegrityError, transaction

from alhena_tracking.conf import conf
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.carts import empty_carts
from alhena_tracking.ingestion.crediting import attribute
from alhena_tracking.ingestion.data import DUPLICATE, NO_INTERACTION, LineItemData, OrderData, Outcome
from alhena_tracking.limits import EQUAL_ORDER_INTERVAL
from alhena_tracking.models import Company, Order, OrderLine, ValueBasis, VisitorSession
from alhena_tracking.querysets import OrderQuerySet


def record_order(company: Company, data: OrderData) -> Outcome:
    """Store one purchase with its lines if an interaction earned it.

    Returns ``recorded``, ``duplicate`` (the ``order_id`` or the ``event_id`` is there already, or an equal order
    without an id of the same session) or ``ignored``; committed on return unless the caller holds a transaction open.
    """
    attribution = attribute(company, data)
    if attribution is None:
        # A thank-you page opened again the next day is still a known order.
        return DUPLICATE if data.order_id and _orders_with_id(company, data.order_id).exists() else NO_INTERACTION
    order = Order(
        order_id=data.order_id,
        order_id_digest=text_digest(data.order_id) if data.order_id else None,
        currency=data.currency,
        value_minor=data.value_minor,
        **data.fields(company),
        **attribution.fields(),
    )
    lines = [_line(order, item) for item in data.line_items]
    try:
        with transaction.atomic():
            VisitorSession.objects.lock(attribution.credit.session_id)
            if not order.order_id and _has_equal(order, lines):
                return DUPLICATE
            order.save(force_insert=True)
            OrderLine.objects.bulk_create(lines)
            empty_carts(attribution.credit.session_id, order.occurred_at)
    except IntegrityError:
        if _is_known(order):
            return DUPLICATE
        raise
    return Outcome("recorded", data.event_id)


def _line(order: Order, item: LineItemData) -> OrderLine:
    total_minor = item.value_minor
    if conf.line_item_value == ValueBasis.UNIT:
        total_minor = int((item.quantity * item.value_minor).to_integral_value(ROUND_HALF_UP))
    return OrderLine(
        order=order,
        product_id=item.product_id,
        product_id_digest=text_digest(item.product_id),
        product_name=item.product_name,
        quantity=item.quantity,
        total_minor=total_minor,
    )


def _is_known(order: Order) -> bool:
    if order.order_id and _orders_with_id(order.company, order.order_id).exists():
        return True
    return Order.objects.filter(company=order.company, event_id=order.event_id).exists()


def _orders_with_id(company: Company, order_id: str) -> OrderQuerySet[Order]:
    return Order.objects.filter(company=company, order_id_digest=text_digest(order_id))


def _has_equal(order: Order, lines: list[OrderLine]) -> bool:
    """Whether the session has an order without an id that this one cannot be told from, at about the same time."""
    alike = Order.objects.filter(
        session=order.session_id,
        order_id_digest__isnull=True,
        currency=order.currency,
        value_minor=order.value_minor,
        occurred_at__gte=order.occurred_at - EQUAL_ORDER_INTERVAL,
        occurred_at__lte=order.occurred_at + EQUAL_ORDER_INTERVAL,
    ).prefetch_related("lines")
    return any(_contents(other.lines.all()) == _contents(lines) for other in alike)


def _contents(lines: object) -> list[tuple[int, Decimal, int]]:
    return sorted((line.product_id_digest.int, line.quantity, line.total_minor) for line in lines)  # type: ignore[attr-defined]
