"""Django's list of rows with pages by keys: no offset, no count of millions, no order without an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.admin.lists.filters import visible_companies, zone_of
from alhena_tracking.db import row_pages
from alhena_tracking.db.row_pages import Place, RowCount, RowList

if TYPE_CHECKING:
    from alhena_tracking.admin.base import RecordAdmin

_MOST_DIGITS = 6
_OLDER, _NEWER, _OLDEST = "older", "newer", "oldest"


class RecordChangeList(ChangeList):
    """The latest rows first. The address names the place in the list where a page begins, and in which direction."""

    model_admin: RecordAdmin
    #: For the template of the links; those of other lists have Django's.
    is_paged_by_keys = True
    #: Of the pages beside this one: their relation, label and address.
    links: list[tuple[str, str, str]]
    #: How far a page has searched or sorted that could not do so to the end; else empty.
    note: str
    #: Of the times that are of no row.
    zone: ZoneInfo
    count: RowCount | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.links, self.note = [], ""
        super().__init__(*args, **kwargs)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        return [f"-{self.model_admin.moment}", "-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Find the page. What Django's templates count is the page alone where the rows are too many to count."""
        rows = RowList(self.queryset, visible_companies(request), self.model_admin.moment)
        self.zone = zone_of(rows.companies)
        address = request.GET.get(PAGE_VAR, "")
        amount = self._amount_order()
        self.result_list = self._by_amount(rows, address, *amount) if amount else self._by_time(rows, address)
        self.model_admin.read_along(self.result_list)
        self.count = rows.count()
        is_counted = self.count is not None and self.count.is_exact
        self.result_count = self.count.number if self.count is not None and is_counted else len(self.result_list)
        self.full_result_count = self.result_count  # nothing is said of them beside the search
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)  # counts nothing
        self.date_hierarchy = None  # its links would be found by scans; there is a filter by day

    def _by_time(self, rows: RowList, address: str) -> list[Any]:
        """Return the rows of a page by time. Its ``links`` are their relation, label and address."""
        direction, start = _read(address)
        find = rows.older if direction == _OLDER else rows.newer
        page = find(self.list_per_page, start)
        if address and (direction, start) != (_OLDER, None):
            self.links.append(("first", _("Latest"), self.get_query_string()))
        if page.newer is not None:
            self.links.append(("prev", _("Newer"), self._url(f"{_NEWER}-{page.newer.token}")))
        if page.older is not None:
            self.links.append(("next", _("Older"), self._url(f"{_OLDER}-{page.older.token}")))
            self.links.append(("last", _("Oldest"), self._url(_OLDEST)))
        if page.searched_to is not None:
            text = (
                _("Searched %(number)s rows, back to %(moment)s. The older page searches on from there.")
                if page.searched_to == page.older
                else _("Searched %(number)s rows, up to %(moment)s. The newer page searches on from there.")
            )
            self.note = text % self._bound(page.searched_to)
        return page.rows

    def _by_amount(self, rows: RowList, address: str, field: str, is_descending: bool) -> list[Any]:
        number = int(address) if address.isascii() and address.isdigit() and len(address) <= _MOST_DIGITS else 1
        skipped = max(number - 1, 0) * self.list_per_page
        page = rows.by_amount(field, self.list_per_page, skipped, is_descending=is_descending)
        if number > 1:
            self.links.append(("prev", _("Previous"), self._url(str(number - 1))))
        if page.has_more:
            self.links.append(("next", _("Next"), self._url(str(number + 1))))
        if page.since is not None:
            text = _("Sorted by amount: only the latest %(number)s rows, back to %(moment)s.")
            self.note = text % self._bound(page.since)
        return page.rows

    def _amount_order(self) -> tuple[str, bool] | None:
        """Return the amount that the rows are sorted by, and whether descending. Only within one currency."""
        amounts = self.sortable_by or ()
        for text in self.params.get(ORDER_VAR, "").split("."):
            _none, sign, number = text.rpartition("-")
            is_column = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
            name = self.list_display[int(number)] if is_column and int(number) < len(self.list_display) else ""
            if name in amounts:
                return str(self.get_ordering_field(name)), sign == "-"
        return None

    def _bound(self, place: Place) -> dict[str, str]:
        return {"number": formats.count(row_pages.WINDOW), "moment": formats.zoned_moment(place.at, self.zone)}

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

    def _url(self, address: str) -> str:
        return str(self.get_query_string({PAGE_VAR: address}))


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
