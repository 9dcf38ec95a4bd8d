"""Format the figures as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.measure import Result, Slice
from benchmarks.rows import CPU_GOAL, QUERY_GOALS, SINGLE, SPREAD_GOAL, Goal

Cells = Sequence[str]

_GOALS = ("row", "ours", "bare", "ratio", "must", "aim", "verdict")
_DETAILS = (
    "row",
    "p50 ms",
    "p99 ms",
    "p99 ÷ p50",
    "CPU µs an event: application",
    "database",
    "× bare",
    "load generator",
)


def summary(results: Sequence[Result], queries: dict[str, int]) -> str:
    """Each row's figures, goals and verdict."""
    lines = [_cpu(result, result.row.goal) if result.row.is_of_cpu else _rate(result) for result in results]
    for result in results:
        if result.row.name == SINGLE:
            lines += [_cpu(result, CPU_GOAL), _spread(result)]
    lines += [_queries(name, count) for name, count in queries.items()]
    return _table(_GOALS, lines)


def details(results: Sequence[Result]) -> str:
    """Medians of latencies and CPU times, ours and bare."""
    lines = []
    for result in results:
        lines.append(_detail(result.row.title, result.ours, f"{result.ratio(lambda slice_: slice_.cpu):.2f}"))
        lines.append(_detail(f"… {result.row.base.title if result.row.base else 'bare'}", result.bare, ""))
    return _table(_DETAILS, lines)


def _rate(result: Result) -> Cells:
    def rate(slice_: Slice) -> float:
        return slice_.events_per_second

    ratio = result.ratio(rate)
    ours, bare = _median(result.ours, rate), _median(result.bare, rate)
    return (f"{result.row.title}, events/s", f"{ours:.0f}", f"{bare:.0f}", *_judged(ratio, result.row.goal, " ×"))


def _cpu(result: Result, goal: Goal | None) -> Cells:
    def cpu(slice_: Slice) -> float:
        return slice_.cpu * 1e6

    ours, bare = _median(result.ours, cpu), _median(result.bare, cpu)
    title = f"{result.row.title}, CPU µs, application and database"
    return (title, f"{ours:.0f}", f"{bare:.0f}", *_judged(result.ratio(cpu), goal, " ×"))


def _spread(result: Result) -> Cells:
    def spread(slice_: Slice) -> float:
        return slice_.spread

    ours, bare = _median(result.ours, spread), _median(result.bare, spread)
    judged = _judged(ours, SPREAD_GOAL, "")[1:]
    return (f"{result.row.title}, p99 ÷ p50", f"{ours:.2f}", f"{bare:.2f}", "", *judged)


def _queries(name: str, count: int) -> Cells:
    return (f"queries of one request, {name}", str(count), "1", "", *_judged(count, QUERY_GOALS[name], "")[1:])


def _judged(figure: float, goal: Goal | None, unit: str) -> Cells:
    if goal is None:
        return (f"{figure:.2f}{unit}", "", "", "")
    return (f"{figure:.2f}{unit}", f"{goal.must}{unit}", f"{goal.aim}{unit}", goal.verdict(figure))


def _detail(title: str, slices: Sequence[Slice], ratio: str) -> Cells:
    def of(figure: Callable[[Slice], float], digits: int = 0) -> str:
        return f"{_median(slices, figure):.{digits}f}"

    return (
        title,
        of(lambda slice_: slice_.p50 * 1e3, 1),
        of(lambda slice_: slice_.p99 * 1e3, 1),
        of(lambda slice_: slice_.spread, 2),
        of(lambda slice_: slice_.server_cpu * 1e6),
        of(lambda slice_: slice_.database_cpu * 1e6),
        ratio,
        of(lambda slice_: slice_.load_cpu * 1e6),
    )


def _median(slices: Iterable[Slice], figure: Callable[[Slice], float]) -> float:
    return median(figure(slice_) for slice_ in slices)


def _table(head: Cells, lines: Sequence[Cells]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *lines])
