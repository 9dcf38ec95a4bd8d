"""Sums beyond 64 bits on SQLite, whose ``SUM`` fails. Other databases sum exactly."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

#: Sums as ``SUM`` does, and returns text where that would fail. Many times slower, so only used then.
EXACT_SUM = "alhena_exact_sum"

_INTEGERS = range(-(2**63), 2**63)


class _ExactSum:
    """Of a group or, without an end of its own, of a window: nothing ever leaves it."""

    def __init__(self) -> None:
        self._sum: int | float | None = None

    def step(self, value: int | float | str | None) -> None:
        if value is not None:
            self._sum = (self._sum or 0) + (int(value) if isinstance(value, str) else value)

    def finalize(self) -> int | float | str | None:
        return str(self._sum) if isinstance(self._sum, int) and self._sum not in _INTEGERS else self._sum

    value = finalize

    def inverse(self, value: int | float | str | None) -> None:
        raise NotImplementedError


def is_too_large(error: OperationalError) -> bool:
    """Return whether SQLite failed because a sum is too large."""
    return str(error) == "integer overflow"


def provide_exact_sum(connection: BaseDatabaseWrapper) -> None:
    """Register ``EXACT_SUM`` on a connection to SQLite."""
    raw: Any = connection.connection
    raw.create_window_function(EXACT_SUM, 1, _ExactSum)
