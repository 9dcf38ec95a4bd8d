"""Recommended products, however an interaction is reported."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from alhena_tracking import events
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import Visitor
from alhena_tracking.models import Company, EventCount, Interaction, Order
from tests.support.api_calls import IDENTITY, ORDER, USER, post

pytestmark = pytest.mark.django_db

CHAT = {**IDENTITY, "type": "CHAT"}


def stored() -> Any:
    return Interaction.objects.get().recommended_product_ids


@pytest.mark.parametrize(
    ("sent", "expected", "code"),
    [
        (["SKU-1", "sku-1 ", "SKU-1"], ["SKU-1", "sku-1"], None),
        ([], None, None),
        (None, None, None),
        ("SKU-1", None, "wrong_type"),
        (["SKU-1", 1], None, "wrong_type"),
        (["x"] * 21, None, "too_many"),
    ],
)
@pytest.mark.parametrize("is_batch", [False, True])
def test_products_when_invalid_are_left_out_and_counted(
    company: Company, sent: Any, expected: Any, code: str | None, is_batch: bool
) -> None:
    if is_batch:
        data = {"type": "CHAT", "recommended_product_ids": sent}
        status, answer = post("batch", {**IDENTITY, "events": [{"method": "sendInteraction", "data": data}]})
        assert (status, answer["results"][0]["status"]) == (200, "recorded")
    else:
        assert post("interactions", {**CHAT, "recommended_product_ids": sent})[0] == 201
    assert stored() == expected
    event_counts.flush()
    counted = EventCount.objects.filter(method="sendInteraction", outcome="left_out")
    assert list(counted.values_list("reason", "count")) == ([(code, 1)] if code else [])


def test_products_when_python_reports_them_are_read_as_shops_have_them(company: Company) -> None:
    visitor = Visitor(UUID(USER), None)
    products = (each for each in (7, UUID(USER), "SKU-1"))
    assert events.record_interaction(visitor, type="CHAT", recommended_product_ids=products).status == "recorded"
    assert stored() == ["7", USER, "SKU-1"]


def test_order_when_its_product_was_recommended_is_direct_in_json(
    company: Company, client: Client, log_in: Any
) -> None:
    post("interactions", {**CHAT, "recommended_product_ids": ["SKU-1"]})
    line = {"product_name": "Mug", "quantity": 1, "currency": "USD"}
    lines = [{**line, "product_id": "SKU-1", "value": 29.98}, {**line, "product_id": "SKU-2", "value": 10}]
    assert post("checkout_events", {**ORDER, "line_items": lines})[0] == 201
    log_in(is_superuser=True)
    [order] = client.get("/alhena/api/orders").json()["results"]
    assert (order["value_minor"], order["direct_minor"], order["assisted_minor"]) == (3998, 2998, 1000)
    assert [each["is_direct"] for each in order["line_items"]] == [True, False]
    assert order["credited_interaction"]["recommended_product_ids"] == ["SKU-1"]
    assert Order.objects.get().credited_at == Interaction.objects.get().occurred_at
