"""QuerySets of the models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models
from django.db.models import F, Q, Sum
from django.utils import timezone

from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import EXPORT_ABANDONED_AFTER, EXPORT_KEPT, PENDING_AGE, ZONE_SETTLES_AFTER

if TYPE_CHECKING:
    from alhena_tracking.models import Company

_Model = TypeVar("_Model", bound=models.Model)


class CompanyQuerySet(models.QuerySet[_Model]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Return companies that are not restricted, and those of the groups of ``user``; all to superusers."""
        if getattr(user, "is_superuser", False):
            return self
        # ``__in`` finds nothing for an anonymous user, whose key is ``None``; equality would find groups without users.
        return self.filter(Q(is_restricted=False) | Q(groups__user__in=[user.pk])).distinct()


class RedatingQuerySet(models.QuerySet[_Model]):
    def start(self, company: Company, *, is_short: bool) -> None:
        """Begin at the first row, also where another change is under way, and lock it until the transaction ends."""
        row = self.model(company=company, is_short=is_short)
        names = [field.name for field in self.model._meta.concrete_fields if not field.primary_key]
        has_target = connections[self.db].features.supports_update_conflicts_with_target
        self.bulk_create(
            [row],
            update_conflicts=True,
            update_fields=names,
            unique_fields=["company"] if has_target else None,
        )

    def under_way(self) -> Self:
        """Return those with rows on days of a former time zone."""
        return self.filter(is_settling=False)

    def due(self, now: datetime) -> Self:
        """Return those that can go on: to settle, no process may record by the former time zone any more."""
        return self.filter(Q(is_settling=False) | Q(company__zone_changed_at__lte=now - ZONE_SETTLES_AFTER))


class SecretKeyQuerySet(models.QuerySet[_Model]):
    def active(self) -> Self:
        """Return keys that are not revoked."""
        return self.filter(revoked_at__isnull=True)


class LockRowQuerySet(models.QuerySet[_Model]):
    def lock(self, numbers: Collection[int]) -> None:
        """Lock the rows in ascending order until the transaction ends. See ``VisitorSessionQuerySet.lock``.

        Raises ``ImproperlyConfigured`` where ``migrate`` has not created them.
        """
        for number in sorted(set(numbers)):
            if not self.filter(pk=number).update(is_taken=False):
                raise ImproperlyConfigured("alhena_tracking has no rows to lock: run `manage.py migrate`.")


class DaysQuerySet(models.QuerySet[_Model]):
    """Rows with a day in the company's time zone."""

    day = "on"

    def between(self, start: date, end: date) -> Self:
        """Return rows of the days from ``start`` to ``end``, both included."""
        return self.on_days([(start, end)])

    def on_days(self, ranges: Iterable[tuple[date, date]], **lookups: object) -> Self:
        """Return rows of the days of any range (both ends included) that match the ``lookups``."""
        chosen = Q()
        for start, end in ranges:
            chosen |= Q(**{f"{self.day}__gte": start, f"{self.day}__lte": end})
        return self.filter(chosen, **lookups) if chosen else self.none()


class DatedQuerySet(DaysQuerySet[_Model]):
    """Rows with a time, and the day of that time in the company's time zone."""

    moment = "occurred_at"
    day = "occurred_on"

    def redate(self, zone: ZoneInfo) -> tuple[int, set[date]]:
        """Recompute the days for a time zone, in Python (databases disagree on zones).

        Return the number of rows that moved, and the days they were and are on. All rows are read at once.
        """
        days: set[date] = set()
        moved: dict[date, list[int]] = {}
        for pk, at, on in self.values_list("pk", self.moment, self.day):
            day = at.astimezone(zone).date()
            if day != on:
                days |= {day, on}
                moved.setdefault(day, []).append(pk)
        rows = self.model._default_manager.using(self.db)
        for day, pks in moved.items():
            rows.filter(pk__in=pks).update(**{self.day: day})
        return sum(map(len, moved.values())), days


class CartEventQuerySet(DatedQuerySet[_Model]):
    def included(self) -> Self:
        """Return cart events of sessions that staff have not excluded."""
        return self.filter(is_excluded=False)


class InteractionQuerySet(DatedQuerySet[_Model]):
    def recommending(self) -> Self:
        """Return qualifying interactions that recommended products, of sessions that staff have not excluded."""
        return self.filter(is_qualifying=True, recommended_product_ids__isnull=False, session__excluded_at__isnull=True)


class VisitorSessionQuerySet(DatedQuerySet[_Model]):
    moment = "started_at"
    day = "started_on"

    def included(self) -> Self:
        """Return sessions that staff have not excluded."""
        return self.filter(excluded_at__isnull=True)

    def counted(self) -> Self:
        """Return sessions that count in figures: with a qualifying interaction, and not excluded."""
        return self.included().filter(qualified_at__isnull=False)

    def lock(self, pk: int) -> None:
        """Lock the session until the transaction ends.

        An ``UPDATE`` locks the row on PostgreSQL and MariaDB and takes SQLite's write lock. Read what it protects in a
        later statement: one that locks and reads returns the rows from before its wait.
        """
        self.filter(pk=pk).update(version=F("version") + 1)

    def lock_all(self, pks: Collection[int]) -> None:
        """Lock the sessions as ``lock`` does, in ascending order, by two statements."""
        rows = self.filter(pk__in=pks)
        if connections[self.db].features.has_select_for_update:
            # An UPDATE of several rows would lock them in any order.
            list(rows.order_by("pk").select_for_update().values_list("pk"))
        rows.update(version=F("version") + 1)


class OrderQuerySet(DatedQuerySet[_Model]):
    def counted(self) -> Self:
        """Return orders that count as revenue; under ``CONFIRMED_ORDERS_ONLY``, the shop's server vouches for them."""
        return self.filter(**self.counting())

    def uncounted(self) -> Self:
        """Return orders that do not count as revenue."""
        return self.exclude(**self.counting())

    @staticmethod
    def counting() -> dict[str, Any]:
        """Return the lookups of ``counted``."""
        trusted = {"trust__in": ["CONFIRMED", "VERIFIED"]} if conf.confirmed_orders_only else {}
        return {"standing": "COUNTED", **trusted}

    def included(self) -> Self:
        """Return orders whose standing is *counted*, whatever ``CONFIRMED_ORDERS_ONLY`` says."""
        return self.filter(standing="COUNTED")

    def held_back(self) -> Self:
        """Return orders that wait for staff: not those that still wait for a claim."""
        # By the reasons, for their index.
        held = self.filter(standing="HELD", held_reason__in=["ABOVE_CEILING", "NO_FITTING_CLAIM", "OTHER_CURRENCY"])
        return held.exclude(self._waits())

    def waiting(self) -> Self:
        """Return orders that wait for a claim with the figures that the shop's server confirmed."""
        return self.filter(self._waits(), standing="HELD")

    @staticmethod
    def _waits() -> Q:
        return Q(held_reason="NO_FITTING_CLAIM", confirmed_at__gt=timezone.now() - PENDING_AGE)


class PendingConfirmationQuerySet(models.QuerySet[_Model]):
    def waiting_since(self, until: datetime) -> Self:
        """Return those that have waited for a report of their order since ``until`` or longer."""
        return self.filter(received_at__lt=until)


class OrderVersionQuerySet(models.QuerySet[_Model]):
    def waiting_since(self, until: datetime) -> Self:
        """Return those that have waited for a report of their order since ``until`` or longer."""
        return self.filter(order__isnull=True, superseded_at__lt=until)


class WebhookDeliveryQuerySet(models.QuerySet[_Model]):
    def received_until(self, until: datetime) -> Self:
        """Return those received before ``until``."""
        return self.filter(received_at__lt=until)


class ExportQuerySet(models.QuerySet[_Model]):
    def of(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Return those that ``user`` asked for."""
        return self.filter(requested_by__in=[user.pk])

    def unfinished(self) -> Self:
        return self.filter(status__in=["requested", "running"])

    def due(self, now: datetime) -> Self:
        """Return those that nobody works on, the earliest first."""
        abandoned = Q(status="running", worked_at__lt=now - EXPORT_ABANDONED_AFTER)
        return self.filter(Q(status="requested") | abandoned).order_by("requested_at", "pk")

    def expired(self, now: datetime) -> Self:
        """Return those that were finished, or are still unfinished, so long ago that they are deleted."""
        until = now - EXPORT_KEPT
        return self.filter(Q(finished_at__lt=until) | Q(finished_at=None, requested_at__lt=until - EXPORT_KEPT))


class RefundQuerySet(DatedQuerySet[_Model]):
    def minor_by_order(self, pks: Collection[int]) -> dict[int, int]:
        """Return what is deducted of the orders with these ids, in minor units; without those that have no refund."""
        rows = self.filter(refunded_order__in=pks).order_by().values_list("refunded_order")
        return {pk: int(minor) for pk, minor in rows.annotate(minor=Sum("counted_minor"))}

    def waiting_since(self, until: datetime) -> Self:
        """Return those that have waited for their order since ``until`` or longer."""
        return self.filter(refunded_order__isnull=True, received_at__lt=until)


class RolledUpDayQuerySet(DaysQuerySet[_Model]):
    def fresh(self) -> Self:
        """Return days with valid sums; those of their sessions may be stale."""
        return self.filter(is_stale=False)

    def finished(self) -> Self:
        """Return days with valid sums, sessions included."""
        return self.fresh().filter(has_stale_sessions=False)

    def unfinished(self) -> Self:
        """Return days with stale sums, of sessions or others."""
        return self.filter(Q(is_stale=True) | Q(has_stale_sessions=True))

    def mark_stale(self, company: Company, days: Iterable[date], *, of_sessions: Iterable[date] = ()) -> None:
        """Mark roll-ups of ``days`` stale, and those of the sessions of ``of_sessions``.

        Call in the transaction that changes the figures, after locking the rows that it changes. Waits for running
        roll-ups of these days, and blocks new ones until the transaction ends, so days without roll-ups are marked.
        """
        has_target = connections[self.db].features.supports_update_conflicts_with_target
        for field, together in self.marks(days, of_sessions):
            self.bulk_create(
                [self.model(company=company, on=day) for day in together],
                update_conflicts=True,
                update_fields=[field],
                unique_fields=["company", "on"] if has_target else None,
            )

    @staticmethod
    def marks(days: Iterable[date], of_sessions: Iterable[date]) -> Iterator[tuple[str, list[date]]]:
        """Yield the fields to set and the days, in an order in which no two transactions wait for each other."""
        stale = set(days)
        for is_stale, together in groupby(sorted(stale.union(of_sessions)), key=stale.__contains__):
            yield "is_stale" if is_stale else "has_stale_sessions", list(together)


class ExchangeRateQuerySet(models.QuerySet[_Model]):
    def store(self, rates: Iterable[_Model]) -> int:
        """Store rates, in place of those of the same currencies and days; return how many."""
        has_target = connections[self.db].features.supports_update_conflicts_with_target
        stored = self.bulk_create(
            rates,
            batch_size=1000,
            update_conflicts=True,
            update_fields=["per_euro"],
            unique_fields=["currency", "on"] if has_target else None,
        )
        return len(stored)
