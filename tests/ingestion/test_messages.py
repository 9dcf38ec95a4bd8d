"""What is sent to PostgreSQL for an event, whatever becomes of the connections."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from alhena_tracking.db.messages import Tables, messages
from alhena_tracking.ingestion import LineItemData, record
from alhena_tracking.models import CartEvent, Company, Interaction, Order, OrderLine, PendingConfirmation, Trust
from tests.support.event_data import cart_event, chat, order

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL prepares; set DATABASE_URL"),
]


@pytest.fixture
def sent() -> Iterator[list[tuple[int, int]]]:
    """How many statements each message prepares and executes, from now on."""
    messages: list[tuple[int, int]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "COMMIT" in sql or "SELECT" in sql or "EXECUTE" in sql:
            messages.append((sql.count("PREPARE alhena"), sql.count("EXECUTE alhena")))
        return execute(sql, params, many, context)

    connection.close()
    with connection.execute_wrapper(note):
        yield messages


def test_statements_when_they_come_again_are_prepared_once(company: Company, sent: list[tuple[int, int]]) -> None:
    record(company, [chat()])
    sent.clear()
    record(company, [cart_event()])
    assert sent == [(1, 1), (1, 1)]
    sent.clear()
    record(company, [cart_event()])
    assert sent == [(0, 1), (0, 1)]
    assert CartEvent.objects.count() == 2


def test_new_order_when_recorded_takes_two_messages(company: Company, sent: list[tuple[int, int]]) -> None:
    """Of any number of lines, also where a browser reports it and the shop's server confirms it at once."""
    line = LineItemData(product_id="SKU-1", product_name="Mug", quantity=Decimal(1), value_minor=1999)
    record(company, [chat(), cart_event()])
    sent.clear()
    record(company, [order(order_id="1", line_items=(line,) * 10)])
    record(company, [order(order_id="2"), order(order_id="2", visitor=None, trust=Trust.CONFIRMED)])
    record(company, [order(order_id="")])
    record(company, [order(order_id="3", visitor=None, trust=Trust.CONFIRMED)])
    assert len(sent) == 8
    assert [order.trust for order in Order.objects.order_by("id")] == ["REPORTED", "CONFIRMED", "REPORTED"]
    assert (OrderLine.objects.count(), PendingConfirmation.objects.count()) == (10, 1)


def test_statements_when_another_connection_has_none_are_not_prepared(
    company: Company, sent: list[tuple[int, int]]
) -> None:
    """As behind a pooler in transaction mode: the first message finds nothing, and is sent again as it is."""
    record(company, [chat(), cart_event()])
    record(company, [cart_event()])
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    sent.clear()
    record(company, [cart_event()])
    record(company, [cart_event()])
    assert sent == [(0, 1), (0, 0), (0, 0), (0, 0), (0, 0)]
    assert CartEvent.objects.count() == 4


def test_statements_when_an_event_was_rejected_stay_prepared(company: Company, sent: list[tuple[int, int]]) -> None:
    record(company, [chat()])
    record(company, [cart_event()])
    [outcome] = record(company, [cart_event(source="x" * 300)])
    assert outcome.status == "invalid"
    sent.clear()
    record(company, [cart_event()])
    assert sent == [(0, 1), (0, 1)]


def test_statements_when_preparing_failed_are_prepared_anew(company: Company, sent: list[tuple[int, int]]) -> None:
    [outcome] = record(company, [chat(source="x" * 300)])
    assert outcome.status == "invalid"
    for _ in range(2):
        record(company, [chat()])
    sent.clear()
    record(company, [chat()])
    # Before all but the first of a message, what is left of the time limit is set.
    assert sent == [(0, 5), (0, 3)]
    assert Interaction.objects.count() == 3


def test_statements_when_in_the_shop_s_transaction_are_not_prepared(
    company: Company, sent: list[tuple[int, int]]
) -> None:
    with transaction.atomic():
        record(company, [chat(), cart_event()])
    assert set(sent) == {(0, 0)}
    assert CartEvent.objects.count() == 1


def test_texts_when_sent_as_an_array_come_back_as_they_were() -> None:
    texts = ["EUR", "", "NULL", " a,b ", '"', "\\", '{"é": "\\n"}', "%s 'x'", "\n"]
    tables = Tables()
    table = tables.add("texts", {"text": "varchar"}, [(text,) for text in texts])
    with messages(is_durable=True) as transaction_:
        statement = f"SELECT text FROM {table.sql}"  # noqa: S608  (its texts are parameters)
        [rows] = transaction_.send([statement], tables.params, begins=False)
    assert [text for (text,) in rows] == texts
