"""A shopper's actions in the Oscar shop, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.e2e.shop import answered

if TYPE_CHECKING:
    from playwright.sync_api import Page


def ask_the_chat(page: Page) -> None:
    page.goto("/catalogue/")
    with answered(page, "sendInteraction"):
        page.locator("[data-alhena-chat] input").fill("Which kettle for tea?")
        page.locator("[data-alhena-chat] button").click()


def open_the_faq(page: Page, product: Any) -> None:
    page.goto(product.get_absolute_url())
    with answered(page, "sendInteraction"):
        page.locator("details[data-alhena-faq] summary").click()


@contextmanager
def posted(page: Page) -> Iterator[None]:
    """Wait for the answer to a form that is sent, by itself or by a script, and for the page after it."""
    with page.expect_response(lambda response: response.request.method == "POST" and "/basket/" in response.url):
        yield
    page.wait_for_load_state("networkidle")


def add_to_basket(page: Page, product: Any) -> None:
    page.goto(product.get_absolute_url())
    with posted(page):
        page.get_by_role("button", name="Add to basket").first.click()


def set_quantity(page: Page, line: int, quantity: int) -> None:
    page.goto("/basket/")
    page.locator(f"[name=form-{line}-quantity]").fill(str(quantity))
    with posted(page):
        page.get_by_role("button", name=re.compile("Update")).nth(line).click()


def use_voucher(page: Page, code: str) -> None:
    page.goto("/basket/")
    page.locator("#voucher_form_link a").click()
    page.locator("#id_code").fill(code)
    with posted(page):
        page.get_by_role("button", name="Add voucher").click()


def check_out_as_guest(page: Page) -> None:
    page.goto("/checkout/")
    page.locator("[name=username]").fill("ada@shop.example")
    page.get_by_label(re.compile("guest|new customer", re.IGNORECASE)).first.check()
    page.get_by_role("button", name="Continue").click()
    values = {"first_name": "Ada", "last_name": "King", "line1": "Street 1", "line4": "Berlin", "postcode": "10115"}
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/checkout/thank-you/")
