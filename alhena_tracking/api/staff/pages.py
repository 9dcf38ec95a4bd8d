"""Pages of rows, the latest first. A cursor names the last row of a page, so that new rows shift nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.request import Request

from alhena_tracking.api.errors import Error
from alhena_tracking.querysets import DatedQuerySet

PAGE_SIZE = 100
MOST_ROWS = 500
PARAMETERS = ("cursor", "page_size")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The page that a request names: its size, and the time and id of the last row before it."""

    size: int = PAGE_SIZE
    after: tuple[datetime, int] | None = None
    errors: tuple[Error, ...] = ()

    @classmethod
    def parse(cls, parameters: QueryDict) -> PageQuery:
        errors: list[Error] = []
        size, after = PAGE_SIZE, None
        if text := parameters.get("page_size", ""):
            is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ROWS))
            size = int(text) if is_number else 0
            if not 1 <= size <= MOST_ROWS:
                message = _("Expected a number from 1 to %(most)s.") % {"most": MOST_ROWS}
                errors.append(Error("page_size", "invalid", message))
        if text := parameters.get("cursor", ""):
            try:
                after = _read(text)
            except (ValueError, OverflowError):
                errors.append(Error("cursor", "invalid", _("This is not a cursor from a previous answer.")))
        return cls(size, after, tuple(errors))

    def page_of(self, rows: DatedQuerySet[Any], request: Request) -> tuple[list[Any], str | None]:
        """Return the rows of the page, and the URL of the next one."""
        moment = rows.moment
        if self.after is not None:
            at, pk = self.after
            is_earlier = Q(**{f"{moment}__lt": at}) | Q(**{moment: at, "pk__lt": pk})
            rows = rows.filter(is_earlier, **{f"{moment}__lte": at})
        found = list(rows.order_by(f"-{moment}", "-pk")[: self.size + 1])
        if len(found) <= self.size:
            return found, None
        page = found[: self.size]
        further = request.query_params.copy()
        further["cursor"] = cursor_of(getattr(page[-1], moment), page[-1].pk)
        return page, request.build_absolute_uri(f"{request.path}?{further.urlencode()}")


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
