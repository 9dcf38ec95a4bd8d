"""The table of AI profiles: on the page, in files and in JSON, live and rolled up."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client, override_settings

from alhena_tracking.models import Company, Trust
from alhena_tracking.reports import Period, ProfileFigures, ReportQuery, RevenueImpactReport, Section, revenue_impact
from alhena_tracking.reports.intervals import wilson_interval
from alhena_tracking.rollups import roll_up
from tests.support.exported_files import read_csv
from tests.support.factories import CartEventFactory, InteractionFactory, OrderFactory, VisitorSessionFactory, at
from tests.support.published_schema import STAFF_PREFIX
from tests.support.report_by_hand import figures_by_hand, fill
from tests.support.rolled_up_days import assert_same_as_raw

MONDAY = date(2026, 3, 2)
WEEK = Period(MONDAY, MONDAY + timedelta(days=6))
REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
RIGHTS = ("view_revenueimpact", "export_revenueimpact")
ASKED = {"start": str(WEEK.start), "end": str(WEEK.end), "currency": "EUR", "compare": "none", "show": "profiles"}


def ask(company: Company, period: Period = WEEK, **filters: Any) -> RevenueImpactReport:
    query = ReportQuery(
        company=company,
        period=period,
        **{"currency": "EUR", "is_compared": False, "sections": frozenset({Section.PROFILES}), **filters},
    )
    assert_same_as_raw(query)
    return revenue_impact(query)


def rows_of(report: RevenueImpactReport) -> dict[str, ProfileFigures]:
    assert report.profiles is not None
    return {row.ai_profile: row for row in report.profiles.rows}


# The interval


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3
        (81, 263, "0.2553", "0.3662"),
        (15, 148, "0.0624", "0.1605"),
        (0, 20, "0.0000", "0.1611"),
        (1, 29, "0.0061", "0.1718"),
        # and the other end, by symmetry
        (20, 20, "0.8389", "1.0000"),
        (182, 263, "0.6338", "0.7447"),
    ],
)
def test_interval_when_published_elsewhere_is_the_same(part: int, whole: int, low: str, high: str) -> None:
    assert tuple(f"{float(end):.4f}" for end in wilson_interval(part, whole)) == (low, high)


@pytest.mark.parametrize("whole", [1, 2, 7, 1000, 10**9])
def test_interval_holds_its_share_and_stays_between_nothing_and_all(whole: int) -> None:
    assert wilson_interval(0, whole)[0] == 0
    assert wilson_interval(whole, whole)[1] == 1
    for part in {0, 1, whole // 2, whole - 1, whole}:
        low, high = wilson_interval(part, whole)
        assert 0 <= low <= Fraction(part, whole) <= high <= 1
        assert low < high


# The rows


@pytest.fixture
def shop(company: Company) -> Company:
    """Ann has 40 sessions, of which 30 bought, Bob five of his own and one of Ann's, and one session has nobody."""
    for number in range(40):
        session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY), ai_profile="Ann")
        if number < 30:
            OrderFactory.create(session=session, ai_profile="Ann", value_minor=1000 + number)
    CartEventFactory.create(session=session, ai_profile="Ann", gmv_minor=700)
    InteractionFactory.create(session=session, kind="FAQ", ai_profile="Bob", occurred_at=at(MONDAY, 13))
    for number in range(5):
        session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY), ai_profile="Bob")
        if number < 2:
            OrderFactory.create(session=session, channel="FAQ", ai_profile="Bob", value_minor=20_000)
    VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    return company


@pytest.mark.django_db
@pytest.mark.now("2026-03-12T10:00Z")
@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_profiles_when_read_have_their_own_figures(shop: Company, is_rolled_up: bool) -> None:
    if is_rolled_up:
        roll_up()
    report = ask(shop)
    found = rows_of(report)
    revenue = sum(range(1000, 1030))
    assert list(found) == ["Bob", "Ann", ""]
    assert found["Ann"] == ProfileFigures(
        ai_profile="Ann",
        sessions=40,
        converted_sessions=30,
        add_to_cart_minor=700,
        orders=30,
        purchase_minor=revenue,
    )
    assert (found["Ann"].conversion_rate, found["Ann"].has_few_orders) == (Fraction(3, 4), False)
    assert (found["Ann"].conversion_low, found["Ann"].conversion_high) == wilson_interval(30, 40)
    assert found["Ann"].average_order_minor == Fraction(revenue, 30)
    assert found["Ann"].revenue_per_session_minor == Fraction(revenue, 40)
    assert (found["Bob"].sessions, found["Bob"].converted_sessions, found["Bob"].orders) == (6, 2, 2)
    assert (found["Bob"].has_few_orders, found["Bob"].conversion_rate, found["Bob"].conversion_low) == (
        True,
        None,
        None,
    )
    nobody = found[""]
    assert nobody.average_order_minor is None
    assert nobody.sessions == 1
    assert nobody.revenue_per_session_minor == 0
    assert report.current.sessions == 46

    in_faq = rows_of(ask(shop, channel="FAQ"))
    assert {name: (row.sessions, row.orders) for name, row in in_faq.items()} == {"Bob": (3, 2)}
    assert list(rows_of(ask(shop, ai_profile="Ann"))) == ["Ann"]
    assert rows_of(ask(shop, trust=Trust.VERIFIED))["Ann"].converted_sessions == 0
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}):
        assert rows_of(ask(shop))["Ann"].orders == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("orders", "few"), [(29, True), (30, False)])
def test_conversion_rate_takes_thirty_orders(company: Company, orders: int, few: bool) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY), ai_profile="Ann")
    OrderFactory.create_batch(orders, session=session, ai_profile="Ann")
    row = rows_of(ask(company))["Ann"]
    assert (row.has_few_orders, row.conversion_rate) == (few, None if few else 1)


@pytest.mark.django_db
def test_revenue_per_session_of_several_currencies_is_missing(company: Company) -> None:
    for name, other in (("Ann", "JPY"), ("Bob", "EUR")):
        session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY), ai_profile=name)
        OrderFactory.create(session=session, ai_profile=name)
        OrderFactory.create(session=session, ai_profile=name, currency=other)
    found = rows_of(ask(company))
    assert found["Ann"].revenue_per_session_minor is None
    assert found["Bob"].revenue_per_session_minor == 2000


@pytest.mark.django_db
@pytest.mark.now("2026-06-20T10:00Z")
@pytest.mark.property
def test_profiles_of_a_generated_shop_agree_with_plain_sql(company: Company) -> None:
    fill(company, random.Random(11), MONDAY, days=7, sessions=40)
    for _ in range(2):
        for filters in ({}, {"channel": "FAQ"}, {"trust": Trust.VERIFIED}, {"channel": "CHAT", "trust": "REPORTED"}):
            found = rows_of(ask(company, **filters))
            for name in ("sommelier", "=butler"):
                by_hand = figures_by_hand(
                    company, WEEK, "EUR", filters.get("channel", ""), profile=name, trust=filters.get("trust", "")
                )
                row = found.get(name, ProfileFigures(ai_profile=name))
                for figure in ("sessions", "converted_sessions", "add_to_cart_minor", "orders", "purchase_minor"):
                    assert getattr(row, figure) == by_hand[figure]
                if name in found:
                    assert row.revenue_per_session_minor == by_hand["revenue_per_session_minor"]
            money = figures_by_hand(company, WEEK, "EUR", filters.get("channel", ""), trust=filters.get("trust", ""))
            assert sum(row.purchase_minor for row in found.values()) == money["purchase_minor"]
            assert sum(row.add_to_cart_minor for row in found.values()) == money["add_to_cart_minor"]
        roll_up()


# Where they are shown


@pytest.mark.django_db
def test_profiles_when_shown_are_those_of_export_and_json(
    shop: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    log_in(*RIGHTS)
    context = client.get(REPORT_URL, ASKED).context
    table = context["profile_table"]
    assert [(row.label, *row.cells) for row in [*table.rows, table.total]] == [
        ("Bob", "6", "too few orders", "–", "0.00", "2", "400.00", "200.00", "66.67"),
        ("Ann", "40", "75.0%", "59.8% to 85.8%", "7.00", "30", "304.35", "10.15", "7.61"),
        ("No AI profile", "1", "too few orders", "–", "0.00", "0", "0.00", "–", "0.00"),
        ("Total", "46", "69.6%", "55.2% to 80.9%", "7.00", "32", "704.35", "22.01", "15.31"),
    ]
    assert table.caption == "3 AI profiles, sorted by purchase revenue. Amounts in EUR."
    assert [note.split()[0] for note in context["profile_notes"]] == ["Chance", "“Too", "A"]
    assert [choice.rows for choice in context["export_choices"] if choice.label == "AI profiles"] == ["3"]

    rows = read_csv(b"".join(client.get(f"{REPORT_URL}export/profiles.csv", ASKED)))
    assert [tuple(row.values()) for row in rows] == [
        ("Bob", "EUR", "6", "2", "", "", "", "0.00", "2", "400.00", "200.00", "66.67"),
        ("Ann", "EUR", "40", "30", "0.750000", "0.598060", "0.858129", "7.00", "30", "304.35", "10.15", "7.61"),
        ("", "EUR", "1", "0", "", "", "", "0.00", "0", "0.00", "", "0.00"),
    ]

    answer = client.get(f"{STAFF_PREFIX}revenue-impact", ASKED).json()["profiles"]
    assert answer["count"] == 3
    assert answer["rows"][1] == {
        "profile": "Ann",
        "sessions": 40,
        "converted_sessions": 30,
        "add_to_cart_minor": 700,
        "orders": 30,
        "purchase_minor": 30_435,
        "conversion_rate": "0.750000",
        "conversion_low": "0.598060",
        "conversion_high": "0.858129",
        "average_order_minor": "1014.500000",
        "revenue_per_session_minor": "760.875000",
    }
    assert answer["rows"][0]["conversion_rate"] is None


@pytest.mark.django_db
def test_profiles_when_not_asked_for_are_not_read(
    shop: Company, client: Client, log_in: Callable[..., Any], django_assert_num_queries: Callable[..., Any]
) -> None:
    log_in(*RIGHTS)
    asked = {name: value for name, value in ASKED.items() if name != "show"}
    assert client.get(f"{STAFF_PREFIX}revenue-impact", asked).json()["profiles"] is None
    assert "profile_table" not in client.get(REPORT_URL, asked).context
    query = ReportQuery(company=shop, period=WEEK, currency="EUR", is_compared=False)
    with django_assert_num_queries(6):
        assert revenue_impact(query).profiles is None
    with django_assert_num_queries(8):
        revenue_impact(
            ReportQuery(company=shop, period=WEEK, is_compared=False, sections=frozenset({Section.PROFILES}))
        )


@pytest.mark.django_db
def test_profiles_when_there_are_many_are_counted(
    shop: Company, client: Client, log_in: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alhena_tracking.reports.profiles.MOST_PROFILES", 2)
    log_in(*RIGHTS)
    table = client.get(REPORT_URL, ASKED).context["profile_table"]
    assert table.caption == "Top 2 of 3 AI profiles by purchase revenue. Amounts in EUR."
    assert [row.label for row in table.rows] == ["Bob", "Ann"]
    answer = client.get(f"{STAFF_PREFIX}revenue-impact", ASKED).json()["profiles"]
    assert (answer["count"], len(answer["rows"])) == (3, 2)


@pytest.mark.django_db
def test_profiles_when_there_are_none_say_so(company: Company, client: Client, log_in: Callable[..., Any]) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY), channel="")
    OrderFactory.create(session=session, channel="CHAT", currency="USD")
    log_in(*RIGHTS)
    page = client.get(REPORT_URL, ASKED)
    assert page.context["profile_table"] is None
    assert "No sessions, cart events or orders match these filters." in page.content.decode()
