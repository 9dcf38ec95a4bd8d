"""Browsers, the shop's server, its Python code, staff and operators at once, about the same ids (F33)."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Lock
from typing import Any, TypeVar

import pytest
from django.db import DatabaseError, connection
from django.db.models import Model
from django.utils import timezone

from alhena_tracking.api.errors import DATABASE_ERRORS, database_code, error_response
from alhena_tracking.api.ingestion import views
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import review
from alhena_tracking.models import Company, Order, SecretKey, VisitorSession
from alhena_tracking.rollups import roll_up
from tests.support.factories import UserFactory
from tests.support.faults.database import deadlocks
from tests.support.invariants import assert_invariants
from tests.support.runs import IS_FULL_RUN
from tests.support.shop_calls import Answer, Call, Shop, ShopCalls

_Row = TypeVar("_Row", bound=Model)

pytestmark = [pytest.mark.faults, pytest.mark.concurrency]

#: SQLite has one writer.
CONNECTIONS = 1 if connection.vendor == "sqlite" else 8
#: So many calls are made, and as many as there is time for.
CALLS = 300 if connection.vendor == "sqlite" else 500
SECONDS = 600 if IS_FULL_RUN else 0
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
#: Between two calls. A full run takes years of them otherwise.
WAITS = (*[SECOND] * (300 if IS_FULL_RUN else 30), *[MINUTE] * 20, HOUR, 30 * HOUR)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: What a database answers where a lock or a statement takes longer than the limits: SQLSTATEs, MariaDB's numbers.
TOO_SLOW = {"55P03", "57014", "1205", "1969"}


class Clock:
    """A clock that goes on with each call."""

    def __init__(self, random: Random) -> None:
        self._now, self._random, self._lock = START, random, Lock()

    def __call__(self) -> datetime:
        return self._now

    def go_on(self) -> None:
        with self._lock:
            self._now += self._random.choice(WAITS)


class Everybody:
    """All who call; each ``run`` has a connection of its own."""

    def __init__(self, company: Company, clock: Clock, random: Random) -> None:
        self.clock, self.random = clock, random
        self.shop = Shop(company.key, SecretKey(company=company, name="fuzz").issue())
        self.staff = UserFactory.create()
        self.calls = ShopCalls(random, clock)
        #: What was answered: who called, the status, the word and its reason.
        self.answers: Counter[tuple[Any, ...]] = Counter()

    def run(self, until: float) -> None:
        try:
            while self.answers.total() < CALLS or time.monotonic() < until:
                self.clock.go_on()
                if self.random.random() < 0.92:
                    self._call(self.calls.next())
                else:
                    self._work()
        finally:
            connection.close()

    def _call(self, call: Call) -> None:
        try:
            answer = self.shop.send(call)
        except DatabaseError as error:
            if not _is_too_slow(error):
                raise
            answer = Answer(503, {"outcomes": [("unavailable", "", "")]})
        for word, reason in _words(answer):
            self.answers[call.by, call.what, answer.status, word, reason] += 1

    def _any(self, model: type[_Row]) -> _Row | None:
        """Return a row: the same ones for the same seed, where there is one connection."""
        pks = list(model._default_manager.order_by("pk").values_list("pk", flat=True))
        return model._default_manager.filter(pk=self.random.choice(pks)).first() if pks else None

    def _work(self) -> None:
        """Do what staff and operators do."""
        event_counts.flush()
        order = self._any(Order)
        if order is not None:
            if order.excluded_at:
                review.include_orders([order.pk])
            else:
                review.exclude_orders([order.pk], self.staff, "A test.")
        session = self._any(VisitorSession)
        if session is not None:
            if session.excluded_at:
                review.include_sessions([session.pk])
            else:
                review.exclude_sessions([session.pk], self.staff, "A test.")
        if self.random.random() < (0.005 if IS_FULL_RUN else 0.2):
            roll_up(self.clock())


def _words(answer: Answer) -> list[tuple[str, str]]:
    if "outcomes" in answer.body:
        return [(status, reason) for status, _, reason in answer.body["outcomes"]]
    if isinstance(answer.body.get("errors"), dict):
        return [("invalid", code) for code in answer.body["errors"].values()]
    words = []
    for result in answer.body.get("results", [answer.body]):
        codes = [error["code"] for error in result.get("errors", [])] or [result.get("reason", "")]
        words += [(result["status"], code) for code in codes]
    return words


def test_rows_when_everybody_calls_at_once_keep_all_invariants(
    transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_SOURCE": None, "RATE_LIMIT_PER_COMPANY": None}
    random = Random(time.time_ns() if IS_FULL_RUN else 1)
    clock = Clock(random)
    monkeypatch.setattr(timezone, "now", clock)
    company = Company.objects.get(key="acme")
    everybody = Everybody(company, clock, random)
    before = _deadlocks()
    until = time.monotonic() + SECONDS
    errors: list[Exception] = []

    def keep_error(error: Exception, unavailable_message: str) -> Any:
        if isinstance(error, DATABASE_ERRORS):
            errors.append(error)
        return error_response(error, unavailable_message)

    monkeypatch.setattr(views, "error_response", keep_error)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(everybody.run, until) for _ in range(CONNECTIONS)]:
            done.result()

    answers = everybody.answers
    statuses = {status for _, _, status, _, _ in answers}
    assert statuses <= {200, 201, 202, 400, 503}, answers
    assert [error for error in errors if not _is_too_slow(error)] == []
    assert len(errors) == sum(n for (by, _, status, _, _), n in answers.items() if status == 503 and by != "python")
    assert {"recorded", "duplicate", "confirmed", "pending", "ignored"} <= {word for *_, word, _ in answers}
    assert _deadlocks() == before
    assert_invariants(company, clock())


def _is_too_slow(error: Exception) -> bool:
    """Return whether a limit of time is the cause, by the database's clock or by ours."""
    return str(database_code(error)) in TOO_SLOW or "longer than STATEMENT_TIMEOUT" in str(error)


def _deadlocks() -> int:
    return 0 if connection.vendor == "sqlite" else deadlocks()
