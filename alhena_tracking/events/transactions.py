"""The transactions that a caller has open, and what waits for their commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from alhena_tracking.db.transactions import database


def open_transactions() -> list[str]:
    """Return the databases on which the caller has a transaction open: of that of the events and the default one.

    As for Django's ``atomic(durable=True)``, the blocks in which a ``TestCase`` wraps its tests are none.
    """
    return [alias for alias in dict.fromkeys([DEFAULT_DB_ALIAS, database().alias]) if _is_open(alias)]


def after_commit(aliases: Sequence[str], work: Callable[[], None]) -> None:
    """Do the work once the transactions on these databases are committed: at once, if there are none.

    It must not raise: an error there would reach the caller, whose transaction is committed.
    """
    if not aliases:
        work()
        return
    first, *others = aliases
    if others:
        work = partial(after_commit, others, work)
    transaction.on_commit(work, using=first)


def _is_open(alias: str) -> bool:
    return any(not getattr(block, "_from_testcase", False) for block in connections[alias].atomic_blocks)
