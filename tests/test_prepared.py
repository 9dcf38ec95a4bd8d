"""Statements prepared on PostgreSQL, whatever becomes of the connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from alhena_tracking.ingestion import prepared, record
from alhena_tracking.models import CartEvent, Company
from tests.test_ingestion import cart_event, chat

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL prepares; set DATABASE_URL"),
]


@pytest.fixture
def executed() -> Iterator[list[str]]:
    """What is sent to the database from now on, by the first word of each statement after the limits."""
    words: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words.append(sql.split(None, 1)[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield words


def test_look_up_when_it_comes_again_is_prepared_once(company: Company, executed: list[str]) -> None:
    record(company, [chat()])
    executed.clear()
    for _ in range(3):
        record(company, [cart_event()])
    assert executed == ["PREPARE", "EXECUTE", "WITH", "EXECUTE", "WITH", "EXECUTE", "WITH"]
    assert CartEvent.objects.count() == 3


def test_look_up_when_the_connection_forgot_it_is_prepared_anew(company: Company, executed: list[str]) -> None:
    record(company, [chat(), cart_event()])
    record(company, [cart_event()])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["EXECUTE", "PREPARE", "EXECUTE", "WITH"]
    assert CartEvent.objects.count() == 3


def test_look_up_when_another_one_prepared_it_is_executed(company: Company, executed: list[str]) -> None:
    """As behind a pooler, where a connection is somebody else's by turns."""
    record(company, [chat()])
    record(company, [cart_event()])
    prepared._prepared.clear()
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["PREPARE", "EXECUTE", "WITH"]
    assert CartEvent.objects.count() == 2


def test_look_up_when_every_connection_is_another_one_is_sent_as_it_is(
    company: Company, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_prepare", lambda cursor, preparation: None)
    record(company, [chat()])
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["EXECUTE", "EXECUTE", "WITH", "WITH"]
    assert CartEvent.objects.count() == 1


def test_look_up_when_in_a_transaction_is_not_prepared(company: Company, executed: list[str]) -> None:
    record(company, [chat()])
    executed.clear()
    with transaction.atomic():
        record(company, [cart_event()])
    assert not {"PREPARE", "EXECUTE"} & set(executed)
    assert CartEvent.objects.count() == 1
