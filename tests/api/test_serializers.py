from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Model

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.api.ingestion.envelopes import RuleSerializer
from alhena_tracking.api.ingestion.serializers import METHODS, LineItemSerializer, RefundSerializer
from alhena_tracking.api.staff import serializers as staff
from alhena_tracking.contract import limits
from alhena_tracking.ingestion.data import CartEventData, EventData, InteractionData, OrderData, stated_fields
from alhena_tracking.models import CartEvent, Interaction, Order, OrderClaim, PendingConfirmation, Trust

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ENVELOPE = {"company_key": "acme", "user_fingerprint": str(uuid4())}
#: An order of which every line lacks all of its five fields.
WRONG_ORDER: dict[str, Any] = {"value": 1, "currency": "EUR", "line_items": [{}] * limits.LINE_ITEMS}


def test_errors_when_an_order_has_too_many_are_the_first() -> None:
    with pytest.raises(InvalidRequest) as caught:
        METHODS["sendCheckoutEvent"].parse(ENVELOPE | WRONG_ORDER, received_at=NOW, trust=Trust.REPORTED)
    assert len(caught.value.errors) == limits.ERRORS
    assert caught.value.errors[-1].field == f"line_items[{limits.ERRORS // 5 - 1}].quantity"


def test_errors_when_a_batch_has_too_many_are_one_per_further_event() -> None:
    events = [{"method": "sendCheckoutEvent", "data": WRONG_ORDER}, *[{"method": "sendCartEvent", "data": {}}] * 99]
    batch = BatchSerializer().parse_batch(ENVELOPE | {"events": events}, received_at=NOW, trust=Trust.REPORTED)
    assert batch.events == [None] * 100
    assert [len(errors) for errors in batch.errors] == [limits.ERRORS, *[1] * 99]


# A field of an event is the same one everywhere.


@pytest.mark.parametrize("serializer", [*METHODS.values(), RefundSerializer(), LineItemSerializer()])
def test_data_when_compared_with_its_serializer_has_the_same_fields(serializer: RuleSerializer) -> None:
    # Of the envelope, the request, and how the shop's own data was read.
    elsewhere = {"visitor", "received_at", "trust", "is_dated", "left_out", "has_line_totals"}
    looked_up = {"company_key"} if isinstance(serializer, RefundSerializer) else set()
    looked_up |= {"currency"} if isinstance(serializer, LineItemSerializer) else set()
    elsewhere |= {"event_id", "source"} if isinstance(serializer, RefundSerializer) else set()
    stated = {str(field.source) for field in serializer.fields.values()} - looked_up
    assert {field.name for field in fields(serializer.data_class)} - elsewhere == stated


@pytest.mark.parametrize(
    ("data", "model"),
    [
        (InteractionData, Interaction),
        (CartEventData, CartEvent),
        (OrderData, Order),
        (OrderData, OrderClaim),
        (OrderData, PendingConfirmation),
    ],
)
def test_row_when_compared_with_its_data_has_every_field(data: Any, model: type[Model]) -> None:
    columns = {field.name for field in model._meta.concrete_fields}
    assert columns.issuperset(stated_fields(data))
    apart = {"line_items", "order_id", "updated_at", "is_cancelled"} if data is OrderData else set()
    assert data.stored_apart == apart


@pytest.mark.parametrize(
    ("data", "serializer"), [(OrderData, staff.OrderSerializer), (CartEventData, staff.CartEventSerializer)]
)
def test_staff_json_when_compared_with_its_data_has_every_field(
    data: type[EventData], serializer: type[staff.EventSerializer]
) -> None:
    own = {field.name for field in fields(data)} - {field.name for field in fields(EventData)}
    assert serializer().fields.keys() >= own
