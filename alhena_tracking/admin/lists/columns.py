"""Columns that lists share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html

from alhena_tracking.admin import formats
from alhena_tracking.db.sql import field_of


def company_time(model: type[Model], name: str) -> Callable[[Any], str]:
    """Return a display function of a row's time by its company's clock, with the zone's name."""

    def time(row: Any) -> str:
        at: datetime | None = getattr(row, name)
        if at is None:
            return formats.MISSING
        zone = row.company.zone
        return format_html(
            '<time datetime="{}"><span class="alhena-moment">{}</span> {}</time>',
            at.isoformat(),
            formats.moment(at, zone),
            zone.key,
        )

    time.__name__ = name
    return admin.display(time, description=field_of(model, name).verbose_name)
