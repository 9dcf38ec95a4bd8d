"""An order's value in the shop's own currency, which only the shop's server states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alhena_tracking.events import InvalidEvent, record_order
from alhena_tracking.ingestion import record
from alhena_tracking.models import Company, Order, OrderVersion, PendingConfirmation, Trust
from tests.support.event_data import NOW, VISITOR, chat, order

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
YEN: dict[str, Any] = {"order_id": "1001", "currency": "JPY", "value": "12980", "occurred_at": NOW}
FIRST = {**YEN, "updated_at": NOW, "shop_currency": "EUR", "shop_value": "79.88"}


@pytest.fixture(autouse=True)
def interacted(company: Company, time_machine: Any) -> None:
    time_machine.move_to(NOW + 5 * MINUTE, tick=False)
    record(company, [chat(NOW - MINUTE)])


@pytest.mark.parametrize("visitor", [VISITOR, None], ids=["named", "not named"])
def test_value_when_the_server_states_it_is_kept(company: Company, visitor: Any) -> None:
    record_order(visitor, **YEN, shop_currency="EUR", shop_value="79,88")
    if visitor is None:
        assert PendingConfirmation.objects.get().shop_value_minor == 7988
        record(company, [order(NOW, order_id="1001", currency="JPY", value_minor=12980)])
    row = Order.objects.get()
    assert (row.value_minor, row.shop_currency, row.shop_value_minor) == (12980, "EUR", 7988)


def test_value_when_a_correction_leaves_it_out_stays_with_equal_figures(company: Company) -> None:
    record_order(VISITOR, **FIRST)
    record_order(VISITOR, **YEN, tax="980", updated_at=NOW + MINUTE)
    assert Order.objects.get().shop_value_minor == 7988
    record_order(VISITOR, **(YEN | {"value": "13000"}), updated_at=NOW + 2 * MINUTE)
    row = Order.objects.get()
    assert (row.value_minor, row.shop_currency, row.shop_value_minor) == (13000, "", None)
    assert [version.shop_value_minor for version in OrderVersion.objects.order_by("id")] == [7988, 7988]


def test_value_when_stated_anew_corrects_the_order(company: Company) -> None:
    record_order(VISITOR, **FIRST)
    outcome = record_order(VISITOR, **YEN, shop_currency="EUR", shop_value="80.00", updated_at=NOW + MINUTE)
    assert (outcome.status, Order.objects.get().shop_value_minor) == ("corrected", 8000)


@pytest.mark.parametrize(
    "fields",
    [{"shop_value": "79.88"}, {"shop_currency": "EUR"}, {"shop_currency": "EURO", "shop_value": "1"}],
    ids=["no currency", "no value", "unknown currency"],
)
def test_value_when_half_of_it_is_missing_is_left_out(company: Company, fields: dict[str, str]) -> None:
    record_order(VISITOR, **YEN, **fields)
    row = Order.objects.get()
    assert (row.value_minor, row.shop_currency, row.shop_value_minor) == (12980, "", None)


def test_value_when_a_browser_states_it_is_not_believed(company: Company) -> None:
    record(company, [order(NOW, order_id="1001", trust=Trust.REPORTED)])
    assert Order.objects.get().shop_currency == ""


def test_currency_of_the_order_when_missing_is_not_the_shop_s(company: Company) -> None:
    with pytest.raises(InvalidEvent):
        record_order(VISITOR, order_id="1", value="1", shop_currency="EUR", shop_value="1")
