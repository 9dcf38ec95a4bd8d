"""Read the orders of a shop's own export: CSV of any usual encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.amounts import decimals_of
from alhena_tracking.contract.limits import TEXT_LENGTH, WHITE_SPACE
from alhena_tracking.contract.rules import InvalidValue, parse_currency, parse_fingerprint, parse_text, parse_value
from alhena_tracking.contract.written_numbers import read_number
from alhena_tracking.models import Company
from alhena_tracking.order_ids import in_one_form
from alhena_tracking.reconciliation.columns import find_column
from alhena_tracking.reconciliation.dates import When, read_dates

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 50_000

COLUMNS: Mapping[str, _StrOrPromise] = {
    "order_id": _("Order ID"),
    "value": _("Value"),
    "currency": _("Currency"),
    "date": _("Date"),
    "visitor": _("Visitor ID"),
}
_DELIMITERS = ",;\t|"
#: So many titles of an unsuitable file are shown, and so much of each.
_SHOWN = 40
#: How Excel is made to keep an id as text: ``="1001"``.
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_Cells: TypeAlias = Mapping[str, str]


class InvalidFile(Exception):
    """A file that cannot be read at all. ``message`` is for staff, translated on access."""

    def __init__(self, message: _StrOrPromise, **params: object) -> None:
        super().__init__(message)
        self._message, self._params = message, params

    @property
    def message(self) -> str:
        return str(self._message) % self._params


@dataclass(frozen=True, slots=True)
class FileOrder:
    """An order of the file; ``when`` is ``None`` where the date is absent or cannot be read."""

    line: int
    order_id: str
    currency: str
    value_minor: int
    when: When | None = None
    visitor: UUID | None = None


@dataclass(frozen=True, slots=True)
class UnreadLine:
    """A line without a usable id, value or currency."""

    line: int
    order_id: str
    error: InvalidValue


@dataclass(slots=True)
class OrderFile:
    """The orders of a file, each id once. ``repeated`` counts further lines of an order, which are not compared."""

    orders: list[FileOrder] = field(default_factory=list)
    unread: list[UnreadLine] = field(default_factory=list)
    repeated: int = 0
    has_dates: bool = False


def read_orders(content: bytes, company: Company, chosen: Mapping[str, str]) -> OrderFile:
    """Read a file of at most ``MOST_BYTES``.

    ``chosen`` maps names of ``COLUMNS`` to titles in the file; the others are found by their usual titles. As currency,
    a code may be chosen instead; without a column it is the company's. Raises ``InvalidFile``.
    """
    if len(content) > MOST_BYTES:
        raise InvalidFile(_("The file is larger than %(most)s MB."), most=MOST_BYTES // 1024**2)
    lines = _lines(_decoded(content))
    titles = next(lines, (0, []))[1]
    places = {name: find_column(titles, name, chosen.get(name, "")) for name in COLUMNS}
    currency = company.currency
    if places["currency"] is None and chosen.get("currency"):
        try:
            currency = parse_currency(chosen["currency"])
        except InvalidValue:
            raise _missing("currency", titles) from None
    for name, place in places.items():
        is_needed = not currency if name == "currency" else name in {"order_id", "value"} or chosen.get(name)
        if place is None and is_needed:
            raise _missing(name, titles)
    rows = [(number, _cells(row, places)) for number, row in lines]
    dates = read_dates([cells["date"] for _, cells in rows], company.zone)
    file, known = OrderFile(has_dates=any(dates)), set()
    for (number, cells), when in zip(rows, dates, strict=True):
        try:
            order_id = in_one_form(parse_text(cells["order_id"]))
            if order_id in known:
                file.repeated += 1
                continue
            file.orders.append(_order(number, order_id, cells, when, currency))
            known.add(order_id)
        except InvalidValue as error:
            file.unread.append(UnreadLine(number, cells["order_id"][:TEXT_LENGTH], error))
    return file


def _order(line: int, order_id: str, cells: _Cells, when: When | None, currency: str) -> FileOrder:
    currency = parse_currency(cells["currency"]) if cells["currency"] or not currency else currency
    if not cells["value"]:
        raise InvalidValue("required")
    value_minor = parse_value(read_number(cells["value"], decimals_of(currency)), currency)
    try:
        visitor = parse_fingerprint(cells["visitor"])
    except InvalidValue:
        visitor = None
    return FileOrder(line, order_id, currency, value_minor, when, visitor)


def _cells(row: Sequence[str], places: Mapping[str, int | None]) -> _Cells:
    return {
        name: _AS_TEXT.sub(r"\1", row[place].strip(WHITE_SPACE)) if place is not None and place < len(row) else ""
        for name, place in places.items()
    }


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, with their numbers. The first one holds the titles."""
    delimiter = None
    if match := re.match(r"sep=(.)\r?\n", text):  # Excel's own
        delimiter, text = match[1], "\n" + text[match.end() :]
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = delimiter or max(_DELIMITERS, key=lambda each: len(next(csv.reader([head], delimiter=each))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found += 1
                if found > MOST_LINES + 1:
                    raise InvalidFile(_("The file has more than %(most)s lines."), most=MOST_LINES)
                yield reader.line_num, row
    except csv.Error as error:
        raise InvalidFile(_("Line %(line)s is no line of a CSV file."), line=reader.line_num) from error


def _decoded(content: bytes) -> str:
    """Decode by the byte order mark, else as UTF-16 if every other byte is zero, as UTF-8, or as Windows does."""
    if content.startswith(codecs.BOM_UTF8):
        return _decode(content, "utf-8-sig")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decode(content, "utf-16")
    if b"\0" in content[:2]:
        return _decode(content, "utf-16-be" if content.startswith(b"\0") else "utf-16-le")
    try:
        return _decode(content, "utf-8")
    except InvalidFile:
        return _decode(content, "cp1252", errors="replace")


def _decode(content: bytes, encoding: str, errors: str = "strict") -> str:
    try:
        text = content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise InvalidFile(_NO_CSV) from error
    if "\0" in text:
        raise InvalidFile(_NO_CSV)
    return text


_NO_CSV = _("This is no CSV file. Spreadsheets save as CSV, too.")


def _missing(name: str, titles: Sequence[str]) -> InvalidFile:
    return InvalidFile(
        _("No column found: %(column)s. Choose one of those that the file has: %(titles)s"),
        column=COLUMNS[name],
        titles=", ".join(title.strip()[:_SHOWN] for title in titles[:_SHOWN]) or "–",
    )
