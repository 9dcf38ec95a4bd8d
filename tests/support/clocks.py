"""The dates at which the suite has to pass, and how its tests get there.

``ALHENA_NOW=2028-02-29T12:00Z`` lets every test begin at that instant. ``--clocks`` runs the test functions that asked
for the time in the last run, each with one of its parameter sets at two of ``CLOCKS``, so that every date has its share
of them; in a full run, at each. A test that waits for something with a clock of its own, such as another process, does
not travel and is marked ``real_time``, unless it is marked ``browser`` or ``faults`` anyway. One marked ``now`` begins
at the instant it names, whenever it runs.

Tests ask for the time through ``django.utils.timezone`` only; the linter checks it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone
from time_machine import travel

from tests.support.runs import some

CLOCKS = (
    "2028-02-29T12:00Z",  # 29 February
    "2026-12-31T23:55Z",  # a year ends; in Berlin it has ended
    "2027-02-01T00:05Z",  # a month has begun; in St. John's it has not
    "2027-03-28T01:30Z",  # Berlin's clocks went forward half an hour ago
    "2026-10-25T00:30Z",  # the first half past two of two in Berlin
    "2027-03-14T05:30Z",  # St. John's clocks go forward
    "2026-11-01T04:30Z",  # St. John's clocks go back
)
DOES_NOT_TRAVEL = ("real_time", "browser", "faults")
#: Django's own bookkeeping, by which this suite decides nothing.
UNWATCHED = ("django.contrib.auth", "django.contrib.sessions", "django.db.migrations")
ASKED = "asked for the time"
LAST_ASKED = "alhena/asked_for_the_time"

_real_now = timezone.now
_is_collecting = False
_running: pytest.Item | None = None
#: Test functions: those that asked in the last run, and those that ran and asked in this one.
_last_asked: set[str] = set()
_ran: set[str] = set()
_asked: set[str] = set()


def _watched_now() -> datetime:
    caller = _caller()
    if _is_collecting and caller.startswith("tests."):
        raise RuntimeError(f"{caller} asks for the time when it is imported: its tests should, or take a fixed date.")
    if _running is not None and (ASKED, True) not in _running.user_properties and not caller.startswith(UNWATCHED):
        _running.user_properties.append((ASKED, True))
    return _real_now()


def _caller() -> str:
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals["__name__"] == timezone.__name__:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])


timezone.now = _watched_now


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clocks", action="store_true", help="run the tests that ask for the time at several dates")


def pytest_configure(config: pytest.Config) -> None:
    if cache := _cache(config):
        _last_asked.update(cache.get(LAST_ASKED, []))
    if config.getoption("clocks") and not _last_asked:
        raise pytest.UsageError("--clocks knows of no test that asks for the time: run the suite without it first.")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    global _is_collecting
    _is_collecting = True
    try:
        return (yield)
    finally:
        _is_collecting = False


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.config.getoption("clocks") and metafunc.definition.nodeid in _last_asked:
        metafunc.fixturenames.append("begins_at")
        metafunc.parametrize("begins_at", CLOCKS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("clocks"):
        chosen = set(_one_of_each(items))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]
    for item in items:
        if _begins_at(item) and any(item.get_closest_marker(name) for name in DOES_NOT_TRAVEL):
            item.add_marker(pytest.mark.skip(reason="waits for what has a clock of its own, which does not travel"))


def _one_of_each(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Of each function and chosen clock one item, with another parameter set at each clock."""
    groups: dict[tuple[str, str], list[pytest.Item]] = {}
    for item in items:
        if "begins_at" in _parameters(item):
            groups.setdefault((_function(item.nodeid), _parameters(item)["begins_at"]), []).append(item)
    for (function, begins_at), group in groups.items():
        if begins_at in some(CLOCKS, 2, function):
            yield group[CLOCKS.index(begins_at) % len(group)]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global _running
    begins_at = _begins_at(item)
    _running = None if item.get_closest_marker("now") else item
    # A number: from a datetime, time_machine would take the machine's time zone, too.
    with travel(datetime.fromisoformat(begins_at).timestamp()) if begins_at else nullcontext():
        result = yield
    _running = None
    return result


def _begins_at(item: pytest.Item) -> str | None:
    if marker := item.get_closest_marker("now"):
        return str(marker.args[0])
    return _parameters(item).get("begins_at") or os.environ.get("ALHENA_NOW")


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _ran.add(_function(report.nodeid))
    if ASKED in dict(report.user_properties):
        _asked.add(_function(report.nodeid))


def pytest_sessionfinish(session: pytest.Session) -> None:
    cache, is_worker = _cache(session.config), hasattr(session.config, "workerinput")
    if cache and not is_worker and not session.config.getoption("clocks"):
        cache.set(LAST_ASKED, sorted((_last_asked - _ran) | _asked))


def _cache(config: pytest.Config) -> Any:
    """Pytest's cache; ``None`` where it is switched off."""
    return getattr(config, "cache", None)
