"""Why an order or a cart event is credited as it is."""

from alhena_tracking.traces.timeline import (
    CartStep,
    Credit,
    InteractionStep,
    OrderStep,
    RefundStep,
    Standing,
    Step,
    Timeline,
)
from alhena_tracking.traces.trace import CartEventTrace, Claim, OrderTrace, cart_event_trace, order_trace

__all__ = [
    "CartEventTrace",
    "CartStep",
    "Claim",
    "Credit",
    "InteractionStep",
    "OrderStep",
    "OrderTrace",
    "RefundStep",
    "Standing",
    "Step",
    "Timeline",
    "cart_event_trace",
    "order_trace",
]
