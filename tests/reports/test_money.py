"""What stands beside purchase revenue: refunds by their own day, direct revenue, tax and shipping, other currencies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.models import Company, Order, Standing
from alhena_tracking.reports import Period, ReportQuery, RevenueImpactReport, revenue_impact
from alhena_tracking.rollups import roll_up
from tests.support import factories
from tests.support.admin_pages import REPORT_URL
from tests.support.exported_files import read_csv
from tests.support.factories import at

pytestmark = [pytest.mark.django_db, pytest.mark.now("2026-04-08T10:00Z")]

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
APRIL = Period(date(2026, 4, 1), date(2026, 4, 30))


def report(company: Company, period: Period, **filters: Any) -> RevenueImpactReport:
    return revenue_impact(ReportQuery(company=company, period=period, **{"currency": "EUR", **filters}))


def order(company: Company, on: date, currency: str = "EUR", minor: int = 10_000, **fields: Any) -> Order:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(on))
    return factories.OrderFactory.create(session=session, currency=currency, value_minor=minor, **fields)


def refund(order: Order, on: date, minor: int) -> None:
    factories.RefundFactory.create(refunded_order=order, value_minor=minor, occurred_at=at(on))


@pytest.fixture
def refunded(company: Company) -> Company:
    """Refunds of last month's orders, this month: 30.00 of one that counts, 5.00 of one that does not."""
    factories.VisitorSessionFactory.create(company=company, started_at=at(date(2026, 2, 20)))
    counted = order(company, date(2026, 3, 30))
    refund(counted, date(2026, 3, 31), 1_000)
    refund(counted, date(2026, 4, 2), 3_000)
    refund(order(company, date(2026, 3, 30), standing=Standing.HELD), date(2026, 4, 2), 500)
    refund(order(company, date(2026, 3, 30), "JPY"), date(2026, 4, 2), 700)
    return company


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_refunds_of_earlier_orders_are_shown_on_their_own_days_too(refunded: Company, is_rolled_up: bool) -> None:
    if is_rolled_up:
        roll_up()
    march, april = report(refunded, MARCH), report(refunded, APRIL)
    assert (march.current.refunded_minor, march.current.dated_refunds_minor) == (4_000, 1_000)
    assert (april.current.refunded_minor, april.current.dated_refunds_minor) == (0, 3_000)
    assert [(day.on.day, day.channel, day.dated_refunds_minor) for day in april.days] == [(2, "CHAT", 3_000)]
    assert april.previous is not None
    assert april.previous.dated_refunds_minor == 1_000
    assert report(refunded, APRIL, channel="FAQ").current.dated_refunds_minor == 0
    assert report(refunded, APRIL, currency="JPY").current.dated_refunds_minor == 700


def test_refunds_when_dated_are_the_same_on_page_export_and_json(
    refunded: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    log_in("view_revenueimpact", "export_revenueimpact")
    query = {"currency": "EUR", "start": "2026-04-01", "end": "2026-04-30"}
    [card] = [card for card in client.get(REPORT_URL, query).context["cards"] if card.name == "purchase_minor"]
    assert ("Refunds made in the period", "−30.00") in [(detail.label, detail.value) for detail in card.details]
    for grain, heading in (("day", "Made on the day"), ("week", "Made in the week"), ("month", "Made in the month")):
        table = client.get(REPORT_URL, {**query, "grain": grain}).context["day_table"]
        assert table.groups[-1].columns == [heading]
        refunds = [row.cells[-1] for row in table.rows]
        assert sorted(refunds) == sorted(["−30.00", *["0.00"] * (len(refunds) - 1)])
        assert table.total.cells[-1] == "−30.00"
    rows = read_csv(b"".join(client.get(REPORT_URL + "export/cards.csv", query)))
    assert [row["Value"] for row in rows if row["Figure"] == "Refunds made in the period"] == ["30.00"]
    days = read_csv(b"".join(client.get(REPORT_URL + "export/days.csv", query)))
    assert [day["Refunds made in the period"] for day in days if day["First day"] == "2026-04-02"] == ["30.00"]
    answer = client.get("/alhena/api/revenue-impact", query).json()
    assert answer["current"]["dated_refunds_minor"] == 3_000
    assert [day["dated_refunds_minor"] for day in answer["days"]] == [3_000]


@pytest.mark.parametrize(("others", "is_mixed"), [(0, False), (1, False), (2, True)])
def test_revenue_per_session_when_orders_are_in_other_currencies(
    company: Company, client: Client, log_in: Callable[..., Any], others: int, is_mixed: bool
) -> None:
    """One order of twenty is 5 %, and no more; two of twenty-one are."""
    for _ in range(19):
        order(company, APRIL.start)
    for _ in range(others):
        order(company, APRIL.start, "JPY")
    found = report(company, APRIL)
    per_session = None if is_mixed else Fraction(190_000, 19 + others)
    assert found.current.revenue_per_session_minor == per_session
    assert [one.figures.revenue_per_session_minor for one in found.channels] == [per_session]
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, {"currency": "EUR", "start": "2026-04-01", "end": "2026-04-30"})
    [card] = [card for card in page.context["cards"] if card.name == "revenue_per_session_minor"]
    assert ("another currency" in card.reason, card.value == "n/a") == (is_mixed, is_mixed)


def test_revenue_per_session_beside_a_mixed_period_is_not_compared(company: Company) -> None:
    order(company, date(2026, 3, 1))
    order(company, date(2026, 3, 2), "JPY")
    order(company, APRIL.start + timedelta(days=1))
    found = report(company, APRIL, compared_with=MARCH)
    [card] = [card for card in found.cards if card.type.name == "revenue_per_session_minor"]
    assert (card.value, card.previous, card.change) == (10_000, None, None)


def test_direct_revenue_is_part_of_the_purchase_card(
    company: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    order(company, APRIL.start, direct_minor=2_500)
    log_in("view_revenueimpact", "export_revenueimpact")
    query = {"currency": "EUR", "start": "2026-04-01", "end": "2026-04-30"}
    [card] = [card for card in client.get(REPORT_URL, query).context["cards"] if card.name == "purchase_minor"]
    assert ("Direct", "25.0%") in [(detail.label, detail.value) for detail in card.details]
    rows = {
        row["Figure"]: row["Value"] for row in read_csv(b"".join(client.get(REPORT_URL + "export/cards.csv", query)))
    }
    assert (rows["Direct revenue"], rows["Assisted revenue"], rows["Purchase revenue"]) == ("25.00", "75.00", "100.00")


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_revenue_without_tax_is_shown_where_orders_state_tax_or_shipping(
    company: Company, client: Client, log_in: Callable[..., Any], is_rolled_up: bool
) -> None:
    order(company, APRIL.start, tax_minor=1_596, shipping_minor=490, discount_minor=1_000)
    order(company, APRIL.start, shipping_minor=0)
    order(company, APRIL.start, discount_minor=200)
    order(company, APRIL.start, tax_minor=9_999, standing=Standing.HELD)
    if is_rolled_up:
        roll_up()
    log_in("view_revenueimpact", "export_revenueimpact")
    query = {"currency": "EUR", "start": "2026-04-01", "end": "2026-04-30"}
    [card] = [card for card in client.get(REPORT_URL, query).context["cards"] if card.name == "purchase_minor"]
    first = card.details[0]
    assert (first.label, first.value) == ("Excl. tax, shipping", "279.14")
    assert first.note == "1 order does not state tax or shipping; it counts in full."
    rows = {
        row["Figure"]: row["Value"] for row in read_csv(b"".join(client.get(REPORT_URL + "export/cards.csv", query)))
    }
    labels = ("Tax included", "Shipping included", "Discount deducted", "Purchase revenue without tax and shipping")
    assert [rows[label] for label in labels] == ["15.96", "4.90", "12.00", "279.14"]
    assert rows["Orders that state neither tax nor shipping"] == "1"
    answer = client.get("/alhena/api/revenue-impact", query).json()["current"]
    names = ("tax_minor", "shipping_minor", "discount_minor", "net_of_tax_and_shipping_minor", "unstated_orders")
    assert [answer[name] for name in names] == [1_596, 490, 1_200, 27_914, 1]


def test_revenue_when_no_order_states_tax_or_shipping_has_no_such_line(
    company: Company, client: Client, log_in: Callable[..., Any]
) -> None:
    order(company, APRIL.start, discount_minor=200)
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, {"currency": "EUR", "start": "2026-04-01", "end": "2026-04-30"})
    [card] = [card for card in page.context["cards"] if card.name == "purchase_minor"]
    assert [detail.label for detail in card.details if "tax" in detail.label] == []
