"""Pages of a list by keys, against the list sorted in Python."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from alhena_tracking.db import row_pages
from alhena_tracking.db.row_pages import Place, RowCount, RowList
from alhena_tracking.models import CartEvent, Company, Order, Redating, Standing
from tests.support import factories
from tests.support.factories import at
from tests.support.runs import some

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 3, 2)
ZONES = ["Asia/Kathmandu", "America/Los_Angeles", "UTC"]


@pytest.fixture(autouse=True, params=[20, 0] if connection.vendor == "postgresql" else [20])
def most_united(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read pages as for few companies, and on PostgreSQL also as for many."""
    monkeypatch.setattr(row_pages, "_MOST_UNITED", request.param)


@pytest.fixture
def companies(db: None) -> list[Company]:
    """Companies far apart, with rows of one moment, and on both sides of midnight. The last one has none."""
    made = [factories.CompanyFactory.create(time_zone=zone) for zone in ZONES]
    numbers = random.Random(7)
    for company in made[:2]:
        session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
        for number in range(12):
            moment = at(MONDAY) + timedelta(hours=numbers.randrange(-20, 20))
            factories.CartEventFactory.create(
                session=session, occurred_at=moment, channel="FAQ" if number % 3 == 0 else "CHAT", gmv_minor=number % 5
            )
    return made


def key(row: Any) -> tuple[datetime, int]:
    return row.occurred_at, row.pk


def latest_first(rows: QuerySet[Any]) -> list[int]:
    return [row.pk for row in sorted(rows, key=key, reverse=True)]


def walk(rows: RowList, size: int) -> tuple[list[int], list[int]]:
    """The ids on the way to the oldest page, and on the way back to the latest."""
    there: list[int] = []
    page = rows.older(size)
    there += [row.pk for row in page.rows]
    while page.older is not None:
        page = rows.older(size, page.older)
        there += [row.pk for row in page.rows]
    back: list[int] = []
    page = rows.newer(size)
    back = [row.pk for row in page.rows]
    while page.newer is not None:
        start = page.newer
        page = rows.newer(size, start)
        back = [row.pk for row in page.rows if (row.occurred_at, row.pk) > (start.at, start.pk)] + back
    return there, back


@pytest.mark.parametrize(
    ("size", "window", "channel"), some(product([1, 3, 7, 100], [1, 4, 1000], [None, "FAQ", "NUDGE"]), 12)
)
def test_pages_when_walked_both_ways_have_every_row_once(
    companies: list[Company], monkeypatch: pytest.MonkeyPatch, size: int, window: int, channel: str | None
) -> None:
    monkeypatch.setattr(row_pages, "WINDOW", window)
    monkeypatch.setattr(row_pages, "_SHARE", 1)
    rows = CartEvent.objects.filter(company__in=companies, **({"channel": channel} if channel else {}))
    expected = latest_first(rows)
    there, back = walk(RowList(rows, companies, "occurred_at"), size)
    assert (there, back) == (expected, expected)


def test_page_when_few_rows_match_ends_with_the_window(
    companies: list[Company], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "WINDOW", 10)
    monkeypatch.setattr(row_pages, "_SHARE", 1)
    rows = RowList(CartEvent.objects.filter(channel="NUDGE"), companies, "occurred_at")
    page = rows.older(5)
    assert (page.rows, page.newer) == ([], None)
    assert page.older == page.searched_to is not None
    assert rows.count() is None


def test_page_when_rows_are_deleted_while_it_is_read_is_not_the_last(
    companies: list[Company], monkeypatch: pytest.MonkeyPatch
) -> None:
    events, read = CartEvent.objects.all(), RowList._pks
    latest = latest_first(events)
    doomed = {latest[0], latest[5]}

    def delete_after(rows: RowList, *args: Any, **kwargs: Any) -> list[int]:
        found = read(rows, *args, **kwargs)
        events.filter(pk__in=doomed).delete()
        return found

    monkeypatch.setattr(RowList, "_pks", delete_after)
    rows = RowList(events, companies, "occurred_at")
    first = rows.older(5)
    assert [row.pk for row in first.rows] == latest[1:5]
    assert first.older is not None
    assert [row.pk for row in rows.older(5, first.older).rows] == latest[6:11]


@pytest.mark.parametrize("day", [MONDAY + timedelta(days=days) for days in (-1, 0, 1, 9)])
@pytest.mark.parametrize("is_redating", [False, True])
def test_days_when_chosen_have_their_rows_in_any_zone(companies: list[Company], day: date, is_redating: bool) -> None:
    if is_redating:
        Redating.objects.create(company=companies[0])
        moved = CartEvent.objects.filter(company=companies[0])
        for row in moved:
            moved.filter(pk=row.pk).update(occurred_on=row.occurred_on - timedelta(days=1))
    rows = CartEvent.objects.filter(occurred_on__gte=day, occurred_on__lte=day)
    there, back = walk(RowList(rows, companies, "occurred_at"), 4)
    assert there == back == latest_first(rows)


def test_conditions_when_an_index_serves_them_are_not_searched(companies: list[Company]) -> None:
    def is_searched(rows: QuerySet[Any]) -> bool:
        return not RowList(rows, companies, "occurred_at").conditions.are_indexed

    events, orders = CartEvent.objects.all(), Order.objects.all()
    digest = "0" * 32
    served: list[QuerySet[Any]] = [
        events,
        events.filter(company__in=companies, occurred_on__gte=MONDAY),
        events.filter(product_id_digest=digest),
        orders.filter(standing=Standing.HELD),
        orders.filter(has_conflict=True),
        orders.filter(order_id_digest=digest, company=companies[0]),
        orders.filter(session=7),
    ]
    searched: list[QuerySet[Any]] = [
        events.filter(channel="CHAT"),
        events.filter(product_id_digest=digest, channel="CHAT"),
        events.filter(product_id="tea"),
        events.exclude(is_excluded=True),
        events.filter(session__ai_profile="x"),
        orders.filter(order_id="A1"),
        orders.held_back(),
    ]
    assert [is_searched(rows) for rows in served] == [False] * len(served)
    assert [is_searched(rows) for rows in searched] == [True] * len(searched)


def test_company_when_chosen_is_the_only_one_read(companies: list[Company]) -> None:
    rows = CartEvent.objects.filter(company__in=companies).filter(company=companies[1])
    assert RowList(rows, companies, "occurred_at").companies == [companies[1]]
    assert RowList(rows.none(), companies, "occurred_at").older(3).rows == []


def test_rows_when_many_are_not_counted_to_the_end(companies: list[Company], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = RowList(CartEvent.objects.all(), companies, "occurred_at")
    assert rows.count() == RowCount(24)
    monkeypatch.setattr(row_pages, "COUNTED", 20)
    count = rows.count()
    assert count is not None
    assert not count.is_exact
    assert count.number >= 20


@pytest.mark.parametrize("is_descending", [False, True])
def test_amounts_when_sorted_are_in_order_over_all_pages(companies: list[Company], is_descending: bool) -> None:
    rows = RowList(CartEvent.objects.all(), companies, "occurred_at")
    pages = [rows.by_amount("gmv_minor", 10, skipped, is_descending=is_descending) for skipped in (0, 10, 20)]
    assert [page.has_more for page in pages] == [True, True, False]
    found = [(row.gmv_minor, row.pk) for page in pages for row in page.rows]
    assert found == sorted(CartEvent.objects.values_list("gmv_minor", "pk"), reverse=is_descending)
    assert {page.since for page in pages} == {None}


def test_amounts_when_there_are_more_than_the_window_are_of_the_latest(
    companies: list[Company], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "WINDOW", 8)
    monkeypatch.setattr(row_pages, "_SHARE", 1)
    page = RowList(CartEvent.objects.all(), companies, "occurred_at").by_amount("gmv_minor", 50, 0, is_descending=True)
    since = page.since
    assert since is not None
    expected = [row for row in CartEvent.objects.all() if key(row) >= (since.at, since.pk)]
    assert len(expected) <= 8
    assert sorted(row.pk for row in page.rows) == sorted(row.pk for row in expected)


@pytest.mark.parametrize("token", ["", "x", "MjAyNg", "é", "a" * 500])
def test_place_when_its_token_is_none_raises_an_error(token: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Place.read(token)
    place = Place(at(MONDAY), 7)
    assert Place.read(place.token) == place
