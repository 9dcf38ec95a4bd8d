"""Faults of the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.db import connection, transaction
from django.db.models import Model


def database_url() -> str:
    """The URL of the test database, for the shop's processes."""
    settings = connection.settings_dict
    scheme = "postgres" if connection.vendor == "postgresql" else "mysql"
    user = ":".join(quote(settings[part], safe="") for part in ("USER", "PASSWORD") if settings[part])
    return f"{scheme}://{user}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def end_connections() -> int:
    """End all other connections to the PostgreSQL database, like a restart or failover; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(cursor.fetchall())


def waiting_connections() -> list[int]:
    """The connections that wait for a lock."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Otherwise a transaction keeps seeing its first snapshot of the statistics.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        else:
            cursor.execute(
                "SELECT id FROM information_schema.processlist LEFT JOIN information_schema.innodb_trx"
                " ON trx_mysql_thread_id = id WHERE db = database()"
                " AND (trx_state = 'LOCK WAIT' OR state LIKE 'Waiting for table metadata lock')"
            )
        return [pid for (pid,) in cursor.fetchall()]


def wait_for_waiting(*, seconds: float = 10) -> int:
    """Wait until a connection waits for a lock, and return it."""
    deadline = time.monotonic() + seconds
    while not (waiting := waiting_connections()):
        assert time.monotonic() < deadline, "no connection waits for the lock"
        # MariaDB caches the list of transactions until it was not read for 0.1 s.
        time.sleep(0.15)
    return waiting[0]


def end_connection(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)" if connection.vendor == "postgresql" else "KILL %s", [pid])


def wait_until_alone(*, seconds: float = 10) -> None:
    """Wait until all other connections to the PostgreSQL database have ended, for at most so long.

    One whose process was ended goes on until its statement has finished. As long, it keeps its transaction.
    """
    others = (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    deadline = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while True:
            # Otherwise a transaction keeps seeing its first snapshot of the statistics.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(others)
            if cursor.fetchone() == (0,) or time.monotonic() > deadline:
                return
            time.sleep(0.05)


def deadlocks() -> int:
    """Return how many deadlocks the database has counted; on MariaDB, the server.

    On PostgreSQL a connection's are there for certain once it has ended: this waits until all others have.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
            return int(cursor.fetchone()[1])
        wait_until_alone()
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@contextmanager
def locked(*models: type[Model]) -> Iterator[None]:
    """Lock whole tables, so that other connections wait; on MariaDB, only those that write."""
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with transaction.atomic():
                cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
                yield
        else:
            # Write locks would also lock the referenced tables.
            cursor.execute("LOCK TABLES " + ", ".join(f"{table} READ" for table in tables))
            try:
                yield
            finally:
                cursor.execute("UNLOCK TABLES")


@contextmanager
def trigger(statement: str, *models: type[Model]) -> Iterator[None]:
    """Execute a PL/pgSQL statement before every insert into some tables of PostgreSQL."""
    tables = [model._meta.db_table for model in models]
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$"
        )
        try:
            for table in tables:
                cursor.execute(f"CREATE TRIGGER fault BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fault()")
            yield
        finally:
            cursor.execute("DROP FUNCTION fault() CASCADE")


@contextmanager
def another_connection(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Do ``work`` in a thread with its own connection; it must finish within the context."""

    def do() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(do)
        yield future
        future.result(timeout=20)
