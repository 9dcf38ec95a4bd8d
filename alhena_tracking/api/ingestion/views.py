"""The ingestion endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, NoReturn

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied, Throttled

from alhena_tracking.api.errors import DATABASE_ERRORS, InvalidRequest, error_response, errors_of_values
from alhena_tracking.api.ingestion import serializers, throttling
from alhena_tracking.api.ingestion.authentication import SCHEME, claims_secret_key, has_secret_key
from alhena_tracking.api.ingestion.batches import BatchSerializer, most_events
from alhena_tracking.api.ingestion.parsers import read_json
from alhena_tracking.api.ingestion.sources import is_bot, source_of
from alhena_tracking.api.ingestion.visitors import refuses_tracking
from alhena_tracking.company_cache import CachedCompany, find_company, is_listed_origin
from alhena_tracking.conf import conf
from alhena_tracking.contract import limits, rules
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.db.transactions import deadline, time_limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.outcomes import of_refusal
from alhena_tracking.ingestion import Outcome, RefundData, record
from alhena_tracking.models import EventCount, Trust


class IngestionView(View):
    """Finds the company, validates what happened, records it, and answers once it is committed.

    A plain view, as REST framework's own took a tenth of the application's time.
    """

    http_method_names = ["post", "options"]
    #: Plain text is what browsers send across origins without a preflight.
    media_types: ClassVar[tuple[str, ...]] = ("application/json", "text/plain")
    body_bytes: ClassVar[int] = limits.BODY_BYTES
    unavailable_message = gettext_lazy(
        "The database cannot take the event now. Nothing was stored; please send it again."
    )

    #: The method of the browser, under which events are counted.
    method: ClassVar[str] = ""

    known: CachedCompany | None = None

    @csrf_exempt
    @login_not_required
    @non_atomic_requests  # an event is committed before it is acknowledged, also where the project sets ATOMIC_REQUESTS
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with deadline():
            try:
                response = super().dispatch(request, *args, **kwargs)
            except Exception as error:
                response = self._answer_error(error)
            self._add_headers(response)
            return response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        raise MethodNotAllowed(str(request.method))

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(status=status.HTTP_204_NO_CONTENT)
        del response.headers["Content-Type"]
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        body, received_at = read_json(request, self.media_types, self.body_bytes), timezone.now()
        with time_limits():
            self.known = known = _find_company(body)
        trust = Trust.REPORTED
        if known is not None:
            self._check_origin(known)
            if has_secret_key(request, known):
                trust = Trust.CONFIRMED
        _check_limits(request, known, trust, _number_of_events(body, most_events(trust)))
        if known is None and claims_secret_key(request):
            trust = Trust.CONFIRMED  # so that a server reads that the company is unknown, not that a visitor is missing
        return self.take(request, body, received_at, trust)

    def take(self, request: HttpRequest, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        raise NotImplementedError

    def company(self) -> CachedCompany:
        """Return the company that the body names. Views ask once the body is valid."""
        if self.known is None:
            raise PermissionDenied(gettext("There is no company with this key."), code="unknown_company")
        return self.known

    @cached_property
    def foreign_origin(self) -> str | None:
        """The origin of the page that sent the request; ``None`` if that is the host itself, or no page."""
        origin = self.request.META.get("HTTP_ORIGIN", "").lower()
        host = self.request.get_host().lower()
        return origin if origin and origin not in {f"http://{host}", f"https://{host}"} else None

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

    def _answer_error(self, error: Exception) -> HttpResponse:
        """Answer an error, and count the event as rejected unless the database was at fault. Raise a bug of ours."""
        response = error_response(error, str(self.unavailable_message))
        if response is None:
            raise error
        if response.status_code == status.HTTP_401_UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = SCHEME
        if not isinstance(error, DATABASE_ERRORS):
            self._count_rejected(self.method, response.word, [(each.field, each.code) for each in response.errors])
        return response

    def _count_rejected(self, method: str, outcome: str, errors: Iterable[tuple[str, str]]) -> None:
        """Count a rejected event: for the company of the settings if the event names no known one."""
        known = self.known
        if known is None and conf.company_key:
            with suppress(*DATABASE_ERRORS), time_limits():
                known = find_company(conf.company_key)
        if known is not None:
            event_counts.reject(known.company, method, outcome, errors, self.request.headers.get("Origin", ""))

    def _add_headers(self, response: HttpResponseBase) -> None:
        response.headers["Allow"] = ", ".join(self.http_method_names).upper()
        response.headers["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Origin"])
        if self._is_origin_listed():
            response.headers["Access-Control-Allow-Origin"] = str(self.foreign_origin)
            response.headers["Access-Control-Expose-Headers"] = "Retry-After"
            if self.request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "POST"
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
                response.headers["Access-Control-Max-Age"] = "86400"


class EventView(IngestionView):
    """Records one event."""

    def take(self, request: HttpRequest, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        event = serializers.METHODS[self.method].parse(body, received_at=received_at, trust=trust)
        known = self.company()
        outcome = _unwanted(request, trust, body) or record(known.company, [event], is_durable=True)[0]
        if outcome.status == "invalid":
            raise InvalidRequest.of_values({outcome.field: InvalidValue(outcome.reason)})
        event_counts.count(known.company, self.method, outcome.status, outcome.reason)
        event_counts.count_left_out(known.company, self.method, outcome.status, event.left_out)
        return _response(_as_json(outcome), _STATUS_CODES.get(outcome.status, status.HTTP_200_OK))


class InteractionView(EventView):
    method = "sendInteraction"


class CartEventView(EventView):
    method = "sendCartEvent"


class CheckoutEventView(EventView):
    method = "sendCheckoutEvent"


class BatchView(IngestionView):
    """Records several events, in order, with a result for each: of one visitor, or from the shop's server of many."""

    body_bytes = limits.BATCH_BODY_BYTES
    serializer = BatchSerializer()

    def take(self, request: HttpRequest, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        batch = self.serializer.parse_batch(body, received_at=received_at, trust=trust)
        known = self.company()
        events = [event for event in batch.events if event is not None]
        unwanted = _unwanted(request, trust, body)
        if unwanted:  # but for refunds, which are of no visitor
            events = [event for event in events if isinstance(event, RefundData)]
        outcomes = iter(record(known.company, events, is_durable=True))
        results = []
        for method, event, errors in zip(batch.methods, batch.events, batch.errors, strict=True):
            if event is None:
                outcome = Outcome("invalid")
            else:
                outcome = unwanted if unwanted and not isinstance(event, RefundData) else next(outcomes)
            if outcome.status == "invalid":
                errors = errors or {outcome.field: InvalidValue(outcome.reason)}
                self._count_rejected(method, "invalid", [(path, e.code) for path, e in errors.items()])
            else:
                event_counts.count(known.company, method, outcome.status, outcome.reason)
                event_counts.count_left_out(known.company, method, outcome.status, event.left_out if event else ())
            results.append(_as_json(outcome, errors))
        for refusal in () if unwanted else batch.refused:
            self._count_rejected(refusal.method, of_refusal(*refusal), refusal.errors)
        return _response({"results": results})


class RefundView(IngestionView):
    """Records one refund, from the shop's server only."""

    method = "refund"
    serializer = serializers.RefundSerializer()

    def take(self, request: HttpRequest, body: object, received_at: datetime, trust: Trust) -> HttpResponse:
        if trust != Trust.CONFIRMED and self.known is not None:
            raise NotAuthenticated(gettext("A refund needs a secret key of the company."), code="key_required")
        refund = self.serializer.parse(body, received_at=received_at)
        known = self.company()
        outcome = record(known.company, [refund], is_durable=True)[0]
        if outcome.status == "invalid":
            raise InvalidRequest.of_values({outcome.field: InvalidValue(outcome.reason)})
        event_counts.count(known.company, self.method, outcome.status, outcome.reason)
        return _response(_as_json(outcome), _STATUS_CODES.get(outcome.status, status.HTTP_200_OK))


#: Made once, where ``JsonResponse`` makes one for each answer.
_encode = json.JSONEncoder(default=str).encode


def _response(data: object, status_code: int = status.HTTP_200_OK) -> HttpResponse:
    return HttpResponse(_encode(data), content_type="application/json", status=status_code)


_STATUS_CODES = {
    "recorded": status.HTTP_201_CREATED,
    "pending": status.HTTP_202_ACCEPTED,
    "held": status.HTTP_202_ACCEPTED,
}


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


def _number_of_events(body: object, most: int) -> int:
    """Return what a request counts as: its events, and all that the browser refused as one more."""
    events = body.get("events") if type(body) is dict else None
    if type(body) is not dict or type(events) is not list:
        return 1
    # A batch of more is rejected, and must not use up what other visitors may send.
    return min(max(1, len(events) + bool(body.get("refused"))), most)


def _check_limits(request: HttpRequest, known: CachedCompany | None, trust: Trust, cost: int) -> None:
    # The shop's server sends for all visitors from one address, and has a budget of its own.
    source = source_of(request) if trust == Trust.REPORTED else None
    if source is not None and source.is_forwarded and known is not None:
        event_counts.count(known.company, EventCount.PROXY, "forwarded")
    wait = throttling.check_limits(known.company.key if known else None, source, cost)
    if wait is not None:
        raise Throttled(wait, code="rate_limited")


def _unwanted(request: HttpRequest, trust: Trust, body: object) -> Outcome | None:
    """Return why a valid event must not be stored, or ``None``."""
    # Anyone may say so: it only drops what they send.
    if type(body) is dict and body.get("test") is True:
        return Outcome("ignored", reason="test")
    if refuses_tracking(request):
        return Outcome("ignored", reason="privacy_signal")
    if trust == Trust.REPORTED and is_bot(request):
        return Outcome("ignored", reason="bot")
    return None
