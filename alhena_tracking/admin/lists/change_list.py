"""Django's list of rows with pages by keys: no offset, no count of millions, no order without an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.admin.lists.filters import visible_companies, zone_of
from alhena_tracking.db import row_pages
from alhena_tracking.db.row_pages import Place, RowCount, RowList, RowPage

if TYPE_CHECKING:
    from alhena_tracking.admin.base import RecordAdmin

_OLDER, _NEWER, _OLDEST = "older", "newer", "oldest"


class RecordChangeList(ChangeList):
    """The latest rows first. The address names the place in the list where a page begins, and in which direction."""

    model_admin: RecordAdmin
    page: RowPage
    #: Of the times that are of no row.
    zone: ZoneInfo
    count: RowCount | None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        return [f"-{self.model_admin.moment}", "-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Find the page. What Django's templates count is the page alone where the rows are too many to count."""
        rows = RowList(self.queryset, visible_companies(request), self.model_admin.moment)
        self.zone = zone_of(rows.companies)
        size = self.list_per_page
        direction, start = _read(request.GET.get(PAGE_VAR, ""))
        if direction == _OLDER:
            self.page = rows.older(size, start)
        else:
            self.page = rows.newer(size, start)
        self.is_first = direction == _OLDER and start is None
        self.count = rows.count()
        self.result_list = self.page.rows
        is_counted = self.count is not None and self.count.is_exact
        self.result_count = self.count.number if self.count is not None and is_counted else len(self.page.rows)
        self.full_result_count = self.result_count  # nothing is said of them beside the search
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, size)  # not used, so it counts nothing
        self.date_hierarchy = None  # its links would be found by scans; there is a filter by day

    @property
    def links(self) -> list[tuple[str, str, str]]:
        """The pages beside this one: their relation, label and address."""
        links = []
        if not self.is_first:
            links.append(("first", _("Latest"), self.get_query_string()))
        if self.page.newer is not None:
            links.append(("prev", _("Newer"), self._url(_NEWER, self.page.newer)))
        if self.page.older is not None:
            links.append(("next", _("Older"), self._url(_OLDER, self.page.older)))
            links.append(("last", _("Oldest"), self.get_query_string({PAGE_VAR: _OLDEST})))
        return links

    @property
    def count_text(self) -> str:
        """How many rows there are: exactly, about, or more than can be counted in time; empty if unknown."""
        if self.count is None:
            return ""
        values = {
            "number": formats.count(self.count.number),
            "rows": self.opts.verbose_name if self.count.number == 1 else self.opts.verbose_name_plural,
        }
        if self.count.is_exact:
            return f"{values['number']} {values['rows']}"
        if self.count.is_estimate:
            values["number"] = formats.count(_rounded(self.count.number))
            return _("about %(number)s %(rows)s") % values
        return _("more than %(number)s %(rows)s") % values

    @property
    def search_text(self) -> str:
        """How far a page that did not find enough rows has searched; empty where it is full or at an end."""
        place = self.page.searched_to
        if place is None:
            return ""
        values = {"number": formats.count(row_pages.WINDOW), "moment": formats.zoned_moment(place.at, self.zone)}
        if place == self.page.older:
            return _("Searched %(number)s rows, back to %(moment)s. The older page searches on from there.") % values
        return _("Searched %(number)s rows, up to %(moment)s. The newer page searches on from there.") % values

    def _url(self, direction: str, place: Place) -> str:
        return str(self.get_query_string({PAGE_VAR: f"{direction}-{place.token}"}))


def _rounded(number: int) -> int:
    """Round to two digits: no estimate is better."""
    unit: int = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit


def _read(text: str) -> tuple[str, Place | None]:
    """Return the direction and the place that a page's address names; those of the first page if it names none."""
    if text == _OLDEST:
        return _NEWER, None
    direction, _dash, token = text.partition("-")
    try:
        place = Place.read(token)
    except (ValueError, OverflowError):
        return _OLDER, None
    return (direction, place) if direction in {_OLDER, _NEWER} else (_OLDER, None)
