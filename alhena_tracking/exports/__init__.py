"""The report's figures and rows, and comparisons with a shop's own orders, as CSV and XLSX."""

from alhena_tracking.exports.csv import DATA, csv_chunks, spreadsheet_dialect
from alhena_tracking.exports.figures import FIGURE_TABLES
from alhena_tracking.exports.reading import can_copy
from alhena_tracking.exports.reconciliation import reconciliation_table
from alhena_tracking.exports.rows import ROW_TABLES
from alhena_tracking.exports.tables import Table, file_name, filter_lines
from alhena_tracking.exports.xlsx import MOST_EXCEL_ROWS, MOST_XLSX_ROWS, has_xlsx, write_xlsx

__all__ = [
    "DATA",
    "FIGURE_TABLES",
    "MOST_EXCEL_ROWS",
    "MOST_XLSX_ROWS",
    "ROW_TABLES",
    "Table",
    "can_copy",
    "csv_chunks",
    "file_name",
    "filter_lines",
    "has_xlsx",
    "reconciliation_table",
    "spreadsheet_dialect",
    "write_xlsx",
]
