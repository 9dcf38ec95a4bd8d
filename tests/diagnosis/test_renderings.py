"""The snippet's renderings: counted by the tag, seldom and in memory, and never in a page's way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.template import Context, Template
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe

from alhena_tracking.diagnosis import count_storage, event_counts
from alhena_tracking.models import Company, EventCount
from tests.support.factories import CompanyFactory

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass, from ``NOON`` on."""
    passed = [0.0]

    def let_pass(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr(event_counts, "monotonic", lambda: 1000 + passed[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON + timedelta(seconds=passed[0]))
    return let_pass


def render(source: str = "{% alhena_snippet %}", **context: Any) -> str:
    return Template("{% load alhena_tracking %}" + source).render(Context(context))


def waiting() -> dict[str, datetime]:
    """The renderings that are not written yet, by the company's key."""
    return {rendering.company_key: at for rendering, at in event_counts._unwritten._renderings.items()}


def seen(company: Company) -> list[datetime]:
    event_counts.flush()
    rows = EventCount.objects.filter(company=company, method="snippet").order_by("counted_on")
    assert {(row.outcome, row.reason) for row in rows} <= {("rendered", "")}
    return [row.last_at for row in rows]


# In memory


def test_tag_when_rendered_asks_no_database(clock: Callable[[float], None]) -> None:
    assert "tracker.js" in render()  # pytest-django forbids it
    assert waiting() == {"acme": NOON}


def test_tag_when_rendered_often_is_counted_once_a_minute(clock: Callable[[float], None]) -> None:
    for seconds in (30, 29, 1, 59, 1):
        render()
        render('{% alhena_snippet company_key="other" %}')
        clock(seconds)
    assert waiting() == {"acme": NOON + timedelta(seconds=60), "other": NOON + timedelta(seconds=60)}
    render()
    assert waiting() == {"acme": NOON + timedelta(seconds=120), "other": NOON + timedelta(seconds=60)}


def test_tag_when_it_names_many_companies_keeps_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_counts, "KEPT_RENDERINGS", 3)
    for number in range(10):
        event_counts.count_rendering(f"shop-{number}")
        assert len(event_counts._unwritten._next_renderings) <= 3
    assert list(waiting()) == ["shop-0", "shop-1", "shop-2"]


def test_renderings_when_put_back_stay_bounded_and_keep_the_newest(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_counts, "KEPT_RENDERINGS", 2)

    def fail(*args: Any) -> Any:
        clock(60)
        for key in ("b", "c"):  # by other threads, meanwhile
            event_counts.count_rendering(key)
        raise OperationalError("the server has gone away")

    monkeypatch.setattr(count_storage, "find_companies", fail)
    for key in ("a", "b"):
        event_counts.count_rendering(key)
    with suppress(OperationalError):
        event_counts.flush()
    assert waiting() == {"b": NOON + timedelta(seconds=60), "c": NOON + timedelta(seconds=60)}


@pytest.mark.parametrize("key", ["a b\n", "é" * 300, "\ud800", "a\0b", "ACME", "x" * 65, 7, ["acme"]])
def test_tag_when_its_company_is_none_that_can_exist_counts_nothing(key: Any) -> None:
    assert "tracker.js" in render("{% alhena_snippet company_key=key %}", key=key)
    assert waiting().keys() == ({"7"} if key == 7 else set())


# In the database


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["acme", mark_safe("acme"), SimpleLazyObject(lambda: "acme"), "", None])
def test_tag_when_its_company_is_named_in_any_way_counts_it(company: Company, key: Any) -> None:
    render("{% alhena_snippet company_key=key %}", key=key)
    assert len(seen(company)) == 1


@pytest.mark.django_db
def test_rendering_when_flushed_is_seen_for_its_company_alone(company: Company, clock: Callable[[float], None]) -> None:
    other = CompanyFactory.create()
    assert seen(company) == []
    render()
    assert (seen(company), seen(other)) == ([NOON], [])
    clock(60)
    render(f'{{% alhena_snippet company_key="{other.key}" %}}')
    assert (seen(company), seen(other)) == ([NOON], [NOON + timedelta(seconds=60)])
    clock(60)
    render()
    assert seen(company) == [NOON + timedelta(seconds=120)]


@pytest.mark.django_db
def test_rendering_when_counted_is_of_the_company_s_day(clock: Callable[[float], None]) -> None:
    kathmandu = CompanyFactory.create(time_zone="Asia/Kathmandu")
    for hours in (6, 1):
        clock(hours * 3600)
        event_counts.count_rendering(kathmandu.key)
        event_counts.flush()
    days = list(EventCount.objects.order_by("counted_on").values_list("counted_on", flat=True))
    assert days == [date(2026, 5, 4), date(2026, 5, 5)]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["nobody", "7"])
def test_rendering_when_its_company_is_unknown_is_dropped(company: Company, key: str) -> None:
    render("{% alhena_snippet company_key=key %}", key=key)
    event_counts.flush()
    assert not EventCount.objects.exists()
    assert waiting() == {}


@pytest.mark.django_db
def test_rendering_when_events_are_counted_too_leaves_their_counts_alone(company: Company) -> None:
    event_counts.count(company, "sendCartEvent", "recorded", number=5)
    render()
    assert len(seen(company)) == 1
    assert EventCount.objects.get(method="sendCartEvent").count == 5
    assert EventCount.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statements", range(4))
def test_rendering_when_the_database_fails_is_kept_and_written_later(
    company: Company, clock: Callable[[float], None], statements: int
) -> None:
    left = iter(range(statements))

    def execute(run: Callable[..., Any], *args: Any) -> Any:
        if next(left, None) is None:
            raise OperationalError("the server has gone away")
        return run(*args)

    render()
    with connection.execute_wrapper(execute), suppress(OperationalError):
        event_counts.flush()
    assert seen(company) == [NOON]
    assert EventCount.objects.get().count == 1


@pytest.mark.django_db(transaction=True)
def test_tag_when_the_page_s_transaction_is_broken_is_rendered(company: Company) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        assert "tracker.js" in render()
    assert len(seen(company)) == 1
