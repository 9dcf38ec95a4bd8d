"""A shop's long transaction full of orders does not hold up other visitors (F34)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from alhena_tracking import events
from alhena_tracking.conf import conf
from alhena_tracking.models import PendingConfirmation
from tests.support.faults.books import check_books
from tests.support.faults.delivery import Answer, post
from tests.support.faults.events import Event, interaction, new_visitor, order
from tests.support.faults.server import Server
from tests.support.runs import examples

pytestmark = [
    pytest.mark.faults,
    pytest.mark.concurrency,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

STRANGERS = 16


def _import(count: int, *, is_list: bool) -> None:
    orders: list[dict[str, Any]] = [
        {"visitor": None, "order_id": f"imported-{number}", "value": 10, "currency": "EUR"} for number in range(count)
    ]
    outcomes = events.record_orders(orders) if is_list else [events.record_order(**each) for each in orders]
    assert {outcome.status for outcome in outcomes} == {"deferred"}


@pytest.mark.parametrize("is_list", [False, True], ids=["record_order", "record_orders"])
def test_strangers_when_a_shop_imports_orders_in_a_transaction_go_on(server: Server, is_list: bool) -> None:
    count = examples(300, full=1500)
    # Longer than an event would wait for the locks of these orders.
    open_until = time.monotonic() + examples(1, full=30) + conf.lock_timeout.total_seconds()
    sent: list[Event] = []
    answers: list[Answer] = []

    def shop(chat: Event) -> list[Answer]:
        bought = order(chat.visitor, order_id=chat.visitor, occurred_at=chat.occurred_at + timedelta(milliseconds=1))
        sent.extend([chat, bought])
        return [post(server, event.message()) for event in (chat, bought)]

    with ThreadPoolExecutor(STRANGERS) as strangers:
        with transaction.atomic():
            Group.objects.create(name="customers")
            _import(count, is_list=is_list)
            while True:
                for given in strangers.map(shop, [interaction(new_visitor()) for _ in range(STRANGERS)]):
                    answers += given
                if time.monotonic() > open_until:
                    break
            assert not PendingConfirmation.objects.exists()
        assert PendingConfirmation.objects.count() == count
    Group.objects.all().delete()
    assert {answer.status for answer in answers} == {201}
    PendingConfirmation.objects.all().delete()
    check_books(sent)
