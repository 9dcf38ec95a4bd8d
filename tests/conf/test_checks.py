from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connection, router
from django.test import override_settings

from alhena_tracking.checks import (
    check_database,
    check_proxies,
    check_rate_limit_cache,
    check_related_databases,
    check_time_zones,
)
from alhena_tracking.conf import SETTINGS, Choice, check_settings, conf
from alhena_tracking.models import AttributionModel, ValueBasis


def ids(settings: object) -> list[str | None]:
    with override_settings(ALHENA_TRACKING=settings):
        return [message.id for message in check_settings()]


@pytest.mark.django_db  # other apps' checks may ask the database
def test_project_when_set_up_as_documented_passes() -> None:
    with override_settings(DEBUG=True):
        assert run_checks() == []


def test_settings_when_absent_pass() -> None:
    assert ids({}) == []
    assert ids(None) == []


def test_settings_when_no_dict_are_an_error() -> None:
    assert ids("acme") == ["alhena_tracking.E001"]


def test_setting_when_unknown_is_an_error_that_lists_the_known() -> None:
    with override_settings(ALHENA_TRACKING={"COMPANY": "acme"}):
        (message,) = check_settings()
    assert message.id == "alhena_tracking.E002"
    assert "COMPANY_KEY" in str(message.hint)


WRONG = [
    ("COMPANY_KEY", "Acme Inc", "alhena_tracking.E003"),
    ("COMPANY_KEY", 7, "alhena_tracking.E003"),
    ("ATTRIBUTION_WINDOW", 24, "alhena_tracking.E004"),
    ("ATTRIBUTION_WINDOW", timedelta(0), "alhena_tracking.E004"),
    ("ATTRIBUTION_MODEL", "linear", "alhena_tracking.E005"),
    ("CART_EVENT_VALUE", "price", "alhena_tracking.E006"),
    ("LINE_ITEM_VALUE", ["total"], "alhena_tracking.E007"),
    ("QUALIFYING_INTERACTION", "no.such.function", "alhena_tracking.E008"),
    ("QUALIFYING_INTERACTION", len, "alhena_tracking.E008"),
    ("COOKIE_DOMAIN", "https://shop.example", "alhena_tracking.E009"),
    ("REQUIRE_CONSENT", "yes", "alhena_tracking.E010"),
    ("RESPECT_DNT", 1, "alhena_tracking.E011"),
    ("DEBUG", None, "alhena_tracking.E012"),
    ("CONFIRMED_ORDERS_ONLY", "no", "alhena_tracking.E013"),
    ("RATE_LIMIT_PER_SOURCE", "many", "alhena_tracking.E014"),
    ("RATE_LIMIT_PER_COMPANY", 600, "alhena_tracking.E015"),
    ("RATE_LIMIT_CACHE", "nowhere", "alhena_tracking.E016"),
    ("EXPORT_STORAGE", "nowhere", "alhena_tracking.E036"),
    ("TRUSTED_PROXIES", True, "alhena_tracking.E017"),
    ("LOCK_TIMEOUT", 2, "alhena_tracking.E018"),
    ("STATEMENT_TIMEOUT", timedelta(seconds=30), "alhena_tracking.E019"),
    ("COUNTED_QUESTIONS", "helpful", "alhena_tracking.E020"),
    ("MAX_ORDER_VALUE", 100_000, "alhena_tracking.E025"),
    ("MAX_ORDER_VALUE", {"EUR": "20000"}, "alhena_tracking.E025"),
    ("MAX_ORDER_VALUE", {"EUR": -1}, "alhena_tracking.E025"),
    ("MAX_ORDER_VALUE", {"EUR": True}, "alhena_tracking.E025"),
    ("MAX_ORDER_VALUE", {"EUR": Decimal("NaN")}, "alhena_tracking.E025"),
    ("MAX_CART_VALUE", {"XXX": 1000}, "alhena_tracking.E026"),
    ("MAX_CART_VALUE", {"eur": 1000}, "alhena_tracking.E026"),
    ("ORDER_ID", "no.such.function", "alhena_tracking.E028"),
    ("ORDER_ID", str.upper, "alhena_tracking.E028"),
    ("PRODUCT_GROUP", "no.such.function", "alhena_tracking.E039"),
    ("PRODUCT_GROUP", str.upper, "alhena_tracking.E039"),
    ("INTEGRATIONS", ["acme"], "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": "secret"}}, "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": "secret"}}}, "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": ["a", "b", "c"]}}}, "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": [" "]}}}, "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": ["a"], "ORDERS_COUNT_ONCE": "sent"}}}, "alhena_tracking.E030"),
    ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": ["a"], "COLOUR": "red"}}}, "alhena_tracking.E030"),
    ("ORDER_URL", "shop.example/{order_id}", "alhena_tracking.E037"),
    ("ORDER_URL", "https://shop.example/orders/", "alhena_tracking.E037"),
    ("ORDER_URL", "https://shop.example/{order_id}/{user}", "alhena_tracking.E037"),
    ("ORDER_URL", "https://shop.example/{order_id}/{", "alhena_tracking.E037"),
    ("ORDER_URL", "javascript:alert({order_id})", "alhena_tracking.E037"),
    ("CONVERSATION_URL", "https://chat.example/{order_id}", "alhena_tracking.E038"),
    ("READ_DATALAYER", "as-is", "alhena_tracking.E021"),
    ("DATALAYER_VALUE", ["net"], "alhena_tracking.E022"),
    ("DEFAULT_CURRENCY", "eur", "alhena_tracking.E027"),
    ("DEFAULT_CURRENCY", ["EUR"], "alhena_tracking.E027"),
    ("MAX_AGE", 180, "alhena_tracking.E029"),
    ("MAX_AGE", timedelta(hours=71), "alhena_tracking.E029"),
    ("OSCAR_PRODUCT_ID", "no.such.function", "alhena_tracking.E032"),
    ("OSCAR_COMPANIES", {"shop.example": "Acme Inc"}, "alhena_tracking.E033"),
    ("OSCAR_COMPANIES", {True: "acme"}, "alhena_tracking.E033"),
    ("OSCAR_COMPANIES", "acme", "alhena_tracking.E033"),
    ("OSCAR_CANCELLED_STATUSES", "Cancelled", "alhena_tracking.E034"),
    ("OSCAR_REFUND_EVENTS", [""], "alhena_tracking.E035"),
]


@pytest.mark.parametrize(("name", "value", "id_"), WRONG)
def test_setting_when_wrong_is_an_error_with_a_hint(name: str, value: Any, id_: str) -> None:
    with override_settings(ALHENA_TRACKING={name: value}):
        (message,) = check_settings()
    assert message.id == id_
    assert name in message.msg
    assert "secret" not in message.msg
    assert message.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPANY_KEY", "acme_2-de"),
        ("ATTRIBUTION_WINDOW", timedelta(days=7)),
        ("ATTRIBUTION_MODEL", "last_touch"),
        ("CART_EVENT_VALUE", "total"),
        ("LINE_ITEM_VALUE", "unit"),
        ("DATALAYER_VALUE", "net"),
        ("DEFAULT_CURRENCY", "KWD"),
        ("QUALIFYING_INTERACTION", "builtins.bool"),
        ("ORDER_ID", "builtins.str"),
        ("PRODUCT_GROUP", "builtins.str"),
        ("ORDER_URL", "/dashboard/{order_id}"),
        ("CONVERSATION_URL", "https://chat.example/{company_key}/{conversation_id}"),
        ("COOKIE_DOMAIN", ".shop.example"),
        ("REQUIRE_CONSENT", True),
        ("RESPECT_DNT", True),
        ("DEBUG", True),
        ("CONFIRMED_ORDERS_ONLY", True),
        ("MAX_ORDER_VALUE", {"EUR": 20_000, "JPY": None}),
        ("OSCAR_PRODUCT_ID", "builtins.max"),
        ("OSCAR_COMPANIES", {"shop.example": "acme", 2: "acme-de"}),
        ("OSCAR_CANCELLED_STATUSES", ("Cancelled",)),
        ("OSCAR_REFUND_EVENTS", ["Refunded"]),
        ("MAX_CART_VALUE", {"KWD": Decimal("500.5")}),
        ("MAX_AGE", timedelta(days=400)),
        ("RATE_LIMIT_PER_SOURCE", "5/s"),
        ("RATE_LIMIT_PER_COMPANY", None),
        ("RATE_LIMIT_CACHE", "default"),
        ("TRUSTED_PROXIES", 2),
        ("INTEGRATIONS", {"acme": {"kiosk": {"SECRETS": ["a", "b"], "SHOP": "acme.example", "API_KEY": "c"}}}),
        ("LOCK_TIMEOUT", timedelta(milliseconds=500)),
        ("STATEMENT_TIMEOUT", timedelta(seconds=1)),
    ],
)
def test_setting_when_valid_passes_and_is_read(name: str, value: Any) -> None:
    with override_settings(ALHENA_TRACKING={name: value}):
        assert check_settings() == []
        assert getattr(conf, name.lower()) == value


@pytest.mark.parametrize("name", SETTINGS)
def test_setting_when_declared_has_default_doc_check_and_test(name: str) -> None:
    setting = SETTINGS[name]
    with override_settings(ALHENA_TRACKING={}):
        assert getattr(conf, name.lower()) == setting.default
    assert ids({name: setting.default}) == []
    assert setting.__doc__
    assert name in {wrong for wrong, _, _ in WRONG}
    assert [other.name for other in SETTINGS.values() if other.check_id == setting.check_id] == [name]


@pytest.mark.parametrize(
    ("name", "enum"),
    [("ATTRIBUTION_MODEL", AttributionModel), ("CART_EVENT_VALUE", ValueBasis)],
)
def test_setting_choices_when_listed_are_those_of_its_enum(name: str, enum: Any) -> None:
    setting = SETTINGS[name]
    assert isinstance(setting, Choice)
    assert sorted(setting.choices) == sorted(enum.values)


@pytest.mark.parametrize("setting", [each for each in SETTINGS.values() if isinstance(each, Choice)])
def test_choice_when_any_of_its_values_passes_and_is_hinted_at(setting: Choice) -> None:
    for choice in setting.choices:
        assert ids({setting.name: choice}) == []
        assert repr(choice) in setting.hint


def test_settings_when_listed_in_the_readme_have_their_defaults() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \| .", readme, re.MULTILINE)
    namespace = {"timedelta": timedelta}
    defaults = [(name, eval(default, namespace)) for name, default in rows]  # noqa: S307
    assert defaults == [(name, setting.default) for name, setting in SETTINGS.items()]


@pytest.mark.django_db  # other apps' checks may ask the database
def test_time_zones_when_the_project_has_none_are_an_error() -> None:
    assert check_time_zones() == []
    with override_settings(USE_TZ=False):
        (message,) = check_time_zones()
        assert message in run_checks()
    assert (message.id, bool(message.hint)) == ("alhena_tracking.E023", True)
    assert message.is_serious()


@pytest.mark.django_db  # other apps' checks may ask the database
@pytest.mark.parametrize("elsewhere", ["auth.User", "auth.Group"])
def test_users_when_kept_in_another_database_are_an_error(monkeypatch: pytest.MonkeyPatch, elsewhere: str) -> None:
    assert check_related_databases() == []

    def db_for_write(model: Any, **hints: Any) -> str:
        return "people" if model._meta.label == elsewhere else "default"

    monkeypatch.setattr(router, "db_for_write", db_for_write)
    (message,) = check_related_databases()
    assert message in run_checks()
    assert (message.id, bool(message.hint)) == ("alhena_tracking.E024", True)
    assert elsewhere in message.msg
    assert message.is_serious()


class Database:
    """Stands for a connection whose driver need not be installed, and which nobody may use."""

    def __init__(self, vendor: str, **database: Any) -> None:
        self.vendor = vendor
        self.settings_dict = {"ENGINE": "", "NAME": "shop", "CONN_MAX_AGE": 60, "OPTIONS": {}, **database}


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[CheckMessage]]:
    def check(vendor: str, *, debug: bool = False, **settings: Any) -> list[CheckMessage]:
        monkeypatch.setattr("alhena_tracking.checks.connections", {"default": Database(vendor, **settings)})
        with override_settings(DEBUG=debug):
            messages = check_database()
        assert all(message.hint for message in messages)
        return messages

    return check


SQLITE = {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE", "timeout": 5}
POSTGRESQL = {"connect_timeout": 3}
MYSQL = {"connect_timeout": 3, "read_timeout": 5, "write_timeout": 5}


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"init_command": "PRAGMA synchronous=1;"}, "WAL"),
        ({"init_command": None}, "WAL"),
        ({"init_command": "PRAGMA journal_mode=WALRUS;"}, "WAL"),
        ({"transaction_mode": "DEFERRED"}, "IMMEDIATE"),
        ({"transaction_mode": None}, "IMMEDIATE"),
        ({"timeout": None}, "timeout"),
        ({"timeout": 1.9}, "timeout"),
        ({"timeout": 20}, "timeout"),
    ],
)
def test_sqlite_when_an_option_is_missing_or_wrong_warns(
    database: Callable[..., list[CheckMessage]], changed: dict[str, Any], missing: str
) -> None:
    (message,) = database("sqlite", OPTIONS={**SQLITE, **changed})
    assert message.id == "alhena_tracking.W001"
    assert missing in message.msg
    assert message.msg.count(",") == 0, "and nothing else"


def test_sqlite_when_the_project_is_in_debug_mode_passes(database: Callable[..., list[CheckMessage]]) -> None:
    assert database("sqlite", debug=True) == []


def test_sqlite_when_set_up_by_default_lacks_all_options(
    database: Callable[..., list[CheckMessage]],
) -> None:
    (message,) = database("sqlite")
    assert [word in message.msg for word in ("WAL", "IMMEDIATE", "timeout")] == [True] * 3


@pytest.mark.parametrize(
    "settings",
    [
        {"OPTIONS": SQLITE},
        {
            "OPTIONS": {
                **SQLITE,
                "timeout": 2,
                "transaction_mode": "immediate",
                "init_command": "pragma journal_mode(wal)",
            }
        },
        {"NAME": ":memory:"},
        {"NAME": "file:memorydb?mode=memory&cache=shared"},
        {"OPTIONS": SQLITE, "CONN_MAX_AGE": 0},
    ],
)
def test_sqlite_when_set_up_for_several_requests_passes(
    database: Callable[..., list[CheckMessage]], settings: dict[str, Any]
) -> None:
    assert database("sqlite", **settings) == []


def test_sqlite_when_set_up_as_the_hint_says_passes(database: Callable[..., list[CheckMessage]]) -> None:
    (message,) = database("sqlite")
    options = re.search(r"\{.*?\}", str(message.hint))
    assert options
    assert database("sqlite", OPTIONS=eval(options.group())) == []  # noqa: S307


@pytest.mark.parametrize(("vendor", "options"), [("postgresql", POSTGRESQL), ("mysql", MYSQL)])
def test_connections_when_closed_after_every_request_warn(
    database: Callable[..., list[CheckMessage]], vendor: str, options: dict[str, Any]
) -> None:
    (message,) = database(vendor, CONN_MAX_AGE=0, OPTIONS=options)
    assert message.id == "alhena_tracking.W002"
    assert "CONN_MAX_AGE" in str(message.hint)
    assert database(vendor, CONN_MAX_AGE=0, OPTIONS=options, debug=True) == []
    assert database(vendor, CONN_MAX_AGE=None, OPTIONS=options) == []
    assert database(vendor, CONN_MAX_AGE=1, OPTIONS=options) == []


def test_connections_when_pooled_pass(database: Callable[..., list[CheckMessage]]) -> None:
    options = {**POSTGRESQL, "pool": {"max_size": 20, "timeout": 4}}
    assert database("postgresql", CONN_MAX_AGE=0, OPTIONS=options) == []


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ({}, 4),
        ({"max_size": None}, 4),
        ({"min_size": 9}, 9),
        ({"max_size": 9}, 9),
        ({"min_size": 2, "max_size": 9}, 9),
    ],
)
def test_pool_when_smaller_than_what_a_process_answers_warns(
    database: Callable[..., list[CheckMessage]], sizes: dict[str, int], size: int
) -> None:
    options = {**POSTGRESQL, "pool": {"timeout": 4, **sizes}}
    (message,) = database("postgresql", OPTIONS=options)
    assert message.id == "alhena_tracking.W008"
    assert f"at most {size} connections" in message.msg
    assert database("postgresql", OPTIONS=options, debug=True) == []


def test_pool_when_of_psycopg_s_defaults_warns(database: Callable[..., list[CheckMessage]]) -> None:
    messages = database("postgresql", OPTIONS={**POSTGRESQL, "pool": True})
    assert [message.id for message in messages] == ["alhena_tracking.W003", "alhena_tracking.W008"]


@pytest.mark.parametrize("sizes", [{"max_size": 10}, {"min_size": 10}, {"min_size": 2, "max_size": 40}])
def test_pool_when_large_enough_passes(database: Callable[..., list[CheckMessage]], sizes: dict[str, int]) -> None:
    assert database("postgresql", OPTIONS={**POSTGRESQL, "pool": {"timeout": 4, **sizes}}) == []


def test_pool_when_set_up_as_the_hint_says_passes(database: Callable[..., list[CheckMessage]]) -> None:
    (message,) = database("postgresql", OPTIONS={**POSTGRESQL, "pool": {"timeout": 4}})
    pool = re.search(r"\{.*?\}", str(message.hint))
    assert pool
    assert database("postgresql", OPTIONS={**POSTGRESQL, "pool": eval(pool.group())}) == []  # noqa: S307


@pytest.mark.parametrize(
    ("vendor", "options", "missing"),
    [
        ("postgresql", {}, "connect_timeout"),
        ("postgresql", {"connect_timeout": 0}, "connect_timeout"),
        ("postgresql", {"connect_timeout": "never"}, "connect_timeout"),
        ("postgresql", {"connect_timeout": 30}, "connect_timeout"),
        ("postgresql", {"connect_timeout": 3, "pool": {"max_size": 20}}, "pool"),
        ("postgresql", {"connect_timeout": 3, "pool": {"min_size": 20}}, "pool"),
        ("postgresql", {"connect_timeout": 3, "pool": {"max_size": 20, "timeout": 30}}, "pool"),
        ("mysql", {**MYSQL, "connect_timeout": 10}, "connect_timeout"),
        ("mysql", {**MYSQL, "read_timeout": None}, "read_timeout"),
        ("mysql", {**MYSQL, "write_timeout": 0}, "write_timeout"),
    ],
)
def test_server_when_a_timeout_is_missing_warns(
    database: Callable[..., list[CheckMessage]], vendor: str, options: dict[str, Any], missing: str
) -> None:
    (message,) = database(vendor, OPTIONS=options)
    assert message.id == "alhena_tracking.W003"
    assert missing in message.msg
    assert missing in str(message.hint)
    assert database(vendor, OPTIONS=options, debug=True) == []


@pytest.mark.parametrize(
    ("vendor", "settings"),
    [
        ("postgresql", {"OPTIONS": POSTGRESQL}),
        ("postgresql", {"OPTIONS": {"connect_timeout": "5"}}),  # as URLs give it
        ("postgresql", {"OPTIONS": {"service": "shop"}}),
        ("mysql", {"OPTIONS": MYSQL}),
        ("mysql", {"OPTIONS": {**MYSQL, "read_timeout": 60}}),
        ("mysql", {"ENGINE": "mysql.connector.django", "OPTIONS": {}}),
        ("oracle", {"CONN_MAX_AGE": 0}),
    ],
)
def test_server_when_its_timeouts_are_set_passes(
    database: Callable[..., list[CheckMessage]], vendor: str, settings: dict[str, Any]
) -> None:
    assert database(vendor, **settings) == []


@pytest.mark.parametrize("level", ["repeatable read", "SERIALIZABLE", None])
def test_mysql_isolation_when_reads_may_be_outdated_warns(
    database: Callable[..., list[CheckMessage]], level: str | None
) -> None:
    (message,) = database("mysql", OPTIONS={**MYSQL, "isolation_level": level}, debug=True)
    assert message.id == "alhena_tracking.W004"


@pytest.mark.parametrize("level", ["read committed", "READ COMMITTED", "read uncommitted"])
def test_mysql_isolation_when_reads_are_current_passes(database: Callable[..., list[CheckMessage]], level: str) -> None:
    assert database("mysql", OPTIONS={**MYSQL, "isolation_level": level}) == []


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ({"sql_mode": "NO_ENGINE_SUBSTITUTION"}, "NO_ENGINE_SUBSTITUTION"),
        ({"sql_mode": "ANSI", "init_command": "SET sql_mode='STRICT_TRANS_TABLES'"}, "ANSI"),
        ({"sql_mode": "STRICT_TRANS_TABLES,empty_string_is_null"}, "STRICT_TRANS_TABLES,empty_string_is_null"),
        ({"init_command": "SET sql_mode=''"}, ""),
        ({"init_command": 'SET SESSION sql_mode = "ansi,no_zero_date"'}, "ansi,no_zero_date"),
        ({"init_command": "SET storage_engine=InnoDB, @@SESSION.sql_mode := ANSI"}, "ANSI"),
        ({"init_command": "set SQL_MODE=0; set names utf8mb4"}, "0"),
    ],
)
def test_mysql_mode_when_data_would_be_lost_warns(
    database: Callable[..., list[CheckMessage]], options: dict[str, str], mode: str
) -> None:
    (message,) = database("mysql", OPTIONS={**MYSQL, **options}, debug=True)
    assert message.id == "alhena_tracking.W009"
    assert repr(mode) in message.msg


@pytest.mark.parametrize(
    "options",
    [
        {"sql_mode": "ANSI,STRICT_ALL_TABLES"},
        {"sql_mode": "traditional"},
        {"sql_mode": "STRICT_TRANS_TABLES", "init_command": "SET sql_mode=''"},
        {"sql_mode": ""},  # as without it
        {"init_command": "SET sql_mode='STRICT_TRANS_TABLES'"},
        {"init_command": "SET sql_mode=CONCAT(@@sql_mode, ',ANSI')"},  # the server's mode is not known
        {"init_command": "SET sql_mode=@@GLOBAL.sql_mode"},
        {"init_command": "SET sql_mode=DEFAULT"},
        {"init_command": "SET names utf8mb4"},
    ],
)
def test_mysql_mode_when_strict_or_the_server_s_passes(
    database: Callable[..., list[CheckMessage]], options: dict[str, str]
) -> None:
    assert database("mysql", OPTIONS={**MYSQL, **options}) == []


def test_database_when_chosen_by_a_router_is_the_one_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "db_for_write", lambda model: "tracking")
    databases = {"default": Database("sqlite"), "tracking": Database("mysql", OPTIONS=MYSQL)}
    monkeypatch.setattr("alhena_tracking.checks.connections", databases)
    assert check_database() == []


def test_database_when_checked_is_not_connected_to() -> None:
    connection.close()
    check_database()  # pytest-django forbids its use
    assert connection.connection is None


def cache_ids(backend: str, *, debug: bool = False, options: Any = None, **settings: Any) -> list[str | None]:
    caches = {"default": {"BACKEND": backend, "OPTIONS": options}}
    with override_settings(DEBUG=debug, CACHES=caches, ALHENA_TRACKING=settings):
        messages = check_rate_limit_cache()
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("proxies", "project", "expected"),
    [
        (None, {}, []),
        (None, {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, ["alhena_tracking.W007"]),
        (None, {"USE_X_FORWARDED_HOST": True}, ["alhena_tracking.W007"]),
        (0, {"USE_X_FORWARDED_HOST": True}, []),
        (1, {"USE_X_FORWARDED_PORT": True}, []),
    ],
)
def test_proxies_when_trusted_but_not_counted_warn(
    proxies: int | None, project: dict[str, Any], expected: list[str]
) -> None:
    with override_settings(ALHENA_TRACKING={"TRUSTED_PROXIES": proxies}, **project):
        assert [message.id for message in check_proxies()] == expected


@pytest.mark.django_db  # other apps' checks may ask the database
def test_proxies_when_the_project_is_checked_for_deployment_are_checked() -> None:
    with override_settings(USE_X_FORWARDED_HOST=True):
        found = {message.id for message in run_checks(include_deployment_checks=True)}
        assert found - {message.id for message in run_checks()} >= {"alhena_tracking.W007"}


NO_LIMITS: dict[str, Any] = {"RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
DJANGOS_REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_rate_limits_when_processes_share_no_cache_warn(backend: str) -> None:
    backend = f"django.core.cache.backends.{backend}"
    assert cache_ids(backend) == ["alhena_tracking.W005"]
    assert cache_ids(backend, RATE_LIMIT_PER_SOURCE=None) == ["alhena_tracking.W005"]
    assert cache_ids(backend, RATE_LIMIT_PER_COMPANY=None) == ["alhena_tracking.W005"]
    assert cache_ids(backend, **NO_LIMITS) == []
    assert cache_ids(backend, debug=True) == []


@pytest.mark.parametrize(
    ("backend", "option"), [(DJANGOS_REDIS, "socket_timeout"), ("django_redis.cache.RedisCache", "SOCKET_TIMEOUT")]
)
def test_redis_when_a_timeout_is_missing_warns(backend: str, option: str) -> None:
    for options in (None, {}, {option: None}, {option: 30}):
        assert cache_ids(backend, options=options) == ["alhena_tracking.W006"]
        assert cache_ids(backend, options=options, **NO_LIMITS) == []
        assert cache_ids(backend, options=options, debug=True) == []
    assert cache_ids(backend, options={option: 0.5}) == []


def test_cache_when_of_another_kind_passes() -> None:
    assert cache_ids("django.core.cache.backends.memcached.PyMemcacheCache") == []


def test_cache_check_when_alias_is_wrong_leaves_it_to_the_settings_check() -> None:
    for alias in ("nowhere", ["default"], None):
        assert cache_ids(DJANGOS_REDIS, RATE_LIMIT_CACHE=alias) == []
        assert ids({"RATE_LIMIT_CACHE": alias}) == ["alhena_tracking.E016"]
    with override_settings(ALHENA_TRACKING="acme"):
        assert check_rate_limit_cache() == []
