"""What is wrong with a request, answered alike by every endpoint."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, Throttled

from alhena_tracking.contract.rules import InvalidValue

logger = logging.getLogger(__name__)

DATABASE_ERRORS = (DatabaseError, InterfaceError)
RETRY_AFTER_SECONDS = "5"
#: The ``status`` of an answer, by its HTTP status code.
WORDS = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "error",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}


class Error(NamedTuple):
    """One thing that is wrong: the path of its field or parameter (empty for the request as a whole), a code for
    programs and a translated message for people.
    """

    field: str
    code: str
    message: str


class InvalidRequest(APIException):
    """A request that breaks rules, with everything that is wrong with it."""

    status_code = 400

    def __init__(self, errors: Iterable[Error]) -> None:
        super().__init__()
        self.errors = list(errors)

    @classmethod
    def of_values(cls, errors: Mapping[str, InvalidValue]) -> Self:
        """Name the invalid values of a request by the paths of their fields."""
        return cls(errors_of_values(errors))


def errors_of_values(errors: Mapping[str, InvalidValue]) -> list[Error]:
    return [Error(path, error.code, error.message) for path, error in errors.items()]


class ErrorResponse(HttpResponse):
    """``{"status": …, "errors": [{"field", "code", "message"}]}``"""

    def __init__(self, errors: list[Error], status: int, headers: dict[str, str]) -> None:
        self.word, self.errors = WORDS.get(status, "error"), errors
        body = {"status": self.word, "errors": [error._asdict() for error in errors]}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        super().__init__(content, status=status, headers={"Content-Type": "application/json", **headers})


def error_response(error: Exception, unavailable_message: str) -> ErrorResponse | None:
    """Return the answer to an error, or ``None`` for a bug of ours. ``unavailable_message`` is that of a 503."""
    status, headers = 400, {}
    match error:
        case DatabaseError() | InterfaceError():
            # Without the error's text, which may quote what was sent.
            logger.error("The database could not answer: %s, %s", type(error).__name__, database_code(error))
            status, headers = 503, {"Retry-After": RETRY_AFTER_SECONDS}
            errors = [Error("", "unavailable", unavailable_message)]
        case InvalidRequest():
            errors = error.errors
        case Http404():
            status, errors = 404, [Error("", "not_found", _("There is nothing here that you may see."))]
        case PermissionDenied():
            status, errors = 403, [Error("", "permission_denied", _("You may not see this."))]
        case APIException():
            detail: Any = error.detail
            field = "company_key" if detail.code == "unknown_company" else ""
            status, errors = error.status_code, [Error(field, detail.code, str(detail))]
            if challenge := getattr(error, "auth_header", ""):
                headers["WWW-Authenticate"] = challenge
            if isinstance(error, Throttled):
                headers["Retry-After"] = str(max(1, math.ceil(error.wait)))  # type: ignore[attr-defined]
        case _:
            return None
    return ErrorResponse(errors, status, headers)


def database_code(error: Exception) -> object:
    """Return the database's code of its error: a SQLSTATE, or MariaDB's number."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or next((arg for arg in getattr(cause, "args", ()) if type(arg) is int), "")
