"""Whatever is sent, the answer is 2xx or 4xx and one that the published schema knows."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import got_request_exception
from django.http.response import HttpResponseBase
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alhena_tracking import company_cache
from alhena_tracking.api.errors import DATABASE_ERRORS, ErrorResponse, error_response
from alhena_tracking.api.ingestion import throttling, views
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import Company, SecretKey
from tests.support.odd_requests import KNOWN_ORDER, KNOWN_VISITORS, NOW, PATHS, SECRET_KEY, OddRequest, odd_requests
from tests.support.published_schema import PREFIX, answer_validator
from tests.support.runs import examples, is_full_run
from tests.support.transactions import undone

FULL_ON = ["sqlite", "postgresql"]
REQUESTS_PER_VISIT = 50
#: Hypothesis remembers all that it has drawn in a run; this many requests take some 100 MB.
REQUESTS_PER_RUN = 10_000

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("without_ceilings")]


class Caller:
    """Sends requests to Django's handler as a server would, headers as they are, and judges the answers."""

    def __init__(self, secret_key: str) -> None:
        self.secret_key = secret_key
        self.handler = WSGIHandler()
        self.statuses: Counter[int] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.errors: list[BaseException | None] = []

    def judge(self, request: OddRequest) -> None:
        """Send a request, and fail if its answer is not one that the schema promises."""
        self.errors.clear()
        response = self.send(request)
        status = response.status_code
        content = getattr(response, "content", b"")
        if self.errors or not 200 <= status < 500:
            raise AssertionError(f"{request} was answered {status} {content!r}") from next(iter(self.errors), None)
        self.statuses[status] += 1
        if request.method == "OPTIONS":
            assert (status, content) == (204, b""), request
        else:
            assert request.method.upper() == "POST" or status == 405, request
            validator = answer_validator(request.path, status)
            assert validator is not None, f"{request} was answered {status} {content!r}, which is not in the schema"
            answer = json.loads(content)
            errors = [error.message for error in validator.iter_errors(answer)]
            assert not errors, f"{request} was answered {status} {content!r}: {errors}"
            assert ("Retry-After" in response) == (status == 429), request
            for result in answer.get("results", [answer]):
                self.outcomes[request.path, result["status"]] += 1

    def send(self, request: OddRequest) -> HttpResponseBase:
        environ = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": PREFIX + request.path,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(request.body)),
            "wsgi.input": BytesIO(request.body),
            "wsgi.url_scheme": "http",
        }
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            value = value.replace(SECRET_KEY, self.secret_key)
            environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
        # Not closed: that would close the database's connection, and with it the test's transaction.
        return self.handler.get_response(WSGIRequest(environ))

    def keep_error(self, **kwargs: Any) -> None:
        self.errors.append(sys.exc_info()[1])

    def error_response(self, error: Exception, unavailable_message: str) -> ErrorResponse | None:
        """Answer as the views do, and keep the database's error, which they do not reveal."""
        if isinstance(error, DATABASE_ERRORS):
            self.errors.append(error)
        return error_response(error, unavailable_message)

    def share(self, outcome: str) -> float:
        """How many of all events had an outcome."""
        return sum(self.outcomes[path, outcome] for path in PATHS) / self.outcomes.total()


@pytest.fixture
def caller(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    company.allowed_origins = "https://shop.example"
    company.save()
    Company.objects.create(key="other", name="Other")
    # As outside a test's transaction, where companies are not looked up for every request.
    monkeypatch.setattr(company_cache, "_may_cache", lambda: True)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    caller = Caller(SecretKey(company=company, name="server").issue())
    monkeypatch.setattr(views, "error_response", caller.error_response)
    identities = [{"company_key": "acme", "user_fingerprint": a, "user_faq_fingerprint": b} for a, b in KNOWN_VISITORS]
    for identity in identities:
        body = {**identity, "occurred_at": "2026-01-31T11:00:00Z", "type": "CHAT"}
        caller.judge(OddRequest("interactions", json.dumps(body).encode()))
    caller.judge(OddRequest("checkout_events", json.dumps(identities[0] | KNOWN_ORDER).encode()))
    assert caller.share("recorded") == 1
    caller.statuses.clear()
    caller.outcomes.clear()
    got_request_exception.connect(caller.keep_error)
    logging.disable(logging.CRITICAL)  # a log of all these requests would fill the memory
    yield caller
    logging.disable(logging.NOTSET)
    got_request_exception.disconnect(caller.keep_error)


@pytest.mark.property
def test_requests_when_odd_are_answered_as_the_schema_says(caller: Caller, settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "RATE_LIMIT_PER_SOURCE": None,
        "RATE_LIMIT_PER_COMPANY": None,
        "RESPECT_DNT": True,
    }
    run(caller, examples(200, full=100_000, databases=FULL_ON))
    assert {201, 400} <= caller.statuses.keys()
    assert caller.share("recorded") > 0.3
    # What else few requests have is chance: hypothesis also draws constants of the modules that other tests imported.
    if is_full_run(*FULL_ON):
        assert {200, 202, 204, 401, 403, 405, 413, 415} <= caller.statuses.keys()
        assert all(caller.outcomes[path, "recorded"] for path in PATHS)


@pytest.mark.property
def test_requests_when_too_many_are_answered_as_the_schema_says(caller: Caller, settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": "9/h", "RATE_LIMIT_PER_COMPANY": "20/h"}
    throttling.forget()
    run(caller, examples(100, full=2_000))
    assert caller.share("rate_limited") > 0.1


@st.composite
def visits(draw: st.DrawFn) -> list[OddRequest]:
    """Requests that follow each other. Any of them may be left out, so that a failure shrinks to those that matter."""
    return [draw(odd_requests()) for _ in range(REQUESTS_PER_VISIT) if draw(st.integers(0, 99))]


def run(caller: Caller, number: int) -> None:
    """Send that many requests or some more."""

    @hypothesis_settings(
        max_examples=min(number, REQUESTS_PER_RUN) // REQUESTS_PER_VISIT + 2,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
        database=None,
    )
    @given(visits())
    def judge_all(requests: list[OddRequest]) -> None:
        with undone():
            for request in requests:
                caller.judge(request)
            event_counts.flush()

    while caller.statuses.total() < number:
        judge_all()
    print(sorted(caller.statuses.items()), sorted(caller.outcomes.items()))
