"""Figures by AI profile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from alhena_tracking.models import VisitorSession
from alhena_tracking.reports.breakdowns import MOST_PROFILES, credited_totals, visits_by_profile
from alhena_tracking.reports.days import SourceDays
from alhena_tracking.reports.figures import is_mixed, ratio
from alhena_tracking.reports.intervals import wilson_interval
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up

#: With fewer orders, a conversion rate says too little to be shown.
FEW_ORDERS = 30
_SUMS = ("sessions", "converted_sessions", "add_to_cart_minor", "orders", "purchase_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFigures:
    """The figures of one AI profile; ``ai_profile`` is empty for what named none. Amounts are in minor units.

    ``sessions`` are those that belong to the profile (see ``SessionSums``). ``is_mixed`` as in ``Figures``.
    """

    ai_profile: str
    sessions: int = 0
    converted_sessions: int = 0
    add_to_cart_minor: int = 0
    orders: int = 0
    purchase_minor: int = 0
    is_mixed: bool = False

    @property
    def has_few_orders(self) -> bool:
        """Whether the conversion rate and its interval are ``None`` because there are fewer than ``FEW_ORDERS``."""
        return self.orders < FEW_ORDERS

    @property
    def conversion_rate(self) -> Fraction | None:
        return None if self.has_few_orders else ratio(self.converted_sessions, self.sessions)

    @property
    def conversion_low(self) -> Fraction | None:
        return self._interval[0] if self._interval else None

    @property
    def conversion_high(self) -> Fraction | None:
        return self._interval[1] if self._interval else None

    @property
    def _interval(self) -> tuple[Fraction, Fraction] | None:
        """The 95 % interval of the conversion rate."""
        if self.conversion_rate is None:
            return None
        return wilson_interval(self.converted_sessions, self.sessions)

    @property
    def average_order_minor(self) -> Fraction | None:
        return ratio(self.purchase_minor, self.orders)

    @property
    def revenue_per_session_minor(self) -> Fraction | None:
        return None if self.is_mixed else ratio(self.purchase_minor, self.sessions)


@dataclass(frozen=True, slots=True)
class Profiles:
    """The first of ``count`` AI profiles with figures: at most ``MOST_PROFILES``, by purchase revenue."""

    rows: tuple[ProfileFigures, ...]
    count: int


def figures_by_profile(query: ReportQuery, days: SourceDays, currency: str) -> Profiles:
    """Return the figures of AI profiles under the query's filters, by two statements."""
    using, found, others = VisitorSession.objects.db, defaultdict[str, dict[str, int]](dict), defaultdict[str, int](int)
    by = ["currency", "ai_profile"]
    for (its_currency, profile), sums in add_up(credited_totals(query, days.credited, by), by, using=using):
        if its_currency == currency:
            found[profile] |= sums
        else:
            others[profile] += sums["orders"]
    for (profile,), sums in add_up(visits_by_profile(query, days.visits), ["ai_profile"], using=using):
        if profile is not None:  # the sums over all
            found[profile] |= sums
    rows = [
        ProfileFigures(
            ai_profile=profile,
            is_mixed=is_mixed(sums.get("orders", 0), others[profile]),
            **{name: sums.get(name, 0) for name in _SUMS},
        )
        for profile, sums in found.items()
        if any(sums.values())
    ]
    rows.sort(key=lambda row: (-row.purchase_minor, -row.sessions, row.ai_profile))
    return Profiles(tuple(rows[:MOST_PROFILES]), len(rows))
