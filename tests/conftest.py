from __future__ import annotations

import os

import pytest
from django.core.cache import cache
from hypothesis import settings

from alhena_tracking import diagnostics, directory
from alhena_tracking.api import throttling
from alhena_tracking.ingestion import contention
from alhena_tracking.models import Company

#: Whether the counts of quality.md are asked for, as ``.ci/run full`` does.
IS_FULL_RUN = os.environ.get("ALHENA_FULL_RUN") == "1"

settings.register_profile("alhena", deadline=None, derandomize=not IS_FULL_RUN, print_blob=True)
settings.load_profile("alhena")


def examples(reduced: int, *, full: int) -> int:
    """How many generated examples a property test tries."""
    return full if IS_FULL_RUN else reduced


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
    contention.forget()
    cache.clear()


@pytest.fixture
def company(db: None) -> Company:
    """The company that ``migrate`` made from the settings."""
    return Company.objects.get(key="acme")
