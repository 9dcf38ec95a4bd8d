"""Sessions count in each channel and AI profile that they used: live, rolled up, and under filters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, override_settings

from alhena_tracking.ingestion import Visitor, record, review
from alhena_tracking.models import Company, DailySessions, Order, RolledUpDay, Trust, VisitorSession
from alhena_tracking.reports import Grain, Period, ReportQuery, RevenueImpactReport, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import GREETING, chat, order
from tests.support.exported_files import read_csv
from tests.support.factories import InteractionFactory, OrderFactory, VisitorSessionFactory
from tests.support.published_schema import STAFF_PREFIX
from tests.support.rolled_up_days import assert_same_as_raw

pytestmark = [pytest.mark.django_db, pytest.mark.now("2026-03-09T12:00Z")]

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = Period(NOW.date(), NOW.date() + timedelta(days=6))
REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
#: Sessions, those with an order, purchase revenue.
Row = tuple[int, int, int]


def ask(company: Company, **filters: Any) -> RevenueImpactReport:
    query = ReportQuery(company=company, period=WEEK, currency="EUR", is_compared=False, **filters)
    assert_same_as_raw(query)
    return revenue_impact(query)


def figures_of(report: RevenueImpactReport) -> Row:
    figures = report.current
    return figures.sessions, figures.converted_sessions, figures.purchase_minor


def rows_of(report: RevenueImpactReport) -> dict[str, Row]:
    return {
        one.channel: (one.figures.sessions, one.figures.converted_sessions, one.figures.purchase_minor)
        for one in report.channels
    }


def tell_case_13(company: Company) -> Visitor:
    visitor = Visitor(uuid4(), uuid4())
    record(company, [chat(NOW, visitor)])
    record(company, [chat(NOW + 6 * HOUR, visitor, kind="FAQ")])
    record(company, [order(NOW + 25 * HOUR, visitor, value_minor=10_000)])
    return visitor


@pytest.fixture(params=["live", "rolled up"])
def reading(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Rolls up where the figures are to be read from roll-ups."""
    return roll_up if request.param == "rolled up" else lambda: None


def test_order_when_credited_to_a_later_channel_converts_only_that(
    company: Company, reading: Callable[[], Any]
) -> None:
    """Case 13 of the figures: a chat, an FAQ six hours later, and an order 25 hours after the chat."""
    tell_case_13(company)
    reading()
    report = ask(company)
    assert figures_of(report) == (1, 1, 10_000)
    assert rows_of(report) == {"CHAT": (1, 0, 0), "FAQ": (1, 1, 10_000)}
    assert {one.channel: one.figures.conversion_rate for one in report.channels} == {"CHAT": 0, "FAQ": 1}
    for channel, row in rows_of(report).items():
        assert figures_of(ask(company, channel=channel)) == row
    assert figures_of(ask(company, channel="NUDGE")) == (0, 0, 0)
    assert check_rollups()[0].failed == []


def test_filters_when_combined_count_the_pair(company: Company, reading: Callable[[], Any]) -> None:
    """A chat with Ann and an FAQ with Bob are no chat with Bob."""
    visitor = Visitor(uuid4(), uuid4())
    record(company, [chat(NOW, visitor, ai_profile="Ann"), chat(NOW + HOUR, visitor, kind="FAQ", ai_profile="Bob")])
    record(company, [order(NOW + 2 * HOUR, visitor, value_minor=500)])
    record(company, [chat(NOW, kind="FAQ")])
    reading()
    assert rows_of(ask(company)) == {"CHAT": (1, 1, 500), "FAQ": (2, 0, 0)}
    assert rows_of(ask(company, ai_profile="Ann")) == {"CHAT": (1, 1, 500)}
    assert rows_of(ask(company, ai_profile="Bob")) == {"FAQ": (1, 0, 0)}
    assert figures_of(ask(company, ai_profile="Bob")) == (1, 0, 0)
    assert figures_of(ask(company, channel="CHAT", ai_profile="Bob")) == (0, 0, 0)
    assert figures_of(ask(company, channel="CHAT", ai_profile="Ann")) == (1, 1, 500)


def test_session_belongs_to_the_channel_that_its_order_is_credited_to(
    company: Company, reading: Callable[[], Any]
) -> None:
    """Two fingerprints, two sessions: the order is of the earlier one, and credited by last touch to the other."""
    chat_id, faq_id = uuid4(), uuid4()
    record(company, [chat(NOW, Visitor(chat_id, None))])
    record(company, [chat(NOW + HOUR, Visitor(None, faq_id), kind="FAQ")])
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "ATTRIBUTION_MODEL": "last_touch"}):
        record(company, [order(NOW + 2 * HOUR, Visitor(chat_id, faq_id), value_minor=700)])
    assert VisitorSession.objects.count() == 2
    reading()
    report = ask(company)
    assert figures_of(report) == (2, 1, 700)
    assert rows_of(report) == {"CHAT": (1, 0, 0), "FAQ": (2, 1, 700)}


def test_interactions_that_do_not_qualify_make_no_pair(company: Company, reading: Callable[[], Any]) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=NOW)
    InteractionFactory.create(session=session, kind="FAQ", is_qualifying=False)
    VisitorSessionFactory.create(company=company, started_at=NOW, channel="")
    reading()
    report = ask(company)
    assert (figures_of(report), rows_of(report)) == ((1, 0, 0), {"CHAT": (1, 0, 0)})


def test_trust_filter_leaves_sessions_and_chooses_conversions(company: Company, reading: Callable[[], Any]) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=NOW)
    OrderFactory.create(session=session, channel="FAQ", value_minor=100, trust=Trust.REPORTED)
    OrderFactory.create(session=session, currency="JPY", trust=Trust.VERIFIED)
    reading()
    assert rows_of(ask(company, trust="REPORTED")) == {"CHAT": (1, 0, 0), "FAQ": (1, 1, 100)}
    assert rows_of(ask(company, trust="VERIFIED")) == {"CHAT": (1, 1, 0), "FAQ": (1, 0, 0)}
    with override_settings(ALHENA_TRACKING={"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}):
        # An order that is not confirmed shows all the same that the session is one of the FAQ.
        assert rows_of(ask(company)) == {"CHAT": (1, 1, 0), "FAQ": (1, 0, 0)}
        assert figures_of(ask(company, trust="REPORTED")) == (1, 0, 0)


def test_compared_day_when_cut_leaves_out_later_channels_and_orders(company: Company) -> None:
    tell_case_13(company)
    first, until = NOW.date(), NOW + 3 * HOUR

    def before(**filters: Any) -> tuple[int, int] | None:
        day = Period(first + timedelta(days=1), first + timedelta(days=1))
        query = ReportQuery(company=company, period=day, currency="EUR", until=until, **filters)
        figures = revenue_impact(query).previous
        return (figures.sessions, figures.converted_sessions) if figures else None

    VisitorSessionFactory.create(company=company, started_at=NOW - timedelta(days=30))
    assert (before(), before(channel="CHAT"), before(channel="FAQ")) == ((1, 0), (1, 0), (0, 0))
    until = NOW + 6 * HOUR
    assert (before(), before(channel="FAQ")) == ((1, 0), (1, 0))


# Staleness


@pytest.mark.parametrize(
    ("event", "is_marked"),
    [
        pytest.param({"kind": "FAQ"}, True, id="another channel"),
        pytest.param({"ai_profile": "Ann"}, True, id="another AI profile"),
        pytest.param({}, False, id="the same pair"),
    ],
)
def test_session_when_it_goes_on_later_marks_its_first_day(
    company: Company, event: dict[str, Any], is_marked: bool
) -> None:
    visitor = Visitor(uuid4(), uuid4())
    record(company, [chat(NOW, visitor)])
    roll_up(NOW + 20 * HOUR)
    marker = RolledUpDay.objects.filter(on=NOW.date())
    assert not marker.get().has_stale_sessions
    record(company, [chat(NOW + 22 * HOUR, visitor, **event)])
    assert (marker.get().is_stale, marker.get().has_stale_sessions) == (False, is_marked)
    assert len(rows_of(ask(company))) == (2 if "kind" in event else 1)


def test_session_when_it_goes_on_without_qualifying_marks_no_day(company: Company) -> None:
    visitor = Visitor(uuid4(), uuid4())
    record(company, [chat(NOW, visitor)])
    roll_up(NOW + 20 * HOUR)
    settings = {"COMPANY_KEY": "acme", "QUALIFYING_INTERACTION": "tests.support.event_data.is_no_greeting"}
    with override_settings(ALHENA_TRACKING=settings):
        record(company, [chat(NOW + 22 * HOUR, visitor, kind="FAQ", conversation_id=GREETING)])
    assert not RolledUpDay.objects.get(on=NOW.date()).has_stale_sessions


@pytest.mark.parametrize(
    ("decide", "row"),
    [
        (lambda: review.exclude_orders([Order.objects.get().pk], None, "A test."), (1, 0, 0)),
        (lambda: review.exclude_sessions([VisitorSession.objects.get().pk], None, "A test."), (0, 0, 0)),
    ],
)
def test_channel_rows_follow_what_staff_exclude(company: Company, decide: Callable[[], int], row: Row) -> None:
    tell_case_13(company)
    roll_up()
    assert decide() == 1
    assert figures_of(ask(company, channel="FAQ")) == row
    roll_up()
    assert figures_of(ask(company, channel="FAQ")) == row
    assert check_rollups()[0].failed == []


# Where they are shown


def test_sessions_when_of_several_channels_are_explained_everywhere(company: Company, admin_client: Client) -> None:
    tell_case_13(company)
    asked = {"start": str(WEEK.start), "end": str(WEEK.end), "currency": "EUR", "compare": "none"}
    context = admin_client.get(REPORT_URL, asked).context
    assert [(row.label, *row.cells[:2]) for row in context["channel_table"].rows] == [
        ("Chat", "1", "0.0%"),
        ("Product FAQ", "1", "100.0%"),
    ]
    assert context["channel_table"].total.cells[:2] == ["1", "100.0%"]
    assert context["sessions_note"].startswith("A session belongs to each channel")
    assert admin_client.get(REPORT_URL, {**asked, "channel": "FAQ"}).context["sessions_note"] == ""

    answer = admin_client.get(f"{STAFF_PREFIX}revenue-impact", asked).json()
    [total] = answer["session_days"]
    assert total == {"day": "2026-03-02", "last_day": "2026-03-02", "sessions": 1, "converted_sessions": 1}
    assert {row["channel"]: row["sessions"] for row in answer["days"] if row["day"] == total["day"]} == {
        "CHAT": 1,
        "FAQ": 1,
    }
    rows = read_csv(b"".join(admin_client.get(f"{REPORT_URL}export/days.csv", asked)))
    assert [
        (
            row["Channel"],
            row["Sessions"],
            row["Sessions in all channels"],
            row["Sessions with an order in all channels"],
        )
        for row in rows
        if row["First day"] == total["day"]
    ] == [("CHAT", "1", "1", "1"), ("FAQ", "1", "1", "1")]


def test_weeks_when_asked_for_add_up_the_sessions_of_their_days(company: Company) -> None:
    for day in (0, 0, 1, 6):
        VisitorSessionFactory.create(company=company, started_at=NOW + timedelta(days=day))
    query = ReportQuery(company=company, period=WEEK, grain=Grain.WEEK, is_compared=False)
    [row] = revenue_impact(query).session_rows
    assert (row.on, row.last_on, row.sessions) == (WEEK.start, WEEK.end, 4)
    assert [day.sessions for day in revenue_impact(query).session_days] == [2, 1, 1]


def test_roll_up_has_rows_over_all_channels_and_profiles(company: Company) -> None:
    tell_case_13(company)
    roll_up()
    found = DailySessions.objects.filter(on=NOW.date()).values_list(
        "channel", "ai_profile", "sessions", "converted_sessions"
    )
    assert set(found) == {
        ("CHAT", "", 1, 0),
        ("FAQ", "", 1, 1),
        ("CHAT", None, 1, 0),
        ("FAQ", None, 1, 1),
        (None, "", 1, 1),
        (None, None, 1, 1),
    }


def test_share_when_a_session_uses_two_profiles_is_that_of_each(company: Company) -> None:
    for number in range(3):
        session = VisitorSessionFactory.create(company=company, started_at=NOW, ai_profile="Ann")
        if number:
            InteractionFactory.create(session=session, ai_profile="Bob")
        if number == 2:
            OrderFactory.create(session=session, ai_profile="Bob")
    rates = [ask(company, ai_profile=name).current.conversion_rate for name in ("", "Ann", "Bob")]
    assert rates == [Fraction(1, 3), 0, Fraction(1, 2)]
