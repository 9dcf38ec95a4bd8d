"""Periods as people mean them: presets, the periods they compare with, and weeks and months."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alhena_tracking.reports import Grain, Period, Preset


def period(days: str) -> Period:
    start, _, end = days.partition(" ")
    return Period(date.fromisoformat(start), date.fromisoformat(end or start))


#: Of each preset and day: the period, its complete days, the period before, and the one a year ago. The last 30 days
#: of a November are no month.
PRESETS = [
    line.split("|")
    for line in """
today|2026-03-10|2026-03-10|2026-03-10|2026-03-09|2025-03-11
yesterday|2026-03-10|2026-03-09|2026-03-09|2026-03-08|2025-03-10
last_7_days|2026-03-10|2026-03-04 2026-03-10|2026-03-03 2026-03-09|2026-02-25 2026-03-03|2025-03-05 2025-03-11
last_30_days|2026-11-30|2026-11-01 2026-11-30|2026-10-31 2026-11-29|2026-10-02 2026-10-31|2025-11-02 2025-12-01
last_90_days|2026-03-10|2025-12-11 2026-03-10|2025-12-10 2026-03-09|2025-09-12 2025-12-10|2024-12-12 2025-03-11
this_month|2026-03-10|2026-03-01 2026-03-10|2026-03-01 2026-03-09|2026-02-01 2026-02-10|2025-03-01 2025-03-10
this_month|2026-03-30|2026-03-01 2026-03-30|2026-03-01 2026-03-29|2026-02-01 2026-02-28|2025-03-01 2025-03-30
this_month|2026-03-31|2026-03-01 2026-03-31|2026-03-01 2026-03-30|2026-02-01 2026-02-28|2025-03-01 2025-03-31
this_month|2026-03-01|2026-03-01|2026-03-01|2026-02-01|2025-03-01
last_month|2026-03-10|2026-02-01 2026-02-28|2026-02-01 2026-02-28|2026-01-01 2026-01-31|2025-02-01 2025-02-28
last_month|2028-03-31|2028-02-01 2028-02-29|2028-02-01 2028-02-29|2028-01-01 2028-01-31|2027-02-01 2027-02-28
last_month|2026-01-31|2025-12-01 2025-12-31|2025-12-01 2025-12-31|2025-11-01 2025-11-30|2024-12-01 2024-12-31
this_quarter|2026-05-20|2026-04-01 2026-05-20|2026-04-01 2026-05-19|2026-01-01 2026-02-20|2025-04-01 2025-05-20
this_quarter|2026-11-30|2026-10-01 2026-11-30|2026-10-01 2026-11-29|2026-07-01 2026-08-31|2025-10-01 2025-11-30
this_quarter|2026-01-01|2026-01-01|2026-01-01|2025-10-01|2025-01-01
last_quarter|2026-02-10|2025-10-01 2025-12-31|2025-10-01 2025-12-31|2025-07-01 2025-09-30|2024-10-01 2024-12-31
year_to_date|2026-11-30|2026-01-01 2026-11-30|2026-01-01 2026-11-29|2025-01-01 2025-11-30|2025-01-01 2025-11-30
year_to_date|2028-02-29|2028-01-01 2028-02-29|2028-01-01 2028-02-28|2027-01-01 2027-02-28|2027-01-01 2027-02-28
last_12_months|2026-03-10|2025-03-11 2026-03-10|2025-03-10 2026-03-09|2024-03-11 2025-03-10|2024-03-11 2025-03-10
last_12_months|2028-02-29|2027-03-01 2028-02-29|2027-03-01 2028-02-28|2026-03-01 2027-02-28|2026-03-01 2027-02-28
""".strip().splitlines()
]


@pytest.mark.parametrize(("name", "today", "asked", "complete", "before", "year_before"), PRESETS)
def test_presets_are_the_days_that_people_mean(
    name: str, today: str, asked: str, complete: str, before: str, year_before: str
) -> None:
    preset, on = Preset(name), date.fromisoformat(today)
    assert preset.period(on) == period(asked)
    assert preset.period(on, is_complete=True) == period(complete)
    assert preset.previous(period(asked)) == period(before)
    assert preset.year_before(period(asked)) == period(year_before)


def test_every_preset_has_its_days() -> None:
    assert {name for name, *_ in PRESETS} == set(Preset.values)


@given(st.sampled_from(Preset), st.dates(date(2001, 1, 1), date(2100, 1, 1)), st.booleans())
def test_presets_on_any_day_are_a_year_at_most_and_compare_earlier_days(
    preset: Preset, today: date, is_complete: bool
) -> None:
    asked = preset.period(today, is_complete=is_complete)
    assert asked.start <= asked.end <= today
    assert len(asked) <= 366
    if is_complete and len(asked) > 1:
        assert asked.end < today
    before = preset.previous(asked)
    assert before.start <= before.end < asked.start
    assert len(before) <= 366
    year_before = preset.year_before(asked)
    assert year_before.start < asked.start
    assert 363 <= (asked.start - year_before.start).days <= 366
    if preset in {Preset.TODAY, Preset.YESTERDAY, Preset.LAST_7_DAYS, Preset.LAST_30_DAYS, Preset.LAST_90_DAYS}:
        assert len(before) == len(year_before) == len(asked)
        assert year_before.start.weekday() == asked.start.weekday()


@pytest.mark.parametrize(
    ("asked", "before", "year_before"),
    [
        ("2026-03-02 2026-03-08", "2026-02-23 2026-03-01", "2025-03-03 2025-03-09"),
        ("2026-03-01 2026-03-31", "2026-02-01 2026-02-28", "2025-03-01 2025-03-31"),
        ("2026-02-01 2026-03-31", "2025-12-01 2026-01-31", "2025-02-01 2025-03-31"),
        ("2024-01-01 2024-12-31", "2023-01-01 2023-12-31", "2023-01-01 2023-12-31"),
        ("2026-03-01 2026-03-30", "2026-01-30 2026-02-28", "2025-03-02 2025-03-31"),
        # 365 days: 364 before, they would overlap.
        ("2025-03-11 2026-03-10", "2024-03-11 2025-03-10", "2024-03-11 2025-03-10"),
    ],
)
def test_days_compare_with_as_many_and_whole_months_with_months(asked: str, before: str, year_before: str) -> None:
    assert period(asked).previous == period(before)
    assert period(asked).year_before == period(year_before)


def test_weeks_begin_on_mondays_and_the_first_and_last_are_cut() -> None:
    parts = Grain.WEEK.parts(period("2026-02-25 2026-03-11"))  # from a Wednesday to a Wednesday
    assert [part.period for part in parts] == [
        period("2026-02-25 2026-03-01"),
        period("2026-03-02 2026-03-08"),
        period("2026-03-09 2026-03-11"),
    ]
    assert [(part.is_cut, part.whole_days) for part in parts] == [(True, 7), (False, 7), (True, 7)]


def test_months_when_cut_know_how_long_they_are() -> None:
    parts = Grain.MONTH.parts(period("2028-01-31 2028-03-31"))
    assert [(len(part.period), part.whole_days, part.is_cut) for part in parts] == [
        (1, 31, True),
        (29, 29, False),
        (31, 31, False),
    ]


KEYS: dict[Grain, Callable[[date], object]] = {
    Grain.DAY: lambda day: day,
    Grain.WEEK: lambda day: day.isocalendar()[:2],
    Grain.MONTH: lambda day: (day.year, day.month),
}


@given(st.sampled_from(Grain), st.dates(date(2001, 1, 1), date(2100, 1, 1)), st.integers(1, 366))
def test_parts_of_any_period_are_all_its_days_once(grain: Grain, start: date, days: int) -> None:
    asked = Period.starting(start, days=days)
    parts = grain.parts(asked)
    assert [day for part in parts for day in part.period.days] == asked.days
    key = KEYS[grain]
    assert all(len({key(day) for day in part.period.days}) == 1 for part in parts)
    assert all(key(one.period.end) != key(other.period.start) for one, other in pairwise(parts))
    assert not any(part.is_cut for part in parts[1:-1])
    first, last = parts[0].period.start, parts[-1].period.end
    one_day = timedelta(days=1)
    is_whole = key(first - one_day) != key(first) and key(last + one_day) != key(last)
    assert is_whole == (not parts[0].is_cut and not parts[-1].is_cut)
