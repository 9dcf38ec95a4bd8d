"""All currencies as one sum, at rates of the European Central Bank's files."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from alhena_tracking.exchange_rates import RATE_HOLDS, InvalidRates, Rates, read_rates
from alhena_tracking.models import Company, ExchangeRate, Order, Standing, Trust
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.reports.converted import Conversion
from alhena_tracking.rollups import roll_up
from tests.support.admin_pages import REPORT_URL
from tests.support.exported_files import read_csv
from tests.support.factories import CartEventFactory, OrderFactory, RefundFactory, VisitorSessionFactory, at

pytestmark = pytest.mark.django_db

FRIDAY = date(2026, 3, 6)
MONDAY = FRIDAY + timedelta(days=3)
HISTORY = b"""Date,USD,JPY,CYP,KWD,
2026-03-06,1.25,160,0.5842,0.375,
2026-03-05,1.2,150,N/A,N/A,
"""
ONE_DAY = b"Date, USD, JPY, \n06 March 2026, 1.25, 160, \n"


def stored() -> dict[tuple[str, date], Decimal]:
    return {(rate.currency, rate.on): rate.per_euro for rate in ExchangeRate.objects.all()}


def zipped(*files: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


def encrypted(content: bytes) -> bytes:
    """The same ZIP, whose one file claims to be encrypted."""
    changed = bytearray(content)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[content.index(signature) + place] |= 1
    return bytes(changed)


@pytest.fixture
def rates(company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(currency="EUR")
    company.refresh_from_db()
    ExchangeRate.objects.store(read_rates(HISTORY))


# The bank's files


@pytest.mark.parametrize("content", [HISTORY, b"\xef\xbb\xbf" + HISTORY, zipped(("eurofxref-hist.csv", HISTORY))])
def test_rates_when_imported_are_those_of_the_file(tmp_path: Path, content: bytes) -> None:
    """The Cypriot pound is no longer used; the dinar has no rate on the fifth."""
    file = tmp_path / "rates"
    file.write_bytes(content)
    output = io.StringIO()
    for _ in range(2):
        call_command("alhena_rates", str(file), stdout=output)
    assert output.getvalue().splitlines() == ["5 rates of 2 days, from 2026-03-05 to 2026-03-06."] * 2
    assert stored() == {
        ("USD", FRIDAY): Decimal("1.25"),
        ("JPY", FRIDAY): 160,
        ("KWD", FRIDAY): Decimal("0.375"),
        ("USD", FRIDAY - timedelta(days=1)): Decimal("1.2"),
        ("JPY", FRIDAY - timedelta(days=1)): 150,
    }


def test_rates_when_imported_again_replace_the_former(tmp_path: Path, rates: None) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(ONE_DAY.replace(b"1.25", b"1.3"))
    call_command("alhena_rates", str(file), stdout=io.StringIO())
    assert (stored()["USD", FRIDAY], len(stored())) == (Decimal("1.3"), 5)


def test_rates_when_imported_since_a_day_are_those_from_it_on(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(HISTORY)
    call_command("alhena_rates", str(file), "--since", str(FRIDAY), stdout=io.StringIO())
    assert {on for _, on in stored()} == {FRIDAY}
    with pytest.raises(CommandError, match="no rates of these days"):
        call_command("alhena_rates", str(file), "--since", str(MONDAY))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first line"),
        (b"Day,USD\n2026-03-06,1.25\n", "first line"),
        (b"Date,Rate\n2026-03-06,1.25\n", "first line"),
        (b"Date,USD\n2026-03-06,1.25\n6/3/26,1.2\n", "Line 3: “6/3/26” is not a day"),
        *[
            (b"Date,USD\n2026-03-06," + rate + b"\n", "Line 2: “.*” is not a rate of USD")
            for rate in (b"0", b"-1", b"x", b"1e400", b"NaN", b"inf", b"1e-30")
        ],
        (b"Date,USD\n2026-03-06,1.25\n2026-03-06,1.2\n", "Line 3: 2026-03-06 is listed twice"),
        (b"Date,USD\n2026-03-06," + b"1" * 200_000 + b"\n", "cannot be read as CSV"),
        (b"\xff\xfe", "UTF-8"),
        (b"PK\x03\x04x", "ZIP"),
        (zipped(("a.csv", HISTORY), ("b.csv", HISTORY)), "one CSV file"),
        (encrypted(zipped(("a.csv", HISTORY))), "ZIP"),
        (zipped(("a.csv", HISTORY))[:60] + zipped(("a.csv", HISTORY))[70:], "ZIP"),
        (b"x" * (16 * 1024 * 1024 + 1), "16 MB"),
    ],
)
def test_file_when_it_is_not_the_bank_s_stores_nothing(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InvalidRates, match=message):
        list(read_rates(content))
    file = tmp_path / "rates"
    file.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        call_command("alhena_rates", str(file))
    assert not ExchangeRate.objects.exists()


# The rate of a day


@pytest.mark.parametrize(
    ("minor", "currency", "target", "expected"),
    [
        (1000, "EUR", "EUR", 1000),
        (1250, "USD", "EUR", 1000),
        (160, "JPY", "EUR", 100),
        (100, "EUR", "JPY", 160),
        (160, "JPY", "USD", 125),
        (375, "KWD", "USD", 125),
        (1, "USD", "EUR", Fraction(4, 5)),
        (1, "GBP", "EUR", None),
        (1, "EUR", "GBP", None),
    ],
)
def test_amount_when_converted_is_exact(
    rates: None, minor: int, currency: str, target: str, expected: Fraction | int | None
) -> None:
    found = Rates.of([currency, target], FRIDAY, FRIDAY, using="default")
    assert found.convert(minor, currency, target, FRIDAY) == expected


@pytest.mark.parametrize(("days", "is_known"), [(-2, False), (-1, True), (0, True), (3, True), (6, True), (7, False)])
def test_rate_when_none_was_published_is_the_last_of_a_week(rates: None, days: int, is_known: bool) -> None:
    on = FRIDAY + timedelta(days=days)
    assert timedelta(days=7) == RATE_HOLDS
    assert (Rates.of(["USD"], on, on, using="default").convert(100, "USD", "EUR", on) is not None) == is_known


# The report's sums


def order(company: Company, on: date, currency: str, minor: int, **fields: Any) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=at(on))
    OrderFactory.create(session=session, currency=currency, value_minor=minor, occurred_at=at(on), **fields)


def conversion(company: Company, **filters: Any) -> Conversion:
    period = Period(FRIDAY - timedelta(days=1), MONDAY)
    report = revenue_impact(ReportQuery(company=company, period=period, is_converted=True, **filters))
    assert report.conversion is not None
    assert report.conversion.currency == "EUR"
    return report.conversion


def sums(found: Conversion) -> tuple[int, int, int]:
    return found.purchase_minor, found.orders, found.unconverted_orders


@pytest.fixture
def shop(company: Company, rates: None) -> Company:
    """By hand: 100.00 + 120.00 USD on Thursday at 1.2 + 125.00 USD on Saturday at Friday's 1.25 = 300.00 EUR."""
    order(company, FRIDAY, "EUR", 10_000)
    order(company, FRIDAY - timedelta(days=1), "USD", 12_000)
    order(company, FRIDAY + timedelta(days=1), "USD", 12_500, trust=Trust.CONFIRMED)
    order(company, FRIDAY, "GBP", 5_000)
    order(company, FRIDAY, "USD", 77_700, standing=Standing.HELD)
    session = VisitorSessionFactory.create(company=company, started_at=at(FRIDAY))
    for currency, minor in (("USD", 2_500), ("JPY", 1_600), ("GBP", 100)):
        CartEventFactory.create(session=session, occurred_at=at(FRIDAY), currency=currency, gmv_minor=minor)
    return company


@pytest.mark.parametrize("is_rolled_up", [False, True])
@pytest.mark.now("2026-03-12T10:00Z")
def test_sum_when_converted_agrees_with_a_hand_calculation(shop: Company, is_rolled_up: bool) -> None:
    if is_rolled_up:
        roll_up()
    found = conversion(shop)
    assert sums(found) == (30_000, 3, 1)
    assert (found.add_to_cart_minor, found.unconverted_cart_events) == (2_000 + 1_000, 1)
    assert [(part.currency, part.orders, part.purchase_minor) for part in found.parts] == [
        ("USD", 2, 24_500),
        ("GBP", 1, 5_000),
        ("EUR", 1, 10_000),
        ("JPY", 0, 0),
    ]
    assert [part.converted_purchase_minor for part in found.parts] == [20_000, 0, 10_000, 0]


def test_sum_when_filtered_has_the_orders_of_the_filter(shop: Company) -> None:
    found = conversion(shop, trust=Trust.CONFIRMED)
    assert sums(found) == (10_000, 1, 0)
    assert conversion(shop, channel="NUDGE").parts == ()


def test_order_when_the_shop_stated_its_rate_counts_with_that(company: Company, rates: None) -> None:
    order(company, FRIDAY, "USD", 12_500, shop_currency="EUR", shop_value_minor=11_111)
    order(company, FRIDAY, "GBP", 5_000, shop_currency="EUR", shop_value_minor=6_000)
    order(company, FRIDAY, "USD", 1_250, shop_currency="GBP", shop_value_minor=900)
    found = conversion(company)
    assert sums(found) == (11_111 + 6_000 + 1_000, 3, 0)


@pytest.fixture
def refunded(shop: Company) -> Company:
    """By hand: of Thursday's 120.00 USD at 1.2, 60.00 USD are 50.00 EUR, whenever they are given back; of 125.00 USD at
    the shop's own rate, 111.11 EUR, a third and the rest; of pounds, which have no rate, nothing.
    """
    thursday = Order.objects.get(currency="USD", value_minor=12_000)
    RefundFactory.create(refunded_order=thursday, value_minor=6_000, occurred_at=at(MONDAY))
    order(shop, FRIDAY, "USD", 12_500, shop_currency="EUR", shop_value_minor=11_111)
    stated = Order.objects.get(shop_value_minor=11_111)
    for minor in (4_167, 8_333):
        RefundFactory.create(refunded_order=stated, value_minor=minor)
    order(shop, FRIDAY, "USD", 10_000, shop_currency="EUR", shop_value_minor=9_999)
    RefundFactory.create(refunded_order=Order.objects.get(shop_value_minor=9_999), value_minor=3_333)
    RefundFactory.create(refunded_order=Order.objects.get(currency="GBP"), value_minor=1_000)
    RefundFactory.create(refunded_order=Order.objects.get(currency="EUR"), value_minor=700)
    RefundFactory.create(refunded_order=Order.objects.get(standing=Standing.HELD), value_minor=100)
    return shop


def test_refunds_when_converted_have_the_rates_of_their_orders(refunded: Company) -> None:
    found = conversion(refunded)
    in_euros = 5_000 + 11_111 + round(Fraction(3_333 * 9_999, 10_000))
    assert {part.currency: (part.refunded_minor, part.converted_refunded_minor) for part in found.parts} == {
        "USD": (6_000 + 12_500 + 3_333, in_euros),
        "GBP": (1_000, 0),
        "EUR": (700, 700),
        "JPY": (0, 0),
    }
    assert (found.refunded_minor, found.net_minor) == (in_euros + 700, found.purchase_minor - in_euros - 700)
    assert conversion(refunded, trust=Trust.CONFIRMED).refunded_minor == 0


def test_refunds_when_converted_are_the_same_on_page_export_and_json(
    refunded: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact")
    query = {"start": str(FRIDAY - timedelta(days=1)), "end": str(MONDAY), "convert": "1"}
    text = client.get(REPORT_URL, query).context["conversion"]
    assert text.sentences[1] == (
        "Refunds of these orders come to 201.44\xa0EUR at the rates of the orders, which leaves 309.66\xa0EUR."
    )
    assert {row.label: row.cells[-3:] for row in [*text.table.rows, text.table.total]} == {
        "USD": ["−218.33", "−194.44", "216.66"],
        "GBP": ["−10.00", "0.00", "0.00"],
        "EUR": ["−7.00", "−7.00", "93.00"],
        "JPY": ["0", "0.00", "0.00"],
        "Total": ["", "−201.44", "309.66"],
    }
    rows = read_csv(b"".join(client.get(REPORT_URL + "export/currencies.csv", query)))
    assert [row["Refunds"] for row in rows] == ["218.33", "10.00", "7.00", "0"]
    assert sum(Decimal(row["Refunds, converted"]) for row in rows) == Decimal("201.44")
    assert sum(Decimal(row["Net revenue, converted"]) for row in rows) == Decimal("309.66")
    plain = read_csv(b"".join(client.get(REPORT_URL + "export/currencies.csv", {**query, "convert": ""})))
    assert {row["Refunds"] for row in plain} == {""}
    answer = client.get("/alhena/api/revenue-impact", query).json()["conversion"]
    assert (answer["refunded_minor"], answer["net_minor"]) == (20_144, 30_966)
    assert [one["converted_net_minor"] for one in answer["currencies"]] == [21_666, 0, 9_300, 0]


def test_sum_when_shown_is_that_of_export_and_json(shop: Company, client: Client, log_in: Callable[..., Any]) -> None:
    log_in("view_revenueimpact", "export_revenueimpact")
    days = {"start": str(FRIDAY - timedelta(days=1)), "end": str(MONDAY)}
    plain = client.get(REPORT_URL, days)
    [link] = re.findall(r'href="([^"]+)">Add up all currencies in EUR</a>', plain.content.decode())
    assert plain.context["conversion"] is None
    page = client.get(REPORT_URL + link.replace("&amp;", "&"))
    text = page.context["conversion"]
    assert text.sentences == [
        "300.00\xa0EUR purchased and 30.00\xa0EUR added to carts, converted at the rates of each day.",
        "1 order without a rate is not included.",
        "1 cart event without a rate is not included.",
    ]
    assert [(row.label, *row.cells) for row in [*text.table.rows, text.table.total]] == [
        ("USD", "25.00", "20.00", "2", "245.00", "200.00"),
        ("GBP", "1.00", "0.00", "1", "50.00", "0.00"),
        ("EUR", "0.00", "0.00", "1", "100.00", "100.00"),
        ("JPY", "1,600", "10.00", "0", "0", "0.00"),
        ("Total", "", "30.00", "3", "", "300.00"),
    ]
    assert "Hide the converted sum" in page.content.decode()

    rows = read_csv(b"".join(client.get(REPORT_URL + "export/currencies.csv", {**days, "convert": "1"})))
    assert sum(Decimal(row["Purchase revenue, converted"]) for row in rows) == 300
    assert sum(int(row["Orders without a rate"]) for row in rows) == 1
    assert {row["Converted to"] for row in rows} == {"EUR"}
    unconverted = read_csv(b"".join(client.get(REPORT_URL + "export/currencies.csv", days)))
    assert [(row["Currency"], row["Purchase revenue"], row["Purchase revenue, converted"]) for row in unconverted] == [
        ("EUR", "100.00", ""),
        ("USD", "245.00", ""),
        ("GBP", "50.00", ""),
        ("JPY", "0", ""),
    ]

    answer = client.get("/alhena/api/revenue-impact", {**days, "convert": "1"}).json()["conversion"]
    assert (answer["currency"], answer["purchase_minor"], answer["add_to_cart_minor"]) == ("EUR", 30_000, 3_000)
    assert [(one["currency"], one["converted_purchase_minor"]) for one in answer["currencies"]] == [
        ("USD", 20_000),
        ("GBP", 0),
        ("EUR", 10_000),
        ("JPY", 0),
    ]
    assert client.get("/alhena/api/revenue-impact", {**days, "convert": "yes"}).status_code == 400
