"""Confirmations and refunds that wait for their order."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.digests import text_digest
from alhena_tracking.maintenance import waiting
from alhena_tracking.models import Company, Order, OrderVersion, PendingConfirmation, Refund
from tests.support.factories import OrderFactory, RefundFactory, VisitorSessionFactory
from tests.support.zones import change_zone

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def confirm(company: Company, order_id: str, *, age: timedelta) -> PendingConfirmation:
    at = timezone.now() - age
    return PendingConfirmation.objects.create(
        company=company,
        order_id=order_id,
        order_id_digest=text_digest(order_id),
        event_id=text_digest(order_id),
        currency="EUR",
        value_minor=1000,
        occurred_at=at,
        received_at=at,
        updated_at=at,
    )


def supersede(company: Company, order_id: str, *, age: timedelta, order: Order | None = None) -> OrderVersion:
    at = timezone.now() - age
    return OrderVersion.objects.create(
        company=company,
        order=order,
        order_id_digest=text_digest(order_id),
        event_id=text_digest(order_id),
        currency="EUR",
        value_minor=900,
        updated_at=at,
        superseded_at=at,
    )


def refund(company: Company, order_id: str, *, age: timedelta, order: Order | None = None) -> Refund:
    values: dict[str, Any] = {"order_id": order_id, "order_id_digest": text_digest(order_id), "company": company}
    refund: Refund = RefundFactory.create(refunded_order=order or OrderFactory.create(), **values)
    Refund.objects.filter(pk=refund.pk).update(refunded_order=order, received_at=timezone.now() - age)
    return refund


def maintain() -> list[str]:
    output = StringIO()
    steps = ["re-date", "prune-waiting", "prune-deliveries"]
    call_command("alhena_maintenance", only=steps, stdout=output, stderr=output)
    return output.getvalue().splitlines()[:-1]


def test_rows_when_they_have_waited_72_hours_are_deleted(company: Company) -> None:
    order = OrderFactory.create(session=VisitorSessionFactory.create(company=company))
    kept = [
        confirm(company, "young", age=PENDING_AGE - SECOND).pk,
        supersede(company, "young", age=PENDING_AGE - SECOND).pk,
        supersede(company, order.order_id, age=10 * PENDING_AGE, order=order).pk,
        refund(company, "young", age=PENDING_AGE - SECOND).pk,
        refund(company, order.order_id, age=10 * PENDING_AGE, order=order).pk,
    ]
    confirm(company, "old", age=PENDING_AGE + SECOND)
    supersede(company, "old", age=PENDING_AGE + SECOND)
    refund(company, "old", age=PENDING_AGE + SECOND)
    deleted = [f"Deleted waiting {name}: {{}}." for name in ("confirmations", "order versions", "refunds")]
    deleted.append("Deleted ids of webhook deliveries: 0.")
    assert maintain() == [text.format(1) for text in deleted]
    models = PendingConfirmation, OrderVersion, Refund
    assert [pk for model in models for pk in model.objects.order_by("pk").values_list("pk", flat=True)] == kept
    assert maintain() == [text.format(0) for text in deleted]


def test_rows_when_many_wait_are_deleted_in_chunks(
    company: Company, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", 3)
    for number in range(10):
        confirm(company, f"{number}", age=2 * PENDING_AGE)
    chunks: list[int] = []
    delete = waiting._delete

    def deleted(rows: Any, digests: dict[int, Any]) -> int:
        chunks.append(delete(rows, digests))
        return chunks[-1]

    monkeypatch.setattr(waiting, "_delete", deleted)
    assert maintain()[0] == "Deleted waiting confirmations: 10."
    assert chunks == [3, 3, 3, 1]


def test_row_when_its_order_follows_before_it_is_locked_stays(company: Company) -> None:
    order = OrderFactory.create(session=VisitorSessionFactory.create(company=company))
    row = refund(company, order.order_id, age=2 * PENDING_AGE)
    rows = Refund.objects.waiting_since(timezone.now() - PENDING_AGE)
    found = {row.pk: row.order_id_digest}
    Refund.objects.update(refunded_order=order)
    assert waiting._delete(rows, found) == 0


def test_command_when_the_zone_changed_says_how_many_rows_moved(company: Company) -> None:
    VisitorSessionFactory.create(company=company, started_at=timezone.now().replace(hour=20))
    change_zone(company, "Pacific/Kiritimati")
    assert maintain()[0] == "acme: re-dated rows for Pacific/Kiritimati: 1."
