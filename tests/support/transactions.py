"""Transactions of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Let nothing stay that is written, so that each example finds the same rows."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own tests: durable blocks may stand within
    with block:
        yield
        transaction.set_rollback(True)
