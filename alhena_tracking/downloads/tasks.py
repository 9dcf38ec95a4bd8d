"""Files made by the workers of Django tasks (from Django 6.0 on), where a project has them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def make_exports() -> int:
    """Make all files that are requested. A task, where Django has them."""
    from alhena_tracking.downloads.background import run_exports

    return run_exports()


_tasks: Any = import_module("django.tasks") if find_spec("django.tasks") else None
if _tasks is not None:
    make_exports = _tasks.task(make_exports)


def enqueue() -> None:
    """Ask a worker for the files. Without workers, where tasks run at once or never, maintenance makes them."""
    if _tasks is None:
        return
    backend = _tasks.task_backends["default"]
    if type(backend).__module__ in {"django.tasks.backends.immediate", "django.tasks.backends.dummy"}:
        return
    make_exports.enqueue()  # type: ignore[attr-defined]
