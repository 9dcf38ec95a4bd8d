"""What is asked of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from alhena_tracking.models import Company, Order, VisitorSession
from alhena_tracking.querysets import DatedQuerySet, OrderQuerySet, VisitorSessionQuerySet
from alhena_tracking.reports.figures import Period

_Rows = TypeVar("_Rows", bound=DatedQuerySet[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQuery:
    """A question. Without a ``currency`` the busiest is meant; the other filters, where empty, leave nothing out.

    ``channel``, ``ai_profile`` and ``trust`` choose among what was credited; ``channel`` and ``ai_profile`` among
    sessions, too, whose word nobody's is. Without ``is_compared`` nothing is said of the previous period.
    """

    company: Company
    period: Period
    currency: str = ""
    channel: str = ""
    ai_profile: str = ""
    trust: str = ""
    is_compared: bool = True

    @property
    def credit(self) -> dict[str, str]:
        """How to look for cart events and orders."""
        return {**self.visits, **({"trust": self.trust} if self.trust else {})}

    @property
    def visits(self) -> dict[str, str]:
        """How to look for sessions."""
        chosen = {"channel": self.channel, "ai_profile": self.ai_profile}
        return {name: value for name, value in chosen.items() if value}

    def credited(self, rows: _Rows, period: Period, **lookups: object) -> _Rows:
        """Those of some cart events or orders that are asked for, in a period, in no order."""
        return rows.between(period.start, period.end).filter(company=self.company, **self.credit, **lookups).order_by()

    def started(self, period: Period) -> VisitorSessionQuerySet[VisitorSession]:
        """The sessions that are asked for and started in a period, in no order."""
        sessions = VisitorSession.objects.between(period.start, period.end)
        return sessions.filter(company=self.company, **self.visits).order_by()

    def orders(self, period: Period, **lookups: object) -> OrderQuerySet[Order]:
        """The orders that are asked for and are revenue, in a period, in no order."""
        return self.credited(Order.objects.counted(), period, **lookups)
