"""Events counted by outcome: in memory, and written to the database some seconds later.

Counting must not cost an event a write, nor make all of a company's events wait for one row. So each process adds up
on its own and writes at most ten seconds after the first unwritten count. A killed process loses that much of the
counts, never an event.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import NamedTuple, TypeAlias

from django.db import connections
from django.utils import timezone

from alhena_tracking.diagnosis import count_storage, outcomes
from alhena_tracking.diagnosis.count_storage import Key, Tally
from alhena_tracking.models import Company, EventCount, RejectedEvent
from alhena_tracking.redating import redate_short
from alhena_tracking.setting_rules import COMPANY_KEY_PATTERN

logger = logging.getLogger(__name__)

#: How long counts stay in memory; two of the ten seconds are left for the writing.
FLUSH_AFTER_SECONDS = 8.0
#: How long a process that ends waits for its last counts to be written.
EXIT_SECONDS = 5.0
#: How many different counts are kept in memory while the database cannot take them.
KEPT_COUNTS = 10_000
#: How many of a rejected event's errors are kept, and how much of the path of a field.
KEPT_ERRORS = 20
FIELD_LENGTH = 100
#: A process counts that a company's tag is rendered once in so many seconds, for so many tags and companies at a time.
RENDERING_SECONDS = 60
KEPT_RENDERINGS = 1000

_METHOD_LENGTH = EventCount._meta.get_field("method").max_length
_OUTCOME_LENGTH = EventCount._meta.get_field("outcome").max_length
_REASON_LENGTH = EventCount._meta.get_field("reason").max_length
_ORIGIN_LENGTH = RejectedEvent._meta.get_field("origin").max_length


def count(company: Company, method: str, outcome: str, reason: str = "", *, number: int = 1) -> None:
    """Count events of today, in the company's time zone. Neither read nor write the database.

    ``reason`` is a machine code. While ``KEPT_COUNTS`` different counts wait to be written, others are not counted.
    """
    at = timezone.now()
    _unwritten.add(_key(company, at, method, outcome, reason), Tally(number, at))


def reject(company: Company, method: str, outcome: str, errors: Iterable[tuple[str, str]], origin: str = "") -> None:
    """Count a rejected event under the code of its first error, and keep it among the company's last ones.

    ``errors`` are pairs of a field's path and a code. Texts may be anything that a caller sends.
    """
    at = timezone.now()
    kept = [
        {"field": _storable(field, FIELD_LENGTH), "code": _storable(code, _REASON_LENGTH)}
        for field, code in islice(errors, KEPT_ERRORS)
    ]
    key = _key(company, at, method, outcome, reason=kept[0]["code"] if kept else "")
    row = RejectedEvent(
        company_id=company.pk,
        method=key.method,
        outcome=key.outcome,
        errors=kept,
        origin=_storable(origin, _ORIGIN_LENGTH),
        received_at=at,
    )
    _unwritten.add(key, Tally(1, at), row)


def count_left_out(company: Company, method: str, outcome: str, left_out: Iterable[tuple[str, str]]) -> None:
    """Count a newly accepted event that was recorded without some of its parts, and keep their paths and codes."""
    if left_out and outcome in outcomes.ACCEPTED - {"duplicate"}:
        reject(company, method, "left_out", left_out)


def count_rendering(
    company_key: str, method: str = EventCount.SNIPPET, outcome: str = "rendered", reason: str = ""
) -> None:
    """Count that a template renders a tag, each outcome at most once a minute. Queries nothing and never raises.

    The company is looked up when counts are written. A key of no company is dropped then.
    """
    rendering = Rendering(company_key, method, outcome, reason)
    if _unwritten.awaits_rendering(rendering) and re.fullmatch(COMPANY_KEY_PATTERN, company_key):
        _unwritten.add_rendering(rendering, timezone.now())


def flush() -> None:
    """Write what this process has counted, on the connection of the calling thread, outside of any transaction.

    Raises the database's error, after which what was not written is kept and written later.
    """
    counts, rejected, renderings = _unwritten.take()
    if not (counts or rejected or renderings):
        return
    try:
        # Looked up before anything is written: SQLite cannot turn a reading transaction into a writing one.
        keys = {rendering.company_key for rendering in renderings}
        existing = count_storage.find_companies({key.company_id for key in counts} | rejected.keys(), keys)
        with_rejected = sorted(existing.keys() & rejected.keys())
        kept = {key: tally for key, tally in counts.items() if key.company_id in existing}
        count_storage.write_counts(kept | _rendering_counts(existing.values(), renderings))
        counts, renderings = {}, {}
        count_storage.write_rejected([row for company_id in with_rejected for row in rejected[company_id]])
    except BaseException:
        _unwritten.put_back(counts, rejected, renderings)
        raise
    for company_id in with_rejected:
        count_storage.delete_superseded(company_id)


def forget() -> None:
    """Drop what is not written: in a child process, since the parent writes it, and between tests."""
    _unwritten.forget()


def is_automatic() -> bool:
    """Whether a thread writes the counts. Not in tests, the shop's own included: there only ``flush`` writes.

    A thread that writes at any time makes tests fail at random, and when the process ends, the real database is back
    in the place of the test database.
    """
    # What setup_test_environment() leaves behind, whatever runs the tests. Where it was never imported, none run.
    environment = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return not hasattr(environment, "saved_data")


def attend_process() -> None:
    """Let child processes start without counts, and write the last counts when the process ends."""
    os.register_at_fork(after_in_child=forget)
    atexit.register(_flush_at_exit)


# In memory


class Rendering(NamedTuple):
    """A tag that a template rendered, and what came of it."""

    company_key: str  # may be of no company
    method: str
    outcome: str
    reason: str


_Counts: TypeAlias = Mapping[Key, Tally]
_Rejected: TypeAlias = Mapping[int, Collection[RejectedEvent]]
#: When it was last so.
_Renderings: TypeAlias = Mapping[Rendering, datetime]


def _key(company: Company, at: datetime, method: str, outcome: str, reason: str) -> Key:
    return Key(
        company.pk,
        at.astimezone(company.zone).date(),
        _storable(method, _METHOD_LENGTH),
        _storable(outcome, _OUTCOME_LENGTH),
        _storable(reason, _REASON_LENGTH),
    )


def _rendering_counts(companies: Iterable[Company], renderings: _Renderings) -> dict[Key, Tally]:
    by_key = {company.key: company for company in companies}
    return {
        _key(by_key[company_key], at, *counted): Tally(1, at)
        for (company_key, *counted), at in renderings.items()
        if company_key in by_key
    }


def _storable(text: str, length: int | None) -> str:
    """As much of a text as its column holds, without what no database takes: NUL and lone surrogates."""
    text = text[:length]
    return text if text.isascii() and "\0" not in text else text.replace("\0", "").encode(errors="ignore").decode()


class _Unwritten:
    """What this process has counted and not written yet, and the thread that will write it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        # In a child the lock may be held, and the thread believed to be alive, by nobody.
        self._lock = threading.Lock()
        self._counts: dict[Key, Tally] = {}
        self._rejected: dict[int, deque[RejectedEvent]] = {}
        self._renderings: dict[Rendering, datetime] = {}
        self._next_renderings: dict[Rendering, float] = {}
        self.flusher: _Flusher | None = None

    def add(self, key: Key, tally: Tally, rejected: RejectedEvent | None = None) -> None:
        with self._lock:
            self._count(key, tally)
            if rejected is not None:
                self._rejected.setdefault(key.company_id, deque(maxlen=RejectedEvent.KEPT)).append(rejected)
            self._provide_flusher()

    def awaits_rendering(self, rendering: Rendering) -> bool:
        """Return whether the last rendering was counted long enough ago. Takes no lock: most pages end here."""
        next_at = self._next_renderings.get(rendering)
        return next_at is None or monotonic() >= next_at

    def add_rendering(self, rendering: Rendering, at: datetime) -> None:
        with self._lock:
            if len(self._next_renderings) >= KEPT_RENDERINGS:
                self._next_renderings.clear()
            self._next_renderings[rendering] = monotonic() + RENDERING_SECONDS
            self._keep_rendering(rendering, at)
            self._provide_flusher()

    def take(self) -> tuple[_Counts, _Rejected, _Renderings]:
        """Hand everything over to the caller."""
        with self._lock:
            counts, self._counts = self._counts, {}
            rejected, self._rejected = self._rejected, {}
            renderings, self._renderings = self._renderings, {}
            return counts, rejected, renderings

    def put_back(self, counts: _Counts, rejected: _Rejected, renderings: _Renderings) -> None:
        """Keep what was taken, before what has come since."""
        with self._lock:
            for rendering, at in renderings.items():
                self._keep_rendering(rendering, at)
            for key, tally in counts.items():
                self._count(key, tally)
            for company_id, earlier in rejected.items():
                later = self._rejected.get(company_id, ())
                self._rejected[company_id] = deque([*earlier, *later], maxlen=RejectedEvent.KEPT)
            self._provide_flusher()

    def dismiss(self, flusher: _Flusher) -> bool:
        """Let the thread end if nothing is left to write."""
        with self._lock:
            is_empty = not (self._counts or self._rejected or self._renderings)
            if is_empty and self.flusher is flusher:
                self.flusher = None
            return is_empty

    def _count(self, key: Key, tally: Tally) -> None:
        if earlier := self._counts.get(key):
            self._counts[key] = Tally(earlier.number + tally.number, max(earlier.last_at, tally.last_at))
        elif len(self._counts) < KEPT_COUNTS:
            self._counts[key] = tally

    def _keep_rendering(self, rendering: Rendering, at: datetime) -> None:
        if rendering in self._renderings or len(self._renderings) < KEPT_RENDERINGS:
            self._renderings[rendering] = max(at, self._renderings.get(rendering, at))

    def _provide_flusher(self) -> None:
        if self.flusher is None and is_automatic():
            flusher = _Flusher()
            try:
                flusher.start()
            except RuntimeError:
                return  # the system has no thread to spare; the next count asks again
            self.flusher = flusher


class _Flusher(threading.Thread):
    """Writes what is counted every few seconds, on a connection of its own, until there is nothing left to write."""

    def __init__(self) -> None:
        super().__init__(name=__name__, daemon=True)
        self.is_exiting = threading.Event()

    def run(self) -> None:
        while not self.is_exiting.wait(FLUSH_AFTER_SECONDS):
            self._flush()
            if _unwritten.dismiss(self):
                return
        self._flush()

    def _flush(self) -> None:
        try:
            try:
                flush()
                # There is no better time: a thread of its own, soon after any event.
                redate_short()
            finally:
                connections.close_all()
        except Exception as error:
            logger.warning("Counts of events could not be written and are kept: %s", type(error).__name__)


def _flush_at_exit() -> None:
    flusher = _unwritten.flusher
    if flusher is not None:
        flusher.is_exiting.set()
        flusher.join(EXIT_SECONDS)


_unwritten = _Unwritten()
