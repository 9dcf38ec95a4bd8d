"""What is asked of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from alhena_tracking.models import Company, Order, VisitorSession
from alhena_tracking.querysets import DaysQuerySet, OrderQuerySet, VisitorSessionQuerySet
from alhena_tracking.reports.figures import Period

_Rows = TypeVar("_Rows", bound=DaysQuerySet[Any])


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

    def credited(self, rows: _Rows, *periods: Period, **lookups: object) -> _Rows:
        """Those of some cart events or orders that are asked for, in any of the periods, in no order."""
        return self.of_company(rows, *periods, **self.credit, **lookups)

    def started(self, *periods: Period) -> VisitorSessionQuerySet[VisitorSession]:
        """The sessions that are asked for and started in any of the periods, in no order."""
        return self.of_company(VisitorSession.objects.all(), *periods, **self.visits)

    def orders(self, *periods: Period, **lookups: object) -> OrderQuerySet[Order]:
        """The orders that are asked for and are revenue, in any of the periods, in no order."""
        return self.credited(Order.objects.counted(), *periods, **lookups)

    def of_company(self, rows: _Rows, *periods: Period, **lookups: object) -> _Rows:
        """The company's rows of some, in any of the periods, in no order."""
        ranges = ((period.start, period.end) for period in periods)
        return rows.on_days(ranges, company=self.company, **lookups).order_by()
