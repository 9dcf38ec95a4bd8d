"""What the tracker leaves behind, and where: in a real browser against the example shop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from alhena_tracking.api.ingestion.views import BatchView
from alhena_tracking.models import CartEvent, Company, Interaction, Order
from tests.support.e2e.shop import (
    KETTLE,
    add,
    answered,
    cart_event,
    choose_two_kettles,
    let_the_tracker_settle,
    messages_of,
    order,
    place_the_order,
    requests_to_alhena,
    track,
    wait_until,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.support.e2e.chromium import Chromium

pytestmark = pytest.mark.browser


def everything_stored(page: Page) -> set[str]:
    """The names of all that this origin has stored, but for the shop's own cookies."""
    names: list[str] = page.evaluate("[localStorage, sessionStorage].flatMap(storage => Object.keys(storage))")
    cookies = {cookie["name"] for cookie in page.context.cookies()}
    return {*names, *cookies} - {"csrftoken", "sessionid"}


def assert_nothing_is_stored(page: Page) -> None:
    assert everything_stored(page) == set()
    assert page.evaluate("indexedDB.databases()") == []
    assert page.evaluate("caches.keys()") == []
    assert not Interaction.objects.exists()
    assert not CartEvent.objects.exists()
    assert not Order.objects.exists()


def test_visitor_when_only_browsing_requests_just_the_tracker(page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "alhena" in request.url else None)
    for path in ("/", KETTLE, "/cart/"):
        page.goto(path)
        page.locator("main").click(position={"x": 1, "y": 1})
        page.locator("h1").first.click()
        let_the_tracker_settle(page)
    assert [url.rpartition("/static/")[2] for url in requested] == ["alhena_tracking/tracker.js"] * 3
    assert_nothing_is_stored(page)


def test_visitor_when_buying_without_the_assistant_sends_nothing(page: Page) -> None:
    sent = requests_to_alhena(page)
    choose_two_kettles(page)
    add(page)
    place_the_order(page)
    let_the_tracker_settle(page)
    assert sent == []
    assert_nothing_is_stored(page)


def with_calls(html: str) -> str:
    """The page with a script of its own that calls more often than the snippet holds, and says what it has held."""
    nonce = re.search(r'nonce="([^"]+)"', html)
    assert nonce
    calls = f"for (let n = 1; n <= 120; n++) trackAlhenaEvent('sendCartEvent', {json.dumps(cart_event())});"
    script = f'<script nonce="{nonce[1]}">{calls} window.held = _alhenaEventQueue.length</script>'
    return html.replace("</body>", f"{script}</body>")


def test_queue_when_the_assistant_was_not_used_is_not_sent_or_stored(page: Page) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=with_calls(response.text()))

    page.route(f"**{KETTLE}", answer)
    sent = requests_to_alhena(page)
    for _ in range(2):
        page.goto(KETTLE)
        let_the_tracker_settle(page)
        assert page.evaluate("[held, _alhenaEventQueue.length]") == [100, 0]
        track(page, "sendCartEvent", cart_event())
        track(page, "sendCheckoutEvent", order())
        let_the_tracker_settle(page)
    assert sent == []
    assert_nothing_is_stored(page)


# ----------------------------------------------------------------------------------------------- Another origin


@pytest.fixture
def other_shop(settings: Any, chromium: Chromium, shop: str) -> Iterator[Page]:
    """A page of another host, one of the company's origins, whose tags name the endpoints of this one."""
    settings.ALLOWED_HOSTS = ["other.example", "localhost"]
    origin = re.sub("//.*:", "//other.example:", shop)
    Company.objects.filter(key="acme").update(allowed_origins=origin)
    with chromium.browser("--host-resolver-rules=MAP other.example 127.0.0.1") as browser:
        # The shop's policy is for one origin.
        page = browser.new_page(base_url=origin, bypass_csp=True)
        page.add_init_script(
            "document.addEventListener('readystatechange', () => {"
            f"  document.querySelector('script[data-endpoint]').dataset.endpoint = '{shop}/alhena/' }}, {{once: true}})"
        )
        yield page


def test_23_events_when_for_another_origin_need_no_preflight(other_shop: Page, shop: str, monkeypatch: Any) -> None:
    page = other_shop
    methods = methods_of_requests(monkeypatch)
    page.goto("/")
    messages = messages_of(page)
    sent = requests_to_alhena(page)
    with answered(page, "sendInteraction"):
        track(page, "sendInteraction", {"type": "CHAT"})
    with answered(page, "sendCartEvent"):
        track(page, "sendCartEvent", cart_event())
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    assert set(sent) == {f"{shop}/alhena/analytics/batch"}
    assert methods == ["POST"] * len(sent)
    assert (CartEvent.objects.get().product_id, Order.objects.get().order_id) == ("SKU-1", "order-1")
    assert messages == []


def test_23_events_for_another_origin_arrive_when_the_page_is_left(
    other_shop: Page, shop: str, monkeypatch: Any
) -> None:
    page = other_shop
    methods = methods_of_requests(monkeypatch)
    page.goto("/")
    with answered(page, "sendInteraction"):
        track(page, "sendInteraction", {"type": "CHAT"})
    page.evaluate("event => { trackAlhenaEvent('sendCartEvent', event); location.href = 'about:blank' }", cart_event())
    wait_until(page, CartEvent.objects.exists)
    assert set(methods) == {"POST"}


def methods_of_requests(monkeypatch: Any) -> list[str]:
    """Of those that reach the endpoint for batches from now on; a browser does not report a preflight to Playwright."""
    methods: list[str] = []
    dispatch = BatchView.dispatch

    def noted(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        methods.append(request.method)
        return dispatch(self, request, *args, **kwargs)

    monkeypatch.setattr(BatchView, "dispatch", noted)
    return methods
