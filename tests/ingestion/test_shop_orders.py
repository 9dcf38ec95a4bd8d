"""Orders as shops' code has them: under the usual names, with lines that cannot be used, with numbers as text."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError

from alhena_tracking import events
from alhena_tracking.contract import limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events.shop_orders import read_order
from alhena_tracking.models import Company, EventCount, Order, OrderLine, RejectedEvent
from alhena_tracking.order_tag import render_order
from tests.support import event_data

ITEM: dict[str, Any] = {"product_id": "SKU-1", "product_name": "Mug", "currency": "USD", "value": 10, "quantity": 1}


def order(**fields: Any) -> dict[str, Any]:
    return {"order_id": "1001", "value": 100, "currency": "USD", **fields}


class Manager:
    """Stands for a related manager, which templates never call."""

    def __init__(self, *rows: object) -> None:
        self.rows = rows

    def __call__(self) -> None:
        raise TypeError("a manager takes arguments")

    def all(self) -> list[object]:
        return list(self.rows)


UNUSABLE = [
    ({"value": None}, "value", "required"),
    ({"value": ""}, "value", "required"),
    ({"value": "NaN"}, "value", "required"),
    ({"value": "free"}, "value", "not_a_number"),
    ({"value": -5}, "value", "negative"),
    ({"value": float("inf")}, "value", "not_finite"),
    ({"value": 10**12}, "value", "too_large"),
    ({"value": 1.001}, "value", "inexact_float"),
    ({"value": True}, "value", "wrong_type"),
    ({"quantity": 0}, "quantity", "not_positive"),
    ({"quantity": "0"}, "quantity", "not_positive"),
    ({"quantity": None}, "quantity", "required"),
    ({"quantity": -1}, "quantity", "negative"),
    ({"quantity": 10**7}, "quantity", "too_large"),
    ({"currency": "EUR"}, "currency", "currency_mismatch"),
    ({"currency": "€"}, "currency", "unknown_currency"),
    ({"product_id": "", "product_name": None}, "product_id", "required"),
    ({"product_id": "x" * 256}, "product_id", "too_long"),
    ({"product_id": "a\0"}, "product_id", "invalid_characters"),
    ({"product_id": ["SKU-1"]}, "product_id", "wrong_type"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("fields", "name", "code"), UNUSABLE)
def test_line_when_it_cannot_be_used_is_left_out(company: Company, fields: Any, name: str, code: str) -> None:
    visitor = event_data.VISITOR
    events.record_interaction(visitor, type="CHAT")
    lines = [{**ITEM, "product_id": f"SKU-{number}"} for number in range(12)]
    lines.insert(3, {**ITEM, **fields})
    assert events.record_order(visitor, **order(line_items=lines)).status == "recorded"
    assert Order.objects.get().value_minor == 10000
    assert OrderLine.objects.count() == 12
    event_counts.flush()
    assert EventCount.objects.get(outcome="left_out").reason == code
    assert RejectedEvent.objects.get().errors == [{"field": f"line_items[3].{name}", "code": code}]


@pytest.mark.parametrize("line", [None, "SKU-1", 7, ["SKU-1"], ("SKU-1", 1), b"", {"a"}, True])
def test_line_when_it_is_no_object_is_left_out(line: object) -> None:
    read = read_order(order(line_items=[line, ITEM]))
    assert read.values["line_items"] == [ITEM]
    assert read.left_out == (("line_items[0]", "wrong_type"),)


@pytest.mark.parametrize("lines", ["lines", 7, True, b"lines"])
def test_lines_when_they_are_no_list_are_left_out(lines: object) -> None:
    read = read_order(order(line_items=lines))
    assert "line_items" not in read.values
    assert read.left_out == (("line_items", "wrong_type"),)


def test_lines_when_none_can_be_used_are_unknown() -> None:
    assert "line_items" not in read_order(order(line_items=[{}])).values
    assert read_order(order(line_items=[])).values["line_items"] == []


def test_lines_when_they_never_end_are_as_many_as_an_order_may_have() -> None:
    def lines() -> Iterator[dict[str, Any]]:
        while True:
            yield ITEM

    read = read_order(order(line_items=lines()))
    assert read.values["line_items"] == [ITEM] * limits.LINE_ITEMS
    assert read.left_out == (("line_items", "too_many"),)


@pytest.mark.parametrize("lines", [ITEM, {"0": ITEM}, (ITEM,), Manager(ITEM), lambda: [ITEM], iter([ITEM])])
def test_lines_when_they_come_in_another_shape_are_read(lines: object) -> None:
    assert read_order(order(line_items=lines)).values["line_items"] == [ITEM]


def test_name_when_it_is_too_long_is_cut() -> None:
    read = read_order(order(line_items=[{**ITEM, "product_name": "😀" * 600}]))
    assert read.values["line_items"] == [{**ITEM, "product_name": "😀" * 512}]
    assert read.left_out == ()


@pytest.mark.parametrize(
    ("lines", "basis", "expected"),
    [
        ([ITEM, {**ITEM, "value": "19,99", "quantity": 2}], "total", Decimal("29.99")),
        ([ITEM, {**ITEM, "value": "19,99", "quantity": 2}], "unit", Decimal("49.98")),
        ([ITEM, {**ITEM, "value": -2.5}], "total", Decimal("7.5")),
        ([ITEM, {**ITEM, "quantity": 0}], "total", 10),
        ([{**ITEM, "value": 0.1}] * 3, "total", Decimal("0.3")),
        ([ITEM, {**ITEM, "value": None}], "total", None),
        ([ITEM, {**ITEM, "value": "?"}], "total", None),
        ([ITEM, {**ITEM, "currency": "EUR"}], "total", None),
        ([ITEM, {**ITEM, "quantity": None}], "unit", None),
        ([ITEM, "line"], "total", None),
        ([ITEM] * 501, "total", None),
        ([], "total", None),
    ],
)
def test_value_when_it_is_missing_is_the_sum_of_all_lines(
    settings: Any, lines: Any, basis: str, expected: object
) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "LINE_ITEM_VALUE": basis}
    for value in (None, "", "NaN"):
        assert read_order(order(value=value, line_items=lines)).values.get("value") == expected


@pytest.mark.django_db
@pytest.mark.parametrize("order_id", ["", " ", None, "undefined", "null"])
def test_order_id_when_it_is_empty_is_none(company: Company, order_id: object) -> None:
    events.record_interaction(event_data.VISITOR, type="CHAT")
    assert events.record_order(event_data.VISITOR, **order(order_id=order_id)).status == "recorded"
    assert Order.objects.get().order_id == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"currency": "€"}, {"currency": "unknown_currency"}),
        ({"currency": None}, {"currency": "required"}),
        ({"value": -1}, {"value": "negative"}),
        ({"value": None}, {"value": "required"}),
        ({"value": "1,245", "currency": "XXX"}, {"value": "ambiguous_number", "currency": "unknown_currency"}),
    ],
)
def test_order_when_it_is_invalid_itself_is_refused(company: Company, fields: Any, errors: Any) -> None:
    with pytest.raises(events.InvalidEvent) as caught:
        events.record_order(event_data.VISITOR, **order(**fields))
    assert caught.value.errors == errors


@pytest.mark.django_db
def test_part_of_the_value_when_it_is_no_amount_is_left_out(company: Company) -> None:
    events.record_interaction(event_data.VISITOR, type="CHAT")
    fields = order(value="1,245.50", tax="4,50", shipping="free", discount=0.1 + 0.2)
    assert events.record_order(event_data.VISITOR, **fields).status == "recorded"
    stored = Order.objects.get()
    assert (stored.value_minor, stored.tax_minor, stored.shipping_minor, stored.discount_minor) == (
        124550,
        450,
        None,
        None,
    )
    event_counts.flush()
    assert {each["field"] for each in RejectedEvent.objects.get().errors} == {"shipping", "discount"}


# The usual names


def money(amount: Any) -> SimpleNamespace:
    return SimpleNamespace(amount=Decimal(amount), currency=SimpleNamespace(code="USD"))


PRODUCT = SimpleNamespace(pk=7, title="Mug", name="")
LINE = {"product_id": "7", "product_name": "Mug", "quantity": 2, "value": Decimal("39.98"), "currency": "USD"}
OSCAR_LINE = SimpleNamespace(
    id=99, product_id=7, product=PRODUCT, title="Mug", quantity=2, line_price_incl_tax=Decimal("39.98"), upc="1"
)
COST_LINE = SimpleNamespace(id=99, product=PRODUCT, price=Decimal("19.99"), quantity=2, get_cost=lambda: 39.98)
SHOPS = {
    "oscar": SimpleNamespace(
        id=5,
        number="1001",
        total_incl_tax=Decimal("45.00"),
        total_excl_tax=Decimal("40.00"),
        currency="USD",
        shipping_incl_tax=Decimal("5.02"),
        lines=Manager(OSCAR_LINE),
    ),
    "by example": SimpleNamespace(
        id=1001, get_total_cost=lambda: Decimal(45), currency="USD", items=Manager(COST_LINE)
    ),
    "money": SimpleNamespace(
        order_number=1001,
        total=money("45.00"),
        items=[SimpleNamespace(sku="7", name="Mug", qty="2", unit_price=money("19.99"))],
    ),
    "taxed money": SimpleNamespace(
        number="1001",
        total=SimpleNamespace(gross=money("45.00"), net=money("40.00")),
        lines=Manager({"product_sku": "7", "product_name": "Mug", "quantity": 2, "total_price": money("39.98")}),
    ),
    "camel case": {
        "orderId": "1001",
        "grandTotal": "45,00",
        "currencyCode": "usd",
        "lineItems": [{"itemId": 7, "itemName": "Mug", "quantity": 2, "unitPrice": 19.99}],
    },
    "woocommerce": {
        "id": 5,
        "number": "1001",
        "total": "45.00",
        "total_tax": "7.18",
        "currency": "USD",
        "discount_total": "0.00",
        "line_items": [{"id": 99, "product_id": 7, "name": "Mug", "quantity": 2, "total": "39.98", "price": 19.99}],
    },
    "ga4": {
        "transaction_id": "1001",
        "value": 45,
        "currency": "USD",
        "items": [{"item_id": "", "id": "7", "item_name": "Mug", "price": "19.99", "quantity": 2}],
    },
    "product": {
        "reference": "1001",
        "amount": 45,
        "currency": "USD",
        "lines": [{"product": PRODUCT, "quantity": 2, "total": "39.98"}],
    },
}


@pytest.mark.parametrize("name", SHOPS)
def test_order_when_a_shop_has_its_own_names_is_read(name: str) -> None:
    read = read_order(SHOPS[name])
    assert (read.errors, read.left_out) == ({}, ())
    assert read.values["order_id"] == "1001"
    assert Decimal(read.values["value"]) == 45
    assert read.values["currency"].upper() == "USD"
    assert [{**line, "currency": line["currency"].upper()} for line in read.values["line_items"]] == [LINE]


def test_unit_price_when_lines_are_reported_by_unit_is_the_value(settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "LINE_ITEM_VALUE": "unit"}
    for name in SHOPS:
        (line,) = read_order(SHOPS[name]).values["line_items"]
        assert Decimal(str(line["value"])) == Decimal("19.99")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"order_id": None, "number": "7", "id": 5}, "7"),
        ({"order_id": "", "number": " ", "id": 5}, "5"),
        ({"order_id": "A", "number": "7"}, "A"),
        ({"id": None}, None),
    ],
)
def test_order_id_when_there_are_several_is_the_most_specific(fields: Any, expected: str | None) -> None:
    for source in (fields, SimpleNamespace(**fields)):
        assert read_order(source).values.get("order_id") == expected


def test_amount_when_a_name_holds_something_else_is_looked_for_on() -> None:
    source = SimpleNamespace(total=SimpleNamespace(), amount=45, shipping=SimpleNamespace(city="Bonn"), shipping_cost=5)
    values = read_order(source).values
    assert (values["value"], values["shipping"]) == (45, 5)


def test_order_when_two_sources_have_a_field_is_the_firsts() -> None:
    read = read_order({"value": 9, "order_id": ""}, SHOPS["oscar"])
    assert (read.values["value"], read.values["order_id"], len(read.values["line_items"])) == (9, "1001", 1)


ODD = [
    *(object(), b"x", [], [[]], {}, {"amount": None}, (), set(), type, print, lambda: 1 / 0, True, "\0", "\ud800"),
    *(Decimal("sNaN"), Decimal("Infinity"), Decimal("9E+999999"), Decimal("1E-999999"), 10**5000, float("-inf"), 1e308),
    SimpleNamespace(amount=object(), currency=object(), gross=None),
]
ODD_NAMES = ("order_id", "value", "currency", "tax", "line_items", "total", "items", "id")


@pytest.mark.parametrize("value", ODD, ids=lambda value: str(type(value)))
def test_order_when_any_value_is_odd_is_read_and_rendered(value: object) -> None:
    sources: list[Any] = [{**order(line_items=[ITEM]), name: value} for name in ODD_NAMES]
    sources += [SimpleNamespace(**source) for source in sources]
    names = ("product_id", "product_name", "value", "quantity", "currency", "unit_price", "total", "product", "price")
    for name in names:
        line = {
            key: each for key, each in ITEM.items() if key != "value" or name not in {"unit_price", "total", "price"}
        }
        sources.append(order(value=None, line_items=[{**line, name: value}, ITEM, value]))
    for source in sources:
        assert isinstance(read_order(source).values, dict)
        assert "<template" in render_order("acme", source)


class Odd:
    """An order whose own code raises, or would change data."""

    number = "1001"
    total = 45

    def __init__(self) -> None:
        self.deleted = False

    @property
    def order_id(self) -> str:
        raise ValueError("secret")

    def value(self) -> int:
        raise KeyError("secret")

    def total_incl_tax(self) -> None:
        self.deleted = True

    total_incl_tax.alters_data = True  # type: ignore[attr-defined]

    @property
    def lines(self) -> object:
        raise RuntimeError("secret")


def test_order_when_its_code_raises_or_changes_data_is_read_without() -> None:
    source = Odd()
    assert read_order(source).values == {"order_id": "1001", "value": 45}
    assert not source.deleted


def test_order_when_the_database_fails_raises_that() -> None:
    class Failing:
        @property
        def number(self) -> str:
            raise DatabaseError

    with pytest.raises(DatabaseError):
        read_order(Failing())


@pytest.mark.django_db
def test_function_when_an_order_has_usual_names_records_it(company: Company) -> None:
    events.record_interaction(event_data.VISITOR, type="CHAT")
    fields: dict[str, Any] = {
        "number": "1001",
        "total_incl_tax": "$45.00",
        "currency_code": "usd",
        "lines": Manager(OSCAR_LINE),
    }
    assert events.record_order(event_data.VISITOR, **fields).status == "recorded"
    stored = Order.objects.get()
    assert (stored.order_id, stored.value_minor, stored.currency) == ("1001", 4500, "USD")
    assert stored.lines.get().total_minor == 3998
    assert events.record_orders([{"visitor": event_data.VISITOR, **fields}])[0].status == "duplicate"
