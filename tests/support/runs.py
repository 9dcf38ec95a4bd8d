"""The number of examples of a test run, and its requirements."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from django.db import connection

#: Whether this is a full run, as by ``.ci/run full``.
IS_FULL_RUN = os.environ.get("ALHENA_FULL_RUN") == "1"


def is_full_run(*databases: str) -> bool:
    """Whether this is a full run on one of the ``databases`` (vendors; none: all)."""
    return IS_FULL_RUN and (not databases or connection.vendor in databases)


def examples(reduced: int, *, full: int, databases: Sequence[str] = ()) -> int:
    """The number of examples of a property test; ``full`` in full runs on ``databases`` (none: all)."""
    return full if is_full_run(*databases) else reduced


def require(what: str, is_there: bool, reason: str) -> None:
    """Skip the test if ``what`` is absent; fail if ``ALHENA_REQUIRED`` names it, as in CI."""
    if is_there:
        return
    if what in os.environ.get("ALHENA_REQUIRED", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
