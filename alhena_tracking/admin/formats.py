"""How numbers, money, days, times and durations are written in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias
from zoneinfo import ZoneInfo

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy, npgettext_lazy, pgettext, pgettext_lazy

from alhena_tracking.contract.amounts import decimals_of, in_major_units, unit_value, with_decimals
from alhena_tracking.models import Standing, Trust
from alhena_tracking.reports import Grain, Part, Period

#: What is shown with decimals or as a share is exact until then.
Number: TypeAlias = Fraction | int

MISSING = "–"
MINUS = "−"
NO_BREAK_SPACE = "\xa0"

#: The levels of an order's trust, each in one word.
TRUST_WORDS = {
    Trust.REPORTED: pgettext_lazy("order", "Reported"),
    Trust.CONFIRMED: pgettext_lazy("order", "Confirmed"),
    Trust.VERIFIED: pgettext_lazy("order", "Verified"),
}
#: Why an order does not count, in a word or two.
STANDING_WORDS = {
    Standing.HELD: pgettext_lazy("order", "Held back"),
    Standing.NOT_OURS: pgettext_lazy("order", "Not credited"),
    Standing.CANCELLED: pgettext_lazy("order", "Cancelled"),
    Standing.EXCLUDED: pgettext_lazy("order", "Excluded"),
}

_MINUTE, _HOUR, _DAY = 60, 60 * 60, 24 * 60 * 60  # in seconds
#: Up to here, days are written as hours: a window of 24 hours is no calendar day.
_HOURS_UP_TO = 48 * _HOUR

# Some languages inflect the unit, or put the word for "ago" before the number.

_DURATIONS = {
    _DAY: npgettext_lazy("before or after something", "%(count)d day", "%(count)d days", "count"),
    _HOUR: npgettext_lazy("before or after something", "%(count)d hour", "%(count)d hours", "count"),
    _MINUTE: npgettext_lazy("before or after something", "%(count)d minute", "%(count)d minutes", "count"),
    1: npgettext_lazy("before or after something", "%(count)d second", "%(count)d seconds", "count"),
}
_WINDOWS = {
    _DAY: npgettext_lazy("a window of", "%(count)d day", "%(count)d days", "count"),
    _HOUR: npgettext_lazy("a window of", "%(count)d hour", "%(count)d hours", "count"),
    _MINUTE: npgettext_lazy("a window of", "%(count)d minute", "%(count)d minutes", "count"),
    1: npgettext_lazy("a window of", "%(count)d second", "%(count)d seconds", "count"),
}
_AGO = {
    365 * _DAY: ngettext_lazy("%(count)d year ago", "%(count)d years ago", "count"),
    30 * _DAY: ngettext_lazy("%(count)d month ago", "%(count)d months ago", "count"),
    7 * _DAY: ngettext_lazy("%(count)d week ago", "%(count)d weeks ago", "count"),
    _DAY: ngettext_lazy("%(count)d day ago", "%(count)d days ago", "count"),
    _HOUR: ngettext_lazy("%(count)d hour ago", "%(count)d hours ago", "count"),
    _MINUTE: ngettext_lazy("%(count)d minute ago", "%(count)d minutes ago", "count"),
}


def amount(minor: Number | None, currency: str, *, is_short: bool = False) -> str:
    """An amount in minor units as ``1,234.50``; where ``is_short``, without decimals if they are zero."""
    return MISSING if minor is None else amount_writer(currency, is_short=is_short)(minor)


def amount_writer(currency: str, *, is_short: bool = False) -> Callable[[Number], str]:
    """What writes amounts as ``amount`` does: for the thousands of a year's days, all in the present language."""
    decimals = decimals_of(currency)
    write = _number_writer()

    def amount(minor: Number) -> str:
        value = in_major_units(minor, currency)
        return write(value, 0 if is_short and value % 1 == 0 else decimals)

    return amount


def money(minor: Number | None, currency: str) -> str:
    """An amount with its currency: ``1,234.50 EUR``, on one line."""
    if minor is None:
        return MISSING
    return f"{amount(minor, currency)}{NO_BREAK_SPACE}{currency}".rstrip(NO_BREAK_SPACE)


def change(minor: int, currency: str) -> str:
    """A difference of amounts, with a plus sign if it is positive: ``+12.00``."""
    return f"{'+' if minor > 0 else ''}{amount(minor, currency)}"


def price(minor: Decimal, currency: str) -> str:
    """The price of one unit with its currency, with as many decimals as it needs: ``0.005 EUR``."""
    value = unit_value(minor, currency)
    exponent = value.as_tuple().exponent
    return f"{_number(value, -exponent if isinstance(exponent, int) else 0)}{NO_BREAK_SPACE}{currency}"


def count(number: int) -> str:
    return _number(Decimal(number), 0)


def quantity(number: Decimal) -> str:
    """A quantity with as many of its decimals as it needs: ``2``, ``0.3``."""
    shortest = number.normalize()
    exponent = shortest.as_tuple().exponent
    return _number(shortest, max(-exponent, 0) if isinstance(exponent, int) else 0)


def share(part: Number | None, *, is_signed: bool = False) -> str:
    """A part of a whole in percent: ``12.5%``, ``0.04%``; where ``is_signed``, with a plus sign if it is positive.

    Only nothing is ``0.0%``, and only all of it ``100.0%``.
    """
    if part is None:
        return MISSING
    return _("%(number)s%%") % {"number": _signed(part * 100, is_signed=is_signed, unless=(0, 100))}


def points(number: Number, *, is_signed: bool = False) -> str:
    """A difference of shares in percentage points: ``1.2 points``."""
    return _("%(number)s points") % {"number": _signed(number, is_signed=is_signed, unless=(0,))}


def tenths(number: Number) -> str:
    """A number with one decimal: ``12.5``; with more, where that would be zero and the number is not."""
    return _signed(number, is_signed=False, unless=(0,))


def ratio(number: Number) -> str:
    """A quotient with two decimals: ``0.12``; with more, where that would be zero and the number is not."""
    decimals = 2
    while number and not with_decimals(number, decimals):
        decimals += 1
    return _number(with_decimals(number, decimals), decimals)


def _signed(number: Number, *, is_signed: bool, unless: Iterable[int]) -> str:
    """Write a number with one decimal, or as many as keep it apart from others: those in ``unless``."""
    decimals = 1
    for other in unless:
        while number != other and with_decimals(number, decimals) == other:
            decimals += 1
    sign = "+" if is_signed and number > 0 else ""
    return sign + _number(with_decimals(number, decimals), decimals)


def day(on: date) -> str:
    return formats.date_format(on, "DATE_FORMAT")


def short_day(on: date) -> str:
    """A day of a year that is known, as the scale of a chart has room for it: ``1 Mar``."""
    return formats.date_format(on, pgettext("format of a day, for Django's date filter", "j M"))


def days(period: Period) -> str:
    """A period as ``March 1, 2026 – March 30, 2026``, or as its only day."""
    if len(period) == 1:
        return day(period.start)
    return f"{day(period.start)} – {day(period.end)}"


def part(one: Part, grain: Grain) -> str:
    """A day, a week as its days, or a month as ``March 2026``."""
    return formats.date_format(one.period.start, "YEAR_MONTH_FORMAT") if grain is Grain.MONTH else days(one.period)


def short_part(one: Part, grain: Grain) -> str:
    """The first day of a day or week, or the month, as the scale of a chart has room for it."""
    if grain is Grain.MONTH:
        return formats.date_format(one.period.start, pgettext("format of a month, for Django's date filter", "M Y"))
    return short_day(one.period.start)


def time(at: datetime, zone: ZoneInfo) -> str:
    return formats.time_format(at.astimezone(zone), "TIME_FORMAT")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A day and a time of it."""
    return _("%(day)s, %(time)s") % {"day": day(at.astimezone(zone)), "time": time(at, zone)}


def compact_moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment for narrow columns, with a short month: on one line, or the day and the time on one line each."""
    on = formats.date_format(at.astimezone(zone), pgettext("format of a day, for Django's date filter", "N j, Y"))
    parts = {"day": on, "time": time(at, zone)}
    return _("%(day)s, %(time)s") % {name: text.replace(" ", NO_BREAK_SPACE) for name, text in parts.items()}


def zoned_moment(at: datetime, zone: ZoneInfo) -> str:
    """A day and a time of it, with the zone's name: ``Oct. 31, 2026, 1:35 a.m. Asia/Kathmandu``."""
    return f"{moment(at, zone)} {zone.key}"


def duration(length: timedelta) -> str:
    """A distance in time in its two largest units, without its sign: ``1 hour and 30 minutes``."""
    seconds = abs(length) // timedelta(seconds=1)
    if seconds < _MINUTE:
        return _DURATIONS[1] % {"count": seconds}
    minutes = (seconds + _MINUTE // 2) // _MINUTE
    if minutes * _MINUTE < _HOURS_UP_TO:
        (larger, count), (smaller, rest) = (_HOUR, minutes // 60), (_MINUTE, minutes % 60)
    else:
        hours = (seconds + _HOUR // 2) // _HOUR
        (larger, count), (smaller, rest) = (_DAY, hours // 24), (_HOUR, hours % 24)
    parts = [_DURATIONS[unit] % {"count": number} for unit, number in ((larger, count), (smaller, rest)) if number]
    return parts[0] if len(parts) == 1 else _("%(larger)s and %(smaller)s") % {"larger": parts[0], "smaller": parts[1]}


def window(length: timedelta) -> str:
    """The length of a window, exact to the second: ``24 hours``, ``7 days``."""
    seconds = length // timedelta(seconds=1)
    unit = next(
        (unit for unit in _WINDOWS if seconds >= (_HOURS_UP_TO if unit == _DAY else unit) and seconds % unit == 0), 1
    )
    return _WINDOWS[unit] % {"count": seconds // unit}


def ago(at: datetime, now: datetime) -> str:
    """About how long ago something was, in the largest unit it fills: ``3 days ago``."""
    seconds = (now - at) // timedelta(seconds=1)
    unit = next((unit for unit in _AGO if seconds >= unit), None)
    return _("just now") if unit is None else _AGO[unit] % {"count": seconds // unit}


def _number(value: Decimal, decimals: int) -> str:
    return _number_writer()(value, decimals)


def _number_writer() -> Callable[[Decimal, int], str]:
    """Writes what Django writes, in a fraction of the time, in the language that is active now."""
    if formats.get_format("NUMBER_GROUPING") != 3:
        return _number_of_django
    marks = str.maketrans(
        {
            ",": formats.get_format("THOUSAND_SEPARATOR"),
            ".": formats.get_format("DECIMAL_SEPARATOR"),
            "-": MINUS,
        }
    )
    return lambda value, decimals: f"{value:,.{decimals}f}".translate(marks)


def _number_of_django(value: Decimal, decimals: int) -> str:
    return formats.number_format(value, decimals, use_l10n=True, force_grouping=True).replace("-", MINUS)
