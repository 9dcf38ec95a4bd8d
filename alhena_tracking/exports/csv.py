"""CSV in two dialects, without formulas: data for programs (RFC 4180), and what spreadsheets open by a double click."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

from django.utils.formats import get_format

from alhena_tracking.exports.formulas import inert
from alhena_tracking.exports.tables import Cell, Table

#: Rows written at once.
ROWS = 500

_Writers: TypeAlias = dict[type[Any], Callable[[Any], str]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are separated and written. ``mark`` begins the file.

    ``respelled`` writes what a database wrote as data, by its type; nothing is left to do for data themselves.
    """

    delimiter: str
    mark: str
    writers: _Writers
    respelled: Mapping[type[Any], Callable[[str], str]] | None = None


def _decimal(value: Decimal) -> str:
    return f"{value:f}"


def _moment(value: datetime) -> str:
    text = value.isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z") if value.tzinfo is UTC else text


_WRITERS: _Writers = {
    str: inert,
    int: str,
    type(None): lambda value: "",
    Decimal: _decimal,
    datetime: _moment,
    date: date.isoformat,
}
#: Commas, dots, ISO 8601 with milliseconds and offset.
DATA = Dialect(",", "", _WRITERS)


def spreadsheet_dialect(language: str) -> Dialect:
    """Return what spreadsheets in ``language`` expect: a byte order mark, and semicolons where decimals have a comma.

    Times have no offset, which spreadsheets take for text; the column's title names the zone.
    """
    has_comma = get_format("DECIMAL_SEPARATOR", language, use_l10n=True) == ","
    writers: _Writers = {**_WRITERS, datetime: lambda value: f"{value:%Y-%m-%d %H:%M:%S}"}
    respelled: dict[type[Any], Callable[[str], str]] = {datetime: lambda text: f"{text[:10]} {text[11:19]}"}
    if has_comma:
        writers[Decimal] = lambda value: _decimal(value).replace(".", ",")
        respelled[Decimal] = lambda text: text.replace(".", ",")
    return Dialect(";" if has_comma else ",", "\ufeff", writers, respelled)


def csv_chunks(table: Table, dialect: Dialect = DATA) -> Iterator[bytes]:
    """Yield the columns' titles and the rows, in chunks. Lines end with CR and LF."""
    lines: list[str] = [dialect.mark]
    writer = csv.writer(_Lines(lines), delimiter=dialect.delimiter)
    writer.writerow([inert(title) for title in table.columns])
    yield "".join(lines).encode()
    if table.copied:
        with closing(table.copied()) as copied:
            while copies := list(islice(copied, ROWS)):
                if dialect.respelled is None:
                    yield b"\r\n".join(copies) + b"\r\n"
                    continue
                lines.clear()
                writer.writerows(_respelled(copies, table.types, dialect.respelled))
                yield "".join(lines).encode()
        return
    rows = iter(table.rows)
    while some := list(islice(rows, ROWS)):
        lines.clear()
        writer.writerows([_texts(row, dialect.writers) for row in some])
        yield "".join(lines).encode()


def _respelled(
    copies: list[bytes], types: Sequence[type[Any]], respelled: Mapping[type[Any], Callable[[str], str]]
) -> list[list[str]]:
    rows = list(csv.reader(bytes(copy).decode() for copy in copies))
    for place, respell in [(place, respelled[each]) for place, each in enumerate(types) if each in respelled]:
        for row in rows:
            if row[place]:
                row[place] = respell(row[place])
    return rows


def _texts(row: Any, writers: _Writers) -> list[str]:
    return [_text(cell, writers) for cell in row]


def _text(cell: Cell, writers: _Writers) -> str:
    try:
        return writers[type(cell)](cell)
    except KeyError:  # a class of its own, such as an enum's
        return inert(str(cell))


class _Lines:
    """A file for ``csv`` that collects lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append
