from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from pytest_django.live_server_helper import LiveServer

from alhena_tracking.models import Company
from example_project.shop.catalogue import load_catalogue
from tests.conftest import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    require("browser", find_spec("playwright") is not None, "playwright is not installed: pip install --group browser")
    require("browser", chromium is not None, "Chromium is not installed")
    from playwright.sync_api import sync_playwright

    # Playwright's synchronous API runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


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
