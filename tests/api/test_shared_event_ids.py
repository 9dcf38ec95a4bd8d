"""One event id from the browser and the server, in any order, for one or two orders: the server's word stands (F30)."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alhena_tracking.models import Company, Order, SecretKey, Trust
from tests.support.api_calls import IDENTITY, ORDER, post
from tests.support.runs import examples
from tests.support.transactions import undone

pytestmark = pytest.mark.django_db

EVENT_ID = "5c3f6a52-93e1-4f0e-8a0b-5f6f4c1f2a77"
#: What the server says of each order, whenever it does.
VALUES = {"1001": 75, "1002": 80}


class Word(NamedTuple):
    """What one of both sides says of an order: the browser any value, the server the order's."""

    is_servers: bool
    order_id: str
    said_by_browser: int


def words(order_ids: list[str]) -> st.SearchStrategy[list[Word]]:
    word = st.builds(Word, st.booleans(), st.sampled_from(order_ids), st.sampled_from([1, 75, 80]))
    return st.lists(word, min_size=2, max_size=6)


@settings(
    max_examples=examples(12, full=1000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=st.one_of(words(["1001"]), words(["1001", "1002"])))
@example(said=[Word(False, "1001", 1), Word(True, "1001", 1)])
@example(said=[Word(True, "1001", 1), Word(False, "1001", 1)])
@example(said=[Word(False, "1001", 1), Word(True, "1002", 1)])
@example(said=[Word(True, "1002", 1), Word(False, "1001", 1)])
def test_order_when_both_sides_share_an_event_id_is_the_servers(company: Company, said: list[Word]) -> None:
    with undone():
        key = SecretKey(company=company, name="server").issue()
        assert post("interactions", {**IDENTITY, "type": "CHAT"})[0] == 201
        heard: set[str] = set()
        for word in said:
            body = {**ORDER, "event_id": EVENT_ID, "order_id": word.order_id, "value": word.said_by_browser}
            if not word.is_servers:
                assert post("checkout_events", body)[0] in {200, 201}
                continue
            answer = post("checkout_events", {**body, "value": VALUES[word.order_id]}, Authorization=f"Bearer {key}")
            expected = {"duplicate"} if word.order_id in heard else {"recorded", "confirmed"}
            assert answer[1]["status"] in expected, (word, answer)
            heard.add(word.order_id)
        orders = {order.order_id: order for order in Order.objects.all()}
        assert len(orders) == Order.objects.count()
        for order_id, order in orders.items():
            assert (order.trust != Trust.REPORTED) == (order_id in heard)
            if order_id in heard:
                assert order.value_minor == 100 * VALUES[order_id]
        assert heard <= orders.keys()
