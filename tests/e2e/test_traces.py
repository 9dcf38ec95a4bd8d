"""Staff open an order on why it is credited, exclude it, see the figures change, and take that back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model

from alhena_tracking.models import CartEvent, Order
from tests.support.e2e.shop import ask_the_chat, buy_two_kettles, let_the_tracker_settle, messages_of, open_the_faq

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

REVENUE_IMPACT = "/admin/alhena_tracking/revenueimpact/"


def log_in(page: Page, url: str) -> None:
    user = get_user_model().objects.create_superuser("staff", password="secret")
    page.goto(f"/admin/login/?next={url}")
    page.locator("#id_username").fill(user.get_username())
    page.locator("#id_password").fill("secret")
    page.locator("[type=submit]").click()
    page.wait_for_url(f"**{url}*")


def report_text(page: Page) -> str:
    page.goto(f"{REVENUE_IMPACT}?currency=EUR")
    return page.locator("#content").inner_text()


def test_order_when_excluded_leaves_the_report_and_comes_back(page: Page) -> None:
    open_the_faq(page)
    ask_the_chat(page)
    buy_two_kettles(page)
    order = Order.objects.get()
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # the admin has none
    messages = messages_of(page)
    url = f"/admin/alhena_tracking/order/{order.pk}/change/"
    log_in(page, url)

    lead = page.locator(".alhena-trace-lead").inner_text()
    assert lead.startswith("Credited to the Product FAQ on ")
    assert lead.endswith("the first qualifying interaction within the attribution window of 24 hours (first touch).")
    entries = page.locator(".alhena-entry")
    assert entries.count() == 4  # FAQ, chat, cart event, order
    assert "Credited" in entries.nth(0).inner_text()
    assert "178.00" in entries.nth(2).inner_text()
    assert page.get_by_text("Order id:").is_hidden()
    page.get_by_text("All fields").click()
    assert page.get_by_text("Order id:").is_visible()

    before = report_text(page)
    page.goto(url)
    page.get_by_text("Exclude this order").click()
    page.get_by_role("button", name="Exclude from all figures").click()
    page.get_by_text("Enter a reason for the exclusion.").wait_for()
    page.get_by_label("Reason").fill("test order")
    page.get_by_role("button", name="Exclude from all figures").click()
    page.wait_for_url(f"**{url}")
    page.get_by_text("Reason: test order").wait_for()
    assert not Order.objects.counted().exists()
    assert report_text(page).count("178.00") < before.count("178.00")

    page.goto(url)
    page.get_by_role("button", name="Include in figures again").click()
    page.wait_for_url(f"**{url}")
    page.get_by_text("Exclude this order").wait_for()
    assert Order.objects.counted().get() == order
    assert report_text(page) == before
    let_the_tracker_settle(page)
    assert messages == []


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_pages_when_narrow_need_no_scrolling_sideways(page: Page, width: int, color_scheme: str) -> None:
    ask_the_chat(page)
    buy_two_kettles(page)
    CartEvent.objects.update(product_name="Wasserkocherdeckelhalterung" * 15)
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=color_scheme)  # type: ignore[arg-type]
    order = f"/admin/alhena_tracking/order/{Order.objects.get().pk}/"
    log_in(page, f"{order}change/")
    for url in (
        f"{order}change/",
        f"{order}exclude/",
        f"/admin/alhena_tracking/cartevent/{CartEvent.objects.get().pk}/change/",
    ):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url
