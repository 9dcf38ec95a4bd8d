"""XLSX, where ``xlsxwriter`` (the extra ``xlsx``) is installed. Rows are written to temporary files at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from alhena_tracking.exports.formulas import inert
from alhena_tracking.exports.tables import Cell, Table

if TYPE_CHECKING:
    from xlsxwriter import Workbook

#: A sheet could hold ten times as many, but spreadsheets take too long to open them.
MOST_XLSX_ROWS = 100_000
#: As many as spreadsheets open from a CSV file, rounded.
MOST_EXCEL_ROWS = 1_000_000
#: Digits that a spreadsheet keeps; longer numbers are written as text, so that they are not rounded.
_DIGITS = 15
_SHEET_NAME = 31
_COLUMN_WIDTH = 18


@cache
def has_xlsx() -> bool:
    """Return whether XLSX can be written here."""
    try:
        return find_spec("xlsxwriter") is not None
    except ValueError:  # a stub for an absent module has no spec
        return False


def write_xlsx(file: IO[bytes], tables: Iterable[Table], filters: Iterable[Sequence[str]]) -> None:
    """Write a workbook with a sheet for each table, and one of filters. Texts stay text, never formulas or links."""
    from xlsxwriter import Workbook

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(file, options) as workbook:
        writer = _SheetWriter(workbook)
        for table in tables:
            writer.write(table)
        writer.write_lines(_("Filters"), filters)


class _SheetWriter:
    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.bold = workbook.add_format({"bold": True})
        # Keeps a text that looks like a formula a text when it is edited.
        self.quoted = workbook.add_format({"quote_prefix": True})
        self.formats: dict[str, Any] = {}

    def write(self, table: Table) -> None:
        sheet = self.workbook.add_worksheet(table.title[:_SHEET_NAME])
        sheet.set_column(0, len(table.columns) - 1, _COLUMN_WIDTH)
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, self.bold)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(table.rows, start=1):
            for column, cell in enumerate(row):
                self._write(sheet, number, column, cell)

    def write_lines(self, title: str, lines: Iterable[Sequence[str]]) -> None:
        """Write a sheet of labels and texts."""
        sheet = self.workbook.add_worksheet(title[:_SHEET_NAME])
        sheet.set_column(0, 1, _COLUMN_WIDTH * 2)
        for number, (label, text) in enumerate(lines):
            sheet.write_string(number, 0, label, self.bold)
            self._write_text(sheet, number, 1, text)

    def _write(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        match cell:
            case None | "":
                return
            case str():
                self._write_text(sheet, row, column, cell)
            case datetime():
                local = cell.replace(tzinfo=None)  # sheets have no zones; the column's title names it
                sheet.write_datetime(row, column, local, self._format("yyyy-mm-dd hh:mm:ss"))
            case date():
                sheet.write_datetime(row, column, cell, self._format("yyyy-mm-dd"))
            case Decimal():
                exponent = cell.as_tuple().exponent
                decimals = max(0, -exponent) if isinstance(exponent, int) else 0
                if len(cell.as_tuple().digits) > _DIGITS:
                    sheet.write_string(row, column, f"{cell:f}")
                else:
                    number_format = self._format("0." + "0" * decimals if decimals else "0")
                    sheet.write_number(row, column, cell, number_format)
            case int():
                if len(str(abs(cell))) > _DIGITS:
                    sheet.write_string(row, column, str(cell))
                else:
                    sheet.write_number(row, column, cell)

    def _write_text(self, sheet: Any, row: int, column: int, text: str) -> None:
        sheet.write_string(row, column, text, self.quoted if inert(text) != text else None)

    def _format(self, pattern: str) -> Any:
        if pattern not in self.formats:
            self.formats[pattern] = self.workbook.add_format({"num_format": pattern})
        return self.formats[pattern]
