"""The section "What changed": by factor, channel, AI profile and product."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.models import CartEvent, Company, Interaction, Order, OrderLine
from alhena_tracking.reports import Difference, Differences, Period, ReportQuery, Section, revenue_impact
from alhena_tracking.reports.differences import MOST_DIFFERENCES
from alhena_tracking.rollups import roll_up
from tests.support import factories
from tests.support.exported_files import read_csv
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX
from tests.support.report_by_hand import fill
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
RIGHTS = ("view_revenueimpact", "export_revenueimpact")
FIRST = date(2026, 3, 2)
WEEK = Period(FIRST + timedelta(days=7), FIRST + timedelta(days=13))
QUESTION = {"start": str(WEEK.start), "end": str(WEEK.end), "currency": "EUR"}


def sell(company: Company, on: date, minor: int, *, kind: str = "CHAT", profile: str = "", product: str = "") -> None:
    """A session that buys, with one line of its product."""
    session = factories.VisitorSessionFactory.create(
        company=company, started_at=at(on, 9), channel=kind, ai_profile=profile
    )
    credited = factories.InteractionFactory.create(
        session=session, occurred_at=at(on, 9), kind=kind, ai_profile=profile
    )
    order = factories.OrderFactory.create(
        session=session,
        occurred_at=at(on, 10),
        value_minor=minor,
        channel=kind,
        ai_profile=profile,
        credited_interaction=credited,
    )
    if product:
        factories.OrderLineFactory.create(
            order=order, product_id=product, product_name=product.title(), quantity=1, total_minor=minor
        )


def browse(company: Company, on: date, number: int) -> None:
    """Sessions that buy nothing."""
    for _ in range(number):
        factories.VisitorSessionFactory.create(company=company, started_at=at(on, 9))


def read(company: Company, **filters: Any) -> Differences:
    query = ReportQuery(
        company=company, period=WEEK, currency="EUR", sections=frozenset({Section.DIFFERENCES}), **filters
    )
    found = revenue_impact(query).differences
    assert found is not None
    return found


@pytest.fixture
def two_weeks(company: Company) -> Company:
    """400.00 of 4 orders and 8 sessions, then 150.00 of 3 orders and 4 sessions."""
    sell(company, FIRST, 20_000, profile="Ada", product="kettle")
    sell(company, FIRST, 10_000, profile="Ada", product="mug")
    sell(company, FIRST, 5_000, kind=Interaction.Kind.FAQ, product="filter")
    sell(company, FIRST, 5_000, kind=Interaction.Kind.FAQ, product="filter")
    browse(company, FIRST, 4)
    sell(company, WEEK.start, 8_000, profile="Ada", product="kettle")
    sell(company, WEEK.end, 4_000, profile="Bo", product="mug")
    sell(company, WEEK.end, 3_000, kind=Interaction.Kind.FAQ, product="cup")
    browse(company, WEEK.end, 1)
    return company


def test_factors_when_all_change_add_up_to_the_change(two_weeks: Company) -> None:
    factors = read(two_weeks).factors
    assert factors is not None
    # 400.00 × 4/8 sessions = 200.00; × 3/4 orders of before = 300.00; then 150.00 were taken.
    assert (factors.sessions_minor, factors.orders_per_session_minor, factors.average_order_minor) == (
        -20_000,
        10_000,
        -15_000,
    )


def test_channels_and_profiles_when_compared_come_by_their_change(two_weeks: Company) -> None:
    found = read(two_weeks)
    assert [(one.key, one.previous_purchase_minor, one.purchase_minor) for one in found.channels] == [
        ("CHAT", 30_000, 12_000),
        ("FAQ", 10_000, 3_000),
    ]
    assert [(one.key, one.change_minor, one.previous_orders, one.orders) for one in found.profiles] == [
        ("Ada", -22_000, 2, 1),
        ("", -7_000, 2, 1),
        ("Bo", 4_000, 0, 1),
    ]
    assert found.other_profiles is None


def test_products_when_compared_are_those_that_changed_most(two_weeks: Company) -> None:
    assert [(one.key, one.name, one.change_minor) for one in read(two_weeks).products] == [
        ("kettle", "Kettle", -12_000),
        ("filter", "Filter", -10_000),
        ("mug", "Mug", -6_000),
        ("cup", "Cup", 3_000),
    ]


def test_profiles_when_there_are_many_leave_the_rest_in_one_row(company: Company) -> None:
    browse(company, FIRST, 1)
    for number in range(MOST_DIFFERENCES + 2):
        sell(company, WEEK.start, 1000 * (number + 1), profile=f"Profile {number}")
    found = read(company)
    assert len(found.profiles) == MOST_DIFFERENCES
    assert found.other_profiles == Difference(key="", purchase_minor=3000, orders=2)
    assert found.factors is None


def test_products_when_sums_exceed_64_bits_come_by_their_change(company: Company) -> None:
    browse(company, FIRST, 1)
    sell(company, WEEK.start, 30_000, product="yacht")
    sell(company, WEEK.start, 4_000, product="mug")
    for event in factories.CartEventFactory.create_batch(3, occurred_at=at(WEEK.start, 9), product_id="yacht"):
        CartEvent.objects.filter(pk=event.pk).update(gmv_minor=4 * 10**18)
    assert [(one.key, one.change_minor) for one in read(company).products] == [("yacht", 30_000), ("mug", 4_000)]


@pytest.mark.property
@pytest.mark.parametrize("seed", range(examples(4, full=60)))
def test_differences_of_any_shop_agree_with_sums_by_hand(company: Company, seed: int) -> None:
    rnd = random.Random(seed)
    browse(company, FIRST, 1)
    fill(company, rnd, FIRST, days=14, sessions=40)
    chosen = rnd.choice(({}, {"channel": "FAQ"}, {"trust": "CONFIRMED"}))
    if seed % 2:
        roll_up(at(WEEK.end + timedelta(days=3)))
    found = read(company, **chosen)
    before = Period(FIRST, FIRST + timedelta(days=6))
    orders = Order.objects.counted().filter(currency="EUR", **chosen)
    for period, name in ((WEEK, "purchase_minor"), (before, "previous_purchase_minor")):
        by_channel: Counter[str] = Counter()
        by_profile: Counter[str] = Counter()
        by_product: Counter[str] = Counter()
        for order in orders.filter(company=company, occurred_on__range=(period.start, period.end)):
            by_channel[order.channel] += order.value_minor
            by_profile[order.ai_profile] += order.value_minor
            for line in OrderLine.objects.filter(order=order):
                by_product[line.product_id] += line.total_minor
        assert {one.key: minor for one in found.channels if (minor := getattr(one, name))} == +by_channel
        assert {one.key: minor for one in found.profiles if (minor := getattr(one, name))} == +by_profile
        for one in found.products:
            assert getattr(one, name) == by_product[one.key]
    sizes = [abs(one.change_minor) for one in found.products]
    assert sizes == sorted(sizes, reverse=True)


def test_page_json_and_file_when_asked_show_the_same(
    client: Client, log_in: Callable[..., Any], two_weeks: Company
) -> None:
    log_in(*RIGHTS)
    context = client.get(REPORT_URL, {**QUESTION, "show": "differences"}).context
    assert context["difference"] == (
        "Purchase revenue fell by 250.00\xa0EUR (−62.5%), from 400.00\xa0EUR to 150.00\xa0EUR."
    )
    assert [row.cells for row in (*context["factor_table"].rows, context["factor_table"].total)] == [
        ["8", "4", "−50.0%", "−200.00"],
        ["50.0", "75.0", "+50.0%", "+100.00"],
        ["100.00", "50.00", "−50.0%", "−150.00"],
        ["400.00", "150.00", "−62.5%", "−250.00"],
    ]
    tables = {
        key: [[row.label, *row.cells] for row in table.rows] for key, _heading, table in context["difference_tables"]
    }
    assert tables["channels"] == [
        ["Chat", "300.00", "120.00", "−180.00", "2", "2"],
        ["Product FAQ", "100.00", "30.00", "−70.00", "2", "1"],
    ]
    assert tables["profiles"][1] == ["No AI profile", "100.00", "30.00", "−70.00", "2", "1"]
    assert tables["products"][-1] == ["Cup", "0.00", "30.00", "+30.00"]

    answer = client.get(f"{STAFF_PREFIX}revenue-impact", {**QUESTION, "show": "differences"}).json()["differences"]
    assert answer["factors"] == {
        "sessions_minor": -20_000,
        "orders_per_session_minor": 10_000,
        "average_order_minor": -15_000,
    }
    assert [(one["channel"], one["change_minor"]) for one in answer["channels"]] == [("CHAT", -18_000), ("FAQ", -7_000)]

    rows = read_csv(b"".join(client.get(f"{REPORT_URL}export/differences.csv", QUESTION)))
    assert [(row["Kind of row"], row["Key"], row["Change"]) for row in rows] == [
        ("Factor", "sessions", "-200.00"),
        ("Factor", "orders_per_session", "100.00"),
        ("Factor", "average_order", "-150.00"),
        ("Channel", "CHAT", "-180.00"),
        ("Channel", "FAQ", "-70.00"),
        ("AI profile", "Ada", "-220.00"),
        ("AI profile", "", "-70.00"),
        ("AI profile", "Bo", "40.00"),
        ("Product", "kettle", "-120.00"),
        ("Product", "filter", "-100.00"),
        ("Product", "mug", "-60.00"),
        ("Product", "cup", "30.00"),
    ]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"compare": "none"}, "Choose what to compare with under “Comparison” to see what changed."),
        ({"compare": "year_ago"}, "There is nothing to compare with: recording began on March 2, 2026."),
    ],
)
def test_page_when_nothing_is_compared_says_why(
    client: Client, log_in: Callable[..., Any], two_weeks: Company, parameters: dict[str, str], sentence: str
) -> None:
    log_in(*RIGHTS)
    page = client.get(REPORT_URL, {**QUESTION, **parameters, "show": "differences"})
    assert sentence in page.text
    assert "alhena-differences-channels" not in page.text


def test_page_when_revenue_fell_is_explained_in_three_clicks(
    client: Client, log_in: Callable[..., Any], two_weeks: Company
) -> None:
    """From a page of one week, "What changed" is one click, and keeps its filters."""
    log_in(*RIGHTS)
    page = client.get(REPORT_URL, {**QUESTION, "channel": "CHAT"})
    [link] = [choice.query_string for choice in page.context["filters"].sections if choice.label == "What changed"]
    context = client.get(REPORT_URL + link).context
    assert "from 300.00\xa0EUR to 120.00\xa0EUR" in context["difference"]
