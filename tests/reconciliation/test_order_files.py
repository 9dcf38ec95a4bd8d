"""A shop's export is read, whatever system wrote it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from alhena_tracking import reconciliation
from alhena_tracking.models import Company
from alhena_tracking.reconciliation import COLUMNS, InvalidFile, order_file, read_orders
from alhena_tracking.reconciliation.columns import USUAL_TITLES
from alhena_tracking.reconciliation.dates import read_dates
from tests.support.documented_pages import tables

BERLIN = ZoneInfo("Europe/Berlin")
SHOP = Company(key="acme", time_zone="Europe/Berlin", currency="EUR")
VISITOR = "7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11"


def read(text: str | bytes, **chosen: str) -> list[tuple[str, str, int]]:
    content = text.encode() if isinstance(text, str) else text
    return [(order.order_id, order.currency, order.value_minor) for order in read_orders(content, SHOP, chosen).orders]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_file_when_of_any_encoding_and_delimiter_is_read(encoding: str, delimiter: str, line_break: str) -> None:
    lines = [
        ["Bestell-Nr.", "Käufer", "Gesamtbetrag", "Währung"],
        ["Ä-1", '"Müller; Söhne, ""GmbH"""', '"1.234,50"', "EUR"],
        ["Ä-2", '"zwei\nZeilen"', "99", "usd"],
    ]
    text = line_break.join(delimiter.join(line) for line in lines)
    assert read(text.encode(encoding)) == [("Ä-1", "EUR", 123450), ("Ä-2", "USD", 9900)]


@pytest.mark.parametrize(
    "text",
    [
        # Shopify: an order's further lines have no total.
        (
            "Name,Email,Financial Status,Currency,Subtotal,Total,Created at,Lineitem name,Id\n"
            "#1001,a@b.example,paid,EUR,10.00,12.50,2026-05-04 10:02:11 +0200,Tea,5551\n"
            "#1001,a@b.example,,,,,2026-05-04 10:02:11 +0200,Cup,\n"
        ),
        # WooCommerce: every line repeats the total.
        (
            "Order Number;Order Date;Order Total Amount;Order Currency;Item\n"
            "#1001;2026-05-04 10:02;12,50;EUR;Tea\n#1001;2026-05-04 10:02;12,50;EUR;Cup\n"
        ),
        "sep=;\r\nORDER_ID;value\r\n#1001;12,5 €\r\n",
        '\n\n"Order #","Grand Total"\n"=""#1001""","€12.50"\n\n',
        "total,id,transaction_id\n12.5,9,#1001\n",
    ],
)
def test_file_when_a_shop_system_wrote_it_is_read_unasked(text: str) -> None:
    assert read(text) == [("#1001", "EUR", 1250)]


def test_columns_when_chosen_are_taken_by_their_title() -> None:
    text = "id;nr;total;net;c\n1;A1;5;4;JPY\n"
    assert read(text, order_id="NR", value="net", currency="c") == [("A1", "JPY", 4)]
    assert read(text, currency="usd") == [("1", "USD", 500)]


@pytest.mark.parametrize(
    ("text", "chosen", "message"),
    [
        ("", {}, "Order ID"),
        ("id;price\n1;2\n", {}, "Value. Choose one of those that the file has: id, price"),
        ("id;total\n1;2\n", {"visitor": "who"}, "Visitor ID"),
        ("id;total\n1;2\n", {"currency": "dollars"}, "Currency"),
        (b"PK\x03\x04\x00\x00", {}, "no CSV"),
        ("id;total\n1;" + "2" * 140_000, {}, "Line 2"),
    ],
)
def test_file_when_it_cannot_be_read_says_why(text: str | bytes, chosen: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read(text, **chosen)
    assert message in caught.value.message


def test_file_when_no_currency_is_known_says_so() -> None:
    with pytest.raises(InvalidFile) as caught:
        read_orders(b"id;total\n1;2\n", Company(key="acme", time_zone="UTC"), {})
    assert "Currency" in caught.value.message


def test_file_when_too_large_or_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_file, "MOST_LINES", 2)
    assert len(read("id;total\n1;2\n2;3\n")) == 2
    with pytest.raises(InvalidFile) as caught:
        read("id;total\n1;2\n2;3\n3;4\n")
    assert "2 lines" in caught.value.message
    with pytest.raises(InvalidFile):
        read(b"x" * (reconciliation.MOST_BYTES + 1))


def test_lines_when_they_cannot_be_used_are_named() -> None:
    text = "id;total;currency;visitor\n;1;EUR;\nA;;EUR;\nB;abc;EUR;\nC;-5;EUR;\nD;1;XTS;\n" + "x" * 256 + ";1;EUR;\n"
    file = read_orders((text + f"E;1;EUR;{VISITOR}\nF;1;EUR;nobody\n").encode(), SHOP, {})
    assert [(line.line, line.error.code) for line in file.unread] == [
        (2, "blank"),
        (3, "required"),
        (4, "not_a_number"),
        (5, "negative"),
        (6, "unknown_currency"),
        (7, "too_long"),
    ]
    assert [(order.order_id, order.visitor) for order in file.orders] == [("E", UUID(VISITOR)), ("F", None)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2026-05-04", "4.5.2026", "2026/5/4", " 04.05.26 "], date(2026, 5, 4)),
        (["2026-05-03T22:30:00Z", "2026-05-04 00:30:00", "2026-05-04 12:30 am", "04.05.2026, 0:30"], date(2026, 5, 4)),
        (["2026-05-04 11:59 PM", "2026-05-04T17:59:00-04:00", "2026-05-04 21:59:59.999 UTC"], date(2026, 5, 4)),
    ],
)
def test_dates_when_written_in_several_ways_are_days_of_the_company(texts: list[str], expected: date) -> None:
    read = read_dates(texts, BERLIN)
    assert [when and when.on for when in read] == [expected] * len(texts)


def test_dates_when_day_and_month_may_be_swapped_wait_for_a_sure_one() -> None:
    assert read_dates(["4/5/2026"], BERLIN) == [None]
    day_first, month_first = (read_dates(["4/5/2026", other], BERLIN)[0] for other in ("31/5/2026", "5/31/2026"))
    assert day_first is not None
    assert month_first is not None
    assert (day_first.on, month_first.on) == (date(2026, 5, 4), date(2026, 4, 5))


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "31.02.2026", "2026-05-04 25:00", "0000-00-00"])
def test_dates_when_there_is_none_are_left_out(text: str) -> None:
    assert read_dates([text], BERLIN) == [None]


def test_days_begin_and_end_in_the_zone_of_the_company() -> None:
    [when] = read_dates(["2026-05-04"], BERLIN)
    assert when is not None
    assert when.first == datetime(2026, 5, 3, 22, tzinfo=UTC)
    assert when.last == datetime(2026, 5, 4, 21, 59, 59, 999999, tzinfo=UTC)


def test_titles_when_listed_are_found_and_of_one_column_each() -> None:
    assert USUAL_TITLES.keys() == COLUMNS.keys()
    listed = [title for titles in USUAL_TITLES.values() for title in titles]
    assert len(listed) == len(set(listed))
    assert listed == [" ".join(title.casefold().split()) for title in listed]


def test_titles_when_documented_are_all_of_them() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reconciliation.md").read_text()
    documented = [re.findall("`([^`]+)`", cells[2]) for cells in tables(text)[1]]
    assert documented == [list(titles) for titles in USUAL_TITLES.values()]
