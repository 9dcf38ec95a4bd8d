"""How numbers, money and days are written for people, in their language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import decimals_of, in_major_units, with_decimals
from alhena_tracking.reports import Period

#: What is shown with decimals or as a share is exact until then.
Number: TypeAlias = Fraction | int

MISSING = "–"
MINUS = "−"
NO_BREAK_SPACE = "\xa0"


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


def count(number: int) -> str:
    return _number(Decimal(number), 0)


def quantity(number: Decimal) -> str:
    """A quantity with as many of its decimals as it needs: ``2``, ``0.3``."""
    shortest = number.normalize()
    exponent = shortest.as_tuple().exponent
    return _number(shortest, max(-exponent, 0) if isinstance(exponent, int) else 0)


def share(part: Number | None, *, is_signed: bool = False) -> str:
    """A part of a whole in percent: ``12.5%``; where ``is_signed``, with a plus sign if it is positive."""
    if part is None:
        return MISSING
    number = tenths(part * 100)
    sign = "+" if is_signed and with_decimals(part * 100, 1) > 0 else ""
    return _("%(number)s%%") % {"number": sign + number}


def tenths(number: Number) -> str:
    """A number with one decimal: ``12.5``."""
    return _number(with_decimals(number, 1), 1)


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
