"""Record events: lock and read what they depend on, plan what becomes of them, write it all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import Model
from django.dispatch import Signal

from alhena_tracking import signals
from alhena_tracking.conf import conf
from alhena_tracking.db.messages import messages
from alhena_tracking.db.transactions import atomic, database, fills_in_parameters, retried
from alhena_tracking.ingestion import orm, postgresql
from alhena_tracking.ingestion.data import EventData, Outcome
from alhena_tracking.ingestion.plan import Plan
from alhena_tracking.ingestion.planning import make_plan
from alhena_tracking.ingestion.state import ChangedError, Demand, DeniedError, NotReadError, UnusualError
from alhena_tracking.models import Company

#: How often events are read anew because what they depend on has changed.
_ATTEMPTS = 4
#: Errors of several events that are not errors of each of them.
_NEED_DIVISION = (IntegrityError, DataError, NotReadError)


def record(company: Company, events: Sequence[EventData], *, is_durable: bool = False) -> list[Outcome]:
    """Record events of any number of visitors, and refunds, in order, and return the outcome of each.

    All are recorded in one transaction, with the outcomes and rows of recording them one by one. They are committed on
    return, unless the caller has a transaction open: then they are recorded in a savepoint, and ``is_durable`` makes
    that an error.

    Raises ``OperationalError`` or ``InterfaceError`` while the database cannot take them; then nothing is stored.
    """
    if not events:
        return []
    try:
        return retried(partial(_record, company, events, is_durable), is_durable=is_durable)
    except _NEED_DIVISION:
        # Another process stored the same id first, one event is at fault, or one changes what another depends on.
        return retried(partial(_record_again, company, events, is_durable), is_durable=is_durable)


def _record(company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
    demand = Demand(company, events, conf.attribution_window)
    locks = not demand.is_of_carts
    for _ in range(_ATTEMPTS):
        try:
            plan = _read_plan_and_write(demand, is_durable, locks=locks)
        except ChangedError:
            locks = True
        except DeniedError as error:
            demand.add_order_ids(error.order_ids)
            demand.is_unusual = True
        except UnusualError:
            demand.is_unusual = True
        except NotReadError:
            if len(events) > 1:
                raise
        else:
            _announce_all(plan)
            return plan.outcomes
    raise OperationalError("the visitors' sessions changed each time before they were locked")


def _read_plan_and_write(demand: Demand, is_durable: bool, *, locks: bool) -> Plan:
    """Record events once; without ``locks``, only if their sessions have not changed when they are written.

    Concurrent changes of one session are rare, so most cart events need not lock it before they read.
    """
    if demand.is_unusual or not fills_in_parameters(database()):
        with atomic(is_durable=is_durable):
            plan = make_plan(demand, orm.read(demand))
            if plan.has_rows:
                orm.write(plan)
            return plan
    with messages(is_durable=is_durable) as transaction:
        stored = postgresql.read(transaction, demand, locks=locks)
        if stored.denied_order_ids:
            raise DeniedError(stored.denied_order_ids)
        plan = make_plan(demand, stored)
        if locks:
            postgresql.write(transaction, plan)
        elif plan.cart_events and (
            plan.stale_days or not postgresql.write_if_unchanged(transaction, plan, stored.versions)
        ):
            raise ChangedError
        return plan


def _record_again(company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
    demand = Demand(company, events, conf.attribution_window)
    for _ in range(_ATTEMPTS):
        try:
            with atomic(is_durable=is_durable):
                # Locks all of it in the usual order, which parts that lock their own one after another would not keep.
                orm.read(demand)
                return _record_or_divide(company, events)
        except DeniedError as error:
            demand.add_order_ids(error.order_ids)
    raise OperationalError("denials of other orders were added each time before they were locked")


def _record_or_divide(company: Company, events: Sequence[EventData]) -> list[Outcome]:
    """Record events in a savepoint; where they cannot be recorded together, record visitors apart, then halves.

    The outcome of one that the database rejects is ``not_storable``. The others are those of recording the events one
    by one.
    """
    try:
        return _record(company, events, False)
    except _NEED_DIVISION:
        if len(events) == 1:
            return [Outcome("invalid", reason="not_storable")]
    parts = [list(of_visitor) for _, of_visitor in groupby(events, key=lambda event: event.visitor)]
    if len(parts) == 1:
        parts = [list(events[: len(events) // 2]), list(events[len(events) // 2 :])]
    return [outcome for part in parts for outcome in _record_or_divide(company, part)]


def _announce_all(plan: Plan) -> None:
    for interaction in plan.interactions:
        _announce(signals.interaction_recorded, interaction)
    for event in plan.cart_events:
        _announce(signals.cart_event_recorded, event)
    for refund in plan.refunds:
        _announce(signals.order_refunded, refund)
    for order in plan.orders_without_id:
        _announce(signals.order_recorded, order, is_new=True)
    for state in plan.states:
        if state.order is None:
            continue
        if state.is_new or state.is_confirmed:
            _announce(signals.order_recorded, state.order, is_new=state.is_new)
        if state.is_corrected:
            _announce(signals.order_corrected, state.order)
        if state.has_new_conflict:
            _announce(signals.order_conflicted, state.order)


def _announce(signal: Signal, instance: Model, **details: Any) -> None:
    """Send a signal after the commit."""
    sender = type(instance)

    # A function, as Django logs the error of a callback under its __qualname__, which a partial lacks.
    def send() -> None:
        signal.send_robust(sender, instance=instance, **details)

    if signal.has_listeners(sender):
        transaction.on_commit(send, using=database().alias, robust=True)
