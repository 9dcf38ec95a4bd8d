"""What is wrong with a request of staff's, answered in the form of the other endpoints."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.response import Response

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "5"
WORDS = {400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "error", 503: "unavailable"}

#: An error: the parameter that it is about (empty for the request as a whole), a code, and a message.
Error = tuple[str, str, str]


class Invalid(APIException):
    """A question that makes no sense, and all that is wrong with it."""

    status_code = 400

    def __init__(self, errors: Iterable[Error]) -> None:
        super().__init__()
        self.errors = list(errors)


def errors_of(form: Any) -> list[Error]:
    """What a form of Django's finds wrong."""
    return [
        ("" if name == "__all__" else name, error.code or "invalid", str(message))
        for name, errors in form.errors.as_data().items()
        for error in errors
        for message in error.messages
    ]


def check_names(parameters: QueryDict, known: Collection[str]) -> list[Error]:
    """A misspelt filter, or one given twice, must not answer a wider question without a word."""
    errors = []
    for name, values in parameters.lists():
        if name not in known:
            errors.append((name, "unknown_parameter", _("There is no such parameter.")))
        elif len(values) > 1:
            errors.append((name, "repeated", _("This parameter may be given once.")))
    return errors


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    headers: dict[str, str] = {}
    match error:
        case DatabaseError() | InterfaceError():
            logger.error("The database could not answer: %s", type(error).__name__)
            status, headers = 503, {"Retry-After": RETRY_AFTER_SECONDS}
            errors = [("", "unavailable", _("The database cannot answer now. Please ask again."))]
        case Invalid():
            status, errors = error.status_code, error.errors
        case Http404():
            status, errors = 404, [("", "not_found", _("There is nothing here that you may see."))]
        case PermissionDenied():
            status, errors = 403, [("", "permission_denied", _("You may not see this."))]
        case APIException():
            status = error.status_code
            detail: Any = error.detail
            errors = [("", str(detail.code), str(detail))]
            if isinstance(error, exceptions.MethodNotAllowed):
                headers["Allow"] = ", ".join(context["view"].allowed_methods)
            if challenge := getattr(error, "auth_header", ""):
                headers["WWW-Authenticate"] = challenge
        case _:
            return None
    body = {
        "status": WORDS.get(status, "error"),
        "errors": [{"field": field, "code": code, "message": message} for field, code, message in errors],
    }
    return Response(body, status=status, headers=headers)
