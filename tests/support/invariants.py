"""What holds of the stored rows at any time, whatever was sent, and however much of it at once.

Nothing here depends on which of an order's claims is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum

from alhena_tracking.contract.limits import INTERACTION_GRACE
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    Order,
    OrderClaim,
    OrderLine,
    Refund,
    VisitorSession,
)
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up


def assert_carts_hold() -> None:
    """What a cart event claims or gives back is the difference of two states, neither of which is negative.

    The state before it is at most what the event before it left: an order, or a cart emptied unseen, may take of it.
    """
    place: tuple[Any, ...] = ()
    left: tuple[Decimal, int] = (Decimal(0), 0)
    rows = CartEvent.objects.order_by("session", "product_id_digest", "currency", "occurred_at", "arrival")
    for row in rows.iterator():
        if place != (row.session_id, row.product_id_digest, row.currency):
            place, left = (row.session_id, row.product_id_digest, row.currency), (Decimal(0), 0)
        assert row.cart_quantity >= 0, _shown(row)
        units, minor = row.claimed_units - row.units, row.claimed_minor - row.gmv_minor
        assert 0 <= units <= left[0], (_shown(row), left)
        assert 0 <= minor <= left[1], (_shown(row), left)
        left = (row.claimed_units, row.claimed_minor)
        assert left[0] >= 0, _shown(row)
        assert left[1] >= 0, _shown(row)


def assert_refunds_fit() -> None:
    """What counts of an order's refunds is in its currency, and together at most its value."""
    counted = Refund.objects.filter(counted_minor__gt=0)
    assert not counted.exclude(currency=F("refunded_order__currency"))
    assert not counted.filter(counted_minor__gt=F("value_minor"))
    orders = Order.objects.annotate(refunded=Sum("refunds__counted_minor"))
    assert not orders.filter(refunded__gt=F("value_minor"))


def assert_ids_are_unique() -> None:
    """An event's id is stored once for each kind and trust, an order's id once, a refund's id once for its order."""
    for model in (Interaction, CartEvent):
        _assert_once(model, "company", "event_id", "trust")
    _assert_once(Order.objects.filter(order_id=""), "company", "event_id", "trust")
    _assert_once(Order.objects.exclude(order_id=""), "company", "order_id_digest")
    _assert_once(Refund, "company", "order_id_digest", "refund_id_digest")
    _assert_once(OrderClaim, "order", "session", "currency", "value_minor")


def assert_credit_is_in_the_window() -> None:
    """An event is credited to a qualifying interaction of its company at most a window before it."""
    for model in (CartEvent, Order, OrderClaim):
        rows = model._default_manager.select_related("credited_interaction", "session")
        for row in rows.iterator():
            credited = row.credited_interaction
            assert credited.is_qualifying, _shown(row)
            assert {credited.company_id, row.session.company_id} == {row.company_id}, _shown(row)
            assert -INTERACTION_GRACE <= row.occurred_at - credited.occurred_at <= row.attribution_window, _shown(row)
            assert (row.channel, row.ai_profile) == (credited.kind, credited.ai_profile), _shown(row)


def assert_orders_are_divided() -> None:
    """What of an order is direct follows from its lines; under each model its touches have all of its value."""
    for order in Order.objects.prefetch_related("lines", "several_touches"):
        lines = [(line.total_minor, line.is_direct) for line in order.lines.all()]
        direct, total = sum(minor for minor, is_direct in lines if is_direct), sum(minor for minor, _ in lines)
        share = Decimal(order.value_minor * direct) / total if total else Decimal(0)
        assert order.direct_minor == share.quantize(Decimal(1), ROUND_HALF_UP), _shown(order)
        touches = list(order.several_touches.all())
        assert len(touches) != 1, _shown(order)
        if touches:
            assert sum(touch.linear_minor for touch in touches) == order.value_minor, _shown(order)
            ends = [sum(touch.is_first for touch in touches), sum(touch.is_last for touch in touches)]
            assert ends == [1, 1], _shown(order)
            credited = (order.channel, order.ai_profile)
            assert credited in [(touch.channel, touch.ai_profile) for touch in touches], _shown(order)


def assert_sessions_span_their_interactions() -> None:
    spans = VisitorSession.objects.annotate(
        first=Min("interactions__occurred_at"), last=Max("interactions__occurred_at")
    )
    assert not spans.exclude(Q(first=F("started_at")) & Q(last=F("last_interaction_at")))


def assert_figures_agree(company: Company, now: datetime) -> None:
    """The report's totals are the sums of the counted rows, before and after all days are rolled up."""
    events, orders = CartEvent.objects.included().filter(company=company), Order.objects.filter(company=company)
    currencies = {*events.values_list("currency", flat=True), *orders.values_list("currency", flat=True)}
    by_hand = {}
    for currency in currencies:
        counted = orders.counted().filter(currency=currency)
        added = events.filter(currency=currency).aggregate(sum=Sum("gmv_minor"))["sum"] or 0
        by_hand[currency] = (added, counted.aggregate(sum=Sum("value_minor"))["sum"] or 0, counted.count())
    assert {currency: _reported(company, currency, now) for currency in currencies} == by_hand
    assert [result.failed for result in roll_up(now + timedelta(days=2))] == [[] for _ in Company.objects.all()]
    assert {currency: _reported(company, currency, now) for currency in currencies} == by_hand
    assert [result.failed for result in check_rollups()] == [[] for _ in Company.objects.all()]


def assert_exclusions_hold() -> None:
    """What a session excluded by staff has is excluded, and only that, unless an order is excluded by itself."""
    assert not CartEvent.objects.filter(is_excluded=True, session__excluded_at=None)
    assert not CartEvent.objects.filter(is_excluded=False, session__excluded_at__isnull=False)
    excluded = Q(excluded_at__isnull=False) | Q(session__excluded_at__isnull=False)
    assert not Order.objects.filter(excluded, ~Q(standing="EXCLUDED"))
    assert not Order.objects.filter(~excluded, standing="EXCLUDED")


ROW_INVARIANTS: tuple[Callable[[], None], ...] = (
    assert_carts_hold,
    assert_refunds_fit,
    assert_ids_are_unique,
    assert_credit_is_in_the_window,
    assert_orders_are_divided,
    assert_sessions_span_their_interactions,
    assert_exclusions_hold,
)


def assert_invariants(company: Company, now: datetime) -> None:
    """Assert all of the above. Rolls up what is due two days later."""
    for holds in ROW_INVARIANTS:
        holds()
    assert not OrderLine.objects.exclude(order__company=company)
    assert_figures_agree(company, now)


def _reported(company: Company, currency: str, now: datetime) -> tuple[int, int, int]:
    first = company.first_day()
    assert first
    period = Period(first, now.astimezone(company.zone).date())
    figures = revenue_impact(ReportQuery(company=company, period=period, currency=currency, is_compared=False)).current
    return figures.add_to_cart_minor, figures.purchase_minor, figures.orders


def _assert_once(rows: Any, *fields: str) -> None:
    rows = getattr(rows, "objects", rows)
    repeated = rows.order_by().values(*fields).annotate(times=Count("pk")).filter(times__gt=1)
    assert not list(repeated), (rows.model, fields)


def _shown(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
