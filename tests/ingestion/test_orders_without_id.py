"""Orders without an id that come together."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from alhena_tracking.ingestion import LineItemData, Visitor, record, review
from alhena_tracking.models import Company, Order, Standing, Trust, VisitorSession
from tests.support.event_data import NOW, VISITOR, chat, order

pytestmark = pytest.mark.django_db

LINES = (LineItemData(product_id="SKU-1", product_name="Mug", quantity=Decimal(2), value_minor=3998),)


def test_orders_when_one_batch_reports_and_confirms_are_one(company: Company) -> None:
    record(company, [chat()])
    reported, confirmed = (
        order(order_id="", value_minor=10_000_001, trust=trust, line_items=lines)
        for trust, lines in ((Trust.REPORTED, ()), (Trust.CONFIRMED, LINES))
    )
    assert [outcome.status for outcome in record(company, [reported, confirmed])] == ["held", "confirmed"]
    stored = Order.objects.get()
    assert (stored.trust, stored.standing, stored.event_id) == (Trust.VERIFIED, Standing.COUNTED, confirmed.event_id)
    assert stored.lines.get().product_id == "SKU-1"


def test_orders_when_the_server_repeats_one_in_a_batch_are_one(company: Company) -> None:
    record(company, [chat()])
    first, again = (order(order_id="", trust=Trust.CONFIRMED, line_items=lines) for lines in (LINES, ()))
    assert [outcome.status for outcome in record(company, [first, again])] == ["recorded", "duplicate"]


def test_orders_when_two_visitors_share_a_session_are_each_confirmed(company: Company) -> None:
    faq = Visitor(None, uuid4())
    record(company, [chat(visitor=Visitor(VISITOR.user_fingerprint, faq.faq_fingerprint))])
    visitors = (Visitor(VISITOR.user_fingerprint, None), faq)
    values = (100, 200)
    record(company, [order(NOW, v, order_id="", value_minor=n) for v, n in zip(visitors, values, strict=True)])
    said = [
        order(NOW, v, order_id="", value_minor=n, trust=Trust.CONFIRMED) for v, n in zip(visitors, values, strict=True)
    ]
    assert [outcome.status for outcome in record(company, said)] == ["confirmed", "confirmed"]
    assert set(Order.objects.values_list("value_minor", "trust")) == {(100, "VERIFIED"), (200, "VERIFIED")}


@pytest.mark.parametrize("is_in_batch", [False, True])
def test_order_when_its_session_is_excluded_is_confirmed_and_excluded(company: Company, is_in_batch: bool) -> None:
    record(company, [chat()])
    reported, confirmed = (order(order_id="", trust=trust) for trust in (Trust.REPORTED, Trust.CONFIRMED))
    if not is_in_batch:
        record(company, [reported])
    review.exclude_sessions(VisitorSession.objects.values_list("pk", flat=True), None, "forged")
    record(company, [reported, confirmed] if is_in_batch else [confirmed])
    stored = Order.objects.get()
    assert (stored.trust, stored.standing) == (Trust.VERIFIED, Standing.EXCLUDED)
