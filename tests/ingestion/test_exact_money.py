"""Not a minor unit is lost or made: batches of events as browsers write them, against exact fractions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from alhena_tracking.models import CartEvent, Company, Order
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support.endpoints import post_to
from tests.support.exact_money import DECIMALS, Books, Visitor, minor_of, quantity_of, written
from tests.support.runs import examples

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = examples(2, full=20)
BATCHES = examples(10, full=500)
BATCH = 100
BASES = ("unit", "total")


@pytest.mark.parametrize(
    ("literal", "currency", "minor"),
    [
        ("19.989999999999998", "EUR", 1999),
        ("1.005", "EUR", 101),
        ("2.675", "EUR", 268),
        ("0.1e1", "EUR", 100),
        ("0.5", "JPY", 1),
        ("0.49999999999999994", "JPY", 0),
        ("1.0005", "KWD", 1001),
        ("1.0004999999999999", "KWD", 1000),
    ],
)
def test_oracle_when_asked_agrees_with_a_hand_calculation(literal: str, currency: str, minor: int) -> None:
    assert minor_of(literal, currency) == minor
    assert quantity_of("0.30000000000000004") == Fraction(3, 10)


@pytest.mark.usefixtures("without_ceilings")
@pytest.mark.parametrize("part", range(PARTS))
def test_amounts_when_events_come_in_batches_are_exact(company: Company, settings: Any, part: int) -> None:
    """Every stored row, and what the report adds up of them, by currency and day: 0 minor units off."""
    rnd = random.Random(part)
    basis, line_basis = BASES[part % 2], BASES[part // 2 % 2]
    settings.ALHENA_TRACKING = {
        **settings.ALHENA_TRACKING,
        "CART_EVENT_VALUE": basis,
        "LINE_ITEM_VALUE": line_basis,
        "RATE_LIMIT_PER_SOURCE": None,
        "RATE_LIMIT_PER_COMPANY": None,
    }
    Company.objects.filter(pk=company.pk).update(time_zone="UTC")
    company.refresh_from_db()
    books = Books()
    now = timezone.now()
    for _ in range(BATCHES):
        start = now - timedelta(hours=1) - timedelta(seconds=rnd.randrange(60 * 3600))
        sent = list(Visitor(rnd, books, start.astimezone(UTC), basis, line_basis).events(BATCH))
        fingerprint = str(UUID(int=rnd.getrandbits(128)))
        events = [event.body for event in sent]
        body = written({"company_key": company.key, "user_fingerprint": fingerprint, "events": events})
        answer = send(body)
        for event, result in zip(sent, answer["results"], strict=True):
            codes = {error["field"]: error["code"] for error in result.get("errors", ())}
            assert (result["status"], codes) == ("invalid" if event.errors else "recorded", event.errors), event.body

    assert dict(stored_cart_events()) == books.cart_events
    assert dict(stored_orders()) == books.orders
    period = Period((now - timedelta(days=4)).date(), now.date())
    for currency in DECIMALS:
        report = revenue_impact(ReportQuery(company=company, period=period, currency=currency))
        for name, expected in (("add_to_cart_minor", books.gmv_minor), ("purchase_minor", books.purchase_minor)):
            by_day = {on: minor for (of, on), minor in expected.items() if of == currency}
            for on in period.days:
                assert sum(getattr(day, name) for day in report.days if day.on == on) == by_day.get(on, 0)
            assert getattr(report.current, name) == sum(by_day.values())
            others = {one.currency: getattr(one, name) for one in report.other_currencies}
            totals = {
                of: sum(minor for (other, _on), minor in expected.items() if other == of)
                for of in DECIMALS
                if of != currency
            }
            assert {of: others.get(of, 0) for of in totals} == totals
        assert sum(product.add_to_cart_minor for product in report.products) == report.current.add_to_cart_minor


def send(body: bytes) -> dict[str, Any]:
    """Send a batch until it is taken, as clients do: where the machine is busy, the server may say 503 first."""
    for _ in range(5):
        status, answer = post_to("batch", body)
        if status != 503:
            break
    assert status == 200, answer
    return answer


def stored_cart_events() -> Iterator[tuple[UUID, tuple[Any, ...]]]:
    rows = CartEvent.objects.values_list(
        *("event_id", "currency", "value_minor", "quantity", "units", "gmv_minor"),
        *("cart_quantity", "claimed_units", "claimed_minor"),
    )
    for event_id, *facts in rows.iterator():
        yield event_id, tuple(Fraction(fact) if isinstance(fact, Decimal) else fact for fact in facts)


def stored_orders() -> Iterator[tuple[UUID, tuple[Any, ...]]]:
    rows = Order.objects.prefetch_related("lines").order_by("pk")
    for order in rows.iterator(chunk_size=2000):
        lines = tuple((Fraction(line.quantity), line.total_minor) for line in order.lines.all())
        yield order.event_id, (order.currency, order.value_minor, lines)
