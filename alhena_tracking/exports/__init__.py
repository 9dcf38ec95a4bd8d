"""The report's numbers, and the rows behind them, as CSV and XLSX."""

from alhena_tracking.exports.csv import csv_chunks
from alhena_tracking.exports.figures import FIGURE_TABLES, cards_table, channels_table, days_table, products_table
from alhena_tracking.exports.rows import ROW_TABLES, cart_events_table, orders_table
from alhena_tracking.exports.snapshot import snapshot
from alhena_tracking.exports.tables import Cell, Table, file_name, header_lines
from alhena_tracking.exports.xlsx import MOST_XLSX_ROWS, has_xlsx, write_xlsx

__all__ = [
    "FIGURE_TABLES",
    "MOST_XLSX_ROWS",
    "ROW_TABLES",
    "Cell",
    "Table",
    "cards_table",
    "cart_events_table",
    "channels_table",
    "csv_chunks",
    "days_table",
    "file_name",
    "has_xlsx",
    "header_lines",
    "orders_table",
    "products_table",
    "snapshot",
    "write_xlsx",
]
