"""Split periods into days read from roll-ups and days read from events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Self

from alhena_tracking.models import Company, RolledUpDay
from alhena_tracking.reports.periods import Period

#: Most pieces of a period. Databases look up each piece by itself; beyond this, reading the events of the days between
#: is faster.
MOST_PIECES = 40


@dataclass(frozen=True, slots=True)
class SplitDays:
    """Periods in pieces: days with valid roll-ups, and days to read from events (``live``)."""

    rolled_up: tuple[Period, ...]
    live: tuple[Period, ...]

    @classmethod
    def of(cls, days: Iterable[date], *periods: Period) -> Self:
        """Split periods of which these ``days`` are rolled up."""
        rolled_up = _most(_runs(sorted(days)), MOST_PIECES)
        gaps = (_between(_cut(rolled_up, period), period) for period in _united(periods))
        return cls(rolled_up, tuple(gap for found in gaps for gap in found))

    def within(self, period: Period) -> Self:
        """Return the split of a part of them."""
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
    def of(cls, company: Company, *periods: Period) -> Self:
        """Read which days of a company are rolled up, in one query."""
        ranges = [(period.start, period.end) for period in _united(periods)]
        markers = RolledUpDay.objects.fresh().on_days(ranges, company=company)
        days = list(markers.values_list("on", "has_stale_sessions", "is_in_week"))
        credited = SplitDays.of((on for on, _, _ in days), *periods)
        visits = SplitDays.of((on for on, has_stale_sessions, _ in days if not has_stale_sessions), *periods)
        in_week = {on for on, _, is_in_week in days if is_in_week}
        weeks = (week.days for run in credited.rolled_up for week in run.weeks if in_week.issuperset(week.days))
        return cls(credited, visits, tuple(_runs([day for week in weeks for day in week])))

    def within(self, period: Period) -> Self:
        """Return the splits of a part of them."""
        weeks = [run.weeks for run in _cut(self.weeks, period)]
        whole = tuple(Period(run[0].start, run[-1].end) for run in weeks if run)
        return type(self)(self.credited.within(period), self.visits.within(period), whole)

    @property
    def outside_weeks(self) -> tuple[Period, ...]:
        """The rolled-up credited days outside of ``weeks``."""
        return tuple(days for run in self.credited.rolled_up for days in _between(_cut(self.weeks, run), run))


def _united(periods: Iterable[Period]) -> list[Period]:
    """Join periods that overlap or follow each other."""
    united: list[Period] = []
    for period in sorted(periods, key=lambda one: one.start):
        if united and period.start <= united[-1].end + timedelta(days=1):
            united[-1] = Period(united[-1].start, max(united[-1].end, period.end))
        else:
            united.append(period)
    return united


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
