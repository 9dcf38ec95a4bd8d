"""The tracker's promises about leaving a page, storage, tabs, the network and the policy, each under its number.

In a real browser against the example shop; asserted on the rows that are stored. docs/tracker.md has the numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from alhena_tracking.models import CartEvent, Interaction, Order
from tests.support.e2e.shop import (
    EVENTS,
    KETTLE,
    abort,
    add,
    answered,
    cart_event,
    choose_two_kettles,
    let_the_tracker_settle,
    messages_of,
    open_the_faq,
    order,
    place_the_order,
    requests_to_alhena,
    stored_names,
    track,
    use_the_assistant,
    wait_until,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Request, Route

    from tests.support.e2e.chromium import Chromium

pytestmark = pytest.mark.browser


def products() -> list[str]:
    """Of the cart events that are stored, in the order in which they happened."""
    return list(CartEvent.objects.order_by("occurred_at", "id").values_list("product_id", flat=True))


def order_ids() -> list[str]:
    return sorted(Order.objects.values_list("order_id", flat=True))


def event_ids(request: Request) -> list[str]:
    return [event["event_id"] for event in json.loads(request.post_data or "")["events"]]


# ------------------------------------------------------------------------------------------------- The script itself


def blocked(route: Route) -> None:
    route.abort("blockedbyclient")


def missing(route: Route) -> None:
    route.fulfill(status=404)


def change_headers(page: Page, **changes: str) -> None:
    """Of the shop's pages at /."""

    def answer(route: Route) -> None:
        response = route.fetch()
        headers = {name.replace("_", "-"): value for name, value in changes.items()}
        route.fulfill(response=response, headers=response.headers | headers)

    page.route(re.compile(r"/(\?.*)?$"), answer)


@pytest.mark.parametrize("how", ["blocked", "404", "CSP"])
def test_4_queue_when_the_script_never_loads_stays_bounded(page: Page, how: str) -> None:
    if how == "CSP":
        change_headers(page, content_security_policy="script-src 'unsafe-inline'")
    else:
        page.route("**/tracker.js", blocked if how == "blocked" else missing)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    for number in range(150):
        track(page, "sendCartEvent", cart_event(number))
    assert page.evaluate("_alhenaEventQueue.length") == 100
    page.unroute_all()
    page.route("**/tracker.js", blocked)
    choose_two_kettles(page)
    add(page)
    place_the_order(page)
    assert errors == []


def test_31_tracker_when_the_csp_is_strict_works_silently(page: Page) -> None:
    messages = messages_of(page)
    policy = page.goto("/").header_value("content-security-policy")  # type: ignore[union-attr]
    assert policy
    assert re.search(r"script-src 'self' 'nonce-[\w-]+';", policy)
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    use_the_assistant(page, "/?alhena_debug=1")
    with answered(page, "sendCartEvent"):
        track(page, "sendCartEvent", cart_event())
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    assert [message for message in messages if not message.startswith("Alhena:")] == []
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


@pytest.fixture
def plain_page(settings: Any, chromium: Chromium, shop: str) -> Iterator[Page]:
    """A page that is not taken for secure, as that of localhost is."""
    settings.ALLOWED_HOSTS = ["plain.example"]
    with chromium.browser("--host-resolver-rules=MAP plain.example 127.0.0.1") as browser:
        yield browser.new_page(base_url=re.sub("//.*:", "//plain.example:", shop))


def test_31_tracker_when_on_plain_http_works(plain_page: Page) -> None:
    use_the_assistant(plain_page)
    assert plain_page.evaluate("[isSecureContext, typeof crypto.randomUUID]") == [False, "undefined"]
    with answered(plain_page, "sendCheckoutEvent"):
        track(plain_page, "sendCheckoutEvent", order())
    assert order_ids() == ["order-1"]


# ------------------------------------------------------------------------------------------------------- The network


def stop_the_clock(page: Page) -> None:
    """The page's; its timers stand still."""
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))


def test_17_when_it_comes_back_online_what_waits_is_sent_at_once(page: Page, context: BrowserContext) -> None:
    page.clock.install()
    use_the_assistant(page)
    stop_the_clock(page)
    context.set_offline(True)
    track(page, "sendCheckoutEvent", order())
    track(page, "sendCartEvent", cart_event())
    wait_until(page, lambda: page.evaluate("Object.values(localStorage).some(entry => entry.endsWith(',1]'))"))
    context.set_offline(False)
    # The page's clock stands still, so that no timer of the tracker sends it.
    wait_until(page, lambda: order_ids() and products() and not stored_names(page))


def test_18_events_when_failed_survive_a_reload_with_their_ids(page: Page) -> None:
    use_the_assistant(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.extend(event_ids(request)) if "analytics" in request.url else None)
    page.route(EVENTS, abort)
    track(page, "sendCartEvent", cart_event())
    track(page, "sendCheckoutEvent", order())
    wait_until(page, lambda: len(sent) >= 2)
    page.unroute(EVENTS)
    before = set(sent)
    page.reload()
    wait_until(page, lambda: order_ids() and products() and not stored_names(page))
    assert set(sent) == before
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


def test_18_events_when_in_flight_at_a_reload_count_once(page: Page) -> None:
    """The server has stored them, and its answer has not come yet when the page goes."""
    use_the_assistant(page)
    attempts: list[Route] = []

    def answer(route: Route) -> None:
        attempts.append(route)
        if len(attempts) == 1:
            route.fetch()
        else:
            route.continue_()

    page.route(EVENTS, answer)
    track(page, "sendCheckoutEvent", order())
    wait_until(page, order_ids)
    page.reload()
    wait_until(page, lambda: len(attempts) == 2 and not stored_names(page))
    first, second = (event_ids(attempt.request) for attempt in attempts)
    assert first == second
    assert order_ids() == ["order-1"]


def test_32_checkout_when_tracked_goes_at_once_cart_events_in_a_second(page: Page) -> None:
    page.clock.install()
    use_the_assistant(page)
    stop_the_clock(page)
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    track(page, "sendCartEvent", cart_event())
    with answered(page, "sendCartEvent"):
        page.clock.run_for(1000)
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


# --------------------------------------------------------------------------------------------------- Leaving a page


@pytest.mark.parametrize("how", ["location", "close"])
def test_21_pending_events_when_leaving_the_page_are_sent(page: Page, context: BrowserContext, how: str) -> None:
    use_the_assistant(page)
    leave = {"location": f"location.href = '{KETTLE}'", "close": "window.close()"}[how]
    # A window that a script may close is one that a script has opened.
    with context.expect_page() as opened:
        page.evaluate("window.open('/')")
    visit = opened.value
    visit.wait_for_load_state()
    visit.evaluate(
        "([cart, order, leave]) => { trackAlhenaEvent('sendCartEvent', cart); "
        "trackAlhenaEvent('sendCheckoutEvent', order); setTimeout(leave) }",
        [cart_event(), order(), leave],
    )
    wait_until(page, lambda: order_ids() and products())
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


def test_21_a_page_is_never_asked_to_say_when_it_is_unloaded(page: Page) -> None:
    """That would keep it from the back/forward cache."""
    page.add_init_script(
        "window.heard = []; const add = EventTarget.prototype.addEventListener;"
        "EventTarget.prototype.addEventListener = function (type, ...rest) {"
        "  window.heard.push(type); add.call(this, type, ...rest); };"
    )
    use_the_assistant(page)
    heard = page.evaluate("heard")
    assert {"pagehide", "visibilitychange"} <= set(heard)
    assert not {"unload", "beforeunload"} & set(heard)


def test_22_events_when_too_many_at_page_end_are_split(page: Page) -> None:
    use_the_assistant(page)
    sent = requests_to_alhena(page)
    page.evaluate(
        "([cart, path]) => { for (let n = 0; n < 250; n++) trackAlhenaEvent('sendCartEvent', "
        "{...cart, productId: `SKU-${n}`, productName: 'x'.repeat(500)}); location.href = path }",
        [cart_event(), KETTLE],
    )
    page.wait_for_url(f"**{KETTLE}")
    wait_until(page, lambda: CartEvent.objects.count() == 250 and not stored_names(page), seconds=30)
    assert products() == [f"SKU-{number}" for number in range(250)]
    assert len([url for url in sent if "analytics" in url]) > 2


@pytest.fixture
def page_of_a_browser_that_goes_back(chromium: Chromium, shop: str) -> Iterator[Page]:
    """With the back/forward cache, which Playwright turns off."""
    with chromium.browser(ignore_default_args=["--disable-back-forward-cache"]) as browser:
        yield browser.new_page(base_url=shop)


def test_29_events_when_page_is_restored_from_cache_are_sent_once(
    page_of_a_browser_that_goes_back: Page,
) -> None:
    page = page_of_a_browser_that_goes_back
    # The example shop forbids to keep a page that shows the cart; other shops do not.
    change_headers(page, cache_control="max-age=0")
    use_the_assistant(page)
    page.evaluate("addEventListener('pageshow', event => { window.isPersisted = event.persisted })")
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order(1))
    page.route(EVENTS, abort)
    track(page, "sendCheckoutEvent", order(2))
    page.wait_for_timeout(300)
    page.unroute(EVENTS)
    page.evaluate("location.href = '/?other'")
    page.wait_for_url("**/?other")
    wait_until(page, lambda: order_ids() == ["order-1", "order-2"])
    page.go_back(wait_until="commit")
    assert page.evaluate("window.isPersisted")
    sent = requests_to_alhena(page)
    page.wait_for_timeout(2500)  # longer than the pause after the failure
    assert sent == []
    track(page, "sendCartEvent", cart_event())
    wait_until(page, products)
    assert (products(), order_ids()) == (["SKU-1"], ["order-1", "order-2"])


def test_29_events_when_navigating_softly_are_sent_once(page: Page) -> None:
    use_the_assistant(page)
    page.evaluate(
        "([cart, order]) => { history.pushState({}, '', '/soft/'); trackAlhenaEvent('sendCartEvent', cart);"
        "history.replaceState({}, '', '/softer/'); trackAlhenaEvent('sendCheckoutEvent', order); history.back() }",
        [cart_event(), order()],
    )
    wait_until(page, lambda: order_ids() and products())
    sent = requests_to_alhena(page)
    page.evaluate("history.forward()")
    let_the_tracker_settle(page)
    assert sent == []
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


def test_30_the_thank_you_page_when_shown_again_sends_its_order_once(page: Page) -> None:
    open_the_faq(page)
    choose_two_kettles(page)
    add(page)
    with answered(page, "sendCheckoutEvent", "duplicate"):
        place_the_order(page)
    sent = requests_to_alhena(page)
    page.reload()
    page.goto("/")
    page.go_back()
    let_the_tracker_settle(page)
    assert sent == []
    assert Order.objects.count() == 1


# ----------------------------------------------------------------------------------------------- Storage and tabs


def test_20_events_when_in_two_tabs_are_not_lost_or_overwritten(page: Page, context: BrowserContext) -> None:
    use_the_assistant(page)
    other = context.new_page()
    other.goto("/")
    context.route(EVENTS, abort)
    for number in range(1, 11):
        track(page if number % 2 else other, "sendCheckoutEvent", order(number))
    # A tab is a process of its own, and hears a moment later of what the other one wrote.
    wait_until(page, lambda: len(stored_names(page)) == 10)
    wait_until(other, lambda: len(stored_names(other)) == 10)
    context.unroute(EVENTS)
    other.close()
    page.reload()
    wait_until(page, lambda: not stored_names(page))
    assert order_ids() == sorted(f"order-{number}" for number in range(1, 11))


def test_24_events_when_storage_is_full_are_sent_from_memory(page: Page) -> None:
    use_the_assistant(page)
    page.evaluate(
        "() => { for (let size = 2 ** 22; size >= 1; size /= 2)"
        "  for (let n = 0; n < 4; n++) try { localStorage[`filler-${size}-${n}`] = 'x'.repeat(size) } catch {} }"
    )
    page.route(EVENTS, abort)
    track(page, "sendCheckoutEvent", order())
    track(page, "sendCartEvent", cart_event())
    assert stored_names(page) == []
    page.wait_for_timeout(300)
    page.unroute(EVENTS)
    wait_until(page, lambda: order_ids() and products())


@pytest.fixture
def page_without_storage(chromium: Chromium, shop: str) -> Iterator[Page]:
    """Cookies and all other storage are blocked, as a visitor can choose in their settings."""
    with TemporaryDirectory() as folder:
        preferences = Path(folder, "Default", "Preferences")
        preferences.parent.mkdir()
        preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}))
        with chromium.profile(folder) as context:
            yield context.new_page()


def test_24_events_when_storage_is_blocked_are_sent_from_memory(page_without_storage: Page, shop: str) -> None:
    page = page_without_storage
    messages = messages_of(page)
    use_the_assistant(page, shop)
    with pytest.raises(Exception, match="Access is denied"):
        page.evaluate("localStorage.length")
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    with answered(page, "sendCartEvent"):
        track(page, "sendCartEvent", cart_event())
    assert messages == []
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


def test_25_storage_when_corrupt_or_foreign_is_dropped(page: Page) -> None:
    use_the_assistant(page)
    page.evaluate(
        """() => {
          const name = suffix => `alhena_acme:e1700000000000:${suffix}`;
          localStorage[name("11111111-1111-4111-8111-111111111111")] = "{broken";
          localStorage[name("21111111-1111-4111-8111-111111111111")] = '["__proto__", "", "sendCartEvent", {}, 0]';
          localStorage[name("constructor")] = "[]";
          localStorage["alhena_acme:e"] = '{"__proto__": {"polluted": true}}';
          localStorage["the shop's own"] = "stays";
          localStorage["alhena_other:e1700000000000:31111111-1111-4111-8111-111111111111"] = "stays, too";
          sessionStorage["alhena_acme:orders"] = "{broken";
        }"""
    )
    page.reload()
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    wait_until(page, lambda: not stored_names(page))
    assert page.evaluate("Object.values(localStorage).sort()") == ["stays", "stays, too"]
    assert page.evaluate("({}).polluted") is None
    assert order_ids() == ["order-1"]


# ------------------------------------------------------------------------------------------------------- Consent


def everything_stored(page: Page) -> list[object]:
    own = "Object.keys({storage}).filter(name => name.startsWith('alhena'))"
    names = [page.evaluate(own.format(storage=storage)) for storage in ("localStorage", "sessionStorage")]
    return [*names, page.evaluate("document.cookie.includes('alhena')")]


def test_27_consent_when_required_is_awaited_and_events_sent_once(page: Page, settings: Any) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "REQUIRE_CONSENT": True}
    sent = requests_to_alhena(page)
    page.goto(KETTLE)
    page.locator("details[data-alhena-faq] summary").first.click()
    track(page, "sendCartEvent", cart_event())
    track(page, "sendCheckoutEvent", order())
    let_the_tracker_settle(page)
    assert sent == []
    assert everything_stored(page) == [[], [], False]
    for _ in range(2):
        track(page, "setConsent", True)
    wait_until(page, lambda: order_ids() and products() and not stored_names(page))
    assert Interaction.objects.count() == 1
    assert (products(), order_ids()) == (["SKU-1"], ["order-1"])


def test_27_consent_when_withdrawn_purges_all(page: Page) -> None:
    use_the_assistant(page)
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    page.route(EVENTS, abort)
    track(page, "sendCheckoutEvent", order(2))
    track(page, "setConsent", False)
    assert everything_stored(page) == [[], [], False]
    page.unroute(EVENTS)
    track(page, "sendCheckoutEvent", order(3))
    page.reload()
    let_the_tracker_settle(page)
    assert order_ids() == ["order-1"]


# ------------------------------------------------------------------------------------------------------ Debug mode


def test_33_events_when_in_debug_mode_are_logged(page: Page) -> None:
    messages = messages_of(page)
    page.goto("/?alhena_debug=1")
    track(page, "sendCartEvent", cart_event())
    use_the_assistant(page, "/?alhena_debug=1")
    with answered(page, "sendCheckoutEvent"):
        track(page, "sendCheckoutEvent", order())
    wait_until(page, lambda: any("sendCheckoutEvent" in text and "recorded." in text for text in messages))
    assert any("sendCartEvent" in text and "not used the assistant in the last 24 hours" in text for text in messages)
    assert order_ids() == ["order-1"]
