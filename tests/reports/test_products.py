"""Products: how they add up to the purchase revenue, what of them is direct, and how often they were recommended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings

from alhena_tracking.ingestion import LineItemData, record, review
from alhena_tracking.models import Company, Order, Trust, VisitorSession
from alhena_tracking.reports import Composition, Period, ReportQuery, RevenueImpactReport, products, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support import event_data, factories
from tests.support.admin_pages import REPORT_URL
from tests.support.event_data import chat
from tests.support.exported_files import read_csv
from tests.support.factories import at
from tests.support.rolled_up_days import assert_same_as_raw
from tests.support.shop_life import HOUR
from tests.support.zones import move

pytestmark = [pytest.mark.django_db, pytest.mark.now("2026-04-22T10:00Z")]

MONDAY = date(2026, 4, 6)
WEEK = Period(MONDAY, date(2026, 4, 12))
QUERY = {"currency": "EUR", "start": str(WEEK.start), "end": str(WEEK.end)}


def report(company: Company, **filters: Any) -> RevenueImpactReport:
    return revenue_impact(ReportQuery(company=company, period=WEEK, currency="EUR", **filters))


def order(company: Company, minor: int, *lines: int, **fields: Any) -> Order:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    bought = factories.OrderFactory.create(session=session, value_minor=minor, **fields)
    for total_minor in lines:
        factories.OrderLineFactory.create(order=bought, total_minor=total_minor)
    return bought


@pytest.fixture
def reduced(company: Company) -> Company:
    """An order of 95.00 with a line of 100.00 and a discount of 5.00, fully refunded; one of 40.00 without lines."""
    bought = order(company, 9_500, 10_000, discount_minor=500)
    factories.RefundFactory.create(refunded_order=bought, value_minor=9_500)
    order(company, 4_000)
    return company


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_products_when_orders_are_reduced_or_unlined_add_up_to_the_card(
    reduced: Company, client: Client, log_in: Callable[..., Any], is_rolled_up: bool
) -> None:
    if is_rolled_up:
        roll_up()
    log_in("view_revenueimpact", "export_revenueimpact")
    page = client.get(REPORT_URL, QUERY)
    sentence = (
        "Lines of all products 100.00 − discounts, shipping, taxes and rounding 5.00 + orders without lines 40.00 "
        "= purchase revenue 135.00"
    )
    assert page.context["product_table"].note == sentence
    assert sentence in page.content.decode()
    figures = read_csv(b"".join(client.get(REPORT_URL + "export/cards.csv", QUERY)))
    values = {row["Figure"]: row["Value"] for row in figures}
    parts = ("Lines of all products", "Discounts, shipping, taxes and rounding", "Orders without lines")
    assert [values[part] for part in parts] == ["100.00", "-5.00", "40.00"]
    answer = client.get("/alhena/api/revenue-impact", QUERY).json()
    assert answer["composition"] == {"lines_minor": 10_000, "adjustments_minor": -500, "unlined_minor": 4_000}


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        ([(1_000, [1_000])], "Lines of all products 10.00 = purchase revenue 10.00"),
        (
            [(1_000, [600, 300])],
            "Lines of all products 9.00 + discounts, shipping, taxes and rounding 1.00 = purchase revenue 10.00",
        ),
        (
            [(1_000, [1_000]), (500, [])],
            "Lines of all products 10.00 + orders without lines 5.00 = purchase revenue 15.00",
        ),
        # A line of nothing is a line.
        (
            [(700, [0])],
            "Lines of all products 0.00 + discounts, shipping, taxes and rounding 7.00 = purchase revenue 7.00",
        ),
        ([(0, [0]), (0, [])], "Lines of all products 0.00 = purchase revenue 0.00"),
    ],
)
def test_sentence_below_products_names_only_what_there_is(
    company: Company, client: Client, log_in: Callable[..., Any], orders: list[tuple[int, list[int]]], sentence: str
) -> None:
    for minor, lines in orders:
        order(company, minor, *lines)
    log_in("view_revenueimpact")
    assert client.get(REPORT_URL, QUERY).context["product_table"].note == sentence


def test_composition_when_few_products_are_shown_is_of_all(company: Company) -> None:
    order(company, 10_000, *range(100, 1_300, 100))
    found = revenue_impact(ReportQuery(company=company, period=WEEK, currency="EUR"), most_products=2)
    assert (len(found.products), found.product_count) == (2, 12)
    assert found.composition == Composition(lines_minor=7_800, adjustments_minor=2_200, unlined_minor=0)


def test_composition_when_lines_exceed_64_bits_is_exact(company: Company) -> None:
    largest = 10**15
    factories.CartEventFactory.create(
        session=factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY)), gmv_minor=2**62
    )
    for _ in range(3):
        bought = order(company, 10_000, largest)
        factories.CartEventFactory.create(session=bought.session, product_id="tea", gmv_minor=2**62)
    found = report(company)
    assert found.composition.lines_minor == 3 * largest
    assert sum(product.add_to_cart_minor for product in found.products) == 4 * 2**62


def test_products_when_in_a_week_keep_what_is_direct(company: Company) -> None:
    for days, trust, is_direct in ((0, Trust.VERIFIED, True), (1, Trust.REPORTED, True), (2, Trust.VERIFIED, False)):
        session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY.replace(day=6 + days)))
        bought = factories.OrderFactory.create(session=session, trust=trust)
        factories.OrderLineFactory.create(
            order=bought, product_id="tea", total_minor=100 * 10**days, is_direct=is_direct
        )
    confirmed_only = override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True})

    def sums(**filters: Any) -> list[tuple[int, int]]:
        return [(product.purchase_minor, product.direct_minor) for product in report(company, **filters).products]

    def all_sums() -> list[list[tuple[int, int]]]:
        with confirmed_only:
            trusted = sums()
        return [sums(), sums(trust=Trust.REPORTED), trusted]

    assert all_sums() == [[(11_100, 1_100)], [(1_000, 1_000)], [(10_100, 100)]]
    roll_up()
    assert all_sums() == [[(11_100, 1_100)], [(1_000, 1_000)], [(10_100, 100)]]
    assert not check_rollups()[0].failed


# How often they were recommended


def recommend(session: VisitorSession, *product_ids: str, **fields: Any) -> None:
    factories.InteractionFactory.create(session=session, recommended_product_ids=list(product_ids), **fields)


@pytest.fixture
def advised(company: Company) -> VisitorSession:
    """A session in which products were bought that look alike, and one with a name as long as a name can be."""
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    bought = factories.OrderFactory.create(session=session)
    for product_id in ("A1", "a1", "Á1", "never", "ü" * 255):
        factories.OrderLineFactory.create(order=bought, product_id=product_id)
    return session


def recommended(company: Company, period: Period = WEEK, **filters: Any) -> dict[str, int]:
    query = ReportQuery(company=company, period=period, currency="EUR", is_compared=False, **filters)
    assert_same_as_raw(query)
    return {product.product_id[:5]: product.recommended for product in revenue_impact(query).products}


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_product_when_recommended_counts_once_an_interaction(
    company: Company, advised: VisitorSession, is_rolled_up: bool
) -> None:
    recommend(advised, "A1", "A1", "a1", "ü" * 255)
    recommend(advised, "A1", kind="NUDGE", ai_profile="butler", occurred_at=at(MONDAY.replace(day=8)))
    recommend(advised, "A1", "not bought", occurred_at=at(MONDAY.replace(day=13)))
    recommend(advised, "A1", is_qualifying=False)
    factories.InteractionFactory.create(session=advised, product_id="A1")
    factories.OrderLineFactory.create(
        order=factories.OrderFactory.create(session=advised, ai_profile="butler"), product_id="A1"
    )
    if is_rolled_up:
        roll_up()
    assert recommended(company) == {"A1": 2, "a1": 1, "Á1": 0, "never": 0, "ü" * 5: 1}
    assert recommended(company, channel="CHAT")["A1"] == 1
    assert recommended(company, trust=Trust.REPORTED)["A1"] == 2
    assert recommended(company, ai_profile="butler") == {"A1": 1}
    month = Period(date(2026, 4, 1), date(2026, 4, 30))
    assert recommended(company, month)["A1"] == 3


def test_products_when_more_than_are_looked_up_have_their_recommendations(
    company: Company, advised: VisitorSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommend(advised, "A1", "other")
    roll_up()
    expected = recommended(company)
    monkeypatch.setattr(products, "MOST_LOOKED_UP", 2)
    assert recommended(company) == expected
    assert expected["A1"] == 1


def test_recommendations_of_a_session_when_it_is_excluded_count_no_more(
    company: Company, advised: VisitorSession
) -> None:
    """Neither on its first day nor on a later one."""
    other = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for day in (6, 8):
        recommend(other, "A1", occurred_at=at(MONDAY.replace(day=day)))
    roll_up()
    assert recommended(company)["A1"] == 2
    review.exclude_sessions([other.pk], None, "A test.")
    assert recommended(company)["A1"] == 0
    roll_up()
    assert recommended(company)["A1"] == 0
    review.include_sessions([other.pk])
    assert recommended(company)["A1"] == 2


def test_recommendation_when_reported_late_marks_its_day(company: Company) -> None:
    now = at(date(2026, 4, 8), 20)
    line = LineItemData(product_id="tea", product_name="Tea", quantity=Decimal(1), value_minor=3_998)
    bought = event_data.order(now + 3 * HOUR, line_items=(line,))
    record(company, [chat(now), chat(now + 2 * HOUR, recommended_product_ids=["tea"]), bought])
    roll_up(now + 24 * HOUR)
    assert recommended(company)["tea"] == 1
    record(company, [chat(now + HOUR, received_at=now + 25 * HOUR, recommended_product_ids=["tea"])])
    assert recommended(company)["tea"] == 2
    roll_up(now + 26 * HOUR)
    assert recommended(company)["tea"] == 2


def test_recommendations_when_re_dated_move_with_their_interactions(company: Company) -> None:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    factories.CartEventFactory.create(session=session, product_id="tea", occurred_at=at(WEEK.end, 8))
    recommend(session, "tea", occurred_at=at(WEEK.end))
    roll_up()
    assert recommended(company)["tea"] == 1
    move(company, "Pacific/Kiritimati")
    company.refresh_from_db()
    assert recommended(company, Period(WEEK.start, date(2026, 4, 12)))["tea"] == 0
    roll_up()
    assert recommended(company, Period(WEEK.start, date(2026, 4, 13)))["tea"] == 1


def test_recommended_when_shown_is_that_of_export_and_json(
    company: Company, advised: VisitorSession, client: Client, log_in: Callable[..., Any]
) -> None:
    recommend(advised, "A1")
    log_in("view_revenueimpact", "export_revenueimpact")
    table = client.get(REPORT_URL, QUERY).context["product_table"]
    assert [(group.label, group.columns) for group in table.groups] == [
        ("Assistant", ["Recommended"]),
        ("Added to carts", ["Units", "GMV"]),
        ("Purchased", ["Units", "Revenue", "Direct"]),
    ]
    assert {row.detail: row.cells[0] for row in table.rows}["A1"] == "1"
    rows = read_csv(b"".join(client.get(REPORT_URL + "export/products.csv", QUERY)))
    assert {row["Product ID"]: row["Recommended"] for row in rows}["A1"] == "1"
    answer = client.get("/alhena/api/revenue-impact", QUERY).json()
    assert {one["product_id"]: one["recommended"] for one in answer["products"]}["A1"] == 1
