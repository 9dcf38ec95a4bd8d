"""Send requests one by one in this process, to count queries and profile them."""

from __future__ import annotations

import cProfile
import io
import pstats
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.db import connection

from benchmarks.database import RunError
from benchmarks.load import ORIGIN, Load
from benchmarks.rows import Row

PROFILED = 300
FUNCTIONS = 45

# BEGIN and COMMIT do not pass through Django's cursors; savepoints do.
_MARKS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")

Statements = dict[str, list[float]]


class Caller:
    """Calls the WSGI application as a server would."""

    def __init__(self) -> None:
        self.application: WSGIHandler = get_wsgi_application()

    def run(self, load: Load) -> None:
        """Post all bodies of ``load``."""
        for stream in load.streams():
            self.post(load, stream)

    def post(self, load: Load, bodies: Iterable[bytes]) -> None:
        """Post ``bodies`` to the path of ``load``. Raises ``RunError`` for a wrong answer."""
        for body in bodies:
            head, answer = self._post(load, body)
            if not load.answer.is_given(head, answer):
                raise RunError(f"wrong answer from {load.path}: {head!r} {answer!r}")

    def _post(self, load: Load, body: bytes) -> tuple[bytes, bytes]:
        statuses = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            statuses.append(status)

        environ = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": load.path,
            "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_ORIGIN": ORIGIN,
            "HTTP_USER_AGENT": "Mozilla/5.0",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            **({"HTTP_AUTHORIZATION": load.authorization} if load.authorization else {}),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        response = self.application(environ, start_response)
        answer = b"".join(response)
        response.close()
        return f"HTTP/1.1 {statuses[0]}".encode(), answer


def count_queries(caller: Caller, row: Row) -> int:
    """Count the statements of one request with warm caches, without those that begin or end transactions."""
    load = row.load(f"{row.name}-queries", seconds=0)
    bodies = load.streams()[0]
    caller.post(load, islice(bodies, 1))
    with _statements() as statements:
        caller.post(load, islice(bodies, 1))
    return sum(len(times) for times in statements.values())


def profile(caller: Caller, row: Row) -> str:
    """Profile a row's requests: the total time, by statement and by function."""
    load = row.load(f"{row.name}-profile", seconds=0)
    bodies = load.streams()[0]
    caller.post(load, islice(bodies, PROFILED))
    started = time.perf_counter()
    caller.post(load, islice(bodies, PROFILED))
    mean = (time.perf_counter() - started) / PROFILED
    with _statements() as statements:
        caller.post(load, islice(bodies, PROFILED))
    profiler = cProfile.Profile()
    profiler.runcall(caller.post, load, islice(bodies, PROFILED))
    functions = io.StringIO()
    pstats.Stats(profiler, stream=functions).strip_dirs().sort_stats("cumulative").print_stats(FUNCTIONS)
    breakdown = "\n".join(_breakdown(statements))
    return f"{row.title}: {mean * 1e3:.3f} ms per request in this process\n\n{breakdown}\n{functions.getvalue()}"


@contextmanager
def _statements() -> Iterator[Statements]:
    """Collect the statements and their seconds, without savepoints."""
    statements: defaultdict[str, list[float]] = defaultdict(list)

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return run(sql, params, many, context)
        finally:
            if not sql.startswith(_MARKS):
                statements[sql].append(time.perf_counter() - started)

    with connection.execute_wrapper(execute):
        yield statements


def _breakdown(statements: Statements) -> Iterator[str]:
    """The count of each statement per request, and its mean time."""
    for sql, times in statements.items():
        yield f"{len(times) / PROFILED:6.2f} × {sum(times) / len(times) * 1e6:6.0f} µs  {sql[:160]}"
