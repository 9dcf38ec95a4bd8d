"""Sequences of calls as shops send them, with the orders and refunds that must count in the end."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from alhena_tracking.models import Company, Order, Refund, SecretKey
from tests.support.api_calls import IDENTITY, post

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
CASES = json.loads((Path(__file__).parent / "replayed_calls.json").read_text())


def send(step: dict[str, Any], key: str, now: datetime) -> int:
    """Send a browser's call or the server's, which names no visitor unless the step says so."""
    is_by_server = step["by"] == "server"
    names_visitor = not is_by_server or step.get("names_visitor", False)
    body = {**(IDENTITY if names_visitor else {"company_key": "acme"}), **step["body"]}
    if "hours_ago" in step:
        body["occurred_at"] = (now - timedelta(hours=step["hours_ago"])).isoformat()
    return post(step["path"], body, **({"Authorization": f"Bearer {key}"} if is_by_server else {}))[0]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_calls_when_replayed_leave_the_right_orders(company: Company, case: dict[str, Any]) -> None:
    key = SecretKey(company=company, name="server").issue()
    answers = []
    with time_machine.travel(START, tick=False) as clock:
        for step in case["steps"]:
            if "hours" in step:
                clock.shift(timedelta(hours=step["hours"]))
            else:
                answers.append(send(step, key, timezone.now()))
                clock.shift(timedelta(seconds=1))
    if "answers" in case:
        assert answers == case["answers"]
    counted = Order.objects.counted().order_by("value_minor")
    if "orders" in case:
        named = counted.exclude(order_id="")
        assert {order.order_id: [order.value_minor, order.currency] for order in named} == case["orders"]
    without_id = [[order.value_minor, order.currency] for order in counted.filter(order_id="")]
    assert without_id == case.get("without_id", [])
    refunds, counts = defaultdict(list), defaultdict(list)
    for refund in Refund.objects.filter(refunded_order__isnull=False).order_by("id"):
        refunds[refund.order_id].append([refund.value_minor, refund.currency])
        counts[refund.order_id].append(refund.counted_minor)
    assert refunds == case.get("refunds", {})
    if "counted" in case:
        assert counts == case["counted"]
