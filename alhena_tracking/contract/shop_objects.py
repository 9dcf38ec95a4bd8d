"""Read orders and their lines from shops' own objects and mappings, whatever these call their fields.

Of each field's names, the first one counts that the object has and that is not empty. A name stands for its camelCase,
too, and of an object for its method ``get_…``. ``docs/shop-data.md`` has the lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from django.db import Error as DatabaseError
from django.utils.functional import Promise

from alhena_tracking.contract import limits
from alhena_tracking.contract.normaliser import amount_of, is_absent, is_list

#: The names of an order's fields, the contract's own first, then from the most to the least specific.
ORDER_NAMES: Mapping[str, tuple[str, ...]] = {
    "order_id": ("order_id", "order_number", "transaction_id", "number", "reference", "ref", "id", "pk"),
    "value": (
        "value",
        "total_incl_tax",
        "grand_total",
        "order_total",
        "total_price",
        "total_amount",
        "total_cost",
        "total",
        "amount",
    ),
    "currency": ("currency", "currency_code", "order_currency"),
    "tax": ("tax", "total_tax", "tax_total", "tax_amount"),
    "shipping": ("shipping", "shipping_incl_tax", "shipping_total", "shipping_cost", "shipping_price"),
    "discount": ("discount", "total_discount_incl_tax", "discount_total", "total_discount", "discount_amount"),
}
LINE_ITEMS_NAMES = ("line_items", "order_lines", "lines", "order_items", "items")
LINE_NAMES: Mapping[str, tuple[str, ...]] = {
    "product_id": ("product_id", "item_id", "product_sku", "partner_sku", "sku", "upc", "product_code"),
    "product_name": ("product_name", "item_name", "product_title", "title", "name", "description"),
    "quantity": ("quantity", "qty"),
    "currency": ("currency", "currency_code"),
}
#: What a line costs in all, and what one unit of it costs.
LINE_TOTAL_NAMES = ("line_price_incl_tax", "line_total", "total_incl_tax", "total_price", "row_total", "total", "cost")
UNIT_PRICE_NAMES = ("unit_price_incl_tax", "unit_price", "price_incl_tax", "item_price", "price")

_AMOUNTS = {"value", "tax", "shipping", "discount"}


def order_fields(*sources: object) -> dict[str, Any]:
    """Return the fields of an order: of each, what the first source has that has it. ``line_items`` may be no list."""
    fields = {name: _first(sources, names, is_amount=name in _AMOUNTS) for name, names in ORDER_NAMES.items()}
    odd = None
    for value in (_get(source, name) for source in sources for name in LINE_ITEMS_NAMES):
        lines = _lines(value)
        if lines is not None:
            return fields | {"line_items": lines}
        odd = value if odd is None else odd
    return fields if is_absent(odd) else fields | {"line_items": odd}


def line_fields(line: object) -> dict[str, Any] | None:
    """Return the fields of an order's line, with its price as ``value``, ``total`` or ``unit_price``.

    ``None`` if it is no object.
    """
    if line is None or isinstance(line, int | float | Decimal | str | bytes | Promise | list | tuple | set):
        return None
    fields = {name: _first([line], names) for name, names in LINE_NAMES.items()}
    if fields["product_id"] is None or fields["product_name"] is None:
        fields |= _named_by_product(line, fields["product_id"], fields["product_name"])
    for kind, names in (("value", ("value",)), ("total", LINE_TOTAL_NAMES), ("unit_price", UNIT_PRICE_NAMES)):
        price = _first([line], names, is_amount=True)
        if price is not None:
            return fields | {kind: price}
    return fields


def _named_by_product(line: object, product_id: object, product_name: object) -> dict[str, Any]:
    """Return the id and the name of a line that lacks one: those of its product, else each for the other."""
    product = _get(line, "product")
    if product_name is None:
        product_name = product if isinstance(product, str | Promise) else _first([product], ("name", "title"))
    # An object's own id is the line's, not the product's.
    own_id = line.get("id") if isinstance(line, Mapping) else None
    ids = (product_id, _first([product], ("pk", "id", "sku")), own_id, product_name)
    product_id = next((each for each in ids if not is_absent(each)), None)
    return {"product_id": product_id, "product_name": product_id if is_absent(product_name) else product_name}


def _first(sources: Iterable[object], names: Sequence[str], *, is_amount: bool = False) -> Any:
    """Return the first value under the names that is not absent, and is an amount if it must be."""
    odd = None
    for source in sources:
        for name in names:
            value = _get(source, name)
            if is_absent(value):
                continue
            if not is_amount or _is_amount(value):
                return value
            if name == names[0] and isinstance(source, Mapping):
                odd = value  # under the contract's own name, which has errors for it
    return odd


def _is_amount(value: object) -> bool:
    number = amount_of(value)[0]
    return isinstance(number, int | float | Decimal | str | Promise) and not isinstance(number, bool)


def _get(source: object, name: str) -> Any:
    """Return what a source has under a name; ``None`` if it has nothing, or if its own code raises."""
    if source is None:
        return None
    if type(source) is dict or isinstance(source, Mapping):
        value = source.get(name)
        value = source.get(_camel_case(name)) if value is None else value
    else:
        value = _attribute(source, name)
        if value is None:
            value = _attribute(source, _camel_case(name))
        if value is None:
            value = _attribute(source, f"get_{name}")
    return None if value is None else _called(value)


def _attribute(source: object, name: str) -> Any:
    try:
        return getattr(source, name, None)
    except DatabaseError:
        raise
    except Exception:
        return None


def _called(value: Any) -> Any:
    """Call methods, as templates do; but no classes, no managers, and nothing that changes data."""
    if not callable(value) or isinstance(value, type) or hasattr(value, "all"):
        return value
    if getattr(value, "alters_data", False):
        return None
    try:
        return value()
    except DatabaseError:
        raise
    except Exception:
        return None


def _lines(value: Any) -> list[Any] | None:
    """Return the lines of a list, a manager or a mapping: at most one more than an order may have. Else ``None``."""
    if isinstance(value, Mapping):
        return list(value.values()) if any(isinstance(each, Mapping) for each in value.values()) else [value]
    if hasattr(value, "all"):
        value = _called(value.all)
    return list(islice(value, limits.LINE_ITEMS + 1)) if is_list(value) else None


@cache
def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
