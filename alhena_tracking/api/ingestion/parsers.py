"""Parsing JSON bodies with a size limit. A body that two parsers could read differently is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_CONTENT_TOO_LARGE if hasattr(status, "HTTP_413_CONTENT_TOO_LARGE") else 413
    default_code = "too_large"


class RepeatedKey(Exception):
    """An object names a key twice, so that parsers read it differently."""


class JSONBodyParser(BaseParser):
    """UTF-8 JSON of at most the view's ``body_bytes``, whatever the project's settings allow."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        parameters = parse_header_parameters(media_type or "")[1]
        if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "")
        context = parser_context or {}
        limit, length = context["view"].body_bytes, _declared_length(context["request"])
        body = stream.read(limit + 1) if length <= limit else b""
        if max(length, len(body)) > limit:
            raise BodyTooLarge(_("The body is larger than %(limit)s bytes.") % {"limit": limit})
        if len(body) < length:
            raise ParseError(_("The body ends before its length."))
        return parse_json(body)


class BeaconParser(JSONBodyParser):
    """JSON sent as plain text, which browsers send across origins without a preflight."""

    media_type = "text/plain"


def _declared_length(request: Request) -> int:
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
