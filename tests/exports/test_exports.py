"""The files that staff take away: how they are offered and answered, and who may have them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.utils import translation

from alhena_tracking import exports
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.exported_files import read_csv, read_filters
from tests.support.factories import at

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}
FIGURES = ["cards", "days", "channels", "products", "profiles"]


# The page and the answer


@pytest.mark.django_db
def test_page_when_the_user_may_export_offers_every_file_with_its_rows(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")
    page = client.get(REPORT_URL, {**THAT_WEEK, "channel": "CHAT"})
    choices = page.context["export_choices"]
    assert [(choice.label, choice.rows, [link.label for link in choice.links]) for choice in choices] == [
        ("Key figures", "23", ["CSV", "CSV for Excel"]),
        ("Day by day", "7", ["CSV", "CSV for Excel"]),
        ("By channel", "1", ["CSV", "CSV for Excel"]),
        ("Products", "1", ["CSV", "CSV for Excel"]),
        ("By currency", "2", ["CSV", "CSV for Excel"]),
        ("What changed", "", ["CSV", "CSV for Excel"]),
        ("Attribution models", "", ["CSV", "CSV for Excel"]),
        ("AI profiles", "", ["CSV", "CSV for Excel"]),
        ("Conversations", "", ["CSV", "CSV for Excel"]),
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
            if link.label == "CSV" and choice.rows:
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
