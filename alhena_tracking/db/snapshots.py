"""Consistent reads: one snapshot of the database for all statements of a report or an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from alhena_tracking.models import Order

#: How long (in seconds) an export's reader may pause before PostgreSQL ends the snapshot, and the export fails: an old
#: snapshot keeps VACUUM from cleaning up the whole database.
MOST_IDLE_SECONDS = 60


@contextmanager
def snapshot(*, seconds: float | None = None) -> Iterator[None]:
    """Read everything in the block from one snapshot, taken at its first statement (PostgreSQL and MariaDB).

    On PostgreSQL, a statement that takes longer than ``seconds`` is ended. On SQLite, where a snapshot could block
    writers, and inside a transaction, each statement sees the rows of its own moment.
    """
    connection = connections[Order.objects.db]
    if connection.in_atomic_block or connection.vendor not in {"postgresql", "mysql"}:
        yield
        return
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if not is_postgresql:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # of the next transaction
        with transaction.atomic(using=connection.alias):
            if is_postgresql:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                if seconds is not None:
                    cursor.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{MOST_IDLE_SECONDS}s'")
            yield
