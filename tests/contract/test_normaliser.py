"""What the values of shops' code become in the contract."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import models
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from alhena_tracking.contract import limits
from alhena_tracking.contract.normaliser import normalise

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
        *(("order_id", value) for value in (True, 7.0, Decimal("7.5"), Decimal("1E+400000"), b"7", ["7"])),
        pytest.param("order_id", 10**5000, id="endless"),
        *(("product_name", value) for value in (7, UUID, True, b"Mug")),
        *(("value", value) for value in ("7", True, None, b"7")),
        *(("quantity", value) for value in ("7", True)),
        ("occurred_at", 7),
        ("line_items", "lines"),
        ("line_items", {"product_id": "SKU-1"}),
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


def test_lines_when_they_are_generated_are_a_list() -> None:
    lines = ({"product_id": number, "value": number / 8, "currency": "EUR"} for number in range(2))
    values, errors = normalise({"line_items": lines, "recommended_product_ids": (1, UUID)})
    assert values["line_items"] == [
        {"product_id": "0", "value": 0.0, "currency": "EUR"},
        {"product_id": "1", "value": 0.125, "currency": "EUR"},
    ]
    assert list(errors) == ["line_items[1].value"]
    assert values["recommended_product_ids"] == ["1", str(UUID)]


def test_lines_when_they_never_end_are_one_too_many() -> None:
    def lines() -> Iterator[str]:
        while True:
            yield "no line"

    assert normalise({"line_items": lines()})[0]["line_items"] == ["no line"] * (limits.LINE_ITEMS + 1)
