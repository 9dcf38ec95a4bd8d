"""How times and durations are written for people, in their language."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

_MINUTE, _HOUR, _DAY = 60, 60 * 60, 24 * 60 * 60
#: Up to here, days are told as hours: a window of 24 hours is no calendar day.
_HOURS_UP_TO = 48 * _HOUR


def day(at: datetime, zone: ZoneInfo) -> str:
    return formats.date_format(at.astimezone(zone), "DATE_FORMAT")


def time(at: datetime, zone: ZoneInfo) -> str:
    return formats.time_format(at.astimezone(zone), "TIME_FORMAT")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A day and a time of it."""
    return _("%(day)s, %(time)s") % {"day": day(at, zone), "time": time(at, zone)}


def distance(between: timedelta) -> str:
    """How long one thing was before or after another: ``1 hour and 30 minutes``, as exact as anybody needs it."""
    seconds = abs(between) // timedelta(seconds=1)
    if seconds < _MINUTE:
        return _distance_seconds(seconds)
    minutes = (seconds + 30) // 60
    if minutes < 60:
        return _distance_minutes(minutes)
    if minutes * 60 < _HOURS_UP_TO:
        hours, minutes = divmod(minutes, 60)
        return _joined(_distance_hours(hours), _distance_minutes(minutes) if minutes else "")
    days, hours = divmod((seconds + _HOUR // 2) // _HOUR, 24)
    return _joined(_distance_days(days), _distance_hours(hours) if hours else "")


def ago(at: datetime, now: datetime) -> str:
    """About how long it has been: ``3 days ago``, in the largest unit that it fills."""
    seconds = (now - at) // timedelta(seconds=1)
    for size, text in _AGO:
        if seconds >= size:
            return text(seconds // size)
    return _("just now")


def window(length: timedelta) -> str:
    """How long a window is, to the second: ``24 hours``, ``7 days``."""
    seconds = length // timedelta(seconds=1)
    for size, text in ((_DAY, _window_days), (_HOUR, _window_hours), (_MINUTE, _window_minutes)):
        if seconds and seconds % size == 0 and not (size == _DAY and seconds < _HOURS_UP_TO):
            return text(seconds // size)
    return _window_seconds(seconds)


def _joined(larger: str, smaller: str) -> str:
    if not smaller:
        return larger
    return _("%(larger)s and %(smaller)s") % {"larger": larger, "smaller": smaller}


# Some languages inflect the unit: so long before something, a window of such a length.


def _distance_seconds(count: int) -> str:
    return npgettext("before or after something", "%(count)d second", "%(count)d seconds", count) % {"count": count}


def _distance_minutes(count: int) -> str:
    return npgettext("before or after something", "%(count)d minute", "%(count)d minutes", count) % {"count": count}


def _distance_hours(count: int) -> str:
    return npgettext("before or after something", "%(count)d hour", "%(count)d hours", count) % {"count": count}


def _distance_days(count: int) -> str:
    return npgettext("before or after something", "%(count)d day", "%(count)d days", count) % {"count": count}


def _window_seconds(count: int) -> str:
    return npgettext("a window of", "%(count)d second", "%(count)d seconds", count) % {"count": count}


def _window_minutes(count: int) -> str:
    return npgettext("a window of", "%(count)d minute", "%(count)d minutes", count) % {"count": count}


def _window_hours(count: int) -> str:
    return npgettext("a window of", "%(count)d hour", "%(count)d hours", count) % {"count": count}


def _window_days(count: int) -> str:
    return npgettext("a window of", "%(count)d day", "%(count)d days", count) % {"count": count}


# Whole phrases: the word for "ago" may come before the number, and inflect the unit.


def _minutes_ago(count: int) -> str:
    return ngettext("%(count)d minute ago", "%(count)d minutes ago", count) % {"count": count}


def _hours_ago(count: int) -> str:
    return ngettext("%(count)d hour ago", "%(count)d hours ago", count) % {"count": count}


def _days_ago(count: int) -> str:
    return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}


def _weeks_ago(count: int) -> str:
    return ngettext("%(count)d week ago", "%(count)d weeks ago", count) % {"count": count}


def _months_ago(count: int) -> str:
    return ngettext("%(count)d month ago", "%(count)d months ago", count) % {"count": count}


def _years_ago(count: int) -> str:
    return ngettext("%(count)d year ago", "%(count)d years ago", count) % {"count": count}


_AGO = (
    (365 * _DAY, _years_ago),
    (30 * _DAY, _months_ago),
    (7 * _DAY, _weeks_ago),
    (_DAY, _days_ago),
    (_HOUR, _hours_ago),
    (_MINUTE, _minutes_ago),
)
