"""What staff see, and who sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, path, reverse
from django.utils import translation
from django.utils.formats import number_format

from alhena_tracking import models
from alhena_tracking.admin import formats
from alhena_tracking.ingestion import review
from alhena_tracking.models import Company
from alhena_tracking.reports import last_interaction_on
from tests.support import factories
from tests.support.admin_pages import RECORDS, REPORT_URL, Page, admin_url
from tests.support.factories import at

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
TUESDAY = date(2026, 3, 3)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}


@pytest.fixture
def shop(company: Company) -> Company:
    """The settings' company with a week of two channels, one more currency, and a day that gives back."""
    Company.objects.filter(pk=company.pk).update(time_zone="Europe/Berlin", name="Acme")
    company.refresh_from_db()
    chat = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    faq = factories.VisitorSessionFactory.create(company=company, started_at=at(TUESDAY), channel="FAQ")
    factories.CartEventFactory.create(session=chat, gmv_minor=123_456)
    factories.CartEventFactory.create(session=chat, occurred_at=at(TUESDAY), gmv_minor=-3456)
    factories.CartEventFactory.create(session=faq, gmv_minor=1000)
    factories.OrderFactory.create(session=chat, value_minor=100_050, trust=models.Trust.CONFIRMED)
    factories.OrderFactory.create(session=faq, value_minor=99_950)
    factories.OrderFactory.create(session=chat, currency="JPY", value_minor=1500)
    return company


def rows_of_all_models(company: Company) -> dict[type[Any], Any]:
    """A row of every model that is shown."""
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    order = factories.OrderFactory.create(session=session, value_minor=123_456)
    factories.OrderLineFactory.create(order=order, product_name="Sencha", total_minor=123_456)
    return {
        models.VisitorSession: session,
        models.Interaction: factories.InteractionFactory.create(session=session),
        models.CartEvent: factories.CartEventFactory.create(session=session),
        models.Order: order,
        models.OrderClaim: factories.OrderClaimFactory.create(order=order, session=session),
        models.PendingConfirmation: factories.PendingConfirmationFactory.create(company=company),
        models.Refund: factories.RefundFactory.create(refunded_order=order),
    }


# The report's rights


def test_report_when_nobody_is_logged_in_asks_to_log_in(client: Client) -> None:
    response = client.get(REPORT_URL)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("rights", [[], ["view_order", "change_order", "delete_order"], ["view_company"]])
def test_report_when_its_permission_is_missing_is_403(
    client: Client, log_in: Callable[..., Any], rights: list[str]
) -> None:
    log_in(*rights)
    assert client.get(REPORT_URL).status_code == 403


def test_report_when_only_it_is_permitted_opens_nothing_else(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact")
    rows = rows_of_all_models(shop)

    assert client.get(REPORT_URL).status_code == 200
    assert REPORT_URL in client.get("/admin/").content.decode()
    for model, row in rows.items():
        assert client.get(admin_url(model, "changelist")).status_code == 403
        assert client.get(admin_url(model, "change", row.pk)).status_code == 403
    order = rows[models.Order]
    for page in (f"{order.pk}/", f"{order.pk}/change/", f"{order.pk}/delete/", f"{order.pk}/history/", "add/"):
        assert client.get(REPORT_URL + page, follow=True).status_code == 404


def test_report_has_no_url_but_its_own(client: Client, log_in: Callable[..., Any]) -> None:
    for page in ("add", "change", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:alhena_tracking_revenueimpact_{page}")
    log_in(is_superuser=True)
    assert client.post(REPORT_URL, {"action": "delete_selected"}).status_code == 405


def test_menu_when_all_is_permitted_adds_only_companies_and_keys(client: Client, log_in: Callable[..., Any]) -> None:
    log_in(is_superuser=True)
    [app] = [app for app in client.get("/admin/").context["app_list"] if app["app_label"] == "alhena_tracking"]
    assert app["name"] == "Analytics"
    assert {model["object_name"] for model in app["models"] if model["add_url"]} == {"Company", "SecretKey"}
    assert "Revenue impact" in [model["name"] for model in app["models"]]


# Companies restricted to groups


def test_report_shows_only_companies_the_user_may_see(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    group = factories.GroupFactory.create()
    secret = factories.CompanyFactory.create(name="Secret shop", key="secret")
    factories.restrict(secret, group)
    factories.VisitorSessionFactory.create(company=secret, started_at=at(MONDAY))

    log_in("view_revenueimpact")
    response = client.get(REPORT_URL, {"company": "secret", **THAT_WEEK})
    assert response.context["report"].query.company == shop
    assert [choice.label for choice in response.context["filters"].companies] == ["Acme"]
    assert "Secret shop" not in response.content.decode()
    [told] = response.context["filters"].messages
    [told_of_unknown] = client.get(REPORT_URL, {"company": "nowhere"}).context["filters"].messages
    assert told == told_of_unknown.replace("nowhere", "secret")

    log_in("view_revenueimpact", groups=(group,))
    response = client.get(REPORT_URL, {"company": "secret", **THAT_WEEK})
    assert response.context["report"].query.company == secret
    assert response.context["report"].current.sessions == 1


def test_report_when_no_company_may_be_seen_says_so(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    factories.restrict(company, factories.GroupFactory.create())
    log_in("view_revenueimpact")
    response = client.get(REPORT_URL, {"company": company.key})
    assert response.status_code == 200
    assert "report" not in response.context
    assert company.name not in response.content.decode()


@pytest.mark.parametrize("model", RECORDS)
def test_records_show_only_companies_the_user_may_see(
    client: Client, log_in: Callable[..., Any], company: Company, model: type[Any]
) -> None:
    secret = factories.CompanyFactory.create(name="Secret shop")
    group = factories.GroupFactory.create()
    factories.restrict(secret, group)
    row, hidden = rows_of_all_models(company)[model], rows_of_all_models(secret)[model]
    right = f"view_{model._meta.model_name}"

    log_in(right)
    response = client.get(admin_url(model, "changelist"))
    assert [shown.pk for shown in response.context["cl"].result_list if shown.company_id == secret.pk] == []
    assert row.pk in [shown.pk for shown in response.context["cl"].result_list]
    assert "Secret shop" not in response.content.decode()
    assert client.get(admin_url(model, "change", hidden.pk)).status_code == 302
    assert client.get(admin_url(model, "history", hidden.pk)).status_code == 302

    log_in(right, groups=(group,))
    assert client.get(admin_url(model, "change", hidden.pk)).status_code == 200


def test_companies_of_other_groups_cannot_be_opened(client: Client, log_in: Callable[..., Any]) -> None:
    secret = factories.CompanyFactory.create()
    factories.restrict(secret, factories.GroupFactory.create())
    log_in("view_company", "change_company")
    assert client.get(admin_url(Company, "change", secret.pk)).status_code == 302
    assert secret not in client.get(admin_url(Company, "changelist")).context["cl"].result_list


# The report's page


def test_page_shows_the_report_s_numbers(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    log_in("view_revenueimpact")
    context = client.get(REPORT_URL, THAT_WEEK).context

    values = {card.label: (card.value, card.unit) for card in context["cards"]}
    assert values == {
        "Total add-to-cart GMV": ("1,210.00", "EUR"),
        "Daily cart GMV (avg)": ("605.00", "EUR"),
        "Average cart value": ("611.14", "EUR"),  # (1234.56 + (10.00 − 34.56) ÷ 2) ÷ 2
        "Conversion rate": ("100.0%", ""),
        "Purchase revenue": ("2,000.00", "EUR"),
        "Orders": ("2", ""),
        "Average order value": ("1,000.00", "EUR"),
        "Revenue per session": ("n/a", ""),  # as one of three orders is in yen
    }
    assert [chart.total for chart in context["charts"]] == ["1,210.00", "2,000.00"]
    assert [[entry.total for entry in chart.legend] for chart in context["charts"]] == [
        ["1,200.00", "10.00"],
        ["1,000.50", "999.50"],
    ]
    by_channel = {row.label: row.cells for row in context["channel_table"].rows}
    assert by_channel["Chat"] == ["1", "100.0%", "1,200.00", "600.00", "1", "1,000.50", "0.00", "1,000.50", "–"]
    assert context["channel_table"].total.cells[2] == "1,210.00"
    [tuesday] = [row for row in context["day_table"].rows if row.label == "March 3, 2026"]
    assert tuesday.cells == ["−34.56", "10.00", "−24.56", "0.00", "999.50", "999.50"]
    assert context["day_table"].total.cells == ["1,200.00", "10.00", "1,210.00", "1,000.50", "999.50", "2,000.00"]
    assert [(choice.label, choice.detail) for choice in context["filters"].other_currencies] == [
        ("JPY", "1,500 purchased, 0 added to carts")
    ]


def test_charts_when_drawn_have_titles_with_the_numbers_of_the_table(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact")
    context = client.get(REPORT_URL, THAT_WEEK).context
    added, purchased = context["charts"]
    assert added.chart.columns[1].title.splitlines() == [
        "March 3, 2026",
        "Chat: −34.56",
        "Product FAQ: 10.00",
        "All channels: −24.56",
    ]
    assert [[len(one.bars) for one in chart.chart.series] for chart in (added, purchased)] == [[2, 1], [1, 1]]
    assert len(added.chart.column_labels) == 7
    for chart in (added, purchased):
        read = [
            [line.split(": ")[-1] for line in column.title.splitlines()[1:]] for column in reversed(chart.chart.columns)
        ]
        assert read == [row.cells[chart.first_cell : chart.first_cell + 3] for row in context["day_table"].rows]
        assert chart.chart.partial is None


def test_today_when_in_range_is_marked_as_not_over_in_charts_and_table(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    factories.OrderFactory.create(session=session)
    log_in("view_revenueimpact")
    context = client.get(REPORT_URL, {"range": "last_7_days"}).context
    assert context["has_today"]
    assert [row.detail for row in context["day_table"].rows] == ["so far", *[""] * 6]
    for chart in context["charts"]:
        assert chart.chart.partial == chart.chart.columns[-1]
        assert chart.chart.partial.title.splitlines()[0].endswith(", so far")

    context = client.get(REPORT_URL, {"range": "yesterday"}).context
    assert not context["has_today"]


def test_purchase_revenue_when_shown_has_refunds_net_and_trust(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    order = models.Order.objects.get(value_minor=99_950)
    models.Order.objects.filter(trust=models.Trust.REPORTED).update(trust=models.Trust.VERIFIED)
    for minor in (500, 700):
        factories.RefundFactory.create(refunded_order=order, value_minor=minor, occurred_at=at(date(2026, 4, 1)))
    log_in("view_revenueimpact")
    cards = {card.name: card for card in client.get(REPORT_URL, THAT_WEEK).context["cards"]}
    card = cards.pop("purchase_minor")
    assert card.value == "2,000.00"
    assert [(detail.label, detail.value) for detail in card.details] == [
        ("Refunds", "−12.00"),
        ("Refunds made in the period", "0.00"),
        ("Net", "1,988.00"),
        ("Direct", "0.0%"),
        ("Verified", "50.0%"),
        ("Confirmed", "50.0%"),
    ]
    assert not any(card.details for card in cards.values())


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (1000, 1125, ("up", "+12.5%", "up from 10.00", "up 12.5% from 10.00")),
        (1000, 875, ("down", "−12.5%", "down from 10.00", "down 12.5% from 10.00")),
        (1000, 1000, ("same", "0.0%", "no change", "no change")),
        (100_000, 100_001, ("up", "+0.001%", "up from 1,000.00", "up 0.001% from 1,000.00")),
        (-1000, 1000, ("up", "+200.0%", "up from −10.00", "up 200.0% from −10.00")),
    ],
)
def test_change_when_compared_has_a_sign_and_words(
    client: Client, log_in: Callable[..., Any], company: Company, before: int, now: int, change: tuple[str, ...]
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for on, minor in ((MONDAY, before), (TUESDAY, now)):
        factories.CartEventFactory.create(session=session, occurred_at=at(on), gmv_minor=minor)
    log_in("view_revenueimpact")
    days = {"start": "2026-03-03", "end": "2026-03-03"}
    told = client.get(REPORT_URL, days).context["cards"][0].change
    assert (told.direction, told.number, told.words, told.sentence) == change

    context = client.get(REPORT_URL, {**days, "compare": "none"}).context
    assert [card.change for card in context["cards"]] == [None] * 8
    assert context["compared"] == ""


def test_change_when_it_cannot_be_told_is_two_letters_with_a_reason(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    factories.CartEventFactory.create(session=session)
    factories.VisitorSessionFactory.create(company=company, started_at=at(date(2026, 2, 22)))
    log_in("view_revenueimpact")
    response = client.get(REPORT_URL, THAT_WEEK)
    cards = {card.name: card for card in response.context["cards"]}
    added, cart, order = (cards[name] for name in ("add_to_cart_minor", "average_cart_minor", "average_order_minor"))
    zero = "It was 0.00 in the compared period, and nothing is a percentage of zero."
    assert (added.change.number, added.change.reason) == ("n/a", zero)
    nothing = "In the compared period there was nothing to divide by."
    assert (cart.change.number, cart.change.reason) == ("n/a", nothing)
    assert (order.value, order.reason) == ("n/a", "In this period there is nothing to divide by.")
    assert order.change is None
    page = Page(response.content.decode())
    described = {attributes["aria-describedby"] for _, attributes in page.elements if "aria-describedby" in attributes}
    tips = {attributes["id"] for _, attributes in page.elements if attributes.get("role") == "tooltip"}
    assert described >= {"alhena-why-average_cart_minor-change", "alhena-why-average_order_minor-value"}
    assert described <= tips


def test_steps_lead_from_sessions_by_carts_to_orders(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    log_in("view_revenueimpact")
    steps = client.get(REPORT_URL, THAT_WEEK).context["steps"]
    assert [(step.count, step.width, step.rate) for step in steps] == [
        ("2", "66.7%", ""),
        ("3", "100.0%", "150.0 per 100 sessions"),  # one session with two days, one with one
        ("2", "66.7%", "66.7 per 100 carts"),
    ]


def test_products_when_many_are_the_ten_of_most_revenue(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    order = factories.OrderFactory.create(session=session)
    for number in range(1, 13):
        factories.OrderLineFactory.create(order=order, product_id=f"p{number}", total_minor=number * 100, quantity=2)
    factories.CartEventFactory.create(
        session=session, product_id="p12", product_name="Product p12", units=Decimal("0.5"), gmv_minor=70
    )
    log_in("view_revenueimpact")
    table = client.get(REPORT_URL, THAT_WEEK).context["product_table"]
    assert [row.detail for row in table.rows] == [f"p{number}" for number in range(12, 2, -1)]
    assert (table.rows[0].label, table.rows[0].cells) == ("Product p12", ["0", "0.5", "0.70", "2", "12.00", "0.00"])
    assert table.rows[1].cells == ["0", "0", "0.00", "2", "11.00", "0.00"]
    assert table.caption.startswith("Top 10 of 12 products")


def test_latest_orders_are_for_those_who_may_view_orders(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    refunded, conflicting = models.Order.objects.filter(currency="EUR").order_by("occurred_at")
    factories.RefundFactory.create(refunded_order=refunded, value_minor=500)
    models.Order.objects.filter(pk=conflicting.pk).update(has_conflict=True)
    log_in("view_revenueimpact")
    response = client.get(REPORT_URL, THAT_WEEK)
    assert response.context["order_table"] is None
    assert refunded.order_id not in response.content.decode()

    log_in("view_revenueimpact", "view_order")
    response = client.get(REPORT_URL, THAT_WEEK)
    rows = response.context["order_table"].rows
    assert [(row.label, row.occurred_at, row.amount, row.remarks) for row in rows] == [
        (conflicting.order_id, "March 3, 2026, 1 p.m.", "999.50", ["conflict"]),
        (refunded.order_id, "March 2, 2026, 1 p.m.", "1,000.50", ["5.00 refunded"]),
    ]
    assert client.get(rows[0].url).context["original"] == conflicting


def test_time_zone_and_both_periods_are_printed(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, THAT_WEEK).content.decode()
    for text in ("Europe/Berlin", "March 2, 2026 – March 8, 2026", "Feb. 23, 2026 – March 1, 2026"):
        assert text in page


def test_filters_narrow_the_report_and_every_link_keeps_them(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    factories.CompanyFactory.create(name="Beta", key="beta")
    log_in("view_revenueimpact")
    state = {"company": "acme", "currency": "EUR", "channel": "FAQ", **THAT_WEEK}
    response = client.get(REPORT_URL, state)
    report, filters = response.context["report"], response.context["filters"]
    assert (report.current.purchase_minor, report.current.sessions) == (99_950, 1)

    query_strings = {choice.label: choice.query_string for choice in (*filters.presets, *filters.channels)}
    assert query_strings["Today"] == "?company=acme&currency=EUR&channel=FAQ&range=today"
    assert query_strings["Chat"] == "?company=acme&currency=EUR&channel=CHAT&start=2026-03-02&end=2026-03-08"
    assert [choice.query_string for choice in filters.companies] == [
        "?company=acme&channel=FAQ&start=2026-03-02&end=2026-03-08",
        "?company=beta&channel=FAQ&start=2026-03-02&end=2026-03-08",
    ]
    current = [
        choice.label for choice in (*filters.companies, *filters.presets, *filters.channels) if choice.is_current
    ]
    assert current == ["Acme", "Product FAQ"]
    assert (filters.further_presets.label, filters.further_presets.is_chosen) == ("Custom", True)
    kept = [("company", "acme"), ("currency", "EUR"), ("channel", "FAQ")]
    assert filters.further_presets.form.kept == kept
    assert filters.menus[-1].form.kept == [*kept, *THAT_WEEK.items(), ("compare", "chosen")]
    for query_string in query_strings.values():
        assert client.get(REPORT_URL + query_string).status_code == 200


def test_links_when_no_currency_is_asked_for_keep_the_one_shown(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact")
    filters = client.get(REPORT_URL, THAT_WEEK).context["filters"]
    links = [choice.query_string for menu in filters.menus for choice in menu.choices]
    links += [choice.query_string for choice in (*filters.presets, *filters.channels)]
    assert links
    assert all("currency=EUR" in link for link in links)
    assert ("currency", "EUR") in filters.further_presets.form.kept
    assert [choice.query_string for choice in filters.companies] == ["?company=acme&start=2026-03-02&end=2026-03-08"]


def test_filters_when_set_are_shown_and_can_be_removed(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in("view_revenueimpact")
    menus = client.get(REPORT_URL, THAT_WEEK).context["filters"].menus
    assert [menu.label for menu in menus] == ["Trust", "Comparison"]  # nobody's profile is known
    assert not any(menu.is_chosen for menu in menus)

    models.VisitorSession.objects.filter(channel="CHAT").update(ai_profile="Émile & co")
    models.Order.objects.filter(channel="CHAT").update(ai_profile="Émile & co")
    state = {"currency": "EUR", "profile": "Émile & co", "trust": "CONFIRMED", "compare": "none", **THAT_WEEK}
    response = client.get(REPORT_URL, state)
    report, filters = response.context["report"], response.context["filters"]
    assert (report.current.sessions, report.current.orders, report.previous) == (1, 1, None)
    assert [(menu.label, menu.current, menu.is_chosen) for menu in filters.menus] == [
        ("AI profile", "Émile & co", True),
        ("Trust", "confirmed by the shop's server", True),
        ("Comparison", "None", True),
    ]
    assert [(choice.label, choice.detail) for choice in filters.active] == [
        ("AI profile", "Émile & co"),
        ("Trust", "confirmed by the shop's server"),
    ]
    without_profile = client.get(REPORT_URL + filters.active[0].query_string).context["report"].query
    assert (without_profile.ai_profile, without_profile.trust, without_profile.is_compared) == ("", "CONFIRMED", False)
    without = client.get(REPORT_URL + filters.without).context["report"].query
    assert (without.credit, without.period) == ({}, report.query.period)
    [_all, _profile] = filters.menus[0].choices
    assert client.get(REPORT_URL + _profile.query_string).context["report"] == report


@pytest.mark.parametrize(
    "query_string",
    ["e=1", "q=x&o=1.-2&p=3&all=", "_changelist_filters=x", "order_id__exact=1", "_popup=1&_to_field=id", "%00=%00"],
)
def test_unknown_query_keys_are_ignored(
    client: Client, log_in: Callable[..., Any], shop: Company, query_string: str
) -> None:
    log_in("view_revenueimpact")
    response = client.get(f"{REPORT_URL}?{query_string}&range=today")
    assert response.status_code == 200
    assert response.context["filters"].messages == []
    assert len(response.context["report"].query.period) == 1


@pytest.mark.parametrize(
    ("query_string", "field", "message"),
    [
        ("start=2026-03-32&end=2026-03-31", "start", "Enter the start date as YYYY-MM-DD."),
        ("start=2026-03-08&end=2026-03-02", "end", "The end date is before the start date."),
        ("start=2026-03-08", "end", "Enter an end date."),
        ("start=2020-01-01&end=2026-01-01", "end", "The period is longer than 366 days."),
        ("start=%00&end=2026-01-01", "start", "Enter the start date as YYYY-MM-DD."),
    ],
)
def test_days_when_invalid_have_an_error_and_the_default_is_shown(
    client: Client, log_in: Callable[..., Any], shop: Company, query_string: str, field: str, message: str
) -> None:
    log_in("view_revenueimpact")
    response = client.get(f"{REPORT_URL}?{query_string}")
    assert response.status_code == 200
    filters = response.context["filters"]
    assert filters.has_wrong_days
    assert {one.name: list(one.errors) for one in days_of(filters) if one.errors} == {field: [message]}
    assert message in response.content.decode()
    assert len(response.context["report"].query.period) == 30


@pytest.mark.parametrize("query", [THAT_WEEK, {"range": "yesterday"}])
def test_date_fields_when_days_are_valid_hold_the_shown_period(
    client: Client, log_in: Callable[..., Any], shop: Company, query: dict[str, str]
) -> None:
    log_in("view_revenueimpact")
    context = client.get(REPORT_URL, query).context
    period = context["report"].query.period
    shown = [field.value() for field in days_of(context["filters"])]
    assert shown == [str(period.start), str(period.end)]
    [compared] = context["filters"].menus[-1].form.days
    assert compared.value() == str(period.previous.start)


@pytest.mark.parametrize("query_string", ["company=%00", "currency=%00", "channel=%F0%28%8C%28", "range=%ED%A0%80"])
def test_values_when_invalid_are_reported_and_escaped(
    client: Client, log_in: Callable[..., Any], shop: Company, query_string: str
) -> None:
    log_in("view_revenueimpact")
    response = client.get(f"{REPORT_URL}?{query_string}<script>alert(1)</script>")
    assert response.status_code == 200
    assert len(response.context["filters"].messages) == 1
    assert "<script>alert" not in response.content.decode()


def test_report_when_empty_lists_what_to_check(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    log_in("view_revenueimpact")
    response = client.get(REPORT_URL)
    assert response.context["report"].is_empty
    assert "cards" not in response.context
    assert response.context["empty"].last_days == ""
    assert "{% alhena_snippet %}" in response.content.decode()

    interaction = factories.InteractionFactory.create(
        session=factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    )
    assert last_interaction_on(company) == MONDAY
    response = client.get(REPORT_URL, {"range": "today"})
    assert response.context["empty"].last_on == "March 2, 2026"
    response = client.get(REPORT_URL + response.context["empty"].last_days)
    assert response.context["report"].current.sessions == 1
    assert interaction.session.company == response.context["report"].query.company


def days_of(filters: Any) -> Any:
    return filters.further_presets.form.days


def note_of(html: str) -> str:
    found = re.search(r'class="alhena-note">([^<]*)<', html)
    return found[1] if found else ""


def test_report_when_nothing_is_credited_explains_why(
    client: Client, log_in: Callable[..., Any], company: Company, settings: Any
) -> None:
    log_in("view_revenueimpact")
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))

    def note(**filters: str) -> str:
        return note_of(client.get(REPORT_URL, {**THAT_WEEK, **filters}).content.decode())

    assert note().startswith(
        "Visitors used the assistant in this period, but no cart events or orders were credited to it."
    )
    order = factories.OrderFactory.create(session=session)
    assert note() == ""
    assert note(trust="CONFIRMED").startswith("No cart events or orders that match these filters were credited")
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}
    assert note().endswith("all of them are excluded or not confirmed yet, so none is counted.")
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme"}
    review.exclude_orders([order.pk], None, "A test.")
    assert note().endswith("all of them are excluded, so none is counted.")


def test_report_when_filters_match_nothing_is_empty(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, {**THAT_WEEK, "profile": "nobody"}).content.decode()
    assert "No data matches these filters in this period" in page
    assert "No data in this period" not in page


def test_sessions_alone_show_zeros_and_a_hint(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    log_in("view_revenueimpact")
    context = client.get(REPORT_URL, THAT_WEEK).context
    assert [card.value for card in context["cards"]] == ["0.00", "n/a", "n/a", "0.0%", "0.00", "0", "n/a", "0.00"]
    assert all(chart.is_empty for chart in context["charts"])


def test_page_takes_as_many_queries_whatever_there_is_to_show(
    client: Client,
    log_in: Callable[..., Any],
    shop: Company,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    # 12 for the figures, 2 for the profiles, 2 for the orders; the others for session, user, rights and companies
    log_in("view_revenueimpact", "view_order")
    with django_assert_max_num_queries(16):
        client.get(REPORT_URL, THAT_WEEK)
    session = models.VisitorSession.objects.filter(company=shop)[0]
    for order in factories.OrderFactory.create_batch(15, session=session):
        factories.OrderLineFactory.create(order=order)
        factories.RefundFactory.create(refunded_order=order)
    with django_assert_max_num_queries(16):
        client.get(REPORT_URL, THAT_WEEK)


PAGES = [
    {},
    THAT_WEEK,
    {"start": "2026-03-08", "end": "2026-03-02", "channel": "SMS"},
    {"start": "2025-04-01", "end": "2026-03-31"},
]


@pytest.mark.parametrize("query", PAGES)
def test_page_has_nothing_that_a_strict_csp_blocks(
    client: Client, log_in: Callable[..., Any], shop: Company, query: dict[str, str]
) -> None:
    log_in(is_superuser=True)
    assert Page(client.get(REPORT_URL, query).content.decode()).blocked == []


@pytest.mark.parametrize("query", PAGES)
def test_page_is_labelled(client: Client, log_in: Callable[..., Any], shop: Company, query: dict[str, str]) -> None:
    log_in("view_revenueimpact")
    page = Page(client.get(REPORT_URL, query).content.decode())
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _tag, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attributes.get(name) or "").split()) <= set(ids)
    assert len(list(page.named("h1"))) == 1
    assert all(svg.get("aria-label") for svg in page.named("svg") if svg.get("role") == "img")
    assert len(list(page.named("caption"))) == len(list(page.named("table")))
    assert all(cell.get("scope") for cell in page.named("th"))


@pytest.mark.parametrize("language", ["de", "fr", "ar"])
def test_numbers_in_drawings_are_not_localised(
    client: Client, log_in: Callable[..., Any], shop: Company, settings: Any, language: str
) -> None:
    settings.LANGUAGES = [(language, language)]
    settings.LANGUAGE_CODE = language
    log_in("view_revenueimpact")
    page = Page(client.get(REPORT_URL, THAT_WEEK).content.decode())
    for rectangle in page.named("rect"):
        for name in {"x", "y", "width", "height"} & rectangle.keys():
            assert re.fullmatch(r"\d+(\.\d+)?%?", rectangle[name] or "")
    paths = [path["d"] or "" for path in page.named("path") if (path.get("fill") or "").startswith("url(")]
    assert len(paths) == 4
    assert all(re.fullmatch(r"[Mhvz0-9. -]+", path) for path in paths)


@pytest.mark.parametrize(
    "hostile",
    [
        "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
        "</title></svg><script>alert(1)</script>",
        '=HYPERLINK("http://evil.example")<script>',
        "\u202e\u2066<script>\u200f" + "\U0001f9c0" * 480,
    ],
)
def test_hostile_names_are_inert(client: Client, log_in: Callable[..., Any], shop: Company, hostile: str) -> None:
    Company.objects.filter(pk=shop.pk).update(name=hostile[: Company._meta.get_field("name").max_length])
    factories.CompanyFactory.create(name='"><svg onload=alert(1)>')
    rows = rows_of_all_models(shop)
    models.CartEvent.objects.update(product_name=hostile)
    models.OrderLine.objects.update(product_name=hostile)
    log_in(is_superuser=True)
    for url in (
        REPORT_URL + "?start=2026-03-02&end=2026-03-08",
        admin_url(models.CartEvent, "changelist"),
        admin_url(models.CartEvent, "change", rows[models.CartEvent].pk),
        admin_url(models.Order, "change", rows[models.Order].pk),
    ):
        html = client.get(url).content.decode()
        assert "&lt;script&gt;" in html
        assert Page(html).blocked == []


# The records


@pytest.mark.parametrize("model", RECORDS)
def test_records_can_be_looked_at_and_not_changed(
    client: Client, log_in: Callable[..., Any], company: Company, model: type[Any]
) -> None:
    row = rows_of_all_models(company)[model]
    log_in(is_superuser=True)
    assert client.get(admin_url(model, "changelist")).status_code == 200
    assert client.get(admin_url(model, "change", row.pk)).status_code == 200
    assert client.get(admin_url(model, "history", row.pk)).status_code == 200
    for url in (
        admin_url(model, "add"),
        admin_url(model, "change", row.pk),
        admin_url(model, "delete", row.pk),
    ):
        assert client.post(url, {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    client.post(admin_url(model, "changelist"), selected)
    assert model.objects.filter(pk=row.pk).exists()


def test_every_model_is_registered_but_locks_and_lines() -> None:
    registered = {
        model for model in apps.get_app_config("alhena_tracking").get_models() if admin.site.is_registered(model)
    }
    pages = {Company, models.EventDiagnostics, models.RevenueImpact, models.SecretKey, models.ShopConnection}
    assert registered == {*RECORDS, *pages, models.PrivacyRequest}


@pytest.mark.parametrize("model", RECORDS)
@pytest.mark.parametrize("page", ["changelist", "change"])
def test_records_show_no_digest(
    client: Client, log_in: Callable[..., Any], company: Company, model: type[Any], page: str
) -> None:
    row = rows_of_all_models(company)[model]
    log_in(is_superuser=True)
    html = client.get(admin_url(model, page, *([row.pk] if page == "change" else []))).content.decode()
    digests = [str(getattr(row, field.name)) for field in model._meta.fields if field.name.endswith("_digest")]
    assert not any(digest in html or digest.replace("-", "") in html for digest in digests if digest != "None")


@pytest.mark.parametrize("lookup", ["", "__startswith", "__lt", "__isnull", "__in"])
@pytest.mark.parametrize("model", [*RECORDS, models.SecretKey])
def test_list_when_looked_up_by_a_digest_is_refused(
    client: Client, log_in: Callable[..., Any], company: Company, model: type[Any], lookup: str
) -> None:
    log_in(is_superuser=True)
    for name in [field.name for field in model._meta.fields if field.name.endswith("digest")]:
        assert client.get(admin_url(model, "changelist"), {name + lookup: "0"}).status_code == 400


def test_order_when_it_may_be_viewed_shows_its_lines(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    order = rows_of_all_models(company)[models.Order]
    log_in("view_order")
    response = client.get(admin_url(models.Order, "change", order.pk))
    [lines] = response.context["inline_admin_formsets"]
    assert [form.instance.product_name for form in lines.formset.forms] == ["Sencha"]
    assert "1,234.56\xa0EUR" in response.content.decode()


def test_money_is_shown_in_the_currency_s_decimals(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    for currency in ("EUR", "JPY", "KWD"):
        factories.OrderFactory.create(session=session, currency=currency, value_minor=1_234_567)
    log_in("view_order")
    page = client.get(admin_url(models.Order, "changelist")).content.decode()
    for text in ("12,345.67\xa0EUR", "1,234,567\xa0JPY", "1,234.567\xa0KWD"):
        assert text in page


def test_notes_when_an_order_does_not_count_or_is_in_conflict_name_it(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    excluded = factories.OrderFactory.create(session=session, excluded_at=at(MONDAY), has_conflict=True)
    held = factories.OrderFactory.create(session=session, held_reason=models.HeldReason.ABOVE_CEILING)
    denied = factories.OrderFactory.create(session=session, is_denied=True)
    cancelled = factories.OrderFactory.create(session=session, is_cancelled=True)
    plain = factories.OrderFactory.create(session=session)
    order_admin = admin.site.get_model_admin(models.Order)
    assert order_admin.remarks(excluded) == "<div>Excluded</div><div>Conflict</div>"  # type: ignore[attr-defined]
    assert order_admin.remarks(held) == "<div>Held back</div>"  # type: ignore[attr-defined]
    assert order_admin.remarks(denied) == "<div>Not credited</div>"  # type: ignore[attr-defined]
    assert order_admin.remarks(cancelled) == "<div>Cancelled</div>"  # type: ignore[attr-defined]
    assert order_admin.remarks(plain) == ""  # type: ignore[attr-defined]

    log_in("view_order")
    shown = {
        standing: [
            order.pk
            for order in client.get(admin_url(models.Order, "changelist"), {"standing__exact": standing})
            .context["cl"]
            .result_list
        ]
        for standing in models.Standing.values
    }
    assert shown == {
        "COUNTED": [plain.pk],
        "HELD": [held.pk],
        "NOT_OURS": [denied.pk],
        "CANCELLED": [cancelled.pk],
        "EXCLUDED": [excluded.pk],
    }


def test_channel_filter_of_records(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    sessions = [
        factories.VisitorSessionFactory.create(company=company, channel=channel) for channel in ("CHAT", "FAQ", "")
    ]
    log_in("view_visitorsession")
    url = admin_url(models.VisitorSession, "changelist")
    assert [row.pk for row in client.get(url, {"channel": "FAQ"}).context["cl"].result_list] == [sessions[1].pk]
    assert len(client.get(url, {"channel": "SMS"}).context["cl"].result_list) == 3


# Companies


def test_company_s_key_is_chosen_once(client: Client, log_in: Callable[..., Any]) -> None:
    log_in(is_superuser=True)
    data = {"name": "Beta", "key": "beta", "time_zone": "Asia/Tokyo", "allowed_origins": ""}
    client.post(admin_url(Company, "add"), data)
    beta = Company.objects.get(key="beta")

    changed = {"name": "Beta shop", "key": "gamma", "time_zone": "UTC", "allowed_origins": "https://beta.example"}
    client.post(admin_url(Company, "change", beta.pk), changed)
    beta.refresh_from_db()
    assert (beta.key, beta.name, beta.allowed_origins) == ("beta", "Beta shop", "https://beta.example")

    wrong = client.post(admin_url(Company, "change", beta.pk), {**changed, "time_zone": "Mars/Olympus"})
    assert set(wrong.context["adminform"].form.errors) == {"time_zone"}


def test_company_with_rows_cannot_be_deleted(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    mistake = factories.CompanyFactory.create()
    factories.VisitorSessionFactory.create(company=company)
    log_in(is_superuser=True)

    assert client.post(admin_url(Company, "delete", company.pk), {"post": "yes"}).status_code == 403
    client.post(admin_url(Company, "delete", mistake.pk), {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": company.pk, "post": "yes"}
    client.post(admin_url(Company, "changelist"), selected)
    assert list(Company.objects.all()) == [company]


# How things are written


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123_456, "EUR", "1,234.56\xa0EUR"),
        (123_456, "JPY", "123,456\xa0JPY"),
        (123_456, "KWD", "123.456\xa0KWD"),
        (-5, "EUR", "−0.05\xa0EUR"),
        (0, "EUR", "0.00\xa0EUR"),
        (10**18, "EUR", "10,000,000,000,000,000.00\xa0EUR"),
        (0, "", "0.00"),
        (None, "EUR", "–"),
    ],
)
def test_money(minor: int | None, currency: str, text: str) -> None:
    assert formats.money(minor, currency) == text


def test_averages_are_rounded_half_away_from_zero() -> None:
    assert formats.amount(Fraction(5, 2), "JPY") == "3"
    assert formats.amount(Fraction(-5, 2), "JPY") == "−3"
    assert formats.amount(Fraction(7, 3), "EUR") == "0.02"
    assert formats.share(Fraction(1, 3)) == "33.3%"
    assert formats.share(Fraction(1, 2000), is_signed=True) == "+0.1%"
    assert formats.share(Fraction(-1, 2000)) == "−0.1%"


def test_percentage_is_zero_or_a_hundred_only_if_it_is_exactly() -> None:
    assert formats.share(Fraction(1, 2500)) == "0.04%"  # case 16 of the report
    assert formats.share(Fraction(2499, 2500)) == "99.96%"
    assert formats.share(Fraction(-1, 300_000), is_signed=True) == "−0.0003%"
    assert formats.share(Fraction(1, 5000), is_signed=True) == "+0.02%"
    assert [formats.share(whole) for whole in (0, 1)] == ["0.0%", "100.0%"]
    assert formats.points(Fraction(12, 10), is_signed=True) == "+1.2 points"
    assert formats.points(Fraction(-1, 25), is_signed=True) == "−0.04 points"
    assert [formats.tenths(number) for number in (0, Fraction(1, 25), Fraction(3, 2))] == ["0.0", "0.04", "1.5"]


def test_axis_leaves_out_decimals_that_are_zero() -> None:
    assert formats.amount(500_00, "EUR", is_short=True) == "500"
    assert formats.amount(50, "EUR", is_short=True) == "0.50"


@pytest.mark.parametrize("language", ["en", "de", "de-ch", "fr", "ar", "hi", "en-in", "ja"])
@pytest.mark.parametrize("minor", [0, 5, -5, 99_999, -123_456_789, 10**18])
def test_numbers_are_written_as_django_writes_them(language: str, minor: int) -> None:
    with translation.override(language):
        expected = number_format(Decimal(minor).scaleb(-2), 2, use_l10n=True, force_grouping=True)
        assert formats.amount(minor, "EUR") == expected.replace("-", "−")


def test_numbers_follow_the_language() -> None:
    with translation.override("de"):
        assert formats.money(123_456, "EUR") == "1.234,56\xa0EUR"
        assert formats.short_day(MONDAY) == "2. März"


# On a site of the project's own


def _backoffice() -> admin.AdminSite:
    site = admin.AdminSite(name="backoffice")
    for model, model_admin in admin.site._registry.items():
        site.register(model, type(model_admin))
    return site


urlpatterns = [path("backoffice/", _backoffice().urls), path("admin/", admin.AdminSite().urls)]


@pytest.mark.urls(__name__)
def test_links_on_a_site_of_the_project_s_own_lead_to_its_pages(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    log_in(is_superuser=True)
    rows = rows_of_all_models(shop)
    pages = ["revenueimpact/", "eventdiagnostics/", "eventdiagnostics/reconcile/", "secretkey/add/"]
    pages += [f"order/{rows[models.Order].pk}/exclude/"]
    pages += [f"{model._meta.model_name}/{row.pk}/change/" for model, row in rows.items()]
    for page in pages:
        html = client.get(f"/backoffice/alhena_tracking/{page}", THAT_WEEK).content.decode()
        links = re.findall(r'(?:href|action)="(/[^"]*)"', html)
        assert any(link.startswith("/backoffice/alhena_tracking/") for link in links)
        assert not [link for link in links if link.startswith("/admin/")]
