"""Files made in the background: requested, made by any process that looks after them, and kept for a day."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone, translation

from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import EXPORT_ABANDONED_AFTER, EXPORT_BYTES, EXPORT_ROWS, EXPORTS_OF_A_PERSON
from alhena_tracking.db.transactions import atomic, database, rows_of
from alhena_tracking.downloads.asked import Asked, NotAllowed
from alhena_tracking.downloads.making import MadeFile, TakesTooLong, TooManyRows, make_file
from alhena_tracking.downloads.tasks import enqueue
from alhena_tracking.models import Export, FileFormat, LockRow
from alhena_tracking.querysets import ExportQuerySet
from alhena_tracking.signals import export_requested

logger = logging.getLogger(__name__)

#: The folder in the storage. Names in it cannot be guessed: some projects serve all that is stored.
FOLDER = "alhena_tracking/exports"
#: How often a file is begun, by processes that died or failed.
ATTEMPTS = 3
#: How long one file may take: so long it holds a snapshot of the database.
MOST_TIME = timedelta(minutes=30)
#: How often a process says that it still works on a file.
_PULSE = EXPORT_ABANDONED_AFTER / 6


class TooManyFiles(Exception):
    """The person has ``EXPORTS_OF_A_PERSON`` files already."""


class _Lost(Exception):
    """Another process, or nobody, makes the file now."""


def storage() -> Storage:
    """Return the storage for the files, which all servers share."""
    return storages[conf.export_storage]


def request_export(user: AbstractBaseUser, asked: Asked, stopped: TakesTooLong) -> Export:
    """Have a file made in the background for ``user``, in the active language.

    Return the row of the same request if it is still unfinished. Raises ``TooManyFiles`` or ``TooManyRows``.
    """
    if stopped.row_count > EXPORT_ROWS:
        raise TooManyRows(stopped.row_count, EXPORT_ROWS)
    same = {
        "table": asked.table,
        "format": asked.format,
        "filters": dict(asked.filters(stopped.report)),
        "language": translation.get_language() or "en",
    }
    rows: ExportQuerySet[Export] = rows_of(Export)
    with atomic(is_durable=False):
        # So that requests of one person wait for each other.
        LockRow.objects.using(rows.db).lock([zlib.crc32(str(user.pk).encode()) % LockRow.ROWS])
        own = list(rows.of(user))
        for export in own:
            is_unfinished = export.status in {Export.Status.REQUESTED, Export.Status.RUNNING}
            if is_unfinished and all(getattr(export, name) == value for name, value in same.items()):
                return export
        if len(own) >= EXPORTS_OF_A_PERSON:
            raise TooManyFiles
        export = rows.create(
            requested_by_id=user.pk,
            company=asked.query.company,
            row_count=stopped.row_count,
            requested_at=timezone.now(),
            **same,
        )
        transaction.on_commit(partial(_announce, export), using=rows.db, robust=True)
    return export


def _announce(export: Export) -> None:
    export_requested.send_robust(Export, instance=export)
    enqueue()


def run_exports() -> int:
    """Make all files that are requested or were abandoned, and return how many are done.

    Any number of processes may run it at once, and be killed: each file is made by one of them.
    """
    return sum(export.status == Export.Status.DONE for export in make_exports())


def make_exports() -> Iterator[Export]:
    """Make the files one after another, and yield each row that was dealt with."""
    tried: set[int] = set()
    while (export := _claim(tried)) is not None:
        tried.add(export.pk)
        _make(export)
        yield export


def delete_expired() -> int:
    """Delete rows and files that are older than a day, and return how many."""
    number = 0
    for export in rows_of(Export).expired(timezone.now()).order_by("pk").iterator():
        try:
            delete_export(export)
        except Exception:
            logger.exception("A file could not be deleted from the storage: %s", export.stored_as)
        else:
            number += 1
    return number


def delete_export(export: Export) -> None:
    """Delete the file, then its row. A process that is making it notices, and deletes what it made."""
    if export.stored_as:
        storage().delete(export.stored_as)
    rows_of(Export).filter(pk=export.pk).delete()


def _claim(tried: set[int]) -> Export | None:
    """Take the earliest file that nobody works on."""
    rows: ExportQuerySet[Export] = rows_of(Export)
    now = timezone.now()
    for export in rows.due(now).exclude(pk__in=tried):
        abandoned = export.stored_as
        export.run, export.worked_at, export.status = uuid.uuid4(), now, Export.Status.RUNNING
        export.stored_as = f"{FOLDER}/{uuid.uuid4().hex}.{FileFormat(export.format).suffix}"
        taken = rows.filter(pk=export.pk, attempts=export.attempts).exclude(
            status__in=[Export.Status.DONE, Export.Status.FAILED]
        )
        values = {name: getattr(export, name) for name in ("run", "worked_at", "status", "stored_as")}
        if taken.update(attempts=F("attempts") + 1, **values):
            export.attempts += 1
            if abandoned:
                with suppress(OSError):
                    storage().delete(abandoned)
            return export
    return None


def _make(export: Export) -> None:
    """Make a file that this process has taken."""
    if export.attempts > ATTEMPTS:
        _finish(export, status=Export.Status.FAILED, problem=Export.Problem.ERROR)
        return
    try:
        with _Pulse(export) as pulse, translation.override(export.language):
            _store(export, Asked.of(export), pulse)
    except _Lost:
        pass
    except NotAllowed:
        _finish(export, status=Export.Status.FAILED, problem=Export.Problem.NOT_ALLOWED)
    except TooManyRows:
        _finish(export, status=Export.Status.FAILED, problem=Export.Problem.TOO_LARGE)
    except Exception:
        logger.exception("The file %s could not be made.", export.pk)
        if export.attempts < ATTEMPTS:
            _finish(export, status=Export.Status.REQUESTED)
        else:
            _finish(export, status=Export.Status.FAILED, problem=Export.Problem.ERROR)


def _store(export: Export, asked: Asked, pulse: _Pulse) -> None:
    until = time.monotonic() + MOST_TIME.total_seconds()
    with tempfile.TemporaryFile() as file:

        def look() -> None:
            pulse.check()
            if file.tell() > EXPORT_BYTES or time.monotonic() > until:
                raise TooManyRows(export.row_count, EXPORT_ROWS)

        made = make_file(asked, file, look=look)
        look()
        file.seek(0)
        stored_as = storage().save(export.stored_as, File(file))
    _finish_done(export, made, stored_as)


def _finish_done(export: Export, made: MadeFile, stored_as: str) -> None:
    is_done = _finish(
        export,
        status=Export.Status.DONE,
        stored_as=stored_as,
        size=made.size,
        row_count=made.row_count,
        file_name=made.name,
    )
    if not is_done:
        storage().delete(stored_as)


def _finish(export: Export, **values: Any) -> bool:
    """Store how it ended, unless another process has taken the file."""
    if values["status"] != Export.Status.REQUESTED:
        values["finished_at"] = timezone.now()
    for name, value in values.items():
        setattr(export, name, value)
    return bool(rows_of(Export).filter(pk=export.pk, run=export.run).update(**values))


class _Pulse:
    """Says regularly that the process still works on the file, in a thread with its own connection.

    The connection that reads the rows is in a transaction meanwhile.
    """

    def __init__(self, export: Export) -> None:
        self._export = export
        self._is_over = threading.Event()
        self._is_lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._is_over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise if the file is not this process's any more."""
        if self._is_lost.is_set():
            raise _Lost

    def _beat(self) -> None:
        alias = database().alias
        try:
            while not self._is_over.wait(_PULSE.total_seconds()):
                try:
                    row = rows_of(Export).filter(pk=self._export.pk, run=self._export.run)
                    if not row.update(worked_at=timezone.now()):
                        self._is_lost.set()
                        return
                except Exception:
                    # Where the database fails for long, another process takes the file.
                    logger.warning("The file %s is being made, which could not be stored.", self._export.pk)
                    connections[alias].close()
        finally:
            connections[alias].close()
