"""Let events fail when they are written, on every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alhena_tracking.ingestion import orm, postgresql


def before_writing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Call ``act`` before the rows of events are written. What it raises fails them."""
    for module, name in ((orm, "write"), (postgresql, "write"), (postgresql, "write_if_unchanged")):
        monkeypatch.setattr(module, name, _after(act, getattr(module, name)))


def _after(act: Callable[[], None], write: Callable[..., Any]) -> Callable[..., Any]:
    def write_after(*args: Any) -> Any:
        act()
        return write(*args)

    return write_after
