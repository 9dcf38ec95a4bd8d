"""The rows of a company whose time zone changed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alhena_tracking import redating
from alhena_tracking.contract.limits import REDATED_AT_ONCE, ZONE_SETTLES_AFTER
from alhena_tracking.db import transactions
from alhena_tracking.ingestion import record
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    Order,
    Redating,
    RolledUpDay,
)
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import cart_event, chat, order
from tests.support.factories import (
    CartEventFactory,
    CompanyFactory,
    InteractionFactory,
    RefundFactory,
    VisitorSessionFactory,
    at,
)
from tests.support.report_by_hand import fill
from tests.support.rolled_up_days import BEGINS_AT, FIRST, assert_same_as_raw, whole
from tests.support.runs import examples
from tests.support.shop_life import HOUR, ZONES
from tests.support.zones import DATED, change_zone, let_settle, move, rows_on_other_days

pytestmark = [pytest.mark.django_db, pytest.mark.now(BEGINS_AT)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("ROWS", 12), ("SESSIONS", 3), ("LOCKED_ROWS", 2)):
        monkeypatch.setattr(redating, name, size)
    monkeypatch.setattr("alhena_tracking.models.company.REDATED_AT_ONCE", 0)


def totals(company: Company) -> tuple[Any, ...]:
    """Sums over all days, which no re-dating may change."""
    period = Period(FIRST - timedelta(days=3), FIRST + timedelta(days=30))
    figures = [
        revenue_impact(ReportQuery(company=company, period=period, currency=currency, is_compared=False)).current
        for currency in ("EUR", "JPY")
    ]
    names = ("add_to_cart_minor", "purchase_minor", "orders", "refunded_minor", "sessions")
    return tuple(getattr(each, name) for each in figures for name in names)


def chunks(company: Company) -> Iterator[int]:
    while (moved := redating.redate_chunk(company.pk)) is not None:
        yield moved


# Saving


def test_zone_when_changed_dates_new_rows_at_once_and_no_others(company: Company) -> None:
    late = datetime(2027, 6, 16, 11, 30, tzinfo=UTC)  # in Apia it is half past midnight
    record(company, [chat(late)])
    before = Interaction.objects.get()
    company.time_zone = "Pacific/Apia"
    company.save()
    record(company, [cart_event(late)])
    assert Interaction.objects.get().occurred_on == before.occurred_on == late.date()
    assert CartEvent.objects.get().occurred_on == late.date() + timedelta(days=1)
    assert company.redating is not None


def test_zone_when_changed_takes_as_many_queries_with_more_rows(company: Company) -> None:
    def queries(zone: str) -> int:
        company.time_zone = zone
        with CaptureQueriesContext(connection) as captured:
            company.save()
        return len(captured)

    queries("Asia/Tokyo")
    few = queries("Asia/Seoul")
    fill(company, random.Random(1), FIRST, days=3, sessions=20)
    assert queries("Asia/Kolkata") == few


@pytest.mark.parametrize("number", [REDATED_AT_ONCE, REDATED_AT_ONCE + 1])
def test_zone_when_few_rows_are_due_is_a_short_walk(company: Company, number: int) -> None:
    session = VisitorSessionFactory.create(company=company)
    InteractionFactory.create(session=session)
    others = [InteractionFactory.build(session=session, company=company) for _ in range(number - 2)]
    Interaction.objects.bulk_create(others)
    company.time_zone = "Asia/Tokyo"
    company.save()
    assert Redating.objects.get().is_short == (number == REDATED_AT_ONCE)


def test_zone_change_when_an_earlier_state_is_saved_stays(company: Company) -> None:
    earlier = Company.objects.get()
    change_zone(company, "Asia/Tokyo")
    earlier.time_zone = "Asia/Tokyo"
    earlier.name = "Acme Ltd"
    earlier.save()
    assert Company.objects.get().zone_changed_at == company.zone_changed_at
    redating.redate(company.pk)
    company.name = "Acme"
    company.save()
    assert Company.objects.get().zone_changed_at is None


# Chunks


@pytest.mark.property
@pytest.mark.parametrize("seed", range(examples(1, full=100)))
def test_figures_when_rows_are_re_dated_are_right_after_each_chunk(
    company: Company, seed: int, small_chunks: None
) -> None:
    """Also where the zone changes again or back meanwhile, and where days are rolled up in between."""
    rnd = random.Random(seed)
    fill(company, rnd, FIRST, days=4, sessions=14)
    fill(CompanyFactory.create(), rnd, FIRST, days=2, sessions=3)
    roll_up()
    before, changes, number = totals(company), 0, 0
    change_zone(company, rnd.choice(ZONES))
    for _ in chunks(company):
        number += 1
        assert totals(company) == before
        if rnd.random() < 0.2:
            roll_up()
            assert_same_as_raw(whole(company, currency="EUR"))
        if changes < 2 and rnd.random() < 0.04:
            changes += 1
            change_zone(company, rnd.choice(ZONES))
    assert number > 20
    company.refresh_from_db()
    assert (company.zone_changed_at, company.redating) == (None, None)
    assert rows_on_other_days(company) == 0
    roll_up()
    assert not any(result.failed for result in check_rollups())
    assert totals(company) == before
    assert_same_as_raw(whole(company, currency="EUR"), whole(company))


def test_cart_when_re_dated_is_on_one_zone_s_days_after_each_chunk(company: Company, small_chunks: None) -> None:
    fill(company, random.Random(1), FIRST, days=6, sessions=25)
    former, later = company.zone, ZoneInfo("Pacific/Kiritimati")
    change_zone(company, later.key)
    numbers = set()
    for _ in chunks(company):
        by_session: dict[int, set[tuple[bool, bool]]] = defaultdict(set)
        for session, moment, on in CartEvent.objects.values_list("session", "occurred_at", "occurred_on"):
            days = [moment.astimezone(zone).date() for zone in (former, later)]
            by_session[session].add((days[0] == on, days[1] == on))
        for found in by_session.values():
            assert all(is_former for is_former, _ in found) or all(is_later for _, is_later in found)
        numbers.add(sum(all(is_later for _, is_later in found) for found in by_session.values()))
    assert len(numbers) > 3


def test_session_when_it_has_very_many_rows_is_re_dated_in_parts(
    company: Company, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours, number in ((0, 1), (1, 0), (2, 40), (3, 11), (4, 0), (5, 27)):
        session = VisitorSessionFactory.create(company=company, started_at=at(FIRST) + hours * HOUR)
        for minute in range(number):
            CartEventFactory.create(session=session, occurred_at=at(FIRST) + timedelta(minutes=minute * 31))
    change_zone(company, "Pacific/Kiritimati")
    assert max(chunks(company)) <= redating.ROWS + redating.SESSIONS
    assert rows_on_other_days(company) == 0


def test_zone_when_changed_back_half_way_leaves_all_rows_where_they_were(company: Company, small_chunks: None) -> None:
    fill(company, random.Random(2), FIRST, days=4, sessions=12)
    zone = company.time_zone
    change_zone(company, "Pacific/Kiritimati")
    for moved in chunks(company):
        if moved:
            break
    assert rows_on_other_days(company) > 0
    change_zone(company, zone)
    assert 0 < rows_on_other_days(company) == redating.redate(company.pk)
    assert rows_on_other_days(company) == 0


def test_models_with_days_are_all_re_dated(company: Company) -> None:
    models = {model for model in apps.get_app_config("alhena_tracking").get_models() if not model._meta.proxy}
    assert {model for model in models if isinstance(model._default_manager.all(), DatedQuerySet)} == set(DATED)
    moment = at(FIRST, 20)
    record(company, [chat(moment), cart_event(moment), order(moment)])
    row = Order.objects.get()
    RefundFactory.create(refunded_order=row, occurred_at=moment)
    move(company, "Pacific/Kiritimati")
    for model, (_, day) in DATED.items():
        assert model._default_manager.values_list(day, flat=True).get() == FIRST + timedelta(days=1), model


def test_day_when_a_row_on_a_former_day_changes_its_worth_is_marked(company: Company, small_chunks: None) -> None:
    """An event before it is reported late, by a process that knows the new zone."""
    moment, now = at(FIRST, 20), at(FIRST + timedelta(days=2), 18)
    record(company, [chat(moment - 5 * HOUR), cart_event(moment, quantity=Decimal(3))])
    change_zone(company, "Pacific/Kiritimati")  # where the event is on the next day
    roll_up(now)
    assert RolledUpDay.objects.fresh().filter(on=FIRST).exists()
    record(company, [cart_event(moment - 4 * HOUR, received_at=now, event_id=uuid4(), quantity=Decimal(2))])
    assert CartEvent.objects.get(quantity=3).gmv_minor == 1999
    assert_same_as_raw(whole(company, currency="EUR"))


# Processes that cache the former zone


def test_rows_of_processes_that_cache_the_former_zone_settle_later(company: Company) -> None:
    former = Company.objects.get()
    company.time_zone = "Pacific/Apia"
    company.save()
    assert redating.redate(company.pk) == 0
    assert company.redating is None
    moment = at(FIRST, 20)
    record(former, [chat(moment), cart_event(moment), order(moment)])
    assert rows_on_other_days(company) == 5
    assert redating.redate(company.pk) == 0
    let_settle(company)
    redating.redate_short()
    assert rows_on_other_days(company) == 0
    assert not Redating.objects.exists()


def test_walk_when_it_began_before_the_zone_settled_is_repeated(company: Company) -> None:
    VisitorSessionFactory.create(company=company, started_at=at(FIRST, 20))
    company.time_zone = "Pacific/Apia"
    company.save()
    Redating.objects.update(is_short=False)
    assert redating.redate_chunk(company.pk) == 1
    let_settle(company)  # it began before
    company.zone_changed_at = timezone.now() - ZONE_SETTLES_AFTER / 2
    Company.objects.update(zone_changed_at=company.zone_changed_at)
    redating.redate(company.pk)
    assert Redating.objects.get().is_settling
    let_settle(company)
    redating.redate_short()
    assert Redating.objects.get().is_settling
    redating.redate(company.pk)
    assert not Redating.objects.exists()


def test_day_when_processes_may_cache_a_former_zone_is_not_rolled_up(company: Company) -> None:
    VisitorSessionFactory.create(company=company, started_at=at(FIRST))
    company.time_zone = "Pacific/Apia"
    company.save()
    [result] = roll_up()
    assert (result.days, result.failed) == ([], [])
    let_settle(company)
    assert FIRST in roll_up()[0].days


def test_days_around_now_when_the_zone_changes_are_read_from_events(company: Company) -> None:
    days = [timezone.now().date() + timedelta(days=number) for number in range(-4, 2)]
    RolledUpDay.objects.bulk_create([RolledUpDay(company=company, on=on, is_stale=False) for on in days])
    company.time_zone = "Pacific/Pago_Pago"
    company.save()
    assert list(RolledUpDay.objects.fresh().values_list("on", flat=True)) == days[:2]


# Failures


def test_chunk_when_the_database_fails_is_tried_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [OperationalError("locked"), OperationalError("locked")]
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    work = redating.redate_chunk

    def fail_at_first(company_id: int) -> int | None:
        if failures:
            raise failures.pop()
        return work(company_id)

    monkeypatch.setattr(redating, "redate_chunk", fail_at_first)
    VisitorSessionFactory.create(company=company, started_at=at(FIRST, 20))
    change_zone(company, "Pacific/Apia")
    assert redating.redate(company.pk) == 1
    assert slept[:2] == [transactions.RETRY_AFTER_SECONDS] * 2
    failures += [OperationalError("locked")]
    with pytest.raises(OperationalError):
        redating.redate(company.pk, attempts=1)
