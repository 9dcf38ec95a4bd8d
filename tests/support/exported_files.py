"""Read exported files."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl


def read_csv(content: bytes) -> list[dict[str, str]]:
    """The rows of a file of data."""
    columns, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    return [dict(zip(columns, line, strict=True)) for line in lines]


def read_sheet(sheet: Any) -> list[dict[str, Any]]:
    columns, *lines = (list(row) for row in sheet.iter_rows(values_only=True))
    return [dict(zip(columns, line, strict=True)) for line in lines]


def read_filters(content: bytes) -> dict[str, str]:
    """The labels and texts on the last sheet."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    return dict(book[book.sheetnames[-1]].iter_rows(values_only=True))


def read_xlsx(content: bytes) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {name: read_sheet(book[name]) for name in book.sheetnames[:-1]}
