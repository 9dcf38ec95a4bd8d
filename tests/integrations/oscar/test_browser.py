"""A guest asks, fills a basket and orders in Chromium; staff read what it brought in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from oscar.core.loading import get_model
from pytest_django.live_server_helper import LiveServer

from alhena_tracking.integrations.oscar import carts, orders
from alhena_tracking.models import CartEvent, Order, Refund
from tests.support.e2e.chromium import Chromium
from tests.support.oscar import goods
from tests.support.oscar.browsing import (
    add_to_basket,
    ask_the_chat,
    check_out_as_guest,
    open_the_faq,
    set_quantity,
    use_voucher,
)
from tests.support.oscar.shopper import changes
from tests.support.runs import require

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    require("browser", find_spec("playwright") is not None, "playwright is not installed: pip install --group browser")
    require("browser", path is not None, "Chromium is not installed")
    assert path
    from playwright.sync_api import sync_playwright

    # Playwright's synchronous API runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        yield Chromium(playwright, path)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(chromium: Chromium, transactional_db: None, live_server: LiveServer) -> Iterator[Page]:
    """A page of the shop, which reaches no other host: Oscar loads a script from elsewhere, and has it itself, too."""
    Site.objects.get_or_create(pk=1, defaults={"domain": "shop.example", "name": "Shop"})
    goods.country()
    with chromium.browser(path=shutil.which("chromium-headless-shell")) as browser:
        context = browser.new_context(base_url=live_server.url, locale="en-GB", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        context.route(lambda url: not url.startswith(live_server.url), lambda route: route.abort())
        yield context.new_page()


def report(page: Page, name: str = "") -> str:
    """The report as staff read it."""
    get_user_model().objects.create_superuser("staff", "staff@shop.example", "secret")
    page.context.clear_cookies()
    page.goto("/admin/login/?next=/admin/alhena_tracking/revenueimpact/")
    page.locator("#id_username").fill("staff")
    page.locator("#id_password").fill("secret")
    page.locator("[type=submit]").click()
    page.wait_for_url("**/admin/alhena_tracking/revenueimpact/*")
    if folder := os.environ.get("ALHENA_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name or 'report'}.png", full_page=True)
    return page.locator("#content").inner_text()


def test_guest_when_chat_comes_first_is_exact_in_the_report(page: Page) -> None:
    goods.offer_three_for_two()
    goods.voucher_of_ten_percent()
    kettle, mug = goods.product(upc="9780000000001"), goods.product("Mug", "5.55")
    ask_the_chat(page)
    add_to_basket(page, kettle)
    add_to_basket(page, mug)
    for line, quantity in ((0, 4), (0, 3), (1, 2)):
        set_quantity(page, line, quantity)
    use_voucher(page, "TEN")
    check_out_as_guest(page)

    assert changes() == [
        ("ITEM_ADDED", "9780000000001", 1, 0, 2899),
        ("ITEM_ADDED", "SKU-Mug", 1, 0, 555),
        ("QUANTITY_INCREASED", "9780000000001", 4, 1, 8697),
        ("QUANTITY_DECREASED", "9780000000001", 3, 4, -2899),
        ("QUANTITY_INCREASED", "SKU-Mug", 2, 1, 555),
    ]
    placed = get_model("order", "Order").objects.get()
    order = Order.objects.get()
    assert (order.order_id, order.value_minor, order.trust) == (placed.number, 8907, "VERIFIED")
    assert placed.total_incl_tax == Decimal("89.07")

    kind = get_model("payment", "SourceType").objects.create(name="Card")
    source = placed.sources.create(source_type=kind, currency="EUR", amount_debited=placed.total_incl_tax)
    source.refund(Decimal("28.02"))
    assert Refund.objects.get().counted_minor == 2802

    text = report(page)
    assert "98.07" in text  # in carts: 3 × 28.99 + 2 × 5.55
    assert "89.07" in text  # 98.07, less a mug of 5.55, less a tenth of 34.54
    assert "28.02" in text  # refunded
    assert "61.05" in text  # net


def test_guest_when_the_faq_comes_first_is_credited_to_it(page: Page) -> None:
    kettle = goods.product()
    open_the_faq(page, kettle)
    add_to_basket(page, kettle)
    check_out_as_guest(page)
    order = Order.objects.get()
    assert (order.channel, order.credited_interaction.product_id, order.value_minor) == ("FAQ", "SKU-Kettle", 2899)


def test_guest_when_ours_raises_orders_as_ever(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise AttributeError("ours")

    for module, name in ((carts, "change_by_saving"), (orders, "order_fields")):
        monkeypatch.setattr(module, name, fail)
    ask_the_chat(page)
    add_to_basket(page, goods.product())
    check_out_as_guest(page)
    assert page.get_by_text("problem").count() == 0
    placed = get_model("order", "Order").objects.get()
    assert (placed.total_incl_tax, placed.basket.status) == (Decimal("28.99"), "Submitted")
    assert (CartEvent.objects.count(), Order.objects.count()) == (0, 0)
