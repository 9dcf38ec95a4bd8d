"""Measure an export of many rows: additional memory, and rows per second.

    python -m benchmarks.export --rows 1000000

Creates and fills a database (on the PostgreSQL server of DATABASE_URL, or with --sqlite in a file), makes the files
of orders and cart events, and drops the database.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.fresh_database import DEFAULT_URL, fresh_database, set_up_django

NAME = "alhena_export_benchmark"
DAYS = 30
START = date(2026, 10, 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="number of cart events and of orders (default: %(default)s)"
    )
    parser.add_argument("--sqlite", action="store_true", help="use an SQLite file instead of PostgreSQL")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL") or DEFAULT_URL)
    arguments = parser.parse_args()
    with _database(arguments.sqlite, arguments.database_url) as url:
        set_up_django(url)
        _fill(arguments.rows)
        _read("orders", "csv", is_counted=False)  # warm up: imports and caches
        for name in ("orders", "cart_events"):
            for file_format in ("csv", "excel", *(["xlsx"] if arguments.rows <= 100_000 else [])):
                _read(name, file_format)


@contextmanager
def _database(is_sqlite: bool, server_url: str) -> Iterator[str]:
    if is_sqlite:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'benchmark.sqlite3'}"
    else:
        with fresh_database(server_url, NAME) as url:
            yield url


def _fill(rows: int) -> None:
    """Create cart events and orders, day after day, equal except for ids and times."""
    from django.db import connection

    from alhena_tracking.models import Company
    from tests.support.factories import CartEventFactory, OrderFactory, VisitorSessionFactory, at

    session = VisitorSessionFactory.create(company=Company.objects.get(), started_at=at(START), ai_profile="sommelier")
    event = CartEventFactory.create(session=session)
    order = OrderFactory.create(session=session, credited_interaction=event.credited_interaction, order_id="")
    if connection.vendor == "sqlite":
        day = f"date('{START}', '+' || (n.value * {DAYS} / {rows}) || ' days')"
        changed = {
            "event_id": "lower(hex(randomblob(16)))",
            "occurred_on": day,
            "occurred_at": f"{day} || ' 12:00:00'",
        }
        numbers = "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < %s)"
    else:
        second = f"n.value * {DAYS} %% {rows} * 50000.0 / {rows}"
        day = f"DATE '{START}' + (n.value * {DAYS} / {rows})::int"
        changed = {
            "event_id": "gen_random_uuid()",
            "occurred_on": day,
            "occurred_at": f"({day}) + TIME '06:00' + make_interval(secs => {second})",
        }
        numbers = "WITH n AS (SELECT generate_series(1::bigint, %s) AS value)"
    for row in (event, order):
        fields = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
        table, columns = row._meta.db_table, ", ".join(changed.get(field, f"one.{field}") for field in fields)
        with connection.cursor() as cursor:
            cursor.execute(
                f"{numbers} INSERT INTO {table} ({', '.join(fields)})"  # noqa: S608
                f" SELECT {columns} FROM {table} one, n WHERE one.id = %s",
                [rows - 1, row.pk],
            )
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _read(name: str, file_format: str, *, is_counted: bool = True) -> None:
    from alhena_tracking.downloads import Asked, make_file
    from alhena_tracking.models import Company, FileFormat
    from alhena_tracking.reports import Period, ReportQuery

    period = Period(START, START + timedelta(days=DAYS - 1)) if is_counted else Period(START, START)
    asked = Asked(name, FileFormat(file_format), ReportQuery(company=Company.objects.get(), period=period))
    before, begun, cpu = _resident(), time.perf_counter(), time.process_time()
    read: list[float] = []
    with _peak() as peak, tempfile.TemporaryFile() as file:
        made = make_file(asked, file, check=lambda _report, _count: read.append(time.perf_counter()))
    ended = time.perf_counter()
    if not is_counted:
        return
    print(
        f"{name} as {file_format}: {made.row_count:,} rows, {made.size / 2**20:.0f} MB in {ended - begun:.1f} s "
        f"({made.row_count / (ended - read[0]):,.0f} rows/s after {read[0] - begun:.1f} s for the report; "
        f"{time.process_time() - cpu:.1f} s of CPU, PostgreSQL's apart); "
        f"{(peak[0] - before) / 2**20:.1f} MB more memory (from {before / 2**20:.0f})",
        flush=True,
    )


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Track the peak memory of the process, sampled every 5 ms."""
    found, is_over = [_resident()], threading.Event()

    def look() -> None:
        while not is_over.wait(0.005):
            found[0] = max(found[0], _resident())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        is_over.set()
        watcher.join()


def _resident() -> int:
    """Bytes of memory in use (without /proc: the peak of the whole run)."""
    try:
        pages: Any = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    main()
