"""What real shops push into the data layer, replayed through snippet, tracker and bridge; asserted on stored rows."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from alhena_tracking.contract.amounts import in_major_units
from alhena_tracking.models import CartEvent, Order
from alhena_tracking.snippet import snippet_html
from tests.support.contract import decode
from tests.support.e2e.shop import answered, ask_the_chat, buy_two_kettles, stored_names, use_the_assistant, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

CASES = [decode(case) for case in json.loads(Path(__file__).with_name("ga4_cases.json").read_text())]
GTAG = "function gtag() { dataLayer.push(arguments) }"


@pytest.fixture
def configure(settings: Any) -> Any:
    def configure(**configured: Any) -> None:
        settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "READ_DATALAYER": True} | configured

    return configure


def take(page: Page, step: dict[str, Any]) -> Page:
    """Do what a case's step says, and return the page that is open then."""
    match step:
        case {"push": message}:
            page.evaluate("message => { dataLayer.push(message) }", message)
        case {"gtag": command}:
            page.evaluate(f"command => {{ {GTAG}; gtag(...command) }}", command)
        case {"js": script}:
            page.evaluate(f"() => {{ {script} }}")
        case {"track": [method, data]}:
            page.evaluate("([method, data]) => trackAlhenaEvent(method, data)", [method, data])
        case {"wait": milliseconds}:
            page.wait_for_timeout(milliseconds)
        case {"open": where, **rest}:
            if where == "tab":
                page = page.context.new_page()
            if "before" in rest:
                page.add_init_script(rest["before"])
            page.goto("/")
    return page


def settle(page: Page) -> None:
    """Wait until all that was reported is answered."""
    page.wait_for_function("typeof _alhenaTracker === 'object' && 'dataLayer' in window")
    page.wait_for_timeout(50)
    wait_until(page, lambda: not stored_names(page))


def gmv() -> dict[str, str]:
    sums: dict[str, int] = defaultdict(int)
    for currency, worth in CartEvent.objects.values_list("currency", "gmv_minor"):
        sums[currency] += worth
    return {currency: str(in_major_units(worth, currency)) for currency, worth in sums.items()}


def orders() -> dict[str | None, str]:
    rows = Order.objects.values_list("order_id", "value_minor", "currency")
    return {order_id: f"{in_major_units(value, currency)} {currency}" for order_id, value, currency in rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_data_layer_when_a_shop_fills_it_is_read(configure: Any, page: Page, case: dict[str, Any]) -> None:
    configure(**case.get("settings", {}))
    if "REQUIRE_CONSENT" in case.get("settings", {}):
        page.goto("/")
    else:
        use_the_assistant(page)
    for step in case["steps"]:
        page = take(page, step)
    settle(page)
    if "orders" in case:
        assert orders() == case["orders"]
    if "gmv" in case:
        assert gmv() == case["gmv"]
    if "sum" in case:
        rows = Order.objects.values_list("value_minor", "currency")
        assert len(rows) == case["count"]
        (currency,) = {currency for _, currency in rows}
        assert f"{in_major_units(sum(value for value, _ in rows), currency)} {currency}" == case["sum"]


# ----------------------------------------------------------------------------------- One order, reported in three ways

# As its script writes it: the order's total, with prices without tax.
WOOCOMMERCE = """
  window.dataLayer = window.dataLayer || [];
  function gtag() { dataLayer.push(arguments); }
  gtag("js", new Date());
  gtag("set", "developer_id.dOGY3NW", true);
  gtag("config", "G-SHOP", {"allow_google_signals": true, "logged_in": "no", "linker": {"domains": []}});
  document.addEventListener("DOMContentLoaded", () => gtag("event", "purchase", {
    "transaction_id": 4107, "affiliation": "Morgenrot", "currency": "EUR", "value": 178, "tax": 28.42, "shipping": 0,
    "items": [{"item_id": KETTLE, "item_name": "Gooseneck Kettle", "item_category": "Brewing", "quantity": 2,
      "price": 74.79}],
  }));
"""
# As it writes it: the order's total, with prices that contain the tax, before any script has loaded.
GTM4WP = """
  var gtm4wp_datalayer_name = "dataLayer";
  var dataLayer = dataLayer || [];
  var dataLayer_content = {
    "visitorLoginState": "logged-out", "pagePostType": "page", "pagePostType2": "single-page", "new_customer": true,
    "event": "purchase",
    "ecommerce": {
      "currency": "EUR", "transaction_id": "4107", "affiliation": "", "value": 178, "tax": 28.42, "shipping": 0,
      "coupon": "",
      "items": [{
        "internal_id": 17, "item_id": KETTLE, "item_name": "Gooseneck Kettle", "sku": KETTLE, "price": 89,
        "stocklevel": 8, "stockstatus": "instock", "google_business_vertical": "retail", "item_category": "Brewing",
        "id": KETTLE, "quantity": 2,
      }],
    },
  };
  dataLayer.push(dataLayer_content);
  (function (w, l) { w[l] = w[l] || []; w[l].push({"gtm.start": Date.now(), event: "gtm.js"}); })(window, "dataLayer");
"""


def sold() -> tuple[object, ...]:
    """What the only order says of money and goods."""
    order = Order.objects.get()
    lines = order.lines.values_list("product_id", "product_name", "quantity")
    return order.value_minor, order.currency, list(lines)


@pytest.mark.parametrize("plugin", [WOOCOMMERCE, GTM4WP], ids=["WooCommerce", "GTM4WP"])
def test_order_when_a_plugin_pushes_it_is_that_of_our_templates(
    configure: Any, context: BrowserContext, plugin: str
) -> None:
    configure(READ_DATALAYER=False)
    page = context.new_page()
    ask_the_chat(page)
    buy_two_kettles(page)
    ours = sold()
    (kettle,) = Order.objects.get().lines.values_list("product_id", flat=True)
    Order.objects.all().delete()

    configure()
    html = (
        f"<!doctype html><head><script>{plugin.replace('KETTLE', json.dumps(kettle))}</script>{snippet_html()}</head>"
    )
    context.route("**/thank-you/", lambda route: route.fulfill(body=html, content_type="text/html"))
    with answered(page, "sendCheckoutEvent"):
        page.goto("/thank-you/")
    assert sold() == ours
