"""A PostgreSQL server for one test, which may be stopped."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

OWNER = "postgres"


def find_programs() -> Path | None:
    """The directory of the newest PostgreSQL's programs, including ``initdb``."""
    found = shutil.which("initdb")
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    path = found or (installed[-1] if installed else None)
    return Path(path).parent if path else None


class Cluster:
    """A PostgreSQL server with an empty database, running within the context."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.url = f"postgres://{OWNER}@127.0.0.1:{self.port}/{OWNER}"

    def __enter__(self) -> Self:
        # Not a directory of pytest: these are private to root, and PostgreSQL does not run as root.
        self._directory = tempfile.mkdtemp(prefix="alhena-faults-")
        if os.geteuid() == 0:
            shutil.chown(self._directory, OWNER)
        try:
            self._run("initdb", "--auth", "trust", "--username", OWNER, "--no-sync", "--no-instructions")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *args: object) -> None:
        if Path(self._directory, "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._directory)

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self._directory}"
        self._run("pg_ctl", "start", "--wait", "--silent", "--options", options, "--log", f"{self._directory}/log")

    def stop(self) -> None:
        """Stop like a crash: every connection ends at once."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode", "immediate")

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        import psycopg  # not installed if only SQLite is tested

        with psycopg.connect(self.url) as connected:
            return connected.execute(statement.encode()).fetchall()

    def _run(self, program: str, *arguments: str) -> None:
        become = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
        command = [*become, str(self._programs / program), "--pgdata", self._directory, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
