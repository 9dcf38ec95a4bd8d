"""F31: order ids are enumerated while confirmations wait; denials; squatting."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from alhena_tracking.models import Order, Trust, VisitorSession
from tests.support.enumerated_orders import ENUMERATORS, Enumeration, enumerations
from tests.support.runs import examples
from tests.support.trust_shops import Shops


def _orders() -> dict[str, dict[str, Any]]:
    """Return what is shown of each order id; sessions are numbered in order of arrival, as the oracle's."""
    numbers = {
        pk: number for number, pk in enumerate(VisitorSession.objects.order_by("pk").values_list("pk", flat=True))
    }
    return {
        order.order_id: {
            "session": numbers[order.session_id],
            "amount": (order.currency, order.value_minor),
            "trust": order.trust,
            "standing": order.standing,
            "has_conflict": order.has_conflict,
        }
        for order in Order.objects.all()
    }


@pytest.mark.django_db
@settings(
    max_examples=examples(10, full=1000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(enumeration=enumerations())
def test_orders_when_their_ids_are_enumerated_stay_their_buyers(enumeration: Enumeration) -> None:
    with transaction.atomic():
        shops = Shops()
        for event in enumeration.sequence.events:
            shops.send(event)
        orders = _orders()
        transaction.set_rollback(True)
    assert orders == {
        order_id: {
            "session": order.credit.session,
            "amount": (order.currency, order.value_minor),
            "trust": order.trust,
            "standing": order.standing,
            "has_conflict": order.has_conflict,
        }
        for (_, order_id), order in enumeration.sequence.replay().orders.items()
    }
    for order_id, order in orders.items():
        story, value = enumeration.stories[order_id], ("EUR", enumeration.values[order_id])
        is_enumerators = order["session"] < len(ENUMERATORS)
        if story.startswith(("claimed", "verified")):
            assert (is_enumerators, order["amount"], order["standing"]) == (False, value, "COUNTED")
            assert order["trust"] == (Trust.CONFIRMED if story.startswith("claimed") else Trust.VERIFIED)
        elif story.startswith("not ours"):
            assert order["standing"] == "NOT_OURS"
        elif order["standing"] == "COUNTED":
            # Nobody else claims it. What the one enumerator gets is the server's amount, and flagged.
            assert (order["amount"], order["has_conflict"]) == (value, True)
        else:
            assert order["standing"] == "HELD"
