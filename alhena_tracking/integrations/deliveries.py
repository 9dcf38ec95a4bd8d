"""Take a verified delivery: map it, record its events, and remember it, so that the same again is a duplicate."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError

from alhena_tracking.db.transactions import atomic, retried, rows_of, time_limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import ORDER, REFUND
from alhena_tracking.digests import text_digest
from alhena_tracking.events.errors import InvalidEvent
from alhena_tracking.events.reading import Read, read_event
from alhena_tracking.ingestion import EventData, Outcome, Visitor, record
from alhena_tracking.integrations.mapping import Mapped, MappedOrder, MappedRefund, MappingOptions
from alhena_tracking.integrations.platform import Platform
from alhena_tracking.models import Company, EventCount, PrivacyRequest, Trust, WebhookDelivery

logger = logging.getLogger(__name__)

#: What a mapping function raises for a payload of another shape than it knows.
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
#: Namespace of the event ids of buyers' claims.
_CLAIMS = UUID("5b3ad9a9-3b2a-4f0e-8d0f-0c9e5f1c8a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery whose signature is valid. ``id`` may be any text that another delivery does not have."""

    company: Company
    platform: Platform
    topic: str
    id: str
    payload: Mapping[str, Any]
    options: MappingOptions
    received_at: datetime

    @property
    def digest(self) -> UUID:
        return text_digest(f"{self.platform.name} {self.id}")

    def is_known(self) -> bool:
        with time_limits():
            return bool(rows_of(WebhookDelivery).filter(company=self.company, digest=self.digest).exists())

    def count(self, outcome: str, reason: str = "") -> None:
        method = EventCount.webhook_method(self.platform.name, self.topic)
        event_counts.count(self.company, method, outcome, reason)


def take(delivery: Delivery) -> list[Outcome]:
    """Record what a delivery says, and count it. What is returned is committed.

    The outcomes are those of its events, or the one of a delivery that has none. Recording the same again changes
    nothing, so a delivery is remembered after its events: one that is interrupted in between may be repeated.

    Raises ``django.db.DatabaseError`` while the database cannot take it.
    """
    if delivery.is_known():
        outcomes = [Outcome("duplicate")]
    else:
        mapped = map_safely(delivery.platform, delivery.topic, delivery.payload, delivery.options)
        outcomes = record_mapped(delivery.company, mapped)
        _remember(delivery, mapped)
        outcomes = mapped_outcomes(mapped, outcomes)
    _count(delivery, outcomes)
    return outcomes


def record_mapped(company: Company, mapped: Mapped) -> list[Outcome]:
    """Record the events of one payload in one transaction, count them, and return an outcome for each.

    An order that a buyer claims is recorded as a browser reports it, and then confirmed: its outcome is that of the
    confirmation.
    """
    read = [_read(company, event) for event in mapped.events]
    events = [event for each in read for event in _with_claim(each)]
    outcomes = iter(record(company, [event for _, event in events if isinstance(event, EventData)], is_durable=True))
    results = []
    for each in read:
        for method, event in _with_claim(each):
            outcome = next(outcomes) if isinstance(event, EventData) else event
            _count_event(company, method, event, outcome)
        results.append(outcome)
    return results


@dataclass(frozen=True, slots=True)
class _Read:
    method: str
    event: Read
    claimed_by: Visitor | None = None


def _read(company: Company, mapped: MappedOrder | MappedRefund) -> _Read:
    method = ORDER if isinstance(mapped, MappedOrder) else REFUND
    visitor = mapped.visitor if isinstance(mapped, MappedOrder) else None
    claimed_by = mapped.claimed_by if isinstance(mapped, MappedOrder) and visitor is None else None
    try:
        return _Read(method, read_event(method, visitor, company, mapped.fields), claimed_by)
    except InvalidEvent as error:  # which read_event has counted
        (code, *_) = error.errors.values()
        return _Read(method, Outcome("invalid", reason=code))


def _with_claim(read: _Read) -> Sequence[tuple[str, Read]]:
    """Return the event, after the report of the buyer who claims it."""
    event = read.event
    if read.claimed_by is None or not isinstance(event, EventData) or getattr(event, "is_cancelled", False):
        return [(read.method, event)]
    order_id = getattr(event, "order_id", "")
    claim = replace(
        event,
        visitor=read.claimed_by,
        trust=Trust.REPORTED,
        event_id=uuid5(_CLAIMS, f"{order_id} {read.claimed_by.user_fingerprint} {read.claimed_by.faq_fingerprint}"),
        left_out=(),
    )
    return [(read.method, claim), (read.method, event)]


def _count_event(company: Company, method: str, event: Read, outcome: Outcome) -> None:
    if outcome.status == "invalid":
        if isinstance(event, EventData):
            event_counts.reject(company, method, "invalid", [(outcome.field, outcome.reason)])
        return
    event_counts.count(company, method, outcome.status, outcome.reason)
    event_counts.count_left_out(company, method, outcome.status, getattr(event, "left_out", ()))


def map_safely(platform: Platform, topic: str, payload: Mapping[str, Any], options: MappingOptions) -> Mapped:
    """Map a payload; one of another shape than its function knows is ``unreadable``."""
    map_payload = platform.topics.get(topic)
    if map_payload is None:
        return Mapped(reason="unknown_topic")
    try:
        return map_payload(payload, options)
    except _UNREADABLE as error:
        # Without the error's text, which may quote the payload.
        logger.error("A %s of %s cannot be read: %s", topic, platform.title, type(error).__name__)
        return Mapped(reason="unreadable")


def mapped_outcomes(mapped: Mapped, outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes of a payload: its reason if it has one, else those of its events."""
    return [Outcome("ignored", reason=mapped.reason)] if mapped.reason else outcomes or [Outcome("recorded")]


def _remember(delivery: Delivery, mapped: Mapped) -> None:
    def insert() -> None:
        # A single row needs no transaction of several messages.
        with atomic(is_durable=True) if mapped.privacy_request else nullcontext():
            rows_of(WebhookDelivery).create(
                company=delivery.company, digest=delivery.digest, received_at=delivery.received_at
            )
            if request := mapped.privacy_request:
                rows_of(PrivacyRequest).create(
                    company=delivery.company,
                    platform=delivery.platform.name,
                    kind=request.kind,
                    order_ids=list(request.order_ids),
                    received_at=delivery.received_at,
                )

    with suppress(IntegrityError):  # another process has taken the same delivery meanwhile
        retried(insert, is_durable=True)


def _count(delivery: Delivery, outcomes: Sequence[Outcome]) -> None:
    """Count the delivery under its topic, by what happened to its first event."""
    first = outcomes[0]
    delivery.count(first.status, first.reason)
