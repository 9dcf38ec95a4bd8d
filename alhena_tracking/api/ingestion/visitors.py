"""The visitor of a request, their privacy signals, and whether they are the shop's own people."""

from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import LazyObject

from alhena_tracking.conf import conf
from alhena_tracking.ingestion import Visitor

# As the tracker writes it: version, chat fingerprint, FAQ fingerprint, seconds of the last interaction.
_UUID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_COOKIE = re.compile(rf"1\.{_UUID}\.{_UUID}\.\d{{1,12}}", re.ASCII | re.IGNORECASE)


#: As the tracker sets it for ``?alhena_test=1``.
_TEST_COOKIE = "alhena_test"


def refuses_tracking(request: HttpRequest) -> bool:
    """Return whether the visitor's browser asks not to be tracked."""
    return request.META.get("HTTP_SEC_GPC") == "1" or (conf.respect_dnt and request.META.get("HTTP_DNT") == "1")


def is_own(request: HttpRequest) -> bool:
    """Return whether the shop's own people make the request: logged-in staff, or a browser in test mode.

    Never raises. Queries nothing where the request has no session's cookie.
    """
    if request.COOKIES.get(_TEST_COOKIE) == "1":
        return True
    user = getattr(request, "user", None)
    is_unread = isinstance(user, LazyObject) and not hasattr(request, "_cached_user")
    if is_unread and settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    try:
        return bool(getattr(user, "is_staff", False))
    except Exception:
        return False


def visitor_of(request: HttpRequest, company_key: str) -> Visitor | None:
    """Return the visitor of the tracker's cookie. Without consent or an interaction there is no cookie."""
    match = _COOKIE.fullmatch(request.COOKIES.get(f"alhena_{company_key}", ""))
    return Visitor(UUID(match[1]), UUID(match[2])) if match else None
