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
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from benchmarks.fresh_database import DEFAULT_URL, fresh_database, set_up_django
from benchmarks.rows import Goal

NAME = "alhena_lists_benchmark"
COMPANIES = 4
VISIBLE = 2
#: Rows of the page that is called the 1,000th begin after so many.
FAR = 999 * 100
UNTIL = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)
GOAL = Goal(300, 100, is_ceiling=True)
_TABLE = "| page | median | slowest | must | aim | verdict |\n|---|---:|---:|---:|---:|---:|"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and by which parameters."""

    what: str
    url: str
    asked: dict[str, Any] = field(default_factory=dict)


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
        row = _far_row(model, list(companies))
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


def listed() -> list[Any]:
    """The models with a list of many rows."""
    from alhena_tracking import models

    return [
        models.Order,
        models.CartEvent,
        models.VisitorSession,
        models.Interaction,
        models.OrderClaim,
        models.PendingConfirmation,
        models.Refund,
    ]


#: What is asked of each list beside its pages: filters that many, few and no rows match, and searches.
_ASKED: dict[str, dict[str, dict[str, Any]]] = {
    "order": {
        "channel": {"channel": "NUDGE"},
        "trust, which none has": {"trust__exact": "VERIFIED"},
        "standing, which none has": {"standing": "HELD"},
        "conflict, which none has": {"has_conflict__exact": "1"},
        "currency": {"currency__exact": "GBP"},
        "by amount": {"currency__exact": "EUR", "o": "-4"},
        "order ID": {"q": "order {far}"},
        "part of an ID": {"q": "der {far_part}"},
        "unknown ID": {"q": "nothing"},
    },
    "cartevent": {
        "channel": {"channel": "NUDGE"},
        "type": {"type__exact": "ITEM_REMOVED"},
        "type, which none has": {"type__exact": "QUANTITY_INCREASED"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "excluded, which none is": {"is_excluded__exact": "1"},
        "currency": {"currency__exact": "GBP"},
        "by amount": {"currency__exact": "EUR", "o": "-5"},
        "product ID": {"q": "sku-499"},
        "part of a name": {"q": "duct 49"},
        "unknown name": {"q": "nothing"},
    },
    "visitorsession": {
        "channel": {"channel": "NUDGE"},
        "excluded, which none is": {"excluded_at__isempty": "0"},
        "number": {"q": "{far}"},
        "AI profile": {"q": "butler"},
        "unknown AI profile": {"q": "nothing"},
    },
    "interaction": {
        "kind": {"kind__exact": "NUDGE"},
        "not qualifying, which none is": {"is_qualifying__exact": "0"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "AI profile": {"q": "butler"},
        "unknown ID": {"q": "nothing"},
    },
    "orderclaim": {
        "channel": {"channel": "NUDGE"},
        "trust, which none has": {"trust__exact": "CONFIRMED"},
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
    "pendingconfirmation": {
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
    "refund": {
        "currency": {"currency__exact": "GBP"},
        "order ID": {"q": "order {far}"},
        "unknown ID": {"q": "nothing"},
    },
}


def admin_requests(companies: list[Any]) -> Iterator[Request]:
    """Yield the pages of every list and of one of its rows."""
    from django.urls import reverse

    for model in listed():
        name = str(model._meta.model_name)
        url = reverse(f"admin:alhena_tracking_{name}_changelist")
        words = str(model._meta.verbose_name_plural)
        far = _far_row(model, companies)
        yield Request(f"{words}: first page", url)
        yield Request(f"{words}: 1,000th page", url, {"p": page_after(model, far)})
        yield Request(f"{words}: last page", url, {"p": "oldest"})
        yield Request(f"{words}: one company", url, {"company__id__exact": companies[0].pk})
        if hasattr(far, "occurred_on") or hasattr(far, "started_on"):
            day = "occurred_on" if hasattr(far, "occurred_on") else "started_on"
            on = getattr(far, day)
            parts = {f"{day}__year": on.year, f"{day}__month": on.month, f"{day}__day": on.day}
            yield Request(f"{words}: a day", url, parts)
            yield Request(f"{words}: a year", url, {f"{day}__gte": on - timedelta(days=365), f"{day}__lte": on})
        for what, asked in _ASKED[name].items():
            values = {key: str(value).format(far=far.pk, far_part=str(far.pk)[:-1]) for key, value in asked.items()}
            yield Request(f"{words}: {what}", url, values)
        yield Request(f"{words}: one row", reverse(f"admin:alhena_tracking_{name}_change", args=[far.pk]))


def json_requests(companies: list[Any]) -> Iterator[Request]:
    """Yield the pages of every endpoint with rows."""
    from django.urls import reverse

    from alhena_tracking.models import CartEvent, Order, VisitorSession

    filters: dict[Any, list[dict[str, Any]]] = {
        Order: [
            {"channel": "NUDGE"},
            {"trust": "VERIFIED"},
            {"currency": "GBP"},
            {"is_counted": "true"},
            {"is_counted": "false"},
            {"has_conflict": "true"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
        CartEvent: [
            {"channel": "NUDGE"},
            {"trust": "CONFIRMED"},
            {"currency": "GBP"},
            {"type": "QUANTITY_DECREASED"},
            {"product_id": "sku-499"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
        VisitorSession: [
            {"channel": "NUDGE"},
            {"has_order": "true"},
            {"has_order": "false"},
            {"is_excluded": "true"},
            {"profile": "nobody"},
        ],
    }
    names = {Order: "orders", CartEvent: "cart-events", VisitorSession: "sessions"}
    for model, asked in filters.items():
        url = reverse(f"alhena_tracking:staff_{names[model].replace('-', '_')}")
        far = _far_row(model, companies)
        on = getattr(far, "occurred_on", None) or far.started_on
        yield Request(f"api/{names[model]}", url)
        yield Request(f"api/{names[model]}: 1,000th page", url, {"cursor": _place(model, far).token})
        yield Request(f"api/{names[model]}: a day", url, {"start": on, "end": on})
        yield Request(f"api/{names[model]}: a company", url, {"company": companies[0].key})
        for chosen in asked:
            what = ", ".join(f"{key}={value}" for key, value in chosen.items())
            yield Request(f"api/{names[model]}: {what}", url, chosen)


def _moment(model: Any) -> str:
    fields = {"visitorsession": "started_at", "pendingconfirmation": "received_at"}
    return fields.get(str(model._meta.model_name), "occurred_at")


def _far_row(model: Any, companies: list[Any]) -> Any:
    """Return the last row before the page that is called the 1,000th, or the middle one of fewer."""
    rows = model.objects.filter(company__in=[company.pk for company in companies])
    place = min(FAR, rows.count() // 2)
    return rows.order_by(f"-{_moment(model)}", "-pk")[place]


def _place(model: Any, row: Any) -> Any:
    from alhena_tracking.db.row_pages import Place

    return Place(getattr(row, _moment(model)), row.pk)


def page_after(model: Any, row: Any) -> str:
    return f"older-{_place(model, row).token}"


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
