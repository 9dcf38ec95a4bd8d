"""Webhooks of a whole shop, replayed in any order: the rows are those of the shop's books."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core import serializers
from django.utils import timezone

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import record_interaction
from alhena_tracking.ingestion import Visitor
from alhena_tracking.models import Company, EventCount, Order, OrderLine, Refund, ShopConnection, Standing, Trust
from tests.support.runs import examples
from tests.support.shopify import CUSTOMER, DOMAIN, FakeShopify, ShopOrder, with_retries
from tests.support.webhooks import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.property]


@pytest.fixture(autouse=True)
def connection(company: Company) -> ShopConnection:
    return ShopConnection.objects.create(company=company, platform="shopify", shop=DOMAIN, secret=SECRET)


def shop_of(company: Company, seed: int, orders: int) -> FakeShopify:
    """A shop with enough visitors that none buys more than is believable."""
    random = Random(seed)
    visitors = [[UUID(int=random.getrandbits(128), version=4) for _ in range(2)] for _ in range(orders // 15 + 1)]
    start = timezone.now() - timedelta(hours=2)
    for user, faq in visitors:
        record_interaction(Visitor(user, faq), company=company.key, type="CHAT", occurred_at=start)
    shop = FakeShopify(random, start + timedelta(minutes=1), [f"{user},{faq}" for user, faq in visitors])
    shop.live(orders)
    return shop


def forget_orders(company: Company) -> None:
    for model in ("WebhookDelivery", "Refund", "OrderVersion", "PendingConfirmation", "Order"):
        apps.get_model("alhena_tracking", model).objects.all().delete()


def rows() -> dict[str, tuple[Any, ...]]:
    found = {}
    for order in Order.objects.prefetch_related("lines", "refunds"):
        refunds = sorted((refund.refund_id, refund.value_minor, refund.counted_minor) for refund in order.refunds.all())
        lines = sorted((line.product_id, line.quantity, line.total_minor) for line in order.lines.all())
        shop = (order.shop_currency, order.shop_value_minor)
        amounts = (order.currency, order.value_minor, *shop, order.standing, order.trust, order.session_id)
        found[order.order_id] = (*amounts, refunds, lines)
    return found


def by_the_books(order: ShopOrder) -> tuple[str, int, int, str]:
    """Currency, value before refunds, what was returned, and whether it counts."""
    if order.is_cancelled and not order.is_paid:
        return order.currency, 0, 0, Standing.CANCELLED
    return order.currency, order.minor(order.left) + order.returned, order.returned, Standing.COUNTED


def figures() -> dict[str, tuple[str, int, int, str]]:
    return {
        order.order_id: (
            order.currency,
            0 if order.standing == Standing.CANCELLED else order.value_minor,
            sum(refund.counted_minor for refund in order.refunds.all()),
            order.standing,
        )
        for order in Order.objects.prefetch_related("refunds")
    }


@pytest.mark.parametrize("seed", range(examples(1, full=2)))
def test_deliveries_when_shuffled_and_repeated_end_as_the_books(company: Company, seed: int) -> None:
    shop = shop_of(company, seed, orders=examples(15, full=600, sample=8))
    for call in shop.calls:
        assert call.send()[0] == 200
    in_order = rows()
    assert figures() == {str(order.id): by_the_books(order) for order in shop.orders}
    assert {order.trust for order in Order.objects.all()} == {Trust.CONFIRMED}

    forget_orders(company)
    answers = [(call.send(secret=secret)[0], secret) for call, secret in with_retries(shop.calls, Random(seed))]
    assert {(status, secret is None) for status, secret in answers} == {(200, True), (401, False)}
    assert rows() == in_order


def test_replay_when_stored_holds_nothing_of_a_customer(company: Company) -> None:
    shop = shop_of(company, 7, orders=10)
    for call in shop.calls:
        call.send()
    event_counts.flush()
    models = [model for model in apps.get_app_config("alhena_tracking").get_models() if not model._meta.proxy]
    dump = "".join(
        serializers.serialize("json", model._default_manager.all()) for model in models if not model._meta.proxy
    )
    assert "Product 11" in dump
    assert [value for value in CUSTOMER.values() if value in dump] == []
    assert EventCount.objects.filter(method="webhook shopify orders/create").exists()
    assert Refund.objects.exists()


def test_line_when_half_of_it_came_back_keeps_its_total(company: Company) -> None:
    """What is left of 4 × 12.50 would be the order's value if its total were a unit price: 2 × 25.00."""
    shop = shop_of(company, 1, orders=0)
    shop.shipping = 0
    order = shop.place()
    order.lines, order.is_paid = [[22, 4, 4]], True
    shop.edit(order)
    shop.edit(order)
    shop.calls[-1].send()
    assert [(int(line.quantity), line.total_minor) for line in OrderLine.objects.all()] == [(2, order.minor(2500))]
