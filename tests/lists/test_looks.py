"""What lists and pages of rows show in words: true and false, the lines of orders, what is searched."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from alhena_tracking import models
from alhena_tracking.models import Company, PrivacyRequest
from tests.support import factories
from tests.support.admin_pages import RECORDS, Page, admin_url
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
LINES = [
    {"product_id": "TEA<1>", "product_name": "Assam & more", "quantity": "0.050", "total_minor": 390},
    {"product_id": "CUP", "product_name": "Cup", "quantity": "2.000", "total_minor": 1900},
]


@pytest.fixture
def rows(company: Company, client: Client, log_in: Callable[..., Any]) -> dict[type[Any], Any]:
    """A row of each list, seen by a superuser."""
    log_in(is_superuser=True)
    session = factories.VisitorSessionFactory.create(company=company)
    order = factories.OrderFactory.create(session=session)
    made = [
        session,
        order,
        factories.InteractionFactory.create(session=session),
        factories.CartEventFactory.create(session=session),
        factories.OrderClaimFactory.create(order=order, session=session, line_items=LINES),
        factories.PendingConfirmationFactory.create(company=company, line_items=LINES),
        factories.RefundFactory.create(refunded_order=order),
    ]
    return {type(row): row for row in made}


@pytest.mark.parametrize("model", RECORDS)
def test_row_when_shown_has_no_cross_for_what_is_not(
    client: Client, rows: dict[type[Any], Any], model: type[Any]
) -> None:
    pages = [admin_url(model, "changelist"), admin_url(model, "change", rows[model].pk)]
    for url in pages:
        assert "icon-no" not in client.get(url).content.decode(), url


@pytest.mark.parametrize("model", [models.OrderClaim, models.PendingConfirmation])
def test_lines_when_a_row_stores_them_are_a_table(client: Client, rows: dict[type[Any], Any], model: type[Any]) -> None:
    html = client.get(admin_url(model, "change", rows[model].pk)).content.decode()
    assert "total_minor" not in html
    for text in ("Assam &amp; more", "TEA&lt;1&gt;", ">0.05<", ">3.90\xa0EUR<", ">Cup<", ">2<", ">19.00\xa0EUR<"):
        assert text in html, text


@pytest.mark.parametrize("lines", [None, []])
def test_lines_when_none_are_stored_are_a_dash(client: Client, rows: dict[type[Any], Any], lines: Any) -> None:
    row = rows[models.PendingConfirmation]
    models.PendingConfirmation.objects.filter(pk=row.pk).update(line_items=lines)
    html = client.get(admin_url(models.PendingConfirmation, "change", row.pk)).content.decode()
    assert "alhena-lines" not in html
    assert "None" not in html


def test_privacy_request_when_shown_lists_its_orders(client: Client, rows: dict[type[Any], Any]) -> None:
    company = rows[models.Order].company
    request = PrivacyRequest.objects.create(
        company=company, platform="shopify", kind="erase", order_ids=["<7>", "8"], received_at=at(MONDAY)
    )
    html = client.get(admin_url(PrivacyRequest, "change", request.pk)).content.decode()
    assert "<li><bdi>&lt;7&gt;</bdi></li><li><bdi>8</bdi></li>" in html


@pytest.mark.parametrize("model", RECORDS)
def test_search_when_shown_has_a_label_that_says_by_what(
    client: Client, rows: dict[type[Any], Any], model: type[Any]
) -> None:
    page = Page(client.get(admin_url(model, "changelist")).content.decode())
    labels = [label for label in page.named("label") if label.get("class") == "alhena-search"]
    [field] = [field for field in page.named("input") if field.get("name") == "q"]
    assert [label["for"] for label in labels] == [field["id"]]


def test_list_of_companies_when_there_are_many_has_pages(
    client: Client, log_in: Callable[..., Any], company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(Company), "list_per_page", 2)
    for _ in range(3):
        factories.CompanyFactory.create()
    log_in(is_superuser=True)
    page = Page(client.get(admin_url(Company, "changelist")).content.decode())
    assert "?p=2" in [link.get("href") for link in page.named("a")]


@pytest.mark.parametrize("model", RECORDS)
def test_value_when_empty_is_a_dash_that_cards_leave_out(
    client: Client, rows: dict[type[Any], Any], model: type[Any]
) -> None:
    """Not Django's hyphen. ``lists.css`` hides the cell of a card by the class."""
    html = client.get(admin_url(model, "changelist")).content.decode()
    assert not re.search(r">\s*-\s*</t[dh]>", html)
    empty = {models.Interaction: ["product_id", "conversation_id", "ai_profile"], models.VisitorSession: ["ai_profile"]}
    for name in empty.get(model, []):
        assert f'<td class="field-{name}"><span class="alhena-nothing">–</span></td>' in html


@pytest.mark.parametrize("model", [models.VisitorSession, models.Interaction])
def test_title_when_it_has_a_day_has_that_of_the_company(
    company: Company, client: Client, log_in: Callable[..., Any], model: type[Any]
) -> None:
    """As the times beside it: in Kathmandu, 31 October ends at 18:15 UTC."""
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(date(2026, 10, 31), 20))
    row = session if model is models.VisitorSession else factories.InteractionFactory.create(session=session)
    log_in(is_superuser=True)
    html = client.get(admin_url(model, "change", row.pk)).content.decode()
    [title] = re.findall(r"<title>(.*?)</title>", html, re.DOTALL)
    [crumbs] = re.findall(r'<(?:div|ol) class="breadcrumbs">(.*?)</(?:div|ol)>', html, re.DOTALL)
    for text in (title, crumbs):
        assert "2026-11-01" in text
        assert not re.search("2026-10-31|20:00|UTC", text)
