"""Measure the report against one plain grouped SELECT over the same rows.

    python -m benchmarks.report --sizes 100000 1000000 10000000

Creates a database on the PostgreSQL server of DATABASE_URL, fills it with one company of each size in the same tables,
and drops it. The largest size takes several GB and many minutes. Measures before and after alhena_rollup.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

from benchmarks.fresh_database import DEFAULT_URL, fresh_database, set_up_django
from benchmarks.rows import Goal

NAME = "alhena_report_benchmark"
SIZES = [100_000, 1_000_000, 10_000_000]
#: Today has events until noon.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
UNTIL = NOON + timedelta(hours=3)
CHART_DAYS = 365
#: Days since the end of a range.
TODAY, YESTERDAY, LONG_AGO = 0, 1, 10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="events of each company, smallest first")
    parser.add_argument("--rounds", type=int, default=7, help="rounds, whose medians are printed (default: 7)")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL") or DEFAULT_URL)
    arguments = parser.parse_args()
    with fresh_database(arguments.database_url, NAME) as url:
        set_up_django(url)
        _measure(arguments.sizes, arguments.rounds)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the report and of what it is compared with, in each round."""

    ours: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def _measure(sizes: list[int], rounds: int) -> None:
    from alhena_tracking.rollups import roll_up

    companies = {}
    first_id = 1
    print(_head(rounds))
    month = {}
    for size in sizes:
        companies[size] = company = _new_company(size)
        begun = time.perf_counter()
        _fill(company, size, first_id)
        first_id += size
        print(f"\n## {size:,} events (made in {time.perf_counter() - begun:.0f} s; {_size()})\n\n{_TABLE}", flush=True)
        for is_rolled_up in (False, True):
            if is_rolled_up:
                begun = time.perf_counter()
                roll_up(UNTIL)
                _vacuum()
                print(f"| … alhena_rollup took {time.perf_counter() - begun:.1f} s | | | | | | |", flush=True)
            of_this = "rolled up" if is_rolled_up else "not rolled up"
            for days, is_compared, ago in _RANGES:
                timing = _report(company, days, rounds, is_compared=is_compared, ago=ago)
                what = f"report, {_range(days, ago, is_compared=is_compared)}, {of_this}"
                _print_ratio(what, timing, _GOALS.get((days, size)))
                month[size, days, is_compared, ago, is_rolled_up] = median(timing.ours)
            page = _page(company, rounds)
            print(f"| the page, 30 days to today, {of_this} | {page * 1e3:.1f} ms | | | | | |", flush=True)
    _print_growth(companies, sizes, month, rounds)
    _print_charts(companies[sizes[-1]], rounds)


#: Number of days, whether compared, and days since their end. Today is never rolled up.
_RANGES = [
    *((30, is_compared, ago) for ago in (TODAY, YESTERDAY) for is_compared in (False, True)),
    (30, False, LONG_AGO),
    (365, False, TODAY),
    (365, True, TODAY),
]
_AGO = {TODAY: "to today", YESTERDAY: "to yesterday", LONG_AGO: f"that ended {LONG_AGO} days ago"}


def _range(days: int, ago: int, *, is_compared: bool) -> str:
    return f"{days} days {_AGO[ago]}{', with the previous ones' if is_compared else ''}"


#: By days and events.
_GOALS = {
    (30, 1_000_000): Goal(3, 1, is_ceiling=True),
    (365, 10_000_000): Goal(0.5, 0.2, is_ceiling=True),
}
_GROWTH = Goal(2, 1.2, is_ceiling=True)
_CHART_MS = Goal(20, 5, is_ceiling=True)
_CHART_KB = Goal(150, 100, is_ceiling=True)
_TABLE = "| row | ours | SELECT | ratio | must | aim | verdict |\n|---|---:|---:|---:|---:|---:|---:|"


def _head(rounds: int) -> str:
    from django import get_version
    from django.db import connection

    from benchmarks import shop_history

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [(server,)] = cursor.fetchall()
    return (
        f"Python {sys.version.split()[0]}, Django {get_version()}, PostgreSQL {server}, {os.cpu_count()} cores, load "
        f"average {os.getloadavg()[0]:.1f}.\n"
        f"Each company has {shop_history.HISTORY.days} days of history, whatever its size, so a larger one has as much "
        f"more of everything on every day; all are in the same tables. Of {shop_history.EVENTS_A_SESSION} events 2 are "
        f"interactions, 7.5 cart events and half an order (with two lines each); 3 channels, 5 AI profiles, 3 "
        f"currencies (85 % in the one shown), {shop_history.PRODUCTS} products. VACUUM ANALYZE after loading.\n"
        f"SELECT: one plain statement that groups the cart events of the same days by day and channel. Medians of "
        f"{rounds} rounds, each of one SELECT and one report; the ratio is that of the two of a round."
    )


def _new_company(size: int) -> Any:
    from alhena_tracking.models import Company
    from benchmarks.shop_history import ZONE

    return Company.objects.create(key=f"shop-{size}", name=f"Shop of {size:,} events", time_zone=ZONE)


def _fill(company: Any, size: int, first_id: int) -> None:
    from benchmarks.shop_history import fill

    fill(company, size, first_id, UNTIL)
    _vacuum()


def _vacuum() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _size() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        [(size,)] = cursor.fetchall()
    return f"the database has {size}"


def _query(company: Any, days: int, *, is_compared: bool, ago: int = TODAY) -> Any:
    from alhena_tracking.reports import Period, ReportQuery

    period = Period.ending((NOON - timedelta(days=ago)).date(), days=days)
    return ReportQuery(company=company, period=period, is_compared=is_compared)


_SELECT = """
SELECT occurred_on, channel, SUM(gmv_minor), COUNT(*) FROM alhena_tracking_cartevent
WHERE company_id = %s AND currency = %s AND occurred_on BETWEEN %s AND %s GROUP BY occurred_on, channel"""


def _report(company: Any, days: int, rounds: int, *, is_compared: bool, ago: int) -> Timing:
    """Time the report and a SELECT over the same days, including the previous period if it is compared."""
    from django.db import connection

    from alhena_tracking.admin.report.tables import MOST_ROWS
    from alhena_tracking.reports import revenue_impact

    query = _query(company, days, is_compared=is_compared, ago=ago)
    start = query.period.previous.start if is_compared else query.period.start

    def select() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(_SELECT, [company.pk, "EUR", start, query.period.end])
            return cursor.fetchall()

    def ours() -> Any:
        return revenue_impact(query, most_products=MOST_ROWS)  # as the page asks

    rows, report = select(), ours()
    if report.currency != "EUR" or sum(int(row[2]) for row in rows) < report.current.add_to_cart_minor * 0.9:
        sys.exit("The run failed: the report and the SELECT do not cover the same rows.")
    if not is_compared and sum(int(row[2]) for row in rows) != report.current.add_to_cart_minor:
        sys.exit("The run failed: the report and the SELECT disagree.")
    timing = Timing([], [])
    for _ in range(rounds):
        timing.bare.append(_seconds(select))
        timing.ours.append(_seconds(ours))
    return timing


def _page(company: Any, rounds: int) -> float:
    """Time the admin page, without the browser's work."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("benchmark"))
    days = _query(company, 30, is_compared=True).period
    asked = {"company": company.key, "start": str(days.start), "end": str(days.end)}

    def page() -> None:
        response = client.get("/admin/alhena_tracking/revenueimpact/", asked)
        if response.status_code != 200:
            sys.exit(f"The run failed: the page's status is {response.status_code}.")

    page()
    return median(_seconds(page) for _ in range(rounds))


def _seconds(run: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    begun = clock()
    run()
    return clock() - begun


def _print_ratio(what: str, timing: Timing, goal: Goal | None) -> None:
    ours, bare = median(timing.ours) * 1e3, median(timing.bare) * 1e3
    judged = _judged(timing.ratio, goal, " ×")
    print(f"| {what} | {ours:.1f} ms | {bare:.1f} ms | {timing.ratio:.2f} × | {' | '.join(judged)} |", flush=True)


def _print_growth(companies: dict[int, Any], sizes: list[int], month: dict[Any, float], rounds: int) -> None:
    """Print the growth from the smallest to the largest company, and the smallest one's report beside the others."""
    if len(sizes) < 2:
        return
    small, large = sizes[0], sizes[-1]
    print(f"\n## Growth of the report of 30 days, from {small:,} to {large:,} events\n\n{_TABLE}")
    alone, busy = (month[size, 30, False, TODAY, False] for size in (small, large))
    what = f"{_range(30, TODAY, is_compared=False)}, {large // small} × as much on every day, not rolled up"
    _print_growth_row(what, busy, alone, busy / alone)
    for days, is_compared, ago in _RANGES:
        if days == 30:
            timing = _side_by_side(companies[small], companies[large], rounds, is_compared=is_compared, ago=ago)
            what = f"{_range(days, ago, is_compared=is_compared)}, {large // small} × as much on every day, rolled up"
            _print_growth_row(what, median(timing.ours), median(timing.bare), timing.ratio)
    # The companies stay rolled up from here on.
    alone = month[small, 30, False, TODAY, True]
    beside = median(_report(companies[small], 30, rounds, is_compared=False, ago=TODAY).ours)
    what = f"{_range(30, TODAY, is_compared=False)}, the same shop beside {sum(sizes[1:]):,} events of others"
    _print_growth_row(what, beside, alone, beside / alone)


def _side_by_side(small: Any, large: Any, rounds: int, *, is_compared: bool, ago: int) -> Timing:
    """Time the reports of two companies in turns, so that other load affects both."""
    from alhena_tracking.admin.report.tables import MOST_ROWS
    from alhena_tracking.reports import revenue_impact

    reports = [
        partial(revenue_impact, _query(company, 30, is_compared=is_compared, ago=ago), most_products=MOST_ROWS)
        for company in (large, small)
    ]
    for report in reports:
        report()
    timing = Timing([], [])
    for _ in range(3 * rounds):
        for seconds, report in zip((timing.ours, timing.bare), reports, strict=True):
            seconds.append(_seconds(report))
    return timing


def _print_growth_row(what: str, now: float, before: float, growth: float) -> None:
    judged = " | ".join(_judged(growth, _GROWTH, " ×"))
    print(f"| {what} | {now * 1e3:.1f} ms | was {before * 1e3:.1f} ms | {growth:.2f} × | {judged} |", flush=True)


def _print_charts(company: Any, rounds: int) -> None:
    from django.template.loader import render_to_string

    from alhena_tracking.admin.report.tables import day_table
    from alhena_tracking.admin.report.texts import chart_texts
    from alhena_tracking.reports import revenue_impact

    report = revenue_impact(_query(company, CHART_DAYS, is_compared=False))
    table = day_table(report)

    def charts() -> list[str]:
        template = "alhena_tracking/_chart.html"
        texts = chart_texts(report, table)
        return [render_to_string(template, {"chart": text, "report": report}) for text in texts]

    drawn = charts()
    each = [len(chart.encode()) / 1024 for chart in drawn]
    # Drawing does not wait for anything, so CPU time is accurate on a busy machine, too.
    milliseconds = median(_seconds(charts, time.process_time) for _ in range(rounds)) * 1e3 / len(drawn)
    print(f"\n## A chart of {CHART_DAYS} days × 3 channels\n\n{_TABLE}")
    print(f"| computed and drawn | {milliseconds:.1f} ms | | | {' | '.join(_judged(milliseconds, _CHART_MS, ' ms'))} |")
    print(f"| its size | {max(each):.0f} KB | | | {' | '.join(_judged(max(each), _CHART_KB, ' KB'))} |")


def _judged(figure: float, goal: Goal | None, unit: str) -> tuple[str, str, str]:
    if goal is None:
        return "", "", ""
    return f"{goal.must:g}{unit}", f"{goal.aim:g}{unit}", goal.verdict(figure)


if __name__ == "__main__":
    main()
