"""Sums that do not fit into 64 bits, on SQLite. Other databases add up exactly; SQLite's ``SUM`` gives up."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

#: Adds up as ``SUM`` does, and returns texts where that would give up. Many times slower, so second to it.
EXACT_SUM = "alhena_exact_sum"

_INTEGERS = range(-(2**63), 2**63)


class _ExactSum:
    def __init__(self) -> None:
        self._sum: int | float | None = None

    def step(self, value: int | float | str | None) -> None:
        if value is not None:
            self._sum = (self._sum or 0) + (int(value) if isinstance(value, str) else value)

    def finalize(self) -> int | float | str | None:
        return str(self._sum) if isinstance(self._sum, int) and self._sum not in _INTEGERS else self._sum


def is_too_large(error: OperationalError) -> bool:
    """Whether SQLite gave up because a sum is too large."""
    return str(error) == "integer overflow"


def provide_exact_sum(connection: BaseDatabaseWrapper) -> None:
    """Let ``EXACT_SUM`` be known to a connection to SQLite."""
    raw: Any = connection.connection
    raw.create_aggregate(EXACT_SUM, 1, _ExactSum)
