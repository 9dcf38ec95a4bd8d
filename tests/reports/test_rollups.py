"""Roll-ups: the report says the same with them as without, whatever happens, and whenever they were made."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from alhena_tracking import redating, rollups
from alhena_tracking.contract.limits import ROLLED_UP_AFTER
from alhena_tracking.ingestion import LineItemData, Visitor, record, review
from alhena_tracking.models import (
    CartEvent,
    Company,
    DailyConversations,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailySessions,
    DailyTouches,
    Order,
    OrderLine,
    RolledUpDay,
    Trust,
    WeeklyProductTotals,
)
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.reports.days import MOST_PIECES, SourceDays
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import cart_event, chat, order
from tests.support.factories import (
    CartEventFactory,
    CompanyFactory,
    OrderFactory,
    OrderLineFactory,
    UserFactory,
    VisitorSessionFactory,
    at,
)
from tests.support.invariants import assert_orders_are_divided
from tests.support.report_by_hand import fill
from tests.support.rolled_up_days import BEGINS_AT, FIRST, MONDAY, assert_same_as_raw, spoil_totals, whole
from tests.support.runs import examples, some
from tests.support.shop_life import HOUR, ShopLife
from tests.support.zones import change_zone, move

pytestmark = [pytest.mark.django_db, pytest.mark.now(BEGINS_AT)]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIRMED_ONLY = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}


def questions(rnd: random.Random, company: Company, first: date, days: int) -> Iterator[ReportQuery]:
    whole = Period(first - timedelta(days=4), first + timedelta(days=days))
    yield ReportQuery(company=company, period=whole, currency="EUR", is_compared=False)
    start = first + timedelta(days=rnd.randrange(days))
    yield ReportQuery(
        company=company,
        period=Period(start, start + timedelta(days=rnd.choice((0, 3, 9)))),
        currency=rnd.choice(("", "JPY", "EUR")),
        channel=rnd.choice(("", "CHAT", "FAQ")),
        ai_profile=rnd.choice(("", "butler")),
        trust=rnd.choice(("", *Trust.values)),
    )


@pytest.fixture
def shop(company: Company) -> Company:
    """A week in which all sorts of things happened, and of which nothing is rolled up."""
    fill(company, random.Random(5), FIRST, days=7, sessions=18)
    return company


def run(**options: Any) -> list[str]:
    output = StringIO()
    call_command("alhena_rollup", stdout=output, stderr=output, **options)
    return output.getvalue().splitlines()


# Against the events


@pytest.mark.property
@pytest.mark.parametrize("seed", range(examples(1, full=300)))
def test_report_when_rolled_up_has_the_figures_of_the_events(
    company: Company, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Chunks in which a session's cart events are not always together.
    for name, size in (("ROWS", 2), ("SESSIONS", 2), ("LOCKED_ROWS", 1)):
        monkeypatch.setattr(redating, name, size)
    monkeypatch.setattr("alhena_tracking.models.company.REDATED_AT_ONCE", 0)
    life = ShopLife(company, UserFactory.create(), seed, NOW)
    rnd = random.Random(seed)
    for _ in range(25):
        history = [life.step() for _ in range(rnd.choice((1, 3, 5)))]
        days = max((life.now - NOW).days + 2, 2)
        with override_settings(ALHENA_TRACKING=rnd.choice(({"COMPANY_KEY": "acme"}, CONFIRMED_ONLY))):
            assert_same_as_raw(*questions(rnd, company, NOW.date(), days))
        assert not any(result.failed for result in check_rollups()), history
        if rnd.random() < 0.6:
            # Later than what is told next was received: as if that had been under way for so long.
            roll_up(life.now + rnd.choice((0, 0, 1.9)) * HOUR)
    roll_up(life.now + timedelta(days=10))
    assert_same_as_raw(*questions(rnd, company, NOW.date(), days))
    assert RolledUpDay.objects.fresh().count() > days
    assert_orders_are_divided()


def test_product_when_renamed_keeps_its_latest_name_in_days_and_weeks(company: Company) -> None:
    """Of names given on one day to different channels, and by a browser's order: not the last by alphabet."""
    session = VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    names = [(0, 9, "CHAT", "Zebra"), (0, 15, "FAQ", "Aardvark"), (1, 9, "CHAT", "Mole")]
    for days, hour, channel, given in names:
        moment = at(MONDAY + timedelta(days=days), hour)
        CartEventFactory.create(
            session=session, product_id="a", product_name=given, channel=channel, occurred_at=moment
        )
    bought = OrderFactory.create(session=session, occurred_at=at(MONDAY + timedelta(days=2)), trust=Trust.REPORTED)
    OrderLineFactory.create(order=bought, product_id="a", product_name="Badger")
    roll_up()
    week, monday = Period(MONDAY, MONDAY + timedelta(days=6)), Period(MONDAY, MONDAY)
    assert SourceDays.of(company, week).weeks == (week,)

    def name(period: Period, channel: str = "") -> str:
        query = ReportQuery(company=company, period=period, currency="EUR", channel=channel, is_compared=False)
        assert_same_as_raw(query)
        [product] = revenue_impact(query).products
        return product.name

    assert (name(monday), name(monday, "CHAT"), name(monday, "FAQ")) == ("Aardvark", "Zebra", "Aardvark")
    assert (name(week), name(week, "FAQ")) == ("Badger", "Aardvark")
    with override_settings(ALHENA_TRACKING=CONFIRMED_ONLY):
        assert name(week) == "Mole"
    assert not check_rollups()[0].failed


# Which days


@pytest.mark.parametrize(("zone", "midnight"), [("UTC", 0), ("Pacific/Kiritimati", -14), ("Pacific/Pago_Pago", 11)])
def test_day_is_rolled_up_when_it_has_been_over_for_3_hours(company: Company, zone: str, midnight: int) -> None:
    Company.objects.filter(pk=company.pk).update(time_zone=zone)
    ended_at = at(FIRST + timedelta(days=1), 0) + midnight * HOUR
    VisitorSessionFactory.create(company=Company.objects.get(), started_at=ended_at - HOUR)
    assert FIRST not in roll_up(ended_at + 2.9 * HOUR)[0].days
    assert FIRST in roll_up(ended_at + 3 * HOUR)[0].days
    assert roll_up(ended_at + 3 * HOUR)[0].days == []


def test_days_of_an_order_that_is_excluded_are_rolled_up_again(company: Company) -> None:
    told, next_day = at(FIRST, 20), at(FIRST + timedelta(days=1), 8)
    record(company, [chat(told), order(next_day)])
    roll_up()
    review.exclude_orders([Order.objects.get().pk], None, "A test.")
    assert RolledUpDay.objects.get(is_stale=True).on == next_day.date()
    assert RolledUpDay.objects.get(has_stale_sessions=True).on == told.date()
    assert_same_as_raw(whole(company, currency="EUR"))
    assert set(roll_up()[0].days) == {told.date(), next_day.date()}
    assert_same_as_raw(whole(company, currency="EUR"))


def test_day_when_the_zone_changed_meanwhile_waits_until_it_is_over_there(company: Company) -> None:
    VisitorSessionFactory.create(company=company, started_at=at(FIRST))
    known = Company.objects.get()
    Company.objects.update(time_zone="Pacific/Pago_Pago")  # where the day ends eleven hours later
    now = at(FIRST + timedelta(days=1), 4)
    assert not rollups._roll_up_day(known, FIRST, now)
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert rollups._roll_up_day(known, FIRST, now + 11 * HOUR)


def test_day_when_it_is_not_over_in_a_new_zone_is_marked(company: Company) -> None:
    now = timezone.now()
    move(company, "Pacific/Kiritimati")
    day = company.last_day_ended(now - ROLLED_UP_AFTER)
    VisitorSessionFactory.create(company=company, started_at=now - 30 * HOUR)
    roll_up(now)
    assert RolledUpDay.objects.fresh().filter(on=day).exists()
    change_zone(company, "Pacific/Pago_Pago")  # 25 hours later
    assert not RolledUpDay.objects.fresh().filter(on__gte=day).exists()


def test_new_events_mark_no_day(company: Company) -> None:
    record(company, [chat(NOW), cart_event(NOW), order(NOW)])
    midnight = datetime.combine(NOW.date() + timedelta(days=1), time(), company.zone)
    record(company, [cart_event(NOW, received_at=midnight + 0.9 * HOUR)])
    assert not RolledUpDay.objects.exists()


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda now: order(now), id="one of them has an order by now"),
        pytest.param(lambda now: chat(NOW, Visitor(uuid4(), None), received_at=now), id="there is one more"),
        pytest.param(lambda now: chat(NOW - 2 * HOUR, kind="FAQ", received_at=now), id="one has another channel"),
    ],
)
def test_day_when_only_its_sessions_change_keeps_its_other_sums(company: Company, later: Callable[..., Any]) -> None:
    record(company, [chat(NOW), cart_event(NOW), chat(NOW + 20 * HOUR), cart_event(NOW + 20 * HOUR)])
    day = ReportQuery(company=company, period=Period(NOW.date(), NOW.date()), currency="EUR", is_compared=False)
    marker = RolledUpDay.objects.fresh().filter(on=NOW.date())
    roll_up(NOW + 20 * HOUR)
    before = revenue_impact(day)
    assert not marker.get().has_stale_sessions
    record(company, [later(NOW + 21 * HOUR)])
    assert marker.get().has_stale_sessions
    assert revenue_impact(day) != before
    assert_same_as_raw(day)
    assert not any(result.failed for result in check_rollups())
    assert roll_up(NOW + 21 * HOUR)[0].days == [NOW.date()]
    assert not marker.get().has_stale_sessions
    assert_same_as_raw(day)


def test_cart_event_of_the_next_day_marks_no_day(company: Company) -> None:
    record(company, [chat(NOW), cart_event(NOW)])
    roll_up(NOW + 16 * HOUR)
    record(company, [chat(NOW + 20 * HOUR), cart_event(NOW + 20 * HOUR)])
    assert not RolledUpDay.objects.unfinished().exists()


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(lambda told, **when: cart_event(told + HOUR, **when), id="after the others of the cart"),
        pytest.param(lambda told, **when: cart_event(told - HOUR / 4, **when), id="before others of the cart"),
        pytest.param(lambda told, **when: order(told + HOUR, **when), id="an order"),
    ],
)
@pytest.mark.parametrize("received_at", [1, 12])  # at 1, it was under way for two hours when the day was rolled up
def test_late_event_marks_its_day(company: Company, late: Callable[..., Any], received_at: int) -> None:
    told = at(FIRST, 20)
    record(company, [chat(told - HOUR), cart_event(told)])
    roll_up(at(FIRST + timedelta(days=1), 3))
    assert RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    record(company, [late(told, received_at=at(FIRST + timedelta(days=1), received_at))])
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert_same_as_raw(whole(company, currency="EUR"), whole(company))


def test_order_when_confirmed_elsewhere_marks_its_and_its_carts_days(
    company: Company,
) -> None:
    told, next_day = at(FIRST, 20), at(FIRST + timedelta(days=1), 8)
    record(company, [chat(told - HOUR), cart_event(told), order(told + HOUR)])
    record(company, [cart_event(next_day, quantity=Decimal(3))])  # all three are new: the cart was empty
    confirmed_at = at(FIRST + timedelta(days=5), 12)
    record(company, [chat(confirmed_at - HOUR)])
    roll_up(confirmed_at - HOUR)
    assert CartEvent.objects.get(occurred_at=next_day).units == 3
    record(company, [order(confirmed_at, trust=Trust.CONFIRMED)])
    assert CartEvent.objects.get(occurred_at=next_day).units == 1
    stale = set(RolledUpDay.objects.filter(is_stale=True).values_list("on", flat=True))
    assert {FIRST, FIRST + timedelta(days=1)} <= stale
    assert_same_as_raw(whole(company, currency="EUR"), whole(company))


def test_order_when_moved_to_another_visitor_marks_the_day_it_was_on(company: Company) -> None:
    told, confirmed_at = at(FIRST, 20), at(FIRST + timedelta(days=5), 12)
    other = Visitor(uuid4(), None)
    record(company, [chat(told - HOUR), order(told)])
    record(company, [chat(confirmed_at - HOUR, other)])
    roll_up(confirmed_at - HOUR)
    record(company, [order(confirmed_at, other, trust=Trust.CONFIRMED)])
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert_same_as_raw(whole(company, currency="EUR"), whole(company))


def test_order_when_another_claim_is_shown_marks_its_day(company: Company) -> None:
    told, later = at(FIRST, 20), at(FIRST + timedelta(days=3), 1)
    first, second = (
        LineItemData(product_id=name, product_name=name, quantity=Decimal(2), value_minor=3998) for name in "AB"
    )
    rival = Visitor(uuid4(), None)
    record(company, [chat(told - HOUR), order(told, line_items=(first,))])
    record(company, [chat(told - HOUR, rival)])
    record(company, [order(told, visitor=None, value_minor=5000, trust=Trust.CONFIRMED)])
    roll_up(at(FIRST + timedelta(days=6)))
    # A claim of exactly the confirmed value takes over from a near one.
    record(company, [order(told, rival, value_minor=5000, line_items=(second,), received_at=later)])
    assert OrderLine.objects.get().product_id == "B"
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert_same_as_raw(whole(company, currency="EUR"), whole(company))


def test_days_when_many_are_stale_are_read_in_few_pieces(company: Company) -> None:
    days = [FIRST + timedelta(days=number) for number in range(400)]
    rows = [RolledUpDay(company=company, on=day, is_stale=number % 2 == 1) for number, day in enumerate(days)]
    RolledUpDay.objects.bulk_create(rows)
    split = SourceDays.of(company, Period(days[0], days[-1])).credited
    assert len(split.rolled_up) == MOST_PIECES
    assert len(split.live) <= MOST_PIECES + 1
    in_pieces = [day for run in (*split.rolled_up, *split.live) for day in run.days]
    assert sorted(in_pieces) == days
    fresh = set(days[::2])
    assert all(day in fresh for run in split.rolled_up for day in run.days)


def test_report_takes_as_many_queries_however_many_days_are_rolled_up(
    shop: Company, django_assert_num_queries: Callable[[int], Any]
) -> None:
    roll_up()
    with django_assert_num_queries(6):
        revenue_impact(whole(shop, currency="EUR"))
    RolledUpDay.objects.filter(on__in=[FIRST + timedelta(days=number) for number in (0, 2, 3, 5)]).delete()
    with django_assert_num_queries(6):
        revenue_impact(whole(shop, currency="EUR"))


# Weeks


@pytest.fixture
def week(company: Company) -> ReportQuery:
    """What a week came to, with the days around it, that is rolled up."""
    fill(company, random.Random(5), MONDAY - timedelta(days=2), days=11, sessions=25)
    roll_up()
    period = Period(MONDAY - timedelta(days=2), MONDAY + timedelta(days=8))
    return ReportQuery(company=company, period=period, currency="EUR", is_compared=False)


def lose_days() -> None:
    assert DailyProductTotals.objects.filter(on__range=(MONDAY, MONDAY + timedelta(days=6))).delete()[0]


@pytest.mark.parametrize("settings", [{"COMPANY_KEY": "acme"}, CONFIRMED_ONLY])
def test_products_of_a_week_are_read_from_its_totals(week: ReportQuery, settings: dict[str, Any]) -> None:
    with override_settings(ALHENA_TRACKING=settings):
        assert revenue_impact(week).products
        assert_same_as_raw(week)
        right = revenue_impact(week).products
        lose_days()
        assert revenue_impact(week).products == right
        spoil_totals()
        assert revenue_impact(week).products != right


@pytest.mark.parametrize(
    ("settings", "kettle", "others"), [({"COMPANY_KEY": "acme"}, "Zzz", ["Yyy"]), (CONFIRMED_ONLY, "Kettle", [])]
)
@pytest.mark.parametrize("other", [Trust.CONFIRMED, Trust.VERIFIED, None])  # None: a cart event names it
@pytest.mark.parametrize("on", [FIRST, MONDAY + timedelta(days=2)])
def test_product_when_an_unconfirmed_order_names_it(
    company: Company, settings: dict[str, Any], kettle: str, others: list[str], other: Trust | None, on: date
) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=at(on))
    for product_id, name in (("x", "Zzz"), ("x", "Aaa"), ("y", "Yyy")):
        OrderLineFactory.create(order__session=session, product_id=product_id, product_name=name)
    named = {"product_id": "x", "product_name": "Kettle"}
    if other is None:
        CartEventFactory.create(session=session, **named)
    else:
        OrderLineFactory.create(order__session=session, order__trust=other, **named)
    whole_week = Period(min(FIRST, MONDAY), max(FIRST, MONDAY) + timedelta(days=8))
    query = ReportQuery(company=company, period=whole_week, currency="EUR")
    with override_settings(ALHENA_TRACKING=settings):
        for asked in (query, replace(query, channel="CHAT")):
            assert sorted(row.name for row in revenue_impact(asked).products) == sorted([kettle, *others])
        roll_up()
        assert_same_as_raw(query, replace(query, channel="CHAT"))
    assert not any(result.failed for result in check_rollups())


@pytest.mark.parametrize(("start", "end"), [(0, 5), (1, 6), (-2, 5), (1, 8)])
def test_products_of_a_part_of_a_week_are_read_from_its_days(week: ReportQuery, start: int, end: int) -> None:
    spoil_totals()
    assert_same_as_raw(replace(week, period=Period(MONDAY + timedelta(days=start), MONDAY + timedelta(days=end))))


@pytest.mark.parametrize("credit", [{"channel": "CHAT"}, {"ai_profile": "butler"}, {"trust": Trust.CONFIRMED}])
def test_products_of_what_was_credited_are_read_from_days(week: ReportQuery, credit: dict[str, Any]) -> None:
    spoil_totals()
    assert_same_as_raw(replace(week, **credit))


@pytest.mark.parametrize("number", some(range(7), 2))
def test_week_when_a_day_changes_is_read_from_its_days_until_rolled_up(week: ReportQuery, number: int) -> None:
    told = at(MONDAY + timedelta(days=number), 10)
    before = revenue_impact(week)
    visitor, received_at = Visitor(uuid4(), None), told + timedelta(days=3)
    late = [chat(told - HOUR, visitor, received_at=received_at), cart_event(told, visitor, received_at=received_at)]
    record(week.company, late)
    spoil_totals()
    assert revenue_impact(week) != before
    assert_same_as_raw(week)
    [result] = check_rollups()
    assert not result.failed
    # Its day is rolled up again, and the week is not yet.
    rollups._roll_up_day(week.company, told.date(), timezone.now())
    assert_same_as_raw(week)
    assert not any(result.failed for result in check_rollups())
    roll_up()
    lose_days()
    assert_same_as_raw(week)


def test_week_when_only_sessions_of_its_days_are_stale_keeps_its_totals(week: ReportQuery) -> None:
    RolledUpDay.objects.update(has_stale_sessions=True)
    lose_days()
    assert_same_as_raw(week)


def test_weeks_and_the_days_outside_them_are_what_is_rolled_up(company: Company) -> None:
    rnd = random.Random(3)
    days = [FIRST + timedelta(days=number) for number in range(120)]
    rows = [
        RolledUpDay(company=company, on=day, is_stale=rnd.random() < 0.02, is_in_week=rnd.random() < 0.97)
        for day in days
    ]
    RolledUpDay.objects.bulk_create(rows)
    source = SourceDays.of(company, Period(days[0], days[-1]))
    assert sum(map(len, source.weeks)) >= 4 * 7
    usable = {row.on for row in rows if row.is_in_week and not row.is_stale}
    for start in days[:40]:
        period = Period(start, start + timedelta(days=60))
        part = source.within(period)
        in_weeks = [day for run in part.weeks for day in run.days]
        whole_weeks = {day for week in period.weeks if usable.issuperset(week.days) for day in week.days}
        assert set(in_weeks) == whole_weeks
        outside = [day for run in part.outside_weeks for day in run.days]
        assert sorted(in_weeks + outside) == [day for run in part.credited.rolled_up for day in run.days]


def test_week_when_its_sums_are_too_large_is_read_from_its_days(week: ReportQuery) -> None:
    session = VisitorSessionFactory.create(company=week.company, started_at=at(MONDAY))
    for number in (1, 3):
        told = at(MONDAY + timedelta(days=number))
        CartEventFactory.create(session=session, product_id="dear", gmv_minor=2**62, currency="EUR", occurred_at=told)
    RolledUpDay.objects.update(is_stale=True)
    [result] = roll_up()
    assert not result.failed
    assert not RolledUpDay.objects.filter(on=MONDAY, is_in_week=True).exists()
    assert_same_as_raw(week)
    assert revenue_impact(week).current.add_to_cart_minor > 2**63


# Amounts


def test_day_when_its_sums_are_too_large_is_read_from_its_events(shop: Company) -> None:
    session = VisitorSessionFactory.create(company=shop, started_at=at(FIRST))
    CartEventFactory.create_batch(2, session=session, gmv_minor=2**62)
    assert f"acme: the sums of {FIRST} are too large to store; reports read its events instead." in run()
    assert not RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    assert revenue_impact(whole(shop, currency="EUR")).current.add_to_cart_minor > 2**62


# The command


def test_command_when_done_prints_what_it_rolled_up(shop: Company) -> None:
    CompanyFactory.create(key="idle")
    last = shop.last_day_ended(timezone.now() - ROLLED_UP_AFTER)
    acme, idle = run()
    first = shop.first_day()
    assert first is not None
    assert acme == f"acme: rolled up {(last - first).days + 1} days, from {first} to {last}."
    assert idle == "idle: rolled up 0 days."
    RolledUpDay.objects.filter(company=shop, on=FIRST).update(is_stale=True)
    assert run()[0] == f"acme: rolled up 1 day, {FIRST}."
    assert run()[0] == "acme: rolled up 0 days."


SUMS = [
    (DailyFigures, "carts"),
    (DailySessions, "sessions"),
    (DailyTouches, "linear_minor"),
    (DailyConversations, "conversations"),
    (DailyProductFigures, "units_added"),
    (DailyProductTotals, "confirmed_units_purchased"),
    (WeeklyProductTotals, "units_added"),
]


@pytest.mark.parametrize(
    ("model", "column", "is_lost"),
    [(model, column, is_lost) for model, column in some(SUMS, 3) for is_lost in some([True, False], 1, column)],
)
def test_check_when_rows_differ_names_the_days_and_changes_nothing(
    shop: Company, model: type[Any], column: str, is_lost: bool
) -> None:
    run()
    assert run(check=True) == [f"acme: {RolledUpDay.objects.count()} days compared, no differences."]
    row = model.objects.order_by("on")[3]
    if is_lost:
        row.delete()
    else:
        model.objects.filter(pk=row.pk).update(**{column: F(column) + 1})
    before = list(model.objects.order_by("pk").values())
    with pytest.raises(CommandError, match=rf"differ from their events: acme {row.on}\Z"):
        run(check=True)
    assert list(model.objects.order_by("pk").values()) == before
    RolledUpDay.objects.filter(on=row.on).update(is_stale=True)
    run(check=True)
    run()
    run(check=True)


def test_roll_up_when_interrupted_leaves_correct_figures(company: Company) -> None:
    fill(company, random.Random(7), MONDAY, days=1, sessions=5)
    now = at(MONDAY + timedelta(days=8))
    roll_up(now)
    week = Period(MONDAY, MONDAY + timedelta(days=6))
    queries = [
        ReportQuery(company=company, period=week, currency=currency, is_compared=False) for currency in ("", "EUR")
    ]

    class Killed(BaseException):
        pass

    def killer(place: int) -> Callable[..., Any]:
        places = count()

        def execute_or_die(execute: Callable[..., Any], *args: Any) -> Any:
            if next(places) == place:
                raise Killed
            return execute(*args)

        return execute_or_die

    for statements in count():
        RolledUpDay.objects.filter(on=MONDAY).update(is_stale=True)
        # What is stale may hold anything.
        DailyFigures.objects.filter(on=MONDAY).update(orders=7)
        WeeklyProductTotals.objects.filter(on=MONDAY).update(units_added=7)
        try:
            with connection.execute_wrapper(killer(statements)):
                roll_up(now)
        except Killed:
            assert_same_as_raw(*queries)
        else:
            break
    assert statements > 25
    assert RolledUpDay.objects.fresh().filter(on=MONDAY, is_in_week=True).exists()
    assert_same_as_raw(*queries)
