"""Orders with more claims than are kept, or than are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alhena_tracking.ingestion import OrderData, Visitor, orm, record
from alhena_tracking.models import Company, Order, Trust
from tests.support.event_data import NOW, chat, order

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the first three claims and the latest four."""
    monkeypatch.setattr(orm, "FIRST_CLAIMS", 3)
    monkeypatch.setattr(orm, "LATEST_CLAIMS", 4)


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
    assert (after.session_id, after.value_minor, after.trust) == (shown.session_id, 4, Trust.CONFIRMED)
    assert after.claims.filter(session=shown.session_id, value_minor=4).count() == 1


def test_first_claim_of_many_with_the_confirmed_amount_is_shown(company: Company) -> None:
    for number in range(10):
        _claim(company, number, value_minor=7 if number in (8, 9) else number)
    expected = Order.objects.get().claims.filter(value_minor=7).earliest("id")
    record(company, [_confirmed(7)])
    assert Order.objects.get().session_id == expected.session_id


def test_claim_when_it_is_said_again_among_many_is_kept_once(company: Company) -> None:
    """Also where one session said many amounts, and another one said the same amount before."""
    for number in range(3):
        _claim(company, number, value_minor=5)
    visitor = _visitor(company, 3)
    said = [order(NOW + MINUTE, visitor, value_minor=amount) for amount in (5, 6, 7)]
    again = [order(NOW + MINUTE, visitor, value_minor=amount) for amount in (5, 6, 7, 5)]
    assert {outcome.status for outcome in record(company, said) + record(company, again)} == {"duplicate"}
    assert _amounts() == [5, 5, 5, 5, 6, 7]
