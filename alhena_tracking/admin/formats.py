"""How numbers, money and days are written for people, in their language."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from django.utils import formats
from django.utils.translation import gettext as _

from alhena_tracking.currencies import DEFAULT_MINOR_UNIT, MINOR_UNITS
from alhena_tracking.reports import Period

#: What is shown with decimals or as a share is exact until then.
Number: TypeAlias = Fraction | int

MISSING = "–"
NO_BREAK_SPACE = "\xa0"


def amount(minor: Number | None, currency: str, *, is_short: bool = False) -> str:
    """An amount in minor units as ``1,234.50``; where ``is_short``, without decimals if they are zero."""
    if minor is None:
        return MISSING
    decimals = MINOR_UNITS.get(currency, DEFAULT_MINOR_UNIT)
    rounded = _round(minor)
    value = Decimal(rounded).scaleb(-decimals)
    return _number(value, 0 if is_short and rounded % 10**decimals == 0 else decimals)


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
    rounded = _round(part * 1000)
    sign = "+" if is_signed and rounded > 0 else ""
    number = sign + _number(Decimal(rounded).scaleb(-1), 1)
    return _("%(number)s%%") % {"number": number}


def day(on: date) -> str:
    return formats.date_format(on, "DATE_FORMAT")


def short_day(on: date) -> str:
    return formats.date_format(on, "j M")


def days(period: Period) -> str:
    """A period as ``March 1, 2026 – March 30, 2026``, or as its only day."""
    if len(period) == 1:
        return day(period.start)
    return f"{day(period.start)} – {day(period.end)}"


def _number(value: Decimal, decimals: int) -> str:
    return formats.number_format(value, decimals, use_l10n=True, force_grouping=True).replace("-", "−")


def _round(value: Number) -> int:
    """To a whole number, half away from zero."""
    if isinstance(value, int):
        return value
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))
