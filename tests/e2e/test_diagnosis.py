"""A shop is set up step by step, and the diagnostics name the next step each time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model

from alhena_tracking import maintenance
from alhena_tracking.diagnosis import event_counts
from tests.support.e2e.shop import (
    add,
    answered,
    cart_event,
    choose_two_kettles,
    let_the_tracker_settle,
    messages_of,
    open_the_faq,
    place_the_order,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

DIAGNOSTICS = "/admin/alhena_tracking/eventdiagnostics/"


@pytest.fixture
def staff(browser: Browser, shop: str) -> Iterator[Page]:
    """A page of somebody who is logged in, in a browser apart from the visitor's."""
    get_user_model().objects.create_superuser("staff", password="secret")
    context = browser.new_context(base_url=shop, locale="en-GB")
    context.set_default_timeout(10_000)
    staff = context.new_page()
    staff.goto(f"/admin/login/?next={DIAGNOSTICS}")
    staff.locator("#id_username").fill("staff")
    staff.locator("#id_password").fill("secret")
    staff.locator("[type=submit]").click()
    staff.wait_for_url(f"**{DIAGNOSTICS}")
    # The browser has asked for an icon, and the shop's page that there is none has the snippet, too.
    let_the_tracker_settle(staff)
    event_counts.forget()
    yield staff
    context.close()


def cause_of(staff: Page) -> str:
    event_counts.flush()  # what takes up to ten seconds outside of tests
    staff.goto(DIAGNOSTICS)
    return staff.locator(".alhena-cause h2").inner_text()


def states_of(staff: Page) -> dict[str, str]:
    """The state of each check, by its title, as it is written there."""
    checks = staff.locator(".alhena-check").all()
    return {check.locator("h3").inner_text(): check.locator(".alhena-state").inner_text() for check in checks}


def test_diagnostics_when_a_shop_is_set_up_say_what_comes_next(page: Page, staff: Page) -> None:
    assert cause_of(staff) == "The snippet is not on the shop's pages yet."
    assert "{% alhena_snippet %}" in staff.locator(".alhena-cause").inner_text()
    assert states_of(staff)["Interactions"] == "Not yet known"

    page.goto("/")
    assert cause_of(staff) == "No interactions have arrived yet."
    assert states_of(staff)["Snippet"] == "OK"

    open_the_faq(page)
    assert cause_of(staff) == "Interactions arrive, but no cart events yet."

    choose_two_kettles(page)
    with answered(page, "sendCartEvent"):
        add(page)
    assert cause_of(staff) == "Interactions arrive, but no orders yet."

    with answered(page, "sendCheckoutEvent", "duplicate"):
        place_the_order(page)
    assert states_of(staff)["Maintenance"] == "Not yet known"
    maintenance.run()
    assert cause_of(staff).startswith("All is well")
    assert set(states_of(staff).values()) == {"OK"}


def test_diagnostics_when_events_are_wrong_say_which_fields(page: Page, staff: Page) -> None:
    messages = messages_of(staff)
    page.goto("/")
    body = {"company_key": "acme", "user_fingerprint": "5ba7b810-9dad-11d1-80b4-00c04fd430c8", "value": "79.99"}
    page.request.post("/alhena/analytics/cart_events", data=body)
    page.request.post("/alhena/analytics/cart_events", data=body, headers={"Origin": "https://other.example"})
    assert cause_of(staff) == "Events are rejected because the company does not allow their origin."
    assert staff.locator(".alhena-cause .alhena-names").inner_text() == "https://other.example"
    rejected = staff.locator(".alhena-rejections tbody tr")
    assert rejected.count() == 2
    assert re.search(r"product_id: missing\s+required", rejected.last.inner_text())
    staff.locator(".alhena-cause a").click()
    staff.locator("#id_allowed_origins").fill("https://other.example")
    staff.locator("[name=_save]").click()
    assert cause_of(staff) == "Events are rejected because their data is invalid."
    let_the_tracker_settle(staff)
    assert messages == []


def test_diagnostics_when_the_window_is_narrow_fit_into_it(page: Page, staff: Page) -> None:
    page.request.post("/alhena/analytics/cart_events", data={"company_key": "acme", **cart_event()})
    cause_of(staff)
    for direction in ("ltr", "rtl"):
        staff.evaluate("direction => { document.documentElement.dir = direction }", direction)
        staff.set_viewport_size({"width": 320, "height": 640})
        assert staff.evaluate("document.documentElement.scrollWidth") <= 320
