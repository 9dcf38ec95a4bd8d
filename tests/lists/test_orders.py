"""The list of orders, and the report's links to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.models import Company, Order
from tests.support import factories
from tests.support.admin_pages import REPORT_URL, Page, admin_url
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
DAYS = {"start": "2026-03-02", "end": "2026-03-04"}


def listed(client: Client, **asked: Any) -> Any:
    return client.get(admin_url(Order, "changelist"), asked).context["cl"]


def cells(changelist: Any, *names: str) -> list[tuple[str, ...]]:
    columns = changelist.model_admin
    return [tuple(getattr(columns, name)(row) for name in names) for row in changelist.result_list]


# Columns


def test_order_when_listed_shows_what_is_refunded_and_what_is_left(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    refunded = factories.OrderFactory.create(session=session, value_minor=2000, occurred_at=at(MONDAY))
    factories.RefundFactory.create(refunded_order=refunded, value_minor=700)
    factories.RefundFactory.create(refunded_order=refunded, value_minor=1500, counted_minor=1300)
    yen = {"currency": "JPY", "value_minor": 1200, "occurred_at": at(MONDAY) - timedelta(hours=1)}
    factories.OrderFactory.create(session=session, **yen)
    log_in("view_order")
    assert cells(listed(client), "value", "refunded", "net") == [
        ("20.00\xa0EUR", '<span class="alhena-label">Refunded</span> 20.00', "0.00"),
        ("1,200\xa0JPY", "", "1,200"),
    ]


def test_list_when_it_has_refunds_reads_them_by_one_query(
    client: Client,
    log_in: Callable[..., Any],
    company: Company,
    django_assert_num_queries: Callable[..., Any],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    log_in("view_order")
    factories.RefundFactory.create(refunded_order=factories.OrderFactory.create(session=session))
    with django_assert_max_num_queries(20) as captured:
        listed(client)
    count = len(captured)
    for _ in range(5):
        factories.RefundFactory.create(refunded_order=factories.OrderFactory.create(session=session))
    with django_assert_num_queries(count) as captured:
        assert len(listed(client).result_list) == 6
    assert sum("alhena_tracking_refund" in query["sql"] for query in captured) == 1


def test_company_when_it_is_the_only_one_is_no_column(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    hidden = factories.CompanyFactory.create()
    factories.restrict(hidden, factories.GroupFactory.create())
    log_in("view_order")
    assert "company" not in listed(client).list_display
    factories.CompanyFactory.create()
    assert "company" in listed(client).list_display


def test_time_when_companies_have_different_zones_names_its_own(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    Company.objects.update(time_zone="Asia/Tokyo")
    session = factories.VisitorSessionFactory.create(company=company)
    factories.OrderFactory.create(session=session, occurred_at=at(MONDAY))
    log_in("view_order")
    together = client.get(admin_url(Order, "changelist")).content.decode()
    factories.CompanyFactory.create(time_zone="Asia/Kathmandu")
    apart = client.get(admin_url(Order, "changelist")).content.decode()
    titles = [text.count("(Asia/Tokyo)") for text in (together, apart)]
    whole = [text.count(" Asia/Tokyo</time>") for text in (together, apart)]
    on_cards = [text.count('<span class="alhena-label"> Asia/Tokyo</span>') for text in (together, apart)]
    assert (titles, whole, on_cards) == ([1, 0], [0, 1], [1, 0])


def test_order_when_only_confirmed_ones_count_says_that_it_is_not(
    client: Client, log_in: Callable[..., Any], company: Company, settings: Any
) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": True}
    session = factories.VisitorSessionFactory.create(company=company)
    reported = factories.OrderFactory.create(session=session)
    confirmed = factories.OrderFactory.create(session=session, trust="CONFIRMED")
    factories.OrderFactory.create(session=session, excluded_at=at(MONDAY))
    log_in("view_order")
    assert cells(listed(client, standing="UNCONFIRMED"), "remarks") == [("<div>Not confirmed</div>",)]
    assert [row.pk for row in listed(client, standing="UNCONFIRMED").result_list] == [reported.pk]
    assert [row.pk for row in listed(client, standing="COUNTED").result_list] == [confirmed.pk]


# Links from the report


@pytest.fixture
def orders(company: Company) -> Company:
    """Orders on three days and the days beside them, that differ in all that the report filters by."""
    for other in (company, factories.CompanyFactory.create()):
        for day in range(-1, 4):
            session = factories.VisitorSessionFactory.create(company=other, started_at=at(MONDAY + timedelta(days=day)))
            when = {"session": session, "occurred_at": at(MONDAY + timedelta(days=day, hours=0))}
            for channel in ("CHAT", "FAQ"):
                factories.OrderFactory.create(channel=channel, **when)
                factories.OrderFactory.create(channel=channel, ai_profile="Ada, the first", **when)
                factories.OrderFactory.create(channel=channel, trust="VERIFIED", **when)
            factories.OrderFactory.create(currency="JPY", **when)
            factories.OrderFactory.create(excluded_at=at(MONDAY), **when)
            factories.OrderFactory.create(is_denied=True, **when)
            factories.OrderFactory.create(held_reason="ABOVE_CEILING", **when)
    return company


FILTERS = {
    "none": ({}, 18),
    "currency": ({"currency": "JPY"}, 3),
    "channel": ({"channel": "FAQ"}, 9),
    "profile": ({"profile": "Ada, the first"}, 6),
    "trust": ({"trust": "VERIFIED"}, 6),
    "days": ({"end": "2026-03-02"}, 6),
    "all": ({"currency": "EUR", "channel": "CHAT", "profile": "Ada, the first", "trust": "REPORTED"}, 3),
}


@pytest.mark.parametrize(("asked", "count"), FILTERS.values(), ids=FILTERS)
def test_link_to_all_orders_when_followed_lists_those_counted(
    client: Client,
    log_in: Callable[..., Any],
    orders: Company,
    asked: dict[str, str],
    count: int,
) -> None:
    log_in("view_order", "view_revenueimpact")
    page = client.get(REPORT_URL, {"company": orders.key, "currency": "EUR", **DAYS, **asked})
    table = page.context["order_table"]
    assert page.context["report"].current.orders == count
    assert table.link == f"All {count} orders"
    assert table.url in [link["href"] for link in Page(page.content.decode()).named("a")]
    changelist = client.get(table.url).context["cl"]
    assert len(changelist.result_list) == count
    assert {row.company_id for row in changelist.result_list} == {orders.pk}


def test_link_to_all_orders_when_only_confirmed_ones_count_lists_these(
    client: Client, log_in: Callable[..., Any], orders: Company, settings: Any
) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": True}
    log_in("view_order", "view_revenueimpact")
    page = client.get(REPORT_URL, {"company": orders.key, "currency": "EUR", **DAYS})
    changelist = client.get(page.context["order_table"].url).context["cl"]
    assert page.context["report"].current.orders == len(changelist.result_list) == 6


@pytest.mark.parametrize("asked", [asked for asked, _count in FILTERS.values()], ids=FILTERS)
def test_link_to_orders_held_back_when_followed_lists_as_many_as_said(
    client: Client, log_in: Callable[..., Any], orders: Company, asked: dict[str, str]
) -> None:
    log_in("view_order", "view_revenueimpact")
    page = client.get(REPORT_URL, {"company": orders.key, "currency": "EUR", **DAYS, **asked})
    held_back = page.context["report"].held_back_orders
    assert held_back == (1 if "end" in asked else 3)
    assert len(client.get(page.context["held_back_url"]).context["cl"].result_list) == held_back


def test_profile_filter_when_used_offers_to_leave_it(
    client: Client, log_in: Callable[..., Any], orders: Company
) -> None:
    log_in("view_order")
    changelist = listed(client, ai_profile__exact="Ada, the first", channel="CHAT")
    [profiles] = [spec for spec in changelist.filter_specs if spec.title == "AI profile"]
    assert profiles.chosen == "Ada, the first"
    assert [choice["query_string"] for choice in profiles.choices(changelist)] == ["?channel=CHAT"]
    assert profiles.kept == [("channel", "CHAT")]
