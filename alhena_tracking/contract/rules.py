"""The field rules of the contract: each function takes a JSON value and returns it as it is stored.

They raise ``InvalidValue`` and never coerce: ``"79.99"`` is not a number, ``1`` not a string, ``true`` neither.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract import currencies, limits
from alhena_tracking.contract.amounts import rounded_half_up

MESSAGES = {
    "required": _("This field is required."),
    "wrong_type": _("Expected %(expected)s, got %(actual)s."),
    "invalid_characters": _("NUL characters and lone surrogates are not allowed."),
    "blank": _("This field may not be blank."),
    "too_long": _("At most %(limit)s characters are allowed."),
    "not_finite": _("Expected a finite number."),
    "inexact_float": _("Expected at most %(decimals)s decimals, as a float cannot hold more exactly. Use a Decimal."),
    "not_a_number": _("“%(actual)s” is not a number."),
    "ambiguous_number": _("“%(actual)s” can be read in two ways. Send a number, or name the currency."),
    "negative": _("Expected a number that is not negative."),
    "not_positive": _("Expected a number above zero."),
    "too_large": _("The number is too large."),
    "too_many": _("At most %(limit)s items are allowed."),
    "invalid_choice": _("“%(actual)s” is not one of %(expected)s."),
    "unknown_currency": _("“%(actual)s” is not an active ISO 4217 code of money that people pay with."),
    "currency_mismatch": _("Expected the order's currency."),
    "invalid_uuid": _("Expected a UUID."),
    "constant_uuid": _("This UUID is a constant that cannot tell visitors apart."),
    "invalid_datetime": _("Expected a time in ISO 8601 with its offset, such as 2026-01-31T12:00:00Z."),
    "too_old": _("The event is too old to be recorded."),
    "not_storable": _("The database refused this event."),
}


class InvalidValue(Exception):
    """A value that breaks a rule of the contract.

    ``code`` is a key of ``MESSAGES``; ``params`` fill in its text, which is translated on access.
    """

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def message(self) -> str:
        return str(MESSAGES[self.code]) % self.params


_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
# The forms that browsers and servers write; datetime.fromisoformat also takes weeks, ordinals and naive times.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def parse_text(value: object, limit: int = limits.TEXT_LENGTH) -> str:
    """Parse a string: trimmed, not empty, at most ``limit`` code points."""
    if type(value) is not str:
        raise InvalidValue("wrong_type", expected="string", actual=json_type(value))
    if _NOT_STORABLE.search(value):
        raise InvalidValue("invalid_characters")
    text = value.strip(limits.WHITE_SPACE)
    if not text:
        raise InvalidValue("blank")
    if len(text) > limit:
        raise InvalidValue("too_long", limit=limit)
    return text


def parse_texts(value: object, most: int) -> list[str]:
    """Parse an array of at most ``most`` strings; return each once. One that is invalid makes all of them invalid."""
    if type(value) is not list:
        raise InvalidValue("wrong_type", expected="array", actual=json_type(value))
    if len(value) > most:
        raise InvalidValue("too_many", limit=most)
    return list(dict.fromkeys(map(parse_text, value)))


def parse_choice(value: object, choices: Container[str], expected: str) -> str:
    """Parse one of ``choices``, case-sensitively. ``expected`` lists them in the message."""
    if type(value) is not str:
        raise InvalidValue("wrong_type", expected="string", actual=json_type(value))
    if value not in choices:
        raise InvalidValue("invalid_choice", expected=expected, actual=shown(value))
    return value


def parse_boolean(value: object) -> bool:
    """Parse ``true`` or ``false``."""
    if type(value) is not bool:
        raise InvalidValue("wrong_type", expected="boolean", actual=json_type(value))
    return value


def parse_currency(value: object) -> str:
    """Parse an active ISO 4217 code; return it in upper case."""
    code = parse_text(value)
    # str.upper() would make "SS" of "ß"; codes are ASCII.
    upper = code.upper() if code.isascii() else code
    if upper not in currencies.ACTIVE:
        raise InvalidValue("unknown_currency", actual=shown(code))
    return upper


def parse_value(value: object, currency: str | None) -> int:
    """Parse an amount; return whole minor units of ``currency``, rounded half up (JavaScript's floats are noisy)."""
    minor_unit = currencies.MINOR_UNITS.get(currency or "", currencies.DEFAULT_MINOR_UNIT)
    minor = _rounded(value, minor_unit)
    if minor > limits.VALUE_MINOR:
        raise InvalidValue("too_large")
    return minor


def parse_price(value: object, currency: str | None) -> Decimal:
    """Parse an amount that may be the price of one unit; return minor units of ``currency``, not rounded."""
    parse_value(value, currency)  # for its errors
    exact = Decimal(repr(value) if type(value) is float else str(value))
    minor = exact.scaleb(currencies.MINOR_UNITS.get(currency or "", currencies.DEFAULT_MINOR_UNIT))
    return min(max(minor, Decimal(0)), Decimal(limits.VALUE_MINOR))


def parse_quantity(value: object, *, positive: bool) -> Decimal:
    """Parse a quantity with three decimals (goods are sold by weight); above zero if ``positive``."""
    thousandths = _rounded(value, limits.QUANTITY_DECIMALS)
    if positive and thousandths == 0:
        raise InvalidValue("not_positive")
    if thousandths > limits.QUANTITY * 10**limits.QUANTITY_DECIMALS:
        raise InvalidValue("too_large")
    return Decimal(thousandths).scaleb(-limits.QUANTITY_DECIMALS)


def check_total(value_minor: Decimal, quantity: Decimal) -> None:
    """Check that ``value``, rounded, × ``quantity`` is at most ``TOTAL_MINOR``."""
    if rounded_half_up(value_minor) * quantity > limits.TOTAL_MINOR:
        raise InvalidValue("too_large")


def parse_uuid(value: object) -> UUID:
    """Parse a UUID in text form."""
    if type(value) is not str:
        raise InvalidValue("wrong_type", expected="string", actual=json_type(value))
    text = value.strip(limits.WHITE_SPACE)
    if not _UUID.fullmatch(text):
        raise InvalidValue("invalid_uuid")
    return UUID(text)


def parse_fingerprint(value: object) -> UUID:
    """Parse a visitor's id. A UUID of one repeated digit, such as the nil UUID, is a bug of the caller."""
    fingerprint = parse_uuid(value)
    if len(set(fingerprint.hex)) == 1:
        raise InvalidValue("constant_uuid")
    return fingerprint


def parse_timestamp(value: object) -> datetime:
    """Parse a time in ISO 8601 with its offset."""
    if type(value) is not str:
        raise InvalidValue("wrong_type", expected="string", actual=json_type(value))
    text = value.strip(limits.WHITE_SPACE)
    if not _TIMESTAMP.fullmatch(text):
        raise InvalidValue("invalid_datetime")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise InvalidValue("invalid_datetime") from None


def corrected_time(
    occurred_at: datetime | None,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    is_clock_trusted: bool,
    max_age: timedelta | None = limits.EVENT_AGE,
) -> datetime:
    """Return when an event happened, by the server's clock.

    A client's clock is corrected by ``received_at - sent_at`` if that exceeds ``CLOCK_TOLERANCE`` either way; less is
    latency. The result is never after ``received_at``. Raises ``InvalidValue("too_old")`` beyond ``max_age``; ``None``
    is no limit.
    """
    if occurred_at is None:
        return received_at
    try:
        skew = received_at - sent_at if sent_at and not is_clock_trusted else timedelta(0)
        if abs(skew) > limits.CLOCK_TOLERANCE:
            occurred_at += skew
        age = received_at - occurred_at
    except OverflowError:
        raise InvalidValue("invalid_datetime") from None
    if max_age is not None and age > max_age:
        raise InvalidValue("too_old")
    # The earlier one first: a time at the end of the calendar may have no equivalent in another zone.
    return min(occurred_at, received_at).astimezone(received_at.tzinfo)


def _rounded(value: object, decimals: int) -> int:
    """Return ``value`` × 10**decimals as a whole number, rounded half up; it must not be negative."""
    rounded: int
    if type(value) is int:
        rounded = value * 10**decimals
    elif type(value) is float:
        if not math.isfinite(value):
            raise InvalidValue("not_finite")
        # repr() is the shortest decimal of this float: the price as the shop had it.
        rounded = int(Decimal(repr(value)).scaleb(decimals).to_integral_value(ROUND_HALF_UP))
    elif type(value) is Decimal:
        if not value.is_finite():
            raise InvalidValue("not_finite")
        if value.adjusted() > 30:  # int() would write out all digits
            raise InvalidValue("too_large" if value > 0 else "negative")
        rounded = int(value.scaleb(decimals).to_integral_value(ROUND_HALF_UP))
    else:
        raise InvalidValue("wrong_type", expected="number", actual=json_type(value))
    if rounded < 0:
        raise InvalidValue("negative")
    return rounded


def json_type(value: object) -> str:
    """Return the JSON name of a value's type."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def shown(text: str) -> str:
    """Return an excerpt of an invalid value for a message, safe to encode."""
    excerpt = text if len(text) <= 32 else text[:31] + "…"
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", excerpt)
