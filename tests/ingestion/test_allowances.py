"""How much browsers may add to the carts of one session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from alhena_tracking.ingestion import CartEventData, allowances, record
from alhena_tracking.models import CartEvent, Company, Trust
from tests.support.event_data import NOW, cart_event, chat, order

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ACCEPTED, ABOVE, TOO_MANY = "recorded", "above_ceiling", "too_many_claims"


@pytest.fixture(autouse=True)
def interacted(company: Company, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a session add up to 100 EUR or 200 USD, and have five cart events."""
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "MAX_CART_VALUE": {"EUR": 100, "USD": 200}}
    monkeypatch.setattr(allowances, "SESSION_CART_EVENTS", 5)
    record(company, [chat(NOW - MINUTE)])


def added(number: int, minor: int, **changes: Any) -> CartEventData:
    values = {"product_id": f"SKU-{number}", "quantity": Decimal(1), "value_minor": minor, **changes}
    return cart_event(NOW + number * MINUTE, **values)


def outcomes(company: Company, events: Sequence[CartEventData], *, is_batch: bool) -> list[str]:
    found = record(company, events) if is_batch else [record(company, [event])[0] for event in events]
    return [outcome.reason or outcome.status for outcome in found]


@pytest.mark.parametrize("is_batch", [False, True])
def test_cart_when_browsers_add_too_much_stays_below_the_ceiling(company: Company, is_batch: bool) -> None:
    events = [added(1, 6000), added(2, 5000), added(3, 4000), added(4, 1), added(5, 10_001)]
    assert outcomes(company, events, is_batch=is_batch) == [ACCEPTED, ABOVE, ACCEPTED, ABOVE, ABOVE]
    assert list(CartEvent.objects.order_by("id").values_list("gmv_minor", flat=True)) == [6000, 4000]


@pytest.mark.parametrize("is_batch", [False, True])
def test_cart_when_in_several_currencies_shares_the_ceiling(company: Company, is_batch: bool) -> None:
    events = [added(1, 5000), added(2, 10_000, currency="USD"), added(3, 100, currency="USD")]
    assert outcomes(company, events, is_batch=is_batch) == [ACCEPTED, ACCEPTED, ABOVE]


@pytest.mark.parametrize("is_batch", [False, True])
def test_cart_when_nothing_is_added_needs_no_allowance(company: Company, is_batch: bool) -> None:
    removed = added(2, 10**9, product_id="SKU-1", type="ITEM_REMOVED", quantity=Decimal(0))
    events = [added(1, 10_000), removed, added(3, 1)]
    assert outcomes(company, events, is_batch=is_batch) == [ACCEPTED, ACCEPTED, ABOVE]
    assert sum(CartEvent.objects.values_list("gmv_minor", flat=True)) == 0


@pytest.mark.parametrize("is_batch", [False, True])
def test_cart_events_when_browsers_send_too_many_are_ignored(company: Company, is_batch: bool) -> None:
    events = [added(number, 1) for number in range(7)]
    assert outcomes(company, events, is_batch=is_batch) == [ACCEPTED] * 5 + [TOO_MANY] * 2


def test_allowance_when_a_window_has_passed_is_new(company: Company) -> None:
    record(company, [chat(NOW + timedelta(hours=12))])
    assert outcomes(company, [added(1, 10_000)], is_batch=False) == [ACCEPTED]
    late = NOW + timedelta(hours=24, minutes=1)
    again = [cart_event(late + step, product_id="B", value_minor=5000) for step in (timedelta(), MINUTE)]
    assert outcomes(company, again[:1], is_batch=False) == [ABOVE]  # 24 hours have not passed since the first
    again = [cart_event(late + 2 * MINUTE, product_id="B", value_minor=5000)]
    assert outcomes(company, again, is_batch=False) == [ACCEPTED]


def test_allowance_when_the_shops_server_reports_is_not_needed(company: Company) -> None:
    events = [added(number, 90_000, trust=Trust.CONFIRMED) for number in range(7)]
    assert outcomes(company, events, is_batch=True) == [ACCEPTED] * 7
    assert outcomes(company, [added(8, 10_000)], is_batch=False) == [ACCEPTED]


def test_allowance_when_the_session_is_new_is_used_in_its_batch(company: Company) -> None:
    later = NOW + timedelta(days=3)
    events = [chat(later), *(cart_event(later, product_id=str(n), value_minor=3000) for n in range(3))]
    assert [outcome.reason or outcome.status for outcome in record(company, events)] == [ACCEPTED] * 2 + [ABOVE] * 2


def test_carts_when_a_late_event_is_too_dear_are_as_without_it(company: Company) -> None:
    assert outcomes(company, [added(3, 3000, quantity=Decimal(3), product_id="A")], is_batch=False) == [ACCEPTED]
    late = added(2, 3000, product_id="A")  # with it, the later one would add two
    assert outcomes(company, [late], is_batch=False) == [ABOVE]
    assert CartEvent.objects.get().gmv_minor == 9000


def test_carts_when_one_event_of_a_batch_is_too_dear_are_as_without_it(company: Company) -> None:
    first = added(1, 4000)
    events = [first, order(NOW + 2 * MINUTE), added(3, 4000, product_id="SKU-1"), added(4, 4000)]
    assert [outcome.reason or outcome.status for outcome in record(company, events)] == [ACCEPTED] * 3 + [ABOVE]
    late = added(2, 2001, product_id="SKU-1", quantity=Decimal(3))
    assert outcomes(company, [late], is_batch=False) == [ABOVE]
    assert list(CartEvent.objects.order_by("id").values_list("gmv_minor", flat=True)) == [4000, 4000]
