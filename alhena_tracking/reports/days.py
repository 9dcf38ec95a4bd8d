"""Split a period into days read from roll-ups and days read from events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Self

from alhena_tracking.models import Company, RolledUpDay
from alhena_tracking.reports.figures import Period

#: Most pieces of a period. Databases look up each piece by itself; beyond this, reading the events of the days between
#: is faster.
MOST_PIECES = 40


@dataclass(frozen=True, slots=True)
class SplitDays:
    """A period in pieces: days with valid roll-ups, and days to read from events (``live``)."""

    rolled_up: tuple[Period, ...]
    live: tuple[Period, ...]

    @classmethod
    def of(cls, days: Iterable[date], period: Period) -> Self:
        """Split a period of which these ``days`` are rolled up."""
        rolled_up = _most(_runs(sorted(days)), MOST_PIECES)
        return cls(rolled_up, _between(rolled_up, period))

    def within(self, period: Period) -> Self:
        """Return the split of a part of the period."""
        return type(self)(_cut(self.rolled_up, period), _cut(self.live, period))


@dataclass(frozen=True, slots=True)
class SourceDays:
    """The splits for what is ``credited`` (carts, orders) and for ``visits`` (sessions), which can be stale alone.

    ``weeks`` are the rolled-up days with weekly totals of products.
    """

    credited: SplitDays
    visits: SplitDays
    weeks: tuple[Period, ...]

    @classmethod
    def of(cls, company: Company, period: Period) -> Self:
        """Read which days of a company are rolled up, in one query."""
        markers = RolledUpDay.objects.fresh().on_days([(period.start, period.end)], company=company)
        days = list(markers.values_list("on", "has_stale_sessions", "is_in_week"))
        credited = SplitDays.of((on for on, _, _ in days), period)
        visits = SplitDays.of((on for on, has_stale_sessions, _ in days if not has_stale_sessions), period)
        in_week = {on for on, _, is_in_week in days if is_in_week}
        weeks = (week.days for run in credited.rolled_up for week in run.weeks if in_week.issuperset(week.days))
        return cls(credited, visits, tuple(_runs([day for week in weeks for day in week])))

    def within(self, period: Period) -> Self:
        """Return the splits of a part of the period."""
        weeks = [run.weeks for run in _cut(self.weeks, period)]
        whole = tuple(Period(run[0].start, run[-1].end) for run in weeks if run)
        return type(self)(self.credited.within(period), self.visits.within(period), whole)

    @property
    def outside_weeks(self) -> tuple[Period, ...]:
        """The rolled-up credited days outside of ``weeks``."""
        return tuple(days for run in self.credited.rolled_up for days in _between(_cut(self.weeks, run), run))


def _runs(days: Sequence[date]) -> list[Period]:
    """Group sorted days into runs of consecutive ones."""
    # Consecutive days have the same difference from their index.
    runs = (list(run) for _, run in groupby(enumerate(days), key=lambda placed: placed[1].toordinal() - placed[0]))
    return [Period(run[0][1], run[-1][1]) for run in runs]


def _most(runs: Sequence[Period], number: int) -> tuple[Period, ...]:
    """Return the longest runs, in order."""
    longest = sorted(runs, key=len, reverse=True)[:number]
    return tuple(sorted(longest, key=lambda run: run.start))


def _between(runs: Sequence[Period], period: Period) -> tuple[Period, ...]:
    """Return the gaps that ``runs`` leave in a period."""
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
