"""Pages of rows, the latest first. A cursor names a place between two rows, so that new rows shift nothing.

A page has fewer rows than were asked for where it read as many rows as it may: only without a next page is there no
more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.request import Request

from alhena_tracking.api.errors import Error
from alhena_tracking.db.row_pages import Place, RowList
from alhena_tracking.models import Company
from alhena_tracking.querysets import DatedQuerySet

PAGE_SIZE = 100
MOST_ROWS = 500
PARAMETERS = ("cursor", "page_size")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The page that a request names: its size, and the place after which it begins."""

    size: int = PAGE_SIZE
    after: Place | None = None
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
                after = Place.read(text)
            except (ValueError, OverflowError):
                errors.append(Error("cursor", "invalid", _("This is not a cursor from a previous answer.")))
        return cls(size, after, tuple(errors))

    def page_of(
        self, rows: DatedQuerySet[Any], companies: Sequence[Company], request: Request
    ) -> tuple[list[Any], str | None]:
        """Return the rows of the page, and the URL of the next one."""
        page = RowList(rows, companies, rows.moment).older(self.size, self.after)
        if page.older is None:
            return page.rows, None
        further = request.query_params.copy()
        further["cursor"] = page.older.token
        return page.rows, request.build_absolute_uri(f"{request.path}?{further.urlencode()}")
