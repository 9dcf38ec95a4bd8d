from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.test import TestCase, override_settings
from oscar.apps.basket import middleware as oscar_middleware
from oscar.apps.partner import strategy
from oscar.core.loading import get_model
from oscar.test import factories

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.integrations.oscar import carts
from alhena_tracking.models import CartEvent, EventCount
from tests.support.oscar import goods
from tests.support.oscar.shopper import Shopper, changes

pytestmark = pytest.mark.django_db

MIDDLEWARE = "alhena_tracking.integrations.oscar.middleware.oscar_request_middleware"
Basket, Line = get_model("basket", "Basket"), get_model("basket", "Line")


def parent_id(product: Any, stockrecord: Any) -> str:
    return f"P{product.parent_id or product.pk}"


def use_strategy(monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    """Have Oscar's middleware select a strategy, made from the request."""
    selector = type("Selector", (), {"strategy": lambda self, request=None, user=None, **kwargs: made(request)})
    monkeypatch.setattr(oscar_middleware, "selector", selector())


def strategy_with(tax: Any, **attributes: Any) -> Any:
    bases = (strategy.UseFirstStockRecord, tax, strategy.StockRequired, strategy.Structured)
    return type("Strategy", bases, attributes)


def with_middleware(settings: Any) -> None:
    settings.MIDDLEWARE = [MIDDLEWARE, *settings.MIDDLEWARE]


def test_basket_when_added_to_and_changed_is_recorded() -> None:
    kettle, shopper = goods.product(), Shopper()
    shopper.add(kettle, 2)
    shopper.add(kettle)
    shopper.change_line(quantity=5)
    shopper.change_line(quantity=1)
    shopper.change_line(DELETE="on")
    assert changes() == [
        ("ITEM_ADDED", "SKU-Kettle", 2, 0, 5798),
        ("QUANTITY_INCREASED", "SKU-Kettle", 3, 2, 2899),
        ("QUANTITY_INCREASED", "SKU-Kettle", 5, 3, 5798),
        ("QUANTITY_DECREASED", "SKU-Kettle", 1, 5, -11596),
        ("ITEM_REMOVED", "SKU-Kettle", 0, 1, -2899),
    ]
    event = CartEvent.objects.earliest("pk")
    assert (event.product_name, event.currency, event.source, event.trust) == ("Kettle", "EUR", "OSCAR", "CONFIRMED")


def test_line_when_set_to_zero_is_a_removal() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    shopper.change_line(quantity=0)
    assert changes()[1:] == [("ITEM_REMOVED", "SKU-Kettle", 0, 2, -5798)]


def test_basket_when_emptied_is_recorded_by_line() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    shopper.add(goods.product("Mug", "5"))
    basket = shopper.request_basket
    with TestCase.captureOnCommitCallbacks(execute=True):
        basket.flush()
    removed = [("ITEM_REMOVED", "SKU-Kettle", 0, 2, -5798), ("ITEM_REMOVED", "SKU-Mug", 0, 1, -500)]
    assert sorted(changes()[2:]) == removed


def test_lines_when_of_one_product_count_together() -> None:
    shirt, shopper = goods.product("Shirt", "10"), Shopper()
    option = factories.OptionFactory(name="Size", code="size", type="text", required=True)
    shirt.product_class.options.add(option)
    for size in "SM":
        shopper.post("basket:add", {"quantity": 2, "size": size, "next": "/"}, args=[shirt.pk])
    shopper.change_line(0, quantity=1)
    shopper.change_line(1, DELETE="on")
    assert changes() == [
        ("ITEM_ADDED", "SKU-Shirt", 2, 0, 2000),
        ("QUANTITY_INCREASED", "SKU-Shirt", 4, 2, 2000),
        ("QUANTITY_DECREASED", "SKU-Shirt", 3, 4, -1000),
        ("QUANTITY_DECREASED", "SKU-Shirt", 1, 3, -2000),
    ]


def test_order_when_ordered_again_is_recorded() -> None:
    shopper = Shopper()
    user = factories.UserFactory()
    shopper.log_in(user)
    shopper.add(goods.product(), 2)
    order = shopper.check_out()
    shopper.post("customer:order", {"action": "reorder"}, args=[order.number])
    assert changes() == [("ITEM_ADDED", "SKU-Kettle", 2, 0, 5798)] * 2


@pytest.mark.parametrize("is_saved_twice", [False, True])
@pytest.mark.parametrize("keeps_request", [True, False])
def test_line_when_saved_for_later_is_a_removal_until_it_returns(
    is_saved_twice: bool, keeps_request: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not keeps_request:
        with_middleware(settings)
        use_strategy(monkeypatch, lambda request: strategy.Default(None))
    kettle, shopper = goods.product(), Shopper()
    shopper.log_in(factories.UserFactory())
    shopper.add(kettle, 2)
    shopper.change_line(save_for_later="on")
    if is_saved_twice:
        shopper.add(kettle)
        shopper.change_line(save_for_later="on")
    count = 2 + is_saved_twice * 1
    line = Line.objects.get()
    assert (line.basket.status, line.quantity) == ("Saved", count)
    saved = {"saved-TOTAL_FORMS": 1, "saved-INITIAL_FORMS": 1, "saved-0-id": line.pk}
    shopper.post("basket:saved", {**saved, "saved-0-move_to_basket": "on"})
    again = [("ITEM_ADDED", "SKU-Kettle", 1, 0, 2899), ("ITEM_REMOVED", "SKU-Kettle", 0, 1, -2899)]
    assert changes() == [
        ("ITEM_ADDED", "SKU-Kettle", 2, 0, 5798),
        ("ITEM_REMOVED", "SKU-Kettle", 0, 2, -5798),
        *again[: 2 * is_saved_twice],
        ("ITEM_ADDED", "SKU-Kettle", count, 0, count * 2899),
    ]


@pytest.mark.parametrize("has_middleware", [False, True])
def test_baskets_when_merged_at_login_are_silent(has_middleware: bool, settings: Any) -> None:
    if has_middleware:
        with_middleware(settings)
    kettle, mug, shopper = goods.product(), goods.product("Mug", "5"), Shopper()
    user = factories.UserFactory()
    earlier = Basket.objects.create(owner=user)
    earlier.strategy = strategy.Default()
    earlier.add_product(kettle, 4)
    shopper.add(kettle)
    shopper.add(mug)
    shopper.log_in(user)
    assert {line.quantity for line in shopper.basket.all_lines()} == {4, 1}
    assert [type_ for type_, *_ in changes()] == ["ITEM_ADDED"] * 2


@pytest.mark.parametrize("keeps_request", [True, False])
def test_basket_when_restored_after_a_failed_payment_merges_silently(
    keeps_request: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not keeps_request:
        with_middleware(settings)
        use_strategy(monkeypatch, lambda request: strategy.Default(None))
    kettle, mug, shopper = goods.product(), goods.product("Mug", "5"), Shopper()
    shopper.add(kettle, 2)
    frozen = Basket.objects.get()
    frozen.freeze()
    shopper.add(kettle)
    shopper.add(mug)
    current = shopper.request_basket
    frozen.thaw()
    with TestCase.captureOnCommitCallbacks(execute=True):
        frozen.merge(current)
    assert sorted(frozen.lines.values_list("quantity", flat=True)) == [1, 3]
    assert [type_ for type_, *_ in changes()] == ["ITEM_ADDED"] * 3


def test_removal_when_another_thread_request_merged_is_recorded() -> None:
    kettle, shopper = goods.product(), Shopper()
    shopper.add(kettle)
    other = Basket.objects.create()
    other.strategy = strategy.Default()
    other.add_product(kettle)
    shopper.change_line(DELETE="on")
    assert [type_ for type_, *_ in changes()] == ["ITEM_ADDED", "ITEM_REMOVED"]


def test_price_when_tax_is_not_known_is_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    use_strategy(monkeypatch, strategy_with(strategy.DeferredTax))
    Shopper().add(goods.product(), 2)
    assert changes() == [("ITEM_ADDED", "SKU-Kettle", 2, 0, 5798)]


def test_price_when_taxed_includes_the_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    use_strategy(monkeypatch, strategy_with(strategy.FixedRateTax, rate=Decimal("0.19")))
    Shopper().add(goods.product(price="0.99"), 3)
    event = CartEvent.objects.get()
    assert (event.value_minor, event.gmv_minor) == (Decimal("117.81"), 353)  # 0.99 × 1.19 × 3 = 3.5343


@pytest.mark.parametrize(("has_middleware", "expected"), [(False, 0), (True, 2)])
def test_strategy_when_it_drops_the_request_needs_the_middleware(
    has_middleware: bool, expected: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_middleware:
        with_middleware(settings)
    use_strategy(monkeypatch, lambda request: strategy.Default(None))
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    shopper.change_line(quantity=1)
    assert len(changes()) == expected


def test_basket_of_others_when_deleted_in_a_request_is_silent(settings: Any) -> None:
    with_middleware(settings)
    shopper = Shopper()
    shopper.add(goods.product())
    other = Basket.objects.create()
    other.strategy = strategy.Default()
    other.add_product(goods.product("Mug", "5"))
    with TestCase.captureOnCommitCallbacks(execute=True):
        Basket.objects.all().delete()
    assert len(changes()) == 1


def test_line_when_its_quantity_stays_is_silent() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    line = shopper.request_basket.all_lines()[0]
    with TestCase.captureOnCommitCallbacks(execute=True):
        line.save()
        line.price_incl_tax = Decimal(7)
        line.quantity = 9
        line.save(update_fields=["price_incl_tax"])
        line.quantity = F("quantity") + 1
        line.save()
    assert len(changes()) == 1


@pytest.mark.parametrize(
    ("shopper", "reason"),
    [
        ({"has_asked": False}, "no_interaction"),
        ({"headers": {"Sec-GPC": "1"}}, "privacy_signal"),
    ],
)
def test_visitor_when_not_to_be_recorded_is_counted(shopper: dict[str, Any], reason: str) -> None:
    Shopper(**shopper).add(goods.product())
    event_counts.flush()
    assert changes() == []
    assert EventCount.objects.filter(method="sendCartEvent", reason=reason).exists()


def test_staff_when_shopping_are_a_test() -> None:
    shopper = Shopper()
    shopper.log_in(factories.UserFactory(is_staff=True))
    shopper.add(goods.product())
    assert changes() == []


@override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "CART_EVENT_VALUE": "total"})
def test_value_when_total_is_that_of_the_cart() -> None:
    shopper = Shopper()
    shopper.add(goods.product(), 2)
    shopper.add(goods.product("Mug", "5"))
    assert [worth for *_, worth in changes()] == [5798, 500]


@override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "OSCAR_PRODUCT_ID": f"{__name__}.parent_id"})
def test_product_id_when_a_function_is_set_is_its_answer() -> None:
    parent = factories.create_product(structure="parent", product_class="Goods", upc=None)
    Shopper().add(goods.product("Small", parent=parent, upc="978"))
    assert [product for _, product, *_ in changes()] == [f"P{parent.pk}"]


def test_currency_when_another_than_the_default_is_kept() -> None:
    Shopper().add(goods.product(price="100", currency="USD"))
    Shopper().add(goods.product("Mug", "900", currency="JPY"))
    assert list(CartEvent.objects.order_by("pk").values_list("currency", "gmv_minor")) == [("USD", 10000), ("JPY", 900)]


def test_transaction_when_reading_a_line_fails_stays_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    shopper = Shopper()
    shopper.add(goods.product())
    line = shopper.request_basket.all_lines()[0]
    monkeypatch.setattr(carts, "Q", lambda **kwargs: Q(pk=RawSQL("no such function()", [])))
    with transaction.atomic():
        line.quantity = 3
        line.save()
        line.delete()
    assert Line.objects.count() == 0
    assert len(changes()) == 1
