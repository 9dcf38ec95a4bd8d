"""Why an order or a cart event is credited as it is."""

from alhena_tracking.traces.timeline import Eligibility, Row, Step, Subject, Timeline, timeline_of_session
from alhena_tracking.traces.trace import CartEventTrace, Change, Mention, OrderTrace, cart_event_trace, order_trace

__all__ = [
    "CartEventTrace",
    "Change",
    "Eligibility",
    "Mention",
    "OrderTrace",
    "Row",
    "Step",
    "Subject",
    "Timeline",
    "cart_event_trace",
    "order_trace",
    "timeline_of_session",
]
