"""Read numbers as shops write them: ``$1,245.42``, ``1.245,42 €``, ``CHF 1'245.-``. docs/shop-data.md has the rule."""

from __future__ import annotations

import re
from decimal import Decimal

from alhena_tracking.contract import limits
from alhena_tracking.contract.rules import InvalidValue, shown

#: Longer texts are no numbers.
_LENGTH = 64
#: The category Sc of Unicode, and the letters of a currency or a unit, such as ``EUR`` and ``Rs.``.
_SYMBOL = (
    r"[$\u00a2-\u00a5\u058f\u060b\u07fe\u07ff\u09f2\u09f3\u09fb\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20cf\ua838\ufdfc"
    r"\ufe69\uff04\uffe0\uffe1\uffe5\uffe6\U00011fdd-\U00011fe0\U0001e2ff\U0001ecb0\s]"
)
_CURRENCY = rf"{_SYMBOL}*(?:[^\W\d_]{{1,4}}\.?)?{_SYMBOL}*"
_SIGN = "[-+\N{MINUS SIGN}]?"
_WRITTEN = re.compile(
    rf"(?P<sign>{_SIGN}){_CURRENCY}(?P<inner_sign>{_SIGN})\s*"
    rf"(?P<number>.*?)(?:(?<=[.,])[-\N{{EN DASH}}\N{{EM DASH}}])?{_CURRENCY}"
)
_WITH_EXPONENT = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?[eE][+-]?\d{1,4}", re.ASCII)
_DIGITS_AND_MARKS = re.compile(r"[\d., ']*\d[\d., ']*", re.ASCII)
_NO_DIGIT = re.compile(r"\D")
_SPACE = re.compile("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]")
#: Groups of three digits, or the Indian ones: two digits each before the last.
_GROUPED = re.compile(r"\d{1,3}(?P<mark>\D)\d{3}(?:(?P=mark)\d{3})*|\d{1,2}(?P<other>\D)(?:\d\d(?P=other))+\d{3}")


def read_number(text: str, decimals: int | None) -> Decimal:
    """Read a number. Where it can be read in two ways, the currency's ``decimals`` decide (``None`` if unknown).

    Raises ``InvalidValue`` with the code ``not_a_number`` or ``ambiguous_number``.
    """
    stripped = text.strip(limits.WHITE_SPACE)
    if _WITH_EXPONENT.fullmatch(stripped):
        return Decimal(stripped)
    is_readable = len(stripped) <= _LENGTH and not any(one.isnumeric() and not one.isascii() for one in stripped)
    match = _WRITTEN.fullmatch(stripped) if is_readable else None
    if match is None or (match["sign"] and match["inner_sign"]):
        raise InvalidValue("not_a_number", actual=shown(text))
    number = _SPACE.sub(" ", match["number"].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    mark = _decimal_mark(number)
    if mark and _may_group(number, mark):
        if decimals is None:
            raise InvalidValue("ambiguous_number", actual=shown(text))
        mark = mark if decimals >= limits.QUANTITY_DECIMALS else ""
    whole, fraction = number.rsplit(mark, 1) if mark else (number, "")
    is_whole = not whole or whole.isdecimal() or _GROUPED.fullmatch(whole)
    if not (_DIGITS_AND_MARKS.fullmatch(number) and is_whole and (not fraction or fraction.isdecimal())):
        raise InvalidValue("not_a_number", actual=shown(text))
    value = Decimal(f"{_NO_DIGIT.sub('', whole)}.{fraction}")
    return value if (match["sign"] or match["inner_sign"]) in {"", "+"} else -value


def _decimal_mark(number: str) -> str:
    """Return the mark that may be the decimal one: the last of two kinds, or the one that occurs once."""
    if "." in number and "," in number:
        return max(".,", key=number.rfind)
    return next((mark for mark in ".," if number.count(mark) == 1), "")


def _may_group(number: str, mark: str) -> bool:
    """Return whether the only mark of a number may as well group its digits."""
    whole, _, digits = number.partition(mark)
    return len(digits) == 3 and 1 <= len(whole) <= 3 and whole.isdecimal() and whole.strip("0") != ""
