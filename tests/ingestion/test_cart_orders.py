"""Carts and the orders that empty them, and how prices are rounded, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db.models import Sum
from django.test import override_settings

from alhena_tracking.contract.limits import CART_ORDERS
from alhena_tracking.ingestion import EventData, LineItemData, OrderData, record
from alhena_tracking.models import CartEvent, Company, Order, OrderLine, Trust
from tests.support.event_data import NOW, cart_event, chat, order

pytestmark = pytest.mark.django_db

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = NOW - DAY


def add(
    product: str, at: timedelta, value_minor: Decimal | int = 10_000, quantity: int = 1, **changes: Any
) -> EventData:
    values = {"product_id": product, "value_minor": value_minor, "quantity": Decimal(quantity), **changes}
    return cart_event(START + at, **values)


def remove(product: str, at: timedelta, **changes: Any) -> EventData:
    return add(product, at, 1, 0, type="ITEM_REMOVED", **changes)


def buy(at: timedelta, *products: str, **changes: Any) -> EventData:
    lines = tuple(
        LineItemData(product_id=product, product_name="Mug", quantity=Decimal(1), value_minor=1) for product in products
    )
    return order(START + at, **{"line_items": lines or None, **changes})


def gmv(company: Company, events: Sequence[EventData]) -> int:
    """Record events one by one, and return the add-to-cart GMV."""
    for event in events:
        assert record(company, [event])[0].status in {"recorded", "confirmed", "held"}
    return CartEvent.objects.aggregate(total=Sum("gmv_minor"))["total"] or 0


CLEARED = [add("P", MINUTE), remove("P", 10 * MINUTE - SECOND), buy(10 * MINUTE, "P")]
CLEARED_WITHOUT_LINES = [add("P", MINUTE), remove("P", 5 * MINUTE), buy(10 * MINUTE)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # figures.md 6 to 9 and 12
        (CLEARED, 10_000),
        ([add("P", MINUTE, 5_000, 4, previous_quantity=Decimal(3))], 5_000),
        ([add("P", MINUTE, 5_000, 8, type="QUANTITY_INCREASED", previous_quantity=Decimal(3))], 25_000),
        ([add("P", MINUTE, 4_000), add("Q", MINUTE, 6_000), buy(9 * MINUTE, "P"), remove("Q", 20 * MINUTE)], 4_000),
        ([add("P", MINUTE, Decimal("0.5"), 1000)], 500),
        # A removal gives back where it is too early, of another product, or taken back.
        ([add("P", MINUTE), remove("P", 5 * MINUTE - SECOND), buy(10 * MINUTE, "P")], 0),
        ([add("P", MINUTE), remove("P", 9 * MINUTE), buy(10 * MINUTE, "Q")], 0),
        ([add("P", MINUTE), remove("P", 8 * MINUTE), add("P", 9 * MINUTE, 1), buy(10 * MINUTE, "P")], 1),
        ([add("P", MINUTE), add("P", 9 * MINUTE, 1, 0, type="QUANTITY_DECREASED"), buy(10 * MINUTE, "P")], 10_000),
        (CLEARED_WITHOUT_LINES, 10_000),
        ([add("Q", MINUTE, 6_000), *CLEARED_WITHOUT_LINES], 6_000),
        ([add("Q", MINUTE, 6_000), remove("Q", 6 * MINUTE), *CLEARED_WITHOUT_LINES], 16_000),
        # An order with none of the cart's products empties all; what it removed for itself was in the cart.
        ([add("P", MINUTE), buy(9 * MINUTE, "X"), remove("P", 20 * MINUTE)], 10_000),
        ([add("Q", MINUTE, 6_000), *CLEARED, remove("Q", 20 * MINUTE)], 10_000),
        # A part of it is left.
        ([add("P", MINUTE, 1_000, 3), buy(9 * MINUTE, "P"), remove("P", 20 * MINUTE)], 1_000),
        ([add("P", MINUTE, 1_000, 2), buy(9 * MINUTE, "P", "P"), remove("P", 20 * MINUTE)], 2_000),
    ],
)
def test_gmv_when_a_cart_is_bought(company: Company, events: list[EventData], expected: int) -> None:
    record(company, [chat(START)])
    assert gmv(company, events) == expected


@pytest.mark.parametrize("events", [CLEARED, CLEARED_WITHOUT_LINES], ids=["lines", "no lines"])
def test_gmv_when_events_are_late_is_the_same(company: Company, events: list[EventData]) -> None:
    for number, late in enumerate(permutations(events)):
        again = [_moved(event, number) for event in late]
        record(company, [chat(START + number * DAY)])
        assert gmv(company, again) == (number + 1) * 10_000


def _moved(event: EventData, days: int) -> EventData:
    make = order if hasattr(event, "order_id") else cart_event
    names = [name for name in type(event).__slots__ if name not in {"event_id", "occurred_at", "received_at"}]
    values = {name: getattr(event, name) for name in names}
    if "order_id" in values:
        values["order_id"] = str(days)
    return make(event.occurred_at + days * DAY, **values)


def test_events_of_one_moment_when_they_arrive_count_in_this_order(company: Company) -> None:
    record(company, [chat(START)])
    bought = buy(MINUTE, "P")
    events = [add("P", MINUTE, 1_000, 2), bought, add("P", MINUTE, 1_000, 2), remove("P", MINUTE)]
    assert gmv(company, events) == 2_000 + 1_000 - 2_000
    assert [row.claimed_units for row in CartEvent.objects.order_by("arrival")] == [2, 2, 0]


def test_order_when_confirmed_with_other_lines_changes_no_cart(company: Company) -> None:
    record(company, [chat(START)])
    confirmed = buy(9 * MINUTE, "Q", trust=Trust.CONFIRMED)
    gmv(company, [add("P", MINUTE), add("Q", MINUTE, 6_000), buy(5 * MINUTE, "P"), add("P", 6 * MINUTE), confirmed])
    assert Order.objects.get().lines.get().product_id == "Q"
    assert gmv(company, [remove("Q", 20 * MINUTE), remove("P", 20 * MINUTE)]) == 10_000


def test_cart_when_very_many_orders_follow_is_empty(company: Company) -> None:
    record(company, [chat(START)])
    quantities = range(CART_ORDERS + 1)
    gmv(
        company,
        [add("P", MINUTE, 100, 1000), *(buy(MINUTE * 2 + n * SECOND, "P", order_id=str(n)) for n in quantities[1:])],
    )
    assert gmv(company, [remove("P", 20 * MINUTE)]) == 100 * CART_ORDERS
    gmv(company, [add("Q", 30 * MINUTE, 100, 1000, trust=Trust.CONFIRMED)])
    more = [buy(31 * MINUTE + n * SECOND, "Q", order_id=f"{n} more", trust=Trust.CONFIRMED) for n in quantities]
    assert gmv(company, [*more, remove("Q", 50 * MINUTE)]) == 100 * CART_ORDERS + 100_000


@pytest.mark.parametrize(
    ("value", "extras", "lines", "totals"),
    [
        (17_800, {}, [(2, 8_900)], [17_800]),
        (17_800, {}, [(2, 17_800)], [17_800]),
        (18_390, {"shipping_minor": 590}, [(2, 8_900)], [17_800]),
        (20_000, {"tax_minor": 2_790, "shipping_minor": 590, "discount_minor": 1_180}, [(2, 8_900)], [17_800]),
        (16_800, {"discount_minor": 1_000, "tax_minor": 99}, [(2, 8_900)], [17_800]),
        (18_390, {}, [(2, 8_900)], [8_900]),
        (8_900, {}, [(2, 8_900)], [8_900]),
        (300, {}, [(1, 100), (1, 200)], [100, 200]),
        (500, {}, [(1000, Decimal("0.5"))], [500]),
        (1, {}, [(1, Decimal("0.5"))], [1]),
    ],
)
def test_line_values_when_read_by_themselves_add_up_to_the_order(
    company: Company, value: int, extras: dict[str, Any], lines: list[tuple[int, Any]], totals: list[int]
) -> None:
    items = tuple(
        LineItemData(product_id="P", product_name="Mug", quantity=Decimal(quantity), value_minor=minor)
        for quantity, minor in lines
    )
    record(company, [chat(START), order(NOW, value_minor=value, line_items=items, **extras)])
    assert list(OrderLine.objects.order_by("id").values_list("total_minor", flat=True)) == totals


def test_unit_prices_when_below_a_minor_unit_are_rounded_once(company: Company) -> None:
    item = LineItemData(product_id="P", product_name="Bead", quantity=Decimal(1000), value_minor=Decimal("0.12345"))
    with override_settings(ALHENA_TRACKING={"LINE_ITEM_VALUE": "unit"}):
        record(company, [chat(START), order(NOW, line_items=(item,))])
    assert OrderLine.objects.get().total_minor == 124  # 1000 × 0.1235


# Variants of one product


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # The line names the product, the cart its variant, or the other way round.
        ([add("mug-red", MINUTE), buy(10 * MINUTE, "mug"), remove("mug-red", HOUR)], 10_000),
        ([add("mug", MINUTE), buy(10 * MINUTE, "mug-red"), remove("mug", HOUR)], 10_000),
        ([add("mug-red", MINUTE), buy(10 * MINUTE, "mug-blue"), remove("mug-red", HOUR)], 10_000),
        # What is in the cart under its own id is what was bought.
        (
            [
                add("mug-red", MINUTE),
                add("mug-blue", 2 * MINUTE, 5_000),
                buy(10 * MINUTE, "mug-blue"),
                remove("mug-red", HOUR),
                remove("mug-blue", HOUR),
            ],
            5_000,
        ),
        # One of two variants is bought: the one that was changed last longer ago.
        (
            [
                add("mug-red", MINUTE),
                add("mug-blue", 2 * MINUTE, 5_000),
                buy(10 * MINUTE, "mug"),
                remove("mug-red", HOUR),
                remove("mug-blue", HOUR),
            ],
            10_000,
        ),
        (
            [
                add("mug-red", MINUTE),
                add("mug-blue", 2 * MINUTE, 5_000),
                buy(10 * MINUTE, "mug", "mug"),
                remove("mug-red", HOUR),
                remove("mug-blue", HOUR),
            ],
            15_000,
        ),
        # The shop emptied its cart of the variant; the visitor took it out long before.
        ([add("mug-red", MINUTE), remove("mug-red", 10 * MINUTE - SECOND), buy(10 * MINUTE, "mug")], 10_000),
        ([add("mug-red", MINUTE), remove("mug-red", 4 * MINUTE), buy(10 * MINUTE, "mug")], 0),
        # Red was given back for blue.
        (
            [
                add("mug-red", MINUTE),
                remove("mug-red", 9 * MINUTE),
                add("mug-blue", 9 * MINUTE + SECOND, 5_000),
                buy(10 * MINUTE, "mug"),
            ],
            5_000,
        ),
        # Another product stays.
        ([add("cup", MINUTE), add("mug-red", MINUTE), buy(10 * MINUTE, "mug"), remove("cup", HOUR)], 10_000),
        ([add("cup", MINUTE), buy(10 * MINUTE, "mug"), remove("cup", HOUR)], 10_000),
    ],
)
@pytest.mark.parametrize("order_id", ["1001", ""])
def test_cart_when_an_order_names_other_variants_is_emptied_of_these(
    company: Company, settings: Any, events: Sequence[EventData], expected: int, order_id: str
) -> None:
    path = "tests.support.product_groups.before_dash"
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "PRODUCT_GROUP": path}
    record(company, [chat(START)])
    events = [replace(event, order_id=order_id) if isinstance(event, OrderData) else event for event in events]
    assert gmv(company, events) == expected


def test_cart_when_a_variant_is_added_late_is_emptied_all_the_same(company: Company, settings: Any) -> None:
    path = "tests.support.product_groups.before_dash"
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "PRODUCT_GROUP": path}
    record(company, [chat(START), add("cup", MINUTE), buy(10 * MINUTE, "mug"), remove("cup", HOUR)])
    assert CartEvent.objects.aggregate(total=Sum("gmv_minor"))["total"] == 10_000  # the order emptied all
    record(company, [add("mug-red", 2 * MINUTE, 5_000, received_at=NOW)])
    record(company, [remove("mug-red", 2 * HOUR, received_at=NOW)])
    # Now the order took the mug, and the cup was given back.
    assert CartEvent.objects.aggregate(total=Sum("gmv_minor"))["total"] == 5_000
    stored = Order.objects.get()
    assert list(stored.cart_lines.values()) == ["1"]
    assert stored.cart_lines.keys().isdisjoint(stored.grouped_lines or {})
