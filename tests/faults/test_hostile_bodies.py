"""Bodies made to exhaust the parser, and requests that lie about their bodies (F16, F19)."""

from __future__ import annotations

import gzip
import json
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable
from http.client import HTTPResponse
from io import BytesIO

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test import RequestFactory, override_settings
from django.urls import resolve

from alhena_tracking.api.ingestion.parsers import BodyTooLarge, read_json
from alhena_tracking.api.ingestion.views import IngestionView
from alhena_tracking.contract.limits import BATCH_BODY_BYTES, BODY_BYTES
from alhena_tracking.models import CartEvent
from tests.support.faults.events import Event, cart_event
from tests.support.faults.server import Server
from tests.support.faults.wsgi import READ_HEADER

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="one database is enough; set DATABASE_URL"),
]

# The parser

CPU_SECONDS = 0.050
MEMORY_BYTES = 10 * 1024**2


def _event(rest: str) -> str:
    """An object that names the company and a visitor, so that what else it has is looked at."""
    return f'{{"company_key":"acme","user_fingerprint":"7b0d1f0e-6a53-4a3c-9d0a-0a8c5c3c6c11",{rest}}}'


def _list_of(item: str, limit: int) -> str:
    return "[" + ",".join([item] * ((limit - 200) // (len(item) + 1))) + "]"


def _keys(count: int) -> str:
    return ",".join(f'"{number}":0' for number in range(count))


#: ``limit -> body``; those that say so are as large as may be.
_BODIES: dict[str, Callable[[int], str]] = {
    "100,000 levels": lambda limit: "[" * 100_000 + "]" * 100_000,
    "as many levels as fit": lambda limit: "[" * (limit // 2) + "]" * (limit // 2),
    "as many open levels as fit": lambda limit: "[" * limit,
    "as many objects in objects as fit": lambda limit: '{"a":' * (limit // 6) + "1" + "}" * (limit // 6),
    "levels in a field": lambda limit: _event('"line_items":' + "[" * 20_000 + "]" * 20_000),
    "just too few levels": lambda limit: _event('"line_items":' + "[" * 900 + "]" * 900),
    "150,000 keys": lambda limit: _event(_keys(150_000)),
    "as many keys as fit": lambda limit: _event(_keys(limit // 10)),
    "as many events as fit": lambda limit: _event('"events":' + _list_of("{}", limit)),
    "as many lines as fit": lambda limit: _event('"line_items":' + _list_of("{}", limit)),
    "as many lines as may be, each wrong": lambda limit: _event('"line_items":[' + ",".join(["{}"] * 500) + "]"),
    "as many events as may be, each wrong": lambda limit: _event('"events":[' + ",".join(["{}"] * 100) + "]"),
    "as many wrong lines as a batch may have": lambda limit: _event(
        '"events":['
        + ",".join(['{"method":"sendCheckoutEvent","data":{"line_items":[' + "{}," * 499 + "{}]}}"] * 100)
        + "]"
    ),
    "a 5,000-digit integer": lambda limit: _event('"value":' + "9" * 5000),
    "as many 4,000-digit integers as fit": lambda limit: _event('"line_items":' + _list_of("9" * 4000, limit)),
    "a long fraction": lambda limit: _event('"value":0.' + "3" * (limit - 200)),
    "a huge exponent": lambda limit: _event('"value":1e' + "9" * (limit - 200)),
    # Beside its second keys, nothing is wrong with it.
    "a key twice": lambda limit: _event('"value":1,"value":2,"currency":"EUR","events":[],"events":[]'),
    "a key as often as fits": lambda limit: "{" + _list_of('"a":0', limit)[1:-1] + "}",
    "as many escapes as fit": lambda limit: _event('"order_id":"' + r"\ud800" * ((limit - 200) // 6) + '"'),
    "bytes that are no text": lambda limit: "\x80" * limit,
}

#: A batch is answered event by event.
_ANSWERED_ONE_BY_ONE = {"as many events as may be, each wrong", "as many wrong lines as a batch may have"}


@override_settings(ALHENA_TRACKING={"RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None})
@pytest.mark.parametrize(("path", "limit"), [("checkout_events", BODY_BYTES), ("batch", BATCH_BODY_BYTES)])
@pytest.mark.parametrize("body", _BODIES)
def test_body_when_made_to_exhaust_the_parser_is_rejected_cheaply(
    transactional_db: None, body: str, path: str, limit: int
) -> None:
    content = _BODIES[body](limit).encode("latin-1")
    is_batch, path = path == "batch", f"/alhena/analytics/{path}"
    view = resolve(path).func

    def answer() -> int:
        request = RequestFactory().post(path, content, content_type="application/json")
        status: int = view(request).status_code
        return status

    expected = 413 if len(content) > limit else 400
    if is_batch and body in _ANSWERED_ONE_BY_ONE:
        expected = 200
    assert answer() == expected  # also warms up
    seconds = []
    for _ in range(3):
        began = time.process_time()
        assert answer() == expected
        seconds.append(time.process_time() - began)
    assert min(seconds) <= CPU_SECONDS
    tracemalloc.start()
    try:
        assert answer() == expected
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY_BYTES


# Requests over the wire


def _answer(server: Server, headers: list[str], body: bytes, *, is_closed: bool = False) -> HTTPResponse:
    """What the server says to a request sent as it is; ``is_closed``: that nothing follows is said, too."""
    lines = ["POST /alhena/analytics/cart_events HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connected:
        connected.sendall("\r\n".join(lines).encode() + body)
        if is_closed:
            connected.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connected)
        response.begin()
        response.read()
    return response


def _body_of(event: Event, *, size: int = 0) -> bytes:
    return json.dumps(event.message().body()).encode().ljust(size)


def _check_rejected(response: HTTPResponse, *statuses: int) -> None:
    assert response.status in statuses
    # What the shop itself did not answer never reached it.
    assert int(response.headers.get(READ_HEADER, 0)) <= BODY_BYTES + 1
    assert not CartEvent.objects.exists()


JSON = "Content-Type: application/json"


def test_body_when_it_is_as_large_as_may_be_is_read(server: Server, chat: Event) -> None:
    body = _body_of(cart_event(chat.visitor), size=BODY_BYTES)
    response = _answer(server, [JSON, f"Content-Length: {len(body)}"], body)
    assert (response.status, response.headers[READ_HEADER]) == (201, str(BODY_BYTES))


@pytest.mark.parametrize("size", [BODY_BYTES + 1, 10 * 1024**2, 10**12])
def test_body_when_too_large_is_rejected_before_it_is_read(server: Server, chat: Event, size: int) -> None:
    body = _body_of(cart_event(chat.visitor), size=BODY_BYTES + 1)
    response = _answer(server, [JSON, f"Content-Length: {size}"], body)
    _check_rejected(response, 413)
    assert response.headers[READ_HEADER] == "0"


@pytest.mark.parametrize("length", [1, BODY_BYTES])
def test_body_when_its_server_believes_no_length_is_read_to_the_limit(length: int) -> None:
    """Whichever server it is: gunicorn ends a body where its length says."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    stream = BytesIO(b" " * 10 * BODY_BYTES)
    request = ASGIRequest({"method": "POST", "path": "/", "query_string": b"", "headers": headers}, stream)
    with pytest.raises(BodyTooLarge):
        read_json(request, IngestionView.media_types, IngestionView.body_bytes)
    assert stream.tell() <= BODY_BYTES + 1


@pytest.mark.parametrize("missing", [1, 100])
def test_body_when_its_declared_length_is_too_short_is_rejected(server: Server, chat: Event, missing: int) -> None:
    body = _body_of(cart_event(chat.visitor))
    _check_rejected(_answer(server, [JSON, f"Content-Length: {len(body) - missing}"], body), 400)


@pytest.mark.parametrize("excess", [1, 100, 10**12])
def test_body_when_its_declared_length_is_too_long_is_rejected(server: Server, chat: Event, excess: int) -> None:
    body = _body_of(cart_event(chat.visitor))
    response = _answer(server, [JSON, f"Content-Length: {len(body) + excess}"], body, is_closed=True)
    _check_rejected(response, 400, 413)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Content-Length: -1"],
        ["Content-Length: 1e3"],
        ["Content-Length: ٣"],
        ["Content-Length: 20", "Content-Length: 400"],
        ["Content-Length: 20", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked"],
        ["Transfer-Encoding: gzip, chunked"],
    ],
    ids=str,
)
def test_body_when_its_length_is_not_declared_is_rejected(server: Server, chat: Event, headers: list[str]) -> None:
    body = _body_of(cart_event(chat.visitor))
    if headers and "chunked" in headers[-1]:
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    _check_rejected(_answer(server, [JSON, *headers], body), 400, 411, 501)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "latin-1", "zlib", "base64", "rot13", "idna", "none-such", ""])
def test_body_when_its_charset_is_odd_is_rejected(server: Server, chat: Event, media_type: str, charset: str) -> None:
    body = _body_of(cart_event(chat.visitor))
    headers = [f"Content-Type: {media_type}; charset={charset}", f"Content-Length: {len(body)}"]
    _check_rejected(_answer(server, headers, body), 415)


@pytest.mark.parametrize(
    ("headers", "compress"),
    [
        ([JSON, "Content-Encoding: gzip"], gzip.compress),
        ([JSON, "Content-Encoding: deflate"], zlib.compress),
        ([f"{JSON}; charset=zlib"], zlib.compress),
        (["Content-Type: application/gzip"], gzip.compress),
        (["Content-Type: application/x-www-form-urlencoded; charset=zlib"], zlib.compress),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_body_when_it_is_a_compressed_bomb_is_not_unpacked(
    server: Server, chat: Event, headers: list[str], compress: Callable[[bytes], bytes]
) -> None:
    body = compress(_body_of(cart_event(chat.visitor), size=30 * 1024**2))
    assert len(body) <= BODY_BYTES
    _check_rejected(_answer(server, [*headers, f"Content-Length: {len(body)}"], body), 400, 415)
