"""Recording what one visitor did: look up, lock, compute and insert, once for all events together."""

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
from alhena_tracking.db import prepared
from alhena_tracking.db.transactions import atomic, database, deadline, retried
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import carts, contention, order_storage
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
from alhena_tracking.ingestion.equal_orders import EqualOrders
from alhena_tracking.ingestion.orders import OrderFile
from alhena_tracking.ingestion.statements import lock_session
from alhena_tracking.ingestion.touched_days import TouchedDays
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

#: Where an event's id is looked for, by the kind of the event.
_ATTEMPTS = 3  # to place cart events without a lock
_TABLES: dict[type[EventData], tuple[type[Model], ...]] = {
    InteractionData: (Interaction,),
    CartEventData: (CartEvent,),
    OrderData: (Order, OrderClaim, PendingConfirmation),
}


def record(company: Company, events: Sequence[EventData], *, is_durable: bool = False) -> list[Outcome]:
    """Record events of one visitor (all have the same ``visitor``), in order, and say what became of each.

    All of them in one transaction, with as many statements as one of them takes or a few more. The outcomes and the
    rows are those of recording them one by one. Committed on return, unless the caller holds a transaction open;
    then they are recorded in a savepoint of it, and ``is_durable`` makes that an error.

    Raises ``OperationalError`` or ``InterfaceError`` while the database cannot take them; then nothing is stored.
    """
    if not events:
        return []
    if not is_durable or events[0].visitor is None:
        return _record_together(company, events, is_durable=is_durable)
    with deadline() as until:
        return contention.together((company.pk, events[0].visitor), events, partial(_record_in_turn, company), until)


def _record_in_turn(company: Company, gather: contention.Gather, session_id: int | None) -> list[Outcome]:
    if session_id is not None:
        try:
            return retried(partial(_Recording.run_alone, company, gather, session_id), is_durable=True)
        except (IntegrityError, DataError, prepared.NotPrepared):
            pass  # what the others can deal with
    return _record_together(company, gather(), is_durable=True)


def _record_together(company: Company, events: Sequence[EventData], *, is_durable: bool) -> list[Outcome]:
    try:
        return retried(partial(_Recording.run, company, events, is_durable), is_durable=is_durable)
    except (IntegrityError, DataError):
        # Another process was faster with the same id, or one event is at fault: that must not harm the others.
        return retried(partial(_record_again, company, events, is_durable), is_durable=is_durable)


def record_refund(company: Company, data: RefundData, *, is_durable: bool = False) -> Outcome:
    """Put a refund beside its order, once.

    Returns ``recorded``, ``duplicate`` (the ``refund_id`` is there already) or ``ignored`` (the order is not known;
    the refund is kept in case it follows). Raises ``InvalidValue`` with the code ``currency_mismatch`` or
    ``exceeds_order`` where it does not fit the order, and otherwise as ``record`` does.
    """

    def attempt() -> Outcome:
        with atomic(is_durable=is_durable):
            LockRow.objects.lock([LockRow.number_of(text_digest(data.order_id))])
            file = order_storage.open_files(company, [data.order_id])[data.order_id]
            outcome = file.refund(data)
            touched = TouchedDays(company, data.received_at)
            order_storage.save_refunds(file, touched)
            touched.mark()
            refund = file.find_refund(data.refund_id)
            if refund is not None and outcome.status == "recorded":
                _announce(signals.order_refunded, refund)
            return outcome

    return retried(attempt, is_durable=is_durable)


def _record_again(company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
    with atomic(is_durable=is_durable):
        return _record_or_divide(company, events)


def _record_or_divide(company: Company, events: Sequence[EventData]) -> list[Outcome]:
    """Record events in a savepoint; where the database refuses one, their halves, until it is alone.

    That one is ``not_storable``. The outcomes are those of recording the events one by one.
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
        self.files: dict[str, OrderFile] = {}
        self.equal_orders = EqualOrders(company)
        self.touched = TouchedDays(company, max(event.received_at for event in events))

    @classmethod
    def run(cls, company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
        recording = cls(company, events)
        lock_numbers = recording._lock_numbers()
        if not lock_numbers:
            # Nothing that is looked up needs a lock. What is not recorded needs no transaction either.
            for attempt in range(_ATTEMPTS):
                if attempt:
                    recording = cls(company, events)
                recording._look_up()
                recording._plan()
                if not recording._has_rows() or recording._append(is_durable):
                    return recording._final_outcomes()
                if not recording._cart_only():
                    break
                contention.note((company.pk, events[0].visitor), recording.cart_events[0].session_id)
        with atomic(is_durable=is_durable):
            if lock_numbers:
                LockRow.objects.lock(lock_numbers)
                recording._look_up()
                recording._open_files()
                recording._plan()
            recording._write()
        return recording._final_outcomes()

    @classmethod
    def run_alone(cls, company: Company, gather: contention.Gather, session_id: int) -> list[Outcome]:
        """Run while holding a session, with what came until it was held."""
        with atomic(is_durable=True), prepared.own_transaction():
            lock_session(session_id)
            return cls.run(company, gather(), False)

    def _lock_numbers(self) -> set[int]:
        """What must be locked before it is looked up: a visitor who may have no session, an order id without order."""
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
        # The states of carts are read without a lock, in the hope that nobody else changes them at the same time.
        products: dict[tuple[UUID, str], datetime] = {}
        for event in self._cart_only():
            product = (text_digest(event.product_id), event.currency)
            products[product] = min(event.occurred_at, products.get(product, event.occurred_at))
        self.visits.look_up(self.events, event_ids, products)

    def _cart_only(self) -> list[CartEventData]:
        """The events, if all of them are of carts."""
        cart_events = [event for event in self.events if isinstance(event, CartEventData)]
        return cart_events if len(cart_events) == len(self.events) else []

    def _open_files(self) -> None:
        # In the order in which they came, as the ids of their rows; a set has another one in every process.
        order_ids = [event.order_id for event in self.events if isinstance(event, OrderData) and event.order_id]
        self.files = order_storage.open_files(self.company, list(dict.fromkeys(order_ids)))

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
        """What becomes of one event, as far as that is known without its session's lock."""
        if isinstance(event, InteractionData):
            self.visits.add(event)
            return Outcome("recorded", event.event_id)
        attribution = self.visits.attribute(event.occurred_at)
        if isinstance(event, OrderData) and event.order_id:
            return self.files[event.order_id].take(event, attribution)
        if attribution is None:
            return NO_INTERACTION
        if isinstance(event, OrderData):
            self.equal_orders.add(number, event, attribution)
            return None
        assert isinstance(event, CartEventData)  # noqa: S101
        self.cart_events.append(carts.new_cart_event(self.company, event, attribution))
        return Outcome("recorded", event.event_id)

    def _has_rows(self) -> bool:
        return bool(self.cart_events or self.visits.added or self.equal_orders or self.files)

    def _append(self, is_durable: bool) -> bool:
        """Write nothing but cart events after all others of their session; say whether that was possible."""
        if not self._cart_only():
            return False
        found = self.visits.found
        if not carts.append_cart_events(self.cart_events, found, self.touched, is_durable=is_durable):
            return False
        self._announce()
        return True

    def _write(self) -> None:
        files = list(self.files.values())
        sessions = self.visits.joined_sessions() | self.equal_orders.sessions()
        sessions.update(event.session_id for event in self.cart_events)
        sessions.update(session_id for file in files for session_id in file.sessions())
        for session_id in sorted(sessions):
            if session_id < PROVISIONAL_ID:
                lock_session(session_id)

        identities = self.visits.write(self.touched)
        for event in self.cart_events:
            identities.resolve(event)
        order_storage.write_files(files, identities, self.touched)
        for number, outcome in self.equal_orders.write(identities).items():
            self.outcomes[number] = outcome
        carts.insert_cart_events(self.cart_events, self.touched)
        stale: dict[int, datetime] = {}
        for order in self.equal_orders.written:
            _mark_stale(stale, order.session_id, order.occurred_at)
            self.touched.add_order(order.session_id, order.occurred_on)
        for file in files:
            for session_id, since in file.stale.items():
                _mark_stale(stale, identities.sessions.get(session_id, session_id), since)
        for session_id, since in sorted(stale.items()):
            carts.recompute(session_id, since, self.touched)
        self.touched.mark()
        self._announce()

    def _announce(self) -> None:
        for interaction in self.visits.added:
            _announce(signals.interaction_recorded, interaction)
        for event in self.cart_events:
            _announce(signals.cart_event_recorded, event)
        for order in self.equal_orders.written:
            _announce(signals.order_recorded, order, is_new=True)
        for file in self.files.values():
            if file.order is None:
                continue
            if file.is_new or file.is_confirmed:
                _announce(signals.order_recorded, file.order, is_new=file.is_new)
            if file.has_new_conflict:
                _announce(signals.order_conflicted, file.order)

    def _final_outcomes(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome is not None]


def _mark_stale(stale: dict[int, datetime], session_id: int, since: datetime) -> None:
    stale[session_id] = min(since, stale.get(session_id, since))


def _announce(signal: Signal, instance: Model, **details: Any) -> None:
    """Send a signal once what it tells of is committed."""
    sender = type(instance)
    if signal.has_listeners(sender):
        transaction.on_commit(
            partial(_send, signal, sender, instance=instance, **details), using=database().alias, robust=True
        )


def _send(signal: Signal, sender: type[Model], **details: Any) -> None:
    signal.send_robust(sender, **details)
