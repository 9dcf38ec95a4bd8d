"""No text in a file is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import openpyxl
import pytest

from alhena_tracking.exports.formulas import inert
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.exported_files import read_csv
from tests.support.factories import at

MONDAY = date(2026, 3, 2)
FIGURES = ["cards", "days", "channels", "products", "profiles"]
HOSTILE = [
    '=HYPERLINK("https://evil.example","Click")',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\ufeff=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "tea;=1+1",
    'tea";=1+1',
    "tea\t=1",
    "tea\n=1",
    "</script><script>alert(1)</script>",
    "https://evil.example/",
    "mailto:a@evil.example",
    "internal:Sheet1!A1",
    "{=1}",
    "😀" * 512,
    "_x0041_",
    "a\x07b\x1fc",
]


@pytest.mark.parametrize("text", ["Tea", "Tee, -20 %", "a=b", "3-2", "'quoted'", "x@y.example", "C#", "", "0", "½"])
def test_text_when_harmless_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=1", "'=1"),
        ("-x", "'-x"),
        ("\t=1", "'\t'=1"),
        ("\r", "'\r"),
        ("＝1", "'＝1"),
        ("a;=1", "a;'=1"),
        ("a; =1", "a;' =1"),
        ("  @x", "'  @x"),
    ],
)
def test_text_when_it_could_be_a_formula_is_marked(text: str, expected: str) -> None:
    assert inert(text) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_hostile_names_in_csv_are_inert_whatever_ends_a_cell(
    export: Callable[..., bytes], shop: Company, delimiter: str
) -> None:
    session = factories.VisitorSessionFactory.create(company=shop, started_at=at(MONDAY, 9))
    for number, text in enumerate(HOSTILE):
        order = factories.OrderFactory.create(session=session, order_id=text[:255], ai_profile=text[:255])
        factories.OrderLineFactory.create(order=order, product_id=f"{text[:200]}{number}", product_name=text)
        factories.CartEventFactory.create(session=session, product_id=text[:255], product_name=text)
    Company.objects.filter(pk=shop.pk).update(name=HOSTILE[0])
    for name in (f"{table}.{form}" for table in (*FIGURES, "orders", "cart_events") for form in ("csv", "excel")):
        content = export(name).decode("utf-8-sig")
        cells = [cell for line in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter) for cell in line]
        for cell in cells:
            assert is_number(cell) or not cell.strip(" \t\r\n\ufeff").startswith(tuple("=+-@＝＋－＠"))
    found = [row["Product"].replace("'", "") for row in read_csv(export("cart_events.csv"))]
    assert {text.replace("'", "") for text in HOSTILE} <= set(found)


def is_number(cell: str) -> bool:
    try:
        Decimal(cell)
    except ArithmeticError:
        return False
    return True


@pytest.mark.django_db
def test_hostile_names_in_xlsx_are_texts_and_the_same(export: Callable[..., bytes], shop: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=shop, started_at=at(MONDAY, 9))
    for text in HOSTILE:
        order = factories.OrderFactory.create(session=session, order_id=text[:255])
        factories.OrderLineFactory.create(order=order, product_id=text[:255], product_name=text)
        factories.CartEventFactory.create(session=session, product_id=text[:255], product_name=text)
    Company.objects.filter(pk=shop.pk).update(name=HOSTILE[0])
    formulas, links, texts = 0, 0, set()
    for name in ("figures.xlsx", "orders.xlsx", "cart_events.xlsx"):
        book = openpyxl.load_workbook(io.BytesIO(export(name)))
        for sheet in book:
            for cell in (cell for row in sheet.iter_rows() for cell in row):
                formulas += cell.data_type == "f"
                links += cell.hyperlink is not None
                texts.add(cell.value)
    assert (formulas, links) == (0, 0)
    plain = [text for text in HOSTILE if text.isprintable() and text != "_x0041_"]
    assert set(plain) <= texts
    assert len(plain) > 15
