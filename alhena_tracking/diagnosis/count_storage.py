"""Counts and rejected events, written to the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import NamedTuple

from django.db import IntegrityError, router, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from alhena_tracking.models import Company, EventCount, RejectedEvent


class Key(NamedTuple):
    """What identifies a row of ``EventCount``."""

    company_id: int
    on: date
    method: str
    outcome: str
    reason: str


class Tally(NamedTuple):
    number: int
    last_at: datetime


def find_companies(ids: Collection[int], keys: Collection[str]) -> dict[int, Company]:
    """Return those of the companies that exist, by id."""
    companies = Company.objects.using(router.db_for_write(EventCount)).only("key", "time_zone")
    return {company.pk: company for company in companies.filter(Q(pk__in=ids) | Q(key__in=keys))}


def write_counts(counts: Mapping[Key, Tally]) -> None:
    """Add the counts to those that are stored."""
    with transaction.atomic(using=router.db_for_write(EventCount), durable=True):
        for key in sorted(counts):  # in one order, so that no two processes wait for each other
            _increase(key, counts[key])


def _increase(key: Key, tally: Tally) -> None:
    identity = {
        "company_id": key.company_id,
        "counted_on": key.on,
        "method": key.method,
        "outcome": key.outcome,
        "reason": key.reason,
    }
    rows = EventCount.objects.filter(**identity)
    increase = {"count": F("count") + tally.number, "last_at": Greatest("last_at", tally.last_at)}
    if rows.update(**increase):
        return
    try:
        with transaction.atomic(using=router.db_for_write(EventCount)):
            EventCount.objects.create(**identity, count=tally.number, last_at=tally.last_at)
    except IntegrityError:
        if not rows.update(**increase):
            raise


def write_rejected(rows: Collection[RejectedEvent]) -> None:
    for row in rows:
        row.pk = None  # set by an attempt that was not committed
    with transaction.atomic(using=router.db_for_write(RejectedEvent), durable=True):
        RejectedEvent.objects.bulk_create(rows)


def delete_superseded(company_id: int) -> None:
    """Delete all but the newest rejected events. Those that another process adds meanwhile are newer, and stay."""
    rows = RejectedEvent.objects.using(router.db_for_write(RejectedEvent)).filter(company_id=company_id)
    newest_first = rows.order_by("-received_at", "-id").values_list("received_at", "pk")
    for at, pk in newest_first[RejectedEvent.KEPT : RejectedEvent.KEPT + 1]:
        rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lte=pk)).delete()
