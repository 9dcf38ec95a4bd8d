"""The shop in separate processes, which a test may kill."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Self

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30
STOP_SECONDS = 20


class Server:
    """gunicorn with ``workers`` of ``threads`` threads each on a free port, as a context manager.

    ``environment`` is added to that of the processes. They fork from one that has loaded the shop, unless not
    ``is_preloaded``: then each loads it anew, as a new release needs it.
    """

    def __init__(
        self,
        database_url: str,
        log: Path,
        *,
        workers: int = 2,
        threads: int = 1,
        is_preloaded: bool = True,
        **environment: str,
    ) -> None:
        self.log = log
        self.workers = workers
        self._threads = threads
        self._is_preloaded = is_preloaded
        self._killed: set[int] = set()
        self._environment = {
            **os.environ,
            **environment,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.support.faults.settings",
        }

    def __enter__(self) -> Self:
        # The port is opened here and passed on, so that no other process can take it meanwhile.
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        descriptor = self._listener.fileno()
        arguments = ["--bind", f"fd://{descriptor}", "--workers", str(self.workers), "--threads", str(self._threads)]
        if self._is_preloaded:
            arguments.append("--preload")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "python:tests.support.faults.gunicorn_conf", *arguments],
                cwd=ROOT,
                env=self._environment,
                pass_fds=[descriptor],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_serving()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._listener.close()

    def worker_pids(self) -> list[int]:
        """The current worker processes. A killed one may be listed until gunicorn notices."""
        found = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, check=False)
        return [pid for pid in map(int, found.stdout.split()) if pid not in self._killed]

    def kill_worker(self, random: Random) -> None:
        """``kill -9`` one worker. gunicorn replaces it."""
        if pids := self.worker_pids():
            self._kill(random.choice(pids))

    def kill_workers(self) -> None:
        """``kill -9`` all workers, and wait for their replacements."""
        before = self.worker_pids()
        for pid in before:
            self._kill(pid)
        self._wait_for_others(before)

    def replace_workers(self) -> None:
        """Restart gracefully, as for a new release: every worker finishes its request and is replaced."""
        before = self.worker_pids()
        self._process.send_signal(signal.SIGHUP)
        self._wait_for_others(before)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        self._killed.add(pid)

    def _wait_for_others(self, before: Sequence[int]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while len(set(self.worker_pids()).difference(before)) < self.workers:
            assert time.monotonic() < deadline, f"the workers were not replaced, see {self.log}"
            time.sleep(0.02)

    def _wait_until_serving(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
            try:
                connection.request("OPTIONS", "/alhena/analytics/cart_events")
                connection.getresponse()
            except OSError:
                time.sleep(0.05)
            else:
                return
            finally:
                connection.close()
        raise AssertionError(f"gunicorn did not start:\n{self.log.read_text()}")
