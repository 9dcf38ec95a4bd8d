"""Record events from the shop's own process. They are confirmed, as the shop's server reports them.

``visitor`` is the current request (its cookie names the visitor, and its privacy signals are honoured), a ``Visitor``
with fingerprints, or for an order ``None``: then a browser's report of the same order id names the visitor. A request
without the tracker's cookie names nobody, either. ``company`` is a company key; the default is that of the settings.
The other arguments are the fields of the HTTP contract, under the same rules, with the types that a shop's code has
(``contract.normaliser`` lists them).

In the caller's open transaction (``atomic()``, ``ATOMIC_REQUESTS``) an event is validated at once, which may raise, and
recorded after the commit: the outcome is ``deferred``, and an error is logged and counted. A long transaction would
otherwise hold up other visitors. Call the functions after the ``atomic()`` block, or in ``transaction.on_commit``,
where the outcome is needed. The blocks in which a ``TestCase`` wraps its tests do not count.

The functions that end in ``_on_commit`` never raise, because tracking must never break a checkout. They evaluate
nothing before the commit, and take a function that returns the fields. Those that begin with ``a`` are for asynchronous
code.

``record_orders``, ``record_cart_events`` and ``record_refunds`` take any number of events, such as those of an import,
and record 500 in a transaction.
"""

from alhena_tracking.events.after_commit import (
    record_cart_event_on_commit,
    record_interaction_on_commit,
    record_order_on_commit,
    refund_order_on_commit,
)
from alhena_tracking.events.asynchronous import (
    arecord_cart_event,
    arecord_cart_event_on_commit,
    arecord_cart_events,
    arecord_interaction,
    arecord_interaction_on_commit,
    arecord_order,
    arecord_order_on_commit,
    arecord_orders,
    arecord_refunds,
    arefund_order,
    arefund_order_on_commit,
)
from alhena_tracking.events.errors import EventError, InvalidEvent, UnknownCompany
from alhena_tracking.events.recording import (
    record_cart_event,
    record_cart_events,
    record_interaction,
    record_order,
    record_orders,
    record_refunds,
    refund_order,
)
from alhena_tracking.ingestion import Outcome, Visitor

__all__ = [
    "EventError",
    "InvalidEvent",
    "Outcome",
    "UnknownCompany",
    "Visitor",
    "arecord_cart_event",
    "arecord_cart_event_on_commit",
    "arecord_cart_events",
    "arecord_interaction",
    "arecord_interaction_on_commit",
    "arecord_order",
    "arecord_order_on_commit",
    "arecord_orders",
    "arecord_refunds",
    "arefund_order",
    "arefund_order_on_commit",
    "record_cart_event",
    "record_cart_event_on_commit",
    "record_cart_events",
    "record_interaction",
    "record_interaction_on_commit",
    "record_order",
    "record_order_on_commit",
    "record_orders",
    "record_refunds",
    "refund_order",
    "refund_order_on_commit",
]
