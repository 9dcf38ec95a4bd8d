"""What has to be done regularly: the steps of ``manage.py alhena_maintenance``, in order.

Each step works in short transactions beside ingestion, may be killed at any moment and run by several processes at
once, and yields lines that say what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from alhena_tracking.maintenance.days import redate_companies, roll_up_days
from alhena_tracking.maintenance.exports import delete_files, make_files
from alhena_tracking.maintenance.running import State, Step, StepResult, run_step
from alhena_tracking.maintenance.shops import fetch_orders
from alhena_tracking.maintenance.waiting import prune_deliveries, prune_waiting

STEPS: Mapping[str, Step] = {
    "re-date": redate_companies,
    "roll-up": roll_up_days,
    "prune-waiting": prune_waiting,
    "prune-deliveries": prune_deliveries,
    "fetch-orders": fetch_orders,
    "prune-files": delete_files,
    "make-files": make_files,
}

__all__ = ["STEPS", "State", "StepResult", "run"]


def run(only: Collection[str] = (), *, report: Callable[[str], None] = lambda line: None) -> list[StepResult]:
    """Do what is due, or ``only`` these steps, and return what each did; ``report`` gets each line at once.

    A step that fails is logged and continues in the next run; one that another process is at is left to it. Raises
    ``ValueError`` for a step that does not exist.
    """
    if unknown := sorted(set(only) - STEPS.keys()):
        raise ValueError(f"There is no step {', '.join(unknown)}: choose from {', '.join(STEPS)}.")
    return [run_step(name, step, report) for name, step in STEPS.items() if not only or name in only]
