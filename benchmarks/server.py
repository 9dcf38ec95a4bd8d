"""The server under load, and its CPU time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WORKERS = 2
THREADS = 4
START_SECONDS = 30

_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running gunicorn."""

    port: int
    pid: int

    @property
    def workers(self) -> list[int]:
        return [pid for pid in _processes() if _stat(pid)[1] == str(self.pid)]

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.workers)


@contextmanager
def serve(*, is_threaded: bool) -> Iterator[Server]:
    """Run the benchmark's project under gunicorn with persistent database connections, on a free port."""
    kind = ["--worker-class", "gthread", "--threads", str(THREADS)] if is_threaded else ["--worker-class", "sync"]
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"]
        command += ["--bind", f"fd://{listener.fileno()}", "--workers", str(WORKERS), *kind]
        command += ["--log-level", "warning", "--no-control-socket"]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        try:
            server = Server(listener.getsockname()[1], process.pid)
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes, including all their threads."""
    return sum(int(ticks) for pid in pids for ticks in _stat(pid)[11:13]) * _TICK


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while len(server.workers) < WORKERS:
        if process.poll() is not None or time.monotonic() > deadline:
            raise ConnectionError("gunicorn did not start")
        time.sleep(0.1)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s ``stat`` from the third, ``state``, on; zeros if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["0"] * 50
