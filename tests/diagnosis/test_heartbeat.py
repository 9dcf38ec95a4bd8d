"""The snippet's sign of life: told by the tag, throttled, and never in a page's way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.template import Context, Template

from alhena_tracking.diagnosis import heartbeat

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class BrokenCache(LocMemCache):
    """Fails whatever it is asked, and counts how often that is."""

    asked = 0

    def get(self, *args: Any, **kwargs: Any) -> Any:
        type(self).asked += 1
        raise ConnectionError("redis://:secret@cache does not answer")

    set = get


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass in the process; the time of day stays ``NOON``."""
    passed = [1000.0]

    def let_pass(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr(heartbeat, "monotonic", lambda: passed[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    return let_pass


@pytest.fixture
def broken_cache(settings: Any) -> type[BrokenCache]:
    BrokenCache.asked = 0
    settings.CACHES = {"default": {"BACKEND": "tests.diagnosis.test_heartbeat.BrokenCache"}}
    return BrokenCache


def render(source: str = "{% alhena_snippet %}") -> str:
    return Template("{% load alhena_tracking %}" + source).render(Context())


def test_heartbeat_when_the_tag_is_rendered_is_seen_for_its_company_alone(clock: Callable[[float], None]) -> None:
    assert heartbeat.last("acme").seen_at is None
    render()
    assert heartbeat.last("acme").seen_at == NOON
    assert heartbeat.last("other").seen_at is None
    render('{% alhena_snippet company_key="other" %}')
    assert heartbeat.last("other").seen_at == NOON


def test_heartbeat_when_rendered_often_is_written_once_a_minute_for_each_company(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(LocMemCache, "set", lambda self, key, *args, **kwargs: written.append(key))
    for _ in range(5):
        heartbeat.note("acme")
        heartbeat.note("other")
    assert len(written) == len(set(written)) == 2
    clock(59)
    heartbeat.note("acme")
    assert len(written) == 2
    clock(1)
    heartbeat.note("acme")
    assert written[2:] == written[:1]


def test_heartbeat_when_many_companies_are_named_keeps_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "REMEMBERED_COMPANIES", 3)
    for number in range(10):
        heartbeat.note(f"shop-{number}")
    assert len(heartbeat._memory.silent_until) <= 3


@pytest.mark.parametrize("key", ["", "a b\n", "é" * 300, "\ud800"])
def test_heartbeat_when_the_key_is_odd_is_noted_without_a_warning(key: str) -> None:
    heartbeat.note(key)
    assert heartbeat.last(key).seen_at is not None


def test_heartbeat_when_the_cache_is_dead_lets_the_page_be_rendered_and_rests_a_minute(
    broken_cache: type[BrokenCache], clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "alhena_tracking.diagnosis.heartbeat"):
        for _ in range(3):
            assert "tracker.js" in render()
            render('{% alhena_snippet company_key="other" %}')
        assert not heartbeat.last("acme").is_answering
    assert broken_cache.asked == 1
    assert len(caplog.messages) == 1
    assert "secret" not in caplog.text
    clock(60)
    render()
    assert broken_cache.asked == 2


def test_heartbeat_when_read_from_a_dead_cache_says_so(
    broken_cache: type[BrokenCache], clock: Callable[[float], None]
) -> None:
    assert heartbeat.last("acme") == heartbeat.Heartbeat(is_answering=False)
    heartbeat.note("acme")
    assert broken_cache.asked == 1


def test_heartbeat_when_the_cache_names_no_backend_lets_the_page_be_rendered(settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_CACHE": "nowhere"}
    assert "tracker.js" in render()
    assert not heartbeat.last("acme").is_answering


@pytest.mark.parametrize(("backend", "is_shared"), [(LocMemCache, False), (DummyCache, False), (FileBasedCache, True)])
def test_heartbeat_when_each_process_has_its_own_cache_says_so(
    settings: Any, tmp_path: Any, backend: type[Any], is_shared: bool
) -> None:
    path = f"{backend.__module__}.{backend.__qualname__}"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.CACHES |= {"limits": {"BACKEND": path, "LOCATION": str(tmp_path)}}
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_CACHE": "limits"}
    heartbeat.note("acme")
    assert heartbeat.last("acme").is_shared is is_shared
    assert (heartbeat.last("acme").seen_at is None) is (backend is DummyCache)


def test_heartbeat_when_the_cache_holds_something_else_is_not_seen() -> None:
    caches["default"].set(heartbeat._name("acme"), "yesterday")
    assert heartbeat.last("acme").seen_at is None
