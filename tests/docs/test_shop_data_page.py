"""``docs/shop-data.md`` against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alhena_tracking.contract import limits, shop_objects
from tests.support.documented_pages import tables
from tests.support.order_ids import digits

pytestmark = pytest.mark.no_database

PAGE = (Path(__file__).parents[2] / "docs" / "shop-data.md").read_text()


def names_in(rows: list[list[str]]) -> dict[str, tuple[str, ...]]:
    """The names that a table lists, by field."""
    return {field.strip("`"): tuple(re.findall("`([a-z_]+)`", names.partition(", else")[0])) for field, names in rows}


def test_names_when_listed_are_those_that_are_understood() -> None:
    order, line = map(names_in, tables(PAGE)[:2])
    assert order == {**shop_objects.ORDER_NAMES, "line_items": shop_objects.LINE_ITEMS_NAMES}
    assert {name: line[name] for name in shop_objects.LINE_NAMES} == shop_objects.LINE_NAMES
    assert line["its total"] == shop_objects.LINE_TOTAL_NAMES
    assert line["its unit price, times the quantity"] == shop_objects.UNIT_PRICE_NAMES


def test_limits_when_named_are_those_of_the_contract() -> None:
    assert f"more than {limits.PRODUCT_NAME_LENGTH} characters" in PAGE
    assert f"beyond the {limits.LINE_ITEMS}th" in PAGE
    assert digits("gid://shopify/Order/1001") == "1001"
