"""Files of the report: made at once where that is short, in the background otherwise."""

from alhena_tracking.downloads.asked import WORKBOOK, Asked, NotAllowed, comparison_fields, may_export
from alhena_tracking.downloads.background import TooManyFiles, request_export, run_exports
from alhena_tracking.downloads.making import (
    TakesTooLong,
    TooManyRows,
    is_made_at_once,
    make_at_once,
    make_file,
    most_rows,
)

__all__ = [
    "WORKBOOK",
    "Asked",
    "NotAllowed",
    "TakesTooLong",
    "TooManyFiles",
    "TooManyRows",
    "comparison_fields",
    "is_made_at_once",
    "make_at_once",
    "make_file",
    "may_export",
    "most_rows",
    "request_export",
    "run_exports",
]
