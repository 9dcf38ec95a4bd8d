"""The recorded shapes of WooCommerce's webhooks, and the figures that they should give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

from alhena_tracking.integrations.mapping import Mapped, MappingOptions
from alhena_tracking.integrations.woocommerce.platform import WooCommerce

FOLDER = Path(__file__).parents[1] / "integrations" / "payloads" / "woocommerce"
EXPECTED: Mapping[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text())
_SENT = json.loads((FOLDER / "headers.json").read_text())
SECRET: str = _SENT["secret"]
#: The visitor of the orders: chat and FAQ fingerprint.
VISITOR = ("3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4", "a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0")
HEADERS: Mapping[str, dict[str, str]] = _SENT["files"]


def body_of(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """A payload with other fields; ``meta`` are entries of ``meta_data``, ``None`` removes one."""
    order: dict[str, Any] = deepcopy(json.loads(body_of(name)))
    meta = {each["key"]: each["value"] for each in order.get("meta_data", [])} | changes.pop("meta", {})
    if "meta_data" in order:
        order["meta_data"] = [{"id": 1, "key": key, "value": value} for key, value in meta.items() if value is not None]
    return order | changes


def mapped(
    order: Mapping[str, Any], topic: str = "order.updated", once: Literal["placed", "paid"] = "placed"
) -> Mapped:
    return WooCommerce.topics[topic](order, MappingOptions(orders_count_once=once))
