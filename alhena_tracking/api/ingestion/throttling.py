"""How many events may come: limits per source and per company, kept by all processes together in Django's cache.

A network of many sources may send ten times what one may, so that nobody gains much by changing addresses within it.
A company's visitors and its server have a budget each, so that no visitor silences the shop.

A limit such as 600 a minute lets at most 600 events pass in *any* minute. The minute is cut into 20 slots, each a
counter in the cache, and the present slot counts together with the 20 before it. (So a sender that never pauses gets
20/21 of the limit.)

A process does not ask the cache for every event. It leases some in advance, the more it used lately, at most 1 % of the
limit, and gives up what it has not spent after a minute. So each process may let 1 % more pass than the limit in one
minute, and a limit below 100 is kept exactly. A rejection is remembered until it is over: a flood costs no round trips.

While the cache fails, every event passes.
"""

from __future__ import annotations

import hmac
import logging
import math
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from threading import Lock
from typing import NamedTuple, Self

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.encoding import force_bytes

from alhena_tracking.api.ingestion.sources import Source
from alhena_tracking.conf import conf

logger = logging.getLogger(__name__)

SLOTS = 20
#: What a process may lease in advance, as a divisor of the limit.
LEASED_SHARE = 100
#: How many sources' limit a network has.
SOURCES_IN_NETWORK = 10
#: How many sources and companies a process remembers.
SUBJECTS = 10_000
#: How long a cache that failed is left alone, so that a dead one does not slow every request.
REST_SECONDS = 5
WARNING_SECONDS = 60

#: Wall-clock time, as all processes must agree on the present slot.
clock = time.time

# Takes the place of caches that do not reach beyond the process anyway: LocMemCache would drop the shop's own entries
# for our counters (it holds 300), and DummyCache would count nothing.
_process_cache = LocMemCache("alhena_tracking.throttling", {"OPTIONS": {"MAX_ENTRIES": 20_000}})


class Rate(NamedTuple):
    """At most ``limit`` events in any ``seconds``."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a setting such as ``"600/m"``."""
        limit, _, unit = text.partition("/")
        return cls(int(limit), {"s": 1, "m": 60, "h": 3600}[unit])


def check_limits(company_key: str | None, source: Source | None, cost: int = 1) -> int | None:
    """Count ``cost`` events; ``None`` if they may pass, else the whole seconds (≥ 1) after which to try again.

    Without a ``source`` they are the company's server's. A batch passes or is rejected as a whole. One larger than a
    limit counts as the limit: it passes after a window of silence. What is ``None`` has no limit. The source's comes
    first, so that a flood does not use up the company's.
    """
    for budget in _budgets(company_key, source):
        wait = budget.spend(cost)
        if wait is not None:
            return max(1, math.ceil(wait))
    return None


def forget() -> None:
    """Start over, as a new process does."""
    _budget.cache_clear()
    _process_cache.clear()
    _health.forget()


def _budgets(company_key: str | None, source: Source | None) -> Iterator[Budget]:
    if source is not None and (rate := conf.rate_limit_per_source) is not None:
        if source.address is not None:
            yield _budget("source", source.address, rate)
        if source.network is not None:
            yield _budget("network", source.network, rate, SOURCES_IN_NETWORK)
    if company_key is not None and (rate := conf.rate_limit_per_company) is not None:
        yield _budget("server" if source is None else "company", company_key, rate)


@lru_cache(maxsize=SUBJECTS)
def _budget(kind: str, subject: str, rate: str, times: int = 1) -> Budget:
    return Budget(kind, subject, rate, times)


class Budget:
    """What this process holds of one subject's limit: the events it leased, and a rejection that is not over."""

    def __init__(self, kind: str, subject: str, rate: str, times: int = 1) -> None:
        limit, seconds = Rate.parse(rate)
        self.rate = Rate(limit * times, seconds)
        # With the rate, so that a changed setting counts anew.
        self._identity = "\0".join(("alhena_tracking.throttling", kind, rate, subject))
        # Held while the cache is asked: a subject's threads would all lease in advance at once.
        self._lock = Lock()
        self._leased = 0
        self._leased_at = -math.inf
        self._in_advance = 0
        self._refused_cost = 0
        self._refused_at = self._refused_until = -math.inf

    def spend(self, cost: int) -> float | None:
        """Take ``cost`` events. Returns ``None``, or the seconds after which they are available."""
        cost = min(cost, self.rate.limit)
        with self._lock:
            now = clock()
            if not 0 <= now - self._leased_at < self.rate.seconds:
                self._leased = self._in_advance = 0
            if self._leased < cost:
                if not self._is_refused(cost, now):
                    self._ask(cost, now)
                if self._is_refused(cost, now):
                    return self._refused_until - now
            # Fewer than the cost are there only where the cache failed.
            self._leased = max(0, self._leased - cost)
            return None

    def _is_refused(self, cost: int, now: float) -> bool:
        # A smaller batch may still pass; and a rejection from the future is one from before the clock was set back.
        return cost >= self._refused_cost and self._refused_at <= now < self._refused_until

    def _ask(self, cost: int, now: float) -> None:
        """Lease what is missing or remember the rejection; neither while the cache fails."""
        if not _health.may_ask(now):
            return
        try:
            wait = self._lease(cost - self._leased, now)
        except Exception as error:  # whatever a cache and its client may raise
            _health.note_failure(error)
            return
        _health.note_success()
        if wait is not None:
            self._refused_cost, self._refused_at, self._refused_until = cost, now, now + wait

    def _lease(self, missing: int, now: float) -> float | None:
        """Lease at least ``missing`` events, or return the seconds until as many may be free."""
        cache = _cache()
        slot = int(now * SLOTS // self.rate.seconds)
        keys = self._keys(slot)
        counted = cache.get_many(keys)
        counts = [counted.get(key, 0) for key in keys]
        free = self.rate.limit - sum(counts)
        if free >= missing:
            asked = min(missing + self._in_advance, free)
            is_first = not counts[-1] and cache.add(keys[-1], asked, timeout=2 * self.rate.seconds)
            counts[-1] = asked if is_first else cache.incr(keys[-1], asked)
            # Others may have leased since the counters were read. Adding is atomic, and its result says how many
            # came before: what they left is ours.
            leased = max(0, asked + min(0, self.rate.limit - sum(counts)))
            self._leased += leased
            self._leased_at = now
            missing -= leased
        if missing > 0:
            return self._seconds_until_free(missing, counts, slot, now)
        self._in_advance = min(2 * self._in_advance + 1, self.rate.limit // LEASED_SHARE)
        return None

    def _keys(self, slot: int) -> list[str]:
        """Return the keys of the slots that count, the oldest first. They reveal neither an address nor a company."""
        window = slot // SLOTS
        names = {number: self._name(number) for number in (window - 1, window)}
        return [f"alhena:{names[number // SLOTS]}:{number % SLOTS}" for number in range(slot - SLOTS, slot + 1)]

    def _name(self, window: int) -> str:
        digest = hmac.digest(force_bytes(settings.SECRET_KEY), f"{self._identity}\0{window}".encode(), sha256)
        return urlsafe_b64encode(digest[:15]).decode()

    def _seconds_until_free(self, missing: int, counts: Sequence[int], slot: int, now: float) -> float:
        free = self.rate.limit - sum(counts)
        ended = next(number for number, freed in enumerate(accumulate(counts), start=1) if free + freed >= missing)
        return (slot + ended) * self.rate.seconds / SLOTS - now


def _cache() -> BaseCache:
    cache = caches[conf.rate_limit_cache]
    return _process_cache if isinstance(cache, (LocMemCache, DummyCache)) else cache


class _Health:
    """Whether the cache works. After a failure, one thread tries it again every few seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        self._is_failing = False
        self._failed_at = self._warned_at = -math.inf

    def may_ask(self, now: float) -> bool:
        if not self._is_failing:
            return True
        with self._lock:
            if 0 <= now - self._failed_at < REST_SECONDS:
                return False
            self._failed_at = now  # the other threads wait for what this one finds
            return True

    def note_success(self) -> None:
        self._is_failing = False

    def note_failure(self, error: Exception) -> None:
        with self._lock:
            now = clock()
            self._is_failing = True
            self._failed_at = now
            if 0 <= now - self._warned_at < WARNING_SECONDS:
                return
            self._warned_at = now
        # Without the error's text, which may name the cache's URL and its password.
        logger.warning(
            "The cache %r failed (%s): while it does, events pass without limits.",
            conf.rate_limit_cache,
            type(error).__name__,
        )


_health = _Health()
