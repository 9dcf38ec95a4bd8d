"""Numbers that are no amounts and texts that not every database can store, in every field that there is (F17, F18)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import CartEvent, Company, Interaction, Order, OrderClaim, OrderLine, Refund, SecretKey
from tests.support.endpoints import PATHS, Place, body_of, errors_of, field_of, places, post_to, with_json
from tests.support.runs import some

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_ceilings")]

EVENTS = [Interaction, CartEvent, Order, OrderClaim]


@pytest.fixture(autouse=True)
def headers(company: Company, settings: Any) -> Iterator[dict[str, str]]:
    """As the shop's server, who may send anything, for a visitor who used the assistant.

    Whatever is sent can be counted, too.
    """
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
    headers = {"Authorization": f"Bearer {SecretKey(company=company, name='server').issue()}"}
    assert post_to("interactions", json.dumps(body_of("interactions")).encode(), **headers)[0] == 201
    order = {**body_of("checkout_events"), "order_id": "1001"}
    assert post_to("checkout_events", json.dumps(order).encode(), **headers)[0] == 201
    yield headers
    event_counts.flush()


def counts() -> list[int]:
    return [model._default_manager.count() for model in (*EVENTS, OrderLine, Refund)]


def check_named(path: str, place: Place, literal: str, headers: dict[str, str]) -> None:
    """The literal is rejected where it stands, and nothing else is; of a batch, all other events are stored."""
    body = body_of(path)
    index, field = field_of(place)
    before = counts() if index is None else []
    answer = post_to(path, with_json(body, place, literal), **headers)
    assert list(errors_of(answer, index)) == [field], (place, literal, answer)
    if index is None:
        assert answer[0] == 400
        assert counts() == before
        return
    statuses = [result["status"] for result in answer[1]["results"]]
    assert statuses == ["invalid" if number == index else "recorded" for number in range(len(body["events"]))]
    stored = {event_id for model in EVENTS for event_id in model._default_manager.values_list("event_id", flat=True)}
    is_stored = [uuid.UUID(event["event_id"]) in stored for event in body["events"]]
    assert is_stored == [status == "recorded" for status in statuses]


def places_of(*types: type) -> list[Any]:
    return [
        pytest.param(path, place, id=f"{path}: {'.'.join(map(str, place))}")
        for path in PATHS
        for place in places(body_of(path, "2026-03-02T12:00:00Z"), *types)
    ]


# Numbers (F17)

NO_AMOUNTS = [
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e400", str(10**30), "9" * 400, "1e30", "-1", "-0.0051", "-1e-2"),
    *('"1_000"', '"١٢٣"', '"12.5"', '"NaN"', '""', "true", "false", "null", "[]", "[1]", "{}"),
]


@pytest.mark.parametrize(("path", "place"), places_of(int, float))
def test_number_when_it_is_no_amount_is_named(path: str, place: Place, headers: dict[str, str]) -> None:
    for literal in some(NO_AMOUNTS, 5, (path, place)):
        check_named(path, place, literal, headers)


def test_number_fields_when_listed_are_complete() -> None:
    """So that a field which is added is among those that are tested."""
    found = {(path, field_of(place)) for path in PATHS for place in places(body_of(path), int, float)}
    lines = [f"line_items[{number}].{name}" for number in range(2) for name in ("value", "quantity")]
    assert found == {
        *(("cart_events", (None, name)) for name in ("value", "quantity")),
        *(("checkout_events", (None, name)) for name in ("value", *lines)),
        *(("batch", (1, name)) for name in ("value", "quantity")),
        *(("batch", (2, name)) for name in ("value", *lines)),
        ("refunds", (None, "value")),
    }


# Texts (F18)

NOT_STORABLE = ["\0", "\ud800", "\udfff", "\udc00\ud800"]
BIDI = ["\u202e", "\u202a\u202c", "\u2066x\u2069", "\u200f", "\u061c", "\ufeff\u202dx"]
#: Fields that hold whatever a shop likes.
FREE_TEXT = {"product_id", "product_name", "conversation_id", "ai_profile", "source", "order_id", "refund_id"}


@pytest.mark.parametrize(("path", "place"), places_of(str))
def test_text_when_no_database_can_store_it_is_named(path: str, place: Place, headers: dict[str, str]) -> None:
    good = _value_at(body_of(path), place)
    texts = [
        text for odd in NOT_STORABLE for text in (odd, f"{odd}{good}", f"{good}{odd}", f"{good[:2]}{odd}{good[2:]}")
    ]
    for text in some(texts, 2, (path, place)):
        check_named(path, place, json.dumps(text), headers)
    # Unescaped, a lone surrogate is no UTF-8; a control character is no JSON.
    for raw in ("\ud800", "\0"):
        answer = post_to(path, with_json(body_of(path), place, f'"{good}{raw}"'), **headers)
        assert (answer[0], errors_of(answer)) == (400, {"": "parse_error"})


@pytest.mark.parametrize(("path", "place"), places_of(str))
def test_text_when_it_has_bidi_controls_is_stored_as_it_is_or_named(
    path: str, place: Place, headers: dict[str, str]
) -> None:
    index, field = field_of(place)
    name = field.rpartition(".")[2]
    for number, odd in some(enumerate(BIDI), 1, (path, place)):
        text = f"{number}{odd}x"
        answer = post_to(path, with_json(body_of(path), place, json.dumps(text)), **headers)
        if name == "company_key":
            assert (answer[0], errors_of(answer)) == (403, {"company_key": "unknown_company"})
        elif name not in FREE_TEXT:
            assert list(errors_of(answer, index)) == [field]
        elif (path, name) == ("refunds", "order_id"):
            assert answer == (200, {"status": "ignored", "reason": "unknown_order"})
            assert Refund.objects.filter(order_id=text).exists()
        else:
            result = answer[1] if index is None else answer[1]["results"][index]
            assert result["status"] in {"recorded", "duplicate"}, answer
            assert _is_stored(name, text), answer


def _value_at(body: Any, place: Place) -> Any:
    for key in place:
        body = body[key]
    return body


def _is_stored(name: str, text: str) -> bool:
    return any(
        text in model._default_manager.values_list(name, flat=True)
        for model in (*EVENTS, OrderLine, Refund)
        if any(field.name == name for field in model._meta.fields)
    )
