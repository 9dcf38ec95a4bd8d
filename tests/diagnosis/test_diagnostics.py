"""Counts and rejected events reach the database exactly once, even if it fails."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import QuerySet

from alhena_tracking.diagnosis import count_storage, event_counts
from alhena_tracking.diagnosis.event_counts import count, flush, reject
from alhena_tracking.models import Company, EventCount, RejectedEvent
from tests.support.factories import CompanyFactory
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NOT_STORABLE = ["a\0b", "a\ud800b", "\0", "\udfff", "a" * 600]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock, which begins at ``NOON``."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    set_clock(NOON)
    return set_clock


def _counted() -> dict[tuple[str, str, str], int]:
    return {(row.method, row.outcome, row.reason): row.count for row in EventCount.objects.all()}


def _origins(company: Company) -> list[str]:
    """Of the rejected events, the newest first."""
    return list(RejectedEvent.objects.filter(company=company).values_list("origin", flat=True))


@contextmanager
def _database_failing_after(statements: int) -> Iterator[None]:
    """The database takes so many statements, and no more."""
    left = iter(range(statements))

    def execute(run: Callable[..., Any], *args: Any) -> Any:
        if next(left, None) is None:
            raise OperationalError("the server has gone away")
        return run(*args)

    with connection.execute_wrapper(execute):
        yield


# Counting


def test_events_when_flushed_are_summed_by_outcome(company: Company) -> None:
    count(company, "sendCartEvent", "recorded")
    count(company, "sendCartEvent", "recorded", number=4)
    count(company, "sendCartEvent", "ignored", "no_interaction")
    count(company, "sendCheckoutEvent", "ignored", "no_interaction")
    assert _counted() == {}
    flush()
    assert _counted() == {
        ("sendCartEvent", "recorded", ""): 5,
        ("sendCartEvent", "ignored", "no_interaction"): 1,
        ("sendCheckoutEvent", "ignored", "no_interaction"): 1,
    }


def test_events_when_counted_before_are_added_to_those(company: Company) -> None:
    for number in (3, 4, 5):
        count(company, "sendCartEvent", "recorded", number=number)
        flush()
        flush()
    assert _counted() == {("sendCartEvent", "recorded", ""): 12}


def test_last_time_when_events_are_counted_is_that_of_the_newest(
    company: Company, now: Callable[[datetime], None]
) -> None:
    def last_at() -> datetime:
        flush()
        return EventCount.objects.get().last_at

    count(company, "sendCartEvent", "recorded")
    now(NOON - timedelta(hours=1))
    count(company, "sendCartEvent", "recorded")
    assert last_at() == NOON, "within a process"
    count(company, "sendCartEvent", "recorded")
    assert last_at() == NOON, "of a process that writes late"
    now(NOON + timedelta(microseconds=1))
    count(company, "sendCartEvent", "recorded")
    assert last_at() == NOON + timedelta(microseconds=1)


def test_counting_when_nothing_is_flushed_asks_no_database(
    company: Company, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(0):
        flush()
        count(company, "sendCartEvent", "recorded")
        reject(company, "sendCartEvent", "invalid", [("value", "negative")])


def test_day_when_events_are_counted_is_the_company_s(now: Callable[[datetime], None]) -> None:
    kathmandu = CompanyFactory.create(time_zone="Asia/Kathmandu")
    honolulu = CompanyFactory.create(time_zone="Pacific/Honolulu")
    for moment in (datetime(2026, 5, 4, 9, 59, tzinfo=UTC), datetime(2026, 5, 4, 18, 15, tzinfo=UTC)):
        now(moment)
        count(kathmandu, "sendCartEvent", "recorded")
        count(honolulu, "sendCartEvent", "recorded")
    now(datetime(2026, 6, 1, tzinfo=UTC))
    flush()
    days = set(EventCount.objects.values_list("company", "counted_on", "count"))
    assert days == {
        (kathmandu.pk, date(2026, 5, 4), 1),
        (kathmandu.pk, date(2026, 5, 5), 1),
        (honolulu.pk, date(2026, 5, 3), 1),
        (honolulu.pk, date(2026, 5, 4), 1),
    }


def test_row_when_another_process_inserts_it_first_is_updated(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(company, "sendCartEvent", "recorded", number=2)
    flush()
    count(company, "sendCartEvent", "recorded", number=3)
    update, is_there = QuerySet.update, iter([False])

    def update_what_is_there(rows: QuerySet[Any], **values: Any) -> int:
        return update(rows, **values) if next(is_there, True) else 0

    monkeypatch.setattr(QuerySet, "update", update_what_is_there)
    flush()
    assert _counted() == {("sendCartEvent", "recorded", ""): 5}


def test_counts_when_of_more_kinds_than_are_kept_stay_bounded(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_counts, "KEPT_COUNTS", 2)
    for reason in ("a", "b", "c", "a", "c", "b", "b"):
        count(company, "sendCartEvent", "invalid", reason)
    flush()
    assert _counted() == {("sendCartEvent", "invalid", "a"): 2, ("sendCartEvent", "invalid", "b"): 3}
    count(company, "sendCartEvent", "invalid", "c")
    flush()
    assert _counted()["sendCartEvent", "invalid", "c"] == 1


def test_company_when_it_is_gone_takes_its_counts_along(company: Company) -> None:
    gone = CompanyFactory.create()
    for of in (gone, company):
        reject(of, "sendCartEvent", "invalid", [("value", "negative")])
    Company.objects.filter(pk=gone.pk).delete()
    flush()
    assert list(EventCount.objects.values_list("company", "count")) == [(company.pk, 1)]
    assert [row.company for row in RejectedEvent.objects.all()] == [company]
    assert event_counts._unwritten.take() == ({}, {}, {})


def test_flush_when_a_transaction_is_open_keeps_the_counts(company: Company) -> None:
    count(company, "sendCartEvent", "recorded")
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        flush()
    flush()
    assert _counted() == {("sendCartEvent", "recorded", ""): 1}


# Rejected events


def test_rejected_event_when_flushed_is_kept_without_values(company: Company, now: Callable[[datetime], None]) -> None:
    errors = [("line_items[1].quantity", "not_positive"), ("currency", "unknown_currency")]
    reject(company, "sendCheckoutEvent", "invalid", iter(errors), "https://shop.example")
    flush()
    assert _counted() == {("sendCheckoutEvent", "invalid", "not_positive"): 1}
    row = RejectedEvent.objects.get(company=company)
    assert (row.received_at, row.method, row.outcome) == (NOON, "sendCheckoutEvent", "invalid")
    assert [(error["field"], error["code"]) for error in row.errors] == errors
    assert row.origin == "https://shop.example"


def test_rejected_event_when_it_has_no_error_has_no_reason(company: Company) -> None:
    reject(company, "", "forbidden", [])
    flush()
    assert _counted() == {("", "forbidden", ""): 1}
    assert RejectedEvent.objects.get().errors == []


@pytest.mark.parametrize("text", NOT_STORABLE)
def test_text_when_not_storable_is_stored_without_bad_characters(company: Company, text: str) -> None:
    reject(company, text, text, [(text, text)], origin=text)
    count(company, text, text, text)
    flush()
    row = RejectedEvent.objects.get()
    clean = "".join(letter for letter in text if letter in "ab")
    assert row.origin == clean[:255]
    assert row.errors == [{"field": clean[: event_counts.FIELD_LENGTH], "code": clean[:64]}]
    assert _counted() == {(clean[:64], clean[:32], clean[:64]): 2}


def test_rejected_event_when_it_has_many_errors_keeps_the_first(company: Company) -> None:
    reject(company, "sendCheckoutEvent", "invalid", ((f"line_items[{number}]", "required") for number in range(500)))
    flush()
    fields = [error["field"] for error in RejectedEvent.objects.get().errors]
    assert fields == [f"line_items[{number}]" for number in range(event_counts.KEPT_ERRORS)]


@pytest.mark.parametrize("flush_every", [1000, 70, 1])
def test_rejected_events_when_many_are_the_newest_of_each_company(
    company: Company, now: Callable[[datetime], None], flush_every: int
) -> None:
    other = CompanyFactory.create()
    reject(other, "", "forbidden", [], "https://other.example")
    for number in range(150):
        now(NOON + timedelta(seconds=number // 7))  # 49, the newest to go, and 50 come at the same time
        reject(company, "", "forbidden", [], f"https://{number}.example")
        if number % flush_every == 0:
            flush()
    flush()
    newest = [f"https://{number}.example" for number in range(149, 49, -1)]
    assert _origins(company) == newest
    assert RejectedEvent.objects.filter(company=company).count() == RejectedEvent.KEPT
    assert _origins(other) == ["https://other.example"]
    assert set(EventCount.objects.values_list("company", "count")) == {(company.pk, 150), (other.pk, 1)}


# Trouble with the database


@pytest.mark.django_db(transaction=True)
def test_database_when_any_statement_fails_loses_nothing(company: Company) -> None:
    for failures in range(30):
        count(company, "sendCartEvent", "recorded", number=3)
        reject(company, "sendCartEvent", "invalid", [("value", "negative")], f"https://{failures}.example")
        with suppress(OperationalError), _database_failing_after(failures):
            flush()
            break
    assert 8 < failures < 29
    assert _counted() == {
        ("sendCartEvent", "recorded", ""): 3 * (failures + 1),
        ("sendCartEvent", "invalid", "negative"): failures + 1,
    }
    origins = _origins(company)
    assert origins == [f"https://{number}.example" for number in range(failures, -1, -1)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commits", [0, 1])
def test_database_when_a_commit_fails_loses_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    """The first commit is of the counts, the second of the rejected events."""
    reject(company, "sendCartEvent", "invalid", [("value", "negative")])
    commit, left = connection.commit, iter(range(commits))

    def commit_some() -> None:
        if next(left, None) is None:
            raise OperationalError("could not write to the log")
        commit()

    with monkeypatch.context() as patched:
        patched.setattr(connections["default"], "commit", commit_some)
        with pytest.raises(OperationalError):
            flush()
    assert EventCount.objects.count() == commits
    flush()
    assert _counted() == {("sendCartEvent", "invalid", "negative"): 1}
    assert RejectedEvent.objects.count() == 1


def test_rejected_events_when_put_back_give_way_to_newer_ones(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject_some(numbers: range) -> None:
        for number in numbers:
            reject(company, "", "forbidden", [], f"https://{number}.example")

    def fail(*args: Any) -> Any:
        reject_some(range(80, 130))  # by other threads, meanwhile
        raise OperationalError("the server has gone away")

    reject_some(range(80))
    with monkeypatch.context() as patched:
        patched.setattr(count_storage, "find_companies", fail)
        with pytest.raises(OperationalError):
            flush()
    flush()
    newest = [f"https://{number}.example" for number in range(129, 29, -1)]
    assert _origins(company) == newest
    assert _counted() == {("", "forbidden", ""): 130}


# The thread that writes


def test_counts_when_django_runs_tests_are_not_automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not event_counts.is_automatic()
    monkeypatch.delattr("django.test.utils._TestState.saved_data")
    assert event_counts.is_automatic()


@pytest.fixture
def automatic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counts are written by themselves, soon."""
    monkeypatch.setattr(event_counts, "is_automatic", lambda: True)
    monkeypatch.setattr(event_counts, "FLUSH_AFTER_SECONDS", 0.05)
    yield
    for flusher in _flushers():
        flusher.join(10)
        assert not flusher.is_alive()


def _flushers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == event_counts.__name__]


def _wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_delay_when_automatic_leaves_time_within_ten_seconds() -> None:
    assert 0 < event_counts.FLUSH_AFTER_SECONDS <= 9


def test_counts_when_in_tests_start_no_thread(company: Company) -> None:
    count(company, "sendCartEvent", "recorded")
    assert _flushers() == []


@pytest.mark.django_db(transaction=True)
def test_thread_when_something_is_counted_writes_it_and_ends(company: Company, automatic: None) -> None:
    opened: list[BaseDatabaseWrapper] = []

    def remember(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        opened.append(connection)

    connection_created.connect(remember)
    try:
        for total in (1, 2):  # the second count needs a thread anew
            count(company, "sendCartEvent", "recorded")
            assert len(_flushers()) == 1
            _wait_until(lambda: not _flushers())
            assert _counted() == {("sendCartEvent", "recorded", ""): total}
    finally:
        connection_created.disconnect(remember)
    assert len(opened) == 2
    assert all(used is not connection and used.connection is None for used in opened)


@pytest.mark.django_db(transaction=True)
def test_thread_when_the_database_fails_tries_again(
    company: Company, automatic: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    find, failures = count_storage.find_companies, iter([OperationalError("no"), OperationalError("no")])

    def fail_twice(*args: Any) -> Any:
        if error := next(failures, None):
            raise error
        return find(*args)

    monkeypatch.setattr(count_storage, "find_companies", fail_twice)
    count(company, "sendCartEvent", "recorded")
    _wait_until(lambda: not _flushers())
    assert _counted() == {("sendCartEvent", "recorded", ""): 1}
    assert [(record.levelno, record.name) for record in caplog.records] == [
        (logging.WARNING, "alhena_tracking.diagnosis.event_counts")
    ] * 2


@pytest.mark.django_db(transaction=True)
def test_thread_when_it_cannot_start_is_started_later(
    company: Company, automatic: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        count(company, "sendCartEvent", "recorded")
    assert _flushers() == []
    count(company, "sendCartEvent", "recorded")
    _wait_until(lambda: not _flushers())
    assert _counted() == {("sendCartEvent", "recorded", ""): 2}


@pytest.mark.django_db(transaction=True)
def test_counts_when_threads_count_and_flush_at_once_are_exact(
    company: Company, automatic: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_counts, "FLUSH_AFTER_SECONDS", 0.001)
    each = examples(5_000, full=50_000)

    def count_some(thread: int) -> None:
        for number in range(each):
            count(company, "sendCartEvent", "recorded", f"reason_{number % 5}")
            if number % 1000 == 0:
                reject(company, "sendCartEvent", "invalid", [("value", "negative")])

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(count_some, range(8)))
    _wait_until(lambda: not _flushers())
    expected = {("sendCartEvent", "recorded", f"reason_{number}"): 8 * each // 5 for number in range(5)}
    assert _counted() == {**expected, ("sendCartEvent", "invalid", "negative"): 8 * each // 1000}


# Several processes

SETUP = """
import os, signal, sys, threading, time
import django

signal.alarm(300)
django.setup()
from alhena_tracking.diagnosis import count_storage, event_counts
from alhena_tracking.models import Company
company = Company(pk=int(sys.argv[1]), time_zone="UTC")
"""


def _started(script: str, company: Company) -> subprocess.Popen[str]:
    """Run a script in a process of its own, on the test database."""
    name = str(connections["default"].settings_dict["NAME"])
    server = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    return subprocess.Popen(
        [sys.executable, "-c", SETUP + script, str(company.pk)],
        cwd=Path(__file__).resolve().parents[2],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": f"{server}/{name}" if server else "",
            "EXAMPLE_DATABASE": name,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _run(script: str, company: Company) -> None:
    with _started(script, company) as process:
        process.communicate()
    assert process.returncode == 0


@pytest.mark.django_db(transaction=True)
def test_process_when_it_ends_writes_what_it_has_counted(company: Company) -> None:
    _run(
        """
event_counts.FLUSH_AFTER_SECONDS = 60
event_counts.count(company, "sendCartEvent", "recorded", number=5)
event_counts.count_rendering("acme")
""",
        company,
    )
    assert _counted() == {("sendCartEvent", "recorded", ""): 5, ("snippet", "rendered", ""): 1}


@pytest.mark.django_db(transaction=True)
def test_process_when_it_forks_writes_all_counts_once(company: Company) -> None:
    """Forked while a thread waits to write, and while others hold the lock of the counts as often as they can."""
    _run(
        """
is_forking = True

def count_on():
    while is_forking:
        event_counts.count(company, "sendCartEvent", "recorded", "busy")

event_counts.FLUSH_AFTER_SECONDS = 0.5
event_counts.count(company, "sendCartEvent", "recorded", "parent", number=10)
threads = [threading.Thread(target=count_on) for _ in range(4)]
for thread in threads:
    thread.start()
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(280)
        for _ in range(3):
            event_counts.count(company, "sendCartEvent", "recorded", "child")
        while event_counts._unwritten.flusher is not None:
            time.sleep(0.01)
        os._exit(0)
    children.append(child)
is_forking = False
for thread in threads:
    thread.join()
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
""",
        company,
    )
    counted = _counted()
    assert counted["sendCartEvent", "recorded", "parent"] == 10
    assert counted["sendCartEvent", "recorded", "child"] == 60


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has a single writer; set DATABASE_URL")
def test_counts_when_processes_flush_at_once_are_exact(company: Company) -> None:
    """In each round every process inserts the same new rows and updates the same old one."""
    rounds, kinds, writers = examples(20, full=200), 4, 4
    script = """
from django.db import OperationalError

event_counts.is_automatic = lambda: False
for round_ in sys.stdin:
    for kind in range(4):
        event_counts.count(company, "sendCartEvent", "ignored", f"{round_.strip()}_{kind}")
        event_counts.reject(company, "sendCartEvent", "invalid", [("value", "negative")], sys.argv[1])
    for attempt in range(20):
        try:
            event_counts.flush()
            break
        except OperationalError:
            time.sleep(0.01 * attempt)
    print(attempt, flush=True)
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(_started(script, company)) for _ in range(writers)]
        for round_ in range(rounds):
            for process in processes:
                print(round_, file=process.stdin, flush=True)
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline(), "the process has died"
    reasons = [f"{round_}_{kind}" for round_ in range(rounds) for kind in range(kinds)]
    assert _counted() == {
        **{("sendCartEvent", "ignored", reason): writers for reason in reasons},
        ("sendCartEvent", "invalid", "negative"): writers * rounds * kinds,
    }
    reject(company, "sendCartEvent", "invalid", [("value", "negative")])
    flush()
    assert RejectedEvent.objects.count() == RejectedEvent.KEPT
