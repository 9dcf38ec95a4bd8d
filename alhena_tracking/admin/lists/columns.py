"""Columns that lists share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html
from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.db.sql import field_of

#: What stands in place of a value that a row does not have. Cards leave it out.
NOTHING = format_html('<span class="alhena-nothing">{}</span>', formats.MISSING)


class CompanyTime:
    """A display function of a row's time by its company's clock, with the zone's name.

    Where all rows have one zone, a list can name it once, in the column's title; as cards, rows have no titles.
    """

    def __init__(self, model: type[Model], name: str, zone: str = "") -> None:
        self.__name__ = name
        self.short_description: Any = field_of(model, name).verbose_name
        self._model, self._zone = model, zone
        if zone:
            self.short_description = f"{self.short_description} ({zone})"

    def within(self, zone: str) -> CompanyTime:
        """Return the column of rows that all have this zone."""
        return CompanyTime(self._model, self.__name__, zone)

    def __call__(self, row: Any) -> str:
        at: datetime | None = getattr(row, self.__name__)
        if at is None:
            return NOTHING
        zone = row.company.zone
        if not self._zone:
            return format_html('<time datetime="{}">{}</time>', at.isoformat(), formats.zoned_moment(at, zone))
        return format_html(
            '<time datetime="{}">{}<span class="alhena-label"> {}</span></time>',
            at.isoformat(),
            formats.compact_moment(at, zone),
            zone.key,
        )


def yes_or_no(model: type[Model], name: str) -> Callable[[Any], str]:
    """Return a display function of what is true of a row or not, in a word."""

    def answer(row: Any) -> str:
        return _("Yes") if getattr(row, name) else _("No")

    answer.__name__ = name
    return admin.display(answer, description=field_of(model, name).verbose_name)
