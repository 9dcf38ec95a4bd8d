"""How times and durations are written for people, in their language."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import npgettext

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
