"""A visitor's actions and the tracker's calls in the example shop, in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Response, Route

KETTLE = "/products/gooseneck-kettle/"  # 89.00 EUR
EVENTS = "**/alhena/analytics/batch"


def cart_event(number: int = 1, **changes: object) -> dict[str, object]:
    """Data for ``sendCartEvent``: one unit of product ``number``, at a price in euros."""
    event: dict[str, object] = {
        "type": "ITEM_ADDED",
        "productId": f"SKU-{number}",
        "productName": f"Product {number}",
        "value": number,
        "currency": "EUR",
        "quantity": 1,
    }
    return event | changes


def order(number: int = 1, **changes: object) -> dict[str, object]:
    """Data for ``sendCheckoutEvent``: order ``number``, with a value in euros."""
    return {"orderId": f"order-{number}", "value": number, "currency": "EUR"} | changes


def track(page: Page, method: str, data: object) -> None:
    page.evaluate("([method, data]) => trackAlhenaEvent(method, data)", [method, data])


def use_the_assistant(page: Page, path: str = "/") -> None:
    """Open a page of the shop and record an interaction."""
    page.goto(path)
    with answered(page, "sendInteraction"):
        track(page, "sendInteraction", {"type": "CHAT"})


@contextmanager
def answered(page: Page, method: str, status: str = "recorded") -> Iterator[None]:
    """Wait for the server's answer to the tracker's event, and check its outcome."""

    def sent(response: Response) -> list[str]:
        if not response.url.endswith("/alhena/analytics/batch"):
            return []
        return [event["method"] for event in json.loads(response.request.post_data or "")["events"]]

    with page.expect_response(lambda response: method in sent(response)) as response:
        yield
    results = response.value.json()["results"]
    assert results[sent(response.value).index(method)]["status"] == status, results


def requests_to_alhena(page: Page | BrowserContext) -> list[str]:
    """A list to which the URLs of later requests are added."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/alhena/" in request.url else None)
    return sent


def messages_of(page: Page) -> list[str]:
    """A list to which later console messages and exceptions are added."""
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages


def abort(route: Route) -> None:
    route.abort()


def let_the_tracker_settle(page: Page) -> None:
    """Wait long enough for any request that should not be sent."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)


def wait_until(page: Page, is_so: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until a condition holds; fail after that many ``seconds``."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds} seconds"
        page.wait_for_timeout(50)


def stored_names(page: Page) -> list[str]:
    """The names of the queued events in the browser's storage."""
    names: list[str] = page.evaluate("Object.keys(localStorage).filter(name => name.startsWith('alhena_acme:'))")
    return names


def ask_the_chat(page: Page) -> None:
    page.goto("/assistant/")
    with answered(page, "sendInteraction"):
        page.locator("main input[name=question]").fill("Which coffee for a French press?")
        page.locator("main input[name=question]").press("Enter")


def open_the_faq(page: Page) -> None:
    page.goto(KETTLE)
    with answered(page, "sendInteraction"):
        page.locator("details[data-alhena-faq] summary").first.click()


def choose_two_kettles(page: Page) -> None:
    page.goto(KETTLE)
    page.locator("form.buy label", has_text=re.compile(r"^\s*2")).click()


def add(page: Page) -> None:
    page.get_by_role("button", name="Add to cart").click()


def place_the_order(page: Page) -> None:
    page.goto("/checkout/")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill("ada@shop.example")
    page.get_by_role("button", name=re.compile("Place the order")).click()
    page.wait_for_url("**/thank-you/**")


def buy_two_kettles(page: Page) -> None:
    choose_two_kettles(page)
    with answered(page, "sendCartEvent"):
        add(page)
    with answered(page, "sendCheckoutEvent", "duplicate"):
        place_the_order(page)
