"""Filters of lists whose choices need no query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Field, Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.models import Company

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices

    _Choices: TypeAlias = "Iterator[_ListFilterChoices]"

#: Where a request keeps the companies that its user may see.
_COMPANIES = "_alhena_companies"


def visible_companies(request: HttpRequest) -> list[Company]:
    """Return the companies that the user may see, read once a request."""
    found: list[Company] | None = getattr(request, _COMPANIES, None)
    if found is None:
        found = list(Company.objects.visible_to(request.user))
        setattr(request, _COMPANIES, found)
    return found


def zone_of(companies: Sequence[Company]) -> ZoneInfo:
    """Return the time zone that all of the companies have, or the project's."""
    names = {company.time_zone for company in companies}
    return ZoneInfo(names.pop() if len(names) == 1 else settings.TIME_ZONE)


class FormFilter(admin.FieldListFilter):
    """A filter with a form of its own, whose empty fields filter nothing. ``look_ups`` name its fields."""

    look_ups: tuple[str, ...]

    def __init__(
        self,
        field: Field[Any, Any],
        request: HttpRequest,
        params: dict[str, Any],
        model: type[Model],
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.field_path = field_path
        self.kept: list[tuple[str, str]] = []
        for name in self.expected_parameters():
            if params.get(str(name)) == [""]:
                del params[str(name)]
        super().__init__(field, request, params, model, model_admin, field_path)
        self.today = timezone.localdate(timezone=zone_of(visible_companies(request)))

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.field_path}__{look_up}" for look_up in self.look_ups]

    def value(self, look_up: str) -> str:
        values: Any = self.used_parameters.get(f"{self.field_path}__{look_up}") or [""]
        return str(values[-1])

    def keep(self, changelist: ChangeList) -> None:
        """Note the other filters, which the form sends along."""
        own = f"{self.field_path}__"
        self.kept = [
            (name, str(value))
            for name, values in changelist.filter_params.items()
            for value in values
            if not name.startswith(own)
        ]


class DayFilter(FormFilter):
    """Days relative to today, or from one to another."""

    template = "admin/alhena_tracking/day_filter.html"
    look_ups = ("gte", "lte")

    @property
    def first(self) -> str:
        return self.value("gte")

    @property
    def last(self) -> str:
        return self.value("lte")

    def choices(self, changelist: ChangeList) -> _Choices:
        self.keep(changelist)
        own = f"{self.field_path}__"
        is_chosen = any(name.startswith(own) for name in changelist.filter_params)
        all_days = changelist.get_query_string(remove=[own])
        yield {"selected": not is_chosen, "query_string": all_days, "display": _("Any date")}
        for label, start, end in _presets(self.today):
            chosen = {f"{own}gte": str(start), f"{own}lte": str(end)}
            yield {
                "selected": (self.first, self.last) == (str(start), str(end)),
                "query_string": changelist.get_query_string(chosen, [own]),
                "display": label,
            }


class CurrencyFilter(FormFilter):
    """One currency of all. Amounts can be sorted within one."""

    template = "admin/alhena_tracking/currency_filter.html"
    look_ups = ("exact",)

    @property
    def chosen(self) -> str:
        return self.value("exact")

    def choices(self, changelist: ChangeList) -> _Choices:
        self.keep(changelist)
        yield {"selected": not self.chosen, "query_string": "", "display": _("All")}
        for code in sorted(MINOR_UNITS):
            yield {"selected": code == self.chosen, "query_string": code, "display": code}


class TextFilter(FormFilter):
    """What a text is exactly."""

    template = "admin/alhena_tracking/text_filter.html"
    look_ups = ("exact",)

    @property
    def chosen(self) -> str:
        return self.value("exact")

    def choices(self, changelist: ChangeList) -> _Choices:
        self.keep(changelist)
        all_texts = changelist.get_query_string(remove=[f"{self.field_path}__exact"])
        yield {"selected": not self.chosen, "query_string": all_texts, "display": _("All")}


def _presets(today: date) -> Iterator[tuple[Any, date, date]]:
    month = today.replace(day=1)
    last_of_former = month - timedelta(days=1)
    yield _("Today"), today, today
    yield _("Yesterday"), today - timedelta(days=1), today - timedelta(days=1)
    yield _("Last 7 days"), today - timedelta(days=6), today
    yield _("Last 30 days"), today - timedelta(days=29), today
    yield _("This month"), month, today
    yield _("Last month"), last_of_former.replace(day=1), last_of_former
