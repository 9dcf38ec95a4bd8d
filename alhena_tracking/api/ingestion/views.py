"""The ingestion endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext, gettext_lazy
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated, PermissionDenied, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from alhena_tracking.api.errors import DATABASE_ERRORS, InvalidRequest, errors_of_values
from alhena_tracking.api.ingestion import serializers, throttling
from alhena_tracking.api.ingestion.authentication import SCHEME, claims_secret_key, has_secret_key
from alhena_tracking.api.ingestion.batches import BatchSerializer
from alhena_tracking.api.ingestion.parsers import BeaconParser, JSONBodyParser
from alhena_tracking.api.ingestion.sources import is_bot, source_of
from alhena_tracking.api.ingestion.visitors import refuses_tracking
from alhena_tracking.api.views import JSONView
from alhena_tracking.company_cache import CachedCompany, find_company, is_listed_origin
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.db.transactions import deadline, time_limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import Outcome, record, record_refund
from alhena_tracking.models import Trust


class IngestionView(JSONView):
    """Finds the company, validates what one visitor did, records it, and answers once it is committed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (JSONBodyParser, BeaconParser)
    http_method_names = ["post", "options"]
    unavailable_message = gettext_lazy(
        "The database cannot take the event now. Nothing was stored; please send it again."
    )

    #: The method of the browser, under which events are counted.
    method: ClassVar[str] = ""
    body_bytes: ClassVar[int] = limits.BODY_BYTES

    known: CachedCompany | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with deadline():
            return super().dispatch(request, *args, **kwargs)

    def post(self, request: Request) -> HttpResponse:
        body, received_at = request.data, timezone.now()
        with time_limits():
            self.known = known = _find_company(body)
        trust = Trust.REPORTED
        if known is not None:
            self._check_origin(known)
            if has_secret_key(request._request, known):
                trust = Trust.CONFIRMED
        _check_limits(request, known, trust, _number_of_events(body))
        if known is None and claims_secret_key(request._request):
            trust = Trust.CONFIRMED  # so that a server reads that the company is unknown, not that a visitor is missing
        return self.take(request, body, received_at, trust)

    def take(self, request: Request, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        raise NotImplementedError

    def company(self) -> CachedCompany:
        """Return the company that the body names. Views ask once the body is valid."""
        if self.known is None:
            raise PermissionDenied(gettext("There is no company with this key."), code="unknown_company")
        return self.known

    @cached_property
    def foreign_origin(self) -> str | None:
        """The origin of the page that sent the request; ``None`` if that is the host itself, or no page."""
        origin = self.request._request.META.get("HTTP_ORIGIN", "").lower()
        return origin if origin and origin.partition("://")[2] != self.request.get_host().lower() else None

    def _check_origin(self, known: CachedCompany) -> None:
        if self.foreign_origin and self.foreign_origin not in known.origins:
            message = gettext("This company does not list the origin of the request.")
            raise PermissionDenied(message, code="origin_not_allowed")

    def _is_origin_listed(self) -> bool:
        """Return whether a page of another origin may read the answer: any company's, as a preflight names none."""
        if self.foreign_origin is None:
            return False
        if self.known is not None and self.foreign_origin in self.known.origins:
            return True
        with time_limits():
            return is_listed_origin(self.foreign_origin)

    def handle_exception(self, exc: Exception) -> Any:
        """Answer an error, and count the event as rejected unless the database was at fault."""
        response: Any = super().handle_exception(exc)
        if not isinstance(exc, DATABASE_ERRORS):
            found = [(error.field, error.code) for error in response.errors]
            _count_rejected(self.request, self.known, self.method, response.word, found)
        return response

    def get_authenticate_header(self, request: Request) -> str:
        """Return the ``WWW-Authenticate`` of a 401; without one, REST framework answers 403."""
        return SCHEME

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Origin"])
        if self._is_origin_listed():
            response.headers["Access-Control-Allow-Origin"] = str(self.foreign_origin)
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = "86400"
        return response


class EventView(IngestionView):
    """Records one event."""

    def take(self, request: Request, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        event = serializers.METHODS[self.method].parse(body, received_at=received_at, trust=trust)
        known = self.company()
        outcome = _unwanted(request, trust) or record(known.company, [event], is_durable=True)[0]
        if outcome.status == "invalid":
            raise InvalidRequest.of_values({"": InvalidValue(outcome.reason)})
        event_counts.count(known.company, self.method, outcome.status, outcome.reason)
        return JsonResponse(_as_json(outcome), status=_STATUS_CODES.get(outcome.status, status.HTTP_200_OK))


class InteractionView(EventView):
    method = "sendInteraction"


class CartEventView(EventView):
    method = "sendCartEvent"


class CheckoutEventView(EventView):
    method = "sendCheckoutEvent"


class BatchView(IngestionView):
    """Records up to ``limits.BATCH_EVENTS`` events of one visitor, in order, with a result for each."""

    body_bytes = limits.BATCH_BODY_BYTES
    serializer = BatchSerializer()

    def take(self, request: Request, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        batch = self.serializer.parse_batch(body, received_at=received_at, trust=trust)
        known = self.company()
        events = [event for event in batch.events if event is not None]
        unwanted = _unwanted(request, trust)
        outcomes = iter([unwanted] * len(events) if unwanted else record(known.company, events, is_durable=True))
        results = []
        for method, event, errors in zip(batch.methods, batch.events, batch.errors, strict=True):
            outcome = Outcome("invalid") if event is None else next(outcomes)
            if outcome.status == "invalid":
                errors = errors or {"": InvalidValue(outcome.reason)}
                _count_rejected(request, known, method, "invalid", [(path, e.code) for path, e in errors.items()])
            else:
                event_counts.count(known.company, method, outcome.status, outcome.reason)
            results.append(_as_json(outcome, errors))
        return JsonResponse({"results": results})


class RefundView(IngestionView):
    """Records one refund, from the shop's server only."""

    method = "refund"
    serializer = serializers.RefundSerializer()

    def take(self, request: Request, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        if trust != Trust.CONFIRMED and self.known is not None:
            raise NotAuthenticated(gettext("A refund needs a secret key of the company."), code="key_required")
        refund = self.serializer.parse(body, received_at=received_at)
        known = self.company()
        try:
            outcome = record_refund(known.company, refund, is_durable=True)
        except InvalidValue as error:
            field = "currency" if error.code == "currency_mismatch" else "value"
            raise InvalidRequest.of_values({field: error}) from None
        event_counts.count(known.company, self.method, outcome.status, outcome.reason)
        return JsonResponse(_as_json(outcome), status=_STATUS_CODES.get(outcome.status, status.HTTP_200_OK))


_STATUS_CODES = {"recorded": status.HTTP_201_CREATED, "pending": status.HTTP_202_ACCEPTED}


def _as_json(outcome: Outcome, errors: Mapping[str, InvalidValue] | None = None) -> dict[str, Any]:
    if outcome.status == "recorded":
        return {"status": "recorded", "id": outcome.id}
    if outcome.status == "ignored":
        return {"status": "ignored", "reason": outcome.reason}
    if outcome.status == "invalid":
        return {"status": "invalid", "errors": [error._asdict() for error in errors_of_values(errors or {})]}
    return {"status": outcome.status}


def _find_company(body: object) -> CachedCompany | None:
    """Return the company that a body names, if there is one."""
    key = body.get("company_key") if type(body) is dict else None
    try:
        return find_company(rules.parse_text(key))
    except InvalidValue:
        return None


def _number_of_events(body: object) -> int:
    events = body.get("events") if type(body) is dict else None
    # A batch of more is rejected, and must not use up what other visitors may send.
    return min(max(1, len(events)), limits.BATCH_EVENTS) if type(events) is list else 1


def _check_limits(request: Request, known: CachedCompany | None, trust: Trust, cost: int) -> None:
    # The shop's server sends for all visitors from one address.
    source = source_of(request._request) if trust == Trust.REPORTED else None
    wait = throttling.check_limits(known.company.key if known else None, source, cost)
    if wait is not None:
        raise Throttled(wait, code="rate_limited")


def _unwanted(request: Request, trust: Trust) -> Outcome | None:
    """Return why a valid event must not be stored, or ``None``."""
    if refuses_tracking(request._request):
        return Outcome("ignored", reason="privacy_signal")
    if trust == Trust.REPORTED and is_bot(request._request):
        return Outcome("ignored", reason="bot")
    return None


def _count_rejected(
    request: Request | HttpRequest,
    known: CachedCompany | None,
    method: str,
    outcome: str,
    errors: Iterable[tuple[str, str]],
) -> None:
    """Count a rejected event: for the company of the settings if the event names no known one."""
    if known is None and conf.company_key:
        with suppress(*DATABASE_ERRORS), time_limits():
            known = find_company(conf.company_key)
    if known is not None:
        event_counts.reject(known.company, method, outcome, errors, request.headers.get("Origin", ""))
