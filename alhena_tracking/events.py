"""Record events from the shop's own process. They are confirmed, as the shop's server reports them.

``visitor`` is the current request (its cookie names the visitor, and its privacy signals are honoured), a ``Visitor``
with fingerprints, or for an order ``None``: then a browser's report of the same order id names the visitor.
``company`` is a company key; the default is that of the settings. The other arguments are the fields of the HTTP
contract, under the same rules; amounts may be ``Decimal``, times ``datetime`` with a zone, event ids ``UUID``.

In an open transaction, an event is recorded in a savepoint. Prefer the functions that end in ``_on_commit``: they wait
until the transaction is committed, and log errors instead of raising them, because tracking must never break a
checkout.

``record_orders`` and ``record_cart_events`` take any number of events, such as those of an import, and record 500 in a
transaction.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from alhena_tracking.api.errors import InvalidRequest
from alhena_tracking.api.ingestion import serializers
from alhena_tracking.api.ingestion.visitors import refuses_tracking, visitor_of
from alhena_tracking.company_cache import find_company
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import EventData, Outcome, Visitor, record, record_refund
from alhena_tracking.models import Company, Trust

__all__ = [
    "EventError",
    "InvalidEvent",
    "Outcome",
    "UnknownCompany",
    "Visitor",
    "record_cart_event",
    "record_cart_event_on_commit",
    "record_cart_events",
    "record_interaction",
    "record_interaction_on_commit",
    "record_order",
    "record_order_on_commit",
    "record_orders",
    "refund_order",
    "refund_order_on_commit",
]

logger = logging.getLogger(__name__)

_PRIVACY_SIGNAL = Outcome("ignored", reason="privacy_signal")


class EventError(Exception):
    """An event that cannot be recorded, and need not be tried again."""


class UnknownCompany(EventError):
    """There is no company with this key, or neither the call nor the settings name one."""


class InvalidEvent(EventError):
    """An event with invalid fields. ``errors`` maps the path of each, such as ``line_items[1].quantity``, to a code."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{path}: {code}" if path else code for path, code in errors.items()))
        self.errors = dict(errors)


def record_interaction(visitor: HttpRequest | Visitor, *, company: str | None = None, **fields: Any) -> Outcome:
    """Record one use of the assistant: ``type`` (``CHAT``, ``FAQ`` or ``NUDGE``), and optionally ``product_id``,
    ``conversation_id``, ``ai_profile``, ``source``, ``event_id``, ``occurred_at``.

    Returns ``recorded``, ``duplicate`` or ``ignored``. Raises ``EventError``, and ``django.db.DatabaseError`` while the
    database cannot take it.
    """
    return _record("sendInteraction", visitor, company, fields)


def record_cart_event(visitor: HttpRequest | Visitor, *, company: str | None = None, **fields: Any) -> Outcome:
    """Record one change of a cart: ``type``, ``product_id``, ``product_name``, ``value``, ``currency``, ``quantity``
    (what is left), and optionally ``source``, ``event_id``, ``occurred_at``. As ``record_interaction`` otherwise.
    """
    return _record("sendCartEvent", visitor, company, fields)


def record_order(visitor: HttpRequest | Visitor | None, *, company: str | None = None, **fields: Any) -> Outcome:
    """Record, or confirm, one order: ``order_id``, ``value``, ``currency``, and optionally ``line_items`` (mappings),
    ``source``, ``event_id``, ``occurred_at``.

    Also returns ``confirmed`` (a known order) and, without a visitor, ``pending`` (an order not reported yet).
    Otherwise as ``record_interaction``.
    """
    return _record("sendCheckoutEvent", visitor, company, fields)


def record_orders(orders: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """Record, or confirm, any number of orders, and return the outcome of each, in order.

    An order is a mapping of the arguments of ``record_order``: its fields, and ``visitor`` unless it names nobody.

    All are validated first. If any is invalid, nothing is recorded: ``InvalidEvent`` names the fields by the order's
    index, such as ``orders[3].value``, all of them or about the first 100. The rest are recorded in transactions of 500
    orders. One that the database refuses is ``invalid`` with the reason ``not_storable`` and harms no other. While the
    database cannot take them, ``django.db.DatabaseError`` is raised, and earlier transactions stay: call it again with
    the same orders, and those that have an ``order_id`` or an ``event_id`` are not recorded twice.
    """
    return _record_all("sendCheckoutEvent", "orders", orders, company)


def record_cart_events(events: Iterable[Mapping[str, Any]], *, company: str | None = None) -> list[Outcome]:
    """Record any number of cart changes, and return the outcome of each, in order.

    An event is a mapping of the arguments of ``record_cart_event``, with the ``visitor``. As ``record_orders``
    otherwise; ``InvalidEvent`` names fields such as ``events[3].value``, and only events with an ``event_id`` are not
    recorded twice.
    """
    return _record_all("sendCartEvent", "events", events, company)


def refund_order(*, company: str | None = None, **fields: Any) -> Outcome:
    """Put a refund beside its order: ``order_id``, ``refund_id``, ``value``, ``currency`` (the order's), and optionally
    ``occurred_at``. Returns ``recorded``, ``duplicate`` or ``ignored``; as ``record_interaction`` otherwise.
    """
    row = _find_company(company)
    try:
        data = _REFUND.parse({**_as_json(fields), "company_key": row.key}, received_at=timezone.now())
        outcome = record_refund(row, data)
    except InvalidRequest as error:
        raise _invalid(error) from None
    except InvalidValue as error:
        raise InvalidEvent({"currency" if error.code == "currency_mismatch" else "value": error.code}) from None
    _count(row, "refund", outcome)
    return outcome


def record_interaction_on_commit(visitor: HttpRequest | Visitor, *, company: str | None = None, **fields: Any) -> None:
    """``record_interaction`` once the open transaction is committed. Errors are logged, never raised."""
    _after_commit(record_interaction, visitor, company=company, **fields)


def record_cart_event_on_commit(visitor: HttpRequest | Visitor, *, company: str | None = None, **fields: Any) -> None:
    """``record_cart_event`` once the open transaction is committed. Errors are logged, never raised."""
    _after_commit(record_cart_event, visitor, company=company, **fields)


def record_order_on_commit(visitor: HttpRequest | Visitor | None, *, company: str | None = None, **fields: Any) -> None:
    """``record_order`` once the open transaction is committed. Errors are logged, never raised."""
    _after_commit(record_order, visitor, company=company, **fields)


def refund_order_on_commit(*, company: str | None = None, **fields: Any) -> None:
    """``refund_order`` once the open transaction is committed. Errors are logged, never raised."""
    _after_commit(refund_order, company=company, **fields)


_REFUND = serializers.RefundSerializer()


def _record(
    method: str, visitor: HttpRequest | Visitor | None, company: str | None, fields: Mapping[str, Any]
) -> Outcome:
    row = _find_company(company)
    try:
        (outcome,) = _record_valid(row, [_parse(method, visitor, row, fields)])
        if outcome.status == "invalid":
            raise InvalidEvent({"": outcome.reason})
    except InvalidEvent as error:
        event_counts.reject(row, method, "invalid", error.errors.items())
        raise
    _count(row, method, outcome)
    return outcome


def _record_all(method: str, name: str, items: Iterable[Mapping[str, Any]], company: str | None) -> list[Outcome]:
    events = _parse_all(method, name, items, _find_company(company))
    outcomes: list[Outcome] = []
    for start in range(0, len(events), limits.SERVER_BATCH_EVENTS):
        row = _find_company(company)  # again, as its time zone may change during a long import
        recorded = _record_valid(row, events[start : start + limits.SERVER_BATCH_EVENTS])
        for outcome in recorded:
            if outcome.status == "invalid":
                event_counts.reject(row, method, "invalid", [("", outcome.reason)])
            else:
                _count(row, method, outcome)
        outcomes += recorded
    return outcomes


def _record_valid(company: Company, events: Sequence[EventData | Outcome]) -> list[Outcome]:
    """Record events in one transaction. Those that must not be recorded are outcomes already."""
    recorded = iter(record(company, [event for event in events if isinstance(event, EventData)]))
    return [event if isinstance(event, Outcome) else next(recorded) for event in events]


def _parse_all(
    method: str, name: str, items: Iterable[Mapping[str, Any]], company: Company
) -> list[EventData | Outcome]:
    events: list[EventData | Outcome] = []
    errors: dict[str, str] = {}
    for index, item in enumerate(items):
        fields = dict(item)
        if "company" in fields:
            raise TypeError(f"{name}[{index}] has a company, which is an argument of the call: all have the same")
        try:
            events.append(_parse(method, fields.pop("visitor", None), company, fields))
        except InvalidEvent as error:
            event_counts.reject(company, method, "invalid", error.errors.items())
            errors |= {f"{name}[{index}].{path}".removesuffix("."): code for path, code in error.errors.items()}
            if len(errors) >= limits.ERRORS:
                break
    if errors:
        raise InvalidEvent(errors)
    return events


def _parse(
    method: str, visitor: HttpRequest | Visitor | None, company: Company, fields: Mapping[str, Any]
) -> EventData | Outcome:
    """Validate an event; return the outcome of one that must not be recorded. Raises ``InvalidEvent``."""
    if isinstance(visitor, HttpRequest):
        if refuses_tracking(visitor):
            return _PRIVACY_SIGNAL
        # A visitor without a cookie must not be taken for the visitor who reports the same order later.
        visitor = visitor_of(visitor, company.key) or Visitor(uuid.uuid4(), None)
    body = _as_json(fields) | {"company_key": company.key}
    if visitor is not None:
        body["user_fingerprint"] = str(visitor.user_fingerprint or "")
        body["user_faq_fingerprint"] = str(visitor.faq_fingerprint or "")
    try:
        return serializers.METHODS[method].parse(body, received_at=timezone.now(), trust=Trust.CONFIRMED)
    except InvalidRequest as error:
        raise _invalid(error) from None


def _count(company: Company, method: str, outcome: Outcome) -> None:
    """Count an event once the open transaction is committed."""
    transaction.on_commit(partial(event_counts.count, company, method, outcome.status, outcome.reason), robust=True)


def _find_company(key: str | None) -> Company:
    key = key or conf.company_key
    known = find_company(key) if key else None
    if known is None:
        raise UnknownCompany(f"There is no company with the key {key!r}.")
    return known.company


def _as_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as JSON has them, which is what the rules take."""
    body = dict(fields)
    if isinstance(body.get("occurred_at"), datetime):
        body["occurred_at"] = body["occurred_at"].isoformat()
    if isinstance(body.get("event_id"), uuid.UUID):
        body["event_id"] = str(body["event_id"])
    if isinstance(body.get("line_items"), tuple | list):
        body["line_items"] = [dict(item) if isinstance(item, Mapping) else item for item in body["line_items"]]
    return body


def _invalid(request: InvalidRequest) -> InvalidEvent:
    return InvalidEvent({error.field: error.code for error in request.errors})


def _after_commit(function: Callable[..., Outcome], *args: Any, **fields: Any) -> None:
    occurred_at = fields.get("occurred_at") or timezone.now()
    event = {**fields, "occurred_at": occurred_at}
    transaction.on_commit(partial(_call_and_log, function, *args, **event), robust=True)


def _call_and_log(function: Callable[..., Outcome], *args: Any, **fields: Any) -> None:
    try:
        function(*args, **fields)
    except EventError as error:
        logger.error("%s: %s", function.__name__, error)
    except Exception as error:
        # Without its text, which may quote the event.
        logger.error("%s: %s", function.__name__, type(error).__name__)
