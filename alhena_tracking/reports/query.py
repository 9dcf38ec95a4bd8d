"""The query of a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from alhena_tracking.conf import conf
from alhena_tracking.models import Company, Interaction, Order, Refund, Trust, VisitorSession
from alhena_tracking.querysets import (
    DaysQuerySet,
    InteractionQuerySet,
    OrderQuerySet,
    RefundQuerySet,
    VisitorSessionQuerySet,
)
from alhena_tracking.reports.periods import Grain, Period
from alhena_tracking.reports.sections import Section

_Rows = TypeVar("_Rows", bound=DaysQuerySet[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """A query. An empty ``currency`` means the company's main one or the busiest; other empty filters match everything.

    ``channel``, ``ai_profile`` and ``trust`` filter cart events and orders by their credit; ``channel`` and
    ``ai_profile`` also filter sessions, by each that they belong to (see ``SessionSums``). Rows are added up by
    ``grain``. ``is_compared`` adds the figures of ``compared_with``, or of the previous period where that is ``None``;
    of one day, only what happened by ``until``. ``is_converted`` adds one sum of all currencies, ``sections`` what else
    is read on request.
    """

    company: Company
    period: Period
    currency: str = ""
    channel: str = ""
    ai_profile: str = ""
    trust: str = ""
    grain: Grain = Grain.DAY
    is_compared: bool = True
    compared_with: Period | None = None
    until: datetime | None = None
    is_converted: bool = False
    sections: frozenset[Section] = frozenset()

    @property
    def compared(self) -> Period | None:
        """The period to compare with; ``None`` if nothing is compared."""
        return (self.compared_with or self.period.previous) if self.is_compared else None

    @property
    def credit(self) -> dict[str, str]:
        """The lookups for cart events and orders."""
        return {**self.visits, **({"trust": self.trust} if self.trust else {})}

    @property
    def visits(self) -> dict[str, str]:
        """The lookups of channel and AI profile."""
        chosen = {"channel": self.channel, "ai_profile": self.ai_profile}
        return {name: value for name, value in chosen.items() if value}

    def credited(self, rows: _Rows, *periods: Period, **lookups: object) -> _Rows:
        """Filter cart events or orders by the query, in any of the periods, unordered."""
        return self.of_company(rows, *periods, **self.credit, **lookups)

    @property
    def converting(self) -> list[str]:
        """The levels of trust of the orders by which a session counts as one with an order."""
        levels = Trust.by_server() if conf.confirmed_orders_only else tuple(Trust)
        return [level.value for level in levels if self.trust in {"", level.value}]

    def started(self, *periods: Period) -> VisitorSessionQuerySet[VisitorSession]:
        """Return the sessions that count and started in any of the periods, whatever the filters, unordered."""
        return self.of_company(VisitorSession.objects.counted(), *periods)

    def recommending(self, *periods: Period) -> InteractionQuerySet[Interaction]:
        """Return the qualifying interactions, of sessions that count, that recommended products in any of the periods,
        under the query's filters, unordered.
        """
        renamed = {"kind" if name == "channel" else name: value for name, value in self.visits.items()}
        return self.of_company(Interaction.objects.recommending(), *periods, **renamed)

    def orders(self, *periods: Period, **lookups: object) -> OrderQuerySet[Order]:
        """Return the orders under the query's filters that count as revenue, in any of the periods, unordered."""
        return self.credited(Order.objects.counted(), *periods, **lookups)

    def refunds(self, *periods: Period, **lookups: object) -> RefundQuerySet[Refund]:
        """Return the refunds made in any of the periods of orders that count as revenue, of any day, unordered."""
        orders = {**Order.objects.counting(), **self.credit, **lookups}
        return self.of_company(
            Refund.objects.all(), *periods, **{f"refunded_order__{name}": value for name, value in orders.items()}
        )

    def of_company(self, rows: _Rows, *periods: Period, **lookups: object) -> _Rows:
        """Filter rows by the company and the periods, unordered."""
        ranges = ((period.start, period.end) for period in periods)
        return rows.on_days(ranges, company=self.company, **lookups).order_by()
