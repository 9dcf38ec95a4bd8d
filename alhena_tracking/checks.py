"""System checks of the settings, and of the database and the cache they name. None of them touches either."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import connections, router
from django.utils.module_loading import import_string

from alhena_tracking.conf import DEFAULTS, SETTING, conf
from alhena_tracking.models import AttributionModel, Company, ValueBasis
from alhena_tracking.models.company import COMPANY_KEY_PATTERN


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Every setting has a rule here, and an unknown one is an error."""
    configured = conf.raw
    if not isinstance(configured, Mapping):
        return [
            Error(
                f"{SETTING} must be a dict.", hint=f'{SETTING} = {{"COMPANY_KEY": "acme"}}', id="alhena_tracking.E001"
            )
        ]
    unknown = [
        Error(
            f"{SETTING} has an unknown key {name!r}.",
            hint="Known keys: " + ", ".join(sorted(DEFAULTS)) + ".",
            id="alhena_tracking.E002",
        )
        for name in configured
        if name not in DEFAULTS
    ]
    wrong = [
        Error(f"{SETTING}[{name!r}] is {configured[name]!r}.", hint=hint, id=check_id)
        for name, (check_id, is_valid, hint) in _RULES.items()
        if name in configured and not is_valid(configured[name])
    ]
    return [*unknown, *wrong]


def _is_company_key(value: object) -> bool:
    return value is None or (isinstance(value, str) and re.fullmatch(COMPANY_KEY_PATTERN, value) is not None)


def _is_window(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(minutes=1) <= value <= timedelta(days=365)


def _is_predicate(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, str):
        return False
    try:
        return callable(import_string(value))
    except ImportError:
        return False


def _is_domain(value: object) -> bool:
    return value is None or (
        isinstance(value, str) and re.fullmatch(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value) is not None
    )


def _is_rate(value: object) -> bool:
    return value is None or (isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,8}/[smh]", value) is not None)


def _is_cache(value: object) -> bool:
    return isinstance(value, str) and value in settings.CACHES


def _is_timeout(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(milliseconds=100) <= value <= timedelta(seconds=5)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


_RULES: dict[str, tuple[str, Callable[[object], bool], str]] = {
    "COMPANY_KEY": (
        "alhena_tracking.E003",
        _is_company_key,
        "Use a slug of lower-case letters, digits, hyphens and underscores, at most 64, such as 'acme'.",
    ),
    "ATTRIBUTION_WINDOW": (
        "alhena_tracking.E004",
        _is_window,
        "Use a datetime.timedelta from one minute to 365 days, such as timedelta(hours=24).",
    ),
    "ATTRIBUTION_MODEL": (
        "alhena_tracking.E005",
        lambda value: value in AttributionModel.values,
        "Use 'first_touch' or 'last_touch'.",
    ),
    "CART_EVENT_VALUE": (
        "alhena_tracking.E006",
        lambda value: value in ValueBasis.values,
        "Use 'unit' where the storefront reports unit prices, 'total' where it reports price × quantity.",
    ),
    "LINE_ITEM_VALUE": (
        "alhena_tracking.E007",
        lambda value: value in ValueBasis.values,
        "Use 'total' where the storefront reports price × quantity, 'unit' where it reports unit prices.",
    ),
    "QUALIFYING_INTERACTION": (
        "alhena_tracking.E008",
        _is_predicate,
        "Use the dotted path of a function that takes an interaction and returns a bool, or None.",
    ),
    "CONFIRMED_ORDERS_ONLY": ("alhena_tracking.E013", _is_bool, "Use True or False."),
    "RATE_LIMIT_PER_SOURCE": (
        "alhena_tracking.E014",
        _is_rate,
        "Use a number per s, m or h, such as '600/m', or None.",
    ),
    "RATE_LIMIT_PER_COMPANY": (
        "alhena_tracking.E015",
        _is_rate,
        "Use a number per s, m or h, such as '60000/m', or None.",
    ),
    "RATE_LIMIT_CACHE": (
        "alhena_tracking.E016",
        _is_cache,
        "Use the alias of one of the project's CACHES, such as 'default'.",
    ),
    "TRUSTED_PROXIES": (
        "alhena_tracking.E017",
        lambda value: value is None or (type(value) is int and 0 <= value <= 10),
        "Use the number of your own proxies that append to X-Forwarded-For, such as 1; 0 where there is none.",
    ),
    "LOCK_TIMEOUT": (
        "alhena_tracking.E018",
        _is_timeout,
        "Use a datetime.timedelta from 100 milliseconds to 5 seconds, such as timedelta(seconds=2).",
    ),
    "STATEMENT_TIMEOUT": (
        "alhena_tracking.E019",
        _is_timeout,
        "Use a datetime.timedelta from 100 milliseconds to 5 seconds, such as timedelta(seconds=4).",
    ),
    "COUNTED_QUESTIONS": (
        "alhena_tracking.E020",
        lambda value: value in ("asked", "answered"),
        "Use 'asked' to count every question to the Alhena widget, 'answered' to count those that it answered.",
    ),
    "READ_DATALAYER": ("alhena_tracking.E021", _is_bool, "Use True or False."),
    "DATALAYER_VALUE": (
        "alhena_tracking.E022",
        lambda value: value in ("net", "as-is"),
        "Use 'net' where a GA4 purchase's value excludes tax and shipping, 'as-is' where it is the order's total.",
    ),
    "COOKIE_DOMAIN": ("alhena_tracking.E009", _is_domain, "Use a domain such as 'shop.example', or None."),
    "REQUIRE_CONSENT": ("alhena_tracking.E010", _is_bool, "Use True or False."),
    "RESPECT_DNT": ("alhena_tracking.E011", _is_bool, "Use True or False."),
    "DEBUG": ("alhena_tracking.E012", _is_bool, "Use True or False."),
}

#: No event may hold a worker longer than this, whatever hangs.
_LONGEST_WAIT_SECONDS = 5


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a database that refuses events when several come at once, or that workers wait for when it hangs."""
    alias = router.db_for_write(Company)
    connection = connections[alias]  # does not connect
    rules = _DATABASE_RULES.get(connection.vendor, [])
    return [message for rule in rules for message in rule(alias, connection.settings_dict)]


def _check_sqlite(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if database["NAME"] == ":memory:" or "mode=memory" in str(database["NAME"]):
        return
    options = database["OPTIONS"]
    timeout = options.get("timeout")
    has_all = {
        "init_command with journal_mode=WAL": re.search(
            r"journal_mode\s*[=(]\s*['\"]?wal\b", options.get("init_command") or "", re.IGNORECASE
        ),
        "transaction_mode IMMEDIATE": str(options.get("transaction_mode")).upper() == "IMMEDIATE",
        "a timeout from 2 to 5 seconds": isinstance(timeout, (int, float)) and 2 <= timeout <= _LONGEST_WAIT_SECONDS,
    }
    missing = [what for what, is_there in has_all.items() if not is_there]
    if missing:
        yield Warning(
            f"The OPTIONS of the database {alias!r} (SQLite) lack {', '.join(missing)}.",
            hint=(
                'Write "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE", '
                '"timeout": 5}. Otherwise readers and the writer block each other, and events that come at once are '
                "answered 503."
            ),
            id="alhena_tracking.W001",
        )


def _check_persistence(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if not settings.DEBUG and database["CONN_MAX_AGE"] == 0 and not database["OPTIONS"].get("pool"):
        yield Warning(
            f"The database {alias!r} is connected to anew for every request.",
            hint=(
                'Write "CONN_MAX_AGE": 600 and "CONN_HEALTH_CHECKS": True beside its ENGINE: connecting costs many '
                'times as much as storing an event. Under ASGI use PostgreSQL with "OPTIONS": {"pool": {"timeout": 4}}.'
            ),
            id="alhena_tracking.W002",
        )


def _check_postgresql_timeouts(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    options = database["OPTIONS"]
    has_all = {
        # A service's file may hold it.
        "connect_timeout (at most 5)": "service" in options or _is_short(options.get("connect_timeout")),
        "a timeout (at most 5) of the pool": _has_short_wait(options.get("pool")),
    }
    yield from _warn_of_missing_timeouts(
        alias, has_all, '{"connect_timeout": 3}, and "pool": {"timeout": 4} for a pool'
    )


def _check_mysql_timeouts(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if str(database["ENGINE"]).startswith("mysql.connector"):
        return  # has options of its own
    options = database["OPTIONS"]
    has_all = {
        "connect_timeout (at most 5)": _is_short(options.get("connect_timeout")),
        # Of any length: the server ends an event's statements in time, and migrations need longer ones.
        "read_timeout": bool(options.get("read_timeout")),
        "write_timeout": bool(options.get("write_timeout")),
    }
    yield from _warn_of_missing_timeouts(
        alias, has_all, '{"connect_timeout": 3, "read_timeout": 5, "write_timeout": 5}, and longer ones for migrations'
    )


def _warn_of_missing_timeouts(alias: str, has_all: Mapping[str, bool], options: str) -> Iterator[CheckMessage]:
    missing = [what for what, is_there in has_all.items() if not is_there]
    if missing and not settings.DEBUG:
        yield Warning(
            f"The OPTIONS of the database {alias!r} lack {', '.join(missing)}.",
            hint=f'Write "OPTIONS": {options}. Otherwise every worker waits for a database that does not answer.',
            id="alhena_tracking.W003",
        )


def _is_short(seconds: Any) -> bool:
    try:
        return 0 < float(seconds) <= _LONGEST_WAIT_SECONDS
    except (TypeError, ValueError):
        return False


def _has_short_wait(pool: Any) -> bool:
    """Whether psycopg's pool, if there is one, gives up in time; its own default is 30 seconds."""
    return not pool or (isinstance(pool, Mapping) and _is_short(pool.get("timeout")))


def _check_mysql_isolation(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    level = database["OPTIONS"].get("isolation_level", "read committed")
    if level is None or level.lower() in {"repeatable read", "serializable"}:
        yield Warning(
            f"The isolation_level of the database {alias!r} is {level!r}.",
            hint=(
                'Write "OPTIONS": {"isolation_level": "read committed"}, Django\'s default: with another, an event '
                "that waited for a lock computes from a cart as it was before."
            ),
            id="alhena_tracking.W004",
        )


_DATABASE_RULES: dict[str, list[Callable[[str, Mapping[str, Any]], Iterator[CheckMessage]]]] = {
    "sqlite": [_check_sqlite],
    "postgresql": [_check_persistence, _check_postgresql_timeouts],
    "mysql": [_check_persistence, _check_mysql_timeouts, _check_mysql_isolation],
}


def check_rate_limit_cache(**kwargs: Any) -> list[CheckMessage]:
    """Warn of rate limits that each process keeps for itself, and of a cache that workers wait for when it hangs."""
    if not isinstance(conf.raw, Mapping):
        return []
    alias = conf.rate_limit_cache
    has_limits = conf.rate_limit_per_source is not None or conf.rate_limit_per_company is not None
    if settings.DEBUG or not has_limits or not _is_cache(alias):
        return []
    cache = settings.CACHES[alias]
    return [*_check_cache_reach(alias, cache), *_check_redis_timeouts(alias, cache)]


def _check_cache_reach(alias: str, cache: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if cache["BACKEND"] in {
        "django.core.cache.backends.locmem.LocMemCache",
        "django.core.cache.backends.dummy.DummyCache",
    }:
        yield Warning(
            f"Each process keeps the rate limits for itself: the cache {alias!r} does not reach beyond it.",
            hint=(
                f"Let {SETTING}['RATE_LIMIT_CACHE'] name a cache in Redis or Memcached, or switch the limits off: "
                "'RATE_LIMIT_PER_SOURCE': None, 'RATE_LIMIT_PER_COMPANY': None."
            ),
            id="alhena_tracking.W005",
        )


def _check_redis_timeouts(alias: str, cache: Mapping[str, Any]) -> Iterator[CheckMessage]:
    timeout, options = {
        "django.core.cache.backends.redis.RedisCache": (
            "socket_timeout",
            '{"socket_timeout": 0.5, "socket_connect_timeout": 0.5}',
        ),
        "django_redis.cache.RedisCache": (
            "SOCKET_TIMEOUT",
            '{"SOCKET_TIMEOUT": 0.5, "SOCKET_CONNECT_TIMEOUT": 0.5}',
        ),
    }.get(cache["BACKEND"], (None, ""))
    if timeout and not _is_short((cache.get("OPTIONS") or {}).get(timeout)):
        yield Warning(
            f"The OPTIONS of the cache {alias!r} lack {timeout} (at most 5).",
            hint=f'Write "OPTIONS": {options}. Otherwise workers wait for a Redis that does not answer.',
            id="alhena_tracking.W006",
        )
