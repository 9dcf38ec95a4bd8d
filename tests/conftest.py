from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from django.core.cache import cache
from django.db import connection
from hypothesis import settings

from alhena_tracking import diagnostics, directory, heartbeat
from alhena_tracking.api import throttling
from alhena_tracking.ingestion import contention
from alhena_tracking.models import Company

#: Whether the counts of quality.md are asked for, as ``.ci/run full`` does.
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
    """No test is told what another one left in this process or its cache."""
    directory.forget()
    diagnostics.forget()
    throttling.forget()
    heartbeat.forget()
    contention.forget()
    cache.clear()


@pytest.fixture
def company(db: None) -> Company:
    """The company that ``migrate`` made from the settings."""
    return Company.objects.get(key="acme")
