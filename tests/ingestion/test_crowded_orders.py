"""Orders with more claims than are kept, or than are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alhena_tracking.ingestion import OrderData, Visitor, record
from alhena_tracking.ingestion.orm import order_states
from alhena_tracking.ingestion.postgresql import writing
from alhena_tracking.models import Company, Order, OrderClaim, Trust
from tests.support.event_data import NOW, chat, order

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the first three claims and the latest four."""
    monkeypatch.setattr(order_states, "FIRST_CLAIMS", 3)
    for module in (order_states, writing):
        monkeypatch.setattr(module, "LATEST_CLAIMS", 4)


def _visitor(company: Company, number: int) -> Visitor:
    visitor = Visitor(UUID(int=number + 100), None)
    record(company, [chat(NOW, visitor)])
    return visitor


def _claim(company: Company, number: int, value_minor: int | None = None, at: datetime = NOW + MINUTE) -> None:
    amount = number if value_minor is None else value_minor
    record(company, [order(at, _visitor(company, number), value_minor=amount)])


def _confirmed(value_minor: int, visitor: Visitor | None = None) -> OrderData:
    return order(NOW + MINUTE, visitor, value_minor=value_minor, trust=Trust.CONFIRMED)


def _amounts() -> list[int]:
    return list(Order.objects.get().claims.order_by("id").values_list("value_minor", flat=True))


def test_claims_when_there_are_too_many_are_the_first_and_the_latest(company: Company) -> None:
    for number in range(12):
        _claim(company, number)
        assert len(_amounts()) == min(number + 1, 7)
    assert _amounts() == [0, 1, 2, 8, 9, 10, 11]
    assert Order.objects.get().has_conflict


def test_claims_when_too_many_come_together_are_the_first_and_the_latest(company: Company) -> None:
    visitors = [_visitor(company, number) for number in range(12)]
    record(company, [order(NOW + MINUTE, visitor, value_minor=n) for n, visitor in enumerate(visitors)])
    assert _amounts() == [0, 1, 2, 8, 9, 10, 11]


@pytest.mark.parametrize("is_named", [False, True])
def test_shown_claim_when_many_others_follow_stays(company: Company, is_named: bool) -> None:
    for number in range(5):
        _claim(company, number)
    record(company, [_confirmed(4, _visitor(company, 4) if is_named else None)])
    shown = Order.objects.get()
    for number in range(5, 20):
        _claim(company, number, value_minor=4 if number == 5 else number)
    assert _amounts() == [0, 1, 2, 4, 17, 18, 19]
    after = Order.objects.get()
    trust = Trust.VERIFIED if is_named else Trust.CONFIRMED
    assert (after.session_id, after.value_minor, after.trust) == (shown.session_id, 4, trust)
    assert after.claims.filter(session=shown.session_id, value_minor=4).count() == 1


@pytest.mark.parametrize(("at", "number"), [(None, 6), (3, 6), (7, 7), (11, 8)])
def test_claim_of_many_when_it_is_nearest_to_the_confirmed_time_is_shown(
    company: Company, at: int | None, number: int
) -> None:
    for received in range(10):
        event = order(NOW, _visitor(company, received), value_minor=70 if received in (6, 7, 8) else received)
        record(company, [replace(event, received_at=NOW + received * SECOND)])
    confirmation = replace(_confirmed(70), received_at=NOW + 20 * SECOND, is_dated=at is not None)
    if at is not None:
        confirmation = replace(confirmation, occurred_at=NOW + at * SECOND)
    record(company, [confirmation])
    assert Order.objects.get().session_id == OrderClaim.objects.get(received_at=NOW + number * SECOND).session_id


def test_claim_when_a_session_says_it_again_stands(company: Company) -> None:
    for number in range(3):
        _claim(company, number, value_minor=5)
    visitor = _visitor(company, 3)
    said = [order(NOW + MINUTE, visitor, value_minor=amount) for amount in (5, 6, 7)]
    assert {outcome.status for outcome in record(company, said) + record(company, said)} == {"duplicate"}
    assert _amounts() == [5, 5, 5, 5]
    assert Order.objects.get().has_conflict


def test_claim_when_it_was_of_nothing_gives_way_to_the_first_amount(company: Company) -> None:
    for number in range(3):
        _claim(company, number, value_minor=0)
    visitor = _visitor(company, 0)
    for amount in (0, 7, 8):
        assert record(company, [order(NOW + MINUTE, visitor, value_minor=amount)])[0].status == "duplicate"
    assert _amounts() == [7, 0, 0]
    assert Order.objects.get().value_minor == 7
