"""Hostile names and ids are inert wherever staff read them: on pages, in drawings, files and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.test import Client
from django.utils import timezone

from alhena_tracking import models
from alhena_tracking.exports import FIGURE_TABLES, ROW_TABLES
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.endpoints import IDENTITY, PREFIX, data_of
from tests.support.factories import at
from tests.support.hostile_texts import HOSTILE, fill, lists_of, pages_of
from tests.support.published_schema import STAFF_PREFIX
from tests.support.runs import some

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
DAYS = {"start": "2026-03-02", "end": "2026-03-08"}
FORMULA_STARTS = tuple("=+-@＝＋－＠\t\r\n")
IN_ORDER_OF_DELETION: list[type[Any]] = [
    *(models.OrderClaim, models.Refund, models.Order, models.CartEvent, models.Interaction, models.VisitorSession),
    *(models.PendingConfirmation, models.SecretKey, models.RejectedEvent),
]
#: White space and format characters that spreadsheets do not see.
UNSEEN = " \ufeff\u200b"


class Markup(HTMLParser):
    """The elements of a page, with the names of their attributes, and the texts between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.targets: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _value in attrs if name not in {"title", "dir"}))))
        self.targets += [value or "" for name, value in attrs if name in {"href", "src", "action", "srcdoc"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append(("<!--", (str(len(data)),)))


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(factories.UserFactory.create(is_superuser=True))
    return client


def content_of(response: Any) -> bytes:
    assert response.status_code == 200
    content: bytes = b"".join(response.streaming_content) if response.streaming else response.content
    return content


def rename(company: Company, text: str) -> None:
    Company.objects.filter(pk=company.pk).update(name=text[:255])


def markup_of(reader: Client, url: str) -> Markup:
    return Markup(content_of(reader.get(url)).decode())


def fill_anew(company: Company, texts: Sequence[str]) -> list[dict[type[Any], Any]]:
    """Have rows of each of these texts and no others."""
    for model in IN_ORDER_OF_DELETION:
        model._default_manager.all().delete()
    return [fill(company, text, at(MONDAY)) for text in texts]


def check_pages(hostile: Sequence[Markup], harmless: Sequence[Markup]) -> None:
    """The markup owes nothing to a text: with another one, it has the same elements and attributes."""
    for page, expected in zip(hostile, harmless, strict=True):
        assert page.elements == expected.elements
        assert not [target for target in page.targets if target.lower().strip().startswith(("javascript:", "data:"))]


def words_of(pages: Sequence[Markup]) -> str:
    return " ".join(text for page in pages for text in page.texts)


#: In the middle of a line, white space changes nothing.
TEXTS = {name: text.strip() for name, text in HOSTILE.items()}


@pytest.mark.any_database
@pytest.mark.parametrize("names", [some(TEXTS, 4)[start::2] for start in range(2)], ids=", ".join)
def test_row_page_when_texts_are_hostile_keeps_its_elements(reader: Client, company: Company, names: list[str]) -> None:
    def pages_about(rows: dict[type[Any], Any], text: str) -> list[Markup]:
        rename(company, text)
        report, *_lists = lists_of(rows, urlencode(DAYS))
        return [markup_of(reader, url) for url in (report, *pages_of(rows))]

    rows, *_others = fill_anew(company, [f"Tea {number}" for number in range(len(names))])
    harmless = pages_about(rows, "Tea")
    for name, rows in zip(names, fill_anew(company, [TEXTS[name] for name in names]), strict=True):
        hostile = pages_about(rows, TEXTS[name])
        check_pages(hostile, harmless)
        assert TEXTS[name][:50] in words_of(hostile[1:]), name


@pytest.mark.any_database
def test_list_when_texts_are_hostile_keeps_its_elements(reader: Client, company: Company) -> None:
    pages, distinct = [], list(dict.fromkeys(TEXTS.values()))
    for texts in ([f"Tea {number}" for number in range(len(distinct))], distinct):
        rows, *_others = fill_anew(company, texts)
        pages.append([markup_of(reader, url) for url in lists_of(rows, urlencode(DAYS))])
    check_pages(pages[1], pages[0])
    words = words_of(pages[1])
    assert [name for name, text in TEXTS.items() if text[:50] not in words] == []


@pytest.fixture
def rows(company: Company) -> dict[str, dict[type[Any], Any]]:
    """Rows of every hostile text."""
    rename(company, HOSTILE["formula"])
    return {name: fill(company, text, at(MONDAY)) for name, text in HOSTILE.items()}


FILES = [
    *(f"{name}.csv" for name in (*FIGURE_TABLES, *ROW_TABLES)),
    *(f"{name}.excel" for name in (*FIGURE_TABLES, *ROW_TABLES)),
    *("figures.xlsx", *(f"{name}.xlsx" for name in ROW_TABLES)),
]


@pytest.mark.any_database
@pytest.mark.parametrize("name", FILES)
def test_file_when_texts_are_hostile_has_no_formula(
    reader: Client, rows: dict[str, dict[type[Any], Any]], name: str
) -> None:
    response: Any = reader.get(f"/admin/alhena_tracking/revenueimpact/export/{name}", {**DAYS, "profile": "@SUM(1)"})
    narrowed = content_of(response)
    for key in ("Content-Disposition", "Content-Type"):
        assert response[key].isprintable()
        assert response[key].isascii()
    assert response["X-Content-Type-Options"] == "nosniff"
    whole = content_of(reader.get(f"/admin/alhena_tracking/revenueimpact/export/{name}", DAYS))
    formulas, texts = [], set()
    for content in (narrowed, whole):
        for cell, is_formula in cells_of(content, name):
            texts.add(cell)
            formulas += [cell] if is_formula else []
    assert formulas == []
    if name.startswith(("orders", "cart_events", "products")):
        assert any("HYPERLINK" in text for text in texts)
        assert any("hacked()" in text for text in texts)


def cells_of(content: bytes, name: str) -> Iterator[tuple[str, bool]]:
    if name.endswith(".xlsx"):
        for sheet in openpyxl.load_workbook(io.BytesIO(content)):
            for cell in (cell for row in sheet.iter_rows() for cell in row):
                yield str(cell.value), cell.data_type == "f" or cell.hyperlink is not None
        return
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    for text in (cell for line in lines for cell in line):
        yield text, text.strip(UNSEEN).startswith(FORMULA_STARTS) and not is_number(text)


def is_number(cell: str) -> bool:
    return cell.isascii() and cell.removeprefix("-").replace(".", "", 1).isdigit()


@pytest.mark.any_database
@pytest.mark.parametrize("path", ["revenue-impact", "orders", "cart-events", "sessions"])
def test_json_when_texts_are_hostile_says_them_as_they_are(
    reader: Client, rows: dict[str, dict[type[Any], Any]], path: str
) -> None:
    response = reader.get(STAFF_PREFIX + path, {"start": DAYS["start"], "end": DAYS["end"]})
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    said = set(strings_of(json.loads(content_of(response))))
    assert {text[:255] for text in HOSTILE.values()} <= said


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


@pytest.mark.parametrize("name", some(HOSTILE, 8))
def test_event_when_its_texts_are_hostile_is_recorded_with_them(reader: Client, company: Company, name: str) -> None:
    """What is accepted from a browser is what the other tests here store by hand, but for white space around it."""
    text = HOSTILE[name]
    for path in ("interactions", "cart_events", "checkout_events"):
        body = {**IDENTITY, "sent_at": timezone.now().isoformat(), **data_of(path), "source": text[:255]}
        for field in ("product_id", "conversation_id", "ai_profile", "order_id"):
            if field in body:
                body[field] = text[:255]
        if "product_name" in body:
            body["product_name"] = text
        for item in body.get("line_items", ()):
            item.update(product_id=text[:255], product_name=text)
        response = reader.post(PREFIX + path, json.dumps(body), content_type="application/json")
        assert response.status_code == 201, response.content
    line = models.OrderLine.objects.first()
    event, order = models.CartEvent.objects.get(), models.Order.objects.get()
    assert line is not None
    stored = {event.product_name, line.product_name, event.product_id, order.order_id, event.source}
    assert {value.strip() for value in stored} == {text.strip(), text[:255].strip()}
    rows = {models.CartEvent: event, models.Order: order}
    for url in pages_of(rows):
        page = markup_of(reader, url)
        assert not [names for _tag, names in page.elements if any(each.startswith("on") for each in names)]
        assert not {"iframe", "style"} & {tag for tag, _names in page.elements}
