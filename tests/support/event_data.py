"""Events as arguments of ``record()``."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    Visitor,
)
from alhena_tracking.models import Interaction
from tests.support import oracle
from tests.support.histories import RECEIVED_AT

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
VISITOR = Visitor(UUID("7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11"), UUID("0d4f7a52-93e1-4f0e-8a0b-5f6f4c1f2a77"))
GREETING = "greeting"
CONVERSATIONS = ("c-1", "c-2", "")
RECOMMENDED = (["mug"], ["tea", "mug"], None)


def is_no_greeting(interaction: Interaction) -> bool:
    return interaction.conversation_id != GREETING


def chat(at: datetime = NOW, visitor: Visitor = VISITOR, **changes: Any) -> InteractionData:
    return InteractionData(**{"visitor": visitor, "occurred_at": at, "received_at": at, "kind": "CHAT", **changes})


def cart_event(at: datetime = NOW, visitor: Visitor = VISITOR, **changes: Any) -> CartEventData:
    values = {
        "type": "ITEM_ADDED",
        "product_id": "SKU-1",
        "product_name": "Mug",
        "currency": "EUR",
        "value_minor": 1999,
        "quantity": Decimal(2),
    }
    return CartEventData(**{"visitor": visitor, "occurred_at": at, "received_at": at, **values, **changes})


def order(at: datetime = NOW, visitor: Visitor | None = VISITOR, **changes: Any) -> OrderData:
    values = {"order_id": "1001", "currency": "EUR", "value_minor": 3998}
    return OrderData(**{"visitor": visitor, "occurred_at": at, "received_at": at, **values, **changes})


def _visitor(event: oracle.Event) -> Visitor:
    return Visitor(UUID(event.chat) if event.chat else None, UUID(event.faq) if event.faq else None)


def data_of(event: oracle.Event, event_id: UUID) -> EventData:
    """Convert an event of the oracle for recording."""
    common: dict[str, Any] = {
        "visitor": _visitor(event),
        "occurred_at": event.at,
        "received_at": RECEIVED_AT,
        "event_id": event_id,
    }
    match event:
        case oracle.Interaction():
            # Neither decides about credit.
            conversation_id = CONVERSATIONS[event.at.hour % len(CONVERSATIONS)]
            return InteractionData(
                kind=event.kind,
                ai_profile=event.ai_profile,
                conversation_id=conversation_id if event.is_qualifying else GREETING,
                recommended_product_ids=RECOMMENDED[event.at.minute % len(RECOMMENDED)],
                **common,
            )
        case oracle.CartChange():
            return CartEventData(
                type=event.type,
                product_id=event.product_id,
                product_name=event.product_id,
                currency=event.currency,
                value_minor=event.value_minor,
                quantity=event.quantity,
                previous_quantity=event.previous,
                **common,
            )
        case oracle.Purchase():
            return OrderData(
                order_id=event.order_id or "",
                currency=event.currency,
                value_minor=event.value_minor,
                line_items=tuple(
                    LineItemData(product_id=product, product_name=product, quantity=quantity, value_minor=100)
                    for product, quantity in event.lines
                ),
                **common,
            )
    raise AssertionError(event)
