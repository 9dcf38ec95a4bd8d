"""One bad event among good ones, whatever is wrong with it and wherever it stands (F13)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection

from alhena_tracking.api.ingestion import serializers
from alhena_tracking.contract.limits import BATCH_EVENTS
from alhena_tracking.ingestion import EventData
from alhena_tracking.models import CartEvent, Company, Interaction, Order
from tests.support.contract import load_examples, snake_case, wire
from tests.support.endpoints import IDENTITY, METHODS, errors_of, event_of, post_to
from tests.support.runs import examples, some

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_ceilings")]

#: Of everything, of carts alone (which need no lock), and of orders alone.
MIXES = [list(METHODS), ["cart_events"], ["checkout_events"]]
TABLES = {"sendInteraction": Interaction, "sendCartEvent": CartEvent, "sendCheckoutEvent": Order}


@pytest.fixture(autouse=True)
def interacted(company: Company, settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
    assert post_to("interactions", json.dumps({**IDENTITY, "type": "CHAT"}).encode())[0] == 201


def check_reported(bad: Any, errors: dict[str, str], random: Random, mixes: list[list[str]] = MIXES) -> None:
    """Among any number of good events, at any place, the bad one is reported and the others stored."""
    size = random.choice([1, 2, 3, 10, 30, BATCH_EVENTS])
    index = random.choice([0, size - 1, random.randrange(size)])
    mix = random.choice(mixes)
    events: list[Any] = [event_of(mix[number % len(mix)]) for number in range(size)]
    events[index] = bad
    answer = post_to("batch", json.dumps({**IDENTITY, "events": events}).encode())
    assert answer[0] == 200, answer
    statuses = [result["status"] for result in answer[1]["results"]]
    assert statuses == ["invalid" if number == index else "recorded" for number in range(size)]
    assert errors_of(answer, index) == errors
    sent = {event.get("event_id") for event in events if isinstance(event, dict)}
    good = [event for event in events if event is not bad]
    for method, model in TABLES.items():
        stored = {str(event_id) for event_id in model._default_manager.values_list("event_id", flat=True)}
        assert stored & sent == {event["event_id"] for event in good if event["method"] == method}
    assert all(order.lines.count() == 2 for order in Order.objects.all())


# What validation finds

_EXAMPLES = [example for example in load_examples() if example["errors"] and isinstance(example["data"], dict)]


@pytest.mark.any_database
@pytest.mark.parametrize("example", some(_EXAMPLES, 30), ids=lambda example: example["name"])
def test_event_when_it_breaks_a_rule_is_reported_by_index(example: dict[str, Any]) -> None:
    random = Random(example["name"])
    errors = {snake_case(error["field"]): error["code"] for error in example["errors"]}
    for _ in range(examples(1, full=20)):
        bad = {"method": example["method"], "data": wire(example["data"]), "event_id": str(uuid.uuid4())}
        check_reported(bad, errors, random)


_CHAT = {"method": "sendInteraction", "data": {"type": "CHAT"}}


@pytest.mark.parametrize(
    ("bad", "errors"),
    [
        (None, {"": "wrong_type"}),
        (7, {"": "wrong_type"}),
        ("sendInteraction", {"": "wrong_type"}),
        ([_CHAT], {"": "wrong_type"}),
        ({}, {"method": "required"}),
        ({**_CHAT, "method": 7}, {"method": "wrong_type"}),
        ({**_CHAT, "method": "sendRefund"}, {"method": "invalid_choice"}),
        ({**_CHAT, "method": "__class__"}, {"method": "invalid_choice"}),
        ({"method": "sendInteraction"}, {"data": "required"}),
        ({**_CHAT, "data": []}, {"data": "wrong_type"}),
        ({**_CHAT, "event_id": "x"}, {"event_id": "invalid_uuid"}),
        ({**_CHAT, "occurred_at": "2020-01-01T00:00:00Z"}, {"occurred_at": "too_old"}),
    ],
    ids=repr,
)
def test_event_when_it_is_no_event_is_reported_by_index(bad: Any, errors: dict[str, str]) -> None:
    random = Random(repr(bad))
    for _ in range(examples(1, full=20)):
        check_reported(bad, errors, random)


# What validation misses, and the database finds


@dataclass(frozen=True)
class Fault:
    """How an event is spoilt after it was found to be valid; ``lengths`` are checked by all but SQLite."""

    path: str
    spoil: Callable[[Any], EventData]
    needs_lengths: bool = False


def _spoilt_line(order: Any) -> EventData:
    spoilt: EventData = replace(order, line_items=(*order.line_items, replace(order.line_items[0], value_minor=-1)))
    return spoilt


FAULTS = {
    "an interaction of no kind": Fault("interactions", lambda event: replace(event, kind="SMS")),
    "a long product id": Fault("interactions", lambda event: replace(event, product_id="x" * 300), needs_lengths=True),
    "a negative price": Fault("cart_events", lambda event: replace(event, value_minor=-1)),
    "a price beyond the column": Fault("cart_events", lambda event: replace(event, value_minor=10**18)),
    "a negative quantity": Fault("cart_events", lambda event: replace(event, quantity=Decimal(-1))),
    "a long source": Fault("cart_events", lambda event: replace(event, source="x" * 300), needs_lengths=True),
    "a negative total": Fault("checkout_events", lambda event: replace(event, value_minor=-1)),
    "a negative total without an id": Fault(
        "checkout_events", lambda event: replace(event, value_minor=-1, order_id="")
    ),
    "a long order id": Fault("checkout_events", lambda event: replace(event, order_id="x" * 300), needs_lengths=True),
    "a negative line": Fault("checkout_events", _spoilt_line),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", FAULTS)
def test_event_when_the_database_rejects_it_is_reported_by_index(
    name: str, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    if fault.needs_lengths and connection.vendor == "sqlite":
        pytest.skip("SQLite checks no lengths")
    serializer = type(serializers.METHODS[METHODS[fault.path]])
    build = serializer.build

    def build_spoilt(self: Any, values: Any, **further: Any) -> EventData:
        event: EventData = build(self, values, **further)
        return fault.spoil(event) if values["source"] == "spoilt" else event

    monkeypatch.setattr(serializer, "build", build_spoilt)
    random = Random(name)
    for _ in range(examples(1, full=50)):
        bad = event_of(fault.path)
        bad["data"]["source"] = "spoilt"
        check_reported(bad, {"": "not_storable"}, random, [*MIXES, [fault.path]])
