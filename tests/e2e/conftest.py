from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from alhena_tracking.models import Company
from example_project.shop.catalogue import load_catalogue
from tests.support import factories
from tests.support.e2e.chromium import Chromium
from tests.support.runs import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    require("browser", find_spec("playwright") is not None, "playwright is not installed: pip install --group browser")
    require("browser", path is not None, "Chromium is not installed")
    assert path
    from playwright.sync_api import sync_playwright

    # Playwright's synchronous API runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        yield Chromium(playwright, path)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser(chromium: Chromium) -> Iterator[Browser]:
    """Chromium without its windows and profiles where that is installed: pages take half the time."""
    with chromium.browser(path=shutil.which("chromium-headless-shell")) as browser:
        yield browser


@pytest.fixture
def shop(transactional_db: None, live_server: LiveServer) -> str:
    """The URL of the example shop, stocked; its company is the one of the settings."""
    load_catalogue()
    assert Company.objects.filter(key="acme").exists()
    return live_server.url


@pytest.fixture
def context(browser: Browser, shop: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=shop, locale="en-GB")
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def open_page(browser: Browser, shop: str) -> Iterator[Callable[..., Page]]:
    """Opens pages as a superuser, each in a context with given ``options`` of Playwright's."""
    client = Client()
    client.force_login(factories.UserFactory.create(is_superuser=True))
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    contexts = []

    def open_page(url: str, **options: Any) -> Page:
        context = browser.new_context(base_url=shop, **options)
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # the admin has none
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": shop}])
        page = context.new_page()
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
