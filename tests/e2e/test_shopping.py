"""A visitor asks, adds, buys; staff read what it brought in. Asserted on rows and on the page's figures."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.db.models import F

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import (
    CartEvent,
    EventCount,
    Interaction,
    Order,
    OrderLine,
    RejectedEvent,
    VisitorSession,
)
from tests.support.e2e.shop import (
    KETTLE,
    add,
    answered,
    ask_the_chat,
    buy_two_kettles,
    cart_event,
    choose_two_kettles,
    let_the_tracker_settle,
    messages_of,
    open_the_faq,
    place_the_order,
    requests_to_alhena,
    track,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

REVENUE_IMPACT = "/admin/alhena_tracking/revenueimpact/"


def card_texts(page: Page) -> str:
    """The report's text, as staff read it."""
    user = get_user_model().objects.create_superuser("staff", password="secret")
    page.goto(f"/admin/login/?next={REVENUE_IMPACT}")
    page.locator("#id_username").fill(user.get_username())
    page.locator("#id_password").fill("secret")
    page.locator("[type=submit]").click()
    page.wait_for_url(f"**{REVENUE_IMPACT}*")
    return page.locator("#content").inner_text()


def test_visitor_when_chat_comes_first_appears_in_the_report(page: Page) -> None:
    ask_the_chat(page)
    buy_two_kettles(page)

    event = CartEvent.objects.get()
    assert (event.type, event.channel, event.currency) == ("ITEM_ADDED", "CHAT", "EUR")
    assert (event.value_minor, event.quantity, event.gmv_minor) == (Decimal(8900), Decimal(2), 17800)
    order = Order.objects.get()
    assert (order.channel, order.currency, order.value_minor) == ("CHAT", "EUR", 17800)
    assert order.trust == "VERIFIED"  # by the shop's own code; the browser's report was the duplicate
    assert order.credited_interaction == Interaction.objects.get()
    assert list(OrderLine.objects.values_list("quantity", "total_minor")) == [(Decimal(2), 17800)]

    text = card_texts(page)
    assert text.count("178.00") >= 3  # GMV, purchase revenue, average order value
    assert "Chat" in text


def test_visitor_when_the_faq_comes_before_chat_credits_the_faq(page: Page) -> None:
    open_the_faq(page)
    ask_the_chat(page)
    buy_two_kettles(page)
    assert list(Interaction.objects.order_by("id").values_list("kind", flat=True)) == ["FAQ", "CHAT"]
    assert VisitorSession.objects.get().channel == "FAQ"
    assert CartEvent.objects.get().channel == "FAQ"
    assert Order.objects.get().channel == "FAQ"


def test_cart_when_changed_step_by_step_is_worth_what_is_left(page: Page) -> None:
    ask_the_chat(page)
    choose_two_kettles(page)
    with answered(page, "sendCartEvent"):
        add(page)
    page.goto("/cart/")
    with answered(page, "sendCartEvent"):
        page.get_by_role("button", name=re.compile("more of")).click()
    with answered(page, "sendCartEvent"):
        page.get_by_role("button", name=re.compile("less of")).click()
    with answered(page, "sendCartEvent"):
        page.get_by_role("button", name=re.compile("^Remove")).click()
    rows = CartEvent.objects.order_by("id").values_list("type", "gmv_minor")
    assert list(rows) == [
        ("ITEM_ADDED", 17800),
        ("QUANTITY_INCREASED", 8900),
        ("QUANTITY_DECREASED", -8900),
        ("ITEM_REMOVED", -17800),
    ]


def test_visitor_when_without_interaction_stores_and_sends_nothing(page: Page) -> None:
    sent = requests_to_alhena(page)
    choose_two_kettles(page)
    add(page)
    place_the_order(page)
    let_the_tracker_settle(page)
    assert sent == []
    assert not Interaction.objects.exists()
    assert not CartEvent.objects.exists()
    assert not Order.objects.exists()


def test_thank_you_page_when_reloaded_leaves_one_order(page: Page) -> None:
    ask_the_chat(page)
    buy_two_kettles(page)
    sent = requests_to_alhena(page)
    page.reload()
    let_the_tracker_settle(page)
    assert sent == []
    assert Order.objects.count() == 1


def test_thank_you_page_when_the_browser_forgot_it_is_still_one_order(page: Page) -> None:
    ask_the_chat(page)
    buy_two_kettles(page)
    page.evaluate("sessionStorage.clear(); localStorage.clear()")
    with answered(page, "sendCheckoutEvent", "duplicate"):
        page.reload()
    assert Order.objects.count() == 1


def let_25_hours_pass() -> None:
    """On the server."""
    earlier = timedelta(hours=25)
    Interaction.objects.update(occurred_at=F("occurred_at") - earlier)
    VisitorSession.objects.update(
        started_at=F("started_at") - earlier, last_interaction_at=F("last_interaction_at") - earlier
    )


def test_interaction_when_25_hours_ago_earns_nothing_on_the_server(page: Page) -> None:
    ask_the_chat(page)
    let_25_hours_pass()
    choose_two_kettles(page)
    with answered(page, "sendCartEvent", "ignored"):
        add(page)
    with answered(page, "sendCheckoutEvent", "ignored"):
        place_the_order(page)
    assert not CartEvent.objects.exists()
    assert not Order.objects.exists()


def test_interaction_when_25_hours_ago_is_forgotten_by_the_browser(page: Page) -> None:
    ask_the_chat(page)
    let_25_hours_pass()
    (cookie,) = [each for each in page.context.cookies() if each["name"] == "alhena_acme"]
    version, user, faq, seconds = cookie["value"].split(".")
    earlier = f"{version}.{user}.{faq}.{int(seconds) - 25 * 3600}"
    page.context.add_cookies([{"name": "alhena_acme", "value": earlier, "domain": cookie["domain"], "path": "/"}])
    sent = requests_to_alhena(page)
    choose_two_kettles(page)
    add(page)
    place_the_order(page)
    let_the_tracker_settle(page)
    assert sent == []
    assert not Order.objects.exists()


def test_value_when_a_string_is_logged_and_not_sent(page: Page) -> None:
    ask_the_chat(page)
    page.goto(KETTLE)
    messages = messages_of(page)
    sent = requests_to_alhena(page)
    track(page, "sendCartEvent", cart_event(value="79.99"))
    let_the_tracker_settle(page)
    (message,) = messages
    assert "sendCartEvent was not sent: value must be a number" in message
    assert "79.99 (wrong_type)" in message
    assert len(sent) == 1
    event_counts.flush()
    (refused,) = RejectedEvent.objects.all()
    assert (refused.method, refused.outcome) == ("sendCartEvent", "refused_in_browser")
    assert refused.errors == [{"field": "value", "code": "wrong_type"}]


def test_own_test_when_a_page_says_so_records_nothing(page: Page) -> None:
    page.goto(KETTLE + "?alhena_test=1")
    track(page, "sendInteraction", {"type": "CHAT"})
    page.goto(KETTLE)
    track(page, "sendCartEvent", cart_event())
    let_the_tracker_settle(page)
    event_counts.flush()
    counted = EventCount.objects.exclude(method="snippet").values_list("method", "outcome", "reason")
    assert set(counted) == {("sendInteraction", "ignored", "test"), ("sendCartEvent", "ignored", "test")}
    assert not Interaction.objects.exists()


def test_pages_when_visited_have_a_clean_console(page: Page) -> None:
    """The strict content security policy is kept by everything the shop, the tags and the tracker do."""
    messages = messages_of(page)
    open_the_faq(page)
    choose_two_kettles(page)
    add(page)
    place_the_order(page)
    card_texts(page)
    let_the_tracker_settle(page)
    assert messages == []
