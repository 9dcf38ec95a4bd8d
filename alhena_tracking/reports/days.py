"""Where the figures of which days are read: from the roll-ups those that are over, from the events the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from alhena_tracking.models import Company, RolledUpDay
from alhena_tracking.reports.figures import Period

#: Into how many pieces a period falls at most. Databases look up every piece apart; a great many are slower than to
#: read the events of some days between them, too.
MOST_PIECES = 40


@dataclass(frozen=True, slots=True)
class SplitDays:
    """A period in pieces: the days whose sums hold, and those whose events are to be read (``live``)."""

    rolled_up: tuple[Period, ...]
    live: tuple[Period, ...]

    @classmethod
    def of(cls, days: Iterable[date], period: Period) -> Self:
        """Some ``days`` of a period are rolled up."""
        rolled_up = _most(_runs(sorted(days)), MOST_PIECES)
        return cls(rolled_up, _between(rolled_up, period))

    def within(self, period: Period) -> Self:
        """The same of a part of the period."""
        return type(self)(_cut(self.rolled_up, period), _cut(self.live, period))


@dataclass(frozen=True, slots=True)
class SourceDays:
    """The same of what is ``credited`` (carts, orders) and of ``visits`` (sessions), which may be stale alone."""

    credited: SplitDays
    visits: SplitDays

    @classmethod
    def of(cls, company: Company, period: Period) -> Self:
        """Ask, by one query, which days of a company's are rolled up."""
        markers = RolledUpDay.objects.fresh().on_days([(period.start, period.end)], company=company)
        fresh = dict(markers.values_list("on", "has_stale_sessions"))
        with_sessions = [day for day, has_stale_sessions in fresh.items() if not has_stale_sessions]
        return cls(SplitDays.of(fresh, period), SplitDays.of(with_sessions, period))

    def within(self, period: Period) -> Self:
        """The same of a part of the period."""
        return type(self)(self.credited.within(period), self.visits.within(period))


def _runs(days: Sequence[date]) -> list[Period]:
    """Days in order, those that follow each other together."""
    runs: list[Period] = []
    for day in days:
        if runs and runs[-1].end + timedelta(days=1) == day:
            runs[-1] = Period(runs[-1].start, day)
        else:
            runs.append(Period(day, day))
    return runs


def _most(runs: Sequence[Period], number: int) -> tuple[Period, ...]:
    """The longest ones, in their order."""
    longest = sorted(runs, key=len, reverse=True)[:number]
    return tuple(sorted(longest, key=lambda run: run.start))


def _between(runs: Sequence[Period], period: Period) -> tuple[Period, ...]:
    """What ``runs`` leave of a period."""
    gaps: list[Period] = []
    start = period.start
    for run in runs:
        if start < run.start:
            gaps.append(Period(start, run.start - timedelta(days=1)))
        start = run.end + timedelta(days=1)
    if start <= period.end:
        gaps.append(Period(start, period.end))
    return tuple(gaps)


def _cut(runs: Sequence[Period], period: Period) -> tuple[Period, ...]:
    cut = (Period(max(run.start, period.start), min(run.end, period.end)) for run in runs)
    return tuple(run for run in cut if run.start <= run.end)
