"""Record events: one transaction for what one visitor sent together."""

from alhena_tracking.ingestion.data import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    Outcome,
    RefundData,
    Visitor,
)
from alhena_tracking.ingestion.recording import record

__all__ = [
    "CartEventData",
    "EventData",
    "InteractionData",
    "LineItemData",
    "OrderData",
    "Outcome",
    "RefundData",
    "Visitor",
    "record",
]
