"""The report's numbers: its definitions on small examples, and all of them against hand-written SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection

from alhena_tracking.models import Company, Trust
from alhena_tracking.reports import (
    Figures,
    Period,
    ReportQuery,
    RevenueImpactReport,
    Series,
    Unit,
    last_interaction_on,
    revenue_impact,
)
from tests.factories import (
    CartEventFactory,
    CompanyFactory,
    InteractionFactory,
    OrderFactory,
    VisitorSessionFactory,
    at,
)

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
TUESDAY = date(2026, 3, 3)
WEEK = Period(MONDAY, date(2026, 3, 8))


def ask(company: Company, period: Period = WEEK, **filters: str) -> RevenueImpactReport:
    return revenue_impact(ReportQuery(company=company, period=period, **filters))


def card_values(report: RevenueImpactReport) -> dict[str, Fraction | int | None]:
    return {card.type.name: card.value for card in report.cards}


def assert_agrees_with_itself(report: RevenueImpactReport) -> None:
    """Cards, the table by channel and the days of the charts show the same numbers."""
    assert Figures.of(report.days) == report.current
    for name in ("add_to_cart_minor", "purchase_minor", "confirmed_minor", "orders", "sessions", "converted_sessions"):
        assert sum(getattr(one.figures, name) for one in report.channels) == getattr(report.current, name)
        assert sum(getattr(day, name) for day in report.days) == getattr(report.current, name)
    for one in report.channels:
        assert Figures.of(day for day in report.days if day.channel == one.channel) == one.figures


# Periods


def test_previous_period_has_equal_length_and_ends_the_day_before() -> None:
    assert Period(date(2026, 3, 1), date(2026, 3, 30)).previous == Period(date(2026, 1, 30), date(2026, 2, 28))
    assert Period(MONDAY, MONDAY).previous == Period(date(2026, 3, 1), date(2026, 3, 1))


def test_period_includes_both_its_ends() -> None:
    assert len(WEEK) == 7
    assert WEEK.days[0] == MONDAY
    assert WEEK.days[-1] == date(2026, 3, 8)
    assert MONDAY in WEEK
    assert date(2026, 3, 9) not in WEEK


# Definitions


def test_cards_of_a_small_shop() -> None:
    """Two sessions, one of them with two orders: every card, computed by hand."""
    buyer = VisitorSessionFactory.create(started_at=at(MONDAY))
    VisitorSessionFactory.create(company=buyer.company, started_at=at(TUESDAY), channel="FAQ")
    CartEventFactory.create(session=buyer, occurred_at=at(MONDAY, 13), gmv_minor=5000)
    CartEventFactory.create(session=buyer, occurred_at=at(MONDAY, 14), gmv_minor=-2000)
    CartEventFactory.create(session=buyer, occurred_at=at(TUESDAY, 9), gmv_minor=1000)
    OrderFactory.create(session=buyer, occurred_at=at(MONDAY, 15), value_minor=3001, trust=Trust.CONFIRMED)
    OrderFactory.create(session=buyer, occurred_at=at(TUESDAY, 15), value_minor=1000)

    report = ask(buyer.company)

    assert report.currency == "EUR"
    assert card_values(report) == {
        "add_to_cart_minor": 4000,
        "daily_add_to_cart_minor": 2000,  # on two days
        "average_cart_minor": 2000,  # (3000 ÷ 1 + 1000 ÷ 1) ÷ 2
        "purchase_minor": 4001,
        "orders": 2,
        "average_order_minor": Fraction(4001, 2),
        "conversion_rate": Fraction(1, 2),
        "revenue_per_session_minor": Fraction(4001, 2),
    }
    assert report.current.confirmed_share == Fraction(3001, 4001)
    assert_agrees_with_itself(report)


def test_average_cart_is_the_mean_of_the_days_not_of_the_carts() -> None:
    company = CompanyFactory.create()
    for on, amounts in ((MONDAY, [1000, 2000, 6000]), (TUESDAY, [1000])):
        for minor in amounts:
            session = VisitorSessionFactory.create(company=company, started_at=at(on))
            CartEventFactory.create(session=session, gmv_minor=minor)

    assert ask(company).current.average_cart_minor == 2000  # (9000 ÷ 3 + 1000 ÷ 1) ÷ 2, not 10000 ÷ 4


def test_cart_is_counted_once_a_day_and_again_on_the_next() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY, 22))
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 23), gmv_minor=300)
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 23, 30), gmv_minor=300)
    CartEventFactory.create(session=session, occurred_at=at(TUESDAY, 1), gmv_minor=400)

    report = ask(session.company)

    assert [(day.on, day.cart_events, day.carts) for day in report.days] == [(MONDAY, 2, 1), (TUESDAY, 1, 1)]
    assert report.current.average_cart_minor == 500
    assert report.current.sessions == 1


def test_cart_belongs_to_the_channel_of_its_first_event_of_the_day() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY, 8))
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 10), channel="FAQ", gmv_minor=100)
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 9), channel="CHAT", gmv_minor=700)
    CartEventFactory.create(session=session, occurred_at=at(TUESDAY, 7), channel="FAQ", gmv_minor=50)

    report = ask(session.company)

    carts = {(day.on, day.channel): day.carts for day in report.days}
    assert carts == {(MONDAY, "CHAT"): 1, (MONDAY, "FAQ"): 0, (TUESDAY, "FAQ"): 1}
    by_channel = {one.channel: one.figures.average_cart_minor for one in report.channels}
    # Monday's 100 of the FAQ has no cart of its channel: the day is left out of the mean.
    assert by_channel == {"CHAT": 700, "FAQ": 50}
    assert report.current.average_cart_minor == Fraction(800 + 50, 2)


def test_first_event_at_one_instant_is_the_one_recorded_first() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    for channel in ("NUDGE", "CHAT", "FAQ"):
        CartEventFactory.create(session=session, occurred_at=at(MONDAY, 13), channel=channel)

    assert {day.channel: day.carts for day in ask(session.company).days} == {"CHAT": 0, "FAQ": 0, "NUDGE": 1}


def test_channel_filter_does_not_count_carts_that_began_in_another_channel() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 13), channel="CHAT", gmv_minor=100)
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 14), channel="FAQ", gmv_minor=200)

    report = ask(session.company, channel="FAQ")

    assert report.current.add_to_cart_minor == 200
    assert report.current.daily_add_to_cart_minor == 200
    assert report.current.average_cart_minor is None


def test_carts_of_other_currencies_do_not_count() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 13), currency="USD", channel="FAQ")
    CartEventFactory.create(session=session, occurred_at=at(MONDAY, 14), currency="EUR", gmv_minor=100)

    report = ask(session.company, currency="EUR")

    assert {day.channel: day.carts for day in report.days} == {"CHAT": 1}
    assert report.current.add_to_cart_minor == 100


def test_conversion_counts_sessions_with_an_order_by_now_in_any_currency_and_channel() -> None:
    late = VisitorSessionFactory.create(started_at=at(MONDAY))
    company = late.company
    foreign = VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    OrderFactory.create(session=late, occurred_at=at(WEEK.end + timedelta(days=3)), channel="FAQ")
    OrderFactory.create(session=foreign, occurred_at=at(MONDAY), currency="JPY")
    OrderFactory.create(session=foreign, occurred_at=at(TUESDAY), currency="USD")

    report = ask(company, currency="EUR", channel="CHAT")

    assert report.current.conversion_rate == Fraction(2, 3)
    assert report.current.orders == 0


def test_orders_count_on_their_own_day_and_sessions_on_theirs() -> None:
    session = VisitorSessionFactory.create(started_at=at(WEEK.start - timedelta(days=1), 23))
    OrderFactory.create(session=session, occurred_at=at(MONDAY, 1))

    report = ask(session.company)

    assert (report.current.orders, report.current.sessions) == (1, 0)
    assert report.current.conversion_rate is None
    assert report.current.revenue_per_session_minor is None
    assert (report.previous.orders, report.previous.sessions, report.previous.converted_sessions) == (0, 1, 1)


def test_excluded_orders_count_nowhere() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, value_minor=9900, excluded_at=at(TUESDAY), exclusion_reason="test")

    report = ask(session.company)

    assert (report.current.orders, report.current.purchase_minor, report.current.converted_sessions) == (0, 0, 0)
    assert not report.has_credit


def test_sessions_without_a_qualifying_interaction_have_a_row_of_their_own() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    VisitorSessionFactory.create(company=session.company, started_at=at(MONDAY), channel="")

    report = ask(session.company)

    assert [(one.channel, one.figures.sessions) for one in report.channels] == [("CHAT", 1), ("", 1)]
    assert report.current.sessions == 2
    assert_agrees_with_itself(report)


def test_negative_days_stay_negative() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    CartEventFactory.create(session=session, occurred_at=at(MONDAY), gmv_minor=500)
    CartEventFactory.create(session=session, occurred_at=at(TUESDAY), gmv_minor=-700)

    report = ask(session.company)

    assert [day.add_to_cart_minor for day in report.days] == [500, -700]
    assert report.current.add_to_cart_minor == -200
    assert report.current.average_cart_minor == -100


def test_other_companies_are_not_seen() -> None:
    other = VisitorSessionFactory.create(started_at=at(MONDAY))
    CartEventFactory.create(session=other)
    OrderFactory.create(session=other)

    assert ask(CompanyFactory.create()).is_empty


# Changes


def change_of(report: RevenueImpactReport, name: str) -> Fraction | None:
    return next(card.change for card in report.cards if card.type.name == name)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (1000, 1500, Fraction(1, 2)),
        (1500, 1000, Fraction(-1, 3)),
        (1000, 1000, 0),
        (1000, 0, -1),
        (0, 1000, None),
        (-1000, 500, Fraction(3, 2)),
        (-1000, -1500, Fraction(-1, 2)),
    ],
)
def test_change_is_a_part_of_the_previous_value(before: int, now: int, change: Fraction | None) -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    CartEventFactory.create(session=session, occurred_at=at(WEEK.previous.start), gmv_minor=before)
    CartEventFactory.create(session=session, occurred_at=at(WEEK.end), gmv_minor=now)
    CartEventFactory.create(session=session, occurred_at=at(WEEK.previous.previous.end), gmv_minor=77)

    assert change_of(ask(session.company), "add_to_cart_minor") == change


def test_change_is_missing_where_a_value_is() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, occurred_at=at(WEEK.previous.end))

    report = ask(session.company)

    assert change_of(report, "average_order_minor") is None  # no orders now
    assert change_of(report, "average_cart_minor") is None  # no carts then
    assert change_of(report, "orders") == -1


# Currencies


def test_busiest_currency_is_shown_and_the_others_listed() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, currency="USD", value_minor=999_999)
    for _ in range(2):
        OrderFactory.create(session=session, currency="JPY", value_minor=500)
    CartEventFactory.create(session=session, currency="JPY", gmv_minor=800)
    for _ in range(3):
        CartEventFactory.create(session=session, currency="EUR", gmv_minor=100)
    CartEventFactory.create(session=session, currency="GBP", occurred_at=at(WEEK.previous.end))

    report = ask(session.company)

    assert report.currency == "JPY"
    others = [(total.currency, total.purchase_minor, total.add_to_cart_minor) for total in report.other_currencies]
    assert others == [("USD", 999_999, 0), ("EUR", 0, 300)]
    assert (report.current.purchase_minor, report.current.add_to_cart_minor) == (1000, 800)


def test_without_orders_the_currency_of_the_most_cart_events_is_the_busiest() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    for currency in ("CHF", "USD", "USD", "AUD"):
        CartEventFactory.create(session=session, currency=currency)

    report = ask(session.company)

    assert report.currency == "USD"
    assert [total.currency for total in report.other_currencies] == ["AUD", "CHF"]


def test_currencies_follow_the_channel() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, currency="USD", channel="FAQ", value_minor=700)
    CartEventFactory.create(session=session, currency="EUR", channel="CHAT")

    chat, faq = ask(session.company, channel="CHAT"), ask(session.company, channel="FAQ")

    assert (chat.currency, faq.currency) == ("EUR", "USD")
    assert (chat.other_currencies, faq.other_currencies) == ((), ())


def test_currency_that_was_asked_for_is_shown_even_without_events() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session)

    report = ask(session.company, currency="CHF")

    assert report.currency == "CHF"
    assert report.current.purchase_minor == 0
    assert report.has_credit
    assert [total.currency for total in report.other_currencies] == ["EUR"]


def test_currency_of_the_previous_period_is_kept_where_nothing_was_taken() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, occurred_at=at(WEEK.previous.end), currency="CHF")

    report = ask(session.company)

    assert report.currency == "CHF"
    assert not report.has_credit
    assert report.previous.purchase_minor == 1000


# The whole


def test_report_is_empty_only_without_sessions_and_money() -> None:
    company = CompanyFactory.create()
    report = ask(company)
    assert report.is_empty
    assert report.currency == ""
    assert (report.days, report.channels) == ((), ())
    assert report.current.conversion_rate is None

    session = VisitorSessionFactory.create(company=company, started_at=at(WEEK.end))
    assert not ask(company).is_empty
    OrderFactory.create(session=session, occurred_at=at(WEEK.end + timedelta(days=1)), currency="USD")
    later = Period(WEEK.end + timedelta(days=1), WEEK.end + timedelta(days=1))
    assert not ask(company, later, currency="EUR").is_empty


def test_last_interaction_is_found() -> None:
    interaction = InteractionFactory.create(session__started_at=at(MONDAY))
    InteractionFactory.create(session=interaction.session, occurred_at=at(TUESDAY))
    InteractionFactory.create(occurred_at=at(WEEK.end))

    assert last_interaction_on(interaction.company) == TUESDAY
    assert last_interaction_on(CompanyFactory.create()) is None


def test_every_card_has_words_a_unit_and_a_series() -> None:
    cards = ask(CompanyFactory.create()).cards
    assert len({card.type.name for card in cards}) == 8
    assert all(str(card.type.label) and str(card.type.formula) for card in cards)
    assert {card.type.unit for card in cards} == set(Unit)
    assert {card.type.series for card in cards} == set(Series)


def test_report_takes_six_queries(django_assert_num_queries: Callable[..., Any]) -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session)
    with django_assert_num_queries(6):
        ask(session.company)
    with django_assert_num_queries(8):
        ask(CompanyFactory.build(pk=session.company.pk + 1))


def test_large_sums_are_exact() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    for _ in range(10):
        CartEventFactory.create(session=session, gmv_minor=10**15 - 1)
        OrderFactory.create(session=session, value_minor=10**13)

    report = ask(session.company)

    assert report.current.add_to_cart_minor == 10**16 - 10
    assert report.current.purchase_minor == 10**14


# Against hand-written SQL

START = date(2026, 5, 1)
DAYS = 24
CHANNELS = ("CHAT", "FAQ", "NUDGE")


def fill(company: Company, rnd: random.Random, sessions: int) -> None:
    """Sessions, carts and orders at random, over days and currencies, with some of everything that is odd."""

    def some_time(after: datetime, hours: int) -> datetime:
        return after + timedelta(minutes=rnd.choice((0, 0, rnd.randrange(hours * 60))))

    for _ in range(sessions):
        started_at = at(START, 0) + timedelta(minutes=rnd.randrange(DAYS * 24 * 60))
        channel = rnd.choice((*CHANNELS, *CHANNELS, ""))
        session = VisitorSessionFactory.create(company=company, started_at=started_at, channel=channel)
        interaction = InteractionFactory.create(session=session)
        facts = {"session": session, "credited_interaction": interaction}
        main_currency = rnd.choice(("EUR", "EUR", "JPY"))
        for _ in range(rnd.choice((0, 1, 2, 5))):
            minor = rnd.randrange(-3000, 5000)
            CartEventFactory.create(
                **facts,
                occurred_at=some_time(started_at, 40),
                channel=rnd.choice((channel or "CHAT", rnd.choice(CHANNELS))),
                currency=rnd.choice((main_currency, main_currency, "KWD")),
                gmv_minor=minor,
            )
        for _ in range(rnd.choice((0, 0, 1, 2))):
            is_excluded = rnd.random() < 0.2
            OrderFactory.create(
                **facts,
                occurred_at=some_time(started_at, 90),
                channel=rnd.choice((channel or "FAQ", rnd.choice(CHANNELS))),
                currency=rnd.choice((main_currency, main_currency, "USD")),
                value_minor=rnd.randrange(9000),
                trust=rnd.choice(Trust.values),
                excluded_at=datetime(2026, 6, 1, tzinfo=UTC) if is_excluded else None,
            )


def select(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def figures_by_hand(company: Company, period: Period, currency: str, channel: str) -> dict[str, Any]:
    """The figures, each by a plain query of its own that shares nothing with the report's."""
    in_scope = [company.pk, currency, period.start, period.end, channel, channel]

    gmv_by_day = {
        str(on): int(minor)
        for on, minor in select(
            """SELECT e.occurred_on, SUM(e.gmv_minor) FROM alhena_tracking_cartevent e
            WHERE e.company_id = %s AND e.currency = %s AND e.occurred_on >= %s AND e.occurred_on <= %s
            AND (%s = '' OR e.channel = %s) GROUP BY e.occurred_on""",
            in_scope,
        )
    }
    carts_by_day = {
        str(on): carts
        for on, carts in select(
            """SELECT e.occurred_on, COUNT(*) FROM alhena_tracking_cartevent e
            WHERE e.company_id = %s AND e.currency = %s AND e.occurred_on BETWEEN %s AND %s
            AND (%s = '' OR e.channel = %s) AND NOT EXISTS (
                SELECT 1 FROM alhena_tracking_cartevent earlier
                WHERE earlier.company_id = e.company_id AND earlier.currency = e.currency
                AND earlier.session_id = e.session_id AND earlier.occurred_on = e.occurred_on
                AND (earlier.occurred_at < e.occurred_at
                     OR (earlier.occurred_at = e.occurred_at AND earlier.id < e.id))
            ) GROUP BY e.occurred_on""",
            in_scope,
        )
    }
    [(orders, revenue, confirmed)] = select(
        """SELECT COUNT(*), COALESCE(SUM(o.value_minor), 0),
        COALESCE(SUM(CASE WHEN o.trust = 'CONFIRMED' THEN o.value_minor END), 0) FROM alhena_tracking_order o
        WHERE o.company_id = %s AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s AND (%s = '' OR o.channel = %s)
        AND o.excluded_at IS NULL""",
        in_scope,
    )
    [(sessions, converted)] = select(
        """SELECT COUNT(*), COALESCE(SUM(CASE WHEN s.id IN (
            SELECT o.session_id FROM alhena_tracking_order o WHERE o.excluded_at IS NULL
        ) THEN 1 ELSE 0 END), 0) FROM alhena_tracking_visitorsession s
        WHERE s.company_id = %s AND s.started_on BETWEEN %s AND %s AND (%s = '' OR s.channel = %s)""",
        [company.pk, period.start, period.end, channel, channel],
    )
    revenue, total = int(revenue), sum(gmv_by_day.values())
    cart_values = [Fraction(gmv_by_day[on], carts) for on, carts in carts_by_day.items()]
    return {
        "add_to_cart_minor": total,
        "daily_add_to_cart_minor": Fraction(total, len(gmv_by_day)) if gmv_by_day else None,
        "average_cart_minor": sum(cart_values, Fraction()) / len(cart_values) if cart_values else None,
        "purchase_minor": revenue,
        "confirmed_minor": int(confirmed),
        "orders": orders,
        "average_order_minor": Fraction(revenue, orders) if orders else None,
        "conversion_rate": Fraction(int(converted), sessions) if sessions else None,
        "revenue_per_session_minor": Fraction(revenue, sessions) if sessions else None,
    }


def figures_of(figures: Figures, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in names}


@pytest.mark.parametrize("seed", range(3))
def test_report_agrees_with_plain_sql(seed: int) -> None:
    rnd = random.Random(seed)
    companies = [CompanyFactory.create(time_zone=zone) for zone in ("UTC", "Pacific/Apia", "America/St_Johns")]
    for company in companies:
        fill(company, rnd, sessions=35)

    for company in companies:
        for period in (
            Period(START + timedelta(days=8), START + timedelta(days=15)),
            Period(START + timedelta(days=DAYS // 2), START + timedelta(days=DAYS - 1)),
            Period(START + timedelta(days=3), START + timedelta(days=3)),
        ):
            for currency in ("EUR", "JPY", "USD", "KWD"):
                report = ask(company, period, currency=currency)
                by_hand = figures_by_hand(company, period, currency, "")
                assert figures_of(report.current, list(by_hand)) == by_hand
                before = figures_by_hand(company, period.previous, currency, "")
                assert figures_of(report.previous, list(before)) == before
                assert_agrees_with_itself(report)
                rows = {one.channel: one.figures for one in report.channels}
                for channel in CHANNELS:
                    by_hand = figures_by_hand(company, period, currency, channel)
                    filtered = ask(company, period, currency=currency, channel=channel)
                    assert figures_of(filtered.current, list(by_hand)) == by_hand
                    assert rows.get(channel, Figures.of([])) == filtered.current
                    assert_agrees_with_itself(filtered)
