"""The examples that tracker and server share, and the decoding of their notation."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: The examples of events.
_FILES = ("cart_events", "checkout_events", "interactions")
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def load_examples() -> list[dict[str, Any]]:
    """All examples, decoded: ``$number``, ``$repeat`` and ``$times`` stand for values that JSON cannot express."""
    return [decode(example) for name in _FILES for example in load(name)]


def load(name: str, parse_float: Callable[[str], Any] = float) -> Any:
    """One of the files of examples, as it is."""
    return json.loads((Path(__file__).parents[1] / "contract" / f"{name}.json").read_text(), parse_float=parse_float)


def decode(value: Any) -> Any:
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$number" in value:
        return _NUMBERS[value["$number"]]
    if "$repeat" in value:
        text, times = value["$repeat"]
        return text * times
    if "$times" in value:
        item, times = value["$times"]
        return [decode(item)] * times
    return {key: decode(item) for key, item in value.items()}


def snake_case(name: str) -> str:
    """Convert ``lineItems[1].productId`` to the server's ``line_items[1].product_id``."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def wire(value: Any) -> Any:
    """The event's data with the server's names."""
    if isinstance(value, list):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {snake_case(key): wire(item) for key, item in value.items()}
    return value
