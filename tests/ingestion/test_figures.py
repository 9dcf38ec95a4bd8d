"""Sequences of reports and confirmations with the purchase revenue that must come out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from alhena_tracking.ingestion import Visitor, record
from alhena_tracking.models import Company, Order, Standing, Trust
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support.event_data import NOW, chat, order

pytestmark = pytest.mark.django_db

ANN, BOB = (Visitor(uuid4(), None) for _ in "AB")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def revenue(company: Company) -> Callable[[], tuple[int, int, int]]:
    """Return gross, verified and confirmed revenue."""

    def read() -> tuple[int, int, int]:
        day = NOW.date()
        query = ReportQuery(company=company, period=Period(day, day + timedelta(days=1)), currency="EUR")
        current = revenue_impact(query).current
        return current.purchase_minor, current.verified_minor, current.confirmed_minor

    return read


def _order(minutes: int, visitor: Visitor | None, value_minor: int, *, by_server: bool = False, **changes: Any) -> Any:
    trust = Trust.CONFIRMED if by_server else Trust.REPORTED
    return order(NOW + minutes * MINUTE, visitor, value_minor=value_minor, trust=trust, **changes)


@pytest.mark.parametrize("is_reported_first", [True, False])
def test_order_when_its_buyer_did_not_use_the_assistant_is_not_ours(
    company: Company, revenue: Callable[[], tuple[int, int, int]], is_reported_first: bool
) -> None:
    report, confirmation = _order(1, ANN, 50_000), _order(1, BOB, 50_000, by_server=True)
    record(company, [chat(NOW, ANN)])
    said = [report, confirmation] if is_reported_first else [confirmation, report]
    statuses = [record(company, [each])[0].status for each in said]
    assert statuses == (["recorded", "ignored"] if is_reported_first else ["ignored", "recorded"])
    assert revenue() == (0, 0, 0)
    stored = Order.objects.get()
    assert (stored.standing, stored.has_conflict) == (Standing.NOT_OURS, True)


@pytest.mark.parametrize("is_trusted_only", [True, False])
def test_order_without_id_when_the_server_repeats_it_is_one(
    company: Company, revenue: Callable[[], tuple[int, int, int]], settings: Any, is_trusted_only: bool
) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": is_trusted_only}
    record(company, [chat(NOW, ANN)])
    record(company, [_order(1, ANN, 8_000, order_id="")])
    (outcome,) = record(company, [_order(2, ANN, 8_000, order_id="", by_server=True)])
    assert outcome.status == "confirmed"
    assert revenue() == (8_000, 8_000, 0)
    assert Order.objects.get().occurred_at == NOW + MINUTE
