"""The report's figures and rows, and comparisons with a shop's own orders, as CSV and XLSX."""

from alhena_tracking.exports.csv import csv_chunks
from alhena_tracking.exports.figures import FIGURE_TABLES
from alhena_tracking.exports.reconciliation import reconciliation_table
from alhena_tracking.exports.rows import ROW_TABLES
from alhena_tracking.exports.tables import Table, file_name, header_lines
from alhena_tracking.exports.xlsx import MOST_XLSX_ROWS, has_xlsx, write_xlsx

__all__ = [
    "FIGURE_TABLES",
    "MOST_XLSX_ROWS",
    "ROW_TABLES",
    "Table",
    "csv_chunks",
    "file_name",
    "has_xlsx",
    "header_lines",
    "reconciliation_table",
    "write_xlsx",
]
