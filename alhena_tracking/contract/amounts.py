"""Convert exact numbers to decimals: amounts in major units, averages and shares, rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from alhena_tracking.contract.currencies import DEFAULT_MINOR_UNIT, MINOR_UNITS


def decimals_of(currency: str) -> int:
    """Return the number of decimals of ``currency``."""
    return MINOR_UNITS.get(currency, DEFAULT_MINOR_UNIT)


def in_major_units(minor: Fraction | int, currency: str) -> Decimal:
    """Convert minor units to major units, rounded to the currency's decimals."""
    return Decimal(rounded(minor)).scaleb(-decimals_of(currency))


def unit_value(minor: Decimal, currency: str) -> Decimal:
    """Convert a unit price to major units, with more decimals than the currency's where it needs them."""
    value = Decimal(minor).scaleb(-decimals_of(currency))
    rounded = rounded_half_up(value, decimals_of(currency))
    return rounded if rounded == value else value.normalize()


def rounded_half_up(number: Decimal | int, decimals: int = 0) -> Decimal:
    return Decimal(number).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def with_decimals(number: Fraction | int, decimals: int) -> Decimal:
    return Decimal(rounded(number * 10**decimals)).scaleb(-decimals)


def rounded(number: Fraction | int) -> int:
    """Round to a whole number, half away from zero."""
    if isinstance(number, int):
        return number
    return int(number + Fraction(1, 2)) if number >= 0 else -int(-number + Fraction(1, 2))
