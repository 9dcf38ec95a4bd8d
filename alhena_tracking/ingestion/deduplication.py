"""Deduplicate orders without an id by their contents."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from alhena_tracking.contract.limits import EQUAL_ORDER_INTERVAL
from alhena_tracking.ingestion import insertions
from alhena_tracking.ingestion.data import DUPLICATE, OrderData, Outcome
from alhena_tracking.ingestion.order_rows import new_lines, new_order, stored_lines
from alhena_tracking.ingestion.visits import Attribution, Identities
from alhena_tracking.models import Company, Order

_Contents: TypeAlias = tuple[int, str, int, tuple[tuple[int, Decimal, int], ...]]


class OrdersWithoutId:
    """The orders without an id in the current transaction.

    By contract, an order of the same session with the same value, currency and lines within ``EQUAL_ORDER_INTERVAL`` is
    a duplicate.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self.written: list[Order] = []
        self._added: list[tuple[int, Order, list[dict[str, Any]], Outcome]] = []

    def __bool__(self) -> bool:
        return bool(self._added)

    def add(self, number: int, data: OrderData, attribution: Attribution) -> None:
        """Add an order, the ``number``-th event of the transaction."""
        outcome = Outcome("recorded", data.event_id)
        order = new_order(self.company, data, attribution)
        self._added.append((number, order, stored_lines(data.line_items), outcome))

    def sessions(self) -> set[int]:
        return {order.session_id for _, order, _, _ in self._added}

    def write(self, identities: Identities) -> dict[int, Outcome]:
        """Insert the orders that are not duplicates; return outcomes by number. Sessions must be locked."""
        if not self._added:
            return {}
        for _, order, _, _ in self._added:
            identities.resolve(order)
        seen = self._stored()
        outcomes = {}
        lines = []
        for number, order, lines_data, outcome in self._added:
            rows = new_lines(order, lines_data)
            contents = _contents(order, rows)
            if any(abs(order.occurred_at - at) <= EQUAL_ORDER_INTERVAL for at in seen.get(contents, [])):
                outcomes[number] = DUPLICATE
                continue
            seen.setdefault(contents, []).append(order.occurred_at)
            outcomes[number] = outcome
            self.written.append(order)
            lines += rows
        insertions.insert(self.written)
        for line in lines:
            line.order_id = line.order.pk
        insertions.insert(lines)
        return outcomes

    def _stored(self) -> dict[_Contents, list[datetime]]:
        """Return the times of stored orders of the same sessions, by contents."""
        times = [order.occurred_at for _, order, _, _ in self._added]
        stored = Order.objects.filter(
            session__in=self.sessions(),
            order_id_digest__isnull=True,
            occurred_at__gte=min(times) - EQUAL_ORDER_INTERVAL,
            occurred_at__lte=max(times) + EQUAL_ORDER_INTERVAL,
        )
        seen: dict[_Contents, list[datetime]] = {}
        for order in stored.prefetch_related("lines"):
            seen.setdefault(_contents(order, order.lines.all()), []).append(order.occurred_at)
        return seen


def _contents(order: Order, lines: Any) -> _Contents:
    contents = sorted((line.product_id_digest.int, line.quantity, line.total_minor) for line in lines)
    return order.session_id, order.currency, order.value_minor, tuple(contents)
