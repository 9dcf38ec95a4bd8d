"""System checks of the settings. None of them touches the database."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from alhena_tracking.conf import DEFAULTS, SETTING, conf
from alhena_tracking.models import AttributionModel, ValueBasis
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
        lambda value: isinstance(value, str) and value in settings.CACHES,
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
    "COOKIE_DOMAIN": ("alhena_tracking.E009", _is_domain, "Use a domain such as 'shop.example', or None."),
    "REQUIRE_CONSENT": ("alhena_tracking.E010", _is_bool, "Use True or False."),
    "RESPECT_DNT": ("alhena_tracking.E011", _is_bool, "Use True or False."),
    "DEBUG": ("alhena_tracking.E012", _is_bool, "Use True or False."),
}
