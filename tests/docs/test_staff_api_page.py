"""``docs/staff-api.md`` against the code: its requests are sent, and its tables compared."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.authtoken.models import Token

from alhena_tracking.api.errors import WORDS
from alhena_tracking.api.schema.staff import ERROR_ANSWERS, STAFF_OPERATIONS
from alhena_tracking.api.staff import fields, pages, views
from alhena_tracking.models import Company
from alhena_tracking.reports.forms import MOST_DAYS
from tests.support import factories
from tests.support.documented_pages import Message, tables
from tests.support.published_schema import STAFF_PREFIX

pytestmark = pytest.mark.any_database

PAGE = (Path(__file__).parents[2] / "docs" / "staff-api.md").read_text()
LISTS = {"orders": views.OrdersView, "cart events": views.CartEventsView, "sessions": views.SessionsView}


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.django_db
def test_page_when_its_requests_are_sent_shows_what_is_answered(company: Company) -> None:
    moment = factories.at(date(2026, 1, 31))
    Company.objects.filter(pk=company.pk).update(time_zone="UTC")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(pk=7, company=company, started_at=moment, channel="FAQ")
    for pk in (5, 6):
        factories.VisitorSessionFactory.create(pk=pk, company=company, started_at=moment, channel="FAQ")
    facts = {
        "session": session,
        "credited_interaction": factories.InteractionFactory.create(
            session=session, event_id="0c5b6a49-7f3e-4c1d-8e2a-9b8c7d6e5f40", product_id="SKU-1"
        ),
        "occurred_at": moment.replace(minute=10),
        "source": "SHOPIFY",
        "currency": "USD",
    }
    product = {"product_id": "SKU-1", "product_name": "Gooseneck kettle", "quantity": 2}
    factories.CartEventFactory.create(
        **facts, **product, event_id="b7d0c1de-6a0f-4a55-8f64-0f3a7a0e9d13", value_minor=8900, gmv_minor=17800, units=2
    )
    order = factories.OrderFactory.create(
        **facts, event_id="5a1e9c3b-2f74-4d86-b0c9-6e7d8f1a2b34", order_id="1001", value_minor=17800, direct_minor=17800
    )
    factories.OrderLineFactory.create(order=order, **product, total_minor=17800, is_direct=True)
    factories.RefundFactory.create(
        refunded_order=order,
        refund_id="r-7",
        value_minor=1990,
        occurred_at=factories.at(date(2026, 2, 3), 9),
    )
    user = factories.UserFactory.create()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alhena_tracking"))
    token = Token.objects.create(user=user).key

    messages = [Message.parse(*block) for block in re.findall(r"```(\w+)\n(.*?)\n```", PAGE, re.DOTALL)]
    assert len(messages) == 10
    for request, shown in zip(messages[::2], messages[1::2], strict=True):
        method, path = request.start.split()
        assert method == "GET"
        assert path.startswith(STAFF_PREFIX)
        headers = {name: value.replace("…", token) for name, value in request.headers.items()}
        response = Client().get(path, headers=headers)
        assert response.status_code == int(shown.start.split()[1]), response.content
        answer, expected = response.json(), json.loads(shown.body)
        assert answer == expected


def test_endpoints_when_listed_are_those_there_are() -> None:
    [rows] = tables(PAGE.partition("\n## ")[0])
    listed = {(endpoint.strip("`"), right.strip("`")) for endpoint, right, _ in rows}
    names = {
        views.RevenueImpactView: "revenue-impact",
        views.OrdersView: "orders",
        views.CartEventsView: "cart-events",
        views.SessionsView: "sessions",
    }
    assert listed == {(f"GET api/{names[view]}", view.permission) for view in STAFF_OPERATIONS}


def test_parameters_when_listed_are_those_that_are_read() -> None:
    [rows] = tables(section("The report"))
    assert [name.strip("`") for name, _ in rows] == list(views.RevenueImpactView.parameters)
    [rows] = tables(section("Lists"))
    for name, view in LISTS.items():
        listed = {parameter.strip("`") for parameter, of, _ in rows if of == "all" or name in of.split(", ")}
        assert listed == set(view.parameters)


def test_numbers_when_listed_are_those_of_the_code() -> None:
    assert f"({pages.PAGE_SIZE}, at most {pages.MOST_ROWS})" in PAGE
    assert f"at most {MOST_DAYS} days" in PAGE
    assert fields.DECIMALS == 6
    assert "with six decimals" in " ".join(PAGE.split())


def test_answers_when_listed_are_those_of_the_schema() -> None:
    [rows] = tables(section("What may go wrong"))
    assert {int(status): word.strip("`") for status, word, _ in rows} == {
        status: WORDS[status] for status in ERROR_ANSWERS
    }
    assert {status for operation in STAFF_OPERATIONS.values() for status in operation.errors} == set(ERROR_ANSWERS)
