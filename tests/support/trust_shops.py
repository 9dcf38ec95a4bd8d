"""Record sequences of reports, confirmations and refunds, and answer in the oracle's words."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from alhena_tracking import ingestion
from alhena_tracking.ingestion import (
    CartEventData,
    EventData,
    InteractionData,
    LineItemData,
    OrderData,
    Outcome,
    RefundData,
    Visitor,
)
from alhena_tracking.models import Company, Trust
from tests.support import oracle, trust_oracle
from tests.support.trust_oracle import Word
from tests.support.trust_sequences import RECEIVED_FROM, Event

#: What interactions of a kind recommend, which the oracle knows nothing of.
_RECOMMENDED = {"CHAT": ["mug"], "FAQ": ["tea", "cup"]}


@dataclass(slots=True)
class Shops:
    """The companies of a sequence, and the event ids given to its cart changes, in order of arrival."""

    companies: dict[str, Company] = field(default_factory=dict)
    cart_changes: list[UUID] = field(default_factory=list)

    def send(self, event: Event) -> str:
        """Record an event; give the answer in the oracle's words."""
        if isinstance(event, trust_oracle.Refund):
            (outcome,) = ingestion.record(self._company(event.company), [event_data(event)])
            return outcome.reason if outcome.status == "invalid" else _answer(outcome)
        (answer,) = self.send_together([event])
        return answer

    def send_together(self, events: Sequence[oracle.Event | Word]) -> list[str]:
        """Record what one visitor sent at once."""
        data = [event_data(event) for event in events]
        outcomes = ingestion.record(self._company(events[0].company), data)
        for event, recorded, outcome in zip(events, data, outcomes, strict=True):
            assert outcome.id == (recorded.event_id if outcome.status == "recorded" else None)
            if isinstance(event, oracle.CartChange):
                self.cart_changes.append(recorded.event_id)
        return [_answer(outcome) for outcome in outcomes]

    def _company(self, key: str) -> Company:
        if key not in self.companies:
            self.companies[key] = Company.objects.get_or_create(key=key, defaults={"name": key})[0]
        return self.companies[key]


def _answer(outcome: Outcome) -> str:
    return outcome.reason or outcome.status


def _visitor(ids: tuple[str | None, str | None]) -> Visitor:
    chat, faq = ids
    return Visitor(UUID(chat) if chat else None, UUID(faq) if faq else None)


def event_data(event: Event | oracle.Event) -> EventData:
    """Convert an event of a sequence for recording."""
    if isinstance(event, trust_oracle.Refund):
        return _refund_data(event)
    if isinstance(event, Word):
        return OrderData(
            visitor=_visitor(event.visitor) if event.visitor else None,
            occurred_at=event.at,
            received_at=event.received_at,
            event_id=event.event_id,
            trust=Trust.CONFIRMED if event.is_confirmation else Trust.REPORTED,
            order_id=event.order_id or "",
            is_dated=event.is_dated,
            currency=event.currency,
            value_minor=event.value_minor,
            tax_minor=event.tax_minor,
            updated_at=event.updated_at,
            is_cancelled=event.is_cancelled,
            line_items=tuple(
                LineItemData(
                    product_id=line.product_id,
                    product_name=line.product_id,
                    quantity=line.quantity,
                    value_minor=line.total_minor,
                )
                for line in event.lines
            )
            or None,
        )
    common: dict[str, Any] = {
        "visitor": _visitor((event.chat, event.faq)),
        "occurred_at": event.at,
        "received_at": RECEIVED_FROM,
        "event_id": uuid.uuid4(),
    }
    if isinstance(event, oracle.Interaction):
        products = _RECOMMENDED.get(event.kind)
        return InteractionData(
            kind=event.kind,
            ai_profile=event.ai_profile,
            conversation_id=event.ai_profile and "c-1",
            recommended_product_ids=products,
            **common,
        )
    assert isinstance(event, oracle.CartChange)
    return CartEventData(
        type=event.type,
        product_id=event.product_id,
        product_name=event.product_id,
        currency=event.currency,
        value_minor=event.value_minor,
        quantity=event.quantity,
        **common,
    )


def _refund_data(event: trust_oracle.Refund) -> RefundData:
    return RefundData(
        order_id=event.order_id,
        refund_id=event.refund_id,
        currency=event.currency,
        value_minor=event.value_minor,
        occurred_at=event.at,
        received_at=event.received_at,
    )
