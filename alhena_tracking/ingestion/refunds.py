"""The refunds of one order: those that belong to it, and those that wait for it or do not fit it yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import (
    CURRENCY_MISMATCH,
    DUPLICATE,
    EXCEEDS_ORDER,
    UNKNOWN_ORDER,
    Outcome,
    RefundData,
)
from alhena_tracking.models import Company, Order, Refund


class Refunds:
    """The refunds under one order id, in order of arrival.

    A refund that once belonged to the order stays with it. Where the order's value falls, the latest count less.
    """

    def __init__(self, rows: Iterable[Refund] = ()) -> None:
        self.rows = list(rows)
        self.superseded: list[Refund] = []
        self._stored = {refund.pk: _place_of(refund) for refund in self.rows}

    @property
    def counted_minor(self) -> int:
        """What counts of all refunds together, in minor units of the order's currency."""
        return sum(refund.counted_minor for refund in self.rows)

    def add(self, company: Company, order: Order | None, data: RefundData) -> Outcome:
        """Add a refund."""
        known = self.find(data.refund_id)
        if known is not None and known.refunded_order is not None:
            return DUPLICATE
        if order is not None and data.currency != order.currency:
            return CURRENCY_MISMATCH
        if known is not None:  # does not belong to the order yet, so the latest version replaces it
            self.rows.remove(known)
            self.superseded.append(known)
        refund = order_rows.new_refund(company, data)
        self.rows.append(refund)
        if order is None:
            return UNKNOWN_ORDER
        if refund.value_minor > self._left(order):
            return EXCEEDS_ORDER
        refund.refunded_order = order
        self._share_out(order)
        return Outcome("recorded", refund.event_id)

    def find(self, refund_id: str) -> Refund | None:
        digest = text_digest(refund_id)
        return next((refund for refund in self.rows if refund.refund_id_digest == digest), None)

    def fit(self, order: Order, now: datetime) -> None:
        """Attach what waits and fits the order's value, in order of arrival, and set what counts of each refund."""
        for refund in self.rows:
            is_waiting = refund.refunded_order is None and now - refund.received_at <= PENDING_AGE
            if is_waiting and refund.currency == order.currency and refund.value_minor <= self._left(order):
                refund.refunded_order = order
        self._share_out(order)

    def changed(self) -> list[Refund]:
        """Return the refunds of which something else counts than is stored."""
        return [refund for refund in self.rows if self._stored.get(refund.pk, (False, 0)) != _place_of(refund)]

    def _attached(self, order: Order) -> list[Refund]:
        """Return the refunds that count against the order's value: not those in a currency that it had before."""
        return [row for row in self.rows if row.refunded_order is not None and row.currency == order.currency]

    def _left(self, order: Order) -> int:
        return order.value_minor - sum(refund.value_minor for refund in self._attached(order))

    def _share_out(self, order: Order) -> None:
        """Let the refunds fill the order's value, the earliest first."""
        for refund in self.rows:
            refund.counted_minor = 0
        left = order.value_minor
        for refund in sorted(self._attached(order), key=lambda refund: refund.occurred_at):
            refund.counted_minor = min(refund.value_minor, left)
            left -= refund.counted_minor


def _place_of(refund: Refund) -> tuple[bool, int]:
    return refund.refunded_order is not None, refund.counted_minor
