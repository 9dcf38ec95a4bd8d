"""Days of time zones according to the C library, whose implementation is independent of Python's."""

from __future__ import annotations

import os
import time
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, SECOND, MICROSECOND = timedelta(hours=1), timedelta(seconds=1), timedelta(microseconds=1)
DayOf: TypeAlias = Callable[[datetime], date]

#: The two years under test begin in July of this year.
YEAR = 2024
#: Zones with unusual changes: days that begin at one o'clock, a missing day, shifts of half an hour or two.
ODD_ZONES = {
    "America/Havana": YEAR,  # clocks go forward at midnight, and back to midnight
    "Africa/Cairo": YEAR,
    "Asia/Beirut": YEAR,
    "America/Santiago": YEAR,
    "America/Asuncion": 2022,
    "America/Sao_Paulo": 2016,
    "Pacific/Apia": 2010,  # went without 30 December 2011
    "Atlantic/Azores": YEAR,
    "America/Scoresbysund": 2023,
    "Antarctica/Troll": YEAR,  # two hours at once
    "Australia/Lord_Howe": YEAR,  # half an hour
    "Africa/Casablanca": YEAR,  # back for Ramadan
    "Asia/Tehran": 2021,
    "Asia/Kathmandu": YEAR,
    "Pacific/Chatham": YEAR,
    "Pacific/Kiritimati": YEAR,
    "Etc/GMT+12": YEAR,
    "Europe/Dublin": YEAR,  # winter is the exception
    "Asia/Pyongyang": 2017,
}


def all_zones() -> dict[str, int]:
    return {zone: ODD_ZONES.get(zone, YEAR) for zone in sorted(zoneinfo.available_timezones() | ODD_ZONES.keys())}


def start_of(year: int) -> datetime:
    return datetime(year, 7, 1, tzinfo=UTC)


@contextmanager
def calendar_of(zone: str) -> Iterator[DayOf]:
    """Days of one zone. Only one zone can be in use at a time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = f":{_file_of(zone)}"
    time.tzset()
    try:
        yield _day
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def _file_of(zone: str) -> Path:
    for folder in zoneinfo.TZPATH:
        if (Path(folder) / zone).is_file():
            return Path(folder) / zone
    pytest.skip(f"the system has no table of {zone}")


def _local(moment: datetime) -> time.struct_time:
    return time.localtime((moment - EPOCH) // SECOND)


def _day(moment: datetime) -> date:
    local = _local(moment)
    return date(local.tm_year, local.tm_mon, local.tm_mday)


@cache
def edges_of(zone: str, year: int) -> tuple[list[datetime], list[datetime]]:
    """The timestamps within two years at which days begin, and those at which the clocks change."""
    with calendar_of(zone):
        begins = _edges(_day, start_of(year))
        changes = _edges(lambda moment: _local(moment).tm_gmtoff, start_of(year))
    return begins, changes


def hours_of(year: int) -> Iterator[datetime]:
    start = start_of(year)
    return (start + HOUR * number for number in range(2 * 365 * 24))


def _edges(day_of: Callable[[datetime], object], start: datetime) -> list[datetime]:
    edges = []
    before = day_of(start)
    for hour in range(1, 2 * 365 * 24):
        moment = start + hour * HOUR
        found = day_of(moment)
        if found != before:
            low, high = moment - HOUR, moment
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                low, high = (middle, high) if day_of(middle) == before else (low, middle)
            edges.append(high)
        before = found
    return edges
