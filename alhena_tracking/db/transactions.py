"""Transactions with time limits, retried after deadlocks and serialization failures."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeVar

from django.db import OperationalError, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from alhena_tracking.conf import conf
from alhena_tracking.models import Company

logger = logging.getLogger(__name__)

#: How often a transaction is retried after a deadlock or a serialization failure, and for how long.
RETRIES = 3
RETRIES_WITHIN = timedelta(seconds=2)

#: invalid_sql_statement_name and duplicate_prepared_statement: a pooler has changed the connection in between.
PREPARED_ELSEWHERE = frozenset({"26000", "42P05"})

#: How often maintenance tries one of its transactions while ingestion holds its locks or the database fails, and how
#: long it waits in between.
ATTEMPTS = 30
RETRY_AFTER_SECONDS = 1.0

_Result = TypeVar("_Result")
_LIMITED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "PREPARE", "EXECUTE")
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def database() -> BaseDatabaseWrapper:
    """Return the connection to the database that events are stored in."""
    return connections[router.db_for_write(Company)]


def rows_of(model: type[Model]) -> Any:
    """Return the rows of a model where events are recorded, whatever a database router says of reads."""
    return model._default_manager.using(database().alias)


@contextmanager
def atomic(*, is_durable: bool) -> Iterator[None]:
    """Open a transaction, or a savepoint inside the caller's; ``is_durable`` makes the latter an error."""
    connection = database()
    isolation = getattr(connection, "isolation_level", None)
    if connection.vendor == "mysql" and isolation != "read committed" and not connection.in_atomic_block:
        # At stricter levels MariaDB reads the snapshot of the first query even after waiting for a lock.
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    with transaction.atomic(using=connection.alias, durable=is_durable):
        yield


def retried(work: Callable[[], _Result], *, is_durable: bool) -> _Result:
    """Run ``work`` under the time limits, and retry it after a deadlock or a serialization failure.

    Inside the caller's transaction it runs once and without our limits: only the caller can retry all of it.
    """
    if database().in_atomic_block and not is_durable:
        return work()

    def limited() -> _Result:
        with time_limits():
            return work()

    with deadline():
        return repeated(limited)


def repeated(work: Callable[[], _Result]) -> _Result:
    """Run ``work``, which is one transaction, and retry it after a deadlock or a serialization failure."""
    began = time.monotonic()
    for attempt in range(RETRIES):
        try:
            return work()
        except OperationalError as error:
            if not _is_conflict(error) or time.monotonic() - began > RETRIES_WITHIN.total_seconds():
                raise
            # The jitter keeps the same transactions from colliding again.
            time.sleep(random.uniform(0.5, 1) * 0.02 * 2**attempt)  # noqa: S311
    return work()


def persistently(work: Callable[[], _Result], attempts: int = ATTEMPTS) -> _Result:
    """Run ``work``, a transaction of maintenance, under the limits of ingestion, up to so many times.

    Without limits it would wait for one lock while ingestion waits for the others that it holds.
    """
    for _ in range(attempts - 1):
        try:
            return retried(work, is_durable=True)
        except OperationalError:
            if not database().in_atomic_block:  # of a test
                database().close_if_unusable_or_obsolete()
            time.sleep(RETRY_AFTER_SECONDS)
    return retried(work, is_durable=True)


def _is_conflict(error: OperationalError) -> bool:
    """Return whether a retry may succeed: after a deadlock, a serialization failure, or a change of connections."""
    cause = error.__cause__
    # PostgreSQL: serialization_failure and deadlock_detected; MariaDB: ER_LOCK_DEADLOCK and ER_CHECKREAD.
    return getattr(cause, "sqlstate", None) in {"40001", "40P01", *PREPARED_ELSEWHERE} or getattr(cause, "args", ())[
        :1
    ] in {
        (1213,),
        (1020,),
    }


@contextmanager
def deadline() -> Iterator[None]:
    """Limit all statements of the block together to ``STATEMENT_TIMEOUT``.

    Inside another deadline, that one holds. Without one, each ``time_limits`` starts its own.
    """
    if _deadline.get() is not None:
        yield
        return
    token = _deadline.set(_next_deadline())
    try:
        yield
    finally:
        _deadline.reset(token)


@contextmanager
def time_limits() -> Iterator[None]:
    """Apply ``LOCK_TIMEOUT`` and ``STATEMENT_TIMEOUT`` to the statements of the block.

    SQLite has only its connection's ``timeout``.
    """
    connection = database()
    until = _deadline.get() or _next_deadline()
    wrapper: Callable[..., Any] | None = None
    if connection.vendor == "postgresql":
        wrapper = _PostgreSQLLimits(connection, until)
    elif connection.vendor == "mysql" and getattr(connection, "mysql_is_mariadb", False):
        wrapper = _MariaDBLimits(until)
    if wrapper is None:
        yield
        return
    with connection.execute_wrapper(wrapper):
        yield


def fills_in_parameters(connection: BaseDatabaseWrapper) -> bool:
    """Return whether psycopg fills parameters into statements itself, as Django's default is on PostgreSQL."""
    if connection.vendor != "postgresql":
        return False
    driver = getattr(getattr(connection, "Database", None), "__name__", "")
    return driver == "psycopg" and not connection.settings_dict.get("OPTIONS", {}).get("server_side_binding")


def avoid_table_scans() -> None:
    """On PostgreSQL, have the transaction's statements and its checks of foreign keys use indexes.

    Of small tables, such checks would read the whole, by plans that are kept while the tables grow. Without a deadline
    nothing is set: it would last until the end of the caller's transaction.
    """
    connection = database()
    if connection.vendor == "postgresql" and has_deadline():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")


def _next_deadline() -> float:
    return time.monotonic() + conf.statement_timeout.total_seconds()


def has_deadline() -> bool:
    """Whether the limits apply: not inside a caller's transaction."""
    return _deadline.get() is not None


def remaining_seconds(until: float | None = None) -> float:
    """Return how long a statement that starts now may take, by the deadline or ``until``."""
    remaining = (until or _deadline.get() or _next_deadline()) - time.monotonic()
    if remaining <= 0:
        raise OperationalError("the database took longer than STATEMENT_TIMEOUT allows")
    return remaining


class _PostgreSQLLimits:
    """Sends the limits with the first statement of a transaction, and with every statement outside of one.

    Once half of the time is used up, every further statement gets a new limit: PostgreSQL's is per statement.
    """

    def __init__(self, connection: BaseDatabaseWrapper, until: float) -> None:
        self.connection = connection
        self.until = until
        self.is_set = False
        # Only where the driver fills in the parameters may one message hold several statements.
        self.is_one_round_trip = fills_in_parameters(connection)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if many or not sql.startswith(_LIMITED):
            return execute(sql, params, many, context)
        remaining = remaining_seconds(self.until)
        if self.is_set and remaining > conf.statement_timeout.total_seconds() / 2:
            return execute(sql, params, many, context)
        in_transaction = self.connection.in_atomic_block
        limits = (
            f"SET LOCAL lock_timeout = {conf.lock_timeout // timedelta(milliseconds=1)}; "
            f"SET LOCAL statement_timeout = {math.ceil(remaining * 1000)}"
        )
        self.is_set = in_transaction
        if self.is_one_round_trip:
            # Statements in one message share one transaction, so SET LOCAL applies outside of a transaction, too.
            result = execute(f"{limits}; {sql}", params, many, context)
            _select_last_result(context["cursor"].cursor)
            return result
        if in_transaction:
            execute(limits, None, False, context)
        return execute(sql, params, many, context)


def _select_last_result(cursor: Any) -> None:
    """Move the cursor to the result of the last of its three statements."""
    try:
        select = cursor.set_result
    except AttributeError:  # psycopg < 3.3
        cursor.nextset()
        cursor.nextset()
    else:
        select(-1)


class _MariaDBLimits:
    """Sends the limits with every statement, since MariaDB's ``SET STATEMENT`` applies to one only."""

    def __init__(self, until: float) -> None:
        self.until = until

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(_LIMITED):
            return execute(sql, params, many, context)
        lock_seconds = max(1, round(conf.lock_timeout.total_seconds()))
        limits = (
            f"SET STATEMENT lock_wait_timeout={lock_seconds}, innodb_lock_wait_timeout={lock_seconds}, "
            f"max_statement_time={remaining_seconds(self.until):.3f} FOR "
        )
        return execute(limits + sql, params, many, context)
