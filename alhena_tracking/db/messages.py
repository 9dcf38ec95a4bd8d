"""Transactions on PostgreSQL that send several statements in one message."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from django.db import DatabaseError, Error, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from alhena_tracking.conf import conf
from alhena_tracking.db.transactions import PREPARED_ELSEWHERE, atomic, database, has_deadline, remaining_seconds

Rows: TypeAlias = "list[tuple[Any, ...]]"
_LIMITS = (
    "SET LOCAL lock_timeout = %(lock_timeout)s",
    "SET LOCAL statement_timeout = %(statement_timeout)s",
    # Plans are for any parameters: the statements ask for few rows by an index, whatever they are.
    "SET LOCAL plan_cache_mode = force_generic_plan",
    # Where one visitor has most of a table's rows, a plan for any parameters would read the whole of it.
    "SET LOCAL enable_seqscan = off",
)
#: PostgreSQL's limit is for each statement: before the second and later ones of a message, what is left of it is set.
_REMAINING = (
    "SELECT SET_CONFIG('statement_timeout', GREATEST(1, %(statement_timeout)s::integer - "
    "(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP() - STATEMENT_TIMESTAMP()) * 1000)::integer)::text, TRUE)"
)
_PARAMETER = re.compile(r"%\((\w+)\)s::(\w+(?:\[\])?)")
#: The names of statements prepared on each of the driver's connections; ``None`` where a pooler changes connections.
_prepared: WeakKeyDictionary[Any, set[str] | None] = WeakKeyDictionary()
#: Connections on which preparing may have failed.
_uncertain: WeakSet[Any] = WeakSet()


class Messages:
    """A transaction that sends several statements in one message.

    Statements are SQL with a ``%(name)s::type`` for each parameter. PostgreSQL plans each once per connection, as
    planning takes longer than running it: but not in a caller's transaction, which a missing statement would end.
    """

    def __init__(self, connection: BaseDatabaseWrapper, *, is_nested: bool) -> None:
        self._connection = connection
        self._is_nested = is_nested
        self._has_begun = is_nested

    def send(
        self, statements: Sequence[str], params: Mapping[str, Any], *, begins: bool = True, commits: bool = False
    ) -> list[Rows]:
        """Send statements in one message, and return the rows of each; the last message ``commits``.

        A message before the one that ``begins`` is a transaction of its own.
        """
        if has_deadline():
            statements = [each for sql in statements for each in (_REMAINING, sql)][1:]
        known = None if self._is_nested else self._prepared()
        prepared = [] if known is None else [_prepared_as(sql) for sql in statements]
        new = [one for one in dict.fromkeys(prepared) if known is not None and one.name not in known]
        before = [
            *(["BEGIN"] if begins and not self._has_begun else []),
            *(_LIMITS if has_deadline() else []),
            *(one.preparation for one in new),
        ]
        after = ["COMMIT"] if commits and not self._is_nested else []
        self._has_begun = self._has_begun or begins
        sent = [one.execution for one in prepared] or statements
        with self._connection.cursor() as cursor:
            try:
                cursor.execute("; ".join([*before, *sent, *after]), {**params, **_limits()})
            except DatabaseError as error:
                self._note_failure(error, has_prepared=bool(new))
                raise
            if known is not None:
                known.update(one.name for one in new)
            results = _results(cursor.cursor)[len(before) : len(before) + len(sent)]
            return results[::2] if has_deadline() else results

    def _prepared(self) -> set[str] | None:
        self._connection.ensure_connection()
        driver = self._connection.connection
        if driver in _uncertain:
            _uncertain.discard(driver)
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT name FROM pg_prepared_statements")
                _prepared[driver] = {name for (name,) in cursor.fetchall()}
        return _prepared.setdefault(driver, set())

    def _note_failure(self, error: DatabaseError, *, has_prepared: bool) -> None:
        """Where a pooler changes connections, prepare nothing from now on, and try again."""
        driver = self._connection.connection
        if driver is None:
            return
        if getattr(error.__cause__, "sqlstate", None) in PREPARED_ELSEWHERE:
            _prepared[driver] = None
            raise OperationalError("a pooler has changed the connection") from error.__cause__
        if has_prepared:
            _uncertain.add(driver)

    def end(self) -> None:
        """Roll back what is not committed."""
        driver = self._connection.connection
        if driver is not None and not driver.closed and driver.info.transaction_status.name != "IDLE":
            with suppress(Error), self._connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


def _limits() -> dict[str, Any]:
    if not has_deadline():
        return {}
    return {
        "lock_timeout": conf.lock_timeout // timedelta(milliseconds=1),
        "statement_timeout": math.ceil(remaining_seconds() * 1000),
    }


class _Prepared(NamedTuple):
    name: str
    preparation: str
    execution: str


@lru_cache(maxsize=256)
def _prepared_as(sql: str) -> _Prepared:
    """Return the SQL that prepares a statement, under a name derived from its text, and that executes it."""
    types = dict(_PARAMETER.findall(sql))
    places = {name: f"${number}" for number, name in enumerate(types, start=1)}
    numbered = _PARAMETER.sub(lambda match: places[match[1]], sql)
    name = "alhena_" + blake2b(numbered.encode(), digest_size=8).hexdigest()
    arguments = f"({', '.join(f'%({name})s' for name in types)})" if types else ""
    return _Prepared(
        name,
        f"PREPARE {name} ({', '.join(types.values())}) AS {numbered}" if types else f"PREPARE {name} AS {numbered}",
        f"EXECUTE {name} {arguments}",
    )


class Table(NamedTuple):
    """A name, and SQL for rows that are parameters."""

    name: str
    sql: str


class Tables:
    """Rows as parameters of statements."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def add(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> Table:
        """Add rows with columns of these types. A single one is planned as if it were not a table."""
        is_one = len(rows) == 1
        names, table = _table(name, tuple(types.items()), is_one)
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        self.params.update(zip(names, rows[0] if is_one else map(_array, columns), strict=True))
        return table


def _array(values: Iterable[object]) -> str:
    """Return values as PostgreSQL's text of an array, which psycopg takes longer to write."""
    return f"{{{','.join(_quoted(value) if isinstance(value, str) else str(value) for value in values)}}}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@cache
def _table(name: str, types: tuple[tuple[str, str], ...], is_one: bool) -> tuple[list[str], Table]:
    """Return the names of the parameters, and the table."""
    names = [f"{name}_{column}" for column, _ in types]
    if is_one:
        columns = ", ".join(f"%({name}_{column})s::{type_} AS {column}" for column, type_ in types)
        return names, Table(name, f"(SELECT {columns}) AS asked")
    columns = ", ".join(f"%({name}_{column})s::{type_}[]" for column, type_ in types)
    return names, Table(name, f"UNNEST({columns}) AS asked({', '.join(column for column, _ in types)})")


def _results(cursor: Any) -> list[Rows]:
    results = []
    while True:
        results.append(cursor.fetchall() if cursor.pgresult.nfields else [])
        if not cursor.nextset():
            return results


@contextmanager
def messages(*, is_durable: bool) -> Iterator[Messages]:
    """Open a transaction, or a savepoint inside the caller's; ``is_durable`` makes the latter an error."""
    connection = database()
    if connection.in_atomic_block or not connection.get_autocommit():
        with atomic(is_durable=is_durable):
            yield Messages(connection, is_nested=True)
        return
    transaction = Messages(connection, is_nested=False)
    try:
        yield transaction
    finally:
        transaction.end()
