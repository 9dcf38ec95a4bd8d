"""Measure the lists of the admin and the pages of staff's JSON at many events.

    python -m benchmarks.lists --events 10000000

Creates a database on the PostgreSQL server of DATABASE_URL, fills it with four companies, and drops it. The pages are
opened by staff who may see two of them. Ten million events take 6 GB and about ten minutes to lay.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median
from typing import Any

from benchmarks.fresh_database import DEFAULT_URL, fresh_database, set_up_django
from benchmarks.list_requests import admin_requests, far_row, json_requests, listed
from benchmarks.rows import Goal

NAME = "alhena_lists_benchmark"
COMPANIES = 4
VISIBLE = 2
UNTIL = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)
GOAL = Goal(300, 100, is_ceiling=True)
_TABLE = "| page | median | slowest | must | aim | verdict |\n|---|---:|---:|---:|---:|---:|"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000, help="events of all companies (default: 10,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="requests of each page (default: 5)")
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL") or DEFAULT_URL)
    parser.add_argument("--laid", action="store_true", help="use the database of the URL as it is, and keep it")
    arguments = parser.parse_args()
    if arguments.laid:
        set_up_django(arguments.database_url)
        _measure(arguments.rounds)
        return
    with fresh_database(arguments.database_url, NAME) as url:
        set_up_django(url)
        lay(arguments.events)
        _measure(arguments.rounds)


def lay(events: int) -> None:
    """Fill the database, and analyse it."""
    from django.db import connection

    begun = time.perf_counter()
    fill(events)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"{events:,} events of {COMPANIES} companies, laid in {time.perf_counter() - begun:.0f} s.\n", flush=True)


def fill(events: int) -> None:
    """Create companies with as many events each."""
    from django.db import connection

    from alhena_tracking import models
    from benchmarks import shop_history

    size = events // COMPANIES
    with connection.cursor() as cursor, ExitStack() as indexes:
        for model in (*listed(), models.OrderLine):
            indexes.enter_context(shop_history.without_indexes(cursor, model._meta.db_table))
        for number in range(COMPANIES):
            company = models.Company.objects.create(
                key=f"shop-{number}", name=f"Shop {number}", time_zone=shop_history.ZONE
            )
            shop_history.fill(company, size, 1 + number * size, UNTIL)
    _make_findable()


def _make_findable() -> None:
    """Give the orders that are searched for the digests of their ids, which PostgreSQL cannot compute."""
    from alhena_tracking import models
    from alhena_tracking.digests import text_digest

    companies = models.Company.objects.filter(key__startswith="shop-").order_by("pk")[1::2]
    for model in (models.Order, models.PendingConfirmation, models.Refund):
        row = far_row(model, list(companies))
        model.objects.filter(pk=row.pk).update(order_id_digest=text_digest(row.order_id))


def _measure(rounds: int) -> None:
    from django.test import Client

    companies = visible_companies()
    client = Client()
    client.force_login(reader())
    print(_head(rounds))
    print(f"\n{_TABLE}")
    for request in [*admin_requests(companies), *json_requests(companies)]:
        seconds = []
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            response = client.get(request.url, request.asked)
            if response.status_code != 200:
                sys.exit(f"The run failed: {request.what} has the status {response.status_code}.")
            seconds.append(time.perf_counter() - begun)
        _print_row(request.what, seconds[1:])  # the first one reads from the disk
    for model in listed():
        _print_row(
            f"{model._meta.verbose_name_plural}: plain SELECT of the latest 100 by id",
            _select(model, companies, rounds),
        )


def _print_row(what: str, seconds: list[float]) -> None:
    middle, slowest = median(seconds) * 1e3, max(seconds) * 1e3
    goal = f"{GOAL.must:g} ms | {GOAL.aim:g} ms | {GOAL.verdict(middle)}"
    print(f"| {what} | {middle:.0f} ms | {slowest:.0f} ms | {goal} |", flush=True)


def _head(rounds: int) -> str:
    from django import get_version
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        [(server, size)] = cursor.fetchall()
    return (
        f"Python {sys.version.split()[0]}, Django {get_version()}, PostgreSQL {server}, {os.cpu_count()} cores, load "
        f"average {os.getloadavg()[0]:.1f}; the database has {size}. Staff may see {VISIBLE} of {COMPANIES} companies. "
        f"Medians of {rounds} requests after a first one, each a whole page from Django's test client."
    )


def visible_companies() -> list[Any]:
    """Restrict all companies, and return those that the reader may see."""
    from django.contrib.auth.models import Group

    from alhena_tracking.models import Company
    from alhena_tracking.models.restrictions import CompanyGroup

    companies = list(Company.objects.filter(key__startswith="shop-").order_by("pk"))
    own, other = (Group.objects.get_or_create(name=name)[0] for name in ("readers", "others"))
    Company.objects.update(is_restricted=True)
    for number, company in enumerate(companies):
        CompanyGroup.objects.get_or_create(company=company, group=own if number % 2 else other)
    return companies[1::2]


def reader() -> Any:
    """Return staff with all permissions, who may see the companies of their group."""
    from django.contrib.auth.models import Group, Permission, User

    user, _is_new = User.objects.get_or_create(username="reader", defaults={"is_staff": True})
    user.groups.set(Group.objects.filter(name="readers"))
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alhena_tracking"))
    return user


def _select(model: Any, companies: list[Any], rounds: int) -> list[float]:
    from django.db import connection

    pks = [company.pk for company in companies]
    sql = f"SELECT * FROM {model._meta.db_table} WHERE company_id = ANY(%s) ORDER BY id DESC LIMIT 100"  # noqa: S608
    seconds = []
    with connection.cursor() as cursor:
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            cursor.execute(sql, [pks])
            cursor.fetchall()
            seconds.append(time.perf_counter() - begun)
    return seconds[1:]


if __name__ == "__main__":
    main()
