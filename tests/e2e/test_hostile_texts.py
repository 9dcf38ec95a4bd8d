"""Staff open every page that shows what visitors sent, in a real browser under a strict policy: nothing of it runs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.test import Client

from alhena_tracking.models import CartEvent, Company, Order
from tests.support import factories
from tests.support.e2e.shop import messages_of
from tests.support.factories import at
from tests.support.hostile_texts import HOSTILE, fill, lists_of
from tests.support.runs import some

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Response

pytestmark = pytest.mark.browser

MONDAY = date(2026, 3, 2)
DAYS = "start=2026-03-02&end=2026-03-08"
#: Whatever runs calls this, or leaves an element that no page of the admin has.
SENTINEL = "window.hacked = () => { (window.victims = window.victims || []).push(location.href) }"
FOREIGN = "iframe, img[src='x'], object, embed, [onerror], [onload], [onmouseover], [onfocus], base"


def test_pages_when_texts_are_hostile_run_and_log_nothing(context: BrowserContext, shop: str) -> None:
    company = Company.objects.get(key="acme")
    rows = [fill(company, text, at(MONDAY)) for text in HOSTILE.values()]
    Company.objects.filter(pk=company.pk).update(name=HOSTILE["script"])
    client = Client()
    client.force_login(factories.UserFactory.create(is_superuser=True))
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": shop}])
    context.add_init_script(SENTINEL)
    page = context.new_page()
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # the admin has none
    messages, requested = messages_of(page), list[str]()
    page.on("request", lambda request: requested.append(request.url))

    # Lists and the report show all rows at once; the pages of single rows are those of each text.
    urls = lists_of(rows[0], DAYS)
    urls += [f"{urls[0]}&channel=CHAT&profile={profile}" for profile in ("@SUM(1)", "%3C/script%3E%3Cscript%3E")]
    urls += [f"/alhena/api/{path}" for path in ("revenue-impact?" + DAYS, "orders", "cart-events", "sessions")]
    for model in (Order, CartEvent):
        urls += [f"/admin/alhena_tracking/{model._meta.model_name}/{each[model].pk}/change/" for each in some(rows, 5)]
    for url in urls:
        response: Response | None = page.goto(url)
        assert response
        assert response.status == 200, url
        policy = response.headers["content-security-policy"]
        assert "script-src 'self' 'nonce-" in policy
        assert "unsafe" not in policy
        for row in page.locator("details > summary").all()[:5]:
            row.click()
        page.mouse.move(200, 300)
        assert page.evaluate("window.victims || []") == [], url
        assert page.locator(FOREIGN).count() == 0, url
        assert messages == [], url
    assert [url for url in requested if not url.startswith(shop)] == []
