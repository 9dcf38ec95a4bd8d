"""Exchange rates: read the European Central Bank's files, and convert amounts at the rate of a day.

The files are the bank's euro foreign exchange reference rates, as CSV or as the ZIP that holds it: a row for each day,
a column for each currency, in units of the currency for one euro.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from io import BytesIO, StringIO
from typing import Self

from alhena_tracking.contract.amounts import decimals_of
from alhena_tracking.contract.currencies import MINOR_UNITS
from alhena_tracking.models import ExchangeRate

EURO = "EUR"
#: How long a rate holds: the bank publishes none on weekends and holidays.
RATE_HOLDS = timedelta(days=7)
#: The bank's whole history since 1999 has 600 KB.
MOST_BYTES = 16 * 1024 * 1024
#: The history has 2026-11-27, the file of one day 27 November 2026.
_DAY_FORMATS = ("%Y-%m-%d", "%d %B %Y")
_ABSENT = {"", "N/A"}
#: What ``zipfile`` raises for a ZIP that is broken, encrypted, or compressed in an unknown way.
_UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


class InvalidRates(ValueError):
    """A file that is not one of the bank's. ``message`` says what is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_rates(content: bytes) -> Iterator[ExchangeRate]:
    """Yield the rates of a file of the bank's, CSV or ZIP, not stored. Raises ``InvalidRates``.

    Columns of currencies that are no longer used are left out.
    """
    try:
        text = _unzipped(content).decode("utf-8-sig")
    except InvalidRates:
        raise
    except (ValueError, *_UNREADABLE_ZIP) as error:  # of UTF-8, or of places in a ZIP
        raise InvalidRates("The file is neither CSV in UTF-8 nor a ZIP with one such file.") from error
    try:
        rows = list(csv.reader(StringIO(text)))
    except csv.Error as error:
        raise InvalidRates(f"The file cannot be read as CSV: {error}.") from error
    header = [title.strip() for title in rows[0]] if rows else []
    if not header or header[0] != "Date" or not any(title in MINOR_UNITS for title in header):
        raise InvalidRates("The first line is not “Date” and currencies, as in the European Central Bank's files.")
    known: set[date] = set()
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        on = _day(row[0].strip(), number)
        if on in known:
            raise InvalidRates(f"Line {number}: {on} is listed twice.")
        known.add(on)
        for currency, cell in zip(header[1:], row[1:], strict=False):
            written = cell.strip()
            if currency in MINOR_UNITS and written not in _ABSENT:
                yield ExchangeRate(currency=currency, on=on, per_euro=_rate(written, currency, number))


def _unzipped(content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise InvalidRates("The file is larger than 16 MB.")
    if not content.startswith(b"PK"):
        return content
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(names) != 1 or archive.getinfo(names[0]).file_size > MOST_BYTES:
            raise InvalidRates("The ZIP does not hold one CSV file of at most 16 MB.")
        return archive.read(names[0])


def _day(text: str, line: int) -> date:
    for written in _DAY_FORMATS:
        try:
            return datetime.strptime(text, written).date()  # noqa: DTZ007 -- a day has no zone
        except ValueError:
            continue
    raise InvalidRates(f"Line {line}: “{text[:40]}” is not a day.")


def _rate(text: str, currency: str, line: int) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    rate = round(rate, 10) if rate.is_finite() and rate < 10**10 else Decimal(0)
    if rate <= 0:
        raise InvalidRates(f"Line {line}: “{text[:40]}” is not a rate of {currency}.")
    return rate


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of several days: by currency, the days in ascending order, and the units for one euro on each."""

    by_currency: Mapping[str, tuple[list[date], list[Decimal]]]

    @classmethod
    def of(cls, currencies: Iterable[str], start: date, end: date, *, using: str) -> Self:
        """Read the rates that hold on the days from ``start`` to ``end``."""
        found: dict[str, tuple[list[date], list[Decimal]]] = {}
        rates = ExchangeRate.objects.using(using).filter(
            currency__in=sorted(set(currencies)), on__gt=start - RATE_HOLDS, on__lte=end
        )
        for currency, on, per_euro in rates.order_by("on").values_list("currency", "on", "per_euro"):
            days, units = found.setdefault(currency, ([], []))
            days.append(on)
            units.append(per_euro)
        return cls(found)

    def convert(self, minor: int, currency: str, target: str, on: date) -> Fraction | None:
        """Convert minor units of a currency into those of ``target`` at the rate of a day; ``None`` without a rate."""
        units, target_units = self._per_euro(currency, on), self._per_euro(target, on)
        if units is None or target_units is None:
            return None
        decimals = decimals_of(target) - decimals_of(currency)
        return minor * Fraction(10) ** decimals * Fraction(target_units) / Fraction(units)

    def _per_euro(self, currency: str, on: date) -> Decimal | None:
        """Return the last rate published until a day, unless it is too old."""
        if currency == EURO:
            return Decimal(1)
        days, units = self.by_currency.get(currency, ([], []))
        place = bisect_right(days, on) - 1
        return units[place] if place >= 0 and on - days[place] < RATE_HOLDS else None
