"""System checks of how the project sets up time zones, databases, proxies and the cache. They connect to nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004
from django.db import connections, router

from alhena_tracking.conf import SETTING, Conf, conf
from alhena_tracking.integrations.platform import all_platforms
from alhena_tracking.models import Company

#: The longest that an event may hold a worker, whatever hangs.
_LONGEST_WAIT_SECONDS = 5
_STRICT_MODE = re.compile(r"\bSTRICT_(TRANS|ALL)_TABLES\b|\bTRADITIONAL\b", re.IGNORECASE)
#: A mode that a statement sets by its name, not by an expression.
_SQL_MODE = re.compile(r"""\bsql_mode\s*:?=\s*(['"]?)((?!default\b)[\w, ]*)\1\s*(?:[,;]|\Z)""", re.IGNORECASE)
#: The connections that a psycopg pool should have at least; it has four by default. Under ASGI, where a pool belongs,
#: each request in progress holds one, and so does the thread that writes the counts.
_LEAST_POOL_SIZE, _DEFAULT_POOL_SIZE = 10, 4


def check_time_zones(**kwargs: Any) -> list[CheckMessage]:
    """Report a project without time zones: the day of an event is that of its company's zone."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "alhena_tracking needs times with a time zone, but USE_TZ is False.",
            hint="Set USE_TZ = True, Django's default.",
            id="alhena_tracking.E023",
        )
    ]


def check_related_databases(**kwargs: Any) -> list[CheckMessage]:
    """Report users or groups that a router keeps in another database, where no foreign key can reach them."""
    alias = router.db_for_write(Company)
    return [
        Error(
            f"{model._meta.label} is in the database {other!r}, and {Company._meta.label} in {alias!r}.",
            hint=f"Let DATABASE_ROUTERS put {model._meta.label} and the app alhena_tracking in one database.",
            id="alhena_tracking.E024",
        )
        for model in (get_user_model(), Group)
        if (other := router.db_for_write(model)) != alias
    ]


def check_integrations(**kwargs: Any) -> list[CheckMessage]:
    """Report platforms in ``INTEGRATIONS`` that no integration serves."""
    known = [platform.name for platform in all_platforms()]
    values: Any = conf.integrations
    if not isinstance(values, Mapping):
        return []  # which check_settings reports
    named = [name for platforms in values.values() if isinstance(platforms, Mapping) for name in platforms]
    return [
        Error(
            f"{SETTING}['INTEGRATIONS'] names a platform {name!r} that no integration serves.",
            hint=f"Known platforms: {', '.join(sorted(known))}. Others are registered in an AppConfig's ready().",
            id="alhena_tracking.E031",
        )
        for name in dict.fromkeys(named)
        if name not in known
    ]


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a database that rejects simultaneous events, or that can hang every worker."""
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
    if missing and not settings.DEBUG:
        yield Warning(
            f"The OPTIONS of the database {alias!r} (SQLite) lack {', '.join(missing)}.",
            hint=(
                'Set "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE", '
                '"timeout": 5}. Otherwise readers and writers block each other, and events are answered 503.'
            ),
            id="alhena_tracking.W001",
        )


def _check_persistence(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if not settings.DEBUG and database["CONN_MAX_AGE"] == 0 and not database["OPTIONS"].get("pool"):
        yield Warning(
            f"Every request opens a new connection to the database {alias!r}.",
            hint=(
                'Set "CONN_MAX_AGE": 600 and "CONN_HEALTH_CHECKS": True beside its ENGINE: connecting costs many times '
                "as much as storing an event. Under ASGI use PostgreSQL with "
                '"OPTIONS": {"pool": {"max_size": 20, "timeout": 4}}.'
            ),
            id="alhena_tracking.W002",
        )


def _check_postgresql_timeouts(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    options = database["OPTIONS"]
    has_all = {
        # The service file may set it.
        "connect_timeout (at most 5)": "service" in options or _is_short(options.get("connect_timeout")),
        "a timeout (at most 5) of the pool": _has_short_wait(options.get("pool")),
    }
    yield from _warn_of_missing_timeouts(
        alias, has_all, '{"connect_timeout": 3}, and "pool": {"max_size": 20, "timeout": 4} for a pool'
    )


def _check_pool_size(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    pool = database["OPTIONS"].get("pool")
    if settings.DEBUG or not pool:
        return
    sizes = pool if isinstance(pool, Mapping) else {}
    size = sizes.get("max_size") or sizes.get("min_size", _DEFAULT_POOL_SIZE)
    if isinstance(size, int) and size < _LEAST_POOL_SIZE:
        yield Warning(
            f"The pool of the database {alias!r} has at most {size} connections.",
            hint=(
                'Set "pool": {"max_size": 20, "timeout": 4}, or any size above the number of requests that a process '
                "answers at once. Otherwise events wait for long pages and exports, and are answered 503."
            ),
            id="alhena_tracking.W008",
        )


def _check_mysql_timeouts(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if str(database["ENGINE"]).startswith("mysql.connector"):
        return  # its options have other names
    options = database["OPTIONS"]
    has_all = {
        "connect_timeout (at most 5)": _is_short(options.get("connect_timeout")),
        # Of any length: the server ends an event's statements in time, and migrations need long ones.
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
            hint=f'Set "OPTIONS": {options}. Otherwise a database that does not answer blocks every worker.',
            id="alhena_tracking.W003",
        )


def _is_short(seconds: Any) -> bool:
    try:
        return 0 < float(seconds) <= _LONGEST_WAIT_SECONDS
    except (TypeError, ValueError):
        return False


def _has_short_wait(pool: Any) -> bool:
    """Whether psycopg's pool, if any, gives up in time; its default is 30 seconds."""
    return not pool or (isinstance(pool, Mapping) and _is_short(pool.get("timeout")))


def _check_mysql_isolation(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    level = database["OPTIONS"].get("isolation_level", "read committed")
    if level is None or level.lower() in {"repeatable read", "serializable"}:
        yield Warning(
            f"The isolation_level of the database {alias!r} is {level!r}.",
            hint=(
                'Set "OPTIONS": {"isolation_level": "read committed"}, Django\'s default. With any other level, an '
                "event that waited for a lock reads an outdated cart."
            ),
            id="alhena_tracking.W004",
        )


def _check_mysql_mode(alias: str, database: Mapping[str, Any]) -> Iterator[CheckMessage]:
    options = database["OPTIONS"]
    # The client sets sql_mode last.
    mode = options.get("sql_mode") or _mode_set_by(options.get("init_command") or "")
    if mode is None or (_STRICT_MODE.search(mode) and "EMPTY_STRING_IS_NULL" not in mode.upper()):
        return
    yield Warning(
        f"The sql_mode of the database {alias!r} is {mode!r}.",
        hint=(
            'Set "OPTIONS": {"sql_mode": "STRICT_TRANS_TABLES"}, or leave the mode to the server. Modes that are not '
            "strict cut texts and store wrong dates and amounts without an error; EMPTY_STRING_IS_NULL rejects what is "
            "left empty."
        ),
        id="alhena_tracking.W009",
    )


def _mode_set_by(statement: str) -> str | None:
    """Return the SQL mode that a statement sets; ``None`` if none, or one that the server computes."""
    match = _SQL_MODE.search(statement)
    return match and match[2]


_DATABASE_RULES: dict[str, list[Callable[[str, Mapping[str, Any]], Iterator[CheckMessage]]]] = {
    "sqlite": [_check_sqlite],
    "postgresql": [_check_persistence, _check_postgresql_timeouts, _check_pool_size],
    "mysql": [_check_persistence, _check_mysql_timeouts, _check_mysql_isolation, _check_mysql_mode],
}


def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """Warn where the project trusts headers of a proxy, but how many proxies there are is not set."""
    if not isinstance(conf.raw, Mapping):
        return []
    trusted = [
        name
        for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
        if getattr(settings, name)
    ]
    if not trusted or conf.trusted_proxies is not None:
        return []
    return [
        Warning(
            f"{trusted[0]} says that a proxy forwards the requests, but visitors' addresses are not known.",
            hint=(
                f"Set {SETTING}['TRUSTED_PROXIES'] to the number of your own proxies that append to X-Forwarded-For, "
                "such as 1. Otherwise many visitors may share one rate limit."
            ),
            id="alhena_tracking.W007",
        )
    ]


def check_rate_limit_cache(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a cache that processes do not share, and of one that can hang every worker."""
    if not isinstance(conf.raw, Mapping):
        return []
    alias = conf.rate_limit_cache
    has_limits = conf.rate_limit_per_source is not None or conf.rate_limit_per_company is not None
    if settings.DEBUG or not has_limits or not Conf.rate_limit_cache.is_valid(alias):
        return []
    cache = settings.CACHES[alias]
    return [*_check_cache_reach(alias, cache), *_check_redis_timeouts(alias, cache)]


def _check_cache_reach(alias: str, cache: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if cache["BACKEND"] in {
        "django.core.cache.backends.locmem.LocMemCache",
        "django.core.cache.backends.dummy.DummyCache",
    }:
        yield Warning(
            f"Each process applies the rate limits on its own: processes do not share the cache {alias!r}.",
            hint=(
                f"Set {SETTING}['RATE_LIMIT_CACHE'] to a cache in Redis or Memcached, or disable the limits: "
                "'RATE_LIMIT_PER_SOURCE': None, 'RATE_LIMIT_PER_COMPANY': None."
            ),
            id="alhena_tracking.W005",
        )


def _check_redis_timeouts(alias: str, cache: Mapping[str, Any]) -> Iterator[CheckMessage]:
    timeout, connect_timeout = {
        "django.core.cache.backends.redis.RedisCache": ("socket_timeout", "socket_connect_timeout"),
        "django_redis.cache.RedisCache": ("SOCKET_TIMEOUT", "SOCKET_CONNECT_TIMEOUT"),
    }.get(cache["BACKEND"], ("", ""))
    if timeout and not _is_short((cache.get("OPTIONS") or {}).get(timeout)):
        yield Warning(
            f"The OPTIONS of the cache {alias!r} lack {timeout} (at most 5).",
            hint=(
                f'Set "OPTIONS": {{"{timeout}": 0.5, "{connect_timeout}": 0.5}}. '
                "Otherwise a Redis that does not answer blocks every worker."
            ),
            id="alhena_tracking.W006",
        )
