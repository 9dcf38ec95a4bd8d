"""PostgreSQL's own reading finds what the ORM finds."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.db.messages import messages
from alhena_tracking.ingestion import OrderData, orm, postgresql, record
from alhena_tracking.ingestion.state import SESSION_FIELDS, Demand, LateError, Stored
from alhena_tracking.models import Company
from tests.support.event_data import data_of
from tests.support.histories import History, histories
from tests.support.runs import examples

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL is read in another way"),
]


@settings(
    max_examples=examples(100, full=2000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories(40), stored=st.integers(10, 36), known=st.integers(0, 2))
def test_both_ways_of_reading_find_the_same_when_events_follow(history: History, stored: int, known: int) -> None:
    """Of the events to come, some are stored already."""
    events = [data_of(event, uuid.UUID(int=n + 1)) for n, event in enumerate(history.events) if event.company == "acme"]
    rules = {"ATTRIBUTION_WINDOW": history.window, "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting"}
    coming = [e for e in events[max(stored - known, 0) : stored + 2] if not isinstance(e, OrderData)]
    if not coming:
        return
    with transaction.atomic(), override_settings(ALHENA_TRACKING=rules):
        company = Company.objects.get(key="acme")
        for event in events[:stored]:
            record(company, [event])
        demand = Demand(company, coming, history.window)
        found = orm.read(demand)
        with messages(is_durable=False) as transaction_:
            if found.whole_carts:
                with pytest.raises(LateError):
                    postgresql.read(transaction_, demand, locks=True)
            else:
                read = postgresql.read(transaction_, demand, locks=True)
                assert _comparable(read, demand) == _comparable(found, demand)
        transaction.set_rollback(True)


def _comparable(stored: Stored, demand: Demand) -> dict[str, Any]:
    """Return what matters: without keys of nothing."""
    return {
        "candidates": {key: found for key, found in stored.candidates.items() if found},
        "sessions": {pk: [getattr(session, name) for name in SESSION_FIELDS] for pk, session in stored.sessions.items()}
        if not demand.is_of_carts
        else {},
        "carts read": stored.carts_read,
        "known": stored.known,
        "carts": stored.carts,
        "cart orders": {
            key: sorted(orders, key=lambda order: order.id) for key, orders in stored.cart_orders.items() if orders
        },
    }
