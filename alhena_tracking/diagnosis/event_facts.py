"""The facts that the checks judge: sums of the counts, and the rows stored last.

Every query is bounded, however long the history. Counts have a row a day, kind and reason. Of events, at most the last
``SAMPLED`` are read, and looked for among the last ``SCANNED`` rows of their table (of confirmations that wait,
``SCANNED_WAITING``); those of a company that is so quiet are looked for on the last days for which any were counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, ExpressionWrapper, F, Max, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from alhena_tracking.contract.limits import EVENT_AGE, PENDING_AGE
from alhena_tracking.diagnosis.outcomes import ACCEPTED, CART_EVENT, INTERACTION, ORDER, REFUND
from alhena_tracking.diagnosis.unmet_ids import NamedOrder, Pair, unmet_pairs
from alhena_tracking.models import (
    CartEvent,
    Company,
    EventCount,
    Interaction,
    MaintenanceStep,
    Order,
    OrderLine,
    PendingConfirmation,
    Redating,
    Refund,
    RejectedEvent,
    Trust,
)
from alhena_tracking.querysets import DatedQuerySet

SAMPLED = 200
SCANNED = 2000
#: In most shops more orders are waiting than of visitors who use the assistant.
SCANNED_WAITING = 20_000
#: Days that the counts are summed over, today included; and those of them by which is judged how things are now.
SUMMED_DAYS = 30
RECENT_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSums:
    """How many events of one method had one outcome, for one reason, and the day and time of the last one."""

    method: str
    outcome: str
    reason: str
    today: int
    recent: int
    summed: int
    last_on: date
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The last events of one method that are stored, the last first."""

    received_at: tuple[datetime, ...] = ()
    #: How old the events from the shop's server were when they came.
    server_delays: tuple[timedelta, ...] = ()
    reported: int = 0
    qualifying: int = 0

    @property
    def last_at(self) -> datetime | None:
        return max(self.received_at, default=None)

    def __len__(self) -> int:
        return len(self.received_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSums:
    """An order beside what its lines add up to: as stored, multiplied and divided by their quantities."""

    has_id: bool
    value_minor: int
    has_lines: bool = False
    total: Decimal = Decimal(0)
    multiplied: Decimal = Decimal(0)
    divided: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What came in for a company. ``rejections`` and ``orders`` are the last ones, the last first."""

    company: Company
    now: datetime
    #: When a template last rendered the snippet, to the minute; ``None`` if not within ``SUMMED_DAYS``.
    snippet_seen_at: datetime | None
    #: How the tag of an order was rendered.
    order_tags: tuple[OutcomeSums, ...]
    #: Requests through proxies that ``TRUSTED_PROXIES`` does not count.
    forwarded: tuple[OutcomeSums, ...]
    #: Deliveries of webhooks; the events in them are among the ``outcomes``, too.
    deliveries: tuple[OutcomeSums, ...]
    rejections: Collection[RejectedEvent]
    outcomes: tuple[OutcomeSums, ...]
    samples: dict[str, Sample]
    orders: tuple[OrderSums, ...]
    #: Ids of orders that have another one on the shop's server; ``None`` without ids of both sides.
    unmet_ids: tuple[Pair, ...] | None
    #: While rows may have days of a former time zone.
    redating: Redating | None
    #: The steps of maintenance that have ever run, of the whole installation.
    maintenance: tuple[MaintenanceStep, ...]

    @property
    def today(self) -> date:
        return self.now.astimezone(self.company.zone).date()

    @property
    def is_uncounted(self) -> bool:
        """Whether events are stored that are in no count: the first ones, for some seconds."""
        stored_at = max((sample.last_at for sample in self.samples.values() if sample.last_at), default=None)
        is_recent = stored_at is not None and self.now - stored_at < timedelta(days=RECENT_DAYS)
        return is_recent and not recent(self.outcomes)

    @property
    def recent_rejections(self) -> list[RejectedEvent]:
        since = self.today - timedelta(days=RECENT_DAYS - 1)
        return [row for row in self.rejections if row.received_at.astimezone(self.company.zone).date() >= since]

    def rejected_for(self, code: str) -> list[RejectedEvent]:
        return [row for row in self.recent_rejections if any(code == error["code"] for error in row.errors)]

    def select(
        self, *, methods: Collection[str] = (), outcomes: Collection[str] = (), reasons: Collection[str] = ()
    ) -> list[OutcomeSums]:
        """Return the sums of these methods, outcomes and reasons; of all, where none are named."""
        return [
            sums
            for sums in self.outcomes
            if (not methods or sums.method in methods)
            and (not outcomes or sums.outcome in outcomes)
            and (not reasons or sums.reason in reasons)
        ]

    def accepted(self, *methods: str) -> int:
        return recent(self.select(methods=methods, outcomes=ACCEPTED))


def recent(sums: Iterable[OutcomeSums]) -> int:
    return sum(each.recent for each in sums)


def read_facts(company: Company, *, now: datetime) -> EventFacts:
    """Read the facts.

    Takes nine queries, two more for each kind of event that is rare, and one more after a change of the time zone.
    """
    sums = _sums(company, now.astimezone(company.zone).date())
    renderings = [each.last_at for each in sums if each.method == EventCount.SNIPPET]
    interactions, carts, orders, refunds = (
        _last_rows(rows, company)
        for rows in (Interaction.objects.all(), CartEvent.objects.all(), Order.objects.all(), Refund.objects.all())
    )
    return EventFacts(
        company=company,
        now=now,
        snippet_seen_at=max(renderings, default=None),
        order_tags=tuple(each for each in sums if each.method == EventCount.ORDER_TAG),
        forwarded=tuple(each for each in sums if each.method == EventCount.PROXY),
        rejections=list(RejectedEvent.objects.filter(company=company)[: RejectedEvent.KEPT]),
        deliveries=tuple(each for each in sums if EventCount.webhook_of(each.method)),
        outcomes=tuple(
            each for each in sums if each.method not in EventCount.NO_EVENTS and not EventCount.webhook_of(each.method)
        ),
        samples={
            INTERACTION: _sample(interactions),
            CART_EVENT: _sample(carts),
            ORDER: _sample(orders),
            REFUND: Sample(received_at=tuple(row.received_at for row in refunds)),
        },
        orders=_order_sums(orders),
        unmet_ids=_unmet_ids(company, [row for row in orders if now - row.received_at <= PENDING_AGE]),
        redating=company.redating,
        maintenance=tuple(MaintenanceStep.objects.all()),
    )


def _sums(company: Company, today: date) -> tuple[OutcomeSums, ...]:
    def since(days: int) -> date:
        return today - timedelta(days=days - 1)

    # Until tomorrow: a company that moves to a zone further west has counted for a day that has not begun there.
    rows = EventCount.objects.filter(company=company, counted_on__gte=since(SUMMED_DAYS)).order_by()
    return tuple(
        OutcomeSums(**row)
        for row in rows.values("method", "outcome", "reason").annotate(
            today=Sum("count", filter=Q(counted_on__gte=today), default=0),
            recent=Sum("count", filter=Q(counted_on__gte=since(RECENT_DAYS)), default=0),
            summed=Sum("count"),
            last_on=Max("counted_on"),
            last_at=Max("last_at"),
        )
    )


def _last_rows(rows: DatedQuerySet[Any], company: Company) -> list[Any]:
    """Return the rows stored last, the last first: among the last ones of all companies, else of its own last days."""
    rows = rows.filter(company=company).order_by("-pk")
    found = list(_among_last(rows, SCANNED))
    if not found and (last_on := rows.order_by().aggregate(last=Max("occurred_on"))["last"]) is not None:
        found = list(rows.between(last_on - EVENT_AGE, last_on)[:SAMPLED])
    return found


def _among_last(rows: QuerySet[Any], scanned: int) -> QuerySet[Any]:
    floor = rows.model._default_manager.order_by("-pk").values("pk")[scanned : scanned + 1]
    return rows.filter(pk__gt=Coalesce(Subquery(floor), 0))[:SAMPLED]


def _unmet_ids(company: Company, orders: Collection[Order]) -> tuple[Pair, ...] | None:
    """Compare the last orders of browsers with those of the server, confirmations that wait included."""
    rows = [row for row in orders if row.order_id]
    reported = [_named(row) for row in rows if row.trust == Trust.REPORTED]
    waiting = PendingConfirmation.objects.filter(
        company=company,
        user_fingerprint_digest=None,
        faq_fingerprint_digest=None,
        value_minor__in={order.value_minor for order in reported},
    ).order_by("-pk")
    stated = [*_among_last(waiting, SCANNED_WAITING), *(row for row in rows if row.trust != Trust.REPORTED)]
    return unmet_pairs(reported, [_named(row) for row in stated]) if reported and stated else None


def _named(row: Order | PendingConfirmation) -> NamedOrder:
    return NamedOrder(row.order_id, row.currency, row.value_minor, row.occurred_at)


def _sample(rows: Iterable[Any]) -> Sample:
    rows = list(rows)
    return Sample(
        received_at=tuple(row.received_at for row in rows),
        server_delays=tuple(row.received_at - row.occurred_at for row in rows if row.trust == Trust.CONFIRMED),
        reported=sum(row.trust == Trust.REPORTED for row in rows),
        qualifying=sum(getattr(row, "is_qualifying", True) for row in rows),
    )


def _order_sums(orders: Iterable[Order]) -> tuple[OrderSums, ...]:
    orders = list(orders)

    def added(expression: Any) -> Sum:
        return Sum(ExpressionWrapper(expression, DecimalField(max_digits=30, decimal_places=3)))

    lines: Any = OrderLine.objects.filter(order__in=[order.pk for order in orders]).order_by().values("order")
    sums = {
        row["order"]: row
        for row in lines.annotate(
            total=Sum("total_minor"),
            multiplied=added(F("total_minor") * F("quantity")),
            divided=added(F("total_minor") / F("quantity")),
        )
    }
    return tuple(
        OrderSums(has_id=bool(order.order_id), value_minor=order.value_minor, **_of_lines(sums.get(order.pk)))
        for order in orders
    )


def _of_lines(sums: dict[str, Any] | None) -> dict[str, Any]:
    if sums is None:
        return {}
    return {name: Decimal(sums[name]) for name in ("total", "multiplied", "divided")} | {"has_lines": True}
