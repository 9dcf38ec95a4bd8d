"""Roll up past days, so that the report need not read their events. Days without roll-ups are read from events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from django.db import DataError
from django.utils import timezone

from alhena_tracking.contract.limits import ROLLED_UP_AFTER
from alhena_tracking.db.transactions import atomic, database, repeated
from alhena_tracking.models import (
    CartEvent,
    Company,
    DailyConversations,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailyRecommended,
    DailySessions,
    DailyTouches,
    Interaction,
    Order,
    RolledUpDay,
    Trust,
    VisitorSession,
    WeeklyProductTotals,
)
from alhena_tracking.redating import redate_short
from alhena_tracking.reports import Period, ReportQuery, conversation_sums, live, rolled_up
from alhena_tracking.reports.grouped import STAMPS, TEXTS, FoundRows, Grouped, largest, latest_stored, total
from alhena_tracking.reports.session_sums import SessionSums
from alhena_tracking.reports.sums import add_up, insert

_Sums: TypeAlias = (
    DailyFigures
    | DailySessions
    | DailyTouches
    | DailyRecommended
    | DailyConversations
    | DailyProductFigures
    | DailyProductTotals
    | WeeklyProductTotals
)
#: What is read from the events while the sessions are stale.
_OF_SESSIONS = (DailySessions, DailyRecommended, DailyConversations)
_CREDIT = ("currency", "channel", "ai_profile", "trust")
_VISIT = ("channel", "ai_profile")
_TOUCH = (*_CREDIT, "touched_channel", "touched_profile")
_PRODUCT = "product_id_digest"
_TOTAL = ("currency", _PRODUCT)


@dataclass(frozen=True, slots=True)
class CompanyDays:
    """Days of one company: those that were rolled up (or checked), and those that failed."""

    company: Company
    days: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)


class _NotOver(Exception):
    """The day has not been over for long enough in the company's time zone, or processes may cache a former one."""


def roll_up(now: datetime | None = None) -> list[CompanyDays]:
    """Roll up all due days of all companies, the latest first, then their weeks; return the days.

    A day is due once it has been over for ``ROLLED_UP_AFTER``, if it was not rolled up or has changed since. Every day
    has its own transaction: an interruption leaves the report right, and the next call continues. ``failed`` are days
    whose sums exceed the database's integers; their events are read as before. Re-dates companies with few rows first.
    """
    now = now or timezone.now()
    redate_short()
    done = [CompanyDays(company) for company in _companies()]
    for result in done:
        for on in _due_days(result.company, now):
            try:
                if _roll_up_day(result.company, on, now):
                    result.days.append(on)
            except (DataError, OverflowError):
                result.failed.append(on)
        for week in _due_weeks(result.company):
            # A week whose sums are too large is read from its days.
            with suppress(DataError, OverflowError):
                repeated(partial(_replace_week, result.company, week))
    return done


def check_rollups() -> list[CompanyDays]:
    """Compare all roll-ups of days with their events, and of weeks with their days, without changing anything.

    ``failed`` are the days that differ, and the first days of weeks that do.
    """
    checked = [CompanyDays(company) for company in _companies()]
    for result in checked:
        company = result.company
        days = list(_markers(company).fresh().order_by("on").values_list("on", flat=True))
        failed = {on for on in days if _differs(partial(_day_holds, company, on))}
        for week in _weeks(company, is_in_week=True):
            if failed.isdisjoint(week.days) and _differs(partial(_week_holds, company, week)):
                failed.add(week.start)
        result.failed.extend(sorted(failed))
        result.days.extend(on for on in days if on not in failed)
    return checked


def _companies() -> list[Company]:
    return list(Company.objects.using(database().alias).order_by("pk"))


def _markers(company: Company) -> Any:
    return RolledUpDay.objects.using(database().alias).filter(company=company)


def _due_days(company: Company, now: datetime) -> Iterator[date]:
    first, day = company.first_day(), company.last_day_ended(now - ROLLED_UP_AFTER)
    finished = set(_markers(company).finished().values_list("on", flat=True))
    while first is not None and day >= first and company.is_zone_settled(now):
        if day not in finished:
            yield day
        day -= timedelta(days=1)


def _roll_up_day(company: Company, on: date, now: datetime) -> bool:
    """Roll up a day, unless another process just did; return whether it was done."""
    # Commit the marker before reading anything: transactions that change the day from now on wait for it.
    repeated(partial(_markers(company).get_or_create, company=company, on=on))
    try:
        return repeated(partial(_replace_sums, company, on, now))
    except _NotOver:
        return False


def _replace_sums(company: Company, on: date, now: datetime) -> bool:
    with atomic(is_durable=True):
        # The first statement takes the lock (and SQLite's write lock). Later reads include the changes of all earlier
        # holders; those that wait for it mark the day stale again.
        marker = _markers(company).filter(on=on).unfinished()
        if not marker.update(is_stale=False, has_stale_sessions=False, is_in_week=False):
            return False
        present = Company.objects.using(database().alias).get(pk=company.pk)
        # By a former zone, changes mark another day.
        if on > present.last_day_ended(now - ROLLED_UP_AFTER) or not present.is_zone_settled(now):
            raise _NotOver
        for model, by, parts in _tables(company, on):
            _stored(model, company, on).delete()
            insert(model, parts, by, using=database().alias, company=company.pk, on=on)
    return True


def _weeks(company: Company, **lookups: bool) -> list[Period]:
    """Return the weeks whose days are all fresh and match the ``lookups``."""
    days = set(_markers(company).fresh().filter(**lookups).values_list("on", flat=True))
    return [week for week in Period(min(days), max(days)).weeks if days.issuperset(week.days)] if days else []


def _due_weeks(company: Company) -> list[Period]:
    added_up = _weeks(company, is_in_week=True)
    return [week for week in _weeks(company) if week not in added_up]


def _is_added_up(company: Company, week: Period) -> bool:
    """Return whether the totals of a week are valid."""
    days = _markers(company).fresh().on_days([(week.start, week.end)], is_in_week=True)
    return bool(days.count() == len(week))


def _replace_week(company: Company, week: Period) -> None:
    with atomic(is_durable=True):
        # Lock its days in the usual order, so that none is rolled up again meanwhile.
        for day in week.days:
            _markers(company).filter(on=day).update(is_in_week=True)
        _stored(WeeklyProductTotals, company, week.start).delete()
        parts = [_totals_of_week(company, week)]
        insert(WeeklyProductTotals, parts, _TOTAL, using=database().alias, company=company.pk, on=week.start)


def _totals_of_week(company: Company, week: Period) -> Grouped:
    days = DailyProductTotals.objects.using(database().alias).on_days([(week.start, week.end)], company=company)
    return rolled_up.totals_of_week(days)


def _stored(model: type[_Sums], company: Company, on: date) -> Any:
    return model._default_manager.using(database().alias).filter(company=company, on=on)


def _tables(company: Company, on: date) -> Iterator[tuple[type[_Sums], tuple[str, ...], list[Grouped]]]:
    """Yield each table of a day with its key columns and the sums that its rows should hold."""
    day, alias = Period(on, on), database().alias
    query = ReportQuery(company=company, period=day)
    events = query.of_company(CartEvent.objects.using(alias).included(), day)
    orders = query.of_company(Order.objects.using(alias).included(), day)
    sessions = query.of_company(VisitorSession.objects.using(alias).counted(), day)
    visits = SessionSums(
        sessions,
        [_VISIT, ("channel",), ("ai_profile",), ()],
        converted_sessions=Trust.values,
        reported_sessions=[Trust.REPORTED],
        confirmed_sessions=[Trust.CONFIRMED],
        verified_sessions=[Trust.VERIFIED],
        trusted_sessions=Trust.by_server(),
    )
    money = [live.cart_sums(events, _CREDIT), live.order_sums(orders, _CREDIT)]
    money.append(conversation_sums.order_sums(orders, _CREDIT))
    products: list[Grouped] = [live.added_sums(events, _CREDIT), live.purchased_sums(orders, _CREDIT)]
    touches: list[Grouped] = [
        live.touch_sums(orders, _CREDIT),
        live.untouched_sums(orders, (*_CREDIT, *_VISIT)),
    ]
    yield DailyFigures, _CREDIT, money
    yield DailySessions, _VISIT, [visits]
    yield DailyTouches, _TOUCH, touches
    recommending = query.of_company(Interaction.objects.using(alias).recommending(), day)
    recommended = live.recommended_sums(recommending, ("kind", "ai_profile"))
    yield DailyRecommended, (*_VISIT, "product_id"), [recommended]
    yield DailyConversations, _VISIT, [*conversation_sums.sums_of_day(company, day, alias)]
    yield DailyProductFigures, (*_CREDIT, _PRODUCT), products
    # The rows just written, over all credits.
    yield (
        DailyProductTotals,
        _TOTAL,
        [rolled_up.totals_of_day(_stored(DailyProductFigures, company, on))],
    )


def _differs(holds: Callable[[], bool]) -> bool:
    """Return whether stored rows are wrong, checking twice: the day may change between two statements."""
    return not holds() and not holds()


def _day_holds(company: Company, on: date) -> bool:
    """Return whether a day's stored rows agree with its events, or are not read."""
    day = _markers(company).fresh().filter(on=on)
    marker = day.first()
    if marker is None:
        return True
    left_out = _OF_SESSIONS if marker.has_stale_sessions else ()
    tables = [table for table in _tables(company, on) if table[0] not in left_out]
    return all(_holds(company, on, *table) for table in tables) or not day.exists()


def _week_holds(company: Company, week: Period) -> bool:
    """Return whether a week's stored rows agree with its days, or are not read."""
    if not _is_added_up(company, week):
        return True
    parts = [_totals_of_week(company, week)]
    return _holds(company, week.start, WeeklyProductTotals, _TOTAL, parts) or not _is_added_up(company, week)


def _holds(company: Company, on: date, model: type[_Sums], by: tuple[str, ...], parts: list[Grouped]) -> bool:
    """Return whether the stored rows of a table agree with the sums."""
    names = [name for name in dict.fromkeys(name for part in parts for name in part.names) if hasattr(model, name)]
    # Duplicate rows add up to too much.
    rows = FoundRows(_stored(model, company, on))
    merged = {
        name: latest_stored(rows, name) if name in STAMPS else largest(name) if name in TEXTS else total(name)
        for name in names
    }
    stored = Grouped(rows, by, **merged)
    alias = database().alias
    expected = {key: {name: sums[name] for name in names} for key, sums in add_up(parts, by, using=alias)}
    return expected == dict(add_up([stored], by, using=alias))
