"""Adding up days that are long over, once, so that the report need not read their events each time it is asked.

Nothing depends on it but speed: the report reads the events of every day that is not rolled up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.db import DataError
from django.utils import timezone

from alhena_tracking.currencies import MINOR_UNITS
from alhena_tracking.ingestion.transactions import atomic, database, repeated
from alhena_tracking.limits import ROLLED_UP_AFTER
from alhena_tracking.models import (
    CartEvent,
    Company,
    DailyFigures,
    DailyProductFigures,
    DailyProductTotals,
    DailySessions,
    Order,
    RolledUpDay,
    Trust,
    VisitorSession,
)
from alhena_tracking.reports import Period, ReportQuery, live
from alhena_tracking.reports.sums import Part

_Sums: TypeAlias = DailyFigures | DailySessions | DailyProductFigures | DailyProductTotals
_Row = TypeVar("_Row", DailyFigures, DailySessions, DailyProductFigures)

_MODELS: tuple[type[_Sums], ...] = (DailyFigures, DailySessions, DailyProductFigures, DailyProductTotals)
_CREDIT = ("currency", "channel", "ai_profile", "trust")
_VISIT = ("channel", "ai_profile")


@dataclass(frozen=True, slots=True)
class CompanyDays:
    """Days of one company: those that were rolled up (or compared), and those for which that did not work."""

    company: Company
    days: list[date] = field(default_factory=list)
    failed: list[date] = field(default_factory=list)


class _NotOver(Exception):
    """By the company's time zone as it is now, the day has not been over for long enough."""


def roll_up(now: datetime | None = None) -> list[CompanyDays]:
    """Roll up all days of all companies that are due, the latest first, and say which they were.

    Due is what has been over for ``ROLLED_UP_AFTER``, and was not rolled up or has changed since. Every day has a
    transaction of its own: whenever this is interrupted, the report stays right, and the next call goes on. ``failed``
    are days whose sums are larger than the database's integers; their events are read as before.
    """
    now = now or timezone.now()
    done = [CompanyDays(company) for company in _companies()]
    for result in done:
        for on in _due_days(result.company, now):
            try:
                if _roll_up_day(result.company, on, now):
                    result.days.append(on)
            except (DataError, OverflowError):
                result.failed.append(on)
    return done


def check_rollups() -> list[CompanyDays]:
    """Compare all days that are rolled up with their events; ``failed`` are those that differ. Changes nothing."""
    checked = [CompanyDays(company) for company in _companies()]
    for result in checked:
        for on in _fresh_days(result.company):
            (result.failed if _differs(result.company, on) else result.days).append(on)
    return checked


def _companies() -> list[Company]:
    return list(Company.objects.using(database().alias).order_by("pk"))


def _markers(company: Company) -> Any:
    return RolledUpDay.objects.using(database().alias).filter(company=company)


def _fresh_days(company: Company) -> list[date]:
    return list(_markers(company).fresh().order_by("on").values_list("on", flat=True))


def _due_days(company: Company, now: datetime) -> Iterator[date]:
    first, day = company.first_day(), company.last_day_ended(now - ROLLED_UP_AFTER)
    fresh = set(_fresh_days(company))
    while first is not None and day >= first:
        if day not in fresh:
            yield day
        day -= timedelta(days=1)


def _roll_up_day(company: Company, on: date, now: datetime) -> bool:
    """Roll up a day, unless somebody else just did; say whether it was done."""
    # The marker is there, for all to see, before anything is read: who changes the day from now on must wait for it.
    repeated(partial(_markers(company).get_or_create, company=company, on=on))
    try:
        return repeated(partial(_add_up, company, on, now))
    except _NotOver:
        return False


def _add_up(company: Company, on: date, now: datetime) -> bool:
    with atomic(is_durable=True):
        # The first statement of the transaction: a lock, and SQLite's write lock. What is read after it includes the
        # changes of all that held it, and those that wait for it mark the day stale again.
        if not _markers(company).filter(on=on, is_stale=True).update(is_stale=False):
            return False
        if on > Company.objects.using(database().alias).get(pk=company.pk).last_day_ended(now - ROLLED_UP_AFTER):
            raise _NotOver
        added_up = list(_from_events(company, on))
        for model in _MODELS:
            rows: list[Any] = [row for row in added_up if isinstance(row, model)]
            _stored(model, company, on).delete()
            model._default_manager.using(database().alias).bulk_create(rows)
    return True


def _stored(model: type[_Sums], company: Company, on: date) -> Any:
    return model._default_manager.using(database().alias).filter(company=company, on=on)


def _from_events(company: Company, on: date) -> Iterator[_Sums]:
    """The rows of a day, by its events."""
    query, day, alias = ReportQuery(company=company, period=Period(on, on)), Period(on, on), database().alias
    # Naming every currency lets the report's indexes, which begin with company and currency, find the day.
    currencies = {"currency__in": list(MINOR_UNITS)}
    events = query.of_company(CartEvent.objects.using(alias).filter(**currencies), day)
    orders = query.of_company(Order.objects.using(alias).included().filter(**currencies), day)
    sessions = query.of_company(VisitorSession.objects.using(alias), day)
    converting = Order.objects.using(alias).included()
    visits = live.session_sums(
        sessions,
        _VISIT,
        converted_sessions=converting,
        reported_sessions=converting.filter(trust=Trust.REPORTED),
        confirmed_sessions=converting.filter(trust=Trust.CONFIRMED),
    )
    row = partial(_row, company=company, on=on)
    yield from _joined(
        partial(row, DailyFigures, _CREDIT),
        live.CartSums(events, _CREDIT),
        live.order_sums(orders, _CREDIT),
        live.refund_sums(orders, _CREDIT),
    )
    yield from _joined(partial(row, DailySessions, _VISIT), visits)
    products = list(
        _joined(
            partial(row, DailyProductFigures, (*_CREDIT, "product_id_digest")),
            live.added_sums(events, _CREDIT),
            live.purchased_sums(orders, _CREDIT),
        )
    )
    yield from products
    yield from _totals(products)


def _totals(products: Iterable[DailyProductFigures]) -> Iterator[DailyProductTotals]:
    """One row for each currency and product of one day."""
    found: dict[tuple[str, UUID], DailyProductTotals] = {}
    for one in products:
        key = one.currency, one.product_id_digest
        if key not in found:
            found[key] = DailyProductTotals(
                company=one.company,
                on=one.on,
                currency=one.currency,
                product_id_digest=one.product_id_digest,
                product_id=one.product_id,
            )
        total = found[key]
        total.product_name = max(total.product_name, one.product_name)
        total.cart_events += one.cart_events
        total.add_to_cart_minor += one.add_to_cart_minor
        total.units_added += one.units_added
        total.purchase_minor += one.purchase_minor
        total.units_purchased += one.units_purchased
        if one.trust == Trust.CONFIRMED:
            total.confirmed_purchase_minor += one.purchase_minor
            total.confirmed_units_purchased += one.units_purchased
    yield from found.values()


def _joined(row: Callable[[tuple[Any, ...], dict[str, Any]], _Row], *parts: Part) -> Iterator[_Row]:
    """One row for each key, with what all parts say of it."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in parts:
        for key, values in part:
            found.setdefault(key, {}).update(values)
    for key, values in found.items():
        yield row(key, values)


def _row(model: type[_Row], names: tuple[str, ...], key: tuple[Any, ...], values: dict[str, Any], **day: Any) -> _Row:
    # What confirmed orders came to is the sum of the rows that have this trust.
    sums = {name: value for name, value in values.items() if name != "confirmed_minor"}
    return model(**day, **dict(zip(names, key, strict=True)), **sums)


def _differs(company: Company, on: date) -> bool:
    """Whether the stored rows of a day that is rolled up are other ones than those of its events.

    Somebody may change the day, or roll it up, between two statements: only what is found twice is believed.
    """
    for _ in range(2):
        stored = Counter(_told(row) for model in _MODELS for row in _stored(model, company, on))
        if stored == Counter(map(_told, _from_events(company, on))):
            return False
        if not _markers(company).fresh().filter(on=on).exists():
            return False
    return True


def _told(row: _Sums) -> tuple[Any, ...]:
    return type(row), *(getattr(row, one.attname) for one in row._meta.concrete_fields if not one.primary_key)
