"""What the shop's server says again of an order: corrections, cancellations, and the refunds that follow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command

from alhena_tracking.ingestion import LineItemData, OrderData, RefundData, Visitor, record
from alhena_tracking.models import Company, HeldReason, Order, OrderVersion, PendingConfirmation, Standing, Trust
from alhena_tracking.reports import Figures, Period, ReportQuery, revenue_impact
from tests.support.event_data import NOW, chat, order

pytestmark = pytest.mark.django_db

ANN, BOB = (Visitor(uuid4(), None) for _ in "AB")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MUG = (LineItemData(product_id="mug", product_name="Mug", quantity=Decimal(1), value_minor=10_000),)
Figure = Callable[[], Figures]


@pytest.fixture
def figures(company: Company) -> Figure:
    """Return what the report says of the order's day."""

    def read() -> Figures:
        period = Period(NOW.date(), NOW.date() + DAY)
        return revenue_impact(ReportQuery(company=company, period=period, currency="EUR")).current

    return read


@pytest.fixture
def used(company: Company) -> None:
    for visitor in (ANN, BOB):
        record(company, [chat(NOW, visitor)])


def _report(company: Company, value_minor: int = 10_000, visitor: Visitor = ANN, **changes: Any) -> str:
    return record(company, [order(NOW + MINUTE, visitor, value_minor=value_minor, **changes)])[0].status


def _say(
    company: Company, minutes: int, value_minor: int = 10_000, visitor: Visitor | None = None, **changes: Any
) -> str:
    """Let the shop's server say something of the order, so many minutes after the chat."""
    at = NOW + minutes * MINUTE
    common = {"received_at": at, "value_minor": value_minor, "trust": Trust.CONFIRMED, **changes}
    outcome = record(company, [order(NOW + MINUTE, visitor, **common)])[0]
    return outcome.reason or outcome.status


def _refund(company: Company, refund_id: str, value_minor: int, at: datetime = NOW + MINUTE) -> str:
    data = RefundData(
        order_id="1001", refund_id=refund_id, currency="EUR", value_minor=value_minor, occurred_at=at, received_at=at
    )
    outcome = record(company, [data])[0]
    return outcome.reason or outcome.status


@pytest.mark.parametrize("visitor", [None, ANN])
def test_order_when_edited_after_its_confirmation_is_not_flagged(
    company: Company, used: None, figures: Figure, visitor: Visitor | None
) -> None:
    _report(company)
    assert _say(company, 2, visitor=visitor) == "confirmed"
    assert _say(company, 3 * 24 * 60, 13_000, visitor=visitor, line_items=MUG) == "corrected"
    edited = Order.objects.get()
    assert (edited.value_minor, edited.has_conflict, edited.standing) == (13_000, False, Standing.COUNTED)
    assert (figures().purchase_minor, figures().orders) == (13_000, 1)


@pytest.mark.parametrize(
    ("words", "answers", "shown"),
    [
        # minutes, value, and what else the server says
        ([(2, 100, {}), (3, 130, {})], "confirmed corrected", (130, Standing.COUNTED)),
        ([(2, 100, {}), (3, 70, {})], "confirmed corrected", (70, Standing.COUNTED)),
        ([(2, 100, {}), (3, 100, {})], "confirmed duplicate", (100, Standing.COUNTED)),
        ([(2, 100, {"updated_at": 2}), (3, 130, {"updated_at": 1})], "confirmed duplicate", (100, Standing.COUNTED)),
        ([(2, 100, {"updated_at": 2}), (3, 130, {"updated_at": 2})], "confirmed corrected", (130, Standing.COUNTED)),
        ([(2, 100, {"updated_at": 9}), (3, 130, {"updated_at": 3})], "confirmed corrected", (130, Standing.COUNTED)),
        ([(2, 100, {}), (3, 130, {}), (4, 100, {})], "confirmed corrected duplicate", (130, Standing.COUNTED)),
        (
            [(2, 100, {}), (3, 130, {}), (4, 100, {"updated_at": 4})],
            "confirmed corrected corrected",
            (100, Standing.COUNTED),
        ),
        ([(2, 100, {}), (3, 100, {"is_cancelled": True})], "confirmed corrected", (100, Standing.CANCELLED)),
        ([(2, 100, {"is_cancelled": True}), (3, 130, {})], "confirmed corrected", (130, Standing.CANCELLED)),
        (
            [(2, 100, {"is_cancelled": True}), (3, 100, {"is_cancelled": False})],
            "confirmed corrected",
            (100, Standing.COUNTED),
        ),
        ([(2, 100, {}), (3, 100, {"currency": "USD"})], "confirmed corrected", (100, Standing.HELD)),
        ([(2, 100, {}), (3, 100, {"line_items": MUG})], "confirmed corrected", (100, Standing.COUNTED)),
        ([(2, 100, {}), (3, 100, {"tax_minor": 1_900})], "confirmed corrected", (100, Standing.COUNTED)),
        # A claim that agrees with an earlier version fits.
        (
            [(2, 300, {}), (3, 100, {}), (4, 300, {"updated_at": 4})],
            "pending corrected corrected",
            (300, Standing.COUNTED),
        ),
        ([(2, 100, {}), (3, 300, {})], "confirmed corrected", (300, Standing.COUNTED)),
        # Near claims without the server's tax and shipping.
        ([(2, 190, {"tax_minor": 3_000, "shipping_minor": 2_000})], "confirmed", (190, Standing.COUNTED)),
        ([(2, 190, {"tax_minor": 3_000})], "pending", (190, Standing.HELD)),
    ],
)
@pytest.mark.parametrize("is_reported_first", [True, False])
def test_order_when_the_server_speaks_again_shows_the_latest_version(
    company: Company,
    used: None,
    words: list[tuple[int, int, dict[str, Any]]],
    answers: str,
    shown: tuple[int, Standing],
    is_reported_first: bool,
) -> None:
    if is_reported_first:
        _report(company)
    said = []
    for minutes, value, stated in words:
        updated_at = NOW + stated["updated_at"] * MINUTE if "updated_at" in stated else None
        said.append(_say(company, minutes, value * 100, **{**stated, "updated_at": updated_at}))
    if is_reported_first:
        assert " ".join(said) == answers
    else:
        assert set(said) <= {"pending", "duplicate"}
        _report(company)
        assert not PendingConfirmation.objects.exists()
    stored = Order.objects.get()
    assert (stored.value_minor, stored.standing) == (shown[0] * 100, shown[1])
    assert OrderVersion.objects.filter(order=stored).count() == OrderVersion.objects.count()


@pytest.mark.parametrize(("is_named_later", "cancelled"), [(True, None), (True, False), (False, None), (False, False)])
def test_order_when_cancelled_before_it_is_known_counts_nowhere(
    company: Company, used: None, figures: Figure, is_named_later: bool, cancelled: bool | None
) -> None:
    assert _say(company, 1, is_cancelled=True) == "pending"
    if is_named_later:
        assert _say(company, 2, visitor=ANN, is_cancelled=cancelled) == "recorded"
    else:
        _report(company)
        _say(company, 2, is_cancelled=cancelled)
    assert Order.objects.get().is_cancelled is (cancelled is None)
    assert (figures().purchase_minor, figures().orders) == ((0, 0) if cancelled is None else (10_000, 1))


def test_lines_when_a_named_confirmation_follows_stay(company: Company, used: None) -> None:
    _say(company, 1, 7_000, line_items=MUG)
    assert _say(company, 1, 10_000, visitor=ANN) == "recorded"
    stored = Order.objects.get()
    assert (stored.value_minor, stored.trust, stored.has_confirmed_lines) == (10_000, Trust.VERIFIED, True)
    assert [line.product_id for line in stored.lines.all()] == ["mug"]
    assert [version.value_minor for version in stored.versions.all()] == [7_000]


def test_lines_when_a_correction_leaves_them_out_stay_and_when_empty_go(company: Company, used: None) -> None:
    _report(company)
    _say(company, 2, line_items=MUG)
    _say(company, 3, 12_000)
    assert Order.objects.get().lines.count() == 1
    _say(company, 4, 12_000, line_items=())
    assert Order.objects.get().lines.count() == 0


def test_order_when_a_later_word_names_another_stays_with_the_first(company: Company, used: None) -> None:
    assert _say(company, 2, visitor=ANN) == "recorded"
    session = Order.objects.get().session_id
    assert _say(company, 3, 12_000, visitor=BOB) == "corrected"
    assert (Order.objects.get().session_id, Order.objects.get().value_minor) == (session, 12_000)
    assert _say(company, 4, 13_000, visitor=Visitor(uuid4(), None)) == "corrected"
    assert (Order.objects.get().session_id, Order.objects.get().standing) == (session, Standing.COUNTED)


def test_order_when_held_for_another_currency_says_why(company: Company, used: None) -> None:
    _report(company)
    _say(company, 2)
    _say(company, 3, currency="USD")
    assert Order.objects.get().held_reason == HeldReason.OTHER_CURRENCY
    assert Order.objects.held_back().count() == 1


# Refunds


def test_refunds_when_a_correction_is_below_them_have_an_excess(company: Company, used: None, figures: Figure) -> None:
    """Case 5 of the figures."""
    _report(company)
    _say(company, 2)
    assert _refund(company, "R-1", 6_000) == "recorded"
    assert _say(company, 3, 5_000) == "corrected"
    assert (figures().purchase_minor, figures().refunded_minor, figures().net_minor) == (5_000, 5_000, 0)
    assert _refund(company, "R-1", 6_000) == "duplicate"
    assert _say(company, 4, 8_000) == "corrected"
    assert (figures().refunded_minor, figures().net_minor) == (6_000, 2_000)


def test_refunds_when_they_exceed_the_order_fill_it_by_their_times(company: Company, used: None) -> None:
    _report(company)
    _say(company, 2)
    for refund_id, minutes in (("late", 3), ("first", 1), ("second", 1)):
        _refund(company, refund_id, 3_000, NOW + minutes * MINUTE)
    _say(company, 4, 5_000)
    counted = dict(Order.objects.get().refunds.values_list("refund_id", "counted_minor"))
    assert counted == {"first": 3_000, "second": 2_000, "late": 0}


def test_value_when_it_is_net_of_refunds_restates_the_order(company: Company, used: None, figures: Figure) -> None:
    _report(company)
    _say(company, 2)
    _refund(company, "R-1", 3_000)
    assert _say(company, 3, 7_000) == "duplicate"
    assert (figures().purchase_minor, figures().net_minor) == (10_000, 7_000)
    assert _say(company, 4, 6_000) == "corrected"
    assert (figures().purchase_minor, figures().net_minor) == (6_000, 3_000)


@pytest.mark.parametrize(("days", "refunded"), [(1, 12_000), (4, 0)])
def test_refund_when_it_exceeds_the_order_waits_for_a_correction(
    company: Company, used: None, figures: Figure, days: int, refunded: int
) -> None:
    _report(company)
    _say(company, 2)
    assert _refund(company, "R-1", 12_000) == "exceeds_order"
    assert figures().refunded_minor == 0
    assert _say(company, days * 24 * 60, 13_000) == "corrected"
    assert figures().refunded_minor == refunded


def test_refund_when_its_order_is_cancelled_counts_nowhere(company: Company, used: None, figures: Figure) -> None:
    _report(company)
    _say(company, 2)
    _refund(company, "R-1", 3_000)
    _say(company, 3, is_cancelled=True)
    assert (figures().purchase_minor, figures().refunded_minor, figures().net_minor) == (0, 0, 0)
    _say(company, 4, is_cancelled=False)
    assert (figures().purchase_minor, figures().refunded_minor, figures().net_minor) == (10_000, 3_000, 7_000)


# Late words


def test_order_when_older_than_max_age_is_too_old_unless_known(company: Company, used: None, settings: Any) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "MAX_AGE": timedelta(days=4)}
    late = 5 * 24 * 60
    assert _say(company, late, visitor=ANN) == "too_old"
    assert _say(company, late) == "too_old"
    assert not PendingConfirmation.objects.exists()
    _report(company)
    assert _say(company, late) == "confirmed"
    assert _say(company, 2 * late, 11_000) == "corrected"
    assert _refund(company, "R-1", 1_000, NOW + 90 * DAY) == "recorded"


# Roll-ups


@pytest.mark.now("2026-05-08T12:00Z")  # so that few days are rolled up
def test_days_when_an_order_is_corrected_later_are_rolled_up_again(
    company: Company, used: None, figures: Figure
) -> None:
    _report(company)
    _say(company, 2)
    _refund(company, "R-1", 6_000)
    words = ((13_000, 7_000, None), (5_000, 0, None), (5_000, 0, True))
    for number, (value_minor, net, is_cancelled) in enumerate(words):
        call_command("alhena_rollup")
        assert _say(company, 3 * 24 * 60 + number, value_minor, is_cancelled=is_cancelled) == "corrected"
        assert figures().net_minor == net
    call_command("alhena_rollup", "--check")


@pytest.mark.now("2026-05-08T12:00Z")
@pytest.mark.parametrize("name", ["tax_minor", "shipping_minor", "discount_minor"])
def test_day_when_only_a_part_of_an_order_is_corrected_is_rolled_up_again(
    company: Company, used: None, figures: Figure, name: str
) -> None:
    _report(company)
    _say(company, 2)
    for number, minor in enumerate((1_900, 700)):
        call_command("alhena_rollup")
        changes: dict[str, Any] = {name: minor}
        assert _say(company, 3 * 24 * 60 + number, **changes) == "corrected"
        assert getattr(figures(), name) == minor
    call_command("alhena_rollup", "--check")


@pytest.mark.now("2026-05-08T12:00Z")
def test_day_when_the_lines_of_an_order_are_removed_is_rolled_up_again(
    company: Company, used: None, figures: Figure
) -> None:
    _report(company, line_items=MUG)
    _say(company, 2, line_items=MUG)
    call_command("alhena_rollup")
    assert figures().unlined_minor == 0
    assert _say(company, 3 * 24 * 60, line_items=()) == "corrected"
    assert figures().unlined_minor == 10_000
    call_command("alhena_rollup", "--check")


def test_data_when_a_version_lies_far_in_the_future_is_dated_by_arrival() -> None:
    def version_at(ahead: timedelta) -> datetime:
        data: OrderData = order(NOW, updated_at=NOW + ahead)
        return data.version_at

    assert version_at(timedelta(seconds=60)) == NOW + timedelta(seconds=60)
    assert version_at(timedelta(seconds=61)) == NOW
