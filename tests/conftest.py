from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client, TransactionTestCase
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from alhena_tracking import company_cache
from alhena_tracking.api.ingestion import throttling
from alhena_tracking.conf import conf
from alhena_tracking.contract import ceilings
from alhena_tracking.db import transactions
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import allowances, planning
from alhena_tracking.models import Company
from tests.support.factories import UserFactory
from tests.support.initial_rows import InitialRows
from tests.support.runs import IS_FULL_RUN

pytest_plugins = ["tests.support.clocks"]

# What these modules assert is shown as a test's own.
pytest.register_assert_rewrite("tests.support.rolled_up_days", "tests.support.faults", "tests.support.e2e")

_OF_A_DATABASE = {"db", "transactional_db", "live_server"}

settings.register_profile("alhena", deadline=None, derandomize=not IS_FULL_RUN, print_blob=True)
settings.load_profile("alhena")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, help="run at most so many parameter sets of each test function")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what CI need not run everywhere: what needs no database, and what tries generated examples."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if not (_OF_A_DATABASE & {*item.fixturenames} or item.get_closest_marker("django_db")):
            item.add_marker("no_database")
        if getattr(item.function, "is_hypothesis_test", False):
            item.add_marker("property")
    if cases := config.getoption("cases"):
        chosen = set(_spread(items, cases))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


def _spread(items: list[pytest.Item], cases: int) -> Iterator[pytest.Item]:
    """Return at most ``cases`` items of each test function, evenly spread over its parameter sets."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for group in groups.values():
        yield from group[:: -(-len(group) // cases)]


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Begin each test without what another one left in this process or its cache."""
    company_cache.clear()
    event_counts.forget()
    throttling.forget()
    cache.clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, which a test that commits leaves as it was, with the rows that ``migrate`` made."""
    with django_db_blocker.unblock():
        initial_rows = InitialRows()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: initial_rows.restore())
        yield


@pytest.fixture(autouse=True, scope="session")
def on_a_busy_machine() -> Iterator[None]:
    """Give the statements of a request a minute more, unless a test sets ``STATEMENT_TIMEOUT``.

    Beside other processes, a large batch takes longer than its default. Servers in processes of their own keep it.
    """
    next_deadline = transactions._next_deadline

    def much_later() -> float:
        return next_deadline() + (0 if "STATEMENT_TIMEOUT" in conf.raw else 60)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(transactions, "_next_deadline", much_later)
        yield


@pytest.fixture
def company(db: None) -> Company:
    """The company that ``migrate`` made from the settings."""
    return Company.objects.get(key="acme")


@pytest.fixture
def log_in(client: Client) -> Callable[..., Any]:
    """Log in a staff user with rights such as ``view_order``, in new groups or given ones."""

    def log_in(*rights: str, groups: tuple[Any, ...] = (), is_superuser: bool = False) -> Any:
        user = UserFactory.create(is_superuser=is_superuser)
        user.user_permissions.set(
            Permission.objects.get(content_type__app_label="alhena_tracking", codename=right) for right in rights
        )
        user.groups.set(groups)
        client.force_login(user)
        return user

    return log_in


@pytest.fixture
def without_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any amount that the contract allows, and any number of a session's orders."""
    for module, name in ((planning, "SESSION_CLAIMS"), (allowances, "SESSION_CART_EVENTS")):
        monkeypatch.setattr(module, name, 10**6)
    monkeypatch.setattr(ceilings, "DEFAULT_CEILINGS", dict.fromkeys(ceilings.DEFAULT_CEILINGS))
