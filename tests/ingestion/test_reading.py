"""PostgreSQL's own reading finds what the ORM finds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, cycle, islice
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.attribution import Candidate
from alhena_tracking.db.messages import messages
from alhena_tracking.ingestion import EventData, OrderData, Outcome, orm, postgresql, record, recording
from alhena_tracking.ingestion.state import SESSION_FIELDS, Demand, Stored, UnusualError
from alhena_tracking.models import Company
from tests.support.all_rows import all_rows
from tests.support.event_data import data_of
from tests.support.histories import History, histories
from tests.support.runs import examples
from tests.support.trust_sequences import TrustSequence, sequences
from tests.support.trust_shops import event_data

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL is read in another way"),
]


def property_test(reduced: int, full: int) -> settings:
    return settings(
        max_examples=examples(reduced, full=full),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@property_test(100, full=2000)
@given(history=histories(40), stored=st.integers(10, 36), known=st.integers(0, 2))
def test_both_ways_of_reading_find_the_same_when_events_follow(history: History, stored: int, known: int) -> None:
    """Of the events to come, some are stored already."""
    events = _of_history(history)
    coming = events[max(stored - known, 0) : stored + 2]
    if not coming:
        return
    with transaction.atomic(), override_settings(ALHENA_TRACKING=_rules(history)):
        company = Company.objects.get(key="acme")
        for event in events[:stored]:
            record(company, [event])
        demand = Demand(company, coming, history.window)
        found = orm.read(demand)
        is_late = found.whole_carts.keys() != _ordering(found, demand)
        with messages(is_durable=False) as transaction_:
            if is_late or any(not state.is_unknown for state in found.orders.values()):
                with pytest.raises(UnusualError):
                    postgresql.read(transaction_, demand, locks=True)
            else:
                read = postgresql.read(transaction_, demand, locks=True)
                assert _comparable(read, demand) == _comparable(found, demand)
        transaction.set_rollback(True)


def _ordering(stored: Stored, demand: Demand) -> set[int]:
    """Return the sessions of which orders are to come."""
    return {session_id for visitor, session_id in stored.carts_read if demand.visitors[visitor].emptied_at}


def _comparable(stored: Stored, demand: Demand) -> dict[str, Any]:
    """Return what matters: without keys of nothing."""
    return {
        "candidates": {
            key: {pk: _asked(candidate, demand) for pk, candidate in found.items()}
            for key, found in stored.candidates.items()
            if found
        },
        "sessions": {pk: [getattr(session, name) for name in SESSION_FIELDS] for pk, session in stored.sessions.items()}
        if not demand.is_of_carts
        else {},
        "versions": stored.versions.keys(),
        "carts read": stored.carts_read,
        "known": stored.known,
        "carts": stored.carts,
        "whole carts": stored.whole_carts,
        "cart orders": {
            key: sorted(orders, key=lambda order: order.id) for key, orders in stored.cart_orders.items() if orders
        },
        "orders": list(stored.orders),
        "open claims": {session_id: count for session_id, count in stored.open_claims.items() if count},
        "contents": {key: sorted(set(times)) for key, times in stored.contents.items()},
    }


def _asked(candidate: Candidate, demand: Demand) -> Candidate:
    """Leave out what the events do not ask of interactions, which only the ORM reads."""
    if demand.is_of_carts:
        candidate = replace(candidate, conversation_id="")
    return candidate if demand.count(OrderData) else replace(candidate, product_id="", recommended_product_ids=None)


@pytest.mark.usefixtures("without_ceilings")
@property_test(20, full=1500)
@given(history=histories(40), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_rows_when_a_history_is_recorded_are_those_of_the_orm(history: History, sizes: list[int]) -> None:
    with override_settings(ALHENA_TRACKING=_rules(history)):
        _check_both_ways(_of_history(history), sizes)


@property_test(30, full=3000)
@given(sequence=sequences(), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_rows_when_orders_are_disputed_are_those_of_the_orm(sequence: TrustSequence, sizes: list[int]) -> None:
    """Orders are claimed, confirmed, denied, corrected, cancelled and refunded."""
    _check_both_ways([event_data(event) for event in sequence.events if event.company == "acme"], sizes)


def _check_both_ways(events: Sequence[EventData], sizes: Sequence[int]) -> None:
    with patch.object(recording, "fills_in_parameters", return_value=False):
        expected = _recorded(events, sizes)
    assert _recorded(events, sizes) == expected


def _recorded(events: Sequence[EventData], sizes: Sequence[int]) -> tuple[list[Outcome], dict[str, Any]]:
    """Record events in batches of these sizes, and return the outcomes and all rows."""
    with transaction.atomic():
        company = Company.objects.get(key="acme")
        coming = iter(events)
        outcomes: list[Outcome] = []
        for size in cycle(sizes):
            batch = list(islice(coming, size))
            if not batch:
                break
            outcomes += record(company, batch)
        rows = all_rows()
        transaction.set_rollback(True)
    # A session that only events without a row locked has another version.
    for row in chain.from_iterable(rows.values()):
        row.pop("version", None)
        row.pop("arrival", None)
    return outcomes, rows


def _of_history(history: History) -> list[EventData]:
    return [data_of(event, uuid.UUID(int=n + 1)) for n, event in enumerate(history.events) if event.company == "acme"]


def _rules(history: History) -> dict[str, Any]:
    return {
        "ATTRIBUTION_WINDOW": history.window,
        "ATTRIBUTION_MODEL": history.model,
        "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting",
    }
