"""Turn the values that shops' code has into the JSON values of the contract, which is strict.

| field | taken, besides what the contract takes |
|---|---|
| texts | ``SafeString`` and other kinds of ``str``, lazy texts, members of ``TextChoices`` and other enumerations |
| ids | also whole numbers, ``UUID`` and model instances, which stand for their primary key |
| names | cut to the length that the contract allows |
| amounts | ``Decimal`` and ``int``; a ``float`` only if its shortest form has no more decimals than the currency; |
| | texts (``written_numbers``), and objects with ``amount`` and ``currency`` |
| quantities | ``Decimal``, ``int``, ``float`` and texts |
| currencies | also objects with a ``code`` |
| times | ``datetime`` with a zone |
| lists | tuples, generators, querysets |

Empty texts and NaN are absent; of ids, names and numbers also ``undefined``, ``null`` and their like, which templates
write for nothing. A float of more decimals was computed, and which amount it stands for could only be guessed: that is
``inexact_float``. A value that is not in the table stays as it is, and the contract names its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from django.utils.functional import Promise

from alhena_tracking.contract import currencies, limits
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.contract.written_numbers import read_number

#: By the name of the field.
Errors: TypeAlias = dict[str, InvalidValue]

#: Codes of errors that JSON values cannot have, so that the HTTP API never answers them.
CODES = frozenset({"inexact_float", "not_a_number", "ambiguous_number"})

#: What templates write for nothing.
_NOTHING = {"", "undefined", "null", "NaN", "[object Object]"}
#: Whole floats up to here are exact.
_EXACT = 2**53


def normalise(fields: Mapping[str, object]) -> tuple[dict[str, Any], Errors]:
    """Return fields as JSON values, and the errors that JSON values would no longer show."""
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name, value in fields.items():
        values[name] = _KINDS[name](value) if name in _KINDS else value
    for name, currency_name in _AMOUNTS.items():
        if name in fields:
            values[name], currency = amount_of(fields[name])
            if currency is not None and values.get(currency_name) is None:
                values[currency_name] = currency
    for name in (*_AMOUNTS, *_QUANTITIES):
        if name in fields:
            is_amount = name not in _QUANTITIES
            decimals = _decimals(values.get(_AMOUNTS[name])) if is_amount else None
            try:
                values[name] = _number(values[name], decimals if is_amount else limits.QUANTITY_DECIMALS)
            except InvalidValue as error:
                errors[name] = error
            if is_amount and not _is_exact(values[name], decimals):
                errors[name] = InvalidValue("inexact_float", decimals=_known(decimals))
    return values, errors


def text(value: object) -> object:
    """Return any kind of text as ``str``, anything else as it is."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str | Promise):
        return str.__str__(str(value))  # str() alone returns a SafeString as it is
    return value


def is_absent(value: object) -> bool:
    """Return whether a value stands for none: ``None``, NaN, an empty text, and what templates write for nothing."""
    if value is None:
        return True
    if isinstance(value, float | Decimal):
        return value.is_nan() if isinstance(value, Decimal) else math.isnan(value)
    if isinstance(value, Promise):
        value = str(value)
    return isinstance(value, str) and value.strip(limits.WHITE_SPACE) in _NOTHING


def amount_of(value: object) -> tuple[object, str | None]:
    """Return the number of an amount and, if it is an object that has one, its currency: ``Money`` of any library."""
    if value is None or isinstance(value, int | float | Decimal | str):
        return value, None
    gross = getattr(value, "gross", None)
    if gross is not None and not callable(gross):
        value = gross
    if isinstance(value, Mapping):
        amount, currency = value.get("amount"), value.get("currency")
    else:
        amount, currency = getattr(value, "amount", None), getattr(value, "currency", None)
    if amount is None or callable(amount):
        return value, None
    code = _currency(currency)
    return amount, code if isinstance(code, str) else None


def is_list(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Promise)


def _text(value: object) -> object:
    value = text(value)
    return None if isinstance(value, str) and not value.strip(limits.WHITE_SPACE) else value


def _name(value: object) -> object:
    value = text(value)
    if is_absent(value):
        return None
    return value.strip(limits.WHITE_SPACE)[: limits.PRODUCT_NAME_LENGTH] if isinstance(value, str) else value


def _currency(value: object) -> object:
    return _text(getattr(value, "code", value))


def _id(value: object) -> object:
    value = text(getattr(value, "pk", value))
    if is_absent(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < limits.TEXT_LENGTH:
        value = int(value) if value == value.to_integral_value() else value
    # So many bits are more digits than a text may have, and Python writes out no endless ones.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 4 * limits.TEXT_LENGTH:
        return int.__repr__(value)
    return str(value) if isinstance(value, UUID) else value


def _number(value: object, decimals: int | None) -> object:
    value = text(value)
    if is_absent(value) and value != "[object Object]":
        return None
    if isinstance(value, str):
        return read_number(value, decimals)
    for kind in (int, float, Decimal):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind(value)
    return value


def _event_id(value: object) -> object:
    return str(value) if isinstance(value, UUID) else _text(value)


def _time(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else _text(value)


def _ids(value: object) -> object:
    return [_id(each) for each in value] if is_list(value) else value


_KINDS: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(["type", "ai_profile", "source"], _text),
    **dict.fromkeys(["order_id", "product_id", "conversation_id", "refund_id"], _id),
    **dict.fromkeys(["occurred_at", "updated_at"], _time),
    "product_name": _name,
    **dict.fromkeys(["currency", "shop_currency"], _currency),
    "event_id": _event_id,
    "recommended_product_ids": _ids,
}
#: Each with the field of its currency.
_AMOUNTS = {
    **dict.fromkeys(["value", "total", "unit_price", "tax", "shipping", "discount"], "currency"),
    "shop_value": "shop_currency",
}
_QUANTITIES = ("quantity", "previous_quantity")


def _decimals(currency: object) -> int | None:
    code = currency.strip(limits.WHITE_SPACE).upper() if isinstance(currency, str) else ""
    return currencies.MINOR_UNITS.get(code)


def _known(decimals: int | None) -> int:
    return currencies.DEFAULT_MINOR_UNIT if decimals is None else decimals


def _is_exact(value: object, decimals: int | None) -> bool:
    """Return whether an amount is anything but a float of more decimals than its currency has."""
    if not isinstance(value, float) or not math.isfinite(value):
        return True
    # repr() is the shortest decimal of this float: the price as the shop had it.
    minor = Decimal(repr(value)).scaleb(_known(decimals))
    return minor == minor.to_integral_value()
