"""From numbers to geometry: every bar where it belongs, every number as SVG wants it."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alhena_tracking import charts
from alhena_tracking.charts import Bar, Chart, Series, stacked_bars, tick_values


def draw(*amounts: Sequence[int], partial: int | None = None) -> Chart:
    """A chart of one series for each of ``amounts``."""
    return stacked_bars(
        len(amounts[0]),
        [Series(f"series-{number}", f"Series {number}", one) for number, one in enumerate(amounts)],
        column_label=lambda column: f"day {column}",
        column_title=lambda column: f"{column}: {[one[column] for one in amounts]}",
        tick_label=str,
        partial=partial,
    )


def baseline_of(chart: Chart) -> float:
    return next(float(tick.y) for tick in chart.ticks if tick.is_baseline)


def ends_of(bar: Bar) -> tuple[float, float]:
    return float(bar.y), float(bar.y) + float(bar.height)


def test_charts_when_imported_need_no_django() -> None:
    tree = ast.parse(Path(charts.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules == {"__future__", "collections.abc", "dataclasses"}
    assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("lowest", "highest", "ticks"),
    [
        (0, 4, [0, 1, 2, 3, 4]),
        (0, 90, [0, 50, 100]),
        (0, 1_000, [0, 500, 1000]),
        (0, 113_000, [0, 50_000, 100_000, 150_000]),
        (-400, 1_000, [0, 500, 1000]),
        (-700, 300, [-500, 0, 500]),
        (-700, 0, [-600, -400, -200, 0]),
        (0, 0, [0]),
    ],
)
def test_ticks_are_round(lowest: int, highest: int, ticks: list[int]) -> None:
    assert tick_values(lowest, highest) == ticks


@given(lowest=st.integers(-(10**18), 0), highest=st.integers(0, 10**18))
def test_ticks_are_few_even_and_reach_the_highest(lowest: int, highest: int) -> None:
    ticks = tick_values(lowest, highest)
    assert 0 in ticks
    assert lowest <= ticks[0]
    assert ticks[-1] >= highest
    assert len(ticks) <= charts.TICK_INTERVALS + 2
    assert len({after - before for before, after in pairwise(ticks)}) <= 1


def test_bars_when_of_one_day_are_stacked() -> None:
    chart = draw([100], [300])
    lower, upper = (one.bars[0] for one in chart.series)
    assert ends_of(lower)[1] == baseline_of(chart)
    assert ends_of(upper)[1] == pytest.approx(float(lower.y), abs=0.02)
    assert float(upper.height) == pytest.approx(3 * float(lower.height), abs=0.05)
    assert (lower.x, lower.width) == (upper.x, upper.width)


def test_bars_when_negative_hang_below_the_axis() -> None:
    chart = draw([100, -50], [-200, -100])
    baseline = baseline_of(chart)
    (up, first_down), (down, second_down) = (one.bars for one in chart.series)
    assert ends_of(up)[1] == baseline
    assert float(down.y) == baseline
    assert float(first_down.y) == baseline
    assert float(second_down.y) == pytest.approx(ends_of(first_down)[1], abs=0.02)


def test_column_when_its_amount_is_zero_has_no_bar() -> None:
    chart = draw([0, 5, 0])
    [bar] = chart.series[0].bars
    assert charts.WIDTH / 3 < float(bar.x) < float(bar.x) + float(bar.width) < charts.WIDTH * 2 / 3


def test_column_when_it_has_no_bars_still_has_background_and_title() -> None:
    chart = draw([0, 5, 0, 1], [0, -3, 0, 0])
    assert [column.title for column in chart.columns] == ["0: [0, 0]", "1: [5, -3]", "2: [0, 0]", "3: [1, 0]"]
    assert [column.x for column in chart.columns] == ["0%", "25%", "50%", "75%"]
    assert chart.column_width == "25%"


def test_column_when_partial_is_named() -> None:
    chart = draw([4, 5, 6], partial=2)
    assert chart.partial == chart.columns[2]
    assert draw([4, 5, 6]).partial is None


def test_path_when_drawn_holds_its_bars_and_nothing_else() -> None:
    [series] = draw([3, 0, -2]).series
    drawn = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z", series.path)
    assert [one[:4] for one in drawn] == [(bar.x, bar.y, bar.width, bar.height) for bar in series.bars]
    assert [one[2] for one in drawn] == [one[4] for one in drawn]
    assert re.sub(r"[Mhvz0-9. -]", "", series.path) == ""


def test_bar_when_its_amount_is_small_stays_visible() -> None:
    chart = draw([1, 1_000_000])
    assert float(chart.series[0].bars[0].height) == charts.THINNEST_BAR


@given(
    st.integers(1, 60).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(-(10**16), 10**16), min_size=columns, max_size=columns), min_size=1, max_size=3
        )
    )
)
def test_everything_lies_within_the_chart(amounts: list[list[int]]) -> None:
    chart = draw(*amounts)
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    for one in chart.series:
        for bar in one.bars:
            assert top - 0.1 <= ends_of(bar)[0] <= ends_of(bar)[1] <= bottom + charts.THINNEST_BAR
            left, width = float(bar.x), float(bar.width)
            assert 0 <= left <= left + width <= charts.WIDTH + 0.1
    for tick in chart.ticks:
        assert top <= float(tick.y) <= bottom
    assert sum(tick.is_baseline for tick in chart.ticks) == 1


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=400))
def test_numbers_are_written_as_svg_wants_them(amounts: list[int]) -> None:
    chart = draw(amounts)
    bars = chart.series[0].bars
    numbers = [chart.height, chart.gutter, chart.label_y, *(tick.y for tick in chart.ticks)]
    numbers += [text for bar in bars for text in (bar.x, bar.y, bar.width, bar.height)]
    shares = [*(column.x for column in chart.columns), chart.column_width, *(one.x for one in chart.column_labels)]
    assert all(re.fullmatch(r"\d+(\.\d{1,2})?", number) for number in numbers)
    assert all(re.fullmatch(r"\d+(\.\d{1,2})?%", number) for number in shares)


@pytest.mark.parametrize(("columns", "labels"), [(1, 1), (7, 7), (8, 4), (30, 6), (90, 7), (366, 7)])
def test_labels_when_columns_are_many_are_few_and_half_are_spare(columns: int, labels: int) -> None:
    chart = draw([1] * columns)
    assert len(chart.column_labels) == labels
    assert {label.label for label in chart.column_labels} <= {f"day {column}" for column in range(columns)}
    assert [label.is_spare for label in chart.column_labels] == [place % 2 == 1 for place in range(labels)]


def test_chart_when_it_has_no_columns_or_amounts_is_drawn() -> None:
    assert draw([]).series[0].bars == ()
    empty = draw([0, 0])
    assert empty.series[0].bars == ()
    assert [tick.label for tick in empty.ticks] == ["0"]
