"""Where the figures of which days are read: from the roll-ups those that are over, from the events the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
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
    """The same of what is ``credited`` (carts, orders) and of ``visits`` (sessions), which may be stale alone. Of whole
    ``weeks`` among the credited days that are rolled up, there are totals of products, too.
    """

    credited: SplitDays
    visits: SplitDays
    weeks: tuple[Period, ...]

    @classmethod
    def of(cls, company: Company, period: Period) -> Self:
        """Ask, by one query, which days of a company's are rolled up."""
        markers = RolledUpDay.objects.fresh().on_days([(period.start, period.end)], company=company)
        days = list(markers.values_list("on", "has_stale_sessions", "is_in_week"))
        credited = SplitDays.of((on for on, _, _ in days), period)
        visits = SplitDays.of((on for on, has_stale_sessions, _ in days if not has_stale_sessions), period)
        in_week = {on for on, _, is_in_week in days if is_in_week}
        weeks = (week.days for run in credited.rolled_up for week in run.weeks if in_week.issuperset(week.days))
        return cls(credited, visits, tuple(_runs([day for week in weeks for day in week])))

    def within(self, period: Period) -> Self:
        """The same of a part of the period."""
        weeks = [run.weeks for run in _cut(self.weeks, period)]
        whole = tuple(Period(run[0].start, run[-1].end) for run in weeks if run)
        return type(self)(self.credited.within(period), self.visits.within(period), whole)

    @property
    def outside_weeks(self) -> tuple[Period, ...]:
        """The other ones of the credited days that are rolled up."""
        return tuple(days for run in self.credited.rolled_up for days in _between(_cut(self.weeks, run), run))


def _runs(days: Sequence[date]) -> list[Period]:
    """Days in order, those that follow each other together."""
    # Those have one distance from their place in the list.
    runs = (list(run) for _, run in groupby(enumerate(days), key=lambda placed: placed[1].toordinal() - placed[0]))
    return [Period(run[0][1], run[-1][1]) for run in runs]


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
