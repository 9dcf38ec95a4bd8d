"""CSV that spreadsheets open directly: UTF-8 with a byte order mark, commas, CRLF, and no formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from alhena_tracking.exports.tables import Cell, Table

#: Characters per chunk, approximately.
CHUNK = 64 * 1024

# The start of a formula, also after invisible characters, and after semicolons, tabs or line breaks, which spreadsheets
# in other languages treat as the end of a cell. See OWASP, "CSV Injection".
_FORMULA = re.compile("(^|[;\t\r\n])(?=[\\s\x00-\x1f\ufeff]*[=+\\-@＝＋－＠])|^(?=[\t\r\n])")
#: A cheap first test for ``_FORMULA``.
_SUSPECT = re.compile("[=+\\-@＝＋－＠\t\r\n]")


def csv_chunks(header: Iterable[Sequence[str]], table: Table) -> Iterator[bytes]:
    """Yield ``header``, an empty line, the columns' titles and the rows, in chunks.

    Numbers have a decimal dot and no grouping; times are ISO 8601 with their offset.
    """
    lines: list[str] = ["\ufeff"]
    size = 0
    writer = csv.writer(_Lines(lines), quoting=csv.QUOTE_MINIMAL)
    for line in header:
        writer.writerow([_cell(text) for text in line])
    writer.writerow([])
    writer.writerow([_cell(name) for name in table.columns])
    for row in table.rows:
        writer.writerow([_cell(cell) for cell in row])
        size += len(lines[-1])
        if size >= CHUNK:
            yield "".join(lines).encode()
            lines.clear()
            size = 0
    if lines:
        yield "".join(lines).encode()


class _Lines:
    """A file for ``csv`` that collects lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _cell(value: Cell) -> str:
    match value:
        case str():
            return inert(value)
        case None:
            return ""
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat().replace("+00:00", "Z") if value.tzinfo is UTC else value.isoformat()
        case date():
            return value.isoformat()
    return str(value)


def inert(text: str) -> str:
    """Put a ``'`` before everything that a spreadsheet could read as the start of a formula."""
    return _FORMULA.sub(r"\1'", text) if _SUSPECT.search(text) else text
