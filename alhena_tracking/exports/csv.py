"""CSV that spreadsheets open as they are: UTF-8 with a byte order mark, comma, CRLF, and no cell that is a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from alhena_tracking.exports.tables import Cell, Table

#: About as many characters are handed on at once.
CHUNK = 64 * 1024

# What begins a formula, also after what is not seen, and where a spreadsheet in another language takes the semicolons,
# tabs or line breaks of a text for the ends of cells. See OWASP, "CSV Injection".
_FORMULA = re.compile("(^|[;\t\r\n])(?=[\\s\x00-\x1f\ufeff]*[=+\\-@＝＋－＠])|^(?=[\t\r\n])")
#: Found at once in what need not be looked at more closely.
_SUSPECT = re.compile("[=+\\-@＝＋－＠\t\r\n]")


def csv_chunks(header: Iterable[Sequence[str]], table: Table) -> Iterator[bytes]:
    """The lines of ``header``, an empty one, the columns' names and the rows, piece by piece.

    Numbers have a dot and no grouping; moments are ISO 8601 with their offset.
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
    """What ``csv`` takes for a file."""

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
    """A text with a ``'`` before whatever a spreadsheet could take for the beginning of a formula."""
    return _FORMULA.sub(r"\1'", text) if _SUSPECT.search(text) else text
