"""Confirmations and refunds that waited for their order in vain, and deliveries that nobody will repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.utils import timezone

from alhena_tracking.contract.limits import PENDING_AGE, WEBHOOK_AGE
from alhena_tracking.db.transactions import atomic, database, persistently
from alhena_tracking.models import LockRow, OrderVersion, PendingConfirmation, Refund, WebhookDelivery

#: Rows deleted in one transaction, each under the lock row of its order id.
CHUNK = 100


def prune_waiting() -> Iterator[str]:
    """Delete confirmations and refunds whose order did not follow within ``PENDING_AGE``."""
    until = timezone.now() - PENDING_AGE
    alias = database().alias
    for name, rows in (
        ("confirmations", PendingConfirmation.objects.using(alias).waiting_since(until)),
        ("order versions", OrderVersion.objects.using(alias).waiting_since(until)),
        ("refunds", Refund.objects.using(alias).waiting_since(until)),
    ):
        yield f"Deleted waiting {name}: {_prune(rows)}."


def prune_deliveries() -> Iterator[str]:
    """Forget deliveries that are refused by their age if they come again."""
    rows = WebhookDelivery.objects.using(database().alias).received_until(timezone.now() - WEBHOOK_AGE)
    number = 0
    while found := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        number += persistently(partial(_delete_deliveries, rows, found))
    yield f"Deleted ids of webhook deliveries: {number}."


def _delete_deliveries(rows: Any, found: Sequence[int]) -> int:
    with atomic(is_durable=True):
        deleted, _ = rows.filter(pk__in=found).delete()
    return int(deleted)


def _prune(rows: Any) -> int:
    number = last_pk = 0
    while found := list(rows.filter(pk__gt=last_pk).order_by("pk").values_list("pk", "order_id_digest")[:CHUNK]):
        last_pk = found[-1][0]
        number += persistently(partial(_delete, rows, dict(found)))
    return number


def _delete(rows: Any, digests: dict[int, Any]) -> int:
    """Delete those of the rows that still wait once their order ids are locked."""
    with atomic(is_durable=True):
        LockRow.objects.using(rows.db).lock([LockRow.number_of(digest) for digest in digests.values()])
        deleted, _ = rows.filter(pk__in=digests).delete()
    return int(deleted)
