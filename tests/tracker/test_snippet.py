"""The template tags and the HTML they render."""

from __future__ import annotations

import json
import re
import uuid
from decimal import Decimal
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template

from alhena_tracking.snippet import checkout_event_html, snippet_html

HOSTILE = """</script><script>alert('"&\N{LINE SEPARATOR}')</script>"""


class FreshNonce:
    """As Django's: falsy until it is read."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "r4nd0m"


def render(source: str, **context: Any) -> str:
    return Template("{% load alhena_tracking %}" + source).render(Context(context))


def event_data(html: str) -> Any:
    match = re.fullmatch(
        r'<template data-alhena-event="sendCheckoutEvent" data-alhena-data="([^"<>]*)"></template>', html
    )
    assert match, html
    return json.loads(unescape(match[1]))


def test_snippet_when_rendered_has_inline_code_and_deferred_tracker() -> None:
    inline, tracker = _parts(render("{% alhena_snippet %}"))
    assert "window._alhenaEventQueue" in inline
    assert len(inline.encode()) <= 400
    assert tracker == (
        '<script defer src="/static/alhena_tracking/tracker.js" data-company-key="acme" data-endpoint="/alhena/" '
        'data-window="86400" data-debug-src="/static/alhena_tracking/debug.js"></script>'
    )


def _parts(html: str) -> tuple[str, str]:
    inline, _, tracker = html.rpartition("\n")
    return inline, tracker


def test_snippet_when_settings_say_more_configures_the_tracker(settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "COOKIE_DOMAIN": "shop.example",
        "REQUIRE_CONSENT": True,
        "RESPECT_DNT": True,
        "DEBUG": True,
    }
    html = snippet_html()
    assert 'data-cookie-domain="shop.example" data-consent="required" data-dnt="respect"' in html
    assert 'data-debug="true"' in html


def test_snippet_when_ga4_events_are_read_configures_their_amounts(settings: Any) -> None:
    assert "datalayer" not in snippet_html()
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "READ_DATALAYER": True, "COUNTED_QUESTIONS": "answered"}
    attributes = (
        'data-interactions="answered" data-datalayer="ga4" data-datalayer-src="/static/alhena_tracking/datalayer.js"'
    )
    html = snippet_html()
    assert attributes in html
    assert "-value=" not in html
    settings.ALHENA_TRACKING |= {"DATALAYER_VALUE": "as-is", "CART_EVENT_VALUE": "total", "LINE_ITEM_VALUE": "unit"}
    attributes = 'data-datalayer-value="as-is" data-cart-event-value="total" data-line-item-value="unit"'
    assert attributes in snippet_html()


@pytest.mark.parametrize(
    "context",
    [{"csp_nonce": FreshNonce()}, {"csp_nonce": "r4nd0m"}, {"request": SimpleNamespace(csp_nonce=FreshNonce())}],
)
def test_snippet_when_there_is_a_nonce_puts_it_on_both_scripts(context: dict[str, Any]) -> None:
    assert render("{% alhena_snippet %}", **context).count('nonce="r4nd0m"') == 2


def test_snippet_when_there_is_no_nonce_has_no_such_attribute() -> None:
    assert "nonce" not in render("{% alhena_snippet %}", request=SimpleNamespace())


def test_snippet_when_the_template_names_a_company_uses_it() -> None:
    assert 'data-company-key="other"' in render('{% alhena_snippet company_key="other" %}')


def test_snippet_when_no_company_is_named_raises_what_to_do(settings: Any) -> None:
    settings.ALHENA_TRACKING = {}
    with pytest.raises(ValueError, match="COMPANY_KEY"):
        snippet_html()


class Lines:
    """Stands for a related manager, which templates call and Python asks for ``all()``."""

    def __call__(self) -> None:
        raise TypeError("a manager takes arguments")

    def all(self) -> list[dict[str, Any]]:
        return [line(Decimal("2.000"))]


def line(quantity: Any) -> dict[str, Any]:
    return {"product_id": 7, "product_name": "Mug", "quantity": quantity, "value": Decimal("39.98"), "currency": "EUR"}


LINE = {"productId": "7", "productName": "Mug", "quantity": 2, "value": 39.98, "currency": "EUR"}
ORDER_ID = uuid.UUID(int=9)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"value": Decimal("1.50"), "currency": "EUR"}, {"value": 1.5, "currency": "EUR"}),
        ({"orderId": "A-1", "value": 3, "currency": "EUR"}, {"orderId": "A-1", "value": 3, "currency": "EUR"}),
        (SimpleNamespace(order_id=1001, value=0, currency="EUR"), {"orderId": "1001", "value": 0, "currency": "EUR"}),
        (
            {"order_id": ORDER_ID, "value": 1, "currency": "EUR"},
            {"orderId": str(ORDER_ID), "value": 1, "currency": "EUR"},
        ),
        ({"value": "1.50"}, {"value": "1.50"}),
        ({"value": 1, "lineItems": [line(2)]}, {"value": 1, "lineItems": [LINE]}),
        (SimpleNamespace(value=1, line_items=Lines()), {"value": 1, "lineItems": [LINE]}),
        (SimpleNamespace(value=lambda: Decimal(5), line_items=lambda: [line(2)]), {"value": 5, "lineItems": [LINE]}),
        ({"value": 1, "line_items": []}, {"value": 1, "lineItems": []}),
    ],
)
def test_checkout_event_when_given_an_order_has_the_browsers_names(order: object, expected: object) -> None:
    assert event_data(checkout_event_html(order)) == expected


def test_checkout_event_when_a_name_is_hostile_is_inert() -> None:
    item = {**line(1), "product_name": HOSTILE}
    html = render("{% alhena_checkout_event order %}", order={"value": 1, "line_items": [item]})
    assert html.count("<") == 2
    assert event_data(html)["lineItems"][0]["productName"] == HOSTILE
