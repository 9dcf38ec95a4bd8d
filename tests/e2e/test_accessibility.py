"""The pages beside the report hold to WCAG, too: traces, the exclusion of an order, the diagnostics, files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import review
from alhena_tracking.models import Company
from alhena_tracking.reports import Section
from tests.support import factories
from tests.support.e2e.accessibility import LOOKS, violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ADMIN = "/admin/alhena_tracking"


@pytest.fixture
def urls(shop: str) -> list[str]:
    """An order with all that an order can have, one that is excluded, a cart event, and rejected events."""
    company = Company.objects.get(key="acme")
    before = timezone.now() - timedelta(days=70)
    factories.OrderFactory.create(session=factories.VisitorSessionFactory.create(company=company, started_at=before))
    session = factories.VisitorSessionFactory.create(company=company, ai_profile="Ada")
    event = factories.CartEventFactory.create(session=session, product_name="x" * 500)
    order = factories.OrderFactory.create(session=session, has_conflict=True, credited_at=timezone.now())
    factories.OrderLineFactory.create(order=order)
    factories.OrderClaimFactory.create(order=order, session=session, value_minor=order.value_minor + 1)
    factories.RefundFactory.create(refunded_order=order)
    excluded = factories.OrderFactory.create(session=session)
    review.exclude_orders([excluded.pk], None, "Test order")
    for user in get_user_model().objects.all():
        for status in ("requested", "running", "failed", "done"):
            ended = {"problem": "error"} if status == "failed" else {}
            factories.ExportFactory.create(requested_by=user, status=status, finished_at=timezone.now(), **ended)
    event_counts.count(company, "sendCartEvent", "recorded")
    event_counts.count(company, "sendCartEvent", "ignored", "no_interaction")
    event_counts.reject(company, "sendCartEvent", "invalid", [("quantity", "required")], "https://shop.example")
    event_counts.flush()
    return [
        f"{ADMIN}/order/{order.pk}/change/",
        f"{ADMIN}/order/{order.pk}/exclude/",
        f"{ADMIN}/order/{excluded.pk}/change/",
        f"{ADMIN}/cartevent/{event.pk}/change/",
        f"{ADMIN}/eventdiagnostics/",
        f"{ADMIN}/eventdiagnostics/?company=nobody",
        f"{ADMIN}/eventdiagnostics/reconcile/",
        *(f"{ADMIN}/revenueimpact/?show={section}" for section in Section),
        f"{ADMIN}/revenueimpact/files/",
    ]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_when_checked_by_axe_have_no_violations(
    open_page: Callable[..., Page], urls: list[str], scheme: str, width: int
) -> None:
    page = open_page("/admin/login/", color_scheme=scheme, viewport={"width": width, "height": 800})
    for url in urls:
        page.goto(url)
        for summary in page.locator("details:not(.alhena-fields, .alhena-menu) > summary").all():
            summary.click()
        assert violations(page) == [], url
