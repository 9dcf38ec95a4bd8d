"""Reading JSON bodies with a size limit. A body that two parsers could read differently is an error."""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Any

from django.http import HttpRequest
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType


class BodyTooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class RepeatedKey(Exception):
    """An object names a key twice, so that parsers read it differently."""


def read_json(request: HttpRequest, media_types: Container[str], limit: int) -> Any:
    """Read a body of UTF-8 JSON, at most ``limit`` bytes whatever the project's settings allow; ``{}`` if it is empty.

    Raises ``APIException`` for any other body.
    """
    if not _declared_length(request):
        return {}
    content_type = request.META.get("CONTENT_TYPE", "")
    charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
    if content_type.partition(";")[0].strip().lower() not in media_types or charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(content_type)
    return parse_json(read_body(request, limit))


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes, whatever the project's settings allow.

    Raises ``APIException`` for a longer one, and for one that ends early.
    """
    length = _declared_length(request)
    body = b""
    if length <= limit:  # a middleware may have read the body before
        body = request.body if request._read_started else request.read(limit + 1)  # type: ignore[attr-defined]
    if max(length, len(body)) > limit:
        raise BodyTooLarge(_("The body is larger than %(limit)s bytes.") % {"limit": limit})
    if len(body) < length:
        raise ParseError(_("The body ends before its length."))
    return body


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # Django reads nothing then, too


def parse_json(body: bytes) -> Any:
    """Parse ``body``. Raises ``ParseError`` if it is not JSON, nested too deeply or ambiguous."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object)
    except RecursionError:
        raise ParseError(_("The JSON is nested too deeply.")) from None
    except RepeatedKey:
        raise ParseError(_("The body is not valid JSON: an object names a key twice")) from None
    except ValueError as error:
        raise ParseError(_("The body is not valid JSON: %(error)s") % {"error": error}) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if not pairs:
        return {}  # a hostile body holds most of these, so they must be cheap
    value = dict(pairs)
    if len(value) != len(pairs):
        raise RepeatedKey
    return value
