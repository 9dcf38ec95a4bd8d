"""What became of the events that came in: counted in memory, and written to the database some seconds later.

Counting must not cost an event a write, nor make all of a company's events wait for one row. So each process adds up
by itself and writes at most ten seconds after the first count that is not written yet. A process that is killed loses
that much of the counts, never an event.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple, TypeAlias

from django.db import IntegrityError, connections, router, transaction
from django.db.models import F, Q
from django.utils import timezone

from alhena_tracking.models import Company, EventCount, RefusedEvent

logger = logging.getLogger(__name__)

#: How long counts stay in memory; two of the ten seconds are left for the writing.
FLUSH_AFTER_SECONDS = 8.0
#: How long a process that ends waits for its last counts to be written.
EXIT_SECONDS = 5.0
#: How many different counts are kept in memory while the database cannot take them.
KEPT_COUNTS = 10_000
#: How many of a refused event's errors are kept, and how much of the path of a field.
KEPT_ERRORS = 20
FIELD_LENGTH = 100

_METHOD_LENGTH = EventCount._meta.get_field("method").max_length
_OUTCOME_LENGTH = EventCount._meta.get_field("outcome").max_length
_REASON_LENGTH = EventCount._meta.get_field("reason").max_length
_ORIGIN_LENGTH = RefusedEvent._meta.get_field("origin").max_length


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused event: the path of each wrong field and the code of what is wrong with it, never its value."""

    at: datetime
    method: str
    outcome: str
    errors: tuple[tuple[str, str], ...]
    origin: str


def count(company: Company, method: str, outcome: str, reason: str = "", *, number: int = 1) -> None:
    """Count events of today, in the company's time zone. Writes nothing yet, and never raises for the database's sake.

    ``reason`` is a machine code. While ``KEPT_COUNTS`` different counts wait to be written, others are not counted.
    """
    _unwritten.add(_key(company, timezone.now(), method, outcome, reason), number)


def refuse(company: Company, method: str, outcome: str, errors: Iterable[tuple[str, str]], origin: str = "") -> None:
    """Count a refused event under the code of its first error, and keep it among the company's last ones.

    ``errors`` are pairs of a field's path and a code. Texts may be anything that a caller sends.
    """
    at = timezone.now()
    kept = tuple(
        (_storable(field, FIELD_LENGTH), _storable(code, _REASON_LENGTH)) for field, code in islice(errors, KEPT_ERRORS)
    )
    key = _key(company, at, method, outcome, reason=kept[0][1] if kept else "")
    refusal = Refusal(
        at=at, method=key.method, outcome=key.outcome, errors=kept, origin=_storable(origin, _ORIGIN_LENGTH)
    )
    _unwritten.add(key, 1, refusal)


def flush() -> None:
    """Write what this process has counted, on the connection of the calling thread, which holds no transaction open.

    Raises the database's error, after which what was not written is kept and written later.
    """
    counts, refusals = _unwritten.take()
    companies = {key.company_id for key in counts} | refusals.keys()
    if not companies:
        return
    try:
        # Looked up before anything is written: SQLite cannot turn a reading transaction into a writing one.
        existing = _existing(companies)
        refused = existing & refusals.keys()
        _write_counts({key: number for key, number in counts.items() if key.company_id in existing})
        counts = {}
        _write_refusals({company_id: refusals[company_id] for company_id in refused})
    except BaseException:
        _unwritten.put_back(counts, refusals)
        raise
    for company_id in sorted(refused):
        _delete_superseded(company_id)


def forget() -> None:
    """Drop what is not written: in a child of this process, as the parent writes it, and between tests."""
    _unwritten.forget()


def is_automatic() -> bool:
    """Whether counts are written by themselves. Not in tests, the shop's own included: there only ``flush`` writes.

    A thread that writes whenever it likes makes tests fail at random, and by the time the process ends, the real
    database is back in the place of the test database.
    """
    # What setup_test_environment() leaves behind, whatever runs the tests. Who never imported it runs none.
    environment = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return not hasattr(environment, "saved_data")


def attend_process() -> None:
    """See to it that a child of this process starts without its counts, and that the last ones are written."""
    os.register_at_fork(after_in_child=forget)
    atexit.register(_flush_at_exit)


def refusals(company: Company) -> list[Refusal]:
    """A company's last ``RefusedEvent.KEPT`` refused events, the newest first.

    Up to the last ten seconds of each process are missing.
    """
    rows = RefusedEvent.objects.filter(company=company).order_by("-received_at", "-id")[: RefusedEvent.KEPT]
    return [
        Refusal(
            at=row.received_at,
            method=row.method,
            outcome=row.outcome,
            errors=tuple((error["field"], error["code"]) for error in row.errors),
            origin=row.origin,
        )
        for row in rows
    ]


# In memory


class _Key(NamedTuple):
    company_id: int
    on: date
    method: str
    outcome: str
    reason: str


_Counts: TypeAlias = Mapping[_Key, int]
_Refusals: TypeAlias = Mapping[int, Collection[Refusal]]


def _key(company: Company, at: datetime, method: str, outcome: str, reason: str) -> _Key:
    return _Key(
        company.pk,
        at.astimezone(company.zone).date(),
        _storable(method, _METHOD_LENGTH),
        _storable(outcome, _OUTCOME_LENGTH),
        _storable(reason, _REASON_LENGTH),
    )


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
        self._counts: dict[_Key, int] = {}
        self._refusals: dict[int, deque[Refusal]] = {}
        self.flusher: _Flusher | None = None

    def add(self, key: _Key, number: int, refusal: Refusal | None = None) -> None:
        with self._lock:
            self._count(key, number)
            if refusal is not None:
                self._refusals.setdefault(key.company_id, deque(maxlen=RefusedEvent.KEPT)).append(refusal)
            self._provide_flusher()

    def take(self) -> tuple[_Counts, _Refusals]:
        """All of it; from now on the caller is the only one to have it."""
        with self._lock:
            counts, self._counts = self._counts, {}
            refusals, self._refusals = self._refusals, {}
            return counts, refusals

    def put_back(self, counts: _Counts, refusals: _Refusals) -> None:
        """What was taken, before what has come since."""
        with self._lock:
            for key, number in counts.items():
                self._count(key, number)
            for company_id, earlier in refusals.items():
                later = self._refusals.get(company_id, ())
                self._refusals[company_id] = deque([*earlier, *later], maxlen=RefusedEvent.KEPT)
            self._provide_flusher()

    def dismiss(self, flusher: _Flusher) -> bool:
        """Let the thread end if nothing is left to write."""
        with self._lock:
            is_empty = not self._counts and not self._refusals
            if is_empty and self.flusher is flusher:
                self.flusher = None
            return is_empty

    def _count(self, key: _Key, number: int) -> None:
        if key in self._counts:
            self._counts[key] += number
        elif len(self._counts) < KEPT_COUNTS:
            self._counts[key] = number

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
                for company in Company.objects.using(router.db_for_write(Company)).unsettled():
                    company.settle_zone()
            finally:
                connections.close_all()
        except Exception as error:
            logger.warning("Counts of events could not be written and are kept: %s", type(error).__name__)


# In the database


def _existing(company_ids: Collection[int]) -> set[int]:
    """Those of the companies that are still there; nobody asks for the counts of the others."""
    companies = Company.objects.using(router.db_for_write(EventCount))
    return set(companies.filter(pk__in=company_ids).values_list("pk", flat=True))


def _write_counts(counts: _Counts) -> None:
    with transaction.atomic(using=router.db_for_write(EventCount), durable=True):
        for key in sorted(counts):  # in one order, so that no two processes wait for each other
            _increase(key, counts[key])


def _increase(key: _Key, number: int) -> None:
    identity = {
        "company_id": key.company_id,
        "counted_on": key.on,
        "method": key.method,
        "outcome": key.outcome,
        "reason": key.reason,
    }
    rows = EventCount.objects.filter(**identity)
    if rows.update(count=F("count") + number):
        return
    try:
        with transaction.atomic(using=router.db_for_write(EventCount)):
            EventCount.objects.create(**identity, count=number)
    except IntegrityError:
        if not rows.update(count=F("count") + number):
            raise


def _write_refusals(refusals: _Refusals) -> None:
    with transaction.atomic(using=router.db_for_write(RefusedEvent), durable=True):
        RefusedEvent.objects.bulk_create(
            RefusedEvent(
                company_id=company_id,
                method=refusal.method,
                outcome=refusal.outcome,
                errors=[{"field": field, "code": code} for field, code in refusal.errors],
                origin=refusal.origin,
                received_at=refusal.at,
            )
            for company_id in sorted(refusals)
            for refusal in refusals[company_id]
        )


def _delete_superseded(company_id: int) -> None:
    """Delete all but the newest refused events. Those that another process adds meanwhile are newer, and stay."""
    rows = RefusedEvent.objects.using(router.db_for_write(RefusedEvent)).filter(company_id=company_id)
    newest_first = rows.order_by("-received_at", "-id").values_list("received_at", "pk")
    for at, pk in newest_first[RefusedEvent.KEPT : RefusedEvent.KEPT + 1]:
        rows.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lte=pk)).delete()


def _flush_at_exit() -> None:
    flusher = _unwritten.flusher
    if flusher is not None:
        flusher.is_exiting.set()
        flusher.join(EXIT_SECONDS)


_unwritten = _Unwritten()
