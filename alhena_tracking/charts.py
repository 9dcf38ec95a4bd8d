"""The geometry of a bar chart from its numbers, without Django, money or languages.

Bars lie in a box of ``WIDTH`` units that the page stretches; everything else is placed in percent of the width. Heights
are in pixels. So a chart fits any width and its text keeps its size. All numbers are strings in SVG's notation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

HEIGHT = 220
#: About the width of a chart in pixels, so that patterns are hardly stretched.
WIDTH = 600
TOP, BOTTOM = 12, 26
TICK_INTERVALS = 4
MOST_LABELS = 7
#: The share of a column's width that its bar takes, and the widest bar in units.
BAR_SHARE = 0.72
WIDEST_BAR = 36.0
THINNEST_BAR = 1.0
TICK_CHARACTER_WIDTH = 7


@dataclass(frozen=True, slots=True)
class Series:
    """One amount for each column. ``key`` names its colour."""

    key: str
    label: str
    amounts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle: ``x`` and ``width`` in units, ``y`` and ``height`` in pixels."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class DrawnSeries:
    key: str
    bars: tuple[Bar, ...]

    @property
    def path(self) -> str:
        """All bars as one SVG path, a quarter of the size of single rectangles."""
        return "".join(f"M{bar.x} {bar.y}h{bar.width}v{bar.height}h-{bar.width}z" for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Column:
    """The background of a column that begins at ``x`` percent; ``title`` describes its bars."""

    x: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart at ``y`` pixels."""

    y: str
    label: str
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class ColumnLabel:
    """A label below the chart at ``x`` percent. An ``is_spare`` one may be hidden on narrow screens."""

    x: str
    label: str
    is_spare: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ``height`` pixels high and ``width`` units wide; the ticks' labels need ``gutter`` pixels beside it.

    Bars end above ``bottom``, and the columns' labels stand below it. Each of ``columns`` is ``column_width`` percent
    wide; ``partial`` is the one that is still incomplete, if any.
    """

    width: str
    height: str
    gutter: str
    bottom: str
    label_y: str
    column_width: str
    series: tuple[DrawnSeries, ...]
    columns: tuple[Column, ...]
    partial: Column | None
    ticks: tuple[Tick, ...]
    column_labels: tuple[ColumnLabel, ...]


def stacked_bars(
    columns: int,
    series: Sequence[Series],
    *,
    column_label: Callable[[int], str],
    column_title: Callable[[int], str],
    tick_label: Callable[[int], str],
    partial: int | None = None,
) -> Chart:
    """Stack the bars of ``series`` in ``columns`` columns; negative amounts hang below the axis.

    ``column_label(column)`` is the text below a column, ``column_title(column)`` its description and
    ``tick_label(amount)`` the label of a line of the axis. The column ``partial`` is still incomplete.
    """
    amounts = [[one.amounts[column] for one in series] for column in range(columns)]
    highest = max((sum(amount for amount in stack if amount > 0) for stack in amounts), default=0)
    lowest = min((sum(amount for amount in stack if amount < 0) for stack in amounts), default=0)
    tick_amounts = tick_values(lowest, highest)
    scale = _Scale(min(lowest, tick_amounts[0]), tick_amounts[-1])
    tick_labels = [tick_label(amount) for amount in tick_amounts]
    grounds = tuple(Column(_number(100 * column / columns) + "%", column_title(column)) for column in range(columns))
    return Chart(
        width=str(WIDTH),
        height=str(HEIGHT),
        gutter=str(max(map(len, tick_labels)) * TICK_CHARACTER_WIDTH + 10),
        bottom=str(HEIGHT - BOTTOM),
        label_y=str(HEIGHT - 6),
        column_width=_number(100 / max(columns, 1)) + "%",
        series=tuple(_draw(series, columns, scale)),
        columns=grounds,
        partial=None if partial is None else grounds[partial],
        ticks=tuple(
            Tick(_number(scale.y(amount)), label, is_baseline=amount == 0)
            for amount, label in zip(tick_amounts, tick_labels, strict=True)
        ),
        column_labels=tuple(_column_labels(columns, column_label)),
    )


def tick_values(lowest: int, highest: int) -> list[int]:
    """Return round, evenly spaced amounts with zero: none below ``lowest`` ≤ 0, the last not below ``highest`` ≥ 0."""
    step = _round_step(max(highest - lowest, 1))
    first, last = -(-lowest // step), -(-highest // step)
    return [number * step for number in range(first, last + 1)]


def _round_step(span: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50, … of which ``TICK_INTERVALS`` cover ``span``."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if step * TICK_INTERVALS >= span:
                return step
        power *= 10


@dataclass(frozen=True, slots=True)
class _Scale:
    low: int
    high: int

    def y(self, amount: int) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - amount) / max(self.high - self.low, 1)


def _draw(series: Sequence[Series], columns: int, scale: _Scale) -> list[DrawnSeries]:
    column_width = WIDTH / max(columns, 1)
    bar_width = min(column_width * BAR_SHARE, WIDEST_BAR)
    width = _number(bar_width)
    places = [_number((column + 0.5) * column_width - bar_width / 2) for column in range(columns)]
    above, below = [0] * columns, [0] * columns
    drawn = []
    for one in series:
        bars = []
        for column, amount in enumerate(one.amounts):
            if not amount:
                continue
            stack = above if amount > 0 else below
            start = scale.y(stack[column])
            stack[column] += amount
            end = scale.y(stack[column])
            height = _number(max(abs(end - start), THINNEST_BAR))
            bars.append(Bar(places[column], _number(min(start, end)), width, height))
        drawn.append(DrawnSeries(one.key, tuple(bars)))
    return drawn


def _column_labels(columns: int, column_label: Callable[[int], str]) -> list[ColumnLabel]:
    """Label every column, or as many evenly spaced ones as fit."""
    step = -(-columns // MOST_LABELS) or 1
    shown = range(step // 2, columns, step)
    return [
        ColumnLabel(_number((column + 0.5) * 100 / columns) + "%", column_label(column), is_spare=place % 2 == 1)
        for place, column in enumerate(shown)
    ]


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
