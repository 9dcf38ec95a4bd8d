"""Measure ingestion against a bare Django view that parses the same JSON and stores one row.

Needs PostgreSQL and Redis on their standard ports of this machine; --database-url sets another PostgreSQL server. It
creates the database "alhena_benchmark" and drops it afterwards. Exits with 1 if an answer or a row is wrong, not if a
goal is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks.fresh_database import DEFAULT_URL

if TYPE_CHECKING:
    from benchmarks.rows import Row


def main() -> None:
    arguments = _arguments()
    os.environ["DATABASE_URL"] = arguments.database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    import django

    django.setup()
    from benchmarks import database
    from benchmarks.rows import rows

    since = datetime.now(UTC)
    every_row = {row.name: row for row in rows(since)}
    names = [arguments.profile] if arguments.profile else arguments.only or list(every_row)
    if unknown := set(names) - set(every_row):
        sys.exit(f"Unknown row: {', '.join(sorted(unknown))}. Choose from {', '.join(every_row)}.")
    chosen = _served([every_row[name] for name in names])
    try:
        with database.database(arguments.database_url):
            if arguments.profile:
                _profile(chosen, since)
            else:
                _measure(chosen, since, arguments.rounds, arguments.seconds)
    except (database.RunError, OSError) as error:
        sys.exit(f"The run failed: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="length of a slice (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="slices of each row and of the bare view (default: 5)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="the rows to measure (default: all)")
    parser.add_argument("--profile", metavar="ROW", help="profile one row instead")
    parser.add_argument(
        "--database-url",
        default=os.environ.get("DATABASE_URL", DEFAULT_URL),
        help=f"any database of the PostgreSQL server (default: DATABASE_URL, or {DEFAULT_URL})",
    )
    return parser.parse_args()


def _served(chosen: Sequence[Row]) -> list[Row]:
    """Leave out rows whose endpoint does not exist."""
    from django.urls import Resolver404, resolve

    there = []
    for row in chosen:
        try:
            resolve(row.load("", 0).path)
        except Resolver404:
            print(f"Skipped: {row.name} (no endpoint {row.endpoint})", file=sys.stderr)
        else:
            there.append(row)
    return there


def _measure(chosen: Sequence[Row], since: datetime, rounds: int, seconds: float) -> None:
    from benchmarks import table
    from benchmarks.in_process import Caller, count_queries
    from benchmarks.measure import Result, bench
    from benchmarks.rows import QUERY_GOALS, preparation

    print(_setting(rounds, seconds), flush=True)
    results: list[Result] = []
    is_prepared = False
    for is_threaded, rows in groupby(chosen, key=lambda row: row.is_threaded):
        with bench(is_threaded=is_threaded) as running:
            for load in [] if is_prepared else preparation(since):
                running.post(load)
            is_prepared = True
            for row in rows:
                print(f"{row.title} …", file=sys.stderr, flush=True)
                results.append(running.measure(row, rounds, seconds))
    caller = Caller()
    queries = {row.name: count_queries(caller, row) for row in chosen if row.name in QUERY_GOALS}
    print(table.summary(results, queries), table.details(results), sep="\n\n")


def _profile(chosen: Sequence[Row], since: datetime) -> None:
    from benchmarks.in_process import Caller, profile
    from benchmarks.rows import preparation

    caller = Caller()
    for load in preparation(since):
        caller.run(load)
    for row in chosen:
        print(profile(caller, row))


def _setting(rounds: int, seconds: float) -> str:
    """Describe the conditions of the run."""
    from benchmarks import database
    from benchmarks.bodies import CONNECTIONS
    from benchmarks.server import THREADS, WORKERS

    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "djangorestframework", "gunicorn", "psycopg"))
    return f"""\
Python {sys.version.split()[0]}, {packages}; PostgreSQL {database.version()}, fsync and synchronous_commit on; \
{os.cpu_count()} cores, shared with the load generator.
gunicorn with {WORKERS} sync workers, which close every connection (rows with threads: {WORKERS} gthread workers with \
{THREADS} threads each, keep-alive); CONN_MAX_AGE None; {CONNECTIONS} connections of load.
Bare: a view that parses the same JSON and does one create(), behind the same server and middleware. Ours: as in \
production, with an allowed origin; events are counted in Redis, and rate limits are never reached \
(django.core.cache.backends.redis.RedisCache).
Medians of {rounds} rounds. A round is a slice of {seconds:g} s of bare and one of ours; ratios are computed within \
a round.
"""


if __name__ == "__main__":
    main()
