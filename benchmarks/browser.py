"""Measure the tracker's cost on the example shop's product page in Chromium: ``python -m benchmarks.browser``.

Loads the page in turns with the wheel's tracker, with its source, and without our tags. Then makes the calls and clicks
of a visitor whose events cannot be delivered and stay queued. Exits with 1 if anything is requested from the endpoints
or stored before an interaction.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.variants import SOURCE, WHEEL, source, wheel_copy

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

PAGE = "/products/gooseneck-kettle/"
#: Factors by which the CPU is slowed down; Lighthouse uses 4 for a phone.
SLOWDOWNS = (1, 4)
#: Queued events: none, one full batch, a full queue.
WAITING = (0, 100, 300)
START_SECONDS = 30
SETTLING_MS = 500

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
_CATEGORIES = ["devtools.timeline", "v8"]
#: Trace events of the main thread's work for a script; they may be nested.
_WORK = {"EvaluateScript", "FunctionCall"}

# Each action is a task of its own, so that the trace has its CPU time. The pauses let failing requests fail.
_ACTIONS = """
  async ([event, checkout]) => {
    const cart = () => trackAlhenaEvent("sendCartEvent", event);
    const order = () => trackAlhenaEvent("sendCheckoutEvent", checkout);
    const online = () => window.dispatchEvent(new Event("online"));
    const leaving = () => window.dispatchEvent(new Event("pagehide"));
    for (const action of [cart, order, online, leaving]) {
      setTimeout(action);
      await new Promise(resolve => setTimeout(resolve, 150));
    }
  }
"""
_FILL = """
  ([cart, count]) => {
    trackAlhenaEvent("sendInteraction", {type: "CHAT"});
    for (let n = 1; n < count; n++) trackAlhenaEvent("sendCartEvent", {...cart, productId: `SKU-${n}`});
  }
"""
_CART_EVENT = {
    "type": "ITEM_ADDED",
    "productId": "BREW-KETTLE",
    "productName": "Gooseneck kettle",
    "value": 89,
    "currency": "EUR",
    "quantity": 1,
}
_ORDER = {
    "orderId": "1001",
    "value": 178,
    "currency": "EUR",
    "lineItems": [
        {"productId": "BREW-KETTLE", "productName": "Gooseneck kettle", "value": 178, "currency": "EUR", "quantity": 2}
    ],
}

Figures = dict[str, dict[int, list[float]]]


class RunError(Exception):
    """The run is invalid, or the tracker breaks a guarantee."""


def main() -> None:
    rounds = _rounds()
    with TemporaryDirectory() as folder:
        try:
            with _shop(Path(folder)) as url, _chromium() as browser:
                print(_setting(browser, rounds), flush=True)
                print(_table(_measure(browser, url, rounds)))
        except (RunError, OSError) as error:
            sys.exit(f"The run failed: {error}")


def _rounds() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.browser", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="loads of each page at each CPU speed (default: 10)")
    rounds: int = parser.parse_args().rounds
    if rounds < 2:
        parser.error("--rounds must be at least 2, for the quartiles")
    return rounds


# ---------------------------------------------------------------------------------------------- The shop, the browser


@contextmanager
def _shop(folder: Path) -> Iterator[str]:
    """Serve the example shop with a database and the wheel's tracker in ``folder``, and yield its URL."""
    copy = Path(f"{folder}{WHEEL}")
    copy.parent.mkdir(parents=True)
    copy.write_text(wheel_copy())
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "benchmarks.shop_settings",
        "EXAMPLE_DATABASE": str(folder / "db.sqlite3"),
        "BENCHMARK_STATIC": str(folder / "static"),
    }
    _stock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "{}:{}".format(*listener.getsockname())
    # --insecure: serve static files without DEBUG.
    command = [sys.executable, "-m", "django", "runserver", "--insecure", "--noreload", "--skip-checks", address]
    with (folder / "server.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(address, process)
            yield f"http://{address}"
        finally:
            process.terminate()


def _stock() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    from example_project.shop.catalogue import load_catalogue

    call_command("migrate", verbosity=0)
    load_catalogue()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port))).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def _chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        raise RunError("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _page(browser: Browser, url: str) -> Iterator[tuple[Page, CDPSession]]:
    """A page with an empty cache whose requests to the endpoints are blocked."""
    context = browser.new_context(base_url=url)
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setBlockedURLs", {"urls": ["*/alhena/analytics/*"]})
        yield page, session
    finally:
        context.close()


# ---------------------------------------------------------------------------------------------------------- Measuring


def _measure(browser: Browser, url: str, rounds: int) -> Figures:
    """All figures, by name and slowdown."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    for number in range(-1, rounds):
        print("warming up …" if number < 0 else f"round {number + 1} of {rounds} …", file=sys.stderr, flush=True)
        for slowdown in SLOWDOWNS:
            measured = _loads(browser, url, slowdown, number) | _clicks(browser, url, slowdown)
            for waiting in WAITING:
                measured |= _calls(browser, url, slowdown, waiting)
            if number >= 0:
                for name, figure in measured.items():
                    figures[name][slowdown].append(figure)
    return figures


def _loads(browser: Browser, url: str, slowdown: int, number: int) -> dict[str, float]:
    """The cost of a first visit, and its delay compared with a page without our tags."""
    variants = ["wheel", "source", "none"]
    # Rotate the order, which affects the timing.
    turn = number % len(variants)
    loads = {variant: _load(browser, url, slowdown, variant) for variant in variants[turn:] + variants[:turn]}
    with_us, without = loads["wheel"], loads["none"]
    if stored := with_us.stored - without.stored:
        raise RunError(f"stored before an interaction: {stored}")
    requested = with_us.requested - without.requested
    if requested != Counter([WHEEL]):
        raise RunError(f"requested before an interaction: {requested}")
    return {
        "the snippet": with_us.snippet,
        "the tracker, as a wheel carries it": with_us.tracker,
        "the tracker, its source": loads["source"].tracker,
        "the shop's own script, for comparison": with_us.shop,
        "DOMContentLoaded, without us": without.ready,
        "DOMContentLoaded, later with us by": with_us.ready - without.ready,
        "load event, without us": without.loaded,
        "load event, later with us by": with_us.loaded - without.loaded,
    }


@dataclass(frozen=True, slots=True)
class Load:
    """A page load, in ms: CPU time of the main thread, and times since the first byte of the answer."""

    snippet: float
    tracker: float
    shop: float
    ready: float
    loaded: float
    requested: Counter[str]
    stored: Counter[str]


def _load(browser: Browser, url: str, slowdown: int, variant: str) -> Load:
    address = f"{url}{PAGE}?tracker={variant}"
    with _page(browser, url) as (page, session):
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url.removeprefix(url).partition("?")[0]))

        def visit() -> None:
            page.goto(address)
            page.wait_for_timeout(SETTLING_MS)

        work = _traced(browser, page, visit)
        timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
        return Load(
            snippet=_total(work, lambda each: each.url == address),
            tracker=_total(work, lambda each: each.url in (url + WHEEL, url + SOURCE)),
            shop=_total(work, lambda each: each.url.endswith("/shop.js")),
            ready=timing["domContentLoadedEventStart"] - timing["responseStart"],
            loaded=timing["loadEventStart"] - timing["responseStart"],
            requested=Counter(requested),
            stored=Counter(_stored(page)),
        )


def _stored(page: Page) -> list[str]:
    cookies = [cookie["name"] for cookie in page.context.cookies()]
    names: list[str] = page.evaluate("[localStorage, sessionStorage].flatMap(storage => Object.keys(storage))")
    return cookies + names


def _calls(browser: Browser, url: str, slowdown: int, waiting: int) -> dict[str, float]:
    """The cost of calls on a page that was opened with that many events ``waiting``."""
    with _page(browser, url) as (page, session):
        page.goto(f"{PAGE}?tracker=wheel")
        if waiting:
            page.evaluate(_FILL, [_CART_EVENT, waiting])
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        page.reload()
        page.wait_for_timeout(SETTLING_MS)
        work = _traced(browser, page, lambda: page.evaluate(_ACTIONS, [_CART_EVENT, _ORDER]))
    # Only these calls have no script URL.
    calls = {each.function: each.milliseconds for each in work if not each.url}
    names = {
        "sendCartEvent": "cart",
        "sendCheckoutEvent": "order",
        "coming back online": "online",
        "leaving the page": "leaving",
    }
    return {f"{name}, {waiting or 'no'} events waiting": calls[function] for name, function in names.items()}


def _clicks(browser: Browser, url: str, slowdown: int) -> dict[str, float]:
    """The tracker's cost of a click that is an interaction, and of another one."""
    with _page(browser, url) as (page, session):
        page.goto(f"{PAGE}?tracker=wheel")
        page.wait_for_timeout(SETTLING_MS)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        clicks = {"a click elsewhere": "h1", "a click on a question": "details[data-alhena-faq] summary"}
        work = {name: _traced(browser, page, partial(page.click, place)) for name, place in clicks.items()}
    return {name: _total(of_it, lambda each: each.url == url + WHEEL) for name, of_it in work.items()}


@dataclass(frozen=True, slots=True)
class Work:
    """A thread's uninterrupted work for a script."""

    url: str
    function: str
    thread: tuple[int, int]
    start: float
    end: float
    milliseconds: float

    def is_within(self, other: Work) -> bool:
        is_same_thread = self.thread == other.thread
        return self is not other and is_same_thread and other.start <= self.start and self.end <= other.end


def _traced(browser: Browser, page: Page, action: Callable[[], object]) -> list[Work]:
    browser.start_tracing(page=page, categories=_CATEGORIES)
    action()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    return [_work(event) for event in events if event["name"] in _WORK and "dur" in event]


def _work(event: dict[str, Any]) -> Work:
    data = event["args"]["data"]
    start, duration = event["ts"], event["dur"]
    return Work(
        url=data.get("url", ""),
        function=data.get("functionName", ""),
        thread=(event["pid"], event["tid"]),
        start=start,
        end=start + duration,
        # CPU time, since the machine is shared.
        milliseconds=event["tdur"] / 1e3,
    )


def _total(work: Sequence[Work], is_counted: Callable[[Work], bool]) -> float:
    counted = [each for each in work if is_counted(each)]
    return sum(each.milliseconds for each in counted if not any(each.is_within(other) for other in counted))


# ------------------------------------------------------------------------------------------------------------ Printing


def _setting(browser: Browser, rounds: int) -> str:
    """Describe the conditions of the run."""
    return f"""\
Chromium {browser.version}, Playwright {version("playwright")}, Python {sys.version.split()[0]}, \
Django {version("Django")} (runserver, DEBUG off, SQLite); {os.cpu_count()} cores, shared by browser and server.
Every page is a first visit without a cache. CPU milliseconds of the main thread; for the page's events, elapsed \
milliseconds since the first byte of the answer.
Medians of {rounds} rounds with quartiles in parentheses. The column is the slowdown of the CPU.
"""


def _table(figures: Figures) -> str:
    lines = [
        ("", *(f"{slowdown} ×" for slowdown in SLOWDOWNS)),
        ("---", *("---:" for _ in SLOWDOWNS)),
        *((name, *(_spread(by_slowdown[slowdown]) for slowdown in SLOWDOWNS)) for name, by_slowdown in figures.items()),
        *((name, text, *("" for _ in SLOWDOWNS[1:])) for name, text in _sizes().items()),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _spread(figures: Sequence[float]) -> str:
    low, middle, high = quantiles(figures, n=4, method="inclusive")
    return f"{middle:.1f} ({low:.1f}–{high:.1f})"


def _sizes() -> dict[str, str]:
    copy, written = wheel_copy().encode(), source("tracker.js").encode()

    def described(code: bytes) -> str:
        return f"{len(code):,} bytes, gzipped {len(gzip.compress(code, 9)):,}"

    return {
        "requested before an interaction": "the tracker, once",
        "requested from the endpoints before one": "nothing",
        "stored before one": "nothing",
        "the tracker, as a wheel carries it": described(copy),
        "the tracker, its source": described(written),
        "the snippet": f"{len(source('snippet.js').strip()):,} bytes",
    }


if __name__ == "__main__":
    main()
