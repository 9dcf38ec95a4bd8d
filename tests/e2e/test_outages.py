"""Four outages in the midst of purchases: each order is stored, and none twice. In a real browser, on stored rows.

A purchase is an interaction's visitor reporting a cart event and a checkout; ``.ci/run full`` makes 50 in each outage,
and lets it last as long as it says.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from alhena_tracking.models import CartEvent, Order, OrderClaim
from tests.support.e2e.shop import EVENTS, KETTLE, cart_event, order, stored_names, track, use_the_assistant, wait_until
from tests.support.runs import IS_FULL_RUN

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.browser

PURCHASES = 50 if IS_FULL_RUN else 12


def seconds(figure: float) -> float:
    return figure if IS_FULL_RUN else figure / 10


def purchase(page: Page, number: int) -> None:
    track(page, "sendCartEvent", cart_event(number))
    track(page, "sendCheckoutEvent", order(number))


def purchase_during(page: Page, length: float) -> None:
    """All purchases, spread over so many seconds."""
    end = time.monotonic() + length
    for number in range(1, PURCHASES + 1):
        purchase(page, number)
        page.wait_for_timeout(max(end - time.monotonic(), 0) * 1000 / (PURCHASES + 1 - number))


def wait_for_every_purchase(page: Page) -> None:
    """None is lost, none doubled, and nothing is left to send."""
    wait_until(page, lambda: Order.objects.count() == PURCHASES and not stored_names(page), seconds=120)
    numbers = range(1, PURCHASES + 1)
    assert sorted(Order.objects.values_list("order_id", "value_minor")) == sorted(
        (f"order-{n}", 100 * n) for n in numbers
    )
    assert Counter(CartEvent.objects.values_list("product_id", flat=True)) == Counter(f"SKU-{n}" for n in numbers)
    assert OrderClaim.objects.count() == PURCHASES  # one of each order: nobody said it a second time, otherwise


def test_orders_when_the_network_is_cut_in_mid_checkout_arrive(page: Page, context: BrowserContext) -> None:
    use_the_assistant(page)
    context.set_offline(True)
    purchase_during(page, seconds(30))
    assert not Order.objects.exists()
    context.set_offline(False)
    wait_for_every_purchase(page)


@pytest.mark.parametrize("is_cut", [False, True])
def test_orders_when_the_tab_is_closed_after_the_click_arrive(
    page: Page, context: BrowserContext, is_cut: bool
) -> None:
    """50 ms after it. What an outage kept back arrives on the next visit."""
    use_the_assistant(page)
    for number in range(1, PURCHASES + 1):
        tab = context.new_page()
        tab.goto(KETTLE)
        context.set_offline(is_cut)
        purchase(tab, number)
        tab.wait_for_timeout(50)
        tab.close()
        context.set_offline(False)
    page.close()
    visit = context.new_page()
    visit.goto("/")
    wait_for_every_purchase(visit)


def unavailable(route: Route) -> None:
    route.fulfill(status=503, json={"detail": "unavailable"})


def limited(route: Route) -> None:
    route.fulfill(status=429, headers={"Retry-After": "2"}, json={"detail": "throttled"})


def hanging(route: Route) -> None:
    """Never answered: the page gives the request up by itself."""


@pytest.mark.parametrize("answer", [unavailable, limited, hanging])
def test_orders_when_the_server_does_not_take_them_arrive_later(page: Page, answer: Callable[[Route], None]) -> None:
    use_the_assistant(page)
    page.route(EVENTS, answer)
    purchase_during(page, seconds(60))
    assert not Order.objects.exists()
    page.unroute(EVENTS)
    wait_for_every_purchase(page)
