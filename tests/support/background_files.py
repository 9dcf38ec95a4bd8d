"""Files that are asked for in the background, and what of them is in the storage."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.files.storage import InMemoryStorage

from alhena_tracking.downloads import (
    Asked,
    TakesTooLong,
    background,
    request_export,
)
from alhena_tracking.models import Company, Export, FileFormat
from alhena_tracking.reports import Period, ReportQuery

MONDAY = date(2026, 3, 2)


def stored(storage: InMemoryStorage) -> list[str]:
    """The names of the files."""
    try:
        return storage.listdir(background.FOLDER)[1]
    except FileNotFoundError:
        return []


def request_file(user: Any, company: Company, file_format: FileFormat = FileFormat.CSV, rows: int = 3) -> Export:
    """Ask for the orders of a day."""
    asked = Asked("orders", file_format, ReportQuery(company=company, period=Period(MONDAY, MONDAY), currency="EUR"))
    return request_export(user, asked, TakesTooLong(None, rows))
