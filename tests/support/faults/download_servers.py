"""The shop behind each server that people use, with its default time-outs, and nginx in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 30
STOP_SECONDS = 10
#: The command of each server. Their time-outs are the default ones: gunicorn kills a worker after 30 seconds.
COMMANDS: dict[str, Sequence[str]] = {
    "sync": ("gunicorn", "example_project.wsgi", "--workers=1", "--worker-class=sync"),
    "gthread": ("gunicorn", "example_project.wsgi", "--workers=1", "--worker-class=gthread", "--threads=4"),
    "uvicorn": ("uvicorn", "example_project.asgi:application"),
}
#: Debian's defaults; what is not given here is nginx's own default, buffering among it.
_NGINX = """
daemon off; error_log stderr; pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    sendfile on; tcp_nopush on; gzip on;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_set_header Host $host; }}
    }}
}}
"""


@contextmanager
def serving(kind: str, database_url: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the shop; yield its port and the process's id."""
    module, *arguments = COMMANDS[kind]
    port = free_port()
    bind = ["--port", str(port)] if module == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.support.faults.settings",
        "FAULTS_STORAGE": str(folder / "stored"),
    }
    command = [sys.executable, "-m", module, *arguments, *bind]
    with _process(command, port, folder / f"{kind}.log", environment) as pid:
        yield port, pid


@contextmanager
def nginx_before(upstream: int, folder: Path) -> Iterator[int]:
    """Put nginx before a port; yield its own."""
    port = free_port()
    temporary = folder / "nginx"
    temporary.mkdir()
    (temporary / "conf").write_text(_NGINX.format(folder=temporary, port=port, upstream=upstream))
    user = ["-g", f"user {'root' if os.geteuid() == 0 else 'nobody'};"]
    command = [_nginx() or "nginx", "-e", "stderr", "-c", str(temporary / "conf"), *user]
    with _process(command, port, folder / "nginx.log", dict(os.environ)):
        yield port


def has_nginx() -> bool:
    return _nginx() is not None


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False)
    return list(map(int, found.stdout.split()))


@contextmanager
def _process(command: Sequence[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[int]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for(port, process, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")
