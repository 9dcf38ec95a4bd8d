"""Record the events of one visitor: look up, lock, compute and insert, once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import Model
from django.dispatch import Signal

from alhena_tracking import signals
from alhena_tracking.db.transactions import atomic, database, retried
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import carts, order_storage
from alhena_tracking.ingestion.data import (
    DUPLICATE,
    NO_INTERACTION,
    CartEventData,
    EventData,
    InteractionData,
    OrderData,
    Outcome,
    RefundData,
)
from alhena_tracking.ingestion.deduplication import OrdersWithoutId
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.statements import lock_session
from alhena_tracking.ingestion.visits import PROVISIONAL_ID, Visits
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    OrderClaim,
    PendingConfirmation,
)

#: How often cart events are placed without a lock before the session is locked.
_ATTEMPTS = 3
#: The tables in which an event's id may be stored.
_TABLES: dict[type[EventData], tuple[type[Model], ...]] = {
    InteractionData: (Interaction,),
    CartEventData: (CartEvent,),
    OrderData: (Order, OrderClaim, PendingConfirmation),
}


def record(company: Company, events: Sequence[EventData], *, is_durable: bool = False) -> list[Outcome]:
    """Record events of one visitor in order, and return the outcome of each.

    All are recorded in one transaction, with the outcomes and rows of recording them one by one. They are committed on
    return, unless the caller has a transaction open: then they are recorded in a savepoint, and ``is_durable`` makes
    that an error.

    Raises ``OperationalError`` or ``InterfaceError`` while the database cannot take them; then nothing is stored.
    """
    if not events:
        return []
    try:
        return retried(partial(_Recording.run, company, events, is_durable), is_durable=is_durable)
    except (IntegrityError, DataError):
        # Another process stored the same id first, or one event is at fault: record the others all the same.
        return retried(partial(_record_again, company, events, is_durable), is_durable=is_durable)


def record_refund(company: Company, data: RefundData, *, is_durable: bool = False) -> Outcome:
    """Record a refund of an order, once.

    Return ``recorded``, ``duplicate`` (the ``refund_id`` is stored already) or ``ignored`` (the order is unknown; the
    refund is kept in case the order follows). Raises ``InvalidValue`` with the code ``currency_mismatch`` or
    ``exceeds_order`` where it does not fit the order, and otherwise as ``record`` does.
    """

    def attempt() -> Outcome:
        with atomic(is_durable=is_durable):
            LockRow.objects.lock([LockRow.number_of(text_digest(data.order_id))])
            state = order_storage.read_states(company, [data.order_id])[data.order_id]
            outcome = state.refund(data)
            stale_days = StaleDays(company, data.received_at)
            order_storage.save_refunds(state, stale_days)
            stale_days.mark()
            refund = state.find_refund(data.refund_id)
            if refund is not None and outcome.status == "recorded":
                _announce(signals.order_refunded, refund)
            return outcome

    return retried(attempt, is_durable=is_durable)


def _record_again(company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
    with atomic(is_durable=is_durable):
        return _record_or_divide(company, events)


def _record_or_divide(company: Company, events: Sequence[EventData]) -> list[Outcome]:
    """Record events in a savepoint; where the database rejects one, record the halves, until it is alone.

    The outcome of that one is ``not_storable``. The other outcomes are those of recording the events one by one.
    """
    try:
        return _Recording.run(company, events, False)
    except (IntegrityError, DataError):
        if len(events) == 1:
            return [Outcome("invalid", reason="not_storable")]
    middle = len(events) // 2
    return _record_or_divide(company, events[:middle]) + _record_or_divide(company, events[middle:])


class _Recording:
    """One attempt to record some events."""

    def __init__(self, company: Company, events: Sequence[EventData]) -> None:
        self.company = company
        self.events = events
        self.visits = Visits(company, events[0].visitor)
        self.outcomes: list[Outcome | None] = [None] * len(events)
        self.cart_events: list[CartEvent] = []
        self.states: dict[str, OrderState] = {}
        self.orders_without_id = OrdersWithoutId(company)
        self.stale_days = StaleDays(company, max(event.received_at for event in events))

    @classmethod
    def run(cls, company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
        recording = cls(company, events)
        lock_numbers = recording._lock_numbers()
        if not lock_numbers:
            # Nothing that is read needs a lock, and events that are not recorded need no transaction.
            for attempt in range(_ATTEMPTS):
                if attempt:
                    recording = cls(company, events)
                recording._look_up()
                recording._plan()
                if not recording._has_rows() or recording._append(is_durable):
                    return recording._final_outcomes()
                if not recording._cart_only():
                    break
        with atomic(is_durable=is_durable):
            if lock_numbers:
                LockRow.objects.lock(lock_numbers)
                recording._look_up()
                recording._read_order_states()
                recording._plan()
            recording._write()
        return recording._final_outcomes()

    def _lock_numbers(self) -> set[int]:
        """Return the lock rows to lock before reading: those of the visitor and of order ids."""
        digests: set[UUID] = set()
        if any(isinstance(event, InteractionData) for event in self.events):
            digests.update(digest for digest in self.visits.digests if digest)
        digests.update(
            text_digest(event.order_id) for event in self.events if isinstance(event, OrderData) and event.order_id
        )
        return {LockRow.number_of(digest) for digest in digests}

    def _look_up(self) -> None:
        event_ids: dict[type[Model], list[UUID]] = {}
        for event in self.events:
            for table in _TABLES[type(event)]:
                event_ids.setdefault(table, []).append(event.event_id)
        # Cart states are read without a lock; a concurrent change is noticed when the rows are written.
        products: dict[tuple[UUID, str], datetime] = {}
        for event in self._cart_only():
            product = (text_digest(event.product_id), event.currency)
            products[product] = min(event.occurred_at, products.get(product, event.occurred_at))
        self.visits.look_up(self.events, event_ids, products)

    def _cart_only(self) -> list[CartEventData]:
        """Return the events, if all are cart events."""
        cart_events = [event for event in self.events if isinstance(event, CartEventData)]
        return cart_events if len(cart_events) == len(self.events) else []

    def _read_order_states(self) -> None:
        # In order of arrival, which a set would lose: rows get their ids in this order.
        order_ids = [event.order_id for event in self.events if isinstance(event, OrderData) and event.order_id]
        self.states = order_storage.read_states(self.company, list(dict.fromkeys(order_ids)))

    def _plan(self) -> None:
        known = self.visits.found.known
        for number, event in enumerate(self.events):
            if any((table, event.event_id) in known for table in _TABLES[type(event)]):
                self.outcomes[number] = DUPLICATE
                continue
            self.outcomes[number] = outcome = self._plan_event(number, event)
            if outcome is None or outcome.status in {"recorded", "confirmed", "pending"}:
                known.update((table, event.event_id) for table in _TABLES[type(event)])

    def _plan_event(self, number: int, event: EventData) -> Outcome | None:
        """Return the outcome of one event; ``None`` where its session must be locked first."""
        if isinstance(event, InteractionData):
            self.visits.add(event)
            return Outcome("recorded", event.event_id)
        attribution = self.visits.attribute(event.occurred_at)
        if isinstance(event, OrderData) and event.order_id:
            return self.states[event.order_id].take(event, attribution)
        if attribution is None:
            return NO_INTERACTION
        if isinstance(event, OrderData):
            self.orders_without_id.add(number, event, attribution)
            return None
        assert isinstance(event, CartEventData)  # noqa: S101
        self.cart_events.append(carts.new_cart_event(self.company, event, attribution))
        return Outcome("recorded", event.event_id)

    def _has_rows(self) -> bool:
        return bool(self.cart_events or self.visits.added or self.orders_without_id or self.states)

    def _append(self, is_durable: bool) -> bool:
        """Append cart events to their session without locking it first; return whether they were stored."""
        if not self._cart_only():
            return False
        found = self.visits.found
        if not carts.append_cart_events(self.cart_events, found, self.stale_days, is_durable=is_durable):
            return False
        self._announce()
        return True

    def _write(self) -> None:
        states = list(self.states.values())
        sessions = self.visits.joined_sessions() | self.orders_without_id.sessions()
        sessions.update(event.session_id for event in self.cart_events)
        sessions.update(session_id for state in states for session_id in state.sessions())
        for session_id in sorted(sessions):
            if session_id < PROVISIONAL_ID:
                lock_session(session_id)

        identities = self.visits.write(self.stale_days)
        for event in self.cart_events:
            identities.resolve(event)
        order_storage.write_states(states, identities, self.stale_days)
        for number, outcome in self.orders_without_id.write(identities).items():
            self.outcomes[number] = outcome
        carts.insert_cart_events(self.cart_events, self.stale_days)
        stale: dict[int, datetime] = {}
        for order in self.orders_without_id.written:
            _mark_stale(stale, order.session_id, order.occurred_at)
            self.stale_days.add_order(order.session_id, order.occurred_on)
        for state in states:
            for session_id, since in state.stale.items():
                _mark_stale(stale, identities.sessions.get(session_id, session_id), since)
        for session_id, since in sorted(stale.items()):
            carts.recompute(session_id, since, self.stale_days)
        self.stale_days.mark()
        self._announce()

    def _announce(self) -> None:
        for interaction in self.visits.added:
            _announce(signals.interaction_recorded, interaction)
        for event in self.cart_events:
            _announce(signals.cart_event_recorded, event)
        for order in self.orders_without_id.written:
            _announce(signals.order_recorded, order, is_new=True)
        for state in self.states.values():
            if state.order is None:
                continue
            if state.is_new or state.is_confirmed:
                _announce(signals.order_recorded, state.order, is_new=state.is_new)
            if state.has_new_conflict:
                _announce(signals.order_conflicted, state.order)

    def _final_outcomes(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome is not None]


def _mark_stale(stale: dict[int, datetime], session_id: int, since: datetime) -> None:
    stale[session_id] = min(since, stale.get(session_id, since))


def _announce(signal: Signal, instance: Model, **details: Any) -> None:
    """Send a signal after the commit."""
    sender = type(instance)
    if signal.has_listeners(sender):
        transaction.on_commit(
            partial(_send, signal, sender, instance=instance, **details), using=database().alias, robust=True
        )


def _send(signal: Signal, sender: type[Model], **details: Any) -> None:
    signal.send_robust(sender, **details)
