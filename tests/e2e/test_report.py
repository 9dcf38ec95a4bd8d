"""The page *Revenue impact* as staff see, hear and read it, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from alhena_tracking.models import Company
from tests.support import factories
from tests.support.e2e.accessibility import LOOKS, violations
from tests.support.e2e.charts import Chart, is_wider_than_its_window
from tests.support.e2e.shop import messages_of
from tests.support.factories import at

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

REPORT = "/admin/alhena_tracking/revenueimpact/"
MONDAY = date(2026, 3, 2)
THAT_WEEK = REPORT + "?start=2026-03-02&end=2026-03-08"
#: Every state that looks different, as the query string that brings it.
STATES = {
    "data": "?start=2026-03-02&end=2026-03-08",
    "today": "?range=last_7_days",
    "filters": "?start=2026-03-02&end=2026-03-08&channel=CHAT&profile=Ada&trust=REPORTED&compare=none",
    "weeks": "?start=2026-03-04&end=2026-03-25&grain=week&compare=chosen&compare_start=2026-02-01",
    "complete": "?range=last_12_months&complete=1&grain=month&compare=year_ago",
    "hours": "?range=today",
    "comparable": "?start=2026-03-05&end=2026-03-07",
    "empty": "?start=2020-03-02&end=2020-03-08",
    "errors": "?start=2026-03-08&end=2026-03-02&channel=SMS&currency=X",
}


@pytest.fixture
def history(shop: str) -> Company:
    """A week of two channels and currencies, of which one day gives back; an odd order; a sale of today."""
    company = Company.objects.get(key="acme")
    chat = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY), ai_profile="Ada")
    faq = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY), channel="FAQ")
    factories.CartEventFactory.create(session=chat, gmv_minor=123_456)
    factories.CartEventFactory.create(session=chat, occurred_at=at(MONDAY + timedelta(days=1)), gmv_minor=-3456)
    factories.CartEventFactory.create(session=faq, gmv_minor=1000, product_name="\u202e" + "\U0001f9c0" * 511)
    order = factories.OrderFactory.create(session=chat, value_minor=100_050, has_conflict=True)
    factories.OrderLineFactory.create(order=order, product_name="</script><script>alert(1)</script>" + "x" * 400)
    factories.RefundFactory.create(refunded_order=order)
    factories.OrderFactory.create(session=faq, value_minor=99_950)
    factories.OrderFactory.create(session=faq, value_minor=1500, currency="JPY")
    now = timezone.now()
    factories.OrderFactory.create(session=factories.VisitorSessionFactory.create(company=company, started_at=now))
    return company


def size(width: int) -> dict[str, Any]:
    return {"viewport": {"width": width, "height": 800}}


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_page_when_checked_by_axe_has_no_violations(
    open_page: Callable[..., Page], history: Company, scheme: str, width: int
) -> None:
    page = open_page("/admin/login/", color_scheme=scheme, **size(width))
    for name, query_string in STATES.items():
        page.goto(REPORT + query_string)
        for menu in page.locator("details.alhena-panel > summary").all():
            menu.click()
        assert violations(page) == [], name
        for label in ("Comparison", "More", "Custom", "Last 12 months"):
            menu = page.locator(".alhena-menu:not([open]) > summary", has_text=label)
            if menu.count():
                menu.click()
                assert violations(page) == [], (name, label)
                page.keyboard.press("Escape")


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_report_page_when_narrow_or_rtl_never_scrolls_sideways(
    open_page: Callable[..., Page], history: Company, settings: Any, language: str, width: int
) -> None:
    settings.LANGUAGES = [(language, language)]
    settings.LANGUAGE_CODE = language
    page = open_page("/admin/login/", **size(width))
    for name, query_string in STATES.items():
        page.goto(REPORT + query_string)
        assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        assert not is_wider_than_its_window(page), name


@pytest.mark.parametrize("name", STATES)
def test_page_when_opened_says_nothing_on_the_console(
    open_page: Callable[..., Page], history: Company, name: str
) -> None:
    page = open_page("/admin/login/")
    messages = messages_of(page)
    page.goto(REPORT + STATES[name])
    page.wait_for_load_state("networkidle")
    assert messages == []


def test_report_page_when_without_javascript_is_complete(open_page: Callable[..., Page], history: Company) -> None:
    page = open_page(THAT_WEEK, java_script_enabled=False)
    # One of each card, and why revenue per session is n/a beside another currency.
    formulas = page.locator(".alhena-formula")
    assert [formula.is_visible() for formula in formulas.all()] == [True] * 9
    assert page.locator(".alhena-columns title").count() == 2 * 7
    assert not page.locator("[data-alhena-hint]").is_visible()
    page.locator("summary", has_text="Day by day").click()
    assert page.get_by_role("rowheader", name="March 2, 2026").is_visible()

    page.locator("summary", has_text="Trust").click()
    page.get_by_role("link", name="reported by a browser").click()
    assert "trust=REPORTED" in page.url
    page.get_by_role("link", name="Remove filter: Trust").click()
    assert "trust" not in page.url

    page.locator("summary", has_text="Custom").click()
    page.locator("#alhena-start").fill("2026-03-01")
    page.get_by_role("button", name="Apply").click()
    assert "start=2026-03-01&end=2026-03-08" in page.url

    page.locator("summary", has_text="Comparison").click()
    page.locator("#alhena-compare_start").fill("2026-02-01")
    page.get_by_role("button", name="Apply").click()
    assert "compare=chosen&compare_start=2026-02-01" in page.url
    page.get_by_role("link", name="Week", exact=True).click()
    assert "grain=week" in page.url
    page.locator("summary", has_text="Custom").click()
    switch = page.get_by_role("switch", name="Complete days only")
    assert switch.get_attribute("aria-checked") == "false"
    switch.click()
    assert "complete=1" in page.url
    page.locator("summary", has_text="Custom").click()
    page.get_by_role("link", name="Last month").click()
    assert "range=last_month" in page.url


def test_formula_when_hovered_focused_or_tapped_opens(open_page: Callable[..., Page], history: Company) -> None:
    page = open_page(THAT_WEEK)
    button = page.get_by_role("button", name="Formula of Purchase revenue")
    tip = page.locator("#alhena-formula-purchase_minor")
    assert tip.text_content() == "Total value of all orders, before refunds"
    assert not tip.is_visible()

    button.hover()
    assert tip.is_visible()
    tip.hover()
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(0, 0)

    button.focus()
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert tip.is_visible()

    touched = open_page(THAT_WEEK, has_touch=True)
    touched.get_by_role("button", name="Formula of Purchase revenue").tap()
    assert touched.locator("#alhena-formula-purchase_minor").is_visible()


WEEK = ("March 2, 2026 – March 8, 2026", ["1,200.00", "10.00"], "1,210.00")
SUNDAY = ("March 8, 2026", ["0.00", "0.00"], "0.00")
FIRST_DAYS = [("March 2, 2026", ["1,234.56", "10.00"], "1,244.56"), ("March 3, 2026", ["−34.56", "0.00"], "−34.56")]


def test_chart_when_focused_is_read_day_by_day_with_the_keyboard(
    open_page: Callable[..., Page], history: Company
) -> None:
    page = open_page(THAT_WEEK)
    chart = Chart(page)
    assert chart.shown == WEEK
    chart.reader.focus()
    for key, expected in (
        ("ArrowLeft", SUNDAY),
        ("ArrowRight", SUNDAY),
        ("Home", FIRST_DAYS[0]),
        ("ArrowLeft", FIRST_DAYS[0]),
        ("ArrowRight", FIRST_DAYS[1]),
        ("End", SUNDAY),
        ("Escape", WEEK),
        ("ArrowRight", FIRST_DAYS[0]),
    ):
        page.keyboard.press(key)
        assert chart.shown == expected, key
    assert chart.announced == ["March 2, 2026", "Chat: 1,234.56", "Product FAQ: 10.00", "All channels: 1,244.56"]
    assert chart.reader.get_attribute("aria-valuenow") == "1"
    page.keyboard.press("Tab")
    assert chart.shown == WEEK


def test_chart_when_pointed_at_reads_that_day(open_page: Callable[..., Page], history: Company) -> None:
    page = open_page(THAT_WEEK)
    chart = Chart(page)
    box = chart.reader.bounding_box()
    assert box
    for day, expected in enumerate(FIRST_DAYS):
        chart.reader.hover(position={"x": box["width"] * (day + 0.5) / 7, "y": 100})
        assert chart.shown == expected
    page.mouse.move(0, 0)
    assert chart.shown == WEEK


def test_menu_when_open_is_closed_by_escape_and_by_a_click_elsewhere(
    open_page: Callable[..., Page], history: Company
) -> None:
    page = open_page(THAT_WEEK)
    menu = page.locator("details", has=page.locator("summary", has_text="Trust"))
    summary = menu.locator("summary")
    summary.click()
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert summary.evaluate("summary => summary === document.activeElement")
    summary.click()
    page.locator("h1").click()
    assert menu.get_attribute("open") is None


def test_order_when_chosen_opens_its_page(open_page: Callable[..., Page], history: Company) -> None:
    page = open_page(THAT_WEEK)
    link = page.locator(".alhena-orders a").first
    order_id = link.inner_text()
    link.click()
    assert "/admin/alhena_tracking/order/" in page.url
    assert order_id in page.locator("#content").inner_text()


def test_link_when_shared_shows_the_same(open_page: Callable[..., Page], history: Company) -> None:
    page = open_page(REPORT + STATES["filters"])
    shown = page.locator(".alhena-report").inner_text()
    page.reload()
    assert page.locator(".alhena-report").inner_text() == shown
    assert open_page(page.url).locator(".alhena-report").inner_text() == shown


def test_paper_when_printed_has_figures_charts_and_tables_and_no_filters(
    open_page: Callable[..., Page], history: Company
) -> None:
    for has_script in (True, False):
        page = open_page(REPORT + STATES["filters"], color_scheme="dark", java_script_enabled=has_script)
        page.emulate_media(media="print")
        assert not page.locator(".alhena-filters").is_visible()
        assert not page.locator("#header").is_visible()
        assert not page.locator(".alhena-export").is_visible()
        for total in page.locator("tfoot").all():
            # A table's footer would be repeated on every page.
            assert total.evaluate("row => getComputedStyle(row).display") == "table-row-group"
        shown = page.locator(".alhena-active").inner_text()
        assert [line for line in shown.splitlines() if line] == [
            "Filtered by:",
            "Channel Chat",
            "AI profile Ada",
            "Trust reported by a browser",
        ]
        for formula in page.locator(".alhena-formula").all():
            assert formula.is_visible()
        for plot in page.locator(".alhena-plot").all():
            assert plot.is_visible()
        assert page.get_by_role("rowheader", name="March 2, 2026").is_visible()


@pytest.mark.parametrize("width", [420, 718, 794, 1047])  # A5, A4 with and without margins, A4 lying, in CSS pixels
def test_paper_of_any_size_when_printed_is_used_in_its_width(
    open_page: Callable[..., Page], history: Company, width: int
) -> None:
    page = open_page(REPORT, viewport={"width": width, "height": 1000})
    page.emulate_media(media="print")
    report = page.locator(".alhena-report").bounding_box()
    assert report
    assert (report["x"], report["width"]) == (0, width)
    for card in page.locator(".alhena-card").all():
        its_box, title = card.bounding_box(), card.get_by_role("heading").bounding_box()
        value = card.locator(".alhena-value").bounding_box()
        assert its_box
        assert title
        assert value
        assert its_box["x"] < title["x"]
        assert title["x"] + title["width"] < its_box["x"] + its_box["width"]
        assert its_box["y"] < title["y"]
        assert title["y"] + title["height"] <= value["y"]


def test_hostile_names_when_shown_run_nothing_and_break_nothing(
    open_page: Callable[..., Page], history: Company
) -> None:
    page = open_page("/admin/login/")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    messages = messages_of(page)
    page.goto(THAT_WEEK)
    products = page.locator("section", has=page.locator("#alhena-products"))
    first, second = products.locator("tbody th").all()[:2]
    assert "</script>" in first.inner_text()
    for row in (first, second):
        box = row.bounding_box()
        assert box
        assert box["height"] < 80
    assert products.locator("thead th[rowspan]").inner_text() == "Product"
    assert not is_wider_than_its_window(page)
    assert (dialogs, messages) == ([], [])
