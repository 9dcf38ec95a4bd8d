from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sites.models import Site
from django.test import RequestFactory, TestCase, override_settings
from oscar.apps.partner.strategy import Selector
from oscar.core.loading import get_model
from oscar.test import factories

from alhena_tracking.integrations.oscar import orders
from alhena_tracking.models import CartEvent, Company, Order, OrderLine, PendingConfirmation, Refund
from tests.support.oscar import goods
from tests.support.oscar.shopper import Shopper

pytestmark = pytest.mark.django_db

Source, SourceType = get_model("payment", "Source"), get_model("payment", "SourceType")
PaymentEventType = get_model("order", "PaymentEventType")
ShopOrder = get_model("order", "Order")


def refund(order: Any, amount: str, currency: str = "EUR") -> Any:
    """Refund a part of an order, as a payment provider's code does."""
    kind, _ = SourceType.objects.get_or_create(name="Card")
    source, _ = Source.objects.get_or_create(order=order, source_type=kind, defaults={"currency": currency})
    with TestCase.captureOnCommitCallbacks(execute=True):
        source.refund(Decimal(amount))
    return source


def set_status(order: Any, status: str) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        order.set_status(status)


def place(basket: Any, **fields: Any) -> Any:
    with TestCase.captureOnCommitCallbacks(execute=True):
        return factories.create_order(basket=basket, **fields)


def basket_of(strategy: Any, *products: Any) -> Any:
    basket = get_model("basket", "Basket").objects.create()
    basket.strategy = strategy
    for product in products:
        basket.add_product(product)
    return basket


def test_order_when_a_guest_has_offers_and_a_voucher_is_exact() -> None:
    goods.offer_three_for_two()
    goods.voucher_of_ten_percent()
    shopper = Shopper()
    shopper.add(goods.product(upc="9780000000001"), 3)
    shopper.add(goods.product("Mug", "5.55"), 2)
    shopper.use_voucher("TEN")
    placed = shopper.check_out()

    order = Order.objects.get()
    assert (order.order_id, order.currency, order.trust, order.source) == (placed.number, "EUR", "VERIFIED", "OSCAR")
    assert order.value_minor == placed.total_incl_tax * 100
    assert order.occurred_at == placed.date_placed
    lines = OrderLine.objects.order_by("product_id").values_list(
        "product_id", "product_name", "quantity", "total_minor"
    )
    assert [(product, name, int(count), total) for product, name, count, total in lines] == [
        ("9780000000001", "Kettle", 3, 8407),
        ("SKU-Mug", "Mug", 2, 500),
    ]
    assert order.value_minor == 8407 + 500  # 98.07, less a mug, less a tenth of 34.54
    assert order.discount_minor == placed.total_discount_incl_tax * 100 == 900


def test_order_when_taxed_and_shipped_has_its_parts() -> None:
    shopper = Shopper()
    basket = basket_of(Selector().strategy(shopper.client.get("/").wsgi_request), goods.product())
    order = ShopOrder(
        number=7,
        currency="EUR",
        total_incl_tax=Decimal("40.89"),
        total_excl_tax=Decimal("34.36"),
        shipping_incl_tax=Decimal("11.90"),
        shipping_excl_tax=Decimal("10.00"),
        basket=basket,
    )
    order.save()
    fields = orders.order_fields(order)
    assert (fields["order_id"], fields["value"]) == ("7", Decimal("40.89"))
    assert (fields["tax"], fields["shipping"], fields["discount"]) == (Decimal("6.53"), Decimal("11.90"), 0)


def test_order_when_without_the_cookie_waits_for_the_browser() -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    shopper.lose_the_cookie()
    placed = shopper.check_out()
    assert Order.objects.count() == 0
    assert PendingConfirmation.objects.get().order_id == placed.number
    reported: dict[str, Any] = {"company_key": "acme", "user_fingerprint": str(shopper.visitor.user_fingerprint)}
    reported |= {"order_id": placed.number, "value": float(placed.total_incl_tax), "currency": "EUR"}
    shopper.client.post("/alhena/analytics/checkout_events", reported, content_type="application/json")
    order = Order.objects.get()
    assert (order.trust, order.value_minor) == ("CONFIRMED", 2899)


def test_order_when_placed_by_a_payment_provider_names_nobody() -> None:
    request = RequestFactory().post("/paid")
    request.user = factories.UserFactory()
    place(basket_of(Selector().strategy(request=request), goods.product()), number="1001")
    assert PendingConfirmation.objects.get().order_id == "1001"


def test_order_when_placed_without_a_request_names_nobody() -> None:
    place(basket_of(Selector().strategy(), goods.product()), number="1001")
    assert PendingConfirmation.objects.get().order_id == "1001"


def test_order_when_in_another_currency_is_in_that() -> None:
    shopper = Shopper()
    shopper.add(goods.product(price="100.10", currency="USD"))
    shopper.check_out()
    assert Order.objects.values_list("currency", "value_minor").get() == ("USD", 10010)


def test_order_when_oscar_has_no_iso_currency_leaves_the_checkout_alone() -> None:
    shopper = Shopper()
    shopper.add(goods.product(currency="STARS"))
    assert shopper.check_out().currency == "STARS"
    assert Order.objects.count() == 0


def test_refund_when_partial_is_recorded_once_by_its_transaction() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    placed = shopper.check_out()
    source = refund(placed, "10.50")
    with TestCase.captureOnCommitCallbacks(execute=True):
        source.debit(Decimal(5))
        source.transactions.get(txn_type="Refund").save()
    transaction = source.transactions.get(txn_type="Refund")
    recorded = Refund.objects.get()
    assert (recorded.refund_id, recorded.value_minor, recorded.currency) == (
        f"transaction-{transaction.pk}",
        1050,
        "EUR",
    )
    assert recorded.counted_minor == 1050


def test_refund_when_events_are_chosen_is_not_counted_by_transactions() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    placed = shopper.check_out()
    refunded, settled = (PaymentEventType.objects.create(name=name) for name in ("Refunded", "Settled"))
    with TestCase.captureOnCommitCallbacks(execute=True):
        placed.payment_events.create(event_type=refunded, amount=Decimal(7))
    assert Refund.objects.count() == 0
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_REFUND_EVENTS": ["Refunded"]}):
        refund(placed, "3.00")
        with TestCase.captureOnCommitCallbacks(execute=True):
            event = placed.payment_events.create(event_type=refunded, amount=Decimal(4))
            placed.payment_events.create(event_type=settled, amount=Decimal(5))
    assert Refund.objects.values_list("refund_id", "value_minor").get() == (f"payment-event-{event.pk}", 400)


@override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_CANCELLED_STATUSES": ["Cancelled", "Voided"]})
def test_order_when_cancelled_stops_counting_until_it_is_reinstated() -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    placed = shopper.check_out()
    counted = []
    for status in ("Being processed", "Cancelled", "Pending"):
        set_status(placed, status)
        order = Order.objects.get()
        counted.append((order.standing, order.value_minor, order.lines.count(), order.trust))
    assert [each[0] for each in counted] == ["COUNTED", "CANCELLED", "COUNTED"]
    assert {each[1:] for each in counted} == {(2899, 1, "VERIFIED")}


def test_order_when_no_status_is_set_is_never_cancelled() -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    set_status(shopper.check_out(), "Cancelled")
    assert Order.objects.get().standing == "COUNTED"


@pytest.mark.parametrize("by", ["id", "domain"])
def test_site_when_listed_is_its_company(by: str, settings: Any) -> None:
    Company.objects.create(key="acme-de", name="Acme DE", time_zone="UTC")
    site = Site.objects.get_current()
    companies = {site.pk if by == "id" else site.domain: "acme-de"}
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_COMPANIES": companies}):
        shopper = Shopper("acme-de")
        shopper.add(goods.product())
        placed = shopper.check_out()
        refund(placed, "1.00")
    order = Order.objects.get()
    assert (order.company.key, order.trust) == ("acme-de", "VERIFIED")
    assert Refund.objects.get().company == order.company
    assert CartEvent.objects.get().session == order.session


@override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_COMPANIES": {99: "other", "other.example": "other"}})
def test_site_when_not_listed_is_the_company_of_the_settings() -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    shopper.check_out()
    assert Order.objects.get().company.key == "acme"


def test_line_when_its_product_is_deleted_keeps_its_id() -> None:
    order = place(basket_of(Selector().strategy(), goods.product(upc="123")))
    order.lines.update(product=None, stockrecord=None)
    assert [line["product_id"] for line in orders.order_fields(order)["line_items"]] == ["123"]


def test_time_when_the_project_has_no_zones_gets_one() -> None:
    assert orders._aware(datetime(2026, 1, 2, 3)).isoformat() == "2026-01-02T03:00:00+00:00"  # noqa: DTZ001
