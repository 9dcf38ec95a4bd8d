"""What the values of shops' code become in the contract."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import models
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from alhena_tracking.contract import limits
from alhena_tracking.contract.normaliser import normalise
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.contract.shop_objects import line_fields
from alhena_tracking.contract.written_numbers import read_number
from tests.support.contract import load

pytestmark = pytest.mark.no_database


class Choice(models.TextChoices):
    CHAT = "CHAT", "Chat"


class Text(str, Enum):  # noqa: UP042
    CHAT = "CHAT"

    def __str__(self) -> str:
        return "another text"


class Number(IntEnum):
    SEVEN = 7

    def __repr__(self) -> str:
        return "another text"


class Price(float):
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CHAT", "CHAT"),
        (SafeString("CHAT"), "CHAT"),
        (gettext_lazy("Order"), "Order"),
        (Choice.CHAT, "CHAT"),
        (Text.CHAT, "CHAT"),
    ],
)
@pytest.mark.parametrize("name", ["type", "product_name", "currency", "order_id", "source", "event_id", "occurred_at"])
def test_text_when_it_is_another_kind_is_a_string(name: str, value: object, expected: str) -> None:
    values, errors = normalise({name: value})
    assert (values, type(values[name]), errors) == ({name: expected}, str, {})


UUID = uuid.UUID(int=7 << 64 | 5)


@pytest.mark.parametrize("name", ["order_id", "product_id", "conversation_id", "refund_id"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (Number.SEVEN, "7"),
        (Decimal("7.00"), "7"),
        (7.0, "7"),
        (UUID, str(UUID)),
        (SimpleNamespace(pk=7), "7"),
        (SimpleNamespace(pk=UUID), str(UUID)),
        (SimpleNamespace(pk=None), None),
        (None, None),
    ],
)
def test_id_when_it_is_a_number_or_uuid_is_a_string(name: str, value: object, expected: str | None) -> None:
    assert normalise({name: value}) == ({name: expected}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("order_id", value) for value in (True, 7.5, 1e300, Decimal("7.5"), Decimal("1E+400000"), b"7", ["7"])),
        pytest.param("order_id", 10**5000, id="endless"),
        *(("product_name", value) for value in (7, UUID, True, b"Mug")),
        *(("value", value) for value in (True, b"7", [7], {"amount": None})),
        *(("quantity", value) for value in (True, b"7", (7,))),
        ("occurred_at", 7),
        ("recommended_product_ids", "SKU-1"),
        ("unknown", SafeString("x")),
    ],
)
def test_value_when_the_contract_refuses_it_stays(name: str, value: object) -> None:
    values, errors = normalise({name: value})
    assert values[name] is value
    assert errors == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Decimal("7.50"), Decimal), (7, int), (Number.SEVEN, int), (7.5, float), (Price(7.5), float)],
)
@pytest.mark.parametrize("name", ["value", "quantity", "tax", "previous_quantity"])
def test_number_when_of_a_subclass_is_of_its_base(name: str, value: Any, expected: type) -> None:
    values, errors = normalise({name: value, "currency": "EUR"})
    assert (values[name], type(values[name]), errors) == (value, expected, {})


@pytest.mark.parametrize(
    ("value", "currency", "is_exact"),
    [
        (19.99, "EUR", True),
        (19.9, "EUR", True),
        (19.0, "EUR", True),
        (0.1 + 0.2, "EUR", False),
        (19.98999999999999, "EUR", False),
        (19.999, "EUR", False),
        (19.999, " kwd ", True),
        (19.9999, "KWD", False),
        (1999.0, "JPY", True),
        (1999.5, "JPY", False),
        (1e22, "EUR", True),
        (1e-7, "EUR", False),
        (float("nan"), "EUR", True),
        (float("-inf"), "EUR", True),
        (19.99, "no currency", True),
        (19.999, None, False),
        (Decimal("19.999"), "EUR", True),
    ],
)
@pytest.mark.parametrize("name", ["value", "tax", "shipping", "discount"])
def test_float_when_it_has_more_decimals_than_money_is_inexact(
    name: str, value: object, currency: str | None, is_exact: bool
) -> None:
    _, errors = normalise({name: value, "currency": currency})
    assert {path: error.code for path, error in errors.items()} == ({} if is_exact else {name: "inexact_float"})


def test_quantity_when_it_is_a_noisy_float_is_taken() -> None:
    assert normalise({"quantity": 0.1 + 0.2}) == ({"quantity": 0.1 + 0.2}, {})


def test_time_when_it_is_a_datetime_is_a_text() -> None:
    values, _ = normalise({"occurred_at": datetime(2026, 5, 4, 12, tzinfo=UTC), "event_id": UUID})
    assert values == {"occurred_at": "2026-05-04T12:00:00+00:00", "event_id": str(UUID)}


def test_ids_when_they_are_generated_are_a_list() -> None:
    values, _ = normalise({"recommended_product_ids": (each for each in (1, UUID))})
    assert values["recommended_product_ids"] == ["1", str(UUID)]


EXAMPLES = load("normaliser", parse_float=Decimal)
CURRENCIES = {None: "no currency", 0: "JPY", 2: "USD", 3: "KWD"}


def outcome(name: str, value: object, currency: object) -> object:
    values, errors = normalise({name: value, "currency": currency})
    assert errors.keys() <= {name}
    return errors[name].code if errors else values[name]


def test_examples_when_counted() -> None:
    assert sum(map(len, EXAMPLES.values())) >= 200


@pytest.mark.parametrize("name", ["value", "tax"])
@pytest.mark.parametrize("example", EXAMPLES["numbers"], ids=str)
def test_number_when_an_example_is_read_as_it_says(name: str, example: dict[str, Any]) -> None:
    value, decimals = example.get("text", example.get("value")), example.get("decimals", 2)
    assert outcome(name, value, CURRENCIES[decimals]) == example.get("error", example.get("number"))


@pytest.mark.parametrize("example", [each for each in EXAMPLES["numbers"] if each.get("decimals") == 3], ids=str)
def test_quantity_when_an_example_has_three_decimals_is_the_same(example: dict[str, Any]) -> None:
    assert outcome("quantity", example["text"], "no currency") == example["number"]


@pytest.mark.parametrize("name", ["order_id", "product_id", "product_name"])
@pytest.mark.parametrize("example", EXAMPLES["ids"], ids=str)
def test_id_when_an_example_is_read_as_it_says(name: str, example: dict[str, Any]) -> None:
    if name == "product_name" and not isinstance(example["value"], str | None):
        return
    assert outcome(name, example["value"], None) == example.get("id")


@pytest.mark.parametrize("example", EXAMPLES["first"], ids=str)
def test_id_when_there_are_several_is_the_first_that_is_there(example: dict[str, Any]) -> None:
    names = ("product_id", "item_id", "product_sku", "sku")
    line = dict(zip(names, example["alternatives"], strict=False))
    assert normalise(line_fields(line) or {})[0]["product_id"] == example.get("id")


@pytest.mark.parametrize("example", EXAMPLES["names"], ids=str)
def test_name_when_it_is_too_long_is_cut(example: dict[str, Any]) -> None:
    text, times = example["repeat"]
    name = outcome("product_name", f" {text * times} ", None)
    assert (name and len(str(name)), str(name or "")) == (
        example.get("length"),
        (text * times).strip()[: limits.PRODUCT_NAME_LENGTH],
    )


@pytest.mark.parametrize("value", ["", "  ", "\u00a0", "\ufeff", SafeString("")])
@pytest.mark.parametrize("name", ["order_id", "product_name", "currency", "source", "value", "quantity", "event_id"])
def test_text_when_it_is_blank_is_absent(name: str, value: object) -> None:
    assert normalise({name: value}) == ({name: None}, {})


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), float("nan"), "NaN", gettext_lazy("NaN")])
@pytest.mark.parametrize("name", ["value", "quantity", "discount"])
def test_number_when_it_is_not_a_number_is_absent(name: str, value: object) -> None:
    assert outcome(name, value, "EUR") is None


def money(amount: object, currency: object) -> SimpleNamespace:
    return SimpleNamespace(amount=amount, currency=currency)


@pytest.mark.parametrize(
    "value",
    [
        money(Decimal("12.50"), SimpleNamespace(code="USD")),
        money("12,50", "USD"),
        SimpleNamespace(gross=money(Decimal("12.50"), "USD"), net=money(Decimal(10), "USD")),
        {"amount": 12.5, "currency": "USD"},
    ],
)
def test_amount_when_it_is_money_has_its_currency(value: object) -> None:
    assert normalise({"value": value}) == ({"value": Decimal("12.5"), "currency": "USD"}, {})
    assert normalise({"value": value, "currency": "EUR"})[0]["currency"] == "EUR"


@pytest.mark.property
@given(st.text(alphabet="0123456789.,' $€-eE+KWD\u00a0", max_size=20), st.sampled_from([None, 0, 2, 3]))
def test_number_when_it_is_any_text_is_one_of_its_digits(text: str, decimals: int | None) -> None:
    try:
        number = read_number(text, decimals)
    except InvalidValue:
        return
    digits = re.sub(r"[^0-9]", "", text).strip("0")
    if not re.search(r"\d[eE][+-]?\d", text):
        assert format(number.copy_abs(), "f").replace(".", "").strip("0") == digits
        assert number == 0 or (number < 0) == ("-" in re.split(r"\d", text)[0])


@pytest.mark.property
@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from([",. ", ".,", " ,", "',", "\u202f."]))
def test_number_when_it_is_written_with_marks_is_read_back(number: Decimal, marks: str) -> None:
    group, mark = marks[0], marks[1]
    written = "".join({",": group, ".": mark}.get(each, each) for each in f"{number:,.2f}")
    assert read_number(written, 2) == number
