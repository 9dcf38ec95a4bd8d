"""The rules of settings: each returns whether a value is valid, or such a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from string import Formatter
from typing import Any

from django.utils.module_loading import import_string

from alhena_tracking.contract.currencies import MINOR_UNITS

COMPANY_KEY_PATTERN = r"\A[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?\Z"


def is_none_or(pattern: str) -> Callable[[Any], bool]:
    return lambda value: value is None or (isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def is_between(shortest: timedelta, longest: timedelta) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, timedelta) and shortest <= value <= longest


def is_ceilings(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        currency in MINOR_UNITS and (amount is None or _is_positive(amount)) for currency, amount in value.items()
    )


def _is_positive(amount: object) -> bool:
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        return False
    return Decimal(amount).is_finite() and amount > 0


#: The keys of one company's platform in ``INTEGRATIONS``, and what each must be.
_INTEGRATION_KEYS: Mapping[str, Callable[[Any], bool]] = {
    "SECRETS": lambda value: (
        isinstance(value, list | tuple) and 1 <= len(value) <= 2 and all(map(_is_filled_text, value))
    ),
    "SHOP": lambda value: isinstance(value, str),
    "ORDERS_COUNT_ONCE": lambda value: value in {"placed", "paid"},
    "API_KEY": lambda value: isinstance(value, str),
    "API_SECRET": lambda value: isinstance(value, str),
}


def _is_filled_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def is_integrations(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and all(isinstance(key, str) and isinstance(platforms, Mapping) for key, platforms in value.items())
        and all(map(_is_integration, (each for platforms in value.values() for each in platforms.values())))
    )


def _is_integration(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and "SECRETS" in value
        and all(key in _INTEGRATION_KEYS and _INTEGRATION_KEYS[key](each) for key, each in value.items())
    )


def is_url_with(placeholder: str) -> Callable[[Any], bool]:
    """Return whether a value is ``None``, or the URL of a page for each of something."""

    def is_valid(value: object) -> bool:
        if value is None:
            return True
        if not isinstance(value, str) or not value.startswith(("https://", "http://", "/")):
            return False
        try:
            names = {name for _text, name, _format, _conversion in Formatter().parse(value) if name is not None}
        except ValueError:  # a brace that stands alone
            return False
        return names in ({placeholder}, {placeholder, "company_key"})

    return is_valid


def is_function_or_none(value: object) -> bool:
    try:
        return value is None or (isinstance(value, str) and callable(import_string(value)))
    except ImportError:
        return False


def is_texts(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(each, str) and each for each in value)


def is_companies(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        (type(site) is int or (isinstance(site, str) and site))
        and isinstance(key, str)
        and re.fullmatch(COMPANY_KEY_PATTERN, key)
        for site, key in value.items()
    )
