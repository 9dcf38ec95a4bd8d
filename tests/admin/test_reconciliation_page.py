"""The page that compares a shop's own orders with the recorded ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from alhena_tracking.admin import reconciliation
from alhena_tracking.models import Company
from alhena_tracking.reconciliation import MOST_BYTES
from tests.support import factories
from tests.support.admin_pages import Page
from tests.support.findings import URL as DIAGNOSTICS

pytestmark = pytest.mark.django_db

URL = DIAGNOSTICS + "reconcile/"
RIGHTS = ("view_eventdiagnostics", "view_order")
LINES = "id;total;date\nA;10,00 EUR;2026-05-04\nB;11;2026-05-04\n=C;1;2026-05-04\n"


@pytest.fixture
def shop(company: Company) -> Company:
    session = factories.VisitorSessionFactory.create(company=company)
    for order_id in "AB":
        factories.OrderFactory.create(session=session, order_id=order_id)
    Company.objects.filter(pk=company.pk).update(currency="EUR")
    return company


def upload(client: Client, content: str | bytes = LINES, query: str = "", **fields: str) -> Any:
    file = SimpleUploadedFile("orders.csv", content.encode() if isinstance(content, str) else content)
    return client.post(URL + query, {"file": file, **fields})


@pytest.mark.parametrize("rights", [[], RIGHTS[:1], RIGHTS[1:], [*RIGHTS[1:], "view_revenueimpact"]])
def test_page_when_a_permission_is_missing_is_forbidden(
    client: Client, log_in: Callable[..., Any], shop: Company, rights: list[str]
) -> None:
    log_in(*rights)
    assert client.get(URL).status_code == 403
    assert upload(client).status_code == 403
    assert URL not in client.get(DIAGNOSTICS).content.decode()


def test_page_when_a_file_is_sent_shows_what_became_of_its_orders(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in(*RIGHTS)
    assert f"{URL}?company=acme" in client.get(DIAGNOSTICS).content.decode()
    response = upload(client)
    assert "no-store" in response["Cache-Control"]
    context = response.context
    assert context["in_file"] == "3 orders in the file."
    assert context["texts"] == ["1 agrees.", "1 differs.", "1 is of a visitor we have no record of."]
    assert [(row["in_file"], row["recorded"]) for row in context["rows"]] == [("11.00\xa0EUR", "10.00\xa0EUR")]
    assert Page(response.content.decode()).blocked == []
    assert client.put(URL).status_code == 405


def test_download_has_all_orders_and_no_formula(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    log_in(*RIGHTS)
    response = upload(client, download="1")
    assert response["Content-Disposition"] == 'attachment; filename="reconciliation_acme.csv"'
    assert "no-store" in response["Cache-Control"]
    lines = response.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Line,Order ID,Day,Result,")
    assert lines[1:] == [
        "2,A,2026-05-04,agrees,,10.00,EUR,10.00,EUR,",
        "3,B,2026-05-04,differs,another amount,11.00,EUR,10.00,EUR,",
        "4,'=C,2026-05-04,no record of the visitor,,1.00,EUR,,,",
    ]


def test_page_when_many_orders_differ_shows_the_first(
    client: Client, log_in: Callable[..., Any], shop: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "SHOWN_ORDERS", 1)
    log_in(*RIGHTS)
    context = upload(client, "id;total\nA;1\nB;2\n;\n").context
    assert (len(context["rows"]), context["more"]) == (1, 1)


@pytest.mark.parametrize(
    ("content", "fields", "error"),
    [
        ("id;price\n1;2\n", {}, "No column found: Value."),
        (b"\x00" * 9, {}, "no CSV"),
        (b"x" * (MOST_BYTES + 1), {}, "larger than 5 MB"),
        (b"", {}, "empty"),
        (LINES, {"value": "x\0"}, None),
        (LINES, {"value": "x" * 256}, None),
    ],
)
def test_page_when_a_file_is_unsuitable_says_why(
    client: Client, log_in: Callable[..., Any], shop: Company, content: str, fields: dict[str, str], error: str | None
) -> None:
    log_in(*RIGHTS)
    response = upload(client, content, **fields, download="1")
    assert response.status_code == 200
    form = response.context["form"]
    assert form.errors.keys() == ({"file"} if error else {"value"})
    assert error is None or error in str(form.errors["file"])
    assert "in_file" not in response.context


def test_page_when_a_company_is_of_another_group_compares_nothing(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    factories.restrict(factories.CompanyFactory.create(key="secret"), factories.GroupFactory.create())
    log_in(*RIGHTS)
    response = upload(client, query="?company=secret")
    assert response.context["unknown_company"] == "secret"
    assert "in_file" not in response.context
    factories.restrict(shop)
    response = upload(client)
    assert response.status_code == 200
    assert "form" not in response.context


def test_file_when_compared_is_stored_nowhere(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    def stored() -> dict[str, list[Any]]:
        return {model._meta.label: list(model._default_manager.values()) for model in apps.get_models()}

    log_in(*RIGHTS)
    client.get(URL)
    before = stored()
    upload(client, LINES + "X;1;2026-05-04\n")
    assert stored() == before


def test_file_when_sent_without_a_token_is_refused(log_in: Callable[..., Any], client: Client, shop: Company) -> None:
    user = log_in(*RIGHTS)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert upload(strict).status_code == 403
