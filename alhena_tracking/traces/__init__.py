"""Why an order or a cart event is credited as it is."""

from alhena_tracking.traces.timeline import Eligibility, Step, Subject, Timeline
from alhena_tracking.traces.trace import CartEventTrace, Change, OrderTrace, cart_event_trace, order_trace

__all__ = [
    "CartEventTrace",
    "Change",
    "Eligibility",
    "OrderTrace",
    "Step",
    "Subject",
    "Timeline",
    "cart_event_trace",
    "order_trace",
]
