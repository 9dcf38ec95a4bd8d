"""Rows page by page, the latest first. The cursor names the last row of a page, so that later rows shift nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework.request import Request

from alhena_tracking.api.staff.errors import Error, Invalid
from alhena_tracking.querysets import DatedQuerySet

PAGE_SIZE = 100
MOST_ROWS = 500
PARAMETERS = ("cursor", "page_size")
_LARGEST_ID = 2**63 - 1


def page_of(rows: DatedQuerySet[Any], request: Request) -> tuple[list[Any], str | None]:
    """The page that is asked for, and the URL of the next one. Raises ``Invalid``."""
    parameters = request.query_params
    size, after = check_page(parameters.get("page_size", ""), parameters.get("cursor", ""))
    moment = rows.moment
    if after is not None:
        at, pk = after
        rows = rows.filter(Q(**{f"{moment}__lt": at}) | Q(**{moment: at, "pk__lt": pk}), **{f"{moment}__lte": at})
    found = list(rows.order_by(f"-{moment}", "-pk")[: size + 1])
    if len(found) <= size:
        return found, None
    page = found[:size]
    further = parameters.copy()
    further["cursor"] = cursor_of(getattr(page[-1], moment), page[-1].pk)
    return page, request.build_absolute_uri(f"{request.path}?{further.urlencode()}")


def check_page(size: str, cursor: str) -> tuple[int, tuple[datetime, int] | None]:
    errors: list[Error] = []
    number = PAGE_SIZE
    if size:
        is_number = size.isascii() and size.isdigit() and len(size) <= len(str(MOST_ROWS))
        number = int(size) if is_number else 0
        if not 1 <= number <= MOST_ROWS:
            errors.append(("page_size", "invalid", _("Expected a number from 1 to %(most)s.") % {"most": MOST_ROWS}))
    after = None
    if cursor:
        try:
            after = _read(cursor)
        except (ValueError, OverflowError):
            errors.append(("cursor", "invalid", _("This is no cursor of an answer's.")))
    if errors:
        raise Invalid(errors)
    return number, after


def cursor_of(at: datetime, pk: int) -> str:
    return urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()} {pk}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, int]:
    padded = cursor + "=" * (-len(cursor) % 4)
    text = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
    moment, _space, number = text.partition(" ")
    at, pk = datetime.fromisoformat(moment).astimezone(UTC), int(number)
    if cursor_of(at, pk) != cursor or not 0 <= pk <= _LARGEST_ID:
        raise ValueError
    return at, pk
