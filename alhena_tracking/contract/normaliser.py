"""Turn the values that shops' code has into the JSON values of the contract, which is strict.

| field | taken, besides what the contract takes |
|---|---|
| texts | ``SafeString`` and other kinds of ``str``, lazy texts, members of ``TextChoices`` and other enumerations |
| ids | also ``int``, ``UUID``, whole ``Decimal`` and model instances, which stand for their primary key |
| amounts | ``Decimal`` and ``int``; a ``float`` only if its shortest form has no more decimals than the currency |
| quantities | ``Decimal``, ``int`` and ``float`` |
| times | ``datetime`` with a zone |
| lists | tuples, generators, querysets |

A float of more decimals was computed, and which amount it stands for could only be guessed: the error is
``inexact_float``. A value that is not in the table stays as it is, and the contract names its error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from django.utils.functional import Promise

from alhena_tracking.contract import currencies, limits
from alhena_tracking.contract.rules import InvalidValue

#: By the path of the field, such as ``line_items[1].value``.
Errors: TypeAlias = dict[str, InvalidValue]

#: Codes of errors that JSON values cannot have, so that the HTTP API never answers them.
CODES = frozenset({"inexact_float"})


def normalise(fields: Mapping[str, object]) -> tuple[dict[str, Any], Errors]:
    """Return an event's fields as JSON values, and the errors that JSON values would no longer show."""
    values, errors = _normalise_each(fields)
    if _is_list(items := values.get("line_items")):
        # One more than allowed: enough to see that there are too many.
        values["line_items"] = lines = list(islice(items, limits.LINE_ITEMS + 1))
        for index, line in enumerate(lines):
            if isinstance(line, Mapping):
                lines[index], line_errors = _normalise_each(line)
                errors |= {f"line_items[{index}].{name}": error for name, error in line_errors.items()}
    return values, errors


def text(value: object) -> object:
    """Return any kind of text as ``str``, anything else as it is."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str | Promise):
        return str.__str__(str(value))  # str() alone returns a SafeString as it is
    return value


def _id(value: object) -> object:
    value = text(getattr(value, "pk", value))
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < limits.TEXT_LENGTH:
        value = int(value) if value == value.to_integral_value() else value
    # So many bits are more digits than a text may have, and Python writes out no endless ones.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 4 * limits.TEXT_LENGTH:
        return int.__repr__(value)
    return str(value) if isinstance(value, UUID) else value


def _number(value: object) -> object:
    if isinstance(value, Enum):
        value = value.value
    for kind in (int, float, Decimal):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind(value)
    return value


def _event_id(value: object) -> object:
    return str(value) if isinstance(value, UUID) else text(value)


def _time(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else text(value)


def _ids(value: object) -> object:
    return [_id(each) for each in value] if _is_list(value) else value


_KINDS: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(["type", "product_name", "currency", "ai_profile", "source"], text),
    **dict.fromkeys(["order_id", "product_id", "conversation_id", "refund_id"], _id),
    **dict.fromkeys(["value", "tax", "shipping", "discount", "quantity", "previous_quantity"], _number),
    **dict.fromkeys(["occurred_at", "updated_at"], _time),
    "event_id": _event_id,
    "recommended_product_ids": _ids,
}
_AMOUNTS = ("value", "tax", "shipping", "discount")


def _normalise_each(fields: Mapping[str, object]) -> tuple[dict[str, Any], Errors]:
    values = {name: _KINDS[name](value) if name in _KINDS else value for name, value in fields.items()}
    decimals = _decimals(values.get("currency"))
    inexact = [name for name in _AMOUNTS if not _is_exact(values.get(name), decimals)]
    return values, {name: InvalidValue("inexact_float", decimals=decimals) for name in inexact}


def _decimals(currency: object) -> int:
    code = currency.strip(limits.WHITE_SPACE).upper() if isinstance(currency, str) else ""
    return currencies.MINOR_UNITS.get(code, currencies.DEFAULT_MINOR_UNIT)


def _is_exact(value: object, decimals: int) -> bool:
    """Return whether an amount is anything but a float of more decimals than its currency has."""
    if not isinstance(value, float) or not math.isfinite(value):
        return True
    # repr() is the shortest decimal of this float: the price as the shop had it.
    minor = Decimal(repr(value)).scaleb(decimals)
    return minor == minor.to_integral_value()


def _is_list(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Promise)
