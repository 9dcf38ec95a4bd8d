"""Compare the orders of a shop's own export with those that are recorded. Nothing of the file is stored."""

from alhena_tracking.reconciliation.comparison import (
    SHOWN_ORDERS,
    ComparedOrder,
    Reconciliation,
    Verdict,
    reconcile,
)
from alhena_tracking.reconciliation.order_file import COLUMNS, MOST_BYTES, MOST_LINES, InvalidFile, read_orders
from alhena_tracking.reconciliation.summary import sentences

__all__ = [
    "COLUMNS",
    "MOST_BYTES",
    "MOST_LINES",
    "SHOWN_ORDERS",
    "ComparedOrder",
    "InvalidFile",
    "Reconciliation",
    "Verdict",
    "read_orders",
    "reconcile",
    "sentences",
]
