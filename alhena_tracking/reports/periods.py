"""Periods of days, and the days, weeks and months that they are shown by."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

#: A year of whole weeks, so that weekdays meet weekdays.
WEEKS_OF_A_YEAR = timedelta(weeks=52)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from ``start`` to ``end``, both included."""

    start: date
    end: date

    @classmethod
    def ending(cls, end: date, *, days: int) -> Self:
        return cls(end - timedelta(days=days - 1), end)

    @classmethod
    def starting(cls, start: date, *, days: int) -> Self:
        return cls(start, start + timedelta(days=days - 1))

    @classmethod
    def months(cls, day: date, *, before: int = 0, number: int = 1) -> Self:
        """Return whole calendar months: ``number`` of them from the one that is ``before`` that of ``day``."""
        first = _first_of_month(day, before)
        return cls(first, _first_of_month(first, -number) - timedelta(days=1))

    @classmethod
    def quarter(cls, day: date, *, before: int = 0) -> Self:
        """Return the calendar quarter that is ``before`` that of ``day``."""
        return cls.months(day, before=(day.month - 1) % 3 + 3 * before, number=3)

    def __len__(self) -> int:
        return (self.end - self.start).days + 1

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=number) for number in range(len(self))]

    @property
    def weeks(self) -> list[Period]:
        """The full weeks (Monday to Sunday) in the period."""
        monday = self.start + timedelta(days=-self.start.weekday() % 7)
        number = ((self.end - monday).days + 1) // 7
        return [Period.starting(monday + timedelta(weeks=n), days=7) for n in range(number)]

    @property
    def whole_months(self) -> int:
        """The number of calendar months that the period consists of; 0 if any is not whole."""
        number = 12 * (self.end.year - self.start.year) + self.end.month - self.start.month + 1
        return number if self == Period.months(self.start, number=number) else 0

    @property
    def days_before(self) -> Period:
        """The period of equal length that ends the day before."""
        return Period.ending(self.start - timedelta(days=1), days=len(self))

    @property
    def previous(self) -> Period:
        """The period before: of whole months as many months, otherwise as many days."""
        return self.months_before(self.whole_months) if self.whole_months else self.days_before

    @property
    def year_before(self) -> Period:
        """The same period a year earlier: 364 days before, so that weekdays meet; the same dates of whole months.

        Longer ones would overlap, and have the same dates, too.
        """
        if self.whole_months or len(self) > WEEKS_OF_A_YEAR.days:
            return self.months_before(12)
        return self.weeks_before

    @property
    def weeks_before(self) -> Period:
        """The period 364 days before."""
        return Period(self.start - WEEKS_OF_A_YEAR, self.end - WEEKS_OF_A_YEAR)

    def months_before(self, number: int) -> Period:
        """Return the same dates of earlier months, or the last one where a month is too short."""
        if whole := self.whole_months:
            return Period.months(self.start, before=number, number=whole)
        return Period(_months_before(self.start, number), _months_before(self.end, number))


@dataclass(frozen=True, slots=True)
class Part:
    """A day, week or month of a period; ``whole_days`` are more than its own where the period begins or ends in it."""

    period: Period
    whole_days: int

    @property
    def is_cut(self) -> bool:
        return len(self.period) < self.whole_days


class Grain(models.TextChoices):
    """By what a period is divided."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")

    @property
    def heading(self) -> _StrOrPromise:
        """The heading of a table with a row for each."""
        return _HEADINGS[self]

    def parts(self, period: Period) -> list[Part]:
        """Divide a period: weeks begin on Mondays; the first and the last part may be cut."""
        if self is Grain.DAY:
            return [Part(Period(day, day), 1) for day in period.days]
        parts, start = [], period.start
        while start <= period.end:
            whole = self.whole(start)
            parts.append(Part(Period(start, min(whole.end, period.end)), len(whole)))
            start = whole.end + timedelta(days=1)
        return parts

    def first(self, day: date) -> date:
        """Return the first day of the day, week or month of a day."""
        match self:
            case Grain.DAY:
                return day
            case Grain.WEEK:
                return day - timedelta(days=day.weekday())
            case Grain.MONTH:
                return day.replace(day=1)

    def whole(self, day: date) -> Period:
        """Return the whole day, week or month of a day."""
        if self is Grain.MONTH:
            return Period.months(day)
        return Period.starting(self.first(day), days=7 if self is Grain.WEEK else 1)


_HEADINGS = {Grain.DAY: _("Day by day"), Grain.WEEK: _("Week by week"), Grain.MONTH: _("Month by month")}


class Preset(models.TextChoices):
    """Periods relative to today."""

    TODAY = "today", _("Today")
    YESTERDAY = "yesterday", _("Yesterday")
    LAST_7_DAYS = "last_7_days", _("Last 7 days")
    LAST_30_DAYS = "last_30_days", _("Last 30 days")
    LAST_90_DAYS = "last_90_days", _("Last 90 days")
    # Django's admin has "This month" in another case.
    THIS_MONTH = "this_month", pgettext_lazy("period", "This month")
    LAST_MONTH = "last_month", _("Last month")
    THIS_QUARTER = "this_quarter", _("This quarter")
    LAST_QUARTER = "last_quarter", _("Last quarter")
    YEAR_TO_DATE = "year_to_date", _("Year to date")
    LAST_12_MONTHS = "last_12_months", _("Last 12 months")

    def period(self, today: date, *, is_complete: bool = False) -> Period:
        """Return the days; where ``is_complete``, without today: of the last days as many before.

        Today itself, and a month, quarter or year that begins today, have no complete day and keep today.
        """
        last = today - timedelta(days=1) if is_complete else today
        match self:
            case Preset.TODAY:
                return Period(today, today)
            case Preset.YESTERDAY:
                return Period.ending(today - timedelta(days=1), days=1)
            case Preset.LAST_MONTH:
                return Period.months(today, before=1)
            case Preset.LAST_QUARTER:
                return Period.quarter(today, before=1)
            case Preset.LAST_12_MONTHS:
                return Period(_months_before(last, 12) + timedelta(days=1), last)
            case Preset.THIS_MONTH | Preset.THIS_QUARTER | Preset.YEAR_TO_DATE:
                return until(Period(self._begins(today), today), last)
            case _:
                return Period.ending(last, days=_LAST_DAYS[self])

    def _begins(self, today: date) -> date:
        match self:
            case Preset.THIS_MONTH:
                return Period.months(today).start
            case Preset.THIS_QUARTER:
                return Period.quarter(today).start
            case _:
                return date(today.year, 1, 1)

    def previous(self, period: Period) -> Period:
        """Return the period before; of a month, quarter or year so far, the same dates of the one before.

        The last days are compared with as many, also where they happen to be a month.
        """
        if self in _LAST_DAYS:
            return period.days_before
        months = _MONTHS.get(self)
        return period.months_before(months) if months else period.previous

    def year_before(self, period: Period) -> Period:
        """Return the same period a year earlier; of a month, quarter or year so far, the same dates."""
        if self in _LAST_DAYS:
            return period.weeks_before
        return period.months_before(12) if self in _MONTHS else period.year_before


class Comparison(models.TextChoices):
    """The period that figures are compared with."""

    PREVIOUS = "previous", _("Previous period")
    YEAR_AGO = "year_ago", _("Same period a year ago")
    CHOSEN = "chosen", _("Chosen period")
    NOTHING = "none", pgettext_lazy("comparison", "None")


_LAST_DAYS = {Preset.LAST_7_DAYS: 7, Preset.LAST_30_DAYS: 30, Preset.LAST_90_DAYS: 90}
#: How many months lie between what is not over yet and the one before.
_MONTHS = {Preset.THIS_MONTH: 1, Preset.THIS_QUARTER: 3, Preset.YEAR_TO_DATE: 12}


def until(period: Period, last: date) -> Period:
    """Cut a period after ``last``, unless nothing would be left."""
    return Period(period.start, min(period.end, last)) if last >= period.start else period


def _first_of_month(day: date, before: int) -> date:
    month = 12 * day.year + day.month - 1 - before
    return date(month // 12, month % 12 + 1, 1)


def _months_before(day: date, number: int) -> date:
    first = _first_of_month(day, number)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))
