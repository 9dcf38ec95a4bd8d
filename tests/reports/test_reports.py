"""The report's numbers: its definitions on small examples, and all of them against hand-written SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from alhena_tracking.models import Company, Refund, Trust
from alhena_tracking.reports import (
    Figures,
    Grain,
    Period,
    ReportQuery,
    RevenueImpactReport,
    Section,
    Series,
    Unit,
    ai_profiles,
    counted_orders,
    last_interaction_on,
    latest_orders,
    revenue_impact,
)
from tests.support.factories import (
    CartEventFactory,
    CompanyFactory,
    InteractionFactory,
    OrderFactory,
    OrderLineFactory,
    RefundFactory,
    VisitorSessionFactory,
    at,
)
from tests.support.report_by_hand import CHANNELS, figures_by_hand, fill
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
TUESDAY = date(2026, 3, 3)
WEEK = Period(MONDAY, date(2026, 3, 8))
#: The figures that are sums over days and channels: not sessions, which can belong to several channels.
ADDED_UP = (
    *("add_to_cart_minor", "carts", "purchase_minor", "verified_minor", "confirmed_minor"),
    *("refunded_minor", "net_minor"),
    "orders",
)


def ask(company: Company, period: Period = WEEK, **filters: Any) -> RevenueImpactReport:
    return revenue_impact(ReportQuery(company=company, period=period, **filters))


def previous(report: RevenueImpactReport) -> Figures:
    assert report.previous is not None
    return report.previous


def card_values(report: RevenueImpactReport) -> dict[str, Fraction | int | None]:
    return {card.type.name: card.value for card in report.cards}


def assert_agrees_with_itself(report: RevenueImpactReport) -> None:
    """Cards, the table by channel and the days of the charts show the same numbers."""
    is_mixed = report.current.is_mixed
    assert Figures.of(report.days, report.session_days, is_mixed=is_mixed) == report.current
    for name in ADDED_UP:
        assert sum(getattr(one.figures, name) for one in report.channels) == getattr(report.current, name)
    for one in report.channels:
        days = [day for day in report.days if day.channel == one.channel]
        assert Figures.of(days, days, is_mixed=one.figures.is_mixed) == one.figures


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


def test_average_cart_when_days_differ_is_the_mean_of_the_days() -> None:
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


def test_channel_filter_when_set_leaves_out_carts_begun_in_another() -> None:
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

    assert {day.channel: day.carts for day in report.days} == {"CHAT": 1, "FAQ": 0}
    assert report.current.add_to_cart_minor == 100


def test_conversion_when_orders_are_late_or_foreign_counts_them() -> None:
    late = VisitorSessionFactory.create(started_at=at(MONDAY))
    company = late.company
    foreign = VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    OrderFactory.create(session=late, occurred_at=at(WEEK.end + timedelta(days=3)), channel="FAQ")
    OrderFactory.create(session=foreign, occurred_at=at(MONDAY), currency="JPY")
    OrderFactory.create(session=foreign, occurred_at=at(TUESDAY), currency="USD")

    report = ask(company, currency="EUR")

    assert report.current.conversion_rate == Fraction(2, 3)
    assert report.current.orders == 0
    # The late order is credited elsewhere.
    rates = {channel: ask(company, channel=channel).current.conversion_rate for channel in ("CHAT", "FAQ")}
    assert rates == {"CHAT": Fraction(1, 3), "FAQ": 1}


def test_orders_count_on_their_own_day_and_sessions_on_theirs() -> None:
    session = VisitorSessionFactory.create(started_at=at(WEEK.start - timedelta(days=1), 23))
    OrderFactory.create(session=session, occurred_at=at(MONDAY, 1))
    VisitorSessionFactory.create(company=session.company, started_at=at(WEEK.previous.previous.end))

    report = ask(session.company)

    assert (report.current.orders, report.current.sessions) == (1, 0)
    assert report.current.conversion_rate is None
    assert report.current.revenue_per_session_minor is None
    assert (previous(report).orders, previous(report).sessions, previous(report).converted_sessions) == (0, 1, 1)


def test_excluded_orders_count_nowhere() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, value_minor=9900, excluded_at=at(TUESDAY), exclusion_reason="test")

    report = ask(session.company)

    assert (report.current.orders, report.current.purchase_minor, report.current.converted_sessions) == (0, 0, 0)
    assert not report.has_credit


def test_refunds_lower_the_net_of_the_order_s_day() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    order = OrderFactory.create(session=session, value_minor=9900, channel="FAQ")
    RefundFactory.create(refunded_order=order, value_minor=900, occurred_at=at(WEEK.end + timedelta(days=9)))
    RefundFactory.create(refunded_order=order, value_minor=1000, occurred_at=at(TUESDAY))
    unknown = RefundFactory.create(refunded_order=order, value_minor=50)
    Refund.objects.filter(pk=unknown.pk).update(refunded_order=None)
    excluded = OrderFactory.create(session=session, excluded_at=at(TUESDAY), exclusion_reason="test")
    RefundFactory.create(refunded_order=excluded)

    report = ask(session.company)

    assert {(day.on, day.channel): day.refunded_minor for day in report.days if day.refunded_minor} == {
        (MONDAY, "FAQ"): 1900
    }
    assert (report.current.purchase_minor, report.current.net_minor) == (9900, 8000)
    assert ask(session.company, channel="CHAT").current.refunded_minor == 0


def test_filters_when_set_choose_what_was_credited_and_sessions() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY), ai_profile="sommelier")
    CartEventFactory.create(session=session, ai_profile="sommelier", gmv_minor=100)
    CartEventFactory.create(session=session, ai_profile="", gmv_minor=1000, trust=Trust.CONFIRMED)
    OrderFactory.create(session=session, ai_profile="sommelier", value_minor=50, trust=Trust.CONFIRMED)
    OrderFactory.create(session=session, ai_profile="", value_minor=500)
    VisitorSessionFactory.create(company=session.company, started_at=at(MONDAY))

    def of(**filters: Any) -> tuple[int, int, int, int]:
        now = ask(session.company, **filters).current
        return now.add_to_cart_minor, now.purchase_minor, now.sessions, now.carts

    assert of() == (1100, 550, 2, 1)
    assert of(ai_profile="sommelier") == (100, 50, 1, 1)
    assert of(trust="CONFIRMED") == (1000, 50, 2, 0)  # the cart began with a report
    assert of(trust="REPORTED") == (100, 500, 2, 1)
    assert of(ai_profile="sommelier", trust="REPORTED") == (100, 0, 1, 1)
    assert of(ai_profile="butler") == (0, 0, 0, 0)


def test_conversion_when_filtered_by_trust_counts_orders_of_that_trust() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, trust=Trust.CONFIRMED)

    assert ask(session.company, trust="CONFIRMED").current.conversion_rate == 1
    assert ask(session.company, trust="REPORTED").current.conversion_rate == 0


def test_ai_profiles_when_credited_are_listed_for_any_session() -> None:
    session = VisitorSessionFactory.create(started_at=at(WEEK.previous.end), ai_profile="sommelier")
    OrderFactory.create(session=session, occurred_at=at(MONDAY), ai_profile="butler")
    CartEventFactory.create(session=session, occurred_at=at(MONDAY), ai_profile="barista", currency="JPY")
    CartEventFactory.create(session=session, occurred_at=at(WEEK.previous.end), ai_profile="concierge")

    assert ai_profiles(session.company, WEEK) == ["barista", "butler"]
    assert ask(session.company, ai_profile="butler").current.orders == 1


def test_ai_profiles_when_listed_are_those_of_sessions_in_the_period() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY), ai_profile="sommelier")
    company = session.company
    for day, profile in ((WEEK.end, "butler"), (WEEK.previous.end, "barista"), (TUESDAY, ""), (TUESDAY, "butler")):
        VisitorSessionFactory.create(company=company, started_at=at(day), ai_profile=profile)
    VisitorSessionFactory.create(started_at=at(MONDAY), ai_profile="of another company")

    assert ai_profiles(company, WEEK) == ["butler", "sommelier"]


def test_products_are_listed_with_what_was_added_and_bought() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    order = OrderFactory.create(session=session)
    excluded = OrderFactory.create(session=session, excluded_at=at(TUESDAY), exclusion_reason="test")
    for each in (order, excluded):
        OrderLineFactory.create(order=each, product_id="tea", quantity=Decimal("0.1"), total_minor=300)
        OrderLineFactory.create(order=each, product_id="tea", quantity=Decimal("0.2"), total_minor=400)
        OrderLineFactory.create(order=each, product_id="Tea", quantity=Decimal(1), total_minor=100)
    CartEventFactory.create(session=session, product_id="tea", units=Decimal("2.5"), gmv_minor=900)
    CartEventFactory.create(session=session, product_id="tea", units=Decimal("-1"), gmv_minor=-300)
    CartEventFactory.create(session=session, product_id="cup", units=Decimal(1), gmv_minor=50)
    CartEventFactory.create(session=session, product_id="cup", gmv_minor=50, currency="USD")

    products = ask(session.company, currency="EUR").products

    assert [
        (each.product_id, each.purchase_minor, each.units_purchased, each.add_to_cart_minor, each.units_added)
        for each in products
    ] == [
        ("tea", 700, Decimal("0.3"), 600, Decimal("1.5")),
        ("Tea", 100, Decimal(1), 0, 0),
        ("cup", 0, 0, 50, Decimal(1)),
    ]
    assert products[0].name == "Product tea"


def test_product_when_renamed_has_its_latest_name() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    for product_id, on, name in (
        ("tea", MONDAY, "Zoë's tea"),
        ("tea", TUESDAY, "Assam"),
        ("cup", TUESDAY, "Mug"),
    ):
        CartEventFactory.create(session=session, product_id=product_id, product_name=name, occurred_at=at(on, 9))
    order = OrderFactory.create(session=session, occurred_at=at(TUESDAY, 10))
    OrderLineFactory.create(order=order, product_id="cup", product_name="Cup", total_minor=100)
    OrderLineFactory.create(order=order, product_id="pot", product_name="", total_minor=50)
    CartEventFactory.create(session=session, product_id="pot", product_name="Pot", occurred_at=at(MONDAY, 9))

    products = {each.product_id: each.name for each in ask(session.company, currency="EUR").products}

    assert products == {"tea": "Assam", "cup": "Cup", "pot": "Pot"}


def test_products_when_limited_are_the_first_of_all() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    order = OrderFactory.create(session=session)
    # Of equal ones, whatever databases hold for equal or sort otherwise, in the order of their code points.
    ids = ["a", "Z", "B", "A", "é", "É", "e", "z", "Ω", "_", "-", "10", "9", "😀", "\uff5e"]
    for product_id in ids:
        OrderLineFactory.create(order=order, product_id=product_id, total_minor=100)
        CartEventFactory.create(session=session, product_id=f"{product_id} added", gmv_minor=50)
        CartEventFactory.create(session=session, product_id=f"{product_id} left", gmv_minor=50, currency="USD")
    OrderLineFactory.create(order=order, product_id="best", total_minor=900)
    query = ReportQuery(company=session.company, period=WEEK, currency="EUR")
    expected = ["best", *sorted(ids), *(f"{product_id} added" for product_id in sorted(ids))]

    for most in (None, 1, 3, len(ids) + 2, 100):
        report = revenue_impact(query, most_products=most)
        assert [product.product_id for product in report.products] == expected[:most]
        assert report.product_count == len(expected)


def test_latest_orders_are_those_that_the_report_counts() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    first, second, third = (
        OrderFactory.create(session=session, occurred_at=at(day, hour))
        for day, hour in ((TUESDAY, 9), (MONDAY, 23), (TUESDAY, 8))
    )
    OrderFactory.create(session=session, currency="USD")
    OrderFactory.create(session=session, channel="FAQ")
    OrderFactory.create(session=session, occurred_at=at(WEEK.end + timedelta(days=1)))
    OrderFactory.create(session=session, excluded_at=at(TUESDAY), exclusion_reason="test")

    report = ask(session.company, currency="EUR", channel="CHAT")

    assert latest_orders(report) == [first, third, second]
    assert latest_orders(report, limit=1) == [first]
    assert set(counted_orders(report)) == {first, second, third}


def test_report_when_compared_with_nothing_has_no_changes() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, occurred_at=at(WEEK.previous.end))
    OrderFactory.create(session=session)

    report = ask(session.company, is_compared=False)

    assert report.previous is None
    assert all(card.previous is None and card.change is None for card in report.cards)
    assert report.current == ask(session.company).current


def test_sessions_when_no_interaction_qualifies_count_nowhere() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    VisitorSessionFactory.create(company=session.company, started_at=at(MONDAY), channel="")

    report = ask(session.company)

    assert [(one.channel, one.figures.sessions) for one in report.channels] == [("CHAT", 1)]
    assert report.current.sessions == 1
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


def test_change_when_a_value_is_missing_is_none() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, occurred_at=at(WEEK.previous.end))
    VisitorSessionFactory.create(company=session.company, started_at=at(WEEK.previous.start))

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


def test_busiest_currency_when_no_orders_is_that_of_most_cart_events() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    for currency in ("CHF", "USD", "USD", "AUD"):
        CartEventFactory.create(session=session, currency=currency)

    report = ask(session.company)

    assert report.currency == "USD"
    assert [total.currency for total in report.other_currencies] == ["AUD", "CHF"]


@pytest.mark.parametrize(("asked", "shown"), [("", "EUR"), ("JPY", "JPY")])
def test_main_currency_when_another_is_busier_is_shown_first(asked: str, shown: str) -> None:
    session = VisitorSessionFactory.create(company__currency="EUR", started_at=at(MONDAY))
    OrderFactory.create(session=session, currency="EUR", value_minor=700)
    OrderFactory.create_batch(2, session=session, currency="JPY", value_minor=500)

    report = ask(session.company, currency=asked)

    assert report.currency == shown
    assert {total.currency for total in report.other_currencies} == {"EUR", "JPY"} - {shown}


def test_main_currency_when_nothing_was_taken_in_it_is_still_shown() -> None:
    session = VisitorSessionFactory.create(company__currency="EUR", started_at=at(MONDAY))
    OrderFactory.create(session=session, currency="JPY", value_minor=500)

    report = ask(session.company)

    assert (report.currency, report.current.purchase_minor) == ("EUR", 0)
    assert [total.currency for total in report.other_currencies] == ["JPY"]


def test_currencies_follow_the_channel() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, currency="USD", channel="FAQ", value_minor=700)
    CartEventFactory.create(session=session, currency="EUR", channel="CHAT")

    chat, faq = ask(session.company, channel="CHAT"), ask(session.company, channel="FAQ")

    assert (chat.currency, faq.currency) == ("EUR", "USD")
    assert (chat.other_currencies, faq.other_currencies) == ((), ())


def test_currency_when_named_is_shown_even_without_events() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session)

    report = ask(session.company, currency="CHF")

    assert report.currency == "CHF"
    assert report.current.purchase_minor == 0
    assert report.has_credit
    assert [total.currency for total in report.other_currencies] == ["EUR"]


def test_currency_when_the_period_is_empty_is_that_of_the_previous_one() -> None:
    session = VisitorSessionFactory.create(started_at=at(MONDAY))
    OrderFactory.create(session=session, occurred_at=at(WEEK.previous.end), currency="CHF")
    VisitorSessionFactory.create(company=session.company, started_at=at(WEEK.previous.start))

    report = ask(session.company)

    assert report.currency == "CHF"
    assert not report.has_credit
    assert previous(report).purchase_minor == 1000


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
    report = ask(CompanyFactory.create(), sections=frozenset({Section.CONVERSATIONS}))
    assert report.conversations
    assert len({card.type.name for card in report.cards}) == 8
    cards = [*report.cards, *report.conversations.cards]
    assert all(str(card.type.label) and str(card.type.formula) for card in cards)
    assert {card.type.unit for card in cards} == set(Unit)
    assert {card.type.series for card in cards} == set(Series)


def test_report_takes_few_queries_when_nothing_is_rolled_up(django_assert_num_queries: Callable[..., Any]) -> None:
    session = VisitorSessionFactory.create(started_at=at(WEEK.previous.start))
    OrderFactory.create(session=session, occurred_at=at(MONDAY))
    with django_assert_num_queries(6):  # one of them for the currencies of the compared period
        ask(session.company)
    with django_assert_num_queries(5):
        ask(session.company, is_compared=False)
    for grain in Grain:
        with django_assert_num_queries(6):
            assert ask(session.company, grain=grain).rows
    with django_assert_num_queries(6):  # and since when there are data
        ask(session.company, compared_with=WEEK.year_before)
    with django_assert_num_queries(7):
        ask(session.company, Period(MONDAY, MONDAY), until=at(WEEK.previous.end, 9))
    with django_assert_num_queries(8):  # and the currency of the compared period
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


def figures_of(figures: Figures, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in names}


@pytest.mark.parametrize("seed", range(examples(1, full=3)))
def test_report_agrees_with_plain_sql(seed: int) -> None:
    rnd = random.Random(seed)
    companies = [CompanyFactory.create(time_zone=zone) for zone in ("UTC", "Pacific/Apia", "America/St_Johns")]
    for company in companies:
        fill(company, rnd, START, days=DAYS, sessions=35)
        VisitorSessionFactory.create(company=company, started_at=at(START - timedelta(days=DAYS)))

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
                assert figures_of(previous(report), list(before)) == before
                assert_agrees_with_itself(report)
                rows = {one.channel: one.figures for one in report.channels}
                for channel in CHANNELS:
                    by_hand = figures_by_hand(company, period, currency, channel)
                    filtered = ask(company, period, currency=currency, channel=channel)
                    assert figures_of(filtered.current, list(by_hand)) == by_hand
                    assert rows.get(channel, Figures.of([], [], is_mixed=filtered.current.is_mixed)) == filtered.current
                    assert_agrees_with_itself(filtered)
