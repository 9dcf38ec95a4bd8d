"""Read an order as shops have it. It is never lost for its lines: those that cannot be used are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alhena_tracking.api.ingestion.serializers import LINE_ITEM
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits
from alhena_tracking.contract.normaliser import Errors, normalise
from alhena_tracking.contract.rules import InvalidValue, parse_currency
from alhena_tracking.contract.shop_objects import line_fields, order_fields
from alhena_tracking.models import ValueBasis

#: Parts of an order's value. One that is wrong is left out.
_PARTS = ("tax", "shipping", "discount")
#: Numbers of more digits are not computed with; the contract allows far less.
_LONGEST = 100
#: The names under which a line's price is read, by the contract's.
_SHOWN_NAMES = {"total": "value", "unit_price": "value"}


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order's fields as JSON values, their errors that JSON values would not show, and what was left out of it:
    the path and code of each, such as ``line_items[3].quantity`` and ``not_positive``.

    ``has_line_totals``: by their names, all lines' prices are totals, or unit prices of which the totals were made.
    """

    values: dict[str, Any]
    errors: Errors
    left_out: tuple[tuple[str, str], ...]
    has_line_totals: bool = False


def read_order(*sources: object, takes_noise: bool = False) -> ShopOrder:
    """Read an order from objects or mappings, of which the first has precedence. Evaluates its lines once.

    ``takes_noise``: floats may have more decimals than the currency, as those that a browser will report.
    """
    fields = order_fields(*sources)
    lines = fields.pop("line_items", None)
    values, errors = _normalised(fields, takes_noise=takes_noise)
    left_out = [(name, errors.pop(name).code) for name in _PARTS if name in errors]
    for name, _ in left_out:
        del values[name]
    if values.get("currency") is None and (currency := _currency_of(lines) or conf.default_currency):
        values["currency"] = currency
    has_line_totals = False
    if isinstance(lines, list):
        read, found = _add_lines(values, lines, is_value_known="value" in errors, takes_noise=takes_noise)
        left_out += found
        has_line_totals = all(line.is_total for line in read if not line.error)
    elif lines is not None:
        left_out.append(("line_items", "wrong_type"))
    return ShopOrder(values, errors, tuple(left_out), has_line_totals)


def _currency_of(lines: object) -> str | None:
    """Return the first currency that a line names."""
    fields = (line_fields(line) for line in lines[: limits.LINE_ITEMS]) if isinstance(lines, list) else ()
    codes = (_code(each["currency"]) for each in fields if each is not None)
    return next(filter(None, codes), None)


def _add_lines(
    order: dict[str, Any], lines: Sequence[object], *, is_value_known: bool, takes_noise: bool
) -> tuple[list[_Line], list[tuple[str, str]]]:
    """Add the lines that can be used, and their sum to an order without a value.

    Return the lines as read, and the path and code of what is left out.
    """
    currency = _code(order.get("currency"))
    read = [_Line.read(line, currency, takes_noise=takes_noise) for line in lines[: limits.LINE_ITEMS]]
    left_out = [
        (f"line_items[{index}].{name}".removesuffix("."), code)
        for index, line in enumerate(read)
        for name, code in line.error
    ]
    if len(lines) > limits.LINE_ITEMS:
        left_out.append(("line_items", "too_many"))
    elif read and not is_value_known and order.get("value") is None:
        order["value"] = _sum(read)
    usable = [line.values for line in read if not line.error]
    if usable or not left_out:
        order["line_items"] = usable
    return read, left_out


@dataclass(frozen=True, slots=True)
class _Line:
    """A line's values, at most one error (field and code), and what it adds to the order, if that is known.

    ``is_total``: its value is a total, by the name of the price.
    """

    values: dict[str, Any]
    error: list[tuple[str, str]]
    total: Decimal | None = None
    is_total: bool = False

    @classmethod
    def read(cls, line: object, currency: str | None, *, takes_noise: bool) -> _Line:
        """Read a line, whose currency is the order's if it states none."""
        fields = line_fields(line)
        if fields is None:
            return cls({}, [("", "wrong_type")])
        fields["currency"] = fields["currency"] if fields["currency"] is not None else currency
        values, errors = _normalised(fields, takes_noise=takes_noise)
        quantity = _decimal(values.get("quantity"))
        total, unit_price = _decimal(values.pop("total", None)), _decimal(values.pop("unit_price", None))
        is_unit = conf.line_item_value == ValueBasis.UNIT
        if total is not None and (quantity or not is_unit):
            values["value"] = total / quantity if is_unit and quantity else total
        elif unit_price is not None and (quantity is not None or is_unit):
            values["value"] = unit_price if is_unit else unit_price * (quantity or 0)
        found = {_SHOWN_NAMES.get(name, name): error for name, error in errors.items()}
        strict = LINE_ITEM.parse_line(values, currency)[1]
        found |= {name: error for name, error in strict.items() if name not in found}
        error = [(name, each.code) for name, each in found.items()][:1]
        is_named = total is not None or unit_price is not None
        line_total = None if "currency" in found else _total(values, quantity, is_unit=is_unit)
        return cls(values, error, line_total, is_total=is_named and not is_unit)


def _normalised(fields: Mapping[str, Any], *, takes_noise: bool) -> tuple[dict[str, Any], Errors]:
    values, errors = normalise({name: value for name, value in fields.items() if value is not None})
    if takes_noise:
        errors = {name: error for name, error in errors.items() if error.code != "inexact_float"}
    return values, errors


def _total(values: Mapping[str, Any], quantity: Decimal | None, *, is_unit: bool) -> Decimal | None:
    value = _decimal(values.get("value"))
    if quantity == 0 and value is not None:
        return Decimal(0)
    if not is_unit or value is None:
        return value
    return None if quantity is None else value * quantity


def _code(currency: object) -> str | None:
    try:
        return parse_currency(currency)
    except InvalidValue:
        return None


def _sum(lines: Iterable[_Line]) -> Decimal | None:
    """Return the sum of all lines, those that are left out included; ``None`` if one has none."""
    total = Decimal(0)
    for line in lines:
        if line.total is None:
            return None
        total += line.total
    return total


def _decimal(number: object) -> Decimal | None:
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return None
    value = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    return value if value.is_finite() and abs(value.adjusted()) < _LONGEST else None
