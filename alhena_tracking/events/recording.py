"""Record events at once, or after the commit of the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from alhena_tracking.contract import limits
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import CART_EVENT, FAILED_AFTER_COMMIT, INTERACTION, ORDER, REFUND
from alhena_tracking.events.errors import EventError, InvalidEvent
from alhena_tracking.events.reading import Read, company_of, read_event, read_events
from alhena_tracking.events.transactions import after_commit, open_transactions
from alhena_tracking.ingestion import EventData, Outcome, Visitor, record

logger = logging.getLogger(__name__)

#: How many events of a failed chunk are tried again together.
_LATE_CHUNK = 50

_DEFERRED = Outcome("deferred")


def record_interaction(
    visitor: HttpRequest | Request | Visitor, *, company: str | None = None, **fields: Any
) -> Outcome:
    """Record one use of the assistant: ``type`` (``CHAT``, ``FAQ`` or ``NUDGE``), and optionally ``product_id``,
    ``conversation_id``, ``ai_profile``, ``recommended_product_ids`` (up to 20), ``source``, ``event_id``,
    ``occurred_at``.

    Returns ``recorded``, ``duplicate`` or ``ignored``, and in an open transaction ``deferred``. Raises ``EventError``,
    and ``django.db.DatabaseError`` while the database cannot take it.
    """
    return _record("record_interaction", INTERACTION, visitor, company, fields)


def record_cart_event(
    visitor: HttpRequest | Request | Visitor, *, company: str | None = None, **fields: Any
) -> Outcome:
    """Record one change of a cart: ``type``, ``product_id``, ``product_name``, ``value``, ``currency``, ``quantity``
    (what is left), and optionally ``source``, ``event_id``, ``occurred_at``. As ``record_interaction`` otherwise.
    """
    return _record("record_cart_event", CART_EVENT, visitor, company, fields)


def record_order(
    visitor: HttpRequest | Request | Visitor | None, *, company: str | None = None, **fields: Any
) -> Outcome:
    """Record, or confirm, one order: ``order_id``, ``value``, ``currency``, and optionally ``line_items`` (mappings),
    ``source``, ``event_id``, ``occurred_at``.

    Also returns ``confirmed`` (a known order) and, where nobody is named, ``pending`` (an order not reported yet).
    Otherwise as ``record_interaction``.
    """
    return _record("record_order", ORDER, visitor, company, fields)


def record_orders(orders: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """Record, or confirm, any number of orders, and return the outcome of each, in order.

    An order is a mapping of the arguments of ``record_order``: its fields, and ``visitor`` unless it names nobody.

    All are validated first. If any is invalid, nothing is recorded: ``InvalidEvent`` names the fields by the order's
    index, such as ``orders[3].value``, all of them or about the first 100. The rest are recorded in transactions of 500
    orders. One that the database refuses is ``invalid`` with the reason ``not_storable`` and harms no other. While the
    database cannot take them, ``django.db.DatabaseError`` is raised, and earlier transactions stay: call it again with
    the same orders, and those that have an ``order_id`` or an ``event_id`` are not recorded twice.

    In an open transaction they are validated, and recorded after its commit.
    """
    return _record_all("record_orders", ORDER, "orders", orders, company)


def record_cart_events(events: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """Record any number of cart changes, and return the outcome of each, in order.

    An event is a mapping of the arguments of ``record_cart_event``, with the ``visitor``. As ``record_orders``
    otherwise; ``InvalidEvent`` names fields such as ``events[3].value``, and only events with an ``event_id`` are not
    recorded twice.
    """
    return _record_all("record_cart_events", CART_EVENT, "events", events, company)


def refund_order(*, company: str | None = None, **fields: Any) -> Outcome:
    """Put a refund beside its order: ``order_id``, ``refund_id``, ``value``, ``currency`` (the order's), and optionally
    ``occurred_at``. Returns ``recorded``, ``duplicate`` or ``ignored``; as ``record_interaction`` otherwise.
    """
    return _record("refund_order", REFUND, None, company, fields)


def record_refunds(refunds: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """Put any number of refunds beside their orders, and return the outcome of each, in order.

    A refund is a mapping of the arguments of ``refund_order``. As ``record_orders`` otherwise; ``InvalidEvent`` names
    fields such as ``refunds[3].value``. One that does not fit its order is ``invalid`` with the code of the error.
    """
    return _record_all("record_refunds", REFUND, "refunds", refunds, company)


def without_raising(function: str, method: str, company: str | None, work: Callable[[], Any], number: int = 1) -> None:
    """Do what ``function`` postponed. Log an error without a word of the events, and count their ``number``."""
    try:
        work()
    except Exception as error:
        # The text of an error may quote the event, and anything about a shop's own error may raise in turn.
        with suppress(Exception):
            logger.error("%s: %s", function, _described(error))
        if not isinstance(error, InvalidEvent):  # which is counted
            with suppress(Exception):
                event_counts.count(company_of(company), method, "error", FAILED_AFTER_COMMIT, number=number)


def _described(error: Exception) -> str:
    if isinstance(error, InvalidEvent):
        return error.codes
    return str(error) if isinstance(error, EventError) else type(error).__name__


def _record(function: str, method: str, visitor: object, key: str | None, fields: Mapping[str, Any]) -> Outcome:
    company = company_of(key)
    event = read_event(method, visitor, company, fields)
    (outcome,) = _record_or_defer(function, method, company.key, [event])
    if outcome.status == "invalid":
        message = InvalidValue(outcome.reason).message
        raise InvalidEvent({outcome.field: outcome.reason}, {outcome.field: message} if outcome.field else None)
    return outcome


def _record_all(
    function: str, method: str, name: str, items: Iterable[Mapping[str, Any]], key: str | None
) -> list[Outcome]:
    company = company_of(key)
    return _record_or_defer(function, method, company.key, read_events(method, name, items, company))


def _record_or_defer(function: str, method: str, key: str, events: Sequence[Read]) -> list[Outcome]:
    if aliases := open_transactions():
        after_commit(aliases, partial(_record_late, function, method, key, events))
        return [event if isinstance(event, Outcome) else _DEFERRED for event in events]
    return [
        outcome
        for chunk in _chunks(events, limits.SERVER_BATCH_EVENTS)
        for outcome in _record_chunk(method, key, chunk)
    ]


def _record_late(function: str, method: str, key: str, events: Sequence[Read]) -> None:
    """Record events after the commit. What fails is tried again in small chunks, as nobody can repeat the call."""

    def record_chunk(chunk: Sequence[Read]) -> None:
        outcomes = _record_chunk(method, key, [_arriving_now(event) for event in chunk])
        refused = {(each.field, each.reason) for each in outcomes if each.status == "invalid"}
        for field, reason in sorted(refused):
            logger.error("%s: %s", function, InvalidEvent({field: reason}).codes)

    for chunk in _chunks(events, limits.SERVER_BATCH_EVENTS):
        try:
            record_chunk(chunk)
        except Exception:
            # Most likely it took longer than STATEMENT_TIMEOUT.
            for part in _chunks(chunk, _LATE_CHUNK):
                without_raising(function, method, key, partial(record_chunk, part), len(part))


def _chunks(events: Sequence[Read], size: int) -> Iterable[Sequence[Read]]:
    return (events[start : start + size] for start in range(0, len(events), size))


def _record_chunk(method: str, key: str, events: Sequence[Read]) -> list[Outcome]:
    """Record events in one transaction, and count the outcomes."""
    company = company_of(key)  # for each chunk, as its time zone may change during a long import
    recorded = iter(record(company, [event for event in events if isinstance(event, EventData)]))
    outcomes = [event if isinstance(event, Outcome) else next(recorded) for event in events]
    for event, outcome in zip(events, outcomes, strict=True):
        if outcome.status == "invalid":
            event_counts.reject(company, method, "invalid", [(outcome.field, outcome.reason)])
        else:
            event_counts.count(company, method, outcome.status, outcome.reason)
            event_counts.count_left_out(company, method, outcome.status, getattr(event, "left_out", ()))
    return outcomes


def _arriving_now(event: Read) -> Read:
    """Return an event that waited for a commit, with the time of its arrival."""
    return event if isinstance(event, Outcome) else replace(event, received_at=timezone.now())
