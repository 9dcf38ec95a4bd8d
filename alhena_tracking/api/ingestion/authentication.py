"""Secret keys, by which the shop's own server authenticates. Views check them once they know the body's company."""

from __future__ import annotations

import hmac

from django.http import HttpRequest
from django.utils.translation import gettext
from rest_framework.exceptions import AuthenticationFailed

from alhena_tracking.company_cache import CachedCompany
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.models import EventCount, SecretKey

#: The scheme of ``Authorization``, and what ``WWW-Authenticate`` asks for beside a 401.
SCHEME = "Bearer"
#: What browsers send by themselves, such as a staging site's password. It is ignored.
_SENT_BY_BROWSERS = {"basic", "digest", "negotiate", "ntlm"}


def claims_secret_key(request: HttpRequest) -> bool:
    """Return whether the request has a bearer token, valid or not."""
    scheme, _, _key = str(request.META.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return scheme.lower() == SCHEME.lower()


def has_secret_key(request: HttpRequest, known: CachedCompany) -> bool:
    """Return whether the request has an active secret key of the company, and false without ``Authorization``.

    Raises ``AuthenticationFailed`` with the code ``invalid_key`` for any other ``Authorization``.
    """
    authorization = request.META.get("HTTP_AUTHORIZATION")
    if authorization is None:
        return False
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() in _SENT_BY_BROWSERS:
        return False
    digest = SecretKey.digest_of(key)
    # Compare all of them in constant time, so that the time taken reveals nothing.
    matches = [key_id for active, key_id in known.secret_keys.items() if hmac.compare_digest(digest, active)]
    if scheme.lower() != SCHEME.lower() or not matches:
        message = gettext("The secret key is not one of this company's, or it has been revoked.")
        raise AuthenticationFailed(message, code="invalid_key")
    event_counts.count(known.company, EventCount.KEY_USE, "used", str(matches[0]))
    return True
