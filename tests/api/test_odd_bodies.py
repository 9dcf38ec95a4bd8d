"""Bodies that are not the JSON object that an endpoint asks for (F15)."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from alhena_tracking.api.ingestion.parsers import BodyTooLarge, read_json
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import Company, Interaction, PendingConfirmation, Refund, SecretKey, VisitorSession
from tests.support.endpoints import PATHS, body_of, post_to
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

BOM = b"\xef\xbb\xbf"
#: A continuation, what is no byte of UTF-8, unfinished characters, overlong forms, a surrogate, beyond Unicode.
NOT_UTF_8 = [b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xc0\x80", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
NO_OBJECTS = [
    *(b"", b" \r\n\t", b"\0", BOM, b"null", b"true", b"[]", b"[{}]", b"[[[]]]", b"0", b"-1.5e3", b"NaN", b"Infinity"),
    *(
        b'""',
        b'"x"',
        b"undefined",
        b"{",
        b"}",
        b"{]",
        b"{}{}",
        b"'{}'",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a" 1}',
        b"%7B%7D",
    ),
    *(b"company_key=acme", b"<xml/>", b"\x1f\x8b\x08", b"{}//", b'{"a": 01}', b'{"a": "\n"}', b'{"a": "\\x"}'),
]


@pytest.fixture(params=["a browser", "the shop's server"])
def headers(request: pytest.FixtureRequest, company: Company) -> dict[str, str]:
    key = SecretKey(company=company, name="server").issue()
    return {} if request.param == "a browser" else {"Authorization": f"Bearer {key}"}


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}


def check_rejected(path: str, bodies: list[bytes], headers: dict[str, str]) -> None:
    """Every body is 400, and leaves nothing."""
    for body in bodies:
        status, answer = post_to(path, body, **headers)
        assert (status, answer["status"], bool(answer["errors"])) == (400, "invalid", True), body
    event_counts.flush()
    for model in (VisitorSession, Interaction, PendingConfirmation, Refund):  # no other row can be without these
        assert not model._default_manager.exists()


@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_no_object_is_400(path: str, headers: dict[str, str]) -> None:
    check_rejected(path, NO_OBJECTS, headers)


@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_cut_off_anywhere_is_400(path: str, headers: dict[str, str]) -> None:
    body = json.dumps(body_of(path), ensure_ascii=False).replace("Blue", "Blåue 🫖").encode()
    check_rejected(path, [body[:length] for length in range(0, len(body), examples(29, full=1))], headers)
    assert post_to(path, body, **headers)[0] != 400


@pytest.mark.parametrize("path", PATHS)
def test_body_when_it_is_not_utf_8_is_400(path: str, headers: dict[str, str]) -> None:
    body = json.dumps(body_of(path)).encode()
    starts = range(0, len(body) + 1, examples(131, full=1))
    bodies = [body[:start] + odd + body[start:] for start in starts for odd in NOT_UTF_8]
    others = [body.decode().encode(codec) for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")]
    check_rejected(path, [*bodies, *others, BOM + body, body + BOM], headers)


def declared(server: str, length: int, stream: BytesIO) -> HttpRequest:
    """A request whose body is said to have so many bytes."""
    if server == "WSGI":
        sent = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(length)}
        return WSGIRequest({"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": stream, **sent})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    return ASGIRequest({"method": "POST", "path": "/", "query_string": b"", "headers": headers}, stream)


@pytest.mark.parametrize("server", ["WSGI", "ASGI"])
def test_body_when_declared_too_large_is_refused_unread(server: str) -> None:
    body = b"{}".ljust(101)
    stream = BytesIO(body)
    with pytest.raises(BodyTooLarge):
        read_json(declared(server, len(body), stream), ["application/json"], 100)
    assert stream.tell() == 0
    assert read_json(declared(server, len(body), stream), ["application/json"], 101) == {}
