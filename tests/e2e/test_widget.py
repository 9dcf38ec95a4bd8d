"""The tracker beside the Alhena widget's test double, in a real browser, whichever of the two is there first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from alhena_tracking.models import CartEvent, Interaction, Order
from tests.support.e2e.shop import KETTLE, answered, cart_event, messages_of, order, track, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

DOUBLE = (Path(__file__).parents[1] / "js" / "widget-double.js").read_text()
USER = "11111111-aaaa-4bbb-8ccc-222222222222"
FAQ = "33333333-dddd-4eee-9fff-444444444444"


def widget(**config: object) -> str:
    """The script that brings the widget."""
    known = {"company": "acme", "userFingerprint": USER, "faqFingerprint": FAQ}
    return f"document.gleenConfig = {json.dumps(known | config)};\n{DOUBLE}"


def bring(page: Page, when: str, **config: object) -> None:
    """Open a page of the shop to which the widget comes before the tracker, after it, both, or never."""
    if when in ("before", "twice"):
        page.add_init_script(widget(**config))
    page.goto(KETTLE)
    if when in ("after", "twice"):
        page.evaluate(widget(**config))
    page.wait_for_function("() => !window.gleenWidget?.emit || gleenWidget.getFingerprint()")


def emit(page: Page, name: str) -> None:
    page.evaluate("name => gleenWidget.emit(name, {message: 'private'})", name)


def calls(page: Page) -> list[Any]:
    return list(page.evaluate("gleenWidget.calls"))


@pytest.mark.parametrize("takes_over", [False, True])
@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_widget_when_it_comes_receives_every_call_once_and_so_do_we(page: Page, when: str, takes_over: bool) -> None:
    messages = messages_of(page)
    bring(page, when, takesOver=takes_over)
    with answered(page, "sendInteraction"):
        emit(page, "ticket:message_submitted")
    with answered(page, "sendCartEvent"):
        track(page, "sendCartEvent", cart_event())
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    assert calls(page) == [["sendCartEvent", cart_event()], ["sendCheckoutEvent", order()]]
    assert CartEvent.objects.get().product_id == "SKU-1"
    assert Order.objects.get().order_id == "order-1"
    assert Interaction.objects.get().kind == "CHAT"
    (cookie,) = [each["value"] for each in page.context.cookies() if each["name"] == "alhena_acme"]
    assert cookie.startswith(f"1.{USER}.{FAQ}.")
    assert messages == []


def test_widget_when_it_comes_after_the_first_calls_receives_them_once(page: Page) -> None:
    page.goto(KETTLE)
    with answered(page, "sendInteraction"):
        track(page, "sendInteraction", {"type": "CHAT"})
    with answered(page, "sendCartEvent"):
        track(page, "sendCartEvent", cart_event())
    page.evaluate(widget(takesOver=True))
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    assert calls(page) == [["sendCartEvent", cart_event()], ["sendCheckoutEvent", order()]]
    assert (CartEvent.objects.count(), Order.objects.count()) == (1, 1)


def test_widget_when_it_never_comes_leaves_its_legacy_methods_to_us(page: Page) -> None:
    bring(page, "never")
    with answered(page, "sendInteraction"):
        track(page, "sendInteraction", {"type": "CHAT"})
    with answered(page, "sendCartEvent"):
        page.evaluate("event => gleenWidget.sendCartEvent(event)", cart_event())
    with answered(page, "sendCheckoutEvent"):
        page.evaluate("order => gleenWidget.sendCheckoutEvent(order)", order())
    assert (CartEvent.objects.count(), Order.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        ("asked", ["CHAT", "FAQ", "FAQ"]),  # asked in the chat and to the FAQ, and a question clicked
        ("answered", ["CHAT", "FAQ"]),
    ],
)
def test_questions_when_counted_are_those_of_the_setting(
    page: Page, settings: Any, counted: str, expected: list[str]
) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "COUNTED_QUESTIONS": counted}
    bring(page, "after")
    for name in (
        "ticket:message_submitted",
        "ticket:bot_response_finished",
        "faqs:question_clicked",
        "faqs:message_submitted",
        "faqs:bot_response_finished",
    ):
        emit(page, name)
    wait_until(page, lambda: Interaction.objects.count() >= len(expected))
    page.wait_for_timeout(500)
    assert sorted(Interaction.objects.values_list("kind", flat=True)) == expected
