"""WooCommerce's REST API, as far as orders are fetched from it."""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO, Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import ParseError

from alhena_tracking import __version__
from alhena_tracking.api.ingestion.parsers import parse_json
from alhena_tracking.integrations.woocommerce.orders import FIELDS

PER_PAGE = 100
#: A page of 100 orders with 20 lines each has about 2 MB.
PAGE_BYTES = 16 * 1024 * 1024
#: How long the API may be silent, and how long a whole page may take.
SILENCE_SECONDS = 10
PAGE_SECONDS = 60

_LOCAL = {"localhost", "127.0.0.1", "::1"}

#: Why orders cannot be fetched.
ERRORS: Mapping[str, str] = {
    "no_shop": "the connection does not name the shop",
    "insecure": "the shop's address is no https address",
    "unreachable": "the shop's API did not answer",
    "access_denied": "the shop's API refused the key",
    "redirected": "the shop's API is at another address",
    "http_error": "the shop's API answered with an error",
    "too_large": "the shop's API answered with too much",
    "unreadable": "the shop's API answered with something else than orders",
    "outdated": "the shop's WooCommerce is older than 5.8",
}


class RestError(Exception):
    """Orders cannot be fetched. ``code`` is one of ``ERRORS``, and all that is said: neither the key nor an answer."""

    def __init__(self, code: str) -> None:
        super().__init__(ERRORS[code])
        self.code = code


class _NoRedirects(HTTPRedirectHandler):
    """Another host must not get the key, and the right address is better entered."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> Request | None:
        return None


_opener = build_opener(_NoRedirects)


@dataclass(frozen=True, slots=True)
class RestApi:
    """The API of a shop, by a domain or URL. The key and its secret go into a header, never into a URL."""

    shop: str
    key: str = field(repr=False)
    secret: str = field(repr=False)

    @sensitive_variables()
    def orders(
        self, *, status: Literal["any", "trash"], modified_after: datetime, page: int = 1
    ) -> list[dict[str, Any]]:
        """Return up to ``PER_PAGE`` orders that were changed after a time, those changed first before the others.

        Raises ``RestError``.
        """
        query = {
            "status": status,
            "modified_after": modified_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "dates_are_gmt": "true",
            "orderby": "modified",
            "order": "asc",
            "per_page": PER_PAGE,
            "page": page,
            "_fields": ",".join(FIELDS),
        }
        token = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        request = Request(  # noqa: S310  (the scheme is https)
            f"{_base_url(self.shop)}/wp-json/wc/v3/orders?{urlencode(query)}",
            headers={
                "Accept": "application/json",
                "Authorization": f"Basic {token}",
                "User-Agent": f"alhena-tracking/{__version__}",
            },
        )
        return _orders(_fetch(request))


def _base_url(shop: str) -> str:
    """Return the URL of the shop's start page, without the slash at its end."""
    text = shop.strip()
    if not text:
        raise RestError("no_shop")
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host, _ = url.hostname, url.port
    except ValueError:
        raise RestError("insecure") from None
    is_safe = url.scheme == "https" or (url.scheme == "http" and host in _LOCAL)
    if not is_safe or not host or "@" in url.netloc or not text.isascii() or not text.isprintable() or " " in text:
        raise RestError("insecure")
    return f"{url.scheme}://{url.netloc}{url.path}".rstrip("/")


@sensitive_variables()
def _fetch(request: Request) -> bytes:
    """Return the answer's body. The time is limited by waiting for a thread: a server can send headers for ever."""
    answers: Queue[bytes | RestError] = Queue()
    Thread(target=lambda: answers.put(_answer(request)), daemon=True).start()
    try:
        answer = answers.get(timeout=PAGE_SECONDS)
    except Empty:
        raise RestError("unreachable") from None
    if isinstance(answer, RestError):
        raise answer
    return answer


@sensitive_variables()
def _answer(request: Request) -> bytes | RestError:
    until = monotonic() + PAGE_SECONDS
    try:
        with _opener.open(request, timeout=SILENCE_SECONDS) as response:
            return _read(response, until)
    except HTTPError as error:
        error.close()
        return RestError(_code_of_status(error.code))
    except RestError as error:
        return error
    except (URLError, http.client.HTTPException, OSError, ValueError):
        # Without the error, whose text and traceback may hold the request.
        return RestError("unreachable")


def _code_of_status(status: int) -> str:
    if status in {401, 403}:
        return "access_denied"
    return "redirected" if 300 <= status < 400 else "http_error"


def _read(response: IO[bytes], until: float) -> bytes:
    """Read a body as it comes, since a limit of the silence alone would let it take any time."""
    body = bytearray()
    while chunk := response.read1(65_536):  # type: ignore[attr-defined]  # HTTPResponse has it
        body += chunk
        if len(body) > PAGE_BYTES:
            raise RestError("too_large")
        if monotonic() > until:
            raise RestError("unreachable")
    return bytes(body)


def _orders(body: bytes) -> list[dict[str, Any]]:
    try:
        orders = parse_json(body)
    except ParseError:
        raise RestError("unreadable") from None
    if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
        raise RestError("unreadable")
    return orders
