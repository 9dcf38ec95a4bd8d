"""What many connections do at once; needs a database server with concurrent writers."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test import Client

from alhena_tracking.db.messages import messages
from alhena_tracking.db.transactions import deadline
from alhena_tracking.ingestion import EventData, Outcome, Visitor, postgresql, record, recording
from alhena_tracking.ingestion.state import Demand, NotReadError
from alhena_tracking.models import CartEvent, Company, Interaction, LockRow, Order, OrderClaim, VisitorSession
from tests.support.event_data import NOW, VISITOR, cart_event, chat, order
from tests.support.faults.database import wait_for_waiting
from tests.support.runs import examples

pytestmark = [
    pytest.mark.concurrency,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has a single writer; set DATABASE_URL"),
]

POSTS = 64
IDENTITY = {"company_key": "acme", "user_fingerprint": str(uuid.UUID(int=7)), "user_faq_fingerprint": None}
PATHS = {"interaction": "interactions", "cart": "cart_events", "order": "checkout_events"}


def _post(kind: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    try:
        response = Client(raise_request_exception=False).post(
            f"/alhena/analytics/{PATHS[kind]}", json.dumps({**IDENTITY, **fields}), content_type="application/json"
        )
        return response.status_code, response.json()
    finally:
        connection.close()


def _post_at_once(kind: str, bodies: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    """Post each body from a thread and over a connection of its own, once all of these are there."""
    start = Barrier(len(bodies))

    def post(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        connection.ensure_connection()
        start.wait(timeout=30)
        return _post(kind, **body)

    with ThreadPoolExecutor(max_workers=len(bodies)) as pool:
        answers = list(pool.map(post, bodies))
    return Counter((code, body["status"]) for code, body in answers)


@pytest.fixture
def interacted() -> None:
    assert _post("interaction", type="CHAT")[0] == 201


# One order id, from 64 sides (F8)


@pytest.mark.parametrize("round_", range(examples(3, full=100)))
def test_one_order_id_when_posted_at_once_is_one_order(interacted: None, round_: int) -> None:
    values = [10 + number for number in range(POSTS)]
    bodies = [{"order_id": "1001", "value": value, "currency": "EUR"} for value in values]
    assert _post_at_once("order", bodies) == {(201, "recorded"): 1, (200, "duplicate"): POSTS - 1}
    shown = Order.objects.get()
    assert OrderClaim.objects.values_list("order_id", "value_minor").get() == (shown.pk, shown.value_minor)
    assert (shown.value_minor // 100 in values, shown.has_conflict) == (True, True)


# One event id, one visitor, one cart


def test_one_event_id_when_posted_at_once_is_one_row(interacted: None) -> None:
    body = {
        "event_id": str(uuid.uuid4()),
        "type": "ITEM_ADDED",
        "product_id": "A",
        "product_name": "Mug",
        "value": 1,
        "currency": "EUR",
        "quantity": 1,
    }
    assert _post_at_once("cart", [body] * POSTS) == {(201, "recorded"): 1, (200, "duplicate"): POSTS - 1}
    assert CartEvent.objects.count() == 1


def test_first_interactions_when_posted_at_once_share_one_session() -> None:
    assert _post_at_once("interaction", [{"type": "CHAT"}] * POSTS) == {(201, "recorded"): POSTS}
    assert VisitorSession.objects.count() == 1
    assert Interaction.objects.count() == POSTS


def test_cart_states_when_posted_at_once_follow_each_other(interacted: None) -> None:
    """Whatever order they come in, each row continues from the one before it."""
    bodies = [
        {
            "type": "ITEM_ADDED",
            "product_id": "A",
            "product_name": "Mug",
            "value": 1,
            "currency": "EUR",
            "quantity": number + 1,
        }
        for number in range(POSTS)
    ]
    assert _post_at_once("cart", bodies) == {(201, "recorded"): POSTS}
    previous = None
    for event in CartEvent.objects.order_by("occurred_at", "id"):
        is_fresh = previous is None or event.quantity < previous.quantity
        assert event.units == (event.quantity if is_fresh or previous is None else event.quantity - previous.quantity)
        previous = event
    assert Company.objects.count() == 1


# Sessions that somebody else holds


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL locks sessions by one statement")
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("visitor", [VISITOR, Visitor(VISITOR.user_fingerprint, None)], ids=["chat and FAQ", "chat"])
def test_sessions_when_one_is_held_by_another_are_all_locked(visitor: Visitor, number: int) -> None:
    company = Company.objects.get(key="acme")
    for hours in (0, 30, 60):
        record(company, [chat(NOW + timedelta(hours=hours), visitor)])
    sessions = list(VisitorSession.objects.order_by("id").values_list("id", flat=True))
    events = [cart_event(NOW, visitor), cart_event(NOW + timedelta(hours=60), visitor)]

    def lock() -> set[int]:
        with deadline(), messages(is_durable=True) as transaction_:
            found = postgresql.read(transaction_, Demand(company, events, timedelta(hours=24)), locks=True)
            transaction_.send(["SELECT 1"], {}, commits=True)
        return {session_id for _, session_id in found.carts_read}

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            VisitorSession.objects.lock(sessions[number])
            locked = pool.submit(_on_own_connection, lock)
            wait_for_waiting()
        assert locked.result() == {*sessions}


def test_events_when_recorded_apart_are_locked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that lock one after another would lock an order's row while they hold a session: a deadlock."""
    company = Company.objects.get(key="acme")
    visitors = [Visitor(uuid.UUID(int=number, version=4), None) for number in range(2)]
    record(company, [chat(NOW, visitor) for visitor in visitors])
    orders = [order(NOW, visitor, order_id=f"{number}") for number, visitor in enumerate(visitors)]
    held = LockRow.objects.filter(pk__in=Demand(company, orders, timedelta(hours=24)).lock_numbers)
    free: list[list[Any]] = []

    def find_free() -> list[Any]:
        with transaction.atomic():
            return [*_free(held), *_free(VisitorSession.objects.all())]

    def record_part(company: Company, events: Sequence[EventData], is_durable: bool) -> list[Outcome]:
        if len(events) < len(orders):
            with ThreadPoolExecutor(1) as pool:
                free.append(pool.submit(_on_own_connection, find_free).result())
            return record_together(company, events, is_durable)
        raise NotReadError

    record_together = recording._record
    monkeypatch.setattr(recording, "_record", record_part)
    assert [outcome.status for outcome in record(company, orders)] == ["recorded"] * 2
    assert free == [[], []]


def _free(rows: QuerySet[Any]) -> list[Any]:
    """Return those of the rows that nobody has locked."""
    return list(rows.select_for_update(skip_locked=True))


def _on_own_connection(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()
