"""The number of examples of a test run, and its requirements."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

import pytest
from django.db import connection

_Item = TypeVar("_Item")

#: Whether this is a full run, as by ``.ci/run full``.
IS_FULL_RUN = os.environ.get("ALHENA_FULL_RUN") == "1"


def is_full_run(*databases: str) -> bool:
    """Whether this is a full run on one of the ``databases`` (vendors; none: all)."""
    return IS_FULL_RUN and (not databases or connection.vendor in databases)


def examples(reduced: int, *, full: int, databases: Sequence[str] = (), sample: int | None = None) -> int:
    """Return how many generated examples a test tries.

    These are ``full`` ones in a full run on these ``databases`` (none named: on all), else ``reduced`` ones, of which
    MariaDB takes a ``sample``: what is stored there is what PostgreSQL stores.
    """
    if is_full_run(*databases):
        return full
    if sample is not None and connection.vendor == "mysql" and not IS_FULL_RUN:
        return sample
    return reduced


def some(items: Iterable[_Item], reduced: int, seed: object = 1) -> list[_Item]:
    """Return all items in a full run, else so many of them: the same ones for the same ``seed``."""
    found = list(items)
    return found if IS_FULL_RUN else Random(str(seed)).sample(found, min(reduced, len(found)))


def require(what: str, is_there: bool, reason: str) -> None:
    """Skip the test if ``what`` is absent; fail if ``ALHENA_REQUIRED`` names it, as in CI."""
    if is_there:
        return
    if what in os.environ.get("ALHENA_REQUIRED", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
