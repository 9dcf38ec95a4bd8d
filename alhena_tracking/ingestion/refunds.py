"""The refunds of one order: those that count against it, and those that wait for it or do not fit it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import DUPLICATE, UNKNOWN_ORDER, Outcome, RefundData
from alhena_tracking.models import Company, Order, Refund


class Refunds:
    """The refunds under one order id, in order of arrival."""

    def __init__(self, rows: Iterable[Refund] = ()) -> None:
        self.rows = list(rows)
        self.superseded: Refund | None = None
        self._attached = {refund.pk for refund in self.rows if refund.refunded_order_id is not None}

    def add(self, company: Company, order: Order | None, data: RefundData) -> Outcome:
        """Add a refund. Raises ``InvalidValue`` where it does not fit the order."""
        known = self.find(data.refund_id)
        if known is not None and known.refunded_order is not None:
            return DUPLICATE
        if order is not None:
            if data.currency != order.currency:
                raise InvalidValue("currency_mismatch")
            refunded = sum(refund.value_minor for refund in self.rows if refund.refunded_order is not None)
            if refunded + data.value_minor > order.value_minor:
                raise InvalidValue("exceeds_order")
        if known is not None:  # not attached yet, so the latest version replaces it
            self.rows.remove(known)
            self.superseded = known
        refund = order_rows.new_refund(company, data)
        refund.refunded_order = order
        self.rows.append(refund)
        return Outcome("recorded", refund.event_id) if order else UNKNOWN_ORDER

    def find(self, refund_id: str) -> Refund | None:
        digest = text_digest(refund_id)
        return next((refund for refund in self.rows if refund.refund_id_digest == digest), None)

    def fit(self, order: Order, now: datetime) -> None:
        """Attach the refunds that fit the order's current value, in order of arrival; detach the others."""
        left = order.value_minor
        for refund in self.rows:
            is_there = refund.refunded_order is not None or now - refund.received_at <= PENDING_AGE
            fits = is_there and refund.currency == order.currency and refund.value_minor <= left
            refund.refunded_order = order if fits else None
            left -= refund.value_minor if fits else 0

    def changed(self) -> list[Refund]:
        """Return the refunds that are attached to the order now and were not, or the other way round."""
        return [refund for refund in self.rows if (refund.refunded_order is not None) != (refund.pk in self._attached)]
