"""Our pages in django-unfold's admin, whose styles and dark theme are other ones than Django's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.e2e.accessibility import LOOKS, violations
from tests.support.e2e.charts import Chart, is_wider_than_its_window
from tests.support.runs import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
ADMIN = "/admin/alhena_tracking"
REPORT = f"{ADMIN}/revenueimpact/"
START_SECONDS = 60


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the example shop with some days of traffic, served with Unfold."""
    require("browser", find_spec("unfold") is not None, "django-unfold is not installed: pip install --group browser")
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.unfold_settings",
        "EXAMPLE_DATABASE": str(tmp_path_factory.mktemp("unfold") / "db.sqlite3"),
    }
    command = [sys.executable, "manage.py", "demo", "--days", "3", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            _wait(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                server.kill()
                pytest.fail(f"The demo did not start: {server.communicate()[0].decode()[-2000:]}")
            time.sleep(0.1)
        else:
            return


@contextmanager
def opened_report(browser: Browser, demo: str, **options: Any) -> Iterator[Page]:
    """The report, opened with the demo's login in a context with these ``options`` of Playwright's."""
    with browser.new_context(base_url=demo, **options) as context:
        page = context.new_page()
        page.goto(f"/admin/login/?next={REPORT}")
        page.fill("[name=username]", "demo")
        page.fill("[name=password]", "demo")
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"**{REPORT}")
        yield page


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_unfold_pages_when_opened_are_accessible_and_fit(browser: Browser, demo: str, scheme: str, width: int) -> None:
    with opened_report(browser, demo, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        assert page.locator("html.dark").count() == (scheme == "dark"), "Unfold's theme is another one"
        order = page.locator(".alhena-report a[href*='/order/'][href*='/change/']").first.get_attribute("href")
        assert order
        for url in (REPORT, order, f"{ADMIN}/eventdiagnostics/"):
            page.goto(url)
            assert violations(page) == [], url
            assert not is_wider_than_its_window(page), url


def test_unfold_chart_when_focused_is_read_with_the_keyboard(browser: Browser, demo: str) -> None:
    with opened_report(browser, demo, viewport={"width": 1280, "height": 800}) as page:
        chart = Chart(page)
        whole = chart.shown
        box = chart.reader.bounding_box()
        assert box
        assert box["height"] > 100
        chart.reader.focus()
        page.keyboard.press("End")
        assert chart.shown[0] != whole[0]
        page.keyboard.press("Escape")
        assert chart.shown == whole
