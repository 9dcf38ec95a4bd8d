"""The file of what was asked for, at once or in any time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import IO, TypeVar, cast

from django.db import OperationalError
from django.utils import translation

from alhena_tracking import exports
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.downloads.asked import Asked
from alhena_tracking.models import FileFormat
from alhena_tracking.reports import RevenueImpactReport, revenue_impact

#: How long a request may make a file before that goes on in the background: sending it takes time, too.
AT_ONCE_SECONDS = 8.0
#: Rows that take a fraction of that, even on a slow machine: copied by PostgreSQL, in CSV otherwise, in XLSX.
COPIED_AT_ONCE = 200_000
CSV_AT_ONCE = 40_000
XLSX_AT_ONCE = 8_000
#: Bytes of a file that are held in memory; larger ones are on disk.
SPOOLED = 1024 * 1024
#: Rows between two looks at the clock.
_BETWEEN_LOOKS = 500

_Row = TypeVar("_Row")
#: Raises to stop the work.
Look = Callable[[], None]


class TakesTooLong(Exception):
    """The file takes longer than a request should. ``report`` and ``row_count`` are what is known by then."""

    def __init__(self, report: RevenueImpactReport | None = None, row_count: int = 0) -> None:
        super().__init__()
        self.report = report
        self.row_count = row_count


class TooManyRows(Exception):
    """The format, or the background, does not take so many rows."""

    def __init__(self, row_count: int, most: int) -> None:
        super().__init__(row_count, most)
        self.row_count = row_count
        self.most = most


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A finished file, which the caller closes."""

    file: IO[bytes]
    size: int
    row_count: int
    name: str
    ascii_name: str


def most_rows(file_format: FileFormat) -> int | None:
    """Return the most rows that a format should hold."""
    return {FileFormat.XLSX: exports.MOST_XLSX_ROWS, FileFormat.EXCEL: exports.MOST_EXCEL_ROWS}.get(file_format)


def is_made_at_once(asked: Asked, row_count: int) -> bool:
    """Estimate by the number of rows whether the file is made in a few seconds."""
    if asked.format == FileFormat.XLSX:
        return row_count <= XLSX_AT_ONCE
    is_copied = asked.is_of_rows and exports.can_copy()
    return row_count <= (COPIED_AT_ONCE if is_copied else CSV_AT_ONCE)


def make_at_once(asked: Asked) -> MadeFile:
    """Make a file within ``AT_ONCE_SECONDS``, or raise ``TakesTooLong``; ``TooManyRows`` for the format."""
    until = time.monotonic() + AT_ONCE_SECONDS
    known = TakesTooLong()

    def look() -> None:
        if time.monotonic() > until:
            raise known

    def check(report: RevenueImpactReport, row_count: int) -> None:
        known.report, known.row_count = report, row_count
        look()
        if not is_made_at_once(asked, row_count):
            raise known

    file = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=SPOOLED))  # noqa: SIM115 (the answer closes it)
    try:
        return make_file(asked, file, look=look, check=check, seconds=AT_ONCE_SECONDS)
    except BaseException as error:
        file.close()
        if isinstance(error, OperationalError) and time.monotonic() > until:
            raise known from error  # the database ended a statement
        raise


def make_file(
    asked: Asked,
    file: IO[bytes],
    *,
    look: Look = lambda: None,
    check: Callable[[RevenueImpactReport, int], None] = lambda _report, _count: None,
    seconds: float | None = None,
) -> MadeFile:
    """Write the file in the active language, from one snapshot of the database.

    ``look`` is called between rows, ``check`` once with the report and its number of rows; both may raise.
    """
    with snapshot(seconds=seconds):
        report = revenue_impact(asked.needed)
        expected = asked.row_count(report)
        most = most_rows(asked.format)
        if most is not None and expected > most:
            raise TooManyRows(expected, most)
        check(report, expected)
        row_count = _write(asked, report, file, look)
    name, ascii_name = (
        exports.file_name(report, asked.table, asked.format.suffix, row_count, is_ascii=is_ascii)
        for is_ascii in (False, True)
    )
    return MadeFile(file, file.tell(), row_count, name, ascii_name)


def _write(asked: Asked, report: RevenueImpactReport, file: IO[bytes], look: Look) -> int:
    """Write the rows, and return how many they were."""
    counter = _Counter(look)
    tables = [counter.counted(table) for table in asked.tables(report)]
    if asked.format == FileFormat.XLSX:
        exports.write_xlsx(file, tables, exports.filter_lines(report, asked.tables(report)[0].title))
    else:
        is_data = asked.format == FileFormat.CSV
        dialect = exports.DATA if is_data else exports.spreadsheet_dialect(translation.get_language() or "en")
        for table in tables:
            for chunk in exports.csv_chunks(table, dialect):
                file.write(chunk)
    file.seek(0, 2)
    return counter.number


class _Counter:
    """Counts the rows of tables while they are read, and calls ``look`` in between."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.number = 0

    def counted(self, table: exports.Table) -> exports.Table:
        copied = table.copied
        return replace(
            table,
            rows=self._rows(table.rows),
            copied=None if copied is None else lambda: self._copied(copied()),
        )

    def _copied(self, lines: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
        with closing(lines):
            yield from self._rows(lines)

    def _rows(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        for row in rows:
            if self.number % _BETWEEN_LOOKS == 0:
                self.look()
            self.number += 1
            yield row
