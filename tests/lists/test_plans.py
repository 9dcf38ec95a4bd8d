"""What PostgreSQL does for each list and each page of JSON: no statement reads or sorts a whole table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alhena_tracking.db import row_pages
from alhena_tracking.models import Company, PendingConfirmation, PrivacyRequest, Refund
from benchmarks import list_requests, lists
from tests.support.runs import examples

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans"),
]

EVENTS = examples(200_000, full=400_000)
WINDOW, COUNTED = 600, 150
#: A page has 100 rows and one more, of each of two companies.
SORTED = 2 * 101
#: As many of one table, in the window or counted, and a page's.
READ = WINDOW + SORTED
#: Tables with a few hundred or thousand rows.
SMALL = {model._meta.db_table for model in (PendingConfirmation, PrivacyRequest, Refund)}


@pytest.fixture(scope="module", autouse=True)
def tidy(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Remove what the rows leave of themselves after they are rolled back, and what the planner knows of them."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {', '.join(model._meta.db_table for model in list_requests.listed())}")


@pytest.fixture
def companies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Four companies with many events, of which the reader may see two."""
    monkeypatch.setattr(row_pages, "WINDOW", WINDOW)
    monkeypatch.setattr(row_pages, "COUNTED", COUNTED)
    lists.fill(EVENTS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return lists.visible_companies()


@pytest.fixture
def reader(client: Client, companies: list[Any]) -> Client:
    client.force_login(lists.reader())
    return client


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def rows_read(node: dict[str, Any]) -> int:
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(each * node["Actual Loops"])


def faults(sql: str, large: set[str], most_sorted: int) -> Iterator[str]:
    """Explain a statement, and yield what takes longer the more rows there are."""
    # Of small tables PostgreSQL rather reads all: the test is whether it could do else.
    is_small = not any(table in sql for table in large - SMALL)
    with connection.cursor() as cursor:
        for method in ("seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{method} = {'off' if is_small else 'on'}")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [(explained,)] = cursor.fetchall()
    plan = explained[0]["Plan"] if isinstance(explained, list) else json.loads(explained)[0]["Plan"]
    for node in nodes(plan):
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in large:
            yield f"reads all of {node['Relation Name']}"
        if node.get("Relation Name") in large and rows_read(node) > READ:
            yield f"reads {rows_read(node)} rows of {node['Relation Name']}"
        if "Sort" in node["Node Type"] and sum(map(rows_read, node["Plans"])) > most_sorted:
            yield f"sorts {sum(map(rows_read, node['Plans']))} rows"


def all_faults(client: Client, requests: Iterable[list_requests.Request]) -> Iterator[tuple[str, str, str]]:
    large = {model._meta.db_table for model in (*list_requests.listed(), PrivacyRequest)}
    for request in requests:
        most_sorted = WINDOW if "o" in request.asked else SORTED
        with CaptureQueriesContext(connection) as captured:
            assert client.get(request.url, request.asked).status_code == 200, request.what
        for query in captured:
            if re.match(r"\W*SELECT", query["sql"]) and any(table in query["sql"] for table in large):
                yield from ((request.what, fault, query["sql"]) for fault in faults(query["sql"], large, most_sorted))


def test_list_when_there_are_many_rows_reads_and_sorts_few(
    reader: Client, companies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(all_faults(reader, list_requests.admin_requests(companies))) == []
    monkeypatch.setattr(row_pages, "_MOST_UNITED", 1)  # as for many companies
    # Of fewer rows than the window, PostgreSQL then sorts all.
    small = tuple(str(model._meta.verbose_name_plural) for model in (PendingConfirmation, Refund))
    requests = [each for each in list_requests.admin_requests(companies) if not each.what.startswith(small)]
    assert list(all_faults(reader, requests)) == []


def test_page_of_json_when_there_are_many_rows_reads_and_sorts_few(reader: Client, companies: list[Any]) -> None:
    found = list(all_faults(reader, list_requests.json_requests(companies)))
    assert found == []


def test_list_of_privacy_requests_when_there_are_many_reads_few(
    admin_client: Client, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "COUNTED", COUNTED)
    now = timezone.now()
    PrivacyRequest.objects.bulk_create(
        PrivacyRequest(company=company, platform="shopify", kind="erase", received_at=now - timedelta(minutes=number))
        for number in range(20 * SORTED)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE alhena_tracking_privacyrequest")
    url = reverse("admin:alhena_tracking_privacyrequest_changelist")
    page_in_the_middle = row_pages.Place(now - timedelta(minutes=10 * SORTED), 1).token
    requests = [
        list_requests.Request("privacy requests: first page", url),
        list_requests.Request("privacy requests: a later page", url, {"p": f"older-{page_in_the_middle}"}),
        list_requests.Request("privacy requests: last page", url, {"p": "oldest"}),
    ]
    assert list(all_faults(admin_client, requests)) == []
