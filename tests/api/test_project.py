"""Ingestion in projects whose own settings would refuse it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse

from alhena_tracking.models import Company
from tests.support.api_calls import IDENTITY, post

pytestmark = pytest.mark.django_db


def test_policy_when_the_project_sets_its_own_is_unchanged(company: Company, settings: Any) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
        "DEFAULT_PARSER_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
        "EXCEPTION_HANDLER": "tests.no.such.handler",
    }
    status, answer = post("interactions", {**IDENTITY, "type": "CHAT"}, Accept="text/html")
    assert (status, answer["status"]) == (201, "recorded")


def read_twice(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that leaves nothing of a body to read."""

    def answer(request: HttpRequest) -> HttpResponse:
        assert request.body == request.read()
        return get_response(request)

    return answer


@pytest.mark.parametrize(
    "middleware", ["django.contrib.auth.middleware.LoginRequiredMiddleware", f"{__name__}.read_twice"]
)
def test_event_when_the_project_adds_middleware_is_recorded(company: Company, settings: Any, middleware: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, middleware]
    assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201


def test_event_when_the_project_has_atomic_requests_is_committed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201  # it asks for a durable transaction
