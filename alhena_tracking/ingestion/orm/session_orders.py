"""Read the orders of visitors' sessions that bound, or equal, what they report."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from alhena_tracking.db.transactions import rows_of
from alhena_tracking.ingestion.data import OrderData, Visitor
from alhena_tracking.ingestion.state import CLAIMS_OF_SESSION_READ, Demand, Stored
from alhena_tracking.models import Order, OrderClaim, Standing, Trust

#: So many of a session's orders with the amount of an event without an order id are read.
EQUAL_ORDERS_READ = 50


def read_orders_of_sessions(stored: Stored, demand: Demand) -> None:
    """Read what bounds a session's orders: its open claims, and orders without an id that may be equal."""
    for visitor, session_id in stored.carts_read:
        if demand.visitors[visitor].has_order_ids:
            stored.open_claims[session_id] = _open_claims(session_id, demand.claims_since)
        contents = demand.visitors[visitor].contents
        if not contents:
            continue
        near = rows_of(Order).filter(
            session=session_id,
            order_id_digest=None,
            occurred_at__gte=min(range_.since for range_ in contents.values()),
            occurred_at__lte=max(range_.until for range_ in contents.values()),
        )
        equal = near.filter(contents_digest__in=contents, standing=Standing.COUNTED)
        for digest, at in equal.values_list("contents_digest", "occurred_at"):
            stored.contents.setdefault((session_id, digest), []).append(at)
        known = {order.pk: order for order in stored.orders_without_id.get(session_id, ())}
        known |= {order.pk: order for order in _equal_orders(demand, visitor, session_id, near)}
        stored.orders_without_id[session_id] = list(known.values())


def _open_claims(session_id: int, since: datetime) -> int:
    """Count the session's latest claims that the shop's server has not confirmed for it."""
    claims = rows_of(OrderClaim).filter(session=session_id, trust=Trust.REPORTED, received_at__gt=since)
    # Not by a join, which PostgreSQL may begin at the orders and read all of them.
    claimed = list(claims.order_by("-received_at").values_list("order_id", flat=True)[:CLAIMS_OF_SESSION_READ])
    confirmed = rows_of(Order).filter(pk__in=claimed, session=session_id, trust__in=Trust.by_server())
    confirmed = confirmed.filter(standing__in=[Standing.COUNTED, Standing.CANCELLED, Standing.EXCLUDED])
    return len(claimed) - (confirmed.count() if claimed else 0)


def _equal_orders(demand: Demand, visitor: Visitor, session_id: int, near: Any) -> list[Order]:
    """Return a session's orders without an id that the server's events of a visitor may confirm or repeat."""
    events = [
        event
        for event in demand.events
        if isinstance(event, OrderData)
        and event.visitor == visitor
        and event.trust == Trust.CONFIRMED
        and not event.order_id
    ]
    if not events:
        return []
    amounts = reduce(or_, [Q(currency=event.currency, value_minor=event.value_minor) for event in events])
    reported = rows_of(Order).filter(session=session_id, order_id_digest=None, trust=Trust.REPORTED)
    same = reported.filter(event_id__in=[event.event_id for event in events])
    found = [*same, *near.filter(amounts).order_by("occurred_at", "id")[:EQUAL_ORDERS_READ]]
    return list({order.pk: order for order in found}.values())
