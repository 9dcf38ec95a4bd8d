"""Payloads of shapes that Shopify does not document: whatever is in them, nothing but "unreadable" comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alhena_tracking.diagnosis.outcomes import ORDER, REFUND
from alhena_tracking.events.errors import InvalidEvent
from alhena_tracking.events.reading import read_event
from alhena_tracking.integrations.mapping import MappedOrder, MappingOptions
from alhena_tracking.integrations.shopify.platform import Shopify
from alhena_tracking.models import Company
from tests.support.runs import examples

PAYLOADS = Path(__file__).parents[1] / "payloads" / "shopify"
EXPECTED: dict[str, dict[str, Any]] = json.loads((PAYLOADS / "expected.json").read_text())
FILES = {file: json.loads((PAYLOADS / file).read_text()) for file in EXPECTED}
#: What a mapping function may raise.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**400, float("inf"), float("nan")),
    *(
        "",
        "x",
        "-1",
        "NaN",
        "Infinity",
        "1e999999",
        "1e-999999",
        "9" * 5000,
        "\0",
        "\ud800",
        "2026-02-30",
        "2026-11-20",
    ),
    *([], {}, [None], [[]], {"presentment_money": None, "shop_money": None}, [{"name": "__alhena"}]),
]


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = {file: list(places(payload)) for file, payload in FILES.items()}


@st.composite
def odd_payloads(draw: st.DrawFn) -> tuple[str, Any]:
    """A topic, and a payload in which up to three values are missing or something else."""
    file = draw(st.sampled_from(sorted(FILES)))
    payload = json.loads((PAYLOADS / file).read_text())
    for path in draw(st.lists(st.sampled_from(PLACES[file]), min_size=1, max_size=3)):
        node = payload
        try:
            for key in path[:-1]:
                node = node[key]
            if draw(st.booleans()):
                node[path[-1]] = draw(st.sampled_from(ODD))
            else:
                del node[path[-1]]
        except UNREADABLE:
            continue  # an earlier change removed the place
    return EXPECTED[file]["topic"], payload


@given(odd_payloads(), st.sampled_from(["placed", "paid"]))
@settings(max_examples=examples(300, full=10_000))
def test_payload_when_its_values_are_odd_is_read_or_unreadable(odd: tuple[str, Any], orders_count_once: Any) -> None:
    topic, payload = odd
    try:
        mapped = Shopify.topics[topic](payload, MappingOptions(orders_count_once=orders_count_once))
    except UNREADABLE:
        return
    company = Company(key="acme", name="Acme")
    for event in mapped.events:
        method = ORDER if isinstance(event, MappedOrder) else REFUND
        with suppress(InvalidEvent):
            read_event(method, None, company, event.fields)


@pytest.mark.parametrize("topic", Shopify.topics)
@pytest.mark.parametrize("payload", [{}, {"id": 1}, {"order_id": 1}, {"id": 1, "order_id": 1, "transactions": [{}]}])
def test_payload_when_nearly_empty_is_read_or_unreadable(topic: str, payload: dict[str, Any]) -> None:
    try:
        mapped = Shopify.topics[topic](payload, MappingOptions())
    except UNREADABLE:
        return
    assert mapped.events == ()
