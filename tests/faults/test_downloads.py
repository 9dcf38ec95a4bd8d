"""A download is whole or visibly not (F38): on servers as people run them, alone and behind nginx."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from django.contrib.auth import get_user_model
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.test import Client

from alhena_tracking.downloads import Asked, TakesTooLong, background, making, request_export, run_exports
from alhena_tracking.models import CartEvent, Company, Export, FileFormat
from alhena_tracking.reports import Period, ReportQuery
from tests.support import factories
from tests.support.faults.database import database_url
from tests.support.faults.download_servers import COMMANDS, children_of, has_nginx, nginx_before, serving
from tests.support.runs import IS_FULL_RUN, examples, require

pytestmark = [
    pytest.mark.faults,
    pytest.mark.real_time,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the figure is PostgreSQL's; set DATABASE_URL"),
]

#: As many as are made at once.
ROWS = examples(20_000, full=making.COPIED_AT_ONCE)
START = date(2026, 3, 2)
DAYS = 7
URL = f"/admin/alhena_tracking/revenueimpact/export/cart_events.csv?start={START}&end=2026-03-08&currency=EUR"
FILES_URL = "/admin/alhena_tracking/revenueimpact/files/"
#: How long behind a buffering proxy a worker may be held.
HELD_SECONDS = 10


@pytest.fixture
def cookie(transactional_db: None) -> Iterator[str]:
    """The session of a member of staff, with many cart events to download."""
    user = get_user_model().objects.create_superuser("downloads", password="x")
    client = Client()
    client.force_login(user)
    fill(ROWS)
    yield f"sessionid={client.cookies['sessionid'].value}"
    user.delete()


def fill(rows: int) -> None:
    session = factories.VisitorSessionFactory.create(company=Company.objects.get(key="acme"))
    event = factories.CartEventFactory.create(session=session)
    fields = [field.attname for field in CartEvent._meta.concrete_fields if not field.primary_key]
    day = f"DATE '{START}' + (n * {DAYS} / {rows})::int"
    changed = {"event_id": "gen_random_uuid()", "occurred_on": day, "occurred_at": f"({day}) + TIME '12:00'"}
    columns = ", ".join(changed.get(field, f"one.{field}") for field in fields)
    with connection.cursor() as cursor:
        table = CartEvent._meta.db_table
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(fields)}) SELECT {columns}"  # noqa: S608
            f" FROM {table} one, generate_series(0::bigint, {rows - 1}) AS n WHERE one.id = %s",
            [event.pk],
        )
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [event.pk])  # noqa: S608
        cursor.execute(f"ANALYZE {table}")


@contextmanager
def served(kind: str, is_behind_nginx: bool, folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the shop, and yield the port to ask and the server's process."""
    module = COMMANDS[kind][0]
    require("gunicorn", find_spec(module) is not None, f"{module} is not installed: pip install --group databases")
    if is_behind_nginx:
        require("nginx", has_nginx(), "nginx is not installed: apt-get install nginx-light")
    with serving(kind, database_url(), folder) as (port, pid):
        if not is_behind_nginx:
            yield port, pid
            return
        with nginx_before(port, folder) as before:
            yield before, pid


SERVERS = pytest.mark.parametrize("kind", COMMANDS)
PROXIES = pytest.mark.parametrize("is_behind_nginx", [False, True], ids=["alone", "nginx"])


def ask(port: int, cookie: str, url: str = URL) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asking.request("GET", url, headers={"Cookie": cookie, "Host": "127.0.0.1"})
    return asking, asking.getresponse()


def answers(port: int) -> float:
    """How long the server takes for another request."""
    began = time.monotonic()
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    asking.request("GET", "/admin/login/", headers={"Host": "127.0.0.1"})
    assert asking.getresponse().status == 200
    asking.close()
    return time.monotonic() - began


@SERVERS
@PROXIES
def test_download_when_read_is_whole(cookie: str, tmp_path: Path, kind: str, is_behind_nginx: bool) -> None:
    with served(kind, is_behind_nginx, tmp_path) as (port, _pid):
        asking, response = ask(port, cookie)
        content = response.read()
        asking.close()
    assert response.status == 200
    assert int(response.headers["Content-Length"]) == len(content)
    assert content.count(b"\r\n") == ROWS + 1


@SERVERS
@PROXIES
def test_download_when_the_worker_dies_is_visibly_cut(
    cookie: str, tmp_path: Path, kind: str, is_behind_nginx: bool
) -> None:
    with served(kind, is_behind_nginx, tmp_path) as (port, pid):
        for number in range(examples(2, full=10)):
            size = Random(number).randrange(1000, 200_000)
            asking, response = ask(port, cookie)
            content = response.read(size)
            for worker in [pid] if kind == "uvicorn" else children_of(pid):
                os.kill(worker, signal.SIGKILL)
            try:
                content += response.read()
            except (http.client.IncompleteRead, ConnectionError):
                is_cut = True
            else:
                is_cut = False
            asking.close()
            # What nginx had of it is whole; everything else breaks off, and the reader knows.
            assert is_cut or len(content) == int(response.headers["Content-Length"])
            if kind == "uvicorn":
                return
            time.sleep(1)


@pytest.mark.skipif(not IS_FULL_RUN, reason="takes two minutes; ALHENA_FULL_RUN=1")
@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_download_when_the_reader_hangs_alone_is_visibly_cut(cookie: str, tmp_path: Path, kind: str) -> None:
    """Longer than gunicorn's time-out: the sync worker is killed, a thread waits."""
    with served(kind, False, tmp_path) as (port, _pid):
        asking, response = ask(port, cookie)
        content = response.read(1000)
        time.sleep(40)
        try:
            content += response.read()
        except (http.client.IncompleteRead, ConnectionError):
            assert kind == "sync"
        else:
            assert len(content) == int(response.headers["Content-Length"])
        asking.close()
        assert answers(port) < HELD_SECONDS


@SERVERS
def test_worker_when_the_reader_hangs_behind_nginx_is_free(cookie: str, tmp_path: Path, kind: str) -> None:
    with served(kind, True, tmp_path) as (port, _pid), socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET {URL} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n"
        hanging.sendall(request.encode())
        assert hanging.recv(12) == b"HTTP/1.1 200"
        # The only worker: it answers somebody else once nginx has the file.
        assert answers(port) < HELD_SECONDS


@SERVERS
@PROXIES
def test_download_when_the_session_has_ended_is_no_file(
    cookie: str, tmp_path: Path, kind: str, is_behind_nginx: bool
) -> None:
    with served(kind, is_behind_nginx, tmp_path) as (port, _pid):
        asking, response = ask(port, "sessionid=ended")
        assert response.status == 302
        assert "/login/" in response.headers["Location"]
        assert response.headers["Content-Disposition"] is None
        asking.close()


def test_download_when_cut_at_any_byte_is_seen_by_the_reader(cookie: str, tmp_path: Path) -> None:
    """A proxy of our own ends the connection after so many bytes of the body."""
    with served("gthread", False, tmp_path) as (port, _pid):
        asking, response = ask(port, cookie)
        length = int(response.headers["Content-Length"])
        asking.close()
        for cut in [0, 1, length - 1, *(Random(1).randrange(length) for _ in range(examples(5, full=50)))]:
            with pytest.raises(http.client.IncompleteRead):
                _read_cut(port, cookie, cut)


def _read_cut(port: int, cookie: str, cut: int) -> None:
    server, client = socket.socketpair()
    with server, client, socket.create_connection(("127.0.0.1", port)) as upstream:
        upstream.sendall(f"GET {URL} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < min(cut, 20_000):
            received += upstream.recv(65_536)
        head, _, body = received.partition(b"\r\n\r\n")
        # What the reader sees does not depend on how much came before the cut.
        server.sendall(head + b"\r\n\r\n" + body[: min(cut, 20_000)])
        server.close()
        response = http.client.HTTPResponse(client)
        response.begin()
        response.read()


@SERVERS
@PROXIES
def test_file_when_made_in_the_background_arrives(
    cookie: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, is_behind_nginx: bool
) -> None:
    """1,000,000 rows in a full run, which a request leaves to the background by itself."""
    rows = examples(20_000, full=1_000_000)
    CartEvent.objects.all().delete()
    fill(rows)
    monkeypatch.setattr(background, "storage", lambda: FileSystemStorage(tmp_path / "stored"))
    with served(kind, is_behind_nginx, tmp_path) as (port, _pid):
        if rows > making.COPIED_AT_ONCE:
            began = time.monotonic()
            asking, response = ask(port, cookie)
            asking.close()
            assert (response.status, response.headers["Location"]) == (302, FILES_URL)
            assert time.monotonic() - began < HELD_SECONDS
        else:
            query = ReportQuery(company=Company.objects.get(key="acme"), period=Period(START, date(2026, 3, 8)))
            asked = Asked("cart_events", FileFormat.CSV, query)
            request_export(get_user_model().objects.get(username="downloads"), asked, TakesTooLong(None, rows))
        assert run_exports() == 1
        export = Export.objects.get()
        assert export.row_count == rows
        asking, response = ask(port, cookie, f"{FILES_URL}{export.pk}/")
        lines = size = 0
        while chunk := response.read(1024 * 1024):
            lines += chunk.count(b"\r\n")
            size += len(chunk)
        asking.close()
    assert lines == rows + 1
    assert size == export.size == int(response.headers["Content-Length"])
