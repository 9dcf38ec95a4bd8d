from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from hypothesis import settings

from alhena_tracking import company_cache
from alhena_tracking.api.ingestion import throttling
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import contention
from alhena_tracking.models import Company
from tests.factories import UserFactory

#: Whether full counts are asked for, as ``.ci/run full`` does.
IS_FULL_RUN = os.environ.get("ALHENA_FULL_RUN") == "1"

settings.register_profile("alhena", deadline=None, derandomize=not IS_FULL_RUN, print_blob=True)
settings.load_profile("alhena")


def is_full_run(*databases: str) -> bool:
    """Whether full counts are asked for, and this is one of the ``databases`` (by their vendors; none: all)."""
    return IS_FULL_RUN and (not databases or connection.vendor in databases)


def examples(reduced: int, *, full: int, databases: Sequence[str] = ()) -> int:
    """How many generated examples a property test tries; ``full`` ones on these ``databases`` (none named: on all)."""
    return full if is_full_run(*databases) else reduced


def require(what: str, is_there: bool, reason: str) -> None:
    """Skip the test where ``what`` is absent, and say why; fail where ``ALHENA_REQUIRED`` names it, as CI does."""
    if is_there:
        return
    if what in os.environ.get("ALHENA_REQUIRED", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Begin each test without what another one left in this process or its cache."""
    company_cache.clear()
    event_counts.forget()
    throttling.forget()
    contention.forget()
    cache.clear()


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
