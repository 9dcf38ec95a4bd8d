"""Read exported files."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl


def read_csv(content: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The header lines and the rows."""
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    end = lines.index([])
    columns = lines[end + 1]
    return dict(lines[:end]), [dict(zip(columns, line, strict=True)) for line in lines[end + 2 :]]


def read_sheet(sheet: Any) -> list[dict[str, Any]]:
    lines = [list(row) for row in sheet.iter_rows(values_only=True)]
    end = next(number for number, line in enumerate(lines) if not any(line))
    columns = lines[end + 1]
    return [dict(zip(columns, line, strict=True)) for line in lines[end + 2 :]]


def read_xlsx(content: bytes) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {name: read_sheet(book[name]) for name in book.sheetnames}
