"""The admin's lists: pages, filters, searches and times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from alhena_tracking import models
from alhena_tracking.db import row_pages
from alhena_tracking.digests import text_digest
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.admin_pages import RECORDS, Page, admin_url
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)


@pytest.fixture
def shown(client: Client, log_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The list of a model as staff see it, three rows a page."""
    log_in(is_superuser=True)

    def shown(model: type[Any], address: str = "", **asked: Any) -> Any:
        monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 3)
        response = client.get(admin_url(model, "changelist") + address, asked or None)
        assert response.status_code == 200
        return response.context["cl"]

    return shown


def orders(company: Company, count: int, **values: Any) -> list[models.Order]:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    return [
        factories.OrderFactory.create(
            session=session, occurred_at=at(MONDAY) + timedelta(hours=number), value_minor=100 * number, **values
        )
        for number in range(count)
    ]


def pks(changelist: Any) -> list[int]:
    return [row.pk for row in changelist.result_list]


def link(changelist: Any, relation: str) -> str:
    [address] = [address for found, _label, address in changelist.links if found == relation]
    return str(address)


def test_pages_when_followed_lead_to_the_oldest_row_and_back(company: Company, shown: Callable[..., Any]) -> None:
    newest_first = [order.pk for order in reversed(orders(company, 7))]
    first = shown(models.Order)
    assert [relation for relation, _label, _address in first.links] == ["next", "last"]
    second = shown(models.Order, link(first, "next"))
    assert [relation for relation, _label, _address in second.links] == ["first", "prev", "next", "last"]
    third = shown(models.Order, link(second, "next"))
    assert pks(first) + pks(second) + pks(third) == newest_first
    assert pks(shown(models.Order, link(third, "prev"))) == newest_first[3:6]
    assert pks(shown(models.Order, link(second, "prev"))) == newest_first[:3]
    assert pks(shown(models.Order, link(first, "last"))) == newest_first[-3:]
    assert pks(shown(models.Order, link(third, "first"))) == newest_first[:3]
    assert first.count_text == "7 orders"


@pytest.mark.parametrize("page", ["2", "0", "-1", "older", "older-x", "newest", "older-" + "A" * 400, "9" * 5000])
def test_page_when_its_place_is_none_is_the_first(company: Company, shown: Callable[..., Any], page: str) -> None:
    newest_first = [order.pk for order in reversed(orders(company, 5))]
    assert pks(shown(models.Order, p=page)) == newest_first[:3]


def test_pages_when_filtered_keep_the_filter(company: Company, shown: Callable[..., Any]) -> None:
    kept = orders(company, 5, channel="FAQ")
    orders(company, 5, channel="CHAT")
    first = shown(models.Order, channel="FAQ")
    second = shown(models.Order, link(first, "next"))
    assert pks(first) + pks(second) == [order.pk for order in reversed(kept)]


def test_page_when_few_rows_match_says_how_far_it_searched(
    company: Company, shown: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "WINDOW", 4)
    monkeypatch.setattr(row_pages, "_SHARE", 1)
    oldest, *_others = orders(company, 10)
    models.Order.objects.filter(pk=oldest.pk).update(channel="NUDGE")
    found, address = shown(models.Order, channel="NUDGE"), ""
    assert found.note.startswith("Searched 4 rows, back to March 2, 2026, ")
    assert found.count_text == ""
    for _ in range(10):
        if pks(found):
            break
        address = link(found, "next")
        found = shown(models.Order, address)
    assert pks(found) == [oldest.pk]


@pytest.mark.parametrize("model", RECORDS)
def test_list_when_it_has_more_rows_takes_no_more_queries(
    company: Company,
    client: Client,
    log_in: Callable[..., Any],
    model: type[Any],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    log_in(is_superuser=True)

    def fill() -> None:
        session = factories.VisitorSessionFactory.create(company=company)
        order = factories.OrderFactory.create(session=session)
        factories.InteractionFactory.create(session=session)
        factories.CartEventFactory.create(session=session)
        factories.OrderClaimFactory.create(order=order, session=session)
        factories.PendingConfirmationFactory.create(company=company)
        factories.RefundFactory.create(refunded_order=order)

    fill()
    with django_assert_max_num_queries(20) as captured:
        client.get(admin_url(model, "changelist"))
    counts = len(captured)
    for _ in range(3):
        fill()
    with django_assert_max_num_queries(counts):
        assert len(client.get(admin_url(model, "changelist")).context["cl"].result_list) >= 4


# Times


def test_row_when_listed_shows_its_company_s_time_and_zone(
    company: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    kathmandu = factories.CompanyFactory.create(time_zone="Asia/Kathmandu")
    at_night = datetime(2026, 10, 31, 17, 55, tzinfo=UTC)
    session = factories.VisitorSessionFactory.create(company=kathmandu, started_at=at_night)
    factories.OrderFactory.create(session=session, occurred_at=at_night)
    log_in(is_superuser=True)
    day = {"occurred_on__year": 2026, "occurred_on__month": 10, "occurred_on__day": 31}
    html = client.get(admin_url(models.Order, "changelist"), day).content.decode()
    assert "Oct. 31, 2026, 11:40 p.m. Asia/Kathmandu</time>" in html
    assert re.findall(r'<time datetime="([^"]*)"', html) == ["2026-10-31T17:55:00+00:00"]


@pytest.mark.parametrize("page", ["changelist", "change"])
@pytest.mark.parametrize("model", RECORDS)
def test_page_when_it_has_times_names_their_zone(
    company: Company, client: Client, log_in: Callable[..., Any], model: type[Any], page: str
) -> None:
    Company.objects.update(time_zone="Asia/Tokyo")
    session = factories.VisitorSessionFactory.create(company=company)
    order = factories.OrderFactory.create(session=session)
    factories.InteractionFactory.create(session=session)
    factories.CartEventFactory.create(session=session)
    factories.OrderClaimFactory.create(order=order, session=session)
    factories.PendingConfirmationFactory.create(company=company)
    factories.RefundFactory.create(refunded_order=order)
    log_in(is_superuser=True)
    args = [model.objects.latest("pk").pk] if page == "change" else []
    html = client.get(admin_url(model, page, *args)).content.decode()
    assert ("(Asia/Tokyo)" if page == "changelist" else "Asia/Tokyo</time>") in html


# Filters


@pytest.mark.parametrize("model", RECORDS)
def test_filters_when_shown_have_forms_for_days_and_currencies(
    company: Company, client: Client, log_in: Callable[..., Any], model: type[Any]
) -> None:
    log_in(is_superuser=True)
    page = Page(client.get(admin_url(model, "changelist")).content.decode())
    names = {field.get("name") for tag in ("input", "select") for field in page.named(tag)}
    fields = {field.name for field in model._meta.get_fields()}
    for day in {"occurred_on", "started_on"} & fields:
        assert {f"{day}__gte", f"{day}__lte"} <= names
    assert ("currency__exact" in names) == ("currency" in fields)


def test_day_filter_when_used_with_another_keeps_it(
    company: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    log_in(is_superuser=True)
    asked = {"channel": "CHAT", "occurred_on__gte": "2026-03-01", "occurred_on__lte": ""}
    changelist = client.get(admin_url(models.Order, "changelist"), asked).context["cl"]
    [days] = [spec for spec in changelist.filter_specs if spec.title == "day"]
    assert [choice for choice in days.choices(changelist) if choice["selected"]] == []
    assert (days.kept, days.first, days.last) == ([("channel", "CHAT")], "2026-03-01", "")


def test_day_filter_when_a_preset_is_chosen_has_its_rows(company: Company, shown: Callable[..., Any]) -> None:
    Company.objects.update(time_zone="Asia/Tokyo")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(company=company)
    today = factories.OrderFactory.create(session=session, occurred_at=timezone.now())
    factories.OrderFactory.create(session=session, occurred_at=timezone.now() - timedelta(days=3))
    [days] = [spec for spec in shown(models.Order).filter_specs if spec.title == "day"]
    addresses = {str(choice["display"]): choice["query_string"] for choice in days.choices(shown(models.Order))}
    assert pks(shown(models.Order, addresses["Today"])) == [today.pk]
    assert len(pks(shown(models.Order, addresses["Last 7 days"]))) == 2
    chosen = [choice for choice in days.choices(shown(models.Order, addresses["Any date"])) if choice["selected"]]
    assert [str(choice["display"]) for choice in chosen] == ["Any date"]


def test_amounts_when_one_currency_is_chosen_can_be_sorted(company: Company, shown: Callable[..., Any]) -> None:
    euros = orders(company, 7, currency="EUR")
    orders(company, 3, currency="JPY")
    column = shown(models.Order).list_display.index("value")
    asked = {"currency__exact": "EUR", "o": f"-{column}"}
    first = shown(models.Order, **asked)
    assert pks(first) == [order.pk for order in euros[:-4:-1]]
    second = shown(models.Order, link(first, "next"))
    assert pks(second) == [order.pk for order in euros[-4:-7:-1]]
    assert pks(shown(models.Order, **{**asked, "o": str(column)})) == [order.pk for order in euros[:3]]
    unsorted = shown(models.Order, o=str(column))
    assert unsorted.sortable_by == ()
    assert unsorted.result_list[0].currency in {"EUR", "JPY"}
    assert unsorted.result_list[0].occurred_at == max(order.occurred_at for order in euros)


# Searches


def test_search_when_a_whole_id_is_found_finds_no_parts(company: Company, shown: Callable[..., Any]) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    order, longer = (
        factories.OrderFactory.create(session=session, order_id=text, order_id_digest=text_digest(text))
        for text in ("1001", "21001")
    )
    assert pks(shown(models.Order, q=" 1001 ")) == [order.pk]
    assert set(pks(shown(models.Order, q="100"))) == {order.pk, longer.pk}
    claim = factories.OrderClaimFactory.create(order=order, session=session)
    factories.OrderClaimFactory.create(order=longer, session=session)
    assert pks(shown(models.OrderClaim, q="1001")) == [claim.pk]
    refunds = [
        factories.RefundFactory.create(
            refunded_order=each,
            order_id=each.order_id,
            order_id_digest=each.order_id_digest,
            refund_id=f"r-{each.order_id}",
            refund_id_digest=text_digest(f"r-{each.order_id}"),
        )
        for each in (order, longer)
    ]
    assert pks(shown(models.Refund, q="1001")) == [refunds[0].pk]
    assert pks(shown(models.Refund, q="r-21001")) == [refunds[1].pk]
    assert pks(shown(models.VisitorSession, q=f"#{session.pk}")) == [session.pk]


def test_search_when_a_whole_product_id_is_found_spares_its_name(company: Company, shown: Callable[..., Any]) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    event, named = (
        factories.CartEventFactory.create(
            session=session, product_id=text, product_id_digest=text_digest(text), product_name=name
        )
        for text, name in (("tea", "Sencha"), ("cup", "A cup of tea"))
    )
    assert pks(shown(models.CartEvent, q="tea")) == [event.pk]
    assert pks(shown(models.CartEvent, q="cup of")) == [named.pk]


def test_search_when_another_company_has_the_id_finds_nothing(
    company: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    hidden = factories.CompanyFactory.create()
    factories.restrict(hidden, factories.GroupFactory.create())
    session = factories.VisitorSessionFactory.create(company=hidden)
    order = factories.OrderFactory.create(session=session, order_id="7", order_id_digest=text_digest("7"))
    factories.OrderClaimFactory.create(order=order, session=session)
    log_in("view_order", "view_orderclaim", "view_visitorsession")
    for model, term in ((models.Order, "7"), (models.OrderClaim, "7"), (models.VisitorSession, f"#{session.pk}")):
        assert pks(client.get(admin_url(model, "changelist"), {"q": term}).context["cl"]) == []
