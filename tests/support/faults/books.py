"""Compare the acknowledged events with the stored rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal

from alhena_tracking.models import CartEvent, Interaction, Order
from tests.support import oracle
from tests.support.faults.events import Event

_MODELS = {"sendInteraction": Interaction, "sendCartEvent": CartEvent, "sendCheckoutEvent": Order}


def check_books(events: Collection[Event]) -> None:
    """Assert that exactly these events are stored, each once and complete, and that the carts' figures match."""
    for method, model in _MODELS.items():
        stored = Counter(str(event_id) for event_id in model._default_manager.values_list("event_id", flat=True))
        sent = {event.event_id for event in events if event.method == method}
        doubles = {event_id for event_id, count in stored.items() if count > 1}
        assert (sent - set(stored), set(stored) - sent, doubles) == (set(), set(), set()), "lost, unknown, double"
    _check_orders([event for event in events if event.method == "sendCheckoutEvent"])
    visits = defaultdict(list)
    for event in events:
        visits[event.visitor].append(event)
    for visit in visits.values():
        _check_carts(sorted(visit, key=lambda event: event.occurred_at))


def _check_orders(orders: Collection[Event]) -> None:
    stored = {str(order.event_id): order for order in Order.objects.prefetch_related("lines")}
    for event in orders:
        order = stored[event.event_id]
        assert order.value_minor == round(event.data["value"] * 100)
        assert [(line.product_id, line.total_minor) for line in order.lines.all()] == [
            (item["product_id"], item["value"] * 100) for item in event.data["line_items"]
        ]


def _check_carts(visit: Collection[Event]) -> None:
    """Compare one visitor's cart with the oracle's, computed from all events of the visit."""
    outcome = oracle.replay([_retold(event) for event in visit], window=timedelta(hours=24), model="first_touch")
    rows = {str(row.event_id): row for row in CartEvent.objects.filter(event_id__in=[e.event_id for e in visit])}
    for event, result in zip(visit, outcome.results, strict=True):
        if isinstance(result, oracle.RecordedChange):
            row = rows[event.event_id]
            state = oracle.CartState(row.cart_quantity, row.claimed_units, row.claimed_minor)
            assert (row.units, row.gmv_minor, state) == (result.units, result.gmv_minor, result.after), event


def _retold(event: Event) -> oracle.Event:
    """Convert the event for the oracle."""
    who = ("acme", event.visitor, None)
    if event.method == "sendInteraction":
        return oracle.Interaction(*who, "CHAT", "", True, event.occurred_at)
    value_minor = round(event.data["value"] * 100)
    if event.method == "sendCheckoutEvent":
        lines = tuple((item["product_id"], Decimal(item["quantity"])) for item in event.data["line_items"])
        return oracle.Purchase(*who, event.data["order_id"], "EUR", value_minor, event.occurred_at, lines)
    return oracle.CartChange(
        *who,
        event.data["type"],
        event.data["product_id"],
        "EUR",
        value_minor,
        "unit",
        Decimal(event.data["quantity"]),
        event.occurred_at,
    )
