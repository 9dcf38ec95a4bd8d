"""Count what the database does for a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection

from tests.support.faults.database import wait_until_alone

#: Of SQLite's steps, so many are about a row read by an index, with its columns.
_STEPS_OF_A_ROW = 30


class Work(NamedTuple):
    """Messages with statements that were sent, and rows of tables and indexes that the database read for them."""

    statements: int
    rows: int


def work_of(request: Callable[[], Any]) -> Work:
    """Run ``request`` on this connection, outside of a transaction, and count the work."""
    statements = 0

    def count(execute: Callable[..., Any], *args: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*args)

    with _rows_read() as rows, connection.execute_wrapper(count):
        request()
    return Work(statements, rows[0])


def tidy_up() -> None:
    """Remove deleted rows and count the others, as the database does by itself after a while.

    PostgreSQL also reads, and counts, what earlier tests have deleted or rolled back, until it is removed: which it
    cannot be while another connection might see it.
    """
    if connection.vendor == "postgresql":
        wait_until_alone()
    tables = ", ".join(connection.introspection.table_names())
    with connection.cursor() as cursor:
        match connection.vendor:
            case "postgresql":
                cursor.execute(f"VACUUM (FULL, ANALYZE) {tables}")
            case "mysql":
                cursor.execute(f"ANALYZE TABLE {tables}")
            case _:
                cursor.execute("ANALYZE")


@contextmanager
def _rows_read() -> Iterator[list[int]]:
    """Yield a list that gets the number of rows read."""
    rows: list[int] = []
    if connection.vendor == "sqlite":
        steps: list[None] = []
        driver = connection.connection
        driver.set_progress_handler(lambda: steps.append(None), _STEPS_OF_A_ROW)
        try:
            yield rows
        finally:
            driver.set_progress_handler(None, 0)
        rows.append(len(steps))
        return
    before = _counted()
    yield rows
    rows.append(_counted() - before)


def _counted() -> int:
    """Return how many rows were read: of the database on PostgreSQL, by this connection on MariaDB."""
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
            # Ends of ranges and positions of sorted rows are counted apart from what is read there.
            return sum(int(value) for _, value in cursor.fetchall())
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT (SELECT SUM(seq_tup_read) FROM pg_stat_user_tables) + "
            "(SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes)"
        )
        return int(cursor.fetchone()[0])
