"""What is stored with an order: what of it is direct, and which interactions touched it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alhena_tracking.ingestion import InteractionData, LineItemData, OrderData, RefundData, Visitor, record, review
from alhena_tracking.models import Company, Order, OrderClaim, Trust
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import GREETING, NOW, chat, order
from tests.support.runs import examples
from tests.support.touches_by_hand import (
    Use,
    direct_share,
    half_up,
    models_by_hand,
    stored_models,
    uses_in_window,
)

pytestmark = pytest.mark.django_db

ANN, BOB = (Visitor(uuid4(), None) for _ in "AB")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def lines(*items: tuple[str, int]) -> tuple[LineItemData, ...]:
    return tuple(
        LineItemData(product_id=product, product_name=product, quantity=Decimal(1), value_minor=minor)
        for product, minor in items
    )


MUG_AND_TEA = lines(("mug", 3_000), ("tea", 1_000))


def buy(at: datetime = NOW + MINUTE, visitor: Visitor | None = ANN, **changes: Any) -> OrderData:
    return order(at, visitor, **{"value_minor": 5_000, "line_items": MUG_AND_TEA, **changes})


def say(minutes: int, visitor: Visitor | None = None, **changes: Any) -> OrderData:
    """What the shop's server says of the order, so many minutes after the chat."""
    return buy(visitor=visitor, **{"received_at": NOW + minutes * MINUTE, "trust": Trust.CONFIRMED, **changes})


def direct() -> tuple[int, list[str]]:
    """The direct amount of the only order, and the products of its direct lines."""
    stored = Order.objects.get()
    return stored.direct_minor, list(stored.lines.filter(is_direct=True).values_list("product_id", flat=True))


def is_no_greeting(interaction: Any) -> bool:
    return bool(interaction.conversation_id != GREETING)


@pytest.mark.parametrize(
    ("interactions", "expected"),
    [
        ([chat(NOW, ANN, product_id="mug")], (3_750, ["mug"])),
        ([chat(NOW, ANN, recommended_product_ids=["cup", "tea"])], (1_250, ["tea"])),
        ([chat(NOW, ANN, product_id="tea"), chat(NOW, ANN, recommended_product_ids=["mug"])], (5_000, ["mug", "tea"])),
        ([chat(NOW, ANN), chat(NOW + MINUTE + 60 * SECOND, ANN, product_id="mug")], (3_750, ["mug"])),
        ([chat(NOW, ANN), chat(NOW + MINUTE - DAY, ANN, product_id="mug")], (3_750, ["mug"])),
        ([chat(NOW, ANN, product_id="Mug", recommended_product_ids=["TEA", "te\u0301a"])], (0, [])),
        ([chat(NOW, ANN), chat(NOW, ANN, product_id="mug", conversation_id=GREETING)], (0, [])),
        ([chat(NOW, ANN), chat(NOW + MINUTE + 61 * SECOND, ANN, product_id="mug")], (0, [])),
        ([chat(NOW, ANN), chat(NOW - DAY + MINUTE - SECOND, ANN, product_id="mug")], (0, [])),
        ([chat(NOW, ANN), chat(NOW, BOB, product_id="mug")], (0, [])),
    ],
)
@pytest.mark.parametrize("order_id", ["1001", ""])
@pytest.mark.parametrize("is_batch", [False, True])
def test_order_when_interactions_name_its_products_is_direct(
    company: Company,
    settings: Any,
    interactions: list[InteractionData],
    expected: tuple[int, list[str]],
    order_id: str,
    is_batch: bool,
) -> None:
    predicate = f"{__name__}.is_no_greeting"
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "QUALIFYING_INTERACTION": predicate}
    now = NOW + 5 * MINUTE
    sent = [buy(order_id=order_id, received_at=now)]
    used = [InteractionData(**_fields(one, received_at=now)) for one in interactions]
    if is_batch:
        record(company, [*used, *sent])
    else:
        record(company, used)
        record(company, sent)
    assert direct() == expected


def _fields(one: InteractionData, **changes: Any) -> dict[str, Any]:
    names = ("visitor", "occurred_at", "kind", "product_id", "conversation_id", "recommended_product_ids")
    return {**{name: getattr(one, name) for name in names}, **changes}


@pytest.mark.parametrize("items", [(), lines(("mug", 0))])
def test_order_when_its_lines_have_no_amount_is_assisted(company: Company, items: Any) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy(line_items=items)])
    assert Order.objects.get().direct_minor == 0


def test_order_when_an_interaction_is_recorded_later_stays_as_it_is(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    record(company, [chat(NOW, ANN, product_id="tea", received_at=NOW + HOUR)])
    assert direct() == (3_750, ["mug"])
    assert record(company, [say(70, line_items=lines(("tea", 1)))])[0].status == "confirmed"
    assert direct() == (0, [])


@pytest.mark.parametrize(
    ("function", "expected"), [("before_dash", (5_000, ["mug-red", "tea-fine"])), ("broken", (0, [])), (None, (0, []))]
)
def test_order_when_products_have_variants_is_direct_by_group(
    company: Company, settings: Any, function: str | None, expected: tuple[int, list[str]]
) -> None:
    path = function and f"tests.support.product_groups.{function}"
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "PRODUCT_GROUP": path}
    items = lines(("mug-red", 1), ("tea-fine", 2))
    record(company, [chat(NOW, ANN, product_id="mug-blue", recommended_product_ids=["tea"]), buy(line_items=items)])
    assert direct() == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"line_items": None}, (3_750, ["mug"])),
        ({"line_items": lines(("tea", 1_000), ("mug", 1_000))}, (2_500, ["mug"])),
        ({"line_items": ()}, (0, [])),
    ],
)
def test_order_when_the_server_gives_lines_is_direct_by_them(
    company: Company, changes: dict[str, Any], expected: tuple[int, list[str]]
) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    assert record(company, [say(5, ANN, **changes)])[0].status == "confirmed"
    assert direct() == expected


@pytest.mark.parametrize(("reported", "stated"), [(MUG_AND_TEA, None), ((), MUG_AND_TEA)])
@pytest.mark.parametrize("is_batch", [False, True])
def test_order_without_id_when_confirmed_is_direct_by_known_lines(
    company: Company, reported: Any, stated: Any, is_batch: bool
) -> None:
    record(company, [chat(NOW, ANN, product_id="mug")])
    events = [buy(order_id="", line_items=reported), say(5, ANN, order_id="", line_items=stated)]
    for together in [events] if is_batch else [[one] for one in events]:
        statuses = [outcome.status for outcome in record(company, together)]
    assert statuses[-1] == "confirmed"
    assert direct() == (3_750, ["mug"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"value_minor": 10_000, "line_items": None}, (7_500, ["mug"])),
        ({"line_items": lines(("mug", 500), ("tea", 500))}, (2_500, ["mug"])),
        ({"value_minor": 0, "line_items": None}, (0, ["mug"])),
        ({"currency": "USD", "line_items": None}, (0, [])),
    ],
)
@pytest.mark.parametrize("has_lines", [True, False])
def test_order_when_the_server_corrects_it_is_direct_anew(
    company: Company, has_lines: bool, changes: dict[str, Any], expected: tuple[int, list[str]]
) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    record(company, [say(5, line_items=MUG_AND_TEA if has_lines else None)])
    assert record(company, [say(10, **changes)])[0].status == "corrected"
    assert direct() == expected


@pytest.mark.parametrize("has_lines", [True, False])
def test_order_when_its_visitor_changes_has_that_ones_touches(company: Company, has_lines: bool) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), chat(NOW, ANN, kind="FAQ"), buy()])
    assert direct() == (3_750, ["mug"])
    assert Order.objects.get().several_touches.count() == 2
    items = MUG_AND_TEA if has_lines else None
    record(company, [say(2, line_items=items)])
    late = NOW + 30 * SECOND
    record(company, [chat(late, BOB, kind="NUDGE", recommended_product_ids=["tea"]), buy(visitor=BOB)])
    record(company, [say(5, BOB, line_items=items)])
    stored = Order.objects.get()
    assert direct() == (1_250, ["tea"])
    assert stored.credited_at == late
    assert stored_models(stored) == {("NUDGE", ""): (5_000, 5_000, 5_000)}


def test_order_when_its_session_is_excluded_has_the_other_products(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    record(company, [chat(NOW, BOB, product_id="tea"), chat(NOW, BOB, kind="FAQ"), buy(visitor=BOB, value_minor=900)])
    session = Order.objects.get().session_id
    review.exclude_sessions([session], None, "test")
    assert direct() == (225, ["tea"])
    assert stored_models(Order.objects.get()) == {("CHAT", ""): (900, 0, 450), ("FAQ", ""): (0, 900, 450)}
    review.include_sessions([session])
    assert direct() == (3_750, ["mug"])
    assert Order.objects.get().several_touches.count() == 0


def test_order_when_its_first_report_was_zero_is_direct_by_the_second(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy(value_minor=0, line_items=())])
    record(company, [chat(NOW + MINUTE, ANN, kind="FAQ", product_id="tea")])
    record(company, [buy(NOW + 2 * MINUTE)])
    assert direct() == (5_000, ["mug", "tea"])
    assert stored_models(Order.objects.get()) == {("CHAT", ""): (5_000, 0, 2_500), ("FAQ", ""): (0, 5_000, 2_500)}


def test_order_when_a_denial_is_lifted_is_direct(company: Company) -> None:
    assert record(company, [say(2, ANN)])[0].reason == "no_interaction"
    both = Visitor(ANN.user_fingerprint, uuid4())
    record(company, [chat(NOW, both, product_id="mug", received_at=NOW + 3 * MINUTE)])
    assert direct() == (3_750, ["mug"])


def test_order_when_confirmed_before_its_report_has_those_lines(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug")])
    record(company, [say(2, line_items=lines(("mug", 1), ("tea", 4)))])
    record(company, [buy(line_items=())])
    assert direct() == (1_000, ["mug"])


def test_order_when_refunded_or_excluded_keeps_what_is_direct(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    refund = RefundData(
        order_id="1001", refund_id="1", currency="EUR", value_minor=100, occurred_at=NOW, received_at=NOW + HOUR
    )
    assert record(company, [refund])[0].status == "recorded"
    pk = Order.objects.get().pk
    review.exclude_orders([pk], None, "test")
    review.include_orders([pk])
    assert direct() == (3_750, ["mug"])


def test_order_when_one_pair_touched_it_stores_no_rows(company: Company) -> None:
    record(company, [chat(NOW - HOUR, ANN), chat(NOW, ANN), buy()])
    stored = Order.objects.get()
    assert (stored.touches, stored.several_touches.count()) == ([], 0)
    assert (stored.named_products, OrderClaim.objects.get().named_products) == (None, None)
    assert stored.credited_at == NOW - HOUR


def test_order_when_its_value_changes_divides_the_new_one(company: Company) -> None:
    record(company, [chat(NOW, ANN), chat(NOW, ANN, kind="FAQ"), chat(NOW, ANN, kind="FAQ"), buy()])
    record(company, [say(2, value_minor=101)])
    assert stored_models(Order.objects.get()) == {("CHAT", ""): (101, 0, 34), ("FAQ", ""): (0, 101, 67)}


@pytest.mark.parametrize("is_batch", [False, True])
def test_order_when_interactions_are_very_many_has_both_ends(company: Company, is_batch: bool) -> None:
    used = [
        chat(NOW - (50 - number) * MINUTE, ANN, ai_profile=f"p{number % 40}", received_at=NOW) for number in range(50)
    ]
    for start in range(0, 50, 10):
        record(company, used[start : start + 10])
    others = [chat(NOW - 25 * MINUTE, BOB), buy(NOW - 25 * MINUTE, BOB, order_id="7", received_at=NOW)]
    record(company, [*(others if is_batch else ()), buy(NOW)])
    stored = Order.objects.get(order_id="1001")
    profiles = [touch.ai_profile for touch in stored.several_touches.all()]
    assert profiles == [*(f"p{number}" for number in [*range(16), *range(34, 40)])]
    assert sum(touch.count for touch in stored.several_touches.all()) == 32


def test_rollups_when_only_what_is_direct_changes_are_made_again(company: Company) -> None:
    record(company, [chat(NOW, ANN, product_id="mug"), buy()])
    record(company, [say(2)])
    roll_up(NOW + 2 * DAY)
    assert _figures(company) == (3_750, 1_250)
    record(company, [say(2 * 1440, line_items=lines(("mug", 1), ("tea", 1)))])
    assert _figures(company) == (2_500, 2_500)
    roll_up(NOW + 3 * DAY)
    assert [result.failed for result in check_rollups()] == [[]]
    assert _figures(company) == (2_500, 2_500)


def _figures(company: Company) -> tuple[int, int]:
    query = ReportQuery(company=company, period=Period(NOW.date(), NOW.date() + DAY), currency="EUR")
    current = revenue_impact(query).current
    assert current.direct_minor + current.assisted_minor == current.purchase_minor
    return current.direct_minor, current.assisted_minor


_PRODUCTS = st.sampled_from(("mug", "tea", "cup", "MUG"))
_USES = st.lists(
    st.builds(
        Use,
        at=st.integers(-3000, 3).map(lambda minutes: NOW + minutes * MINUTE),
        channel=st.sampled_from(("CHAT", "FAQ", "NUDGE")),
        profile=st.sampled_from(("", "sales", "Sales")),
        products=st.lists(_PRODUCTS, max_size=3, unique=True).map(tuple),
        is_qualifying=st.sampled_from((True, True, True, False)),
    ),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=examples(60, full=2_000, sample=15),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(_USES, st.integers(0, 10_000), st.lists(st.tuples(_PRODUCTS, st.integers(0, 500)), max_size=4), st.booleans())
def test_order_when_a_history_precedes_it_agrees_with_the_sums_by_hand(
    db: None, uses: Sequence[Use], value_minor: int, items: Sequence[tuple[str, int]], is_batch: bool
) -> None:
    company = Company.objects.create(key=f"shop-{uuid4()}", name="Shop")
    visitor, now = Visitor(uuid4(), None), NOW + HOUR
    with pytest.MonkeyPatch.context() as patch:
        predicate = f"{__name__}.is_no_greeting"
        patch.setattr("django.conf.settings.ALHENA_TRACKING", {"QUALIFYING_INTERACTION": predicate})
        used = [_interaction(use, visitor, now) for use in uses]
        sent = order(NOW, visitor, value_minor=value_minor, line_items=lines(*items), received_at=now)
        for events in [[*used, sent]] if is_batch else [[one] for one in [*used, sent]]:
            record(company, events)
    counted = uses_in_window(uses, NOW, DAY)
    stored = Order.objects.filter(company=company).first()
    assert (stored is None) == (not counted)
    if stored is None:
        return
    named = {product for use in counted for product in use.products}
    assert stored.direct_minor == half_up(direct_share(value_minor, items, named))
    assert {line.product_id for line in stored.lines.filter(is_direct=True)} == {name for name, _ in items} & named
    expected, found = models_by_hand(value_minor, counted), stored_models(stored)
    assert found.keys() == expected.keys()
    for pair, (first, last, linear) in found.items():
        assert (first, last) == expected[pair][:2]
        assert abs(linear - expected[pair].linear) <= 1
    assert [sum(each) for each in zip(*found.values(), strict=True)] == [value_minor] * 3
    assert sum((sums.linear for sums in expected.values()), Fraction(0)) == value_minor


def _interaction(use: Use, visitor: Visitor, now: datetime) -> InteractionData:
    named, recommended = use.products[:1], list(use.products[1:]) or None
    return chat(
        use.at,
        visitor,
        received_at=now,
        kind=use.channel,
        ai_profile=use.profile,
        product_id="".join(named),
        recommended_product_ids=recommended,
        conversation_id="" if use.is_qualifying else GREETING,
    )
