"""Sessions that several sides change at once: whose next change had better wait for the lock than hope to be alone."""

from __future__ import annotations

from time import monotonic

SECONDS = 1.0
#: How many sessions are remembered; beyond them, all are forgotten.
SESSIONS = 1000

_until: dict[int, float] = {}


def note(session_id: int) -> None:
    """Remember for ``SECONDS`` that somebody else changed the session first."""
    if len(_until) >= SESSIONS:
        _until.clear()
    _until[session_id] = monotonic() + SECONDS


def is_expected(session_id: int) -> bool:
    """Whether somebody else changed the session first, a moment ago."""
    return _until.get(session_id, 0) > monotonic()


def forget() -> None:
    """Expect none."""
    _until.clear()
