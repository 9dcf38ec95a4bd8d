"""Events of storefronts and shops, created once and sent until they are answered."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone

COMPANY_KEY = "acme"

_ENDPOINTS = {
    "sendInteraction": "interactions",
    "sendCartEvent": "cart_events",
    "sendCheckoutEvent": "checkout_events",
}


def _now() -> datetime:
    return timezone.now()


@dataclass(frozen=True, slots=True)
class Message:
    """One request, without ``sent_at``, which differs between attempts."""

    endpoint: str
    fields: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {"company_key": COMPANY_KEY, **self.fields, "sent_at": _now().isoformat()}


@dataclass(frozen=True, slots=True)
class Event:
    """One call of the tracker; ``visitor`` is the chat widget's id."""

    method: str
    visitor: str
    data: Mapping[str, Any]
    occurred_at: datetime = field(default_factory=_now)
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def message(self) -> Message:
        """The event alone."""
        return Message(
            _ENDPOINTS[self.method],
            {
                "user_fingerprint": self.visitor,
                "event_id": self.event_id,
                "occurred_at": self.occurred_at.isoformat(),
                **self.data,
            },
        )


def batch(events: Sequence[Event]) -> Message:
    """Events of one visitor together."""
    return Message(
        "batch",
        {
            "user_fingerprint": events[0].visitor,
            "events": [
                {
                    "method": event.method,
                    "data": dict(event.data),
                    "event_id": event.event_id,
                    "occurred_at": event.occurred_at.isoformat(),
                }
                for event in events
            ],
        },
    )


def new_visitor() -> str:
    return str(uuid.uuid4())


def interaction(visitor: str, **fields: Any) -> Event:
    return Event("sendInteraction", visitor, {"type": "CHAT"}, **fields)


def cart_event(visitor: str, *, product_id: str = "sku-1", quantity: float = 1, **fields: Any) -> Event:
    data = {
        "type": "ITEM_ADDED" if quantity else "ITEM_REMOVED",
        "product_id": product_id,
        "product_name": "Mug",
        "value": 19.99,
        "currency": "EUR",
        "quantity": quantity,
    }
    return Event("sendCartEvent", visitor, data, **fields)


def order(visitor: str, *, value: float = 100, lines: int = 2, order_id: str | None = None, **fields: Any) -> Event:
    data = {"value": value, "currency": "EUR", "order_id": order_id, "line_items": line_items(lines)}
    return Event("sendCheckoutEvent", visitor, data, **fields)


def line_items(count: int) -> list[dict[str, Any]]:
    return [
        {"product_id": f"sku-{n}", "product_name": "Mug", "quantity": 1, "value": 10 + n, "currency": "EUR"}
        for n in range(count)
    ]


def visit(random: Random, *, length: int = 25) -> Iterator[Event]:
    """A visitor's interaction and later events, each a moment after the previous one."""
    visitor = new_visitor()
    at = _now() - timedelta(seconds=30)
    yield interaction(visitor, occurred_at=at)
    for number in range(1, length):
        at += timedelta(milliseconds=1)
        if random.random() < 0.2:
            order_id = str(uuid.uuid4()) if random.random() < 0.7 else None
            # Orders differ, since equal orders without an id are duplicates.
            yield order(visitor, value=number, lines=random.randrange(4), order_id=order_id, occurred_at=at)
        else:
            product_id = random.choice(["sku-1", "sku-2"])
            yield cart_event(visitor, product_id=product_id, quantity=random.randrange(5), occurred_at=at)
