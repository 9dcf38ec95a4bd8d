"""One view of the database for all statements of a report or an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from alhena_tracking.models import Order

#: How long one who reads an export may pause (in seconds) before PostgreSQL gives up the snapshot, and the export
#: ends in an error: an old snapshot keeps the whole database from being tidied.
MOST_IDLE_SECONDS = 60


@contextmanager
def snapshot() -> Iterator[None]:
    """Let all that is read within see the database as it is at the first statement: on PostgreSQL and MariaDB.

    On SQLite, where it could mean that nobody can write as long, and within a transaction of somebody else's, each
    statement sees what is there when it runs.
    """
    connection = connections[Order.objects.db]
    if connection.in_atomic_block or connection.vendor not in {"postgresql", "mysql"}:
        yield
        return
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if not is_postgresql:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # of the next one
        with transaction.atomic(using=connection.alias):
            if is_postgresql:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{MOST_IDLE_SECONDS}s'")
            yield
