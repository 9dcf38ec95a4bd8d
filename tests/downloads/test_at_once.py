"""Downloads that are made while the person waits, and when they are not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from alhena_tracking.contract.amounts import decimals_of
from alhena_tracking.downloads import Asked, TakesTooLong, make_at_once, making
from alhena_tracking.models import Company, Export, FileFormat
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support import factories
from tests.support.exported_files import read_csv, read_xlsx
from tests.support.factories import at
from tests.support.runs import examples

URL = "/admin/alhena_tracking/revenueimpact/export/"
FILES_URL = "/admin/alhena_tracking/revenueimpact/files/"
MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}


@pytest.fixture
def orders(company: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for number in range(3):
        factories.OrderFactory.create(session=session, order_id=f"A-{number}", value_minor=123_450)


@pytest.fixture
def user(log_in: Callable[..., Any], orders: None) -> Any:
    return log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")


def ask(client: Client, name: str, **headers: str) -> Any:
    return client.get(URL + name, THAT_WEEK, headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["orders.csv", "orders.excel", "orders.xlsx", "cards.csv", "figures.xlsx"])
def test_answer_when_a_file_is_sent_has_its_length(client: Client, user: Any, name: str) -> None:
    response = ask(client, name)
    assert int(response["Content-Length"]) == len(b"".join(response)) > 0
    assert response.resolver_match.kwargs["file_format"] in FileFormat.values


@pytest.mark.django_db
def test_answer_when_compressed_by_middleware_keeps_its_length(client: Client, user: Any) -> None:
    from django.conf import settings as project

    with override_settings(MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", *project.MIDDLEWARE]):
        response = ask(client, "orders.csv", **{"Accept-Encoding": "gzip"})
    assert int(response["Content-Length"]) == len(b"".join(response)) > 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("de", "EUR;1234,50;"),
        ("fr", "EUR;1234,50;"),
        ("en", "EUR,1234.50,"),
        ("en-gb", "EUR,1234.50,"),
    ],
)
def test_csv_for_excel_when_read_in_a_language_has_its_signs(
    client: Client, user: Any, language: str, line: str
) -> None:
    with translation.override(language):
        content = b"".join(ask(client, "orders.excel", **{"Accept-Language": language})).decode()
    assert content.startswith("\ufeff")
    assert line in content
    assert "2026-03-02 12:00:00" in content


@pytest.mark.django_db
def test_csv_when_read_in_german_is_data_all_the_same(client: Client, user: Any) -> None:
    content = b"".join(ask(client, "orders.csv", **{"Accept-Language": "de"}))
    columns, first, *_more = content.decode().split("\r\n")
    assert columns.startswith("Order ID,") or columns.count(",") == 19
    assert ",2026-03-02T12:00:00.000Z,EUR,1234.50," in first
    assert b"\xef\xbb\xbf" not in content


@pytest.mark.django_db
def test_download_when_the_session_has_ended_is_no_file(client: Client, user: Any) -> None:
    client.logout()
    response = ask(client, "orders.csv")
    assert response.status_code == 302
    assert "Content-Disposition" not in response
    page = client.get(response["Location"])
    assert page["Content-Type"].startswith("text/html")
    assert "Content-Disposition" not in page


@pytest.mark.django_db
def test_page_when_it_links_files_lets_the_answer_decide(client: Client, user: Any) -> None:
    """With ``download``, a browser would save the login page under the file's name."""
    page = client.get(URL.removesuffix("export/"), THAT_WEEK).content.decode()
    assert "export/orders.csv" in page
    assert " download" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["orders.csv", "orders.excel", "orders.xlsx"])
def test_download_when_there_are_many_rows_is_made_later(
    client: Client, user: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for limit in ("COPIED_AT_ONCE", "CSV_AT_ONCE", "XLSX_AT_ONCE"):
        monkeypatch.setattr(making, limit, 2)
    page = client.get(URL.removesuffix("export/"), THAT_WEEK)
    [choice] = [each for each in page.context["export_choices"] if each.label == "Orders"]
    assert choice.notes == ["made in the background: CSV, CSV for Excel, XLSX"]
    response = ask(client, name)
    assert (response.status_code, response["Location"]) == (302, FILES_URL)
    export = Export.objects.get()
    assert (export.requested_by, export.row_count, export.status) == (user, 3, "requested")
    assert export.filters["currency"] == "EUR"


@pytest.mark.django_db
def test_download_when_it_runs_into_the_deadline_is_made_later(
    client: Client, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "AT_ONCE_SECONDS", 0.0)
    assert ask(client, "orders.csv")["Location"] == FILES_URL
    assert Export.objects.get().row_count == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("file_format", FileFormat)
def test_connection_when_a_file_was_given_up_halfway_is_free(
    company: Company, orders: None, monkeypatch: pytest.MonkeyPatch, file_format: FileFormat
) -> None:
    monkeypatch.setattr(making, "_BETWEEN_LOOKS", 1)
    monkeypatch.setattr(making, "make_file", partial(_give_up_after, 3, making.make_file))
    with pytest.raises(TakesTooLong):
        make_at_once(Asked("orders", file_format, ReportQuery(company=company, period=Period(MONDAY, MONDAY))))
    assert Company.objects.count() == 1


def _give_up_after(looks: int, make: Callable[..., Any], *args: Any, look: Callable[[], None], **kwargs: Any) -> Any:
    seen = count()

    def give_up() -> None:
        if next(seen) == looks - 1:
            raise TakesTooLong

    return make(*args, look=give_up, **kwargs)


@pytest.mark.django_db
def test_head_when_a_file_takes_long_asks_for_nothing(
    client: Client, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "AT_ONCE_SECONDS", 0.0)
    response = client.head(URL + "orders.csv", THAT_WEEK)
    assert (response.status_code, response.content, Export.objects.count()) == (200, b"", 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.real_time
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL can end a statement")
def test_statement_when_it_takes_too_long_is_ended(
    company: Company, orders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(query: ReportQuery) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")

    monkeypatch.setattr(making, "AT_ONCE_SECONDS", 0.3)
    monkeypatch.setattr(making, "revenue_impact", sleep)
    began = time.monotonic()
    with pytest.raises(TakesTooLong):
        make_at_once(Asked("orders", FileFormat.CSV, ReportQuery(company=company, period=Period(MONDAY, MONDAY))))
    assert time.monotonic() - began < 5


@pytest.mark.django_db
def test_file_when_it_is_long_is_not_held_in_memory(
    company: Company, orders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "SPOOLED", 100)
    made = make_at_once(Asked("orders", FileFormat.CSV, ReportQuery(company=company, period=Period(MONDAY, MONDAY))))
    assert made.file._rolled  # type: ignore[attr-defined]
    assert made.size == made.file.seek(0, 2)
    made.file.close()


@pytest.mark.django_db
@settings(max_examples=examples(10, full=100))
@given(st.integers(0, 10**9), st.sampled_from(["EUR", "JPY", "KWD"]), st.sampled_from(list(FileFormat)))
def test_rows_when_summed_are_what_the_report_says(seed: int, currency: str, file_format: FileFormat) -> None:
    with transaction.atomic():
        _fill(random.Random(seed), currency)
        _check_sums(currency, file_format)
        transaction.set_rollback(True)


def _fill(rnd: random.Random, currency: str) -> None:
    company = Company.objects.get(key="acme")
    for _ in range(rnd.randrange(4)):
        day = at(MONDAY + timedelta(days=rnd.randrange(-1, 9)), rnd.randrange(24))
        session = factories.VisitorSessionFactory.create(company=company, started_at=day)
        factories.CartEventFactory.create(session=session, currency=currency, gmv_minor=rnd.randrange(-999, 9999))
        value = rnd.randrange(10**6)
        order = factories.OrderFactory.create(session=session, currency=currency, value_minor=value)
        if rnd.random() < 0.5:
            factories.RefundFactory.create(refunded_order=order, value_minor=rnd.randrange(value + 1))


def _check_sums(currency: str, file_format: FileFormat) -> None:
    company = Company.objects.get(key="acme")
    query = ReportQuery(company=company, period=Period(MONDAY, date(2026, 3, 8)), currency=currency)
    report = revenue_impact(query)
    expected = {
        "orders": (report.current.orders, report.current.purchase_minor, "Value"),
        "cart_events": (sum(day.cart_events for day in report.days), report.current.add_to_cart_minor, "GMV"),
    }
    for table, (number, minor, title) in expected.items():
        made = make_at_once(Asked(table, file_format, query))
        rows = list(_rows(made.file, file_format))
        assert len(rows) == made.row_count == number
        total = sum((Decimal(str(row[title])) for row in rows), Decimal(0))
        assert total.scaleb(decimals_of(currency)) == minor
        assert f"_{number}-rows." in made.name


def _rows(file: Any, file_format: FileFormat) -> Iterator[dict[str, Any]]:
    file.seek(0)
    content = file.read()
    file.close()
    if file_format == FileFormat.XLSX:
        yield from next(iter(read_xlsx(content).values()))
    else:
        yield from read_csv(content.removeprefix(b"\xef\xbb\xbf"))
