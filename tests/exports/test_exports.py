"""Files that staff take away: what is in them, that no text in them is a formula, and who may have them."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from alhena_tracking import exports
from alhena_tracking.exports import reading
from alhena_tracking.exports.formulas import inert
from alhena_tracking.models import Company, Order
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support import factories
from tests.support.exported_files import read_csv, read_filters, read_xlsx
from tests.support.factories import at

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
MONDAY = date(2026, 3, 2)
WEEK = Period(MONDAY, date(2026, 3, 8))
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}
FIGURES = ["cards", "days", "channels", "products"]
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


@pytest.fixture
def export(client: Client, log_in: Callable[..., Any]) -> Callable[..., bytes]:
    """Export as somebody who may."""
    log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")

    def export(name: str, expected: int = 200, **parameters: str) -> bytes:
        response = client.get(f"{REPORT_URL}export/{name}", {**THAT_WEEK, **parameters})
        assert response.status_code == expected
        return b"".join(response) if response.streaming else response.content

    return export


@pytest.fixture
def shop(company: Company) -> Company:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu", name="Acme")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY, 9))
    factories.CartEventFactory.create(session=session, gmv_minor=12345, product_id="sku", product_name="Tea")
    factories.CartEventFactory.create(session=session, gmv_minor=-345, product_id="sku", product_name="Tea")
    evening = at(MONDAY, 20)
    order = factories.OrderFactory.create(session=session, value_minor=10050, order_id="1001", occurred_at=evening)
    factories.RefundFactory.create(refunded_order=order, value_minor=900, occurred_at=at(date(2026, 3, 20)))
    factories.RefundFactory.create(refunded_order=order, value_minor=100, occurred_at=at(date(2026, 3, 10)))
    factories.OrderFactory.create(session=session, value_minor=77, excluded_at=at(MONDAY), exclusion_reason="test")
    factories.OrderFactory.create(session=session, value_minor=1500, currency="JPY")
    return company


# Formulas


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


# What is in them


@pytest.mark.django_db
def test_orders_when_exported_are_the_counted_ones_with_their_refunds(
    export: Callable[..., bytes], shop: Company
) -> None:
    content = export("orders.xlsx", currency="EUR")
    assert read_filters(content) == {
        "Revenue impact": "Orders",
        "Company": "Acme",
        "From": "2026-03-02",
        "To": "2026-03-08",
        "Time zone": "Asia/Kathmandu",
        "Currency": "EUR",
        "Channel": "all",
        "AI profile": "all",
        "Trust": "all",
        "Compared with": "2026-02-23 – 2026-03-01",
    }
    [order] = read_csv(export("orders.csv", currency="EUR"))
    assert order == {
        "Order ID": "1001",
        "Day": "2026-03-03",
        "Time (Asia/Kathmandu)": "2026-03-03T01:45:00.000+05:45",
        "Time (UTC)": "2026-03-02T20:00:00.000Z",
        "Currency": "EUR",
        "Value": "100.50",
        "Refunded": "10.00",
        "Net": "90.50",
        "Refunds by day": "2026-03-10 1.00; 2026-03-20 9.00",
        "Channel": "CHAT",
        "AI profile": "",
        "Trust": "REPORTED",
        "Credited to": "CHAT",
        "Interaction product": "",
        "Interaction time (UTC)": "2026-03-02T09:00:00.000Z",
        "Attribution window": "24:00:00",
        "Attribution model": "first_touch",
        "Conflict": "no",
    }
    [in_sheet] = read_xlsx(content)["Orders"]
    assert (in_sheet["Value"], in_sheet["Day"]) == (100.5, datetime(2026, 3, 3))  # noqa: DTZ001
    assert in_sheet["Time (Asia/Kathmandu)"] == datetime(2026, 3, 3, 1, 45)  # noqa: DTZ001
    assert in_sheet["Refunds by day"] == order["Refunds by day"]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "sheet"), [("orders.xlsx", "Orders"), ("cart_events.xlsx", "Cart events")])
def test_times_when_the_database_has_a_zone_of_its_own_are_in_utc(
    export: Callable[..., bytes], shop: Company, monkeypatch: pytest.MonkeyPatch, name: str, sheet: str
) -> None:
    monkeypatch.setitem(connections["default"].__dict__, "timezone", ZoneInfo("Asia/Tokyo"))
    row, *_rest = read_xlsx(export(name, currency="EUR"))[sheet]
    assert row["Time (Asia/Kathmandu)"] - row["Time (UTC)"] == timedelta(hours=5, minutes=45)


@pytest.mark.django_db
def test_net_revenue_when_it_was_negative_rises_by_a_part_of_its_size(
    export: Callable[..., bytes], shop: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2026, 2, 27)))
    order = factories.OrderFactory.create(session=session, value_minor=1000)
    factories.RefundFactory.create(refunded_order=order, value_minor=6050)
    net = next(row for row in read_csv(export("cards.csv", currency="EUR")) if row["Figure"] == "Net revenue")
    assert (net["Previous period"], net["Value"], net["Change"]) == ("-50.50", "90.50", "2.792079")


@pytest.mark.django_db
def test_cart_events_when_exported_add_up_to_the_card(export: Callable[..., bytes], shop: Company) -> None:
    events = read_csv(export("cart_events.csv", currency="EUR"))
    assert [event["GMV"] for event in events] == ["123.45", "-3.45"]
    assert [event["Product ID"] for event in events] == ["sku", "sku"]
    [card] = [row for row in read_csv(export("cards.csv")) if row["Figure"] == "Total add-to-cart GMV"]
    assert card["Value"] == "120.00"


@pytest.mark.django_db
@pytest.mark.parametrize(("currency", "value"), [("EUR", "12345.67"), ("JPY", "1234567"), ("KWD", "1234.567")])
def test_amounts_when_exported_have_the_decimals_of_their_currency(
    export: Callable[..., bytes], company: Company, currency: str, value: str
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    factories.OrderFactory.create(session=session, currency=currency, value_minor=1_234_567)
    [order] = read_csv(export("orders.csv"))
    assert (order["Value"], order["Currency"]) == (value, currency)
    [in_sheet] = read_xlsx(export("orders.xlsx"))["Orders"]
    assert Decimal(str(in_sheet["Value"])) == Decimal(value)


@pytest.mark.django_db
def test_figures_when_exported_as_xlsx_have_a_sheet_for_each_table(export: Callable[..., bytes], shop: Company) -> None:
    sheets = read_xlsx(export("figures.xlsx"))
    assert list(sheets) == ["Key figures", "Day by day", "By channel", "Products", "By currency"]
    assert len(sheets["Day by day"]) == 7
    assert sum(day["Purchase revenue"] for day in sheets["Day by day"]) == 100.5


@pytest.mark.django_db
def test_number_when_longer_than_a_spreadsheet_keeps_is_text_in_xlsx(
    export: Callable[..., bytes], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for _ in range(2):
        factories.CartEventFactory.create(session=session, gmv_minor=8 * 10**14 + 1)
    [card] = [row for row in read_xlsx(export("figures.xlsx"))["Key figures"] if row["Figure"].startswith("Total")]
    assert card["Value"] == "16000000000000.02"


@pytest.mark.django_db
@pytest.mark.parametrize(("keys", "per_read"), [(1, 1), (2, 1), (5, 2), (20_000, 1000)])
def test_rows_when_read_in_pieces_are_all_there_once_in_order(
    company: Company, monkeypatch: pytest.MonkeyPatch, keys: int, per_read: int
) -> None:
    monkeypatch.setattr(reading, "KEYS", keys)
    monkeypatch.setattr(reading, "ROWS", per_read)
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    interaction = factories.InteractionFactory.create(session=session)
    for number, (day, minute) in enumerate([(8, 0), (2, 5), (2, 5), (2, 5), (2, 1), (3, 0), (3, 0)]):
        factories.OrderFactory.create(
            session=session,
            credited_interaction=interaction,
            order_id=str(number),
            occurred_at=at(date(2026, 3, day), 12, minute),
        )
    report = revenue_impact(ReportQuery(company=company, period=WEEK))
    with CaptureQueriesContext(connection) as captured:
        found = [row[0] for row in exports.ROW_TABLES["orders"](report).rows]
    assert found == ["4", "1", "2", "3", "5", "6", "0"]
    assert not [query for query in captured if "OFFSET" in query["sql"]]


@pytest.mark.django_db
def test_rows_when_deleted_meanwhile_are_left_out(company: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    orders = [factories.OrderFactory.create(session=session) for _ in range(3)]
    report = revenue_impact(ReportQuery(company=company, period=WEEK))
    rows = reading.Rows(found=Order.objects.filter(company=company), period=WEEK, columns=[], currency="EUR")
    keys = next(reading.pieces(rows.found))
    orders[1].delete()
    assert rows.read(keys) == [(orders[0].pk,), (orders[2].pk,)]
    assert len(list(exports.ROW_TABLES["orders"](report).rows)) == 2


# The page and the answer


@pytest.mark.django_db
def test_page_when_the_user_may_export_offers_every_file_with_its_rows(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")
    page = client.get(REPORT_URL, {**THAT_WEEK, "channel": "CHAT"})
    choices = page.context["export_choices"]
    assert [(choice.label, choice.rows, [link.label for link in choice.links]) for choice in choices] == [
        ("Key figures", "12", ["CSV", "CSV for Excel"]),
        ("Day by day", "7", ["CSV", "CSV for Excel"]),
        ("By channel", "1", ["CSV", "CSV for Excel"]),
        ("Products", "1", ["CSV", "CSV for Excel"]),
        ("By currency", "2", ["CSV", "CSV for Excel"]),
        ("All of the above", "", ["XLSX"]),
        ("Orders", "1", ["CSV", "CSV for Excel", "XLSX"]),
        ("Cart events", "2", ["CSV", "CSV for Excel", "XLSX"]),
    ]
    for choice in choices:
        for link in choice.links:
            assert "channel=CHAT&start=2026-03-02&end=2026-03-08" in link.url
            response = client.get(link.url)
            assert response.status_code == 200
            content = b"".join(response)
            if link.label == "CSV":
                assert len(read_csv(content)) == int(choice.rows)


@pytest.mark.django_db
def test_xlsx_when_there_are_too_many_rows_is_not_offered(
    client: Client, log_in: Callable[..., Any], shop: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_XLSX_ROWS", 1)
    log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")
    choices = client.get(REPORT_URL, THAT_WEEK).context["export_choices"]
    assert [(choice.notes, len(choice.links)) for choice in choices[-2:]] == [([], 3), (["too many rows for XLSX"], 2)]
    response = client.get(REPORT_URL + "export/cart_events.xlsx", THAT_WEEK)
    assert response.status_code == 400
    assert response.content.decode().startswith("This table has 2 rows")


@pytest.mark.django_db
def test_xlsx_when_the_extra_is_not_installed_is_not_offered(
    client: Client, log_in: Callable[..., Any], shop: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "has_xlsx", lambda: False)
    log_in("view_revenueimpact", "export_revenueimpact", "view_order")
    choices = client.get(REPORT_URL, THAT_WEEK).context["export_choices"]
    assert {link.label for choice in choices for link in choice.links} == {"CSV", "CSV for Excel"}
    assert client.get(REPORT_URL + "export/orders.xlsx", THAT_WEEK).status_code == 404


@pytest.mark.django_db
def test_answer_when_exported_names_shop_range_and_filters(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact", "view_order")
    asked = {**THAT_WEEK, "channel": "FAQ", "profile": 'Käse "; x/../ 茶', "trust": "CONFIRMED", "currency": "EUR"}
    response = client.get(REPORT_URL + "export/orders.csv", asked)
    base = "revenue-impact_acme_orders_2026-03-02_2026-03-08_EUR_FAQ"
    assert response["Content-Disposition"] == (
        f'attachment; filename="{base}_kase-x_CONFIRMED_0-rows.csv"; '
        f"filename*=UTF-8''{base}_k%C3%A4se-x-%E8%8C%B6_CONFIRMED_0-rows.csv"
    )
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert read_csv(b"".join(response)) == []
    filters = read_filters(b"".join(client.get(REPORT_URL + "export/orders.xlsx", asked)))
    assert (filters["AI profile"], filters["Trust"]) == ('Käse "; x/../ 茶', "CONFIRMED")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "parameters", [{"channel": "SMS"}, {"chanel": "CHAT"}, {"start": "2026-03-09"}, {"company": "nowhere"}]
)
def test_export_when_the_query_is_invalid_is_400(
    export: Callable[..., bytes], shop: Company, parameters: dict[str, str]
) -> None:
    assert b"\n" not in export("orders.csv", 400, **parameters)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["orders.pdf", "refunds.csv", "figures.csv", "orders", "orders.csv.csv"])
def test_export_when_there_is_no_such_file_is_404(export: Callable[..., bytes], shop: Company, name: str) -> None:
    export(name, 404)


@pytest.mark.django_db
def test_export_when_posted_to_is_405_and_head_reads_no_rows(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact", "view_order")
    assert client.post(REPORT_URL + "export/orders.csv").status_code == 405
    response = client.head(REPORT_URL + "export/orders.csv", THAT_WEEK)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.django_db
def test_export_when_the_reader_is_german_has_german_dots_nowhere(export: Callable[..., bytes], shop: Company) -> None:
    with translation.override("de"):
        assert read_csv(export("orders.csv"))[0]["Value"] == "100.50"


@pytest.mark.django_db(transaction=True)
def test_export_when_served_by_asgi_comes_piece_by_piece(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for number in range(5):
        factories.OrderFactory.create(session=session, order_id=str(number))
    monkeypatch.setattr("alhena_tracking.admin.report.downloads.CHUNK", 100)
    user = factories.UserFactory.create(is_superuser=True)

    async def read() -> list[bytes]:
        client = AsyncClient()
        await client.aforce_login(user)
        response: Any = await client.get(REPORT_URL + "export/orders.csv", THAT_WEEK)
        assert response.is_async
        try:
            chunks = [chunk async for chunk in response.streaming_content]
            assert not await sync_to_async(lambda: connection.in_atomic_block)(), "the export's transaction goes on"
        finally:
            await sync_to_async(connections.close_all)()
        return chunks

    # In a thread of its own: where a browser's tests ran before, this one has an event loop.
    with ThreadPoolExecutor(1) as executor:
        chunks = executor.submit(asyncio.run, read()).result()
    assert len(chunks) >= 5
    assert [row["Order ID"] for row in read_csv(b"".join(chunks))] == ["0", "1", "2", "3", "4"]


# Who may


EVERY_RIGHT = {"view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent"}
#: The rights that each view needs; whoever lacks one of them gets 403.
VIEWS = {
    "": {"view_revenueimpact"},
    **{
        f"export/{name}.{suffix}": {"view_revenueimpact", "export_revenueimpact"}
        for name in FIGURES
        for suffix in ("csv", "excel")
    },
    "export/figures.xlsx": {"view_revenueimpact", "export_revenueimpact"},
    **{
        f"export/{name}.{suffix}": {"view_revenueimpact", "export_revenueimpact", right}
        for name, right in (("orders", "view_order"), ("cart_events", "view_cartevent"))
        for suffix in ("csv", "excel", "xlsx")
    },
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", VIEWS)
def test_view_when_a_permission_is_missing_is_403(
    client: Client, log_in: Callable[..., Any], shop: Company, path: str
) -> None:
    log_in(*VIEWS[path])
    response = client.get(REPORT_URL + path, THAT_WEEK)
    assert response.status_code == 200
    assert b"".join(response)
    for right in VIEWS[path]:
        log_in(*EVERY_RIGHT - {right})
        assert client.get(REPORT_URL + path, THAT_WEEK).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("path", VIEWS)
def test_view_when_nobody_is_logged_in_asks_to_log_in(client: Client, shop: Company, path: str) -> None:
    response = client.get(REPORT_URL + path, THAT_WEEK)
    assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/admin/login/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rights", "tables"),
    [
        (set(), set()),
        ({"view_order"}, set()),
        ({"export_revenueimpact"}, {"Key figures"}),
        ({"export_revenueimpact", "view_order"}, {"Key figures", "Orders"}),
        ({"export_revenueimpact", "view_cartevent"}, {"Key figures", "Cart events"}),
    ],
)
def test_page_when_a_permission_is_missing_offers_no_such_file(
    client: Client, log_in: Callable[..., Any], shop: Company, rights: set[str], tables: set[str]
) -> None:
    log_in("view_revenueimpact", *rights)
    page = client.get(REPORT_URL, THAT_WEEK)
    offered = {choice.label for choice in page.context["export_choices"]}
    assert offered & {"Key figures", "Orders", "Cart events"} == tables
    assert ("/export/" in page.content.decode()) == bool(tables)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in VIEWS if path])
def test_export_when_the_company_is_restricted_reveals_nothing(
    client: Client, log_in: Callable[..., Any], shop: Company, path: str
) -> None:
    factories.restrict(shop, factories.GroupFactory.create())
    log_in(*EVERY_RIGHT)
    assert client.get(REPORT_URL + path, THAT_WEEK).status_code == 404
    other = factories.CompanyFactory.create(key="open")
    hidden = client.get(REPORT_URL + path, {**THAT_WEEK, "company": "acme"})
    unknown = client.get(REPORT_URL + path, {**THAT_WEEK, "company": "nowhere"})
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.content.replace(b"acme", b"nowhere") == unknown.content
    response = client.get(REPORT_URL + path, THAT_WEEK)
    assert other.key in response["Content-Disposition"]
    assert shop.name.encode() not in b"".join(response)
