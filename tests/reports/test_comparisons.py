"""What the report's figures are compared with: the same hours, a year ago, and nothing before there were data."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, timedelta
from fractions import Fraction
from typing import Any

import pytest
import time_machine
from django.template.loader import render_to_string
from django.test import Client

from alhena_tracking.models import CartEvent, Company, Interaction, Order, RolledUpDay, Trust
from alhena_tracking.reports import Figures, Grain, Period, ReportQuery, revenue_impact
from alhena_tracking.reports.forms import ReportForm
from alhena_tracking.rollups import roll_up
from tests.support import factories
from tests.support.exported_files import read_csv
from tests.support.factories import at
from tests.support.published_schema import STAFF_PREFIX
from tests.support.report_by_hand import figures_by_hand, fill
from tests.support.rolled_up_days import assert_same_as_raw
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
TUESDAY = date(2026, 3, 10)
MONDAY = TUESDAY - timedelta(days=1)
#: Five past nine on Tuesday in Berlin.
FIVE_PAST_NINE = "2026-03-10T08:05Z"
RIGHTS = ("view_revenueimpact", "export_revenueimpact")


@pytest.fixture
def shop(company: Company) -> Company:
    Company.objects.filter(pk=company.pk).update(time_zone="Europe/Berlin")
    company.refresh_from_db()
    return company


def sell(company: Company, on: date, *clock: int, minor: int = 1000, **order: Any) -> Any:
    """A session at a time of day in UTC, with a cart and an order ten minutes later."""
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(on, *clock))
    later = at(on, *clock) + timedelta(minutes=10)
    factories.CartEventFactory.create(session=session, occurred_at=later, gmv_minor=minor)
    return factories.OrderFactory.create(session=session, occurred_at=later, value_minor=minor, **order)


# Today and the same hours


@pytest.mark.now(FIVE_PAST_NINE)
def test_today_at_nine_is_compared_with_yesterday_until_nine(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    """Case 12 of the report: today at 9:00 beside yesterday."""
    factories.VisitorSessionFactory.create(company=shop, started_at=at(MONDAY - timedelta(days=9)))
    sell(shop, TUESDAY, 7, minor=3000)
    order = sell(shop, MONDAY, 7, minor=2000)
    factories.RefundFactory.create(refunded_order=order, value_minor=150, occurred_at=at(MONDAY, 8))
    factories.RefundFactory.create(refunded_order=order, value_minor=700, occurred_at=at(MONDAY, 8, 6))
    # Begun before, bought afterwards.
    sell(shop, MONDAY, 8, minor=100_000)
    sell(shop, MONDAY, 15, minor=100_000)
    log_in(*RIGHTS)
    parameters = {"range": "today", "currency": "EUR"}

    context = client.get(REPORT_URL, parameters).context
    before = context["report"].previous
    assert (before.add_to_cart_minor, before.purchase_minor, before.refunded_minor) == (2000, 2000, 150)
    assert (before.orders, before.carts, before.sessions, before.converted_sessions) == (1, 1, 2, 1)
    changes = {card.name: card.change for card in context["cards"]}
    assert {change.until for change in changes.values()} == {"until 9:05 a.m."}
    purchased = changes["purchase_minor"]
    assert (purchased.number, purchased.words) == ("+50.0%", "up from 20.00")
    assert changes["conversion_rate"].number == "+50.0 points"
    assert context["compared"] == (
        "Changes compare today so far with <bdi>March 9, 2026</bdi> until <bdi>9:05 a.m.</bdi>, the same hours."
    )

    answer = client.get(f"{STAFF_PREFIX}revenue-impact", parameters).json()
    assert (answer["previous_start"], answer["previous_end"]) == (str(MONDAY), str(MONDAY))
    assert answer["previous_until"].startswith("2026-03-09T08:05:")
    assert answer["previous"]["purchase_minor"] == 2000
    [link] = [link for link in context["export_choices"][0].links if link.label == "CSV"]
    rows = {row["Figure"]: row for row in read_csv(b"".join(client.get(link.url)))}
    assert (rows["Purchase revenue"]["Previous period"], rows["Refunds"]["Previous period"]) == ("20.00", "1.50")


@pytest.mark.now(FIVE_PAST_NINE)
@pytest.mark.parametrize(
    ("parameters", "previous"),
    [
        ({"range": "yesterday"}, 40),  # the whole Sunday
        ({"range": "last_7_days"}, 5000),  # whole days, too
        ({"start": "2026-03-10", "end": "2026-03-10"}, 300),
        ({"range": "today", "compare": "year_ago"}, 7),
        ({"range": "today", "compare": "chosen", "compare_start": "2026-03-08"}, 40),
        ({"range": "today", "compare": "chosen", "compare_start": "2026-03-03"}, 0),
    ],
)
def test_hours_are_the_same_only_where_today_is_alone(shop: Company, parameters: dict[str, str], previous: int) -> None:
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2024, 1, 1)))
    for day, clock, minor in (
        (date(2025, 3, 11), 7, 7),
        (date(2025, 3, 11), 12, 70_000),
        (date(2026, 3, 3), 12, 5000),
        (date(2026, 3, 8), 6, 40),
        (MONDAY, 7, 300),
        (MONDAY, 12, 6000),
    ):
        sell(shop, day, clock, minor=minor)
    report = revenue_impact(ReportForm({**parameters, "currency": "EUR"}, companies=[shop]).report_query())
    assert report.previous is not None
    assert report.previous.purchase_minor == previous


@pytest.mark.property
@pytest.mark.parametrize("seed", range(examples(2, full=60)))
def test_same_hours_of_any_day_agree_with_plain_sql(company: Company, seed: int) -> None:
    rnd = random.Random(seed)
    zone, start = rnd.choice((("Asia/Kathmandu", date(2026, 5, 1)), ("Europe/Berlin", date(2026, 10, 19))))
    Company.objects.filter(pk=company.pk).update(time_zone=zone)
    company.refresh_from_db()
    fill(company, rnd, start, days=9, sessions=40)
    roll_up(at(start + timedelta(days=4)))
    for _ in range(4):
        now = at(start + timedelta(days=rnd.randrange(1, 9)), rnd.randrange(24), rnd.randrange(60))
        with time_machine.travel(now, tick=False):
            form = ReportForm({"range": "today", "currency": "EUR", "channel": "CHAT"}, companies=[company])
            query = form.report_query()
            report = revenue_impact(query)
        assert query.compared is not None
        assert query.until == now.astimezone(company.zone) - timedelta(days=1)
        before = figures_by_hand(company, query.compared, "EUR", "CHAT", until=query.until.astimezone(UTC))
        if report.recorded_since:
            assert before["sessions"] == 0
            continue
        assert {name: getattr(report.previous, name) for name in before} == before


# A year ago


def test_week_a_year_ago_has_the_same_weekdays(shop: Company) -> None:
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2024, 1, 1)))
    sell(shop, date(2025, 3, 3), 12, minor=500)  # a Monday
    sell(shop, date(2025, 3, 2), 12, minor=90_000)  # the same date, on a Sunday
    sell(shop, date(2026, 3, 2), 12, minor=600)
    week = {"start": "2026-03-02", "end": "2026-03-08", "compare": "year_ago", "currency": "EUR"}
    report = revenue_impact(ReportForm(week, companies=[shop]).report_query())
    assert report.previous is not None
    assert report.previous.purchase_minor == 500
    assert [card.change for card in report.cards if card.type.name == "purchase_minor"] == [Fraction(1, 5)]


@pytest.mark.now("2027-06-16T12:00Z")
def test_periods_when_apart_or_overlapping_are_read_from_roll_ups(
    shop: Company, django_assert_num_queries: Callable[..., Any]
) -> None:
    """Two periods, wherever they lie, are the same from roll-ups as from events, in as many statements."""
    start = date(2027, 5, 1)
    for number in range(40):
        sell(shop, start + timedelta(days=number), 12, minor=100 + number, trust=Trust.CONFIRMED)
    [done] = roll_up()
    assert len(done.days) > 40
    RolledUpDay.objects.filter(on=date(2027, 5, 3)).update(is_stale=True)
    asked = Period(date(2027, 6, 1), date(2027, 6, 9))
    for compared in (
        Period(date(2027, 5, 1), date(2027, 5, 9)),
        Period(date(2027, 5, 28), date(2027, 6, 5)),
        Period(date(2027, 5, 2), date(2027, 5, 2)),
    ):
        query = ReportQuery(company=shop, period=asked, currency="EUR", compared_with=compared)
        with django_assert_num_queries(7):
            report = revenue_impact(query)
        assert report.previous is not None
        days = [100 + (day - start).days for day in compared.days]
        assert (report.previous.orders, report.previous.purchase_minor) == (len(days), sum(days))
        assert report.current.orders == 9
        assert_same_as_raw(query)


# Before there were data


def test_days_before_the_first_data_are_not_compared(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    """Case 7 of the report: the first 60 days of a shop, compared with the 60 before."""
    sell(shop, date(2025, 10, 3), 12)
    sell(shop, date(2025, 11, 20), 12)
    log_in(*RIGHTS)
    parameters = {"start": "2025-10-03", "end": "2025-12-01", "currency": "EUR"}
    context = client.get(REPORT_URL, parameters).context
    assert context["report"].current.orders == 2
    assert {card.change.words for card in context["cards"]} == {"data since Oct. 3, 2025"}
    assert {card.change.number for card in context["cards"]} == {""}
    first = "the first data are of <bdi>Oct. 3, 2025</bdi>."
    assert context["compared"] == f"Nothing is compared with <bdi>Aug. 4, 2025 – Oct. 2, 2025</bdi>: {first}"
    answer = client.get(f"{STAFF_PREFIX}revenue-impact", parameters).json()
    assert (answer["previous"], answer["previous_start"], answer["recorded_since"]) == (None, None, "2025-10-03")
    assert set(answer["changes"].values()) == {None}
    rows = read_csv(b"".join(client.get(f"{REPORT_URL}export/cards.csv", parameters)))
    assert {(row["Previous period"], row["Change"], row["Data since"]) for row in rows} == {("", "", "2025-10-03")}


@pytest.mark.parametrize(
    ("start", "since"),
    [("2025-10-10", date(2025, 10, 4)), ("2025-10-11", None), ("2025-10-12", None), ("2025-09-30", date(2025, 10, 4))],
)
def test_period_when_recording_began_within_it_is_not_compared(shop: Company, start: str, since: date | None) -> None:
    sell(shop, date(2025, 10, 4), 12)
    first = date.fromisoformat(start)
    report = revenue_impact(ReportQuery(company=shop, period=Period.starting(first, days=7), currency="EUR"))
    assert report.recorded_since == since
    assert (report.previous is None) == (since is not None)


def test_first_day_when_its_sessions_are_gone_is_that_of_the_roll_ups(shop: Company) -> None:
    order = sell(shop, date(2025, 10, 4), 12)
    sell(shop, date(2025, 10, 9), 12)
    roll_up(at(date(2025, 10, 20)))
    for model in (Order, CartEvent, Interaction):
        model._default_manager.filter(session=order.session).delete()
    order.session.delete()
    assert shop.recorded_since() == date(2025, 10, 4)


def test_first_day_of_a_shop_without_visitors_is_unknown(company: Company) -> None:
    sell(factories.CompanyFactory.create(), date(2025, 10, 4), 12)
    assert company.recorded_since() is None
    report = revenue_impact(ReportQuery(company=company, period=Period(TUESDAY, TUESDAY)))
    assert (report.recorded_since, report.previous) == (None, Figures.of([]))


# Presets and shares


@pytest.mark.now(FIVE_PAST_NINE)
def test_last_month_and_complete_days_are_a_click_away(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    """Case 10 of the report."""
    factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2025, 1, 1)))
    sell(shop, date(2026, 2, 1), 12, minor=700)
    sell(shop, date(2026, 1, 31), 12, minor=350)
    sell(shop, TUESDAY, 7)
    log_in(*RIGHTS)
    context = client.get(REPORT_URL).context
    assert context["report"].current.orders == 1  # from 9 February on
    links = {choice.label: choice.query_string for choice in context["filters"].further_presets.choices}
    context = client.get(REPORT_URL + links["Last month"]).context
    assert context["period"] == "Feb. 1, 2026 – Feb. 28, 2026"
    assert (context["report"].current.purchase_minor, context["report"].previous.purchase_minor) == (700, 350)
    assert context["filters"].further_presets.label == "Last month"

    context = client.get(REPORT_URL, {"range": "last_7_days"}).context
    assert context["has_today"]
    context = client.get(REPORT_URL + context["filters"].complete.query_string).context
    assert (context["period"], context["has_today"]) == ("March 3, 2026 – March 9, 2026", False)
    assert context["filters"].complete.is_current


def test_share_when_it_is_one_of_2500_is_not_zero(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    """Case 16 of the report."""
    sell(shop, MONDAY, 12)
    sessions = factories.VisitorSessionFactory.build_batch(2499, company=shop, started_at=at(MONDAY))
    for session in sessions:
        session.started_on = MONDAY
    type(sessions[0]).objects.bulk_create(sessions)
    log_in(*RIGHTS)
    context = client.get(REPORT_URL, {"start": str(MONDAY), "end": str(MONDAY)}).context
    [card] = [card for card in context["cards"] if card.name == "conversion_rate"]
    assert (card.value, card.note) == ("0.04%", "1 of 2,500 sessions")
    assert context["channel_table"].rows[0].cells[1] == "0.04%"
    assert context["steps"][1].rate == "0.04 per 100 sessions"


def test_share_when_it_changes_changes_in_points(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    for day, sessions in ((MONDAY - timedelta(days=1), 9), (MONDAY, 3)):
        sell(shop, day, 12)
        for _ in range(sessions):
            factories.VisitorSessionFactory.create(company=shop, started_at=at(day))
    log_in(*RIGHTS)
    parameters = {"start": str(MONDAY), "end": str(MONDAY)}
    [change] = [
        card.change for card in client.get(REPORT_URL, parameters).context["cards"] if card.name == "conversion_rate"
    ]
    assert (change.direction, change.number) == ("up", "+15.0 points")  # of 10 % to 25 %
    assert (change.words, change.sentence) == ("up from 10.0%", "up 15.0 points from 10.0%")
    answer = client.get(f"{STAFF_PREFIX}revenue-impact", parameters).json()
    assert answer["changes"]["conversion_rate"] == "15.000000"
    [row] = [
        row
        for row in read_csv(b"".join(client.get(f"{REPORT_URL}export/cards.csv", parameters)))
        if row["Figure"] == "Conversion rate"
    ]
    assert (row["Value"], row["Previous period"], row["Change"], row["Unit of the change"]) == (
        *("0.250000", "0.100000"),
        *("15.000000", "points"),
    )


# Weeks and months


@pytest.mark.now(FIVE_PAST_NINE)
def test_page_when_by_week_or_month_says_what_is_cut(client: Client, log_in: Callable[..., Any], shop: Company) -> None:
    sell(shop, date(2026, 2, 25), 12, minor=100)
    sell(shop, date(2026, 3, 4), 12, minor=200)
    sell(shop, TUESDAY, 7, minor=400)
    log_in(*RIGHTS)
    parameters = {"start": "2026-02-25", "end": "2026-03-10", "currency": "EUR"}
    context = client.get(REPORT_URL, {**parameters, "grain": "week"}).context
    assert [(row.label, row.detail, row.cells[-1]) for row in context["day_table"].rows] == [
        ("March 9, 2026 – March 10, 2026", "so far", "4.00"),
        ("March 2, 2026 – March 8, 2026", "", "2.00"),
        ("Feb. 25, 2026 – March 1, 2026", "5 of 7 days", "1.00"),
    ]
    chart = context["charts"][1]
    assert chart.title == "Purchase revenue per week"
    assert chart.chart.columns[0].title.splitlines()[0] == "Feb. 25, 2026 – March 1, 2026, 5 of 7 days"
    assert [label.label for label in chart.chart.column_labels] == ["25 Feb", "2 Mar", "9 Mar"]
    assert chart.chart.partial == chart.chart.columns[-1]

    context = client.get(REPORT_URL, {**parameters, "grain": "month"}).context
    assert [(row.label, row.detail) for row in context["day_table"].rows] == [
        ("March 2026", "so far"),
        ("February 2026", "4 of 28 days"),
    ]
    assert [label.label for label in context["charts"][0].chart.column_labels] == ["Feb 2026", "Mar 2026"]
    rows = read_csv(b"".join(client.get(f"{REPORT_URL}export/days.csv", {**parameters, "grain": "month"})))
    assert [(row["First day"], row["Last day"], row["Purchase revenue"]) for row in rows] == [
        ("2026-02-25", "2026-02-28", "1.00"),
        ("2026-03-01", "2026-03-10", "6.00"),
    ]


def test_year_when_by_day_or_month_has_few_labels_and_a_small_page(
    client: Client, log_in: Callable[..., Any], shop: Company
) -> None:
    session = factories.VisitorSessionFactory.create(company=shop, started_at=at(date(2025, 1, 1)))
    interaction = factories.InteractionFactory.create(session=session)
    kinds: list[tuple[Any, Any]] = [(CartEvent, factories.CartEventFactory), (Order, factories.OrderFactory)]
    for model, factory in kinds:
        model._default_manager.bulk_create(
            factory.build(
                session=session,
                company=shop,
                credited_interaction=interaction,
                occurred_at=at(date(2025, 1, 1) + timedelta(days=number)),
                channel=channel,
                **{"gmv_minor" if model is CartEvent else "value_minor": 123_456 + number},
            )
            for number in range(365)
            for channel in ("CHAT", "FAQ", "NUDGE")
        )
    log_in("view_revenueimpact")
    for grain, columns in ((Grain.DAY, 365), (Grain.WEEK, 53), (Grain.MONTH, 12)):
        response = client.get(REPORT_URL, {"start": "2025-01-01", "end": "2025-12-31", "grain": grain.value})
        for chart in response.context["charts"]:
            assert len(chart.chart.columns) == columns
            assert len(chart.chart.column_labels) <= 7
            drawn = render_to_string(
                "alhena_tracking/_chart.html", {"chart": chart, "report": response.context["report"]}
            )
            assert len(drawn.encode()) < 95_000
