"""Statements prepared on PostgreSQL, whatever becomes of the connections."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from alhena_tracking.db import prepared
from alhena_tracking.ingestion import record
from alhena_tracking.models import CartEvent, Company
from tests.support.event_data import cart_event, chat

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


@pytest.fixture
def fresh_connection() -> None:
    connection.close()


def test_statements_when_they_come_again_are_prepared_once(
    company: Company, fresh_connection: None, executed: list[str]
) -> None:
    record(company, [chat()])
    executed.clear()
    for _ in range(3):
        record(company, [cart_event()])
    assert executed == ["PREPARE", "EXECUTE"] * 2 + ["EXECUTE"] * 4
    assert CartEvent.objects.count() == 3


def test_statements_when_the_connection_forgot_them_are_prepared_anew(company: Company, executed: list[str]) -> None:
    record(company, [chat(), cart_event()])
    record(company, [cart_event()])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["EXECUTE", "PREPARE", "EXECUTE"] * 2
    assert CartEvent.objects.count() == 3


def test_statements_when_another_one_prepared_them_are_executed(company: Company, executed: list[str]) -> None:
    """As behind a pooler, where a connection is somebody else's by turns."""
    record(company, [chat()])
    record(company, [cart_event()])
    prepared._prepared.clear()
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["PREPARE", "EXECUTE"] * 2
    assert CartEvent.objects.count() == 2


def test_statements_when_connections_change_are_sent_unprepared(
    company: Company, fresh_connection: None, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_prepare", lambda cursor, preparation: None)
    record(company, [chat()])
    executed.clear()
    record(company, [cart_event()])
    assert executed == ["EXECUTE", "EXECUTE", "WITH", "EXECUTE", "EXECUTE", "UPDATE", "INSERT"]
    assert CartEvent.objects.count() == 1


def test_look_up_when_of_any_number_of_products_is_the_same_statement(
    company: Company, fresh_connection: None, executed: list[str]
) -> None:
    record(company, [chat()])
    executed.clear()
    for count in (2, 20, 5):
        events = [cart_event(product_id=f"{count}-{number}") for number in range(count)]
        assert {outcome.status for outcome in record(company, events)} == {"recorded"}
    assert executed == ["PREPARE", "EXECUTE"] * 2 + ["EXECUTE"] * 4
    assert {outcome.status for outcome in record(company, events)} == {"duplicate"}
    assert CartEvent.objects.count() == 27


def test_look_up_when_not_prepared_finds_many_products(
    company: Company, fresh_connection: None, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "_prepare", lambda cursor, preparation: None)
    record(company, [chat()])
    for kind, quantity, added in (("ITEM_ADDED", 2, 2), ("QUANTITY_INCREASED", 5, 3)):
        executed.clear()
        ids = ("A", 'B\\"', "C\u2028")
        record(company, [cart_event(type=kind, product_id=each, quantity=Decimal(quantity)) for each in ids])
        assert executed[:3] == ["EXECUTE", "EXECUTE", "WITH"]
        assert [event.units for event in CartEvent.objects.order_by("-id")[:3]] == [added] * 3


def test_statements_when_in_a_transaction_are_not_prepared(company: Company, executed: list[str]) -> None:
    record(company, [chat()])
    executed.clear()
    with transaction.atomic():
        record(company, [cart_event()])
    assert not {"PREPARE", "EXECUTE"} & set(executed)
    assert CartEvent.objects.count() == 1


def test_look_ups_when_planned_on_small_tables_use_an_index(company: Company, fresh_connection: None) -> None:
    """The plan is kept until the next ANALYZE, however large the tables grow before."""
    record(company, [chat()])
    record(company, [cart_event()])
    record(company, [cart_event(), cart_event()])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, CARDINALITY(parameter_types) FROM pg_prepared_statements WHERE statement LIKE '%WITH visit%'"
        )
        look_ups = cursor.fetchall()
        assert len(look_ups) == 2
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        for name, parameters in look_ups:
            cursor.execute(f"EXPLAIN EXECUTE {name} ({', '.join(['NULL'] * parameters)})")
            assert "Seq Scan" not in "\n".join(line for (line,) in cursor.fetchall())
    connection.close()
