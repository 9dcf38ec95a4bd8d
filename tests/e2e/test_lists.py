"""The lists of rows, and the pages of rows without a trace: whole pages hold to WCAG, and fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from alhena_tracking.models import Company, PrivacyRequest
from tests.support import factories
from tests.support.e2e.accessibility import violations
from tests.support.e2e.charts import is_wider_than_its_window

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ADMIN = "/admin/alhena_tracking"
LISTS = [
    "order",
    "cartevent",
    "visitorsession",
    "interaction",
    "orderclaim",
    "pendingconfirmation",
    "refund",
    "privacyrequest",
    "company",
    "secretkey",
    "shopconnection",
]
LINES = [{"product_id": "tea", "product_name": "Assam", "quantity": "0.050", "total_minor": 390}]


@pytest.fixture
def urls(shop: str) -> list[str]:
    """All lists, with a row each: the order's has long texts in every column. And pages of rows."""
    company = Company.objects.get(key="acme")
    session = factories.VisitorSessionFactory.create(company=company, ai_profile="Ada")
    values = {"order_id": "SHOP-2026-000123", "value_minor": 123_456_789, "currency": "EUR"}
    order = factories.OrderFactory.create(session=session, is_denied=True, has_conflict=True, channel="FAQ", **values)
    factories.OrderLineFactory.create(order=order)
    interaction = factories.InteractionFactory.create(session=session)
    factories.CartEventFactory.create(session=session)
    claim = factories.OrderClaimFactory.create(order=order, session=session, line_items=LINES)
    pending = factories.PendingConfirmationFactory.create(company=company, line_items=LINES)
    refund = factories.RefundFactory.create(refunded_order=order, value_minor=123_456_789)
    request = PrivacyRequest.objects.create(
        company=company, platform="shopify", kind="erase", order_ids=["7"], received_at=timezone.now()
    )
    return [
        *(f"{ADMIN}/{name}/" for name in LISTS),
        f"{ADMIN}/order/?q=SHOP&currency__exact=EUR&channel=FAQ&ai_profile__exact=",
        f"{ADMIN}/interaction/{interaction.pk}/change/",
        f"{ADMIN}/orderclaim/{claim.pk}/change/",
        f"{ADMIN}/pendingconfirmation/{pending.pk}/change/",
        f"{ADMIN}/refund/{refund.pk}/change/",
        f"{ADMIN}/privacyrequest/{request.pk}/change/",
        f"{ADMIN}/company/{company.pk}/change/",
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_lists_when_checked_by_axe_have_no_violations_and_fit(
    open_page: Callable[..., Page], urls: list[str], scheme: str, width: int
) -> None:
    page = open_page("/admin/login/", color_scheme=scheme, viewport={"width": width, "height": 900})
    for url in urls:
        page.goto(url)
        for summary in page.locator("details:not([open]) > summary").all():
            summary.click()
        assert violations(page, ["body"]) == [], url
        assert not is_wider_than_its_window(page), url
        results = page.locator(".results")
        if results.count():
            assert results.evaluate("box => box.scrollWidth <= box.clientWidth"), url
