"""A sign of life of the snippet: when a template last rendered it for a company, noted in the cache.

It is noted where the processes already count events for the rate limits: in the cache that ``RATE_LIMIT_CACHE`` names
(Django's default one, unless told otherwise), whose reach and time-outs the system checks look after. A process notes
it at most once a minute for each company. A cache that fails is left alone for a minute: no page waits for it again.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils import timezone

from alhena_tracking.conf import conf

logger = logging.getLogger(__name__)

NOTED_EVERY_SECONDS = 60
#: How long a cache that failed is left alone.
REST_SECONDS = 60
#: How long the last sign is kept.
KEPT = timedelta(days=30)
#: How many companies a process remembers to have noted lately.
REMEMBERED_COMPANIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """When the snippet was last rendered: to the minute, and ``None`` if not within ``KEPT``.

    ``None`` tells nothing where other processes' caches cannot be seen (not ``is_shared``) or the cache fails (not
    ``is_answering``).
    """

    seen_at: datetime | None = None
    is_shared: bool = True
    is_answering: bool = True


def note(company_key: str) -> None:
    """Note that the snippet is rendered now. Never raises, whatever the cache does."""
    now = monotonic()
    if now < _memory.silent_until.get(company_key, -math.inf) or now < _memory.resting_until:
        return
    if len(_memory.silent_until) >= REMEMBERED_COMPANIES:
        _memory.silent_until.clear()
    # Before the cache is asked: other threads must not wait for it, too.
    _memory.silent_until[company_key] = now + NOTED_EVERY_SECONDS
    try:
        _cache().set(_name(company_key), timezone.now().timestamp(), timeout=KEPT.total_seconds())
    except Exception as error:  # whatever a cache and its client may raise
        _rest(error)


def last(company_key: str) -> Heartbeat:
    """The last sign of life. Never raises."""
    if monotonic() < _memory.resting_until:
        return Heartbeat(is_answering=False)
    try:
        cache = _cache()
        noted = cache.get(_name(company_key))
        is_shared = not isinstance(cache, (LocMemCache, DummyCache))
        return Heartbeat(seen_at=_moment(noted), is_shared=is_shared)
    except Exception as error:
        _rest(error)
        return Heartbeat(is_answering=False)


def forget() -> None:
    """Begin anew, as a process does that has just started."""
    _memory.silent_until.clear()
    _memory.resting_until = -math.inf


@dataclass(slots=True)
class _Memory:
    """Until when a company need not be noted again, and until when the cache is left alone."""

    silent_until: dict[str, float]
    resting_until: float = -math.inf


_memory = _Memory({})


def _cache() -> BaseCache:
    return caches[conf.rate_limit_cache]


def _name(company_key: str) -> str:
    # A template may say anything; the names of a cache's entries may not be anything.
    return f"alhena_tracking.diagnosis.heartbeat.{sha256(company_key.encode(errors='replace')).hexdigest()}"


def _moment(noted: object) -> datetime | None:
    return datetime.fromtimestamp(noted, UTC) if isinstance(noted, float | int) else None


def _rest(error: Exception) -> None:
    _memory.resting_until = monotonic() + REST_SECONDS
    # Without the error's text, which may name the cache's URL and its password.
    logger.warning(
        "The cache %r failed (%s): whether the snippet is rendered is not noted for a minute.",
        conf.rate_limit_cache,
        type(error).__name__,
    )
