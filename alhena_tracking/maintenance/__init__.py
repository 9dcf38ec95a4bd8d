"""What has to be done regularly: the steps of ``manage.py alhena_maintenance``, in order.

Each step works in short transactions beside ingestion, may be killed at any moment and run by several processes at
once, and yields lines that say what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from alhena_tracking.maintenance.days import redate_companies
from alhena_tracking.maintenance.exports import delete_files, make_files
from alhena_tracking.maintenance.shops import fetch_orders
from alhena_tracking.maintenance.waiting import prune_deliveries, prune_waiting

STEPS: Mapping[str, Callable[[], Iterator[str]]] = {
    "re-date": redate_companies,
    "prune": prune_waiting,
    "prune deliveries": prune_deliveries,
    "fetch orders": fetch_orders,
    "prune files": delete_files,
    "make files": make_files,
}

__all__ = ["STEPS"]
