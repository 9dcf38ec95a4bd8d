"""The tag that reports an order from the thank-you page."""

from __future__ import annotations

import json
import re
import uuid
from decimal import Decimal
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError
from django.template import Context, Template

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import Company, EventCount

HOSTILE = """</script><script>alert('"&\N{LINE SEPARATOR}')</script>"""


def render(source: str, **context: Any) -> str:
    return Template("{% load alhena_tracking %}" + source).render(Context(context))


def event_data(html: str) -> Any:
    match = re.fullmatch(
        r'<template data-alhena-event="sendCheckoutEvent" data-alhena-data="([^"<>]*)"></template>', html
    )
    assert match, html
    return json.loads(unescape(match[1]))


class Lines:
    """Stands for a related manager, which templates never call."""

    do_not_call_in_templates = True

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
        ({}, {}),
        ({"value": Decimal("1.50"), "currency": "EUR"}, {"value": 1.5, "currency": "EUR"}),
        ({"orderId": "A-1", "value": 3, "currency": "EUR"}, {"orderId": "A-1", "value": 3, "currency": "EUR"}),
        (SimpleNamespace(order_id=1001, value=0, currency="EUR"), {"orderId": "1001", "value": 0, "currency": "EUR"}),
        (
            {"order_id": ORDER_ID, "value": 1, "currency": "EUR"},
            {"orderId": str(ORDER_ID), "value": 1, "currency": "EUR"},
        ),
        ({"value": "1.50"}, {"value": 1.5}),
        ({"value": "free"}, {"value": "free"}),
        ({"value": True}, {"value": "True"}),
        ({"value": float("inf")}, {"value": "Infinity"}),
        ({"value": 0.1 + 0.2, "currency": "EUR"}, {"value": 0.1 + 0.2, "currency": "EUR"}),
        ({"value": 1, "lineItems": [line(2)]}, {"value": 1, "currency": "EUR", "lineItems": [LINE]}),
        (SimpleNamespace(value=1, line_items=Lines()), {"value": 1, "currency": "EUR", "lineItems": [LINE]}),
        (
            SimpleNamespace(value=lambda: Decimal(5), currency="EUR", line_items=lambda: [line(2)]),
            {"value": 5, "currency": "EUR", "lineItems": [LINE]},
        ),
        ({"value": 1, "line_items": []}, {"value": 1, "lineItems": []}),
        ({"line_items": [line(2), line(2)]}, {"value": 79.96, "currency": "EUR", "lineItems": [LINE, LINE]}),
        ({"value": 1, "line_items": [line(0), line(2)]}, {"value": 1, "currency": "EUR", "lineItems": [LINE]}),
        (
            {"total": "9,50", "currency": "EUR", "tax": "1,50", "shipping": "free", "discount": None},
            {"value": 9.5, "currency": "EUR", "tax": 1.5},
        ),
    ],
)
def test_order_when_rendered_has_the_browsers_names(order: object, expected: object) -> None:
    assert event_data(render("{% alhena_checkout_event order %}", order=order)) == expected


@pytest.mark.parametrize(
    "form", ["order_id=o.number value=o.total currency=o.code line_items=o.lines.all", "o currency=o.code"]
)
def test_order_when_its_fields_are_named_is_the_same(form: str) -> None:
    order = SimpleNamespace(number=1001, total=Decimal("39.98"), code="EUR", lines=Lines())
    expected = {"orderId": "1001", "value": 39.98, "currency": "EUR", "lineItems": [LINE]}
    assert event_data(render("{% alhena_checkout_event " + form + " %}", o=order)) == expected


def test_order_when_a_name_is_hostile_is_inert() -> None:
    item = {**line(1), "product_name": HOSTILE}
    html = render("{% alhena_checkout_event order %}", order={"value": 1, "line_items": [item]})
    assert html.count("<") == 2
    assert event_data(html)["lineItems"][0]["productName"] == HOSTILE


class Failing:
    @property
    def total(self) -> Decimal:
        raise DatabaseError("secret")


def counted(company: Company) -> set[tuple[str, str, str]]:
    event_counts.flush()
    return set(EventCount.objects.filter(company=company).values_list("method", "outcome", "reason"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"value": 1, "currency": "EUR"}, {("order_tag", "rendered", "")}),
        ({"total": 1}, {("order_tag", "incomplete", "currency")}),
        ({"currency": "EUR"}, {("order_tag", "incomplete", "value")}),
        ("", {("order_tag", "incomplete", "value"), ("order_tag", "incomplete", "currency")}),
        (None, {("order_tag", "incomplete", "value"), ("order_tag", "incomplete", "currency")}),
        (Failing(), {("order_tag", "failed", "")}),
        (
            {"value": 1, "currency": "EUR", "lines": [line(0), line(-1), line(0)]},
            {
                ("order_tag", "rendered", ""),
                ("sendCheckoutEvent", "left_out", "not_positive"),
                ("sendCheckoutEvent", "left_out", "negative"),
            },
        ),
    ],
)
def test_order_when_rendered_is_counted(company: Company, order: object, expected: set[tuple[str, str, str]]) -> None:
    for _ in range(3):
        render("{% alhena_checkout_event order %}", order=order)
    assert counted(company) == expected
    assert set(EventCount.objects.values_list("count", flat=True)) == {1}


def test_order_when_its_code_fails_renders_nothing_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    assert render("a{% alhena_checkout_event order %}b", order=Failing()) == "ab"
    assert "The tag of an order failed" in caplog.text


@pytest.mark.django_db
def test_order_when_the_template_names_a_company_is_counted_for_it(company: Company, settings: Any) -> None:
    settings.ALHENA_TRACKING = {}
    render("{% alhena_checkout_event value=1 currency='EUR' %}")
    assert counted(company) == set()
    render("{% alhena_checkout_event value=1 currency='EUR' company_key='acme' %}")
    assert counted(company) == {("order_tag", "rendered", "")}
