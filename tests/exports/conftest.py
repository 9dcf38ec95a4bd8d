"""What the tests of files share: a shop's week, and somebody who exports it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.models import Company
from tests.support import factories
from tests.support.factories import at

REPORT_URL = "/admin/alhena_tracking/revenueimpact/"
MONDAY = date(2026, 3, 2)
THAT_WEEK = {"start": "2026-03-02", "end": "2026-03-08"}


@pytest.fixture
def export(client: Client, log_in: Callable[..., Any]) -> Callable[..., bytes]:
    """Export as somebody who may."""
    log_in("view_revenueimpact", "export_revenueimpact", "view_order", "view_cartevent")

    def export(name: str, expected: int = 200, **parameters: str) -> bytes:
        response = client.get(f"{REPORT_URL}export/{name}", {**THAT_WEEK, **parameters})
        assert response.status_code == expected
        return b"".join(response) if response.streaming else response.content

    return export


@pytest.fixture
def shop(company: Company) -> Company:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu", name="Acme")
    company.refresh_from_db()
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY, 9))
    factories.CartEventFactory.create(session=session, gmv_minor=12345, product_id="sku", product_name="Tea")
    factories.CartEventFactory.create(session=session, gmv_minor=-345, product_id="sku", product_name="Tea")
    evening = at(MONDAY, 20)
    order = factories.OrderFactory.create(session=session, value_minor=10050, order_id="1001", occurred_at=evening)
    factories.RefundFactory.create(refunded_order=order, value_minor=900, occurred_at=at(date(2026, 3, 20)))
    factories.RefundFactory.create(refunded_order=order, value_minor=100, occurred_at=at(date(2026, 3, 10)))
    factories.OrderFactory.create(session=session, value_minor=77, excluded_at=at(MONDAY), exclusion_reason="test")
    factories.OrderFactory.create(session=session, value_minor=1500, currency="JPY")
    return company
