"""How much a run of the tests tries, and what it needs on its machine."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from django.db import connection

#: Whether full counts are asked for, as ``.ci/run full`` does.
IS_FULL_RUN = os.environ.get("ALHENA_FULL_RUN") == "1"


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
