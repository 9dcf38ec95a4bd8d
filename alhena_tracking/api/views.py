"""The ingestion endpoints. Each states its whole policy, so that the project's ``REST_FRAMEWORK`` cannot change it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, PermissionDenied, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alhena_tracking.api import serializers
from alhena_tracking.api.parsers import BeaconParser, JSONBodyParser
from alhena_tracking.conf import conf
from alhena_tracking.ingestion import Outcome, record_cart_event, record_interaction, record_order
from alhena_tracking.models import Company, Trust

logger = logging.getLogger(__name__)

DATABASE_TROUBLE = (OperationalError, InterfaceError)
#: How often an event is tried again after a deadlock or a serialization failure.
RETRIES = 3
RETRY_AFTER_SECONDS = "5"

_STATUS_WORDS = {400: "invalid", 401: "unauthorized", 403: "forbidden", 413: "too_large", 415: "unsupported_media_type"}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer in the contract's form: ``{"status": …, "errors": [{"field", "code", "message"}]}``."""
    if isinstance(error, DATABASE_TROUBLE):
        logger.warning("The database could not take an event: %s", type(error).__name__)
        message = gettext("The database cannot take the event now. Nothing was stored; please send it again.")
        errors = [{"field": "", "code": "unavailable", "message": message}]
        body = {"status": "unavailable", "errors": errors}
        return Response(body, status=status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": RETRY_AFTER_SECONDS})
    if not isinstance(error, APIException):
        return None
    fields: Any = error.detail if isinstance(error, ValidationError) else {_field_of(error): [error.detail]}
    errors = [
        {"field": path, "code": detail.code, "message": str(detail)}
        for path, details in fields.items()
        for detail in details
    ]
    headers = (
        {"Allow": context["view"].headers["Allow"]} if error.status_code == status.HTTP_405_METHOD_NOT_ALLOWED else {}
    )
    word = _STATUS_WORDS.get(error.status_code, "error")
    return Response({"status": word, "errors": errors}, status=error.status_code, headers=headers)


def _field_of(error: APIException) -> str:
    code = error.detail.code if isinstance(error.detail, ErrorDetail) else ""
    return "company_key" if code == "unknown_company" else ""


class JSONOnly(BaseContentNegotiation):
    """Bodies by their content type; answers in JSON whatever the caller says it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""


class IngestionView(APIView):
    """Takes one event: validates it, knows its company, records it, and answers once it is committed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = (JSONBodyParser, BeaconParser)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    versioning_class = None
    metadata_class = None
    http_method_names = ["post", "options"]

    serializer: ClassVar[serializers.EventSerializer]
    record: ClassVar[Callable[[Company, Any], Outcome]]

    def post(self, request: Request) -> Response:
        event = self.serializer.parse(request.data, received_at=timezone.now(), trust=Trust.REPORTED)
        company = _company(event.company_key)
        _check_origin(request, company)
        if _refuses_tracking(request):
            return Response({"status": "ignored", "reason": "privacy_signal"})
        outcome = _retried(partial(type(self).record, company, event.data))
        if outcome.status == "recorded":
            return Response({"status": "recorded", "id": outcome.id}, status=status.HTTP_201_CREATED)
        if outcome.status == "ignored":
            return Response({"status": "ignored", "reason": outcome.reason})
        return Response({"status": outcome.status})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Answer a browser's preflight."""
        return Response(status=status.HTTP_204_NO_CONTENT, headers={"Allow": "POST, OPTIONS"})

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response | None]:
        return handle_exception

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Origin"])
        origin = _foreign_origin(request)
        if origin and _is_listed(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = "86400"
        return response


class InteractionView(IngestionView):
    serializer = serializers.InteractionSerializer()
    record = record_interaction


class CartEventView(IngestionView):
    serializer = serializers.CartEventSerializer()
    record = record_cart_event


class CheckoutEventView(IngestionView):
    serializer = serializers.CheckoutEventSerializer()
    record = record_order


def _company(key: str) -> Company:
    company = Company.objects.filter(key=key).first()
    # MariaDB's collation finds "acme" for "ACME" too.
    if company is None or company.key != key:
        raise PermissionDenied("There is no company with this key.", code="unknown_company")
    return company


def _foreign_origin(request: Request) -> str | None:
    """The origin of the page that sent the request, unless it is the host itself (or no page at all)."""
    origin: str | None = request.headers.get("Origin")
    if not origin or origin.lower().partition("://")[2] == request.get_host().lower():
        return None
    return origin.lower()


def _is_listed(origin: str) -> bool:
    """Whether any company lists the origin; no, while the database cannot be asked."""
    try:
        return any(origin in company.origins for company in Company.objects.exclude(allowed_origins=""))
    except DATABASE_TROUBLE:
        return False


def _retried(record: Callable[[], Outcome]) -> Outcome:
    """Record an event, again where the database gave the transaction up for another's sake."""
    for attempt in range(RETRIES):
        try:
            return record()
        except OperationalError as error:
            if not _is_conflict(error):
                raise
            # The jitter keeps transactions that met once from meeting again.
            time.sleep(random.uniform(0.5, 1) * 0.02 * 2**attempt)  # noqa: S311
    return record()


def _is_conflict(error: OperationalError) -> bool:
    """Whether the error is a deadlock or a serialization failure, after which the same transaction may succeed."""
    cause = error.__cause__
    # PostgreSQL: serialization_failure and deadlock_detected; MariaDB: ER_LOCK_DEADLOCK.
    return getattr(cause, "sqlstate", None) in {"40001", "40P01"} or getattr(cause, "args", ())[:1] == (1213,)


def _check_origin(request: Request, company: Company) -> None:
    origin = _foreign_origin(request)
    if origin and origin not in company.origins:
        raise PermissionDenied("This company does not list the origin of the request.", code="origin_not_allowed")


def _refuses_tracking(request: Request) -> bool:
    return request.headers.get("Sec-GPC") == "1" or (conf.respect_dnt and request.headers.get("DNT") == "1")
