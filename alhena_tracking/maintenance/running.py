"""Run the steps of maintenance, each by one process at a time."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from django.db import Error
from django.db.models import Q
from django.utils import timezone

from alhena_tracking.db.transactions import rows_of
from alhena_tracking.models import MaintenanceStep

logger = logging.getLogger("alhena_tracking.maintenance")

Step: TypeAlias = Callable[[], Iterator[str]]
#: How long a process that says nothing holds a step. One that was killed on this host gives it up at once.
HELD_FOR = timedelta(minutes=15)


class State(Enum):
    DONE = "done"
    FAILED = "failed"
    #: Another process is at it.
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step did, in lines."""

    name: str
    state: State
    lines: tuple[str, ...] = ()


def run_step(name: str, step: Step, report: Callable[[str], None]) -> StepResult:
    """Run a step unless another process is at it, and ``report`` each line at once. An error is logged."""
    lines: list[str] = []
    run = None
    try:
        run = _take(name)
        if run is None:
            return StepResult(name, State.BUSY)
        for line in step():
            report(line)
            lines.append(line)
            _held_by(run).update(held_until=timezone.now() + HELD_FOR)
        _end(run, "finished_at")
    except Exception:
        logger.exception("The step %s failed.", name)
        if run is not None:
            with suppress(Error):  # the database may be what failed
                _end(run, "failed_at")
        return StepResult(name, State.FAILED, tuple(lines))
    return StepResult(name, State.DONE, tuple(lines))


def _take(name: str) -> UUID | None:
    """Take a step, and return the id of the run; ``None`` if another process holds it."""
    rows, now, run = rows_of(MaintenanceStep), timezone.now(), uuid4()
    stored, _ = rows.get_or_create(name=name)
    is_free = Q(held_until__isnull=True) | Q(held_until__lte=now)
    if _is_gone(stored.holder):
        is_free |= Q(run=stored.run)
    taken = rows.filter(is_free, name=name).update(
        started_at=now, run=run, holder=f"{_host()}:{os.getpid()}", held_until=now + HELD_FOR
    )
    return run if taken else None


def _held_by(run: UUID) -> Any:
    return rows_of(MaintenanceStep).filter(run=run)


def _end(run: UUID, how: str) -> None:
    _held_by(run).update(**{how: timezone.now()}, run=None, holder="", held_until=None)


def _host() -> str:
    return socket.gethostname()[:80]


def _is_gone(holder: str) -> bool:
    """Return whether a process of this host has ended."""
    host, _, pid = holder.rpartition(":")
    if host != _host() or os.name != "posix":
        return False
    try:
        os.kill(int(pid), 0)  # asks whether it exists
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
