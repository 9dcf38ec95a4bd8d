"""The endpoint of webhooks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.generic import View
from rest_framework.exceptions import (
    AuthenticationFailed,
    MethodNotAllowed,
    ParseError,
    PermissionDenied,
    Throttled,
)

from alhena_tracking.api.errors import DATABASE_ERRORS, error_response
from alhena_tracking.api.ingestion import throttling
from alhena_tracking.api.ingestion.parsers import parse_json, read_body
from alhena_tracking.api.ingestion.sources import source_of
from alhena_tracking.company_cache import find_company
from alhena_tracking.contract.limits import WEBHOOK_AGE, WEBHOOK_BODY_BYTES
from alhena_tracking.db.transactions import deadline, time_limits
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import Outcome
from alhena_tracking.integrations.connections import Connection, find_connection, is_of_shop
from alhena_tracking.integrations.deliveries import Delivery, take
from alhena_tracking.integrations.platform import Platform, find_platform
from alhena_tracking.models import Company, EventCount

#: Fractions of a second that Python does not read all of.
_FRACTION = re.compile(r"(\.\d{6})\d+")


class WebhookView(View):
    """Takes the deliveries of one platform for one company.

    A delivery is refused (4xx) if its sender is not who it should be or if it is no JSON object. Else it is answered
    200, whatever is in it: platforms repeat what is not, and give up on a URL that keeps refusing.
    """

    http_method_names = ["post"]
    unavailable_message = gettext_lazy("The database cannot take the delivery now. Please send it again.")

    company: Company | None = None
    topic = ""

    @csrf_exempt
    @login_not_required
    @non_atomic_requests  # a delivery is committed before it is acknowledged, also with ATOMIC_REQUESTS
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with deadline():
            try:
                response = super().dispatch(request, *args, **kwargs)
            except Exception as error:
                response = self._answer_error(error, kwargs["platform"])
            response.headers["Cache-Control"] = "no-store"
            return response  # type: ignore[return-value]  # HttpResponseBase, of views that stream

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        raise MethodNotAllowed(str(request.method))

    def post(self, request: HttpRequest, platform: str, company_key: str) -> HttpResponse:
        found = find_platform(platform)
        if found is None:
            raise Http404
        body, received_at = read_body(request, WEBHOOK_BODY_BYTES), timezone.now()
        if found.is_ping(request.headers, body):
            return _response([Outcome("ignored", reason="ping")])
        with time_limits():
            self.company = company = _company_of(company_key)
        connection = self._verified_connection(request, found, company, body)
        stated = request.headers.get(found.topic_header, "")
        self.topic = stated if stated in found.topics else ""
        _check_sender(request, found, connection, received_at)
        payload = parse_json(body)
        if not isinstance(payload, dict):
            raise ParseError(gettext("The body is not a JSON object."))
        delivery = Delivery(
            company=company,
            platform=found,
            topic=self.topic,
            id=_delivery_id(request, found, body),
            payload=payload,
            options=connection.options,
            received_at=received_at,
        )
        return _response(take(delivery))

    @sensitive_variables()
    def _verified_connection(
        self, request: HttpRequest, platform: Platform, company: Company, body: bytes
    ) -> Connection:
        """Return the connection of which a secret signed the body."""
        with time_limits():
            connection = find_connection(company, platform)
        signature = request.headers.get(platform.signature_header, "")
        if connection is not None and platform.is_signed(body, signature, connection.secrets):
            return connection
        # Only what is not signed has a limit: a platform sends many orders from few addresses.
        if (wait := throttling.check_limits(company.key, source_of(request))) is not None:
            raise Throttled(wait, code="rate_limited")
        raise AuthenticationFailed(gettext("The signature is not by a secret of this connection."), "invalid_signature")

    def _answer_error(self, error: Exception, platform: str) -> HttpResponse:
        """Answer an error, and count the delivery as rejected unless the database was at fault. Raise a bug of ours."""
        response = error_response(error, str(self.unavailable_message))
        if response is None:
            raise error
        if self.company is not None and not isinstance(error, DATABASE_ERRORS):
            method = EventCount.webhook_method(platform, self.topic)
            event_counts.reject(
                self.company, method, response.word, [(each.field, each.code) for each in response.errors]
            )
        return response


def _company_of(key: str) -> Company:
    known = find_company(key)
    if known is None:
        raise PermissionDenied(gettext("There is no company with this key."), code="unknown_company")
    return known.company


def _check_sender(request: HttpRequest, platform: Platform, connection: Connection, received_at: datetime) -> None:
    """Refuse what another shop sent, and what was sent too long ago to be known from a repetition."""
    if platform.shop_header and not is_of_shop(request.headers.get(platform.shop_header, ""), connection.shop):
        raise PermissionDenied(gettext("The delivery is of another shop than the connection."), code="other_shop")
    if not platform.triggered_at_header:
        return
    triggered_at = _time(request.headers.get(platform.triggered_at_header, ""))
    if triggered_at is not None and received_at - triggered_at > WEBHOOK_AGE:
        raise ParseError(gettext("The delivery is too old."), code="stale")


def _time(text: str) -> datetime | None:
    """Return a time with its offset; ``None`` for any other text."""
    try:
        at = parse_datetime(_FRACTION.sub(r"\1", text))
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _delivery_id(request: HttpRequest, platform: Platform, body: bytes) -> str:
    stated = request.headers.get(platform.delivery_id_header, "") if platform.delivery_id_header else ""
    return stated or sha256(body).hexdigest()


def _response(outcomes: Sequence[Outcome]) -> HttpResponse:
    results = [{"status": each.status} | ({"reason": each.reason} if each.reason else {}) for each in outcomes]
    return HttpResponse(json.dumps({"results": results}), content_type="application/json")
