"""Fetch the orders that webhooks missed: WooCommerce repeats nothing, and disables a webhook after five failures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, Literal

from django.db import DatabaseError

from alhena_tracking.db.transactions import persistently, rows_of
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import REFUND
from alhena_tracking.digests import text_digest
from alhena_tracking.integrations.connections import Connection
from alhena_tracking.integrations.deliveries import map_safely, mapped_outcomes, record_mapped
from alhena_tracking.integrations.woocommerce.orders import modified_at, refund_ids
from alhena_tracking.integrations.woocommerce.platform import PULL, WooCommerce
from alhena_tracking.integrations.woocommerce.rest import PER_PAGE, RestApi, RestError
from alhena_tracking.models import Company, EventCount, Refund
from alhena_tracking.order_ids import in_one_form

#: The most that one run fetches of a shop: of the bin and of the other orders each.
PAGES = 50
SECONDS = 240
#: Orders that were changed so long before the last run's latest are fetched again: a transaction of the shop's may have
#: ended late. It is longer than a run, in which orders may be put into the bin behind its back.
OVERLAP = timedelta(minutes=10)

_UNAVAILABLE = "the database could not record them"
_SHAPES = (LookupError, TypeError, ValueError, AttributeError)


@dataclass(slots=True)
class Pulled:
    """What one run fetched. ``until``: what the shop changed until then is recorded.

    ``deleted_refunds`` are pairs of an order's id and that of a refund which counts though the shop no longer has it.
    """

    until: datetime
    orders: int = 0
    is_complete: bool = True
    error: str = ""
    deleted_refunds: list[tuple[str, str]] = field(default_factory=list)


def pull(company: Company, connection: Connection, since: datetime) -> Pulled:
    """Fetch and record the orders that the shop changed since a time, in several runs if there are many.

    Errors end the run, are counted, and are said in ``error``.
    """
    run = _Run(company, connection)
    result = Pulled(since)
    reached: list[datetime] = []
    latest = since
    statuses: tuple[Literal["trash", "any"], ...] = ("trash", "any")
    for status in statuses:
        walk = _Walk(since - OVERLAP)
        try:
            for orders in run.pages(status, walk):
                run.record(orders, result)
                latest = max([latest, *_times(orders)])
        except RestError as error:
            result.error = str(error)
            run.count("error", error.code)
        except DatabaseError:
            result.error = _UNAVAILABLE
        if not walk.is_done:
            result.is_complete = False
            reached.append(walk.after)
        if result.error:
            # Of the other orders nothing is known.
            reached.append(since if status == "trash" else walk.after)
            break
    result.until = max(since, min([latest, *reached]))
    return result


@dataclass(slots=True)
class _Walk:
    """A place among the orders by the time of their last change, and whether no order is left."""

    after: datetime
    page: int = 1
    is_done: bool = False

    def step(self, orders: Sequence[Mapping[str, Any]]) -> None:
        """Go on after a recorded page, by the time of its last order: an order that changes meanwhile moves to the end,
        and all pages with it.
        """
        times = list(_times(orders))
        self.is_done = len(orders) < PER_PAGE
        # Orders of the same second may stand on the next page.
        after = times[-1] - timedelta(seconds=1) if times else self.after
        if after > self.after and times == sorted(times):
            self.after, self.page = after, 1
        else:
            self.page += 1


class _Run:
    def __init__(self, company: Company, connection: Connection) -> None:
        self.company = company
        self.options = connection.options
        self.api = RestApi(connection.shop, connection.api_key, connection.api_secret)
        self.platform = WooCommerce()
        self.ends_at = monotonic() + SECONDS

    def pages(self, status: Literal["trash", "any"], walk: _Walk) -> Iterator[list[dict[str, Any]]]:
        for _ in range(PAGES):
            if walk.is_done or monotonic() > self.ends_at:
                return
            orders = self.api.orders(status=status, modified_after=walk.after, page=walk.page)
            if any(time < walk.after - timedelta(days=1) for time in _times(orders)):
                raise RestError("outdated")  # it has ignored the time
            yield orders
            walk.step(orders)

    def record(self, orders: Collection[dict[str, Any]], result: Pulled) -> None:
        for order in orders:
            mapped = map_safely(self.platform, "order.updated", order, self.options)
            first, *_ = mapped_outcomes(mapped, persistently(partial(record_mapped, self.company, mapped)))
            self.count(first.status, first.reason)
        result.orders += len(orders)
        for order_id, refund_id in self._deleted_refunds(orders):
            event_counts.count(self.company, REFUND, "ignored", "refund_deleted")
            result.deleted_refunds.append((order_id, refund_id))

    def count(self, outcome: str, reason: str) -> None:
        method = EventCount.webhook_method(self.platform.name, PULL)
        event_counts.count(self.company, method, outcome, reason)

    def _deleted_refunds(self, orders: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        """Return the refunds that count, and that these orders no longer have."""
        known = {}
        for order in orders:
            try:
                known[text_digest(in_one_form(str(order["id"])))] = refund_ids(order)
            except _SHAPES:
                continue  # counted as unreadable
        rows = rows_of(Refund).filter(company=self.company, order_id_digest__in=known, refunded_order__isnull=False)
        for row in rows.order_by("pk"):
            if row.refund_id not in known[row.order_id_digest]:
                yield row.order_id, row.refund_id


def _times(orders: Iterable[Mapping[str, Any]]) -> Iterator[datetime]:
    for order in orders:
        try:
            at = modified_at(order)
        except _SHAPES:
            continue
        if at is not None:
            yield at
