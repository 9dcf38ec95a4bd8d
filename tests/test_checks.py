from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from alhena_tracking.checks import _RULES, check_settings
from alhena_tracking.conf import DEFAULTS, Conf, conf


def ids(settings: object) -> list[str | None]:
    with override_settings(ALHENA_TRACKING=settings):
        return [message.id for message in check_settings()]


@pytest.mark.django_db  # other apps' checks may ask the database
def test_project_when_set_up_as_documented_passes() -> None:
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


@pytest.mark.parametrize(
    ("name", "value", "id_"),
    [
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
        ("TRUSTED_PROXIES", True, "alhena_tracking.E017"),
        ("LOCK_TIMEOUT", 2, "alhena_tracking.E018"),
        ("STATEMENT_TIMEOUT", timedelta(seconds=30), "alhena_tracking.E019"),
    ],
)
def test_setting_when_wrong_is_an_error_with_a_hint(name: str, value: Any, id_: str) -> None:
    with override_settings(ALHENA_TRACKING={name: value}):
        (message,) = check_settings()
    assert message.id == id_
    assert name in message.msg
    assert message.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPANY_KEY", "acme_2-de"),
        ("ATTRIBUTION_WINDOW", timedelta(days=7)),
        ("ATTRIBUTION_MODEL", "last_touch"),
        ("CART_EVENT_VALUE", "total"),
        ("LINE_ITEM_VALUE", "unit"),
        ("QUALIFYING_INTERACTION", "builtins.bool"),
        ("COOKIE_DOMAIN", ".shop.example"),
        ("REQUIRE_CONSENT", True),
        ("RESPECT_DNT", True),
        ("DEBUG", True),
        ("CONFIRMED_ORDERS_ONLY", True),
        ("RATE_LIMIT_PER_SOURCE", "5/s"),
        ("RATE_LIMIT_PER_COMPANY", None),
        ("RATE_LIMIT_CACHE", "default"),
        ("TRUSTED_PROXIES", 2),
        ("LOCK_TIMEOUT", timedelta(milliseconds=500)),
        ("STATEMENT_TIMEOUT", timedelta(seconds=1)),
    ],
)
def test_setting_when_right_passes_and_is_read(name: str, value: Any) -> None:
    with override_settings(ALHENA_TRACKING={name: value}):
        assert check_settings() == []
        assert getattr(conf, name.lower()) == value


def test_settings_when_listed_have_a_default_a_property_and_a_check() -> None:
    properties = {name for name, value in vars(Conf).items() if isinstance(value, property)} - {"raw"}
    assert {name.upper() for name in properties} == set(DEFAULTS) == set(_RULES)
    assert ids(dict(DEFAULTS)) == []


def test_settings_when_listed_in_the_readme_are_all_there() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]+)` \|", readme, re.MULTILINE))
    namespace = {"timedelta": timedelta}
    assert {name: eval(default, namespace) for name, default in rows.items()} == DEFAULTS  # noqa: S307
