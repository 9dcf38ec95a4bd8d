"""Planning alone, without a database: histories against the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from itertools import count, groupby
from uuid import UUID

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.attribution import Candidate
from alhena_tracking.ingestion import EventData, OrderData, Outcome
from alhena_tracking.ingestion.carts import product_of
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.plan import Plan
from alhena_tracking.ingestion.planning import make_plan
from alhena_tracking.ingestion.state import Demand, ProductInCart, Stored, StoredCartEvent, StoredOrder, VisitorDemand
from alhena_tracking.models import CartEvent, Company, Interaction, Order, VisitorSession
from tests.support import oracle
from tests.support.event_data import data_of
from tests.support.histories import History, histories
from tests.support.runs import examples

_CART_FIELDS = tuple(StoredCartEvent.__dataclass_fields__)
_ORDER_FIELDS = tuple(StoredOrder.__dataclass_fields__)
_RESERVED = (VisitorSession, Interaction, Order)


@dataclass
class _Memory:
    """A company's rows, kept in lists."""

    company: Company
    sessions: dict[int, VisitorSession] = field(default_factory=dict)
    interactions: list[Interaction] = field(default_factory=list)
    cart_events: dict[UUID, CartEvent] = field(default_factory=dict)
    orders: dict[UUID, Order] = field(default_factory=dict)
    states: dict[str, OrderState] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))
    turn: int = 0

    def record(self, events: list[EventData], history: History) -> list[Outcome]:
        demand = Demand(self.company, events, history.window)
        plan = make_plan(demand, self._read(demand))
        self._write(plan)
        return plan.outcomes

    def _read(self, demand: Demand) -> Stored:
        stored = Stored(sessions={pk: copy(session) for pk, session in self.sessions.items()})
        stored.reserved_ids = {model: [next(self.ids) for _ in demand.events] for model in _RESERVED}
        for visitor, of_visitor in demand.visitors.items():
            stored.carts_read.update((visitor, session_id) for session_id in self.sessions)
            for fingerprint in of_visitor.fingerprints:
                found = [
                    row for row in self._used(of_visitor) if getattr(row, fingerprint.column) == fingerprint.digest
                ]
                stored.candidates.setdefault(fingerprint, {}).update({row.pk: self._candidate(row) for row in found})
        for order_id in demand.order_ids:
            known = self.states.get(order_id, OrderState(self.company))
            state = OrderState(self.company) if known.order is None else OrderState.of(self.company, copy(known.order))
            state.claims.rows = [copy(claim) for claim in known.claims.rows]
            stored.orders[order_id] = state
        carts: dict[ProductInCart, list[StoredCartEvent]] = defaultdict(list)
        for row in sorted(self.cart_events.values(), key=lambda row: (row.occurred_at, row.arrival)):
            carts[product_of(row)].append(StoredCartEvent(*(getattr(row, name) for name in _CART_FIELDS)))
        stored.carts = dict(carts)
        since = min(event.occurred_at for event in demand.events)
        self.turn += 1
        stored.versions = dict.fromkeys(self.sessions, self.turn)
        if any(isinstance(event, OrderData) for event in demand.events):
            stored.whole_carts = dict.fromkeys(self.sessions, since)
        for order in self.orders.values():
            of_cart = StoredOrder(*(getattr(order, name) for name in _ORDER_FIELDS))
            stored.cart_orders.setdefault(order.session_id, []).append(of_cart)
            if order.cart_at >= since:
                stored.whole_carts[order.session_id] = since
            if order.contents_digest:
                stored.contents.setdefault((order.session_id, order.contents_digest), []).append(order.occurred_at)
        return stored

    def _used(self, visitor: VisitorDemand) -> list[Interaction]:
        since, until = visitor.interactions
        return [row for row in self.interactions if since <= row.occurred_at <= until]

    def _candidate(self, row: Interaction) -> Candidate:
        started_at = self.sessions[row.session_id].started_at
        return Candidate(
            row.pk, row.occurred_at, row.session_id, started_at, row.kind, row.ai_profile, row.is_qualifying
        )

    def _write(self, plan: Plan) -> None:
        self.sessions |= {session.pk: session for session in [*plan.opened, *plan.joined.values()]}
        self.interactions += plan.interactions
        for row in plan.cart_events:
            row.pk = next(self.ids)
            self.cart_events[row.event_id] = row
        by_id = {row.pk: row for row in self.cart_events.values()}
        for changed in plan.changed_cart_events:
            for name in _CART_FIELDS:
                setattr(by_id[changed.id], name, getattr(changed, name))
        self.orders |= {order.event_id: order for order in plan.orders_without_id}
        for state in plan.states:
            if state.order is not None:
                self.states[state.order.order_id] = state
                state.order.pk = state.order.pk or next(self.ids)
                self.orders[state.order.event_id] = state.order
        orders = {order.pk: order for order in self.orders.values()}
        for changed_order in plan.changed_cart_orders:
            orders[changed_order.id].empties_cart = changed_order.empties_cart


@pytest.mark.usefixtures("without_ceilings")
@settings(
    max_examples=examples(150, full=20_000),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(histories(), st.integers(1, 4))
def test_plans_when_a_history_arrives_agree_with_the_oracle(history: History, most_together: int) -> None:
    """Whether events come one by one or together, of one visitor or of several."""
    rules = {
        "ATTRIBUTION_MODEL": history.model,
        "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting",
    }
    ids = count(1)
    memories = {
        key: _Memory(Company(pk=number, key=key), ids=ids)
        for number, key in enumerate(sorted({event.company for event in history.events}))
    }
    outcomes: list[Outcome] = []

    def rules_of(numbered: tuple[int, oracle.Event]) -> tuple[int, str, str]:
        number, event = numbered
        basis = event.basis if isinstance(event, oracle.CartChange) else "unit"
        return number // most_together, event.company, basis

    for (_, company, basis), together in groupby(enumerate(history.events), rules_of):
        with override_settings(ALHENA_TRACKING={**rules, "CART_EVENT_VALUE": basis}):
            events = [data_of(event, UUID(int=number)) for number, event in together]
            outcomes += memories[company].record(events, history)
    _check(history, memories, outcomes)


def _check(history: History, memories: dict[str, _Memory], outcomes: list[Outcome]) -> None:
    expected = history.replay()
    sessions = sorted((row for memory in memories.values() for row in memory.sessions.values()), key=lambda row: row.pk)
    assert [
        (row.company.key, row.started_at, row.last_interaction_at, row.channel, row.ai_profile) for row in sessions
    ] == [(s.company, s.started_at, s.last_interaction_at, s.channel, s.ai_profile) for s in expected.sessions]
    interactions = {row.event_id: row for memory in memories.values() for row in memory.interactions}
    for number, (event, outcome, result) in enumerate(zip(history.events, outcomes, expected.results, strict=True)):
        memory, event_id = memories[event.company], UUID(int=number)
        if isinstance(result, int):
            assert sessions[result].pk == interactions[event_id].session_id
        elif result is None or result == "duplicate":
            assert outcome.status == ("ignored" if result is None else "duplicate")
        else:
            row = (memory.cart_events | memory.orders)[event_id]
            credited = interactions[UUID(int=result.credit.interaction)]
            assert (row.session_id, row.credited_interaction_id) == (sessions[result.credit.session].pk, credited.pk)
            assert (row.channel, row.ai_profile) == (result.credit.channel, result.credit.ai_profile)
            if isinstance(result, oracle.RecordedChange):
                assert isinstance(row, CartEvent)
                after = oracle.CartState(row.cart_quantity, row.claimed_units, row.claimed_minor)
                assert (row.units, row.gmv_minor, after) == (result.units, result.gmv_minor, result.after)
