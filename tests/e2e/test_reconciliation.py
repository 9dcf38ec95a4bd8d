"""Staff compare an export of the shop's with the recorded orders, in a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from alhena_tracking.models import Company, HeldReason
from tests.support import factories
from tests.support.e2e.accessibility import LOOKS, violations

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

pytestmark = pytest.mark.browser

URL = "/admin/alhena_tracking/eventdiagnostics/"
LINES = ["Bestell-Nr.;Gesamtbetrag;Datum", "A;10,00;04.05.2026", "B;12,50;04.05.2026", "C;10;04.05.2026", "X;1;", ";2;"]


@pytest.fixture
def export(shop: str) -> FilePayload:
    company = Company.objects.get(key="acme")
    session = factories.VisitorSessionFactory.create(company=company)
    factories.OrderFactory.create(session=session, order_id="A")
    factories.OrderFactory.create(session=session, order_id="B", excluded_at=session.started_at)
    factories.OrderFactory.create(session=session, order_id="C", held_reason=HeldReason.ABOVE_CEILING)
    company.currency = "EUR"
    company.save()
    return {"name": "orders.csv", "mimeType": "text/csv", "buffer": "\r\n".join(LINES).encode("utf-16")}


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_orders_when_compared_are_shown_and_downloaded(
    open_page: Callable[..., Page], export: FilePayload, scheme: str, width: int
) -> None:
    # axe needs JavaScript: the forms work without it in test_reconciliation_page.py.
    page = open_page(URL, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.get_by_role("link", name="Compare orders").click()
    page.locator("#id_file").set_input_files(export)
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="4 orders in the file.").wait_for()
    assert page.locator(".alhena-scroll tbody tr").count() == 3
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Value:").fill("Umsatz")
    page.locator("#id_file").set_input_files(export)
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("No column found: Value.").wait_for()
    assert violations(page) == []
    page.get_by_label("Value:").fill("")
    page.locator("#id_file").set_input_files(export)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "reconciliation_acme.csv"
