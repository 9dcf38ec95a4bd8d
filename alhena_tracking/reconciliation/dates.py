"""Read the dates of a column as shops' systems write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Self
from zoneinfo import ZoneInfo

_TIME = r"(?:[T,]?\s*(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?)?"
_OFFSET = r"\s*(?P<offset>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?){_TIME}{_OFFSET}", re.ASCII | re.IGNORECASE
)
_YEAR_LAST = re.compile(
    rf"(?P<one>\d\d?)(?P<mark>[-/.])(?P<two>\d\d?)(?P=mark)(?P<year>\d{{4}}|\d\d){_TIME}{_OFFSET}",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class When:
    """The first and last moment of a time or of a day, and the day in the company's time zone."""

    first: datetime
    last: datetime
    on: date

    @classmethod
    def of_day(cls, on: date, zone: ZoneInfo) -> Self:
        first, last = (datetime.combine(on, moment, zone).astimezone(UTC) for moment in (time.min, time.max))
        return cls(first, last, on)

    @classmethod
    def of_time(cls, at: datetime, zone: ZoneInfo) -> Self:
        return cls(at.astimezone(UTC), at.astimezone(UTC), at.astimezone(zone).date())


def read_dates(texts: Sequence[str], zone: ZoneInfo) -> list[When | None]:
    """Read a column; ``None`` for what cannot be read. Times without an offset are in ``zone``.

    ``4/5/2026`` is 4 May or 5 April: another date of the column decides, such as ``31/5/2026``. Where none does, such
    dates are not read. ``4.5.2026`` is 4 May.
    """
    matches = [_YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text) for text in map(str.strip, texts)]
    is_day_first = _is_day_first(matches)
    return [None if match is None else _read(match, is_day_first, zone) for match in matches]


def _is_day_first(matches: Sequence[re.Match[str] | None]) -> bool | None:
    for match in matches:
        if match is not None and match.re is _YEAR_LAST and match["mark"] != "." and max(_pair(match)) > 12:
            return _pair(match)[0] > 12
    return None


def _pair(match: re.Match[str]) -> tuple[int, int]:
    return int(match["one"]), int(match["two"])


def _read(match: re.Match[str], is_day_first: bool | None, zone: ZoneInfo) -> When | None:
    year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    if match.re is _YEAR_FIRST:
        month, day = int(match["month"]), int(match["day"])
    elif match["mark"] == "." or is_day_first:
        day, month = _pair(match)
    elif is_day_first is None:
        return None
    else:
        month, day = _pair(match)
    try:
        on = date(year, month, day)
        if match["hour"] is None:
            return When.of_day(on, zone)
        return When.of_time(datetime.combine(on, _clock(match), _zone_of(match["offset"], zone)), zone)
    except (ValueError, OverflowError):
        return None


def _clock(match: re.Match[str]) -> time:
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    return time(hour, int(match["minute"]), int(match["second"] or 0))


def _zone_of(offset: str | None, zone: ZoneInfo) -> ZoneInfo | timezone:
    if offset is None:
        return zone
    if offset[0] not in "+-":
        return UTC
    sign = -1 if offset[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))
