"""What is in the files that staff take away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from alhena_tracking import exports
from alhena_tracking.exports import reading
from alhena_tracking.models import Company, Order
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support import factories
from tests.support.exported_files import read_csv, read_filters, read_xlsx
from tests.support.factories import at

MONDAY = date(2026, 3, 2)
WEEK = Period(MONDAY, date(2026, 3, 8))


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
        "By": "day",
        "Data since": "2026-03-02",
    }
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2026, 2, 20)))
    filters = read_filters(export("orders.xlsx", currency="EUR", grain="week"))
    assert (filters["By"], filters["Compared with"]) == ("week", "2026-02-23 – 2026-03-01")
    [order] = read_csv(export("orders.csv", currency="EUR"))
    assert order == {
        "Order ID": "1001",
        "Day": "2026-03-03",
        "Time (Asia/Kathmandu)": "2026-03-03T01:45:00.000+05:45",
        "Time (UTC)": "2026-03-02T20:00:00.000Z",
        "Currency": "EUR",
        "Value": "100.50",
        "Direct": "0.00",
        "Assisted": "100.50",
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
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2026, 2, 22)))
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
    assert list(sheets) == ["Key figures", "Day by day", "By channel", "Products", "By currency", "Conversations"]
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
