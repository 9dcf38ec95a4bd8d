"""The server's side of ``tests/contract``; the tracker's is in ``tests/js``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from django.utils import timezone

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion.serializers import METHODS
from alhena_tracking.contract.amounts import rounded_half_up
from alhena_tracking.contract.limits import UNIT_VALUE_DECIMALS
from alhena_tracking.models import Trust
from tests.support.contract import load_examples, snake_case, wire

EXAMPLES = load_examples()
IDENTITY = {"company_key": "acme", "user_fingerprint": "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11"}


def _parse(example: dict[str, Any]) -> Any:
    data = wire(example["data"])
    payload = {**data, **IDENTITY} if isinstance(data, dict) else data
    return METHODS[example["method"]].parse(payload, received_at=timezone.now(), trust=Trust.REPORTED)


def test_examples_when_counted() -> None:
    names = [example["name"] for example in EXAMPLES]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e["errors"]], ids=lambda e: e["name"])
def test_invalid_example_when_parsed_names_every_error(example: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _parse(example)
    found = sorted((error.field, error.code) for error in caught.value.errors)
    assert found == sorted((snake_case(error["field"]), error["code"]) for error in example["errors"])


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e["errors"]], ids=lambda e: e["name"])
def test_valid_example_when_parsed_gives_what_is_stored(example: dict[str, Any]) -> None:
    event = _parse(example)
    stored = _wire_names(asdict(event))
    left_out = example.get("left_out", [])
    assert sorted(event.left_out) == sorted((snake_case(each["field"]), each["code"]) for each in left_out)
    for name, expected in example.get("stored", {}).items():
        assert stored[name] == expected, name


def _wire_names(data: dict[str, Any]) -> dict[str, Any]:
    """What was parsed, under the names and in the notation of the examples' ``stored``."""
    stored = dict(data)
    if "kind" in stored:
        stored["type"] = stored.pop("kind")
    for name in ("quantity", "previous_quantity"):
        if stored.get(name) is not None:
            stored[name] = f"{stored[name]:.3f}"
    if "quantity" in stored:  # a unit price
        stored["value_minor"] = float(rounded_half_up(stored["value_minor"], UNIT_VALUE_DECIMALS))
    if "line_items" in stored:
        stored["lines"] = [
            {**item, "quantity": f"{item['quantity']:.3f}", "value_minor": rounded_half_up(item["value_minor"])}
            for item in stored["line_items"] or ()
        ]
    return stored
