"""A visitor of a Shopify storefront asks, fills the cart and buys; a webhook reports the order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from alhena_tracking.integrations.shopify.platform import Shopify
from alhena_tracking.models import CartEvent, Company, Order, ShopConnection, Trust
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support.e2e.shop import answered, messages_of
from tests.support.e2e.shopify import Storefront, served
from tests.support.shopify import DOMAIN, WebhookCall
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAYLOADS = Path(__file__).parents[1] / "integrations" / "payloads"
ORDER_ID = 6412001638407


@pytest.fixture
def storefront(shop: str) -> Storefront:
    return Storefront(list(Shopify.steps), shop)


@pytest.fixture
def origin(storefront: Storefront) -> Iterator[str]:
    """The storefront's origin, which the company allows, as it does that of sandboxed frames."""
    with served(storefront) as origin:
        company = Company.objects.get(key="acme")
        company.allowed_origins = f"{origin}\nnull"
        company.full_clean()
        company.save()
        ShopConnection.objects.create(company=company, platform="shopify", shop=DOMAIN, secret=SECRET)
        yield origin


def order_of_three_mugs(note_attributes: list[dict[str, str]]) -> WebhookCall:
    """Cash on delivery: 3 × 12.50, and 4.90 for shipping."""
    order: dict[str, Any] = json.loads((PAYLOADS / "shopify" / "orders_create_pending_cod.json").read_text())
    mugs = order["line_items"][1] | {"quantity": 3, "current_quantity": 3, "discount_allocations": []}
    total = {side: {"amount": "42.40", "currency_code": "EUR"} for side in ("shop_money", "presentment_money")}
    now = timezone.now()
    order |= {
        "line_items": [mugs],
        "total_price_set": total,
        "current_total_price_set": total,
        "note_attributes": note_attributes,
        **{name: now.isoformat() for name in ("created_at", "processed_at", "updated_at")},
    }
    return WebhookCall(topic="orders/create", id="d-1", triggered_at=now, body=json.dumps(order).encode())


def fill_the_cart(page: Page, origin: str) -> None:
    """Ask, add a mug, and raise it to three."""
    page.goto(origin)
    with page.expect_response("**/cart/update.js?alhena"), answered(page, "sendInteraction"):
        page.locator("#chat").click()
    with answered(page, "sendCartEvent"):
        page.locator("#add").click()
    with answered(page, "sendCartEvent"):
        page.locator("#more").click()


def test_visitor_when_chat_comes_first_appears_to_the_cent(page: Page, origin: str, storefront: Storefront) -> None:
    messages = messages_of(page)
    fill_the_cart(page, origin)
    call = order_of_three_mugs(storefront.check_out())
    assert [call.send() for _ in range(2)] == [
        (200, {"results": [{"status": "confirmed"}]}),
        (200, {"results": [{"status": "duplicate"}]}),
    ]
    with page.expect_response("**/cart/update.js?alhena"):  # of the next cart
        page.goto(origin)
    events = CartEvent.objects.order_by("id")
    assert [(each.type, each.product_id, int(each.quantity), each.gmv_minor, each.source) for each in events] == [
        ("ITEM_ADDED", "9700000000022", 1, 1250, "SHOPIFY"),
        ("QUANTITY_INCREASED", "9700000000022", 3, 2500, "SHOPIFY"),
    ]
    company = Company.objects.get(key="acme")
    today = timezone.now().astimezone(company.zone).date()
    query = ReportQuery(company=company, period=Period(today - timedelta(days=1), today), currency="EUR")
    figures = revenue_impact(query).current
    assert (figures.add_to_cart_minor, figures.purchase_minor, figures.orders) == (3750, 4240, 1)
    order = Order.objects.get()
    assert (order.order_id, order.trust, order.channel) == (str(ORDER_ID), Trust.CONFIRMED, "CHAT")
    assert messages == []


def test_product_when_its_faq_is_opened_is_that_of_the_line(page: Page, origin: str, storefront: Storefront) -> None:
    page.goto(origin)
    with page.expect_response("**/cart/update.js?alhena"), answered(page, "sendInteraction"):
        page.locator("#faq").click()
    order_of_three_mugs(storefront.check_out()).send()
    order = Order.objects.get()
    assert (order.channel, order.credited_interaction.product_id) == ("FAQ", order.lines.get().product_id)


def test_cart_when_a_form_fills_it_is_seen_on_the_next_page(page: Page, origin: str) -> None:
    fill_the_cart(page, origin)
    with answered(page, "sendCartEvent"):
        page.locator("#form").click()
    event = CartEvent.objects.latest("id")
    assert (event.type, event.product_id, event.gmv_minor) == ("ITEM_ADDED", "9700000000011", 4900)


def test_order_when_it_skips_the_cart_is_named_by_the_pixel(page: Page, origin: str, storefront: Storefront) -> None:
    fill_the_cart(page, origin)
    cookie = next(each["value"] for each in page.context.cookies() if each["name"] == "alhena_acme")
    checkout = json.loads((PAYLOADS / "pixel" / "checkout_completed_order_id.json").read_text())
    checkout["timestamp"] = timezone.now().isoformat()
    checkout["data"]["checkout"] |= {
        "order": {"id": f"gid://shopify/OrderIdentity/{ORDER_ID}"},
        "currencyCode": "EUR",
        "totalPrice": {"amount": 42.4, "currencyCode": "EUR"},
    }
    # What Shopify gives a custom pixel: a frame without an origin, the events, and the page's cookies.
    sandbox = f"""<script>
      const browser = {{ cookie: {{ get: async () => {json.dumps(cookie)} }} }};
      const analytics = {{ subscribe: (name, handler) => handler({json.dumps(checkout)}) }};
      {storefront.code("analytics.subscribe")}
    </script>""".replace('"', "&quot;")
    storefront.rest = f'<iframe sandbox="allow-scripts allow-forms" srcdoc="{sandbox}"></iframe>'
    with page.expect_response("**/analytics/checkout_events") as response:
        page.goto(origin)
    assert (response.value.status, response.value.request.all_headers()["origin"]) == (201, "null")
    assert order_of_three_mugs([]).send() == (200, {"results": [{"status": "confirmed"}]})
    order = Order.objects.get()
    assert (order.trust, order.value_minor, order.has_conflict) == (Trust.CONFIRMED, 4240, False)
