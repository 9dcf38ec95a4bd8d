"""The endpoints, each with a valid body that has every field, and the paths of those fields."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, TypeAlias

from django.test import Client
from django.utils import timezone

PREFIX = "/alhena/analytics/"
PATHS = ["interactions", "cart_events", "checkout_events", "batch", "refunds"]
#: The tracker's methods by endpoint.
METHODS = {"interactions": "sendInteraction", "cart_events": "sendCartEvent", "checkout_events": "sendCheckoutEvent"}

IDENTITY = {
    "company_key": "acme",
    "user_fingerprint": "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11",
    "user_faq_fingerprint": "0d4f7a52-93e1-4f0e-8a0b-5f6f4c1f2a77",
}

#: The keys and indexes that lead to a value.
Place: TypeAlias = tuple[str | int, ...]
Answer: TypeAlias = tuple[int, dict[str, Any]]
Post: TypeAlias = Callable[[str, bytes], Answer]


def data_of(path: str, at: str | None = None) -> dict[str, Any]:
    """Return the fields of an endpoint beside those of its envelope; everything happens ``at`` a time, or now."""
    at = at or timezone.now().isoformat()
    event = {"source": "SHOPIFY", "event_id": str(uuid.uuid4()), "occurred_at": at}
    product = {"product_id": "SKU-1", "product_name": "Blue mug", "value": 12.5, "currency": "USD", "quantity": 2}
    match path:
        case "interactions":
            return {"type": "CHAT", "product_id": "SKU-1", "conversation_id": "c-1", "ai_profile": "Sales", **event}
        case "cart_events":
            return {"type": "ITEM_ADDED", **product, **event}
        case "checkout_events":
            order = {"order_id": str(uuid.uuid4()), "value": 37.5, "currency": "USD"}
            return {**order, "line_items": [product, {**product, "product_id": "SKU-2"}], **event}
    return {"order_id": "1001", "refund_id": "r-1", "value": 5, "currency": "USD", "occurred_at": at}


def event_of(path: str, at: str | None = None) -> dict[str, Any]:
    """Return an event as a batch holds it."""
    data = data_of(path, at)
    return {
        "method": METHODS[path],
        "event_id": data.pop("event_id"),
        "occurred_at": data.pop("occurred_at"),
        "data": data,
    }


def body_of(path: str, at: str | None = None) -> dict[str, Any]:
    """Return a valid body with all fields that the endpoint knows. Each has event and order ids of its own."""
    if path == "refunds":
        return {"company_key": IDENTITY["company_key"], **data_of(path, at)}
    envelope = {**IDENTITY, "sent_at": at or timezone.now().isoformat()}
    if path == "batch":
        return {**envelope, "events": [event_of(path, at) for path in METHODS]}
    return {**envelope, **data_of(path, at)}


def places(value: Any, *types: type) -> Iterator[Place]:
    """The paths of the values of these types in a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if type(item) in types:
            yield (key,)
        yield from ((key, *rest) for rest in places(item, *types))


def field_of(place: Place) -> tuple[int | None, str]:
    """A path as in errors: the index of the event in a batch, or ``None``, and the path of the field."""
    index = place[1] if place[0] == "events" and len(place) > 2 else None
    names = [name for name in place[2 if index is not None else 0 :] if name != "data"]
    path = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in names)
    return index if isinstance(index, int) else None, path.removeprefix(".")


def with_json(body: dict[str, Any], place: Place, literal: str) -> bytes:
    """The body as JSON with ``literal`` at one path, which may be JSON that Python does not write."""
    changed = container = deepcopy(body)
    for key in place[:-1]:
        container = container[key]  # type: ignore[index]
    container[place[-1]] = "@literal@"  # type: ignore[index]
    return re.sub('"@literal@"', lambda _: literal, json.dumps(changed)).encode(errors="surrogatepass")


def post_to(path: str, body: bytes, **headers: str) -> Answer:
    client = Client(raise_request_exception=False)
    response = client.post(PREFIX + path, body, content_type="application/json", headers=headers)
    return response.status_code, response.json()


def errors_of(answer: Answer, index: int | None = None) -> dict[str, str]:
    """The error codes by field, of the whole request or of one event of a batch."""
    status, body = answer
    if index is not None and status == 200:
        body = body["results"][index]
    return {error["field"]: error["code"] for error in body.get("errors", ())}
