"""The migration that stores the time of the credited interaction with orders of before."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from alhena_tracking.models import Company, Order, OrderClaim
from tests.support import factories
from tests.support.event_data import NOW

pytestmark = pytest.mark.django_db

migration = import_module("alhena_tracking.migrations.0005_credited_at")
HOUR = timedelta(hours=1)


def test_credited_at_when_missing_is_filled_in_by_chunks(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "CHUNK", 2)
    expected: dict[int, Any] = {}
    for number in range(5):
        session = factories.VisitorSessionFactory.create(company=company, started_at=NOW + number * HOUR)
        order = factories.OrderFactory.create(session=session)
        factories.OrderClaimFactory.create(
            order=order, session=session, credited_interaction=order.credited_interaction
        )
        expected[order.pk] = NOW + number * HOUR
    of_claims = dict(expected)
    known = Order.objects.order_by("pk")[1]
    Order.objects.filter(pk=known.pk).update(credited_at=NOW - HOUR)
    expected[known.pk] = NOW - HOUR
    for _ in range(2):  # an interrupted one is run again
        migration.fill_in(apps, SimpleNamespace(connection=connection))
        assert dict(Order.objects.values_list("pk", "credited_at")) == expected
        assert dict(OrderClaim.objects.values_list("order_id", "credited_at")) == of_claims
