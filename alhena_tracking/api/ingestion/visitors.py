"""The visitor of a request, and their privacy signals."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import HttpRequest

from alhena_tracking.conf import conf
from alhena_tracking.ingestion import Visitor

# As the tracker writes it: version, chat fingerprint, FAQ fingerprint, seconds of the last interaction.
_UUID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_COOKIE = re.compile(rf"1\.{_UUID}\.{_UUID}\.\d{{1,12}}", re.ASCII | re.IGNORECASE)


def refuses_tracking(request: HttpRequest) -> bool:
    """Return whether the visitor's browser asks not to be tracked."""
    return request.META.get("HTTP_SEC_GPC") == "1" or (conf.respect_dnt and request.META.get("HTTP_DNT") == "1")


def visitor_of(request: HttpRequest, company_key: str) -> Visitor | None:
    """Return the visitor of the tracker's cookie. Without consent or an interaction there is no cookie."""
    match = _COOKIE.fullmatch(request.COOKIES.get(f"alhena_{company_key}", ""))
    return Visitor(UUID(match[1]), UUID(match[2])) if match else None
