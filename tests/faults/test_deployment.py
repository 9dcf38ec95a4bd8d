"""A new release under load: workers replaced by and by, tables changed (F25)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import IntegerField, Model

from alhena_tracking.models import CartEvent, Interaction, Order, VisitorSession
from tests.support.faults.books import check_books
from tests.support.faults.load import Load
from tests.support.faults.server import Server
from tests.support.runs import examples

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the figure is PostgreSQL's; set DATABASE_URL"),
]

RATE = 200
#: How long an event may be rejected.
REFUSED_SECONDS = 1


def _check_rejections(load: Load) -> None:
    """Assert that every event not recorded was rejected by the contract, and all within a second."""
    refused = [answer for answer in load.answers if not answer.is_final]
    assert all(answer.is_unavailable for answer in refused), refused
    if refused:
        assert max(answer.at for answer in refused) - min(answer.began_at for answer in refused) <= REFUSED_SECONDS


@pytest.mark.parametrize("round_", range(examples(1, full=5)))
def test_events_when_workers_are_replaced_are_taken(start_server: Callable[..., Server], round_: int) -> None:
    server = start_server(is_preloaded=False)
    with Load(server, streams=8, rate=RATE) as load:
        load.wait_for(examples(50, full=400))
        server.replace_workers()
        load.wait_for(examples(50, full=400))
    _check_rejections(load)
    check_books(load.events)


@pytest.mark.parametrize("round_", range(examples(1, full=5)))
def test_events_when_a_column_is_missing_are_rejected_for_now(server: Server, round_: int) -> None:
    """As between a new release and its migration."""
    with Load(server, streams=8, rate=RATE) as load:
        load.wait_for(examples(50, full=400))
        _rename(CartEvent, "source", "later")
        try:
            time.sleep(0.2)
        finally:
            _rename(CartEvent, "later", "source")
        load.wait_for(examples(50, full=400))
    assert any(answer.is_unavailable for answer in load.answers)
    _check_rejections(load)
    check_books(load.events)


def _rename(model: type[Model], column: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {model._meta.db_table} RENAME COLUMN {column} TO {name}")


def test_events_when_tables_get_a_column_are_taken(server: Server) -> None:
    field = IntegerField(null=True)
    field.set_attributes_from_name("faults")
    models: tuple[type[Model], ...] = (VisitorSession, Interaction, CartEvent, Order)
    changed: list[type[Model]] = []
    with Load(server, streams=8, rate=RATE) as load:
        try:
            for model in models:
                load.wait_for(examples(40, full=400))
                with connection.schema_editor() as editor:
                    editor.add_field(model, field)
                changed.append(model)
            load.wait_for(examples(40, full=400))
        finally:
            for model in changed:
                with connection.schema_editor() as editor:
                    editor.remove_field(model, field)
        load.wait_for(examples(40, full=400))
    _check_rejections(load)
    check_books(load.events)
