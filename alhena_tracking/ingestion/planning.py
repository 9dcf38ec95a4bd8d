"""Plan what becomes of events: from the rows that were read to the rows to write and the outcomes. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count
from uuid import UUID

from django.db.models import Model

from alhena_tracking.attribution import Candidate, Credit, choose_credit, choose_session
from alhena_tracking.conf import conf
from alhena_tracking.contract.ceilings import is_above
from alhena_tracking.contract.limits import SESSION_CLAIMS
from alhena_tracking.ingestion import carts
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import (
    ABOVE_CEILING,
    DUPLICATE,
    NO_INTERACTION,
    TOO_MANY_CLAIMS,
    TOO_OLD,
    Attribution,
    CartEventData,
    EventData,
    InteractionData,
    OrderData,
    Outcome,
    RefundData,
    Visitor,
)
from alhena_tracking.ingestion.order_rows import place_of, recommending_sessions
from alhena_tracking.ingestion.order_touches import with_touches
from alhena_tracking.ingestion.orders_without_id import OrdersWithoutId
from alhena_tracking.ingestion.plan import PROVISIONAL_ID, Plan
from alhena_tracking.ingestion.sessions import (
    candidate_of,
    changes_conversations,
    counted_as,
    include,
    is_qualifying,
)
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.state import (
    TABLES,
    Demand,
    Fingerprint,
    NotReadError,
    ProductInCart,
    Stored,
    StoredCartEvent,
    earliest,
)
from alhena_tracking.models import CartEvent, Interaction, Order, Trust, VisitorSession

#: A session's version, times this, leaves room for the number of each event of a transaction.
_ARRIVALS = 2**20


def make_plan(demand: Demand, stored: Stored) -> Plan:
    """Plan the events in their order, with the outcomes and rows of recording them one by one.

    Raises ``NotReadError`` where one makes another depend on a session that was not read for it.
    """
    return _Planning(demand, stored).run()


class _Planning:
    def __init__(self, demand: Demand, stored: Stored) -> None:
        self.demand = demand
        self.company = demand.company
        self.window = demand.window
        self.model = conf.attribution_model
        self.stored = stored
        self.sessions = dict(stored.sessions)
        self.plan = Plan(StaleDays(self.company, max(event.received_at for event in demand.events)))
        self._counted_as = {pk: counted_as(session) for pk, session in stored.sessions.items()}
        self._candidates: dict[Visitor, list[Candidate]] = {}
        self._cart_events: dict[ProductInCart, list[CartEvent]] = {}
        self._opened: set[int] = set()
        #: Sessions with a new conversation, or more recommendations of one.
        self._conversing: set[int] = set()
        #: That of the event which is being planned.
        self._number = 0
        self._outcome_places: dict[UUID, int] = {}
        for state in stored.orders.values():
            state.claims.excluded_sessions = stored.excluded_sessions
        self._provisional_ids = count(PROVISIONAL_ID)
        self._without_id = OrdersWithoutId(self.company, stored)

    def run(self) -> Plan:
        for number, event in enumerate(self.demand.events):
            keys = [(table, event.event_id, str(event.trust)) for table in TABLES[type(event)] if event.is_known_by_id]
            if any(key in self.stored.known for key in keys):
                self.plan.outcomes.append(DUPLICATE)
                continue
            self._number = number
            outcome = self._plan_event(event)
            self.plan.outcomes.append(outcome)
            if isinstance(event, CartEventData):
                self._outcome_places[event.event_id] = number
            if outcome.status in {"recorded", "held", "confirmed", "corrected", "pending"}:
                self.stored.known.update(keys)
        self.plan.orders_without_id, self.plan.lines_without_id = self._without_id.added, self._without_id.lines
        self.plan.conversations_without_id = self._without_id.conversations
        self.plan.states = [*self.stored.orders.values(), *self._without_id.confirmed]
        if not self.demand.is_of_refunds:  # for which no sessions are read
            for state in self.plan.states:
                state.settle()
        for order in self.plan.new_orders:
            order.pk = self._new_id(Order)
        if self.plan.has_rows:
            self._place_cart_events()
            for session in self.plan.opened:
                if (used := self.plan.allowances.get(session.pk)) is not None:
                    session.carts_since, session.carts_events = used.since, used.events
                    session.carts_claimed = used.claimed
            self._collect_stale_days()
        return self.plan

    def _plan_event(self, event: EventData) -> Outcome:
        if isinstance(event, InteractionData):
            return self._add_interaction(event)
        if isinstance(event, RefundData):
            return self._add_refund(event)
        attribution = self._attribute(event)
        if isinstance(event, OrderData):
            if event.order_id:
                return self._take_order(event, attribution)
            return self._without_id.take(event, attribution)
        assert isinstance(event, CartEventData)  # noqa: S101
        if attribution is None:
            return NO_INTERACTION
        if event.trust == Trust.REPORTED:
            if is_above(conf.max_cart_value, event.currency, event.most_minor):
                return ABOVE_CEILING
            if not self._allowance(attribution.credit.session_id).take_event(event, self.window):
                return TOO_MANY_CLAIMS
        row = carts.new_cart_event(self.company, event, attribution)
        row.is_excluded = row.session_id in self.stored.excluded_sessions
        self.plan.cart_events.append(row)
        self._cart_events.setdefault(carts.product_of(row), []).append(row)
        return Outcome("recorded", event.event_id)

    # Interactions and sessions

    def _candidates_of(self, visitor: Visitor) -> list[Candidate]:
        if visitor not in self._candidates:
            found: dict[int, Candidate] = {}
            for fingerprint in self.demand.visitors[visitor].fingerprints:
                found |= self.stored.candidates.get(fingerprint, {})
            self._candidates[visitor] = list(found.values())
        return self._candidates[visitor]

    def _attribute(self, event: EventData) -> Attribution | None:
        """Choose the interaction that an event is credited to, for good; ``None`` if there is none."""
        if event.visitor is None:
            return None
        candidates = self._candidates_of(event.visitor)
        credit = choose_credit(candidates, event.occurred_at, self.window, self.model)
        if credit is None:
            return None
        if not self._is_read(event.visitor, credit.session_id):
            raise NotReadError
        attribution = self._attribution(credit)
        return with_touches(attribution, candidates, event.occurred_at) if isinstance(event, OrderData) else attribution

    def _attribution(self, credit: Credit) -> Attribution:
        arrival = self.stored.versions.get(credit.session_id, 0) * _ARRIVALS + self._number
        return Attribution(credit, self.window, self.model, arrival)

    def _add_interaction(self, event: InteractionData) -> Outcome:
        """Add an interaction to the session that it joins, or to a new one."""
        assert event.visitor is not None  # noqa: S101
        user_digest, faq_digest = self.demand.visitors[event.visitor].digests
        row = Interaction(
            pk=self._new_id(Interaction),
            user_fingerprint_digest=user_digest,
            faq_fingerprint_digest=faq_digest,
            **event.fields(self.company),
        )
        row.is_qualifying = is_qualifying(row)
        session_id = choose_session(self._candidates_of(event.visitor), event.occurred_at, self.window)
        if session_id is not None and not self._is_read(event.visitor, session_id):
            raise NotReadError
        session = self._open(event) if session_id is None else self.sessions[session_id]
        row.session_id = session.pk
        if changes_conversations(row, self._candidates_of(event.visitor)):
            self._conversing.add(session.pk)
        if session.pk in self.stored.sessions:
            self.plan.joined[session.pk] = session
        was_started_at = session.started_at
        include(session, row)
        if session.started_at != was_started_at:
            self._restart(session)
        self._remember(row, session)
        self.plan.interactions.append(row)
        self._lift_denials(event)
        return Outcome("recorded", event.event_id)

    def _is_read(self, visitor: Visitor, session_id: int) -> bool:
        return session_id in self._opened or (visitor, session_id) in self.stored.carts_read

    def _open(self, event: InteractionData) -> VisitorSession:
        session = VisitorSession(
            pk=self._new_id(VisitorSession),
            company=self.company,
            started_at=event.occurred_at,
            started_on=event.occurred_at.astimezone(self.company.zone).date(),
            last_interaction_at=event.occurred_at,
        )
        self.sessions[session.pk] = session
        self._opened.add(session.pk)
        self.plan.opened.append(session)
        return session

    def _restart(self, session: VisitorSession) -> None:
        """Have all candidates of a session know its earlier start."""
        for of_fingerprint in self.stored.candidates.values():
            for candidate in [each for each in of_fingerprint.values() if each.session_id == session.pk]:
                of_fingerprint[candidate.id] = replace(candidate, session_started_at=session.started_at)
        self._candidates.clear()

    def _remember(self, row: Interaction, session: VisitorSession) -> None:
        candidate = candidate_of(row, session)
        for column in ("user_fingerprint_digest", "faq_fingerprint_digest"):
            if digest := getattr(row, column):
                self.stored.candidates.setdefault(Fingerprint(column, digest), {})[candidate.id] = candidate
        self._candidates.clear()

    # Orders with an id

    def _take_order(self, event: OrderData, attribution: Attribution | None) -> Outcome:
        state = self.stored.orders[event.order_id]
        if state.is_unknown and event.received_at - event.occurred_at > conf.max_age:
            return TOO_OLD
        if event.trust == Trust.REPORTED and attribution is not None:
            session_id = attribution.credit.session_id
            if state.claims.of_session(session_id) is None:
                if self.stored.open_claims.get(session_id, 0) >= SESSION_CLAIMS:
                    return TOO_MANY_CLAIMS
                self.stored.open_claims[session_id] = self.stored.open_claims.get(session_id, 0) + 1
        return state.take(event, attribution)

    def _add_refund(self, event: RefundData) -> Outcome:
        state = self.stored.orders[event.order_id]
        outcome = state.refunds.add(self.company, state.order, event)
        refund = state.refunds.find(event.refund_id)
        if refund is not None and outcome.status == "recorded":
            self.plan.refunds.append(refund)
        return outcome

    def _lift_denials(self, event: InteractionData) -> None:
        """Credit orders whose buyer, named by the shop's server, turns out to have used the assistant before."""
        assert event.visitor is not None  # noqa: S101
        fingerprints = self.demand.visitors[event.visitor].fingerprints
        for state in self.stored.orders.values():
            denial = state.denial(event.received_at)
            named = [
                each for each in fingerprints if denial is not None and getattr(denial, each.column) == each.digest
            ]
            if denial is None or not named:
                continue
            found = {pk: each for name in named for pk, each in self.stored.candidates.get(name, {}).items()}.values()
            credit = choose_credit(found, denial.occurred_at, self.window, self.model)
            if credit is not None:
                attribution = with_touches(self._attribution(credit), found, denial.occurred_at)
                state.lift(denial, attribution, event.received_at)

    # What follows from all of them

    def _allowance(self, session_id: int) -> CartAllowance:
        if session_id not in self.plan.allowances:
            self.plan.allowances[session_id] = self.stored.allowances.get(session_id) or CartAllowance()
        return self.plan.allowances[session_id]

    def _place_cart_events(self) -> None:
        """Compute what the new cart events are worth, and those whose worth changes by what came before them."""
        moves = [carts.Move(order, None, place_of(order)) for order in self.plan.orders_without_id]
        moves += carts.moves_of(self.plan.states)
        orders = carts.with_moves(self.stored.cart_orders, moves)
        emptied = carts.emptied_since(moves)
        whole = self.stored.whole_carts | {pk: emptied[pk] for pk in self._opened & emptied.keys()}
        again: dict[ProductInCart, datetime] = {}
        changed: dict[int, StoredCartEvent] = {}
        while True:
            # Some rows may be as they were again: writing them once more does no harm.
            placed = carts.place(self._cart_events, self.stored.carts, orders, whole, again)
            changed |= {row.id: row for row in placed.events}
            self.plan.changed_cart_orders += carts.note_changes(placed.orders, self.plan.states)
            dear = self._first_too_dear()
            if dear is None:
                break
            self.plan.outcomes[self._outcome_places[dear.event_id]] = ABOVE_CEILING
            self.plan.allowances[dear.session_id].events -= 1
            self.plan.cart_events = [row for row in self.plan.cart_events if row is not dear]
            product = carts.product_of(dear)
            self._cart_events[product] = [row for row in self._cart_events[product] if row is not dear]
            earliest(again, product, dear.occurred_at)
        self.plan.changed_cart_events = list(changed.values())

    def _first_too_dear(self) -> CartEvent | None:
        """Count what browsers' events add to their sessions' carts; return the first that exceeds the ceiling."""
        counted = {session_id: replace(allowance) for session_id, allowance in self.plan.allowances.items()}
        for row in self.plan.cart_events:
            if row.trust == Trust.REPORTED and not counted[row.session_id].take_worth(row):
                return row
        self.plan.allowances = counted
        return None

    def _collect_stale_days(self) -> None:
        stale = self.plan.stale_days
        stale.add_sessions(*(session.started_on for session in self.plan.opened))
        stale.add_sessions(*(self.sessions[pk].started_on for pk in self._conversing))
        for pk, session in self.plan.joined.items():
            if counted_as(session) != self._counted_as[pk]:
                stale.add_sessions(session.started_on, self._counted_as[pk][0])
        for row in self.plan.interactions:
            stale.add_interaction(row, self.sessions[row.session_id])
        stale.add_cart_events([*self.plan.cart_events, *self.plan.changed_cart_events])
        for order in self.plan.orders_without_id:
            stale.add_order(order.occurred_on, self.sessions[order.session_id].started_on)
            stale.add_conversations(recommending_sessions(order), self.sessions)
        for state in self.plan.states:
            stale.add_state(state, self.sessions)

    def _new_id(self, model: type[Model]) -> int:
        reserved = self.stored.reserved_ids.get(model)
        return reserved.pop(0) if reserved else next(self._provisional_ids)
