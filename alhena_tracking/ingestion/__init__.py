"""Recording what happened: one function, one transaction and one outcome for each event."""

from alhena_tracking.ingestion.carts import record_cart_event
from alhena_tracking.ingestion.data import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    Outcome,
    Visitor,
)
from alhena_tracking.ingestion.interactions import record_interaction
from alhena_tracking.ingestion.orders import record_order

__all__ = [
    "CartEventData",
    "EventData",
    "InteractionData",
    "LineItemData",
    "OrderData",
    "Outcome",
    "Visitor",
    "record_cart_event",
    "record_interaction",
    "record_order",
]
