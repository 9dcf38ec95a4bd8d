"""The functions that end in ``_on_commit``: what they record, and when."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, transaction
from django.http import HttpRequest
from django.test import RequestFactory

from alhena_tracking import events
from alhena_tracking.models import Company, Order, Trust
from tests.support.failing_writes import before_writing
from tests.support.on_commit import CALLS, ORDER, ROWS, VISITOR, check_out

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a word of the event"


def request() -> HttpRequest:
    made = RequestFactory().post("/checkout")
    made.COOKIES["alhena_acme"] = f"1.{VISITOR.user_fingerprint}.{VISITOR.faq_fingerprint}.1700000000"
    return made


def fail() -> None:
    raise OperationalError(SECRET)


@pytest.fixture
def interacted(company: Company) -> None:
    assert events.record_interaction(VISITOR, type="CHAT").status == "recorded"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("is_called", [True, False])
def test_fields_when_a_function_returns_them_are_read_after_the_commit(
    interacted: None, name: str, is_called: bool
) -> None:
    if name == "refund_order_on_commit":
        events.record_order(VISITOR, **ORDER)
    states = []

    def fields() -> dict[str, Any]:
        states.append(transaction.get_connection().in_atomic_block)
        return given

    given = dict(CALLS[name])
    visitor = {"visitor": given.pop("visitor")} if "visitor" in given else {}
    check_out(name, {**visitor, "fields": fields if is_called else given})
    assert states == ([False] if is_called else [])
    assert ROWS[name]._default_manager.exists()


def test_order_when_recorded_on_commit_depends_on_the_commit(interacted: None) -> None:
    with transaction.atomic():
        events.record_order_on_commit(request(), **ORDER)
        assert not Order.objects.exists()
    assert Order.objects.get().trust == Trust.VERIFIED
    with transaction.atomic():
        events.record_order_on_commit(request(), **{**ORDER, "order_id": "1002"})
        transaction.set_rollback(True)
    assert Order.objects.count() == 1


def test_order_when_a_function_names_its_visitor_is_that_visitors(interacted: None) -> None:
    events.record_order_on_commit(None, lambda: {"visitor": VISITOR, **ORDER})
    assert Order.objects.get().trust == Trust.VERIFIED


def test_orders_when_an_async_view_reports_them_are_recorded(interacted: None) -> None:
    async def view() -> None:
        events.record_order_on_commit(request(), **ORDER)
        await events.arecord_order_on_commit(request(), **{**ORDER, "order_id": "1002"})
        await asyncio.gather(*events.after_commit._tasks)

    async_to_sync(view)()
    assert sorted(Order.objects.values_list("order_id", flat=True)) == ["1001", "1002"]


def test_order_when_the_event_loop_ends_first_is_logged(interacted: None, caplog: pytest.LogCaptureFixture) -> None:
    async def view() -> None:
        events.record_order_on_commit(request(), **ORDER)
        for task in events.after_commit._tasks:
            task.cancel()

    async_to_sync(view)()
    assert "An event was lost" in caplog.text


@pytest.mark.parametrize("is_in_transaction", [True, False])
def test_events_when_invalid_on_commit_are_logged_without_values(
    interacted: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_in_transaction: bool
) -> None:
    with transaction.atomic() if is_in_transaction else nullcontext():
        events.record_order_on_commit(request(), order_id="1001", value="secret", currency="EUR")
        events.record_cart_event_on_commit(request(), type="ITEM_ADDED")
        events.record_interaction_on_commit(request(), company="nobody", type="CHAT")
        events.refund_order_on_commit(order_id="1001", refund_id="r1", value=0, currency="EUR")
    before_writing(monkeypatch, fail)
    events.record_order_on_commit(request(), **ORDER)
    assert caplog.text.count("ERROR") == 5
    assert "record_order: value: not_a_number" in caplog.text
    assert "OperationalError" in caplog.text
    assert not any(value in caplog.text for value in ("secret", "1001", str(VISITOR.user_fingerprint), SECRET))
