"""Rate limits: how many events pass, in one process and in several, and what it costs."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, ClassVar

import django
import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import RequestFactory, override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from alhena_tracking.api.ingestion import throttling
from alhena_tracking.api.ingestion.sources import Source, source_of
from alhena_tracking.api.ingestion.throttling import SLOTS, Budget, check_limits
from tests.support.runs import examples, require

ADDRESS = "203.0.113.7"
SOURCE = Source(ADDRESS)
#: The beginning of a slot, of a second, of a minute and of an hour.
START = 1_800_000_000.0
PROCESSES = 4


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class SharedCache(BaseCache):
    """Stands for a cache that processes share: notes what it is asked, and fails on demand."""

    calls: ClassVar[list[str]] = []
    timeouts: ClassVar[dict[str, float]] = {}
    error: ClassVar[Exception | None] = None
    #: What somebody else does just after the counters were read, or before the error is raised.
    meanwhile: ClassVar[Callable[[], object] | None] = None
    _store = LocMemCache("tests.api.test_throttling", {})

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    @classmethod
    def reset(cls) -> None:
        cls.calls.clear()
        cls.timeouts.clear()
        cls.error = cls.meanwhile = None
        cls._store.clear()

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.error:
            self._pause()
            raise self.error

    def _pause(self) -> None:
        meanwhile, SharedCache.meanwhile = SharedCache.meanwhile, None
        if meanwhile:
            meanwhile()

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        self._note("get_many")
        counted = self._store.get_many(keys)
        self._pause()
        return counted

    def add(self, key: Any, value: Any, timeout: Any = None, version: int | None = None) -> bool:
        self._note("add")
        self.timeouts[key] = timeout
        return self._store.add(key, value, timeout)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        self._note("incr")
        return self._store.incr(key, delta)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    throttling.forget()
    SharedCache.reset()
    yield
    throttling.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttling, "clock", clock)
    return clock


@pytest.fixture
def shared_cache() -> Iterator[type[SharedCache]]:
    with override_settings(CACHES={"default": {"BACKEND": "tests.api.test_throttling.SharedCache"}}):
        yield SharedCache


def limits(source: str | None = None, company: str | None = None) -> override_settings:
    return override_settings(ALHENA_TRACKING={"RATE_LIMIT_PER_SOURCE": source, "RATE_LIMIT_PER_COMPANY": company})


def passed(attempts: int, cost: int = 1) -> int:
    """How many of so many attempts of one source pass."""
    return sum(check_limits("acme", SOURCE, cost) is None for _ in range(attempts))


@pytest.mark.parametrize(("rate", "seconds"), [("40/s", 1), ("40/m", 60), ("40/h", 3600), ("600/m", 60)])
def test_events_when_over_the_limit_wait_for_the_window_to_end(clock: Clock, rate: str, seconds: int) -> None:
    limit = int(rate.partition("/")[0])
    with limits(source=rate):
        assert passed(limit + 5) == limit
        clock.now = START + seconds - 0.01
        assert passed(1) == 0
        clock.now = START + seconds * (1 + 1 / SLOTS)
        assert passed(limit + 5) == limit


def test_events_when_over_the_companys_limit_are_limited_everywhere(clock: Clock) -> None:
    with limits(company="3/m"):
        assert [check_limits("acme", Source(str(number))) is None for number in range(5)] == [True] * 3 + [False] * 2
        assert check_limits("other", Source("0")) is None


def test_sources_when_counted_do_not_share_a_limit(clock: Clock) -> None:
    with limits(source="1/m"):
        assert check_limits("acme", Source("203.0.113.1")) is None
        assert check_limits("acme", Source("203.0.113.2")) is None
        assert check_limits("acme", Source("203.0.113.1")) is not None


def test_network_when_its_addresses_change_may_send_ten_times_as_much(clock: Clock) -> None:
    with limits(source="3/m"):
        same = [check_limits("acme", Source(f"2001:db8:0:{n:x}::/64", "2001:db8::/48")) is None for n in range(40)]
        assert same.count(True) == 30
        assert check_limits("acme", Source("2001:db8:1::/64", "2001:db8:1::/48")) is None


@pytest.mark.parametrize("source", [SOURCE, Source()], ids=["known", "unknown"])
def test_server_when_visitors_use_up_their_limit_is_answered(clock: Clock, source: Source) -> None:
    with limits(company="5/m"):
        assert [check_limits("acme", source) is None for _ in range(6)] == [True] * 5 + [False]
        assert [check_limits("acme", None) is None for _ in range(6)] == [True] * 5 + [False]


def test_flood_when_rate_limited_spares_the_companys_limit(clock: Clock) -> None:
    with limits(source="1/m", company="2/m"):
        assert passed(10) == 1
        assert check_limits("acme", Source("203.0.113.8")) is None


@pytest.mark.parametrize(("rate", "wait"), [("2/s", 1), ("2/m", 43), ("2/h", 2_580)])
def test_wait_when_rate_limited_is_whole_seconds_until_events_expire(clock: Clock, rate: str, wait: int) -> None:
    window = {"s": 1, "m": 60, "h": 3600}[rate[-1]]
    with limits(source=rate):
        assert passed(1) == 1
        clock.now += window / 3
        assert passed(1) == 1
        assert check_limits("acme", SOURCE) == wait
        assert check_limits("acme", SOURCE) == wait, "from memory, the same"
        clock.now += wait
        assert check_limits("acme", SOURCE) is None


def test_burst_when_across_two_minutes_is_not_doubled(clock: Clock) -> None:
    with limits(source="60/m"):
        clock.now = START + 59
        assert passed(60) == 60
        clock.now = START + 61
        assert passed(60) == 0
        clock.now = START + 59 + 60
        assert passed(60) == 0
        clock.now = START + 59 + 63
        assert passed(100) == 60


def test_steady_events_when_just_below_the_limit_all_pass(clock: Clock) -> None:
    with limits(source="600/m"):
        for _ in range(3 * 570):
            assert check_limits("acme", SOURCE) is None
            clock.now += 60 / 570


def test_batch_when_counted_costs_its_events_and_is_limited_whole(clock: Clock) -> None:
    with limits(source="60/m"):
        assert check_limits("acme", SOURCE, 50) is None
        assert check_limits("acme", SOURCE, 11) is not None
        assert check_limits("acme", SOURCE, 10) is None, "a smaller one still fits"
        assert check_limits("acme", SOURCE, 1) is not None


def test_batches_when_not_dividing_the_limit_leave_room_for_smaller(clock: Clock) -> None:
    with limits(source="600/m"):
        assert passed(100, cost=7) == 85
        assert passed(100) == 5


def test_batch_when_over_the_limit_passes_after_a_silent_window(clock: Clock) -> None:
    with limits(source="50/m"):
        assert check_limits("acme", SOURCE, 1) is None
        wait = check_limits("acme", SOURCE, 100)
        assert wait == 63
        clock.now += wait
        assert check_limits("acme", SOURCE, 100) is None
        assert check_limits("acme", SOURCE, 1) is not None


@pytest.mark.parametrize("before", [0, 1])
def test_process_when_another_leases_at_the_same_moment_gets_what_is_left(
    clock: Clock, shared_cache: type[SharedCache], before: int
) -> None:
    """Whether the slot's counter was there already or not."""
    one, other = Budget("source", ADDRESS, "11/m"), Budget("source", ADDRESS, "11/m")
    if before:
        assert one.spend(1) is None
    shared_cache.meanwhile = lambda: other.spend(9 - before)
    assert one.spend(5) == 63
    assert one.spend(3) == 63
    assert one.spend(2) is None, "of the batch that did not fit, what did is kept"
    assert [budget.spend(1) for budget in (one, other)] == [63, 63]


@settings(max_examples=examples(100, full=3000))
@given(
    limit=st.sampled_from([1, 7, 99, 100, 250, 600]),
    attempts=st.lists(
        st.tuples(
            st.one_of(st.just(0.0), st.floats(0, 0.1), st.floats(0, 2)),
            st.integers(0, PROCESSES - 1),
            st.sampled_from([1, 1, 1, 2, 10, 50]),
            st.integers(1, 200),
        ),
        max_size=30,
    ),
)
def test_any_stretch_when_processes_share_a_cache_holds_the_limit(
    limit: int, attempts: list[tuple[float, int, int, int]]
) -> None:
    """Whatever comes when and where: no second sees more than the limit and what the processes leased in advance."""
    throttling.forget()
    clock = Clock()
    processes = [Budget("source", ADDRESS, f"{limit}/s") for _ in range(PROCESSES)]
    passed_at: list[tuple[float, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throttling, "clock", clock)
        for gap, process, cost, repetitions in attempts:
            clock.now += gap
            for _ in range(repetitions):
                wait = processes[process].spend(cost)
                if wait is None:
                    passed_at.append((clock.now, min(cost, limit)))
                else:
                    assert 0 < wait < 1 + 1 / SLOTS + 1e-6
    allowed = limit + PROCESSES * (limit // 100)
    for start, _ in passed_at:
        assert sum(cost for moment, cost in passed_at if start <= moment < start + 1) <= allowed


@settings(max_examples=examples(50, full=1000))
@given(st.lists(st.tuples(st.floats(0, 0.3), st.integers(1, 12)), min_size=1, max_size=200))
def test_event_when_rate_limited_exceeds_the_limit(attempts: list[tuple[float, int]]) -> None:
    """Against a log of every event: a small limit rejects just what the window and one slot more already hold."""
    throttling.forget()
    clock = Clock()
    budget = Budget("source", ADDRESS, "20/s")
    log: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throttling, "clock", clock)
        for gap, cost in attempts:
            clock.now += gap
            slot = int(clock.now * SLOTS)
            held = sum(spent for when, spent in log if when >= slot - SLOTS)
            assert (budget.spend(cost) is None) == (held + cost <= 20)
            if held + cost <= 20:
                log.append((slot, cost))


def test_lease_when_traffic_is_heavy_grows_to_a_hundredth_of_the_limit(
    clock: Clock, shared_cache: type[SharedCache]
) -> None:
    with limits(company="60000/m"):
        assert check_limits("acme", Source()) is None
        assert shared_cache.calls == ["get_many", "add"], "a single event takes two round trips"
        shared_cache.calls.clear()
        assert passed(6000) == 6000
        # Leases of 2, 4, 8 … 512 events, and then of 601.
        assert shared_cache.calls.count("get_many") == 9 + 9


def test_lease_when_not_used_within_a_window_is_given_up(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="600/m"):
        for change in (59, 60, -7200):
            assert passed(2) == 2, "the second one leases another in advance"
            shared_cache.calls.clear()
            clock.now += change
            assert passed(1) == 1
            assert bool(shared_cache.calls) == (change != 59)
            throttling.forget()


def test_counter_when_there_already_is_not_made_again(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="60/m"):
        assert passed(2) == 2
    assert shared_cache.calls == ["get_many", "add", "get_many", "incr"]


def test_flood_when_rate_limited_costs_no_round_trip(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="100/m"):
        passed(101)
        shared_cache.calls.clear()
        assert passed(10_000) == 0
        assert shared_cache.calls == []


def test_limit_when_none_touches_no_cache(shared_cache: type[SharedCache]) -> None:
    with limits(source=None, company=None):
        assert check_limits("acme", SOURCE) is None
    with limits(source="1/m", company=None):
        assert [check_limits("acme", Source()) for _ in range(3)] == [None] * 3
    assert shared_cache.calls == []


def test_setting_when_changed_counts_anew(clock: Clock) -> None:
    with limits(source="1/m"):
        assert passed(2) == 1
    with limits(source="5/m"):
        assert passed(9) == 5


def test_subjects_when_many_are_forgotten_from_the_longest_unused_on() -> None:
    with limits(source="5/m"):
        for number in range(throttling.SUBJECTS + 10):
            check_limits("acme", Source(str(number)))
    assert throttling._budget.cache_info().currsize == throttling.SUBJECTS


def test_cache_keys_when_read_identify_nobody_and_expire(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="5/m", company="50/h"):
        check_limits("acme", SOURCE)
        clock.now += 3600
        check_limits("acme", SOURCE)
    assert sorted(shared_cache.timeouts.values()) == [120, 120, 7200, 7200]
    names = [key.split(":")[1] for key in shared_cache.timeouts]
    assert len(set(names)) == 4, "a subject's name changes with the window"
    assert all(key.startswith("alhena:") for key in shared_cache.timeouts)
    assert not any(word in key for key in shared_cache.timeouts for word in ("acme", ADDRESS))
    with limits(source="5/m"), override_settings(SECRET_KEY="another"):
        throttling.forget()
        check_limits("acme", SOURCE)
    assert len({key.split(":")[1] for key in shared_cache.timeouts}) == 5, "names are keyed"


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_limit_when_the_cache_is_of_one_process_is_kept_there(clock: Clock, backend: str) -> None:
    with override_settings(CACHES={"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}):
        caches["default"].set("shop", "its own")
        with limits(source="5/m"):
            for number in range(2000):
                check_limits("acme", Source(str(number)))
            assert passed(9) == 5
        assert caches["default"].get("shop") == (None if "dummy" in backend else "its own")


def test_threads_when_flooding_together_get_what_the_limit_allows() -> None:
    with limits(source="500/h"), ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(passed, [200] * 8)) == 500


def test_threads_when_they_come_together_share_a_lease(shared_cache: type[SharedCache]) -> None:
    together = threading.Barrier(8)

    def attempt(_: int) -> int:
        together.wait()
        return passed(1)

    with limits(source="800/h"), ThreadPoolExecutor(8) as pool:
        shared_cache.meanwhile = lambda: time.sleep(0.1)
        assert sum(pool.map(attempt, range(8))) == 8
    assert shared_cache.calls.count("get_many") == 4, "of 1, 2, 4 and 8 events"


def test_events_when_the_cache_fails_pass_and_leave_it_alone(
    clock: Clock, shared_cache: type[SharedCache], caplog: pytest.LogCaptureFixture
) -> None:
    shared_cache.error = ConnectionError("redis://:password@cache.internal")
    with limits(source="3/m", company="3/m"), caplog.at_level(logging.WARNING, "alhena_tracking"):
        assert passed(100) == 100
        assert len(shared_cache.calls) == 1
        clock.now += 5
        assert passed(100) == 100
        assert len(shared_cache.calls) == 2
        assert [record.name for record in caplog.records] == ["alhena_tracking.api.ingestion.throttling"]
        assert "ConnectionError" in caplog.text
        assert "password" not in caplog.text
        clock.now += 60
        passed(1)
        assert len(caplog.records) == 2, "again after a minute"


def test_limit_when_the_cache_is_back_is_kept_again(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="3/m"):
        shared_cache.error = ConnectionError()
        assert passed(10) == 10
        shared_cache.error = None
        clock.now += 5
        assert passed(10) == 3


def test_events_when_the_cache_failed_are_not_held_against_the_limit(
    clock: Clock, shared_cache: type[SharedCache]
) -> None:
    with limits(source="20/m"):
        assert passed(1) == 1
        shared_cache.error = ConnectionError()
        assert passed(50) == 50
        shared_cache.error = None
        clock.now += 5
        assert passed(50) == 19


def test_cache_when_it_failed_is_tried_again_by_one_only(clock: Clock, shared_cache: type[SharedCache]) -> None:
    with limits(source="3/m"):
        shared_cache.error = ConnectionError()
        passed(1)
        clock.now += 5
        shared_cache.meanwhile = lambda: check_limits("acme", Source("203.0.113.8"))
        passed(1)
    assert len(shared_cache.calls) == 2


def test_rate_limit_when_the_clock_is_set_back_is_forgotten(clock: Clock) -> None:
    with limits(source="3/m"):
        assert passed(4) == 3
        clock.now -= 7200
        assert passed(4) == 3


def test_events_when_redis_is_down_pass_without_asking_it_each_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Exception] = []
    note_failure = throttling._Health.note_failure

    def note(health: Any, error: Exception) -> None:
        failures.append(error)
        note_failure(health, error)

    monkeypatch.setattr(throttling._Health, "note_failure", note)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # not listening
        with override_settings(CACHES=redis(f"redis://127.0.0.1:{closed.getsockname()[1]}")), limits(source="3/m"):
            assert passed(1000) == 1000
    assert len(failures) == 1


def redis(url: str, **options: Any) -> Mapping[str, Any]:
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
            **options,
        }
    }


@pytest.fixture
def shared_redis() -> Iterator[Mapping[str, Any]]:
    """Settings of a cache in Redis that the test has for itself."""
    require("redis", find_spec("redis") is not None, "redis is not installed: pip install --group databases")
    configured = redis("redis://127.0.0.1:6379/9", KEY_PREFIX=uuid.uuid4().hex)
    with override_settings(CACHES=configured):
        try:
            caches["default"].get("a")
        except Exception as error:
            require("redis", False, f"Redis does not answer on its standard port ({type(error).__name__})")
        yield configured


def test_limit_when_kept_in_redis_is_exact(shared_redis: Mapping[str, Any], clock: Clock) -> None:
    with limits(source="20/m", company="1000/m"):
        assert passed(30) == 20
        clock.now += 63
        assert passed(30) == 20


@pytest.mark.real_time
def test_flood_when_from_several_processes_is_held_to_the_limit(shared_redis: Mapping[str, Any]) -> None:
    """Through the shop's one proxy, which appends the true address to whatever the visitor forged."""
    forged = ["", "unknown, ", *(f"198.51.100.{number}, 2001:db8::{number:x}, " for number in range(256))]
    seconds = examples(1, full=20)
    # Fresh processes, which know nothing of limits yet. Django is set up before a task is unpickled.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context, initializer=django.setup) as pool:
        floods = [pool.submit(_flood, shared_redis, forged, seconds) for _ in range(PROCESSES)]
        waits = [wait for flood in floods for wait in flood.result()]
    assert 60 * seconds <= waits.count(None) <= 105 * seconds
    assert len(waits) > 1000 * seconds
    assert set(waits) <= {None, 1, 2}


def _flood(shared: Mapping[str, Any], forged: list[str], seconds: int) -> list[int | None]:
    """Send without pause for so long from when all processes are ready; return the answer to each request."""
    requests = [
        RequestFactory().get("/", REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=entries + ADDRESS) for entries in forged
    ]
    waits: list[int | None] = []
    rates = {"RATE_LIMIT_PER_SOURCE": "100/s", "TRUSTED_PROXIES": 1}
    with override_settings(CACHES=shared, ALHENA_TRACKING=rates):
        begins_at = _meet()
        time.sleep(max(0, begins_at - time.time()))
        for request in itertools.cycle(requests):
            if time.time() >= begins_at + seconds:
                break
            waits.append(check_limits("acme", source_of(request)))
    return waits


def _meet() -> float:
    """Wait for the other processes; the time, the same for all, at which to begin."""
    cache = caches["default"]
    cache.add("ready", 0, 60)
    if cache.incr("ready") == PROCESSES:
        cache.set("begins_at", time.time() + 0.2, 60)
    deadline = time.monotonic() + 60
    while (begins_at := cache.get("begins_at")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return float(begins_at)
