"""Read an order as shops have it. It is never lost for its lines: those that cannot be used are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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

#: The names under which a line's price is read, by the contract's.
_SHOWN_NAMES = {"total": "value", "unit_price": "value"}


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order's fields as JSON values, their errors that JSON values would not show, and what was left out of it:
    the path and code of each, such as ``line_items[3].quantity`` and ``not_positive``.
    """

    values: dict[str, Any]
    errors: Errors
    left_out: tuple[tuple[str, str], ...]


def read_order(*sources: object) -> ShopOrder:
    """Read an order from objects or mappings, of which the first has precedence. Evaluates its lines once."""
    fields = order_fields(*sources)
    lines = fields.pop("line_items", None)
    values, errors = normalise({name: value for name, value in fields.items() if value is not None})
    if lines is None:
        return ShopOrder(values, errors, ())
    if not isinstance(lines, list):
        return ShopOrder(values, errors, (("line_items", "wrong_type"),))
    read: list[_Line] = []
    for line in lines[: limits.LINE_ITEMS]:
        read.append(_Line.read(line, _code(values.get("currency"))))
        if values.get("currency") is None:
            values["currency"] = read[-1].values.get("currency")
    if len(lines) > limits.LINE_ITEMS:
        left_out = [("line_items", "too_many")]
    else:
        left_out = []
        if read and values.get("value") is None and "value" not in errors:
            values["value"] = _sum(read)
    left_out += [(path, code) for index, line in enumerate(read) for path, code in line.left_out(index)]
    usable = [line.values for line in read if line.error is None]
    if usable or not left_out:
        values["line_items"] = usable
    return ShopOrder(values, errors, tuple(left_out))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line's values, the first of its errors (field and code), and what it adds to the order, if that is known."""

    values: dict[str, Any]
    error: tuple[str, str] | None
    total: Decimal | None = None

    @classmethod
    def read(cls, line: object, currency: str | None) -> _Line:
        """Read a line, whose currency is the order's if it states none."""
        fields = line_fields(line)
        if fields is None:
            return cls({}, ("", "wrong_type"))
        fields["currency"] = fields["currency"] if fields["currency"] is not None else currency
        values, errors = normalise({name: value for name, value in fields.items() if value is not None})
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
        error = next(((name, each.code) for name, each in found.items()), None)
        return cls(values, error, None if "currency" in found else _total(values, quantity, is_unit=is_unit))

    def left_out(self, index: int) -> Iterator[tuple[str, str]]:
        """Yield the path and code of its error, if it has one."""
        if self.error is not None:
            yield f"line_items[{index}].{self.error[0]}".removesuffix("."), self.error[1]


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
    return value if value.is_finite() else None
