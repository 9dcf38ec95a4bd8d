"""Traces of orders and cart events as staff read them, and the exclusion of orders."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from alhena_tracking import models
from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.cart_event import cart_event_text
from alhena_tracking.admin.trace_pages.order import order_text, pending_text
from alhena_tracking.admin.trace_pages.parts import Entry, Panel, TraceText
from alhena_tracking.ingestion import (
    CartEventData,
    InteractionData,
    LineItemData,
    OrderData,
    RefundData,
    Visitor,
    record,
    review,
)
from alhena_tracking.models import CartEvent, Company, Interaction, LockRow, Order, Trust
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.traces import Eligibility, cart_event_trace, order_trace
from alhena_tracking.traces.timeline import TIMELINE_LENGTH
from alhena_tracking.traces.trace import CLAIMS_LENGTH, VERSIONS_LENGTH
from tests.support import factories
from tests.support.admin_pages import Page

pytestmark = pytest.mark.django_db

SUNDAY = date(2026, 3, 1)
ASSISTED = {"Gross": "100.00 EUR", "Direct": "0.00 EUR", "Assisted": "100.00 EUR"}


def clock(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time of that Sunday in Berlin."""
    return datetime(2026, 3, 1, hour - 1, minute, second, tzinfo=UTC)


class Shop:
    """A shop in Berlin, and what its visitors do there."""

    def __init__(self, company: Company) -> None:
        Company.objects.filter(pk=company.pk).update(time_zone="Europe/Berlin", name="Acme")
        company.refresh_from_db()
        self.company = company
        self.visitor = Visitor(uuid.uuid4(), uuid.uuid4())
        self.rival = Visitor(uuid.uuid4(), uuid.uuid4())

    def common(self, at: datetime, visitor: Visitor | None, received_at: datetime | None) -> dict[str, Any]:
        return {"visitor": visitor, "occurred_at": at, "received_at": received_at or at + timedelta(seconds=1)}

    def interact(
        self,
        at: datetime,
        kind: str = "FAQ",
        product_id: str = "SKU-1",
        visitor: Visitor | None = None,
        received_at: datetime | None = None,
        **fields: Any,
    ) -> None:
        common = self.common(at, visitor or self.visitor, received_at)
        record(self.company, [InteractionData(kind=kind, product_id=product_id, **common, **fields)])

    def change_cart(
        self, at: datetime, type_: str = "ITEM_ADDED", quantity: int = 2, product_name: str = "Kettle", **fields: Any
    ) -> CartEvent:
        values = {"product_id": "SKU-1", "currency": "EUR", "value_minor": 1000, **fields}
        data = CartEventData(
            type=type_,
            product_name=product_name,
            quantity=Decimal(quantity),
            **self.common(at, self.visitor, None),
            **values,
        )
        record(self.company, [data])
        return CartEvent.objects.get(event_id=data.event_id)

    def order(
        self,
        at: datetime,
        value_minor: int = 10_000,
        visitor: Visitor | None = None,
        trust: Trust = Trust.REPORTED,
        received_at: datetime | None = None,
        **fields: Any,
    ) -> None:
        common = self.common(at, visitor or self.visitor, received_at)
        self.record_order(value_minor=value_minor, trust=trust, **common, **fields)

    def confirm(self, at: datetime, value_minor: int = 10_000, **fields: Any) -> str:
        """By a webhook, which knows no visitor."""
        common = self.common(at, None, None)
        return self.record_order(value_minor=value_minor, trust=Trust.CONFIRMED, **common, **fields)

    def record_order(self, **fields: Any) -> str:
        return record(self.company, [OrderData(**{"order_id": "A-1", "currency": "EUR", **fields})])[0].status

    def refund(self, at: datetime, value_minor: int, refund_id: str = "R-1") -> None:
        data = RefundData(
            order_id="A-1",
            refund_id=refund_id,
            currency="EUR",
            value_minor=value_minor,
            occurred_at=at,
            received_at=at,
        )
        record(self.company, [data])


@pytest.fixture
def shop(company: Company) -> Shop:
    return Shop(company)


def no_url(model: type[Any], pk: int) -> str:
    return ""


def plain(text: str) -> str:
    return strip_tags(text).replace("\xa0", " ")


def text_of(row: Order | CartEvent) -> TraceText:
    """The trace page of a row as it is stored."""
    row.refresh_from_db()
    if isinstance(row, Order):
        return order_text(order_trace(row), no_url)
    return cart_event_text(cart_event_trace(row), no_url)


def panel(text: TraceText, key: str) -> Panel:
    [found] = [one for one in text.panels if one.key == key]
    return found


def sentences(text: TraceText, key: str) -> str:
    return " ".join(plain(sentence) for sentence in panel(text, key).sentences)


def facts(text: TraceText, key: str) -> dict[str, str]:
    return {fact.label: plain(fact.value) for fact in panel(text, key).facts}


def entries(text: TraceText) -> list[Entry]:
    assert text.timeline
    return [entry for day in text.timeline.days for entry in day.entries]


def badges(text: TraceText) -> list[str]:
    return [badge.label for badge in text.badges]


# The lead


@pytest.mark.parametrize(
    ("kind", "product_id", "expected"),
    [
        ("FAQ", "SKU-1", "Credited to the Product FAQ on SKU-1 (March 1, 2026, 10:02 a.m.)"),
        ("CHAT", "SKU-1", "Credited to the chat on SKU-1 (March 1, 2026, 10:02 a.m.)"),
        ("NUDGE", "SKU-1", "Credited to the nudge on SKU-1 (March 1, 2026, 10:02 a.m.)"),
        ("FAQ", "", "Credited to the Product FAQ (March 1, 2026, 10:02 a.m.)"),
        ("CHAT", "", "Credited to the chat (March 1, 2026, 10:02 a.m.)"),
        ("NUDGE", "", "Credited to the nudge (March 1, 2026, 10:02 a.m.)"),
    ],
)
def test_lead_when_first_touch_names_interaction_and_rule(
    shop: Shop, kind: str, product_id: str, expected: str
) -> None:
    shop.interact(clock(10, 2), kind, product_id)
    shop.interact(clock(10, 30), "CHAT", "")
    shop.order(clock(11, 32))
    assert plain(text_of(Order.objects.get()).lead) == (
        f"{expected}, 1 hour and 30 minutes before the purchase. "
        "It was the first qualifying interaction within the attribution window of 24 hours (first touch)."
    )


def test_lead_when_last_touch_names_the_last_interaction(shop: Shop, settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        **settings.ALHENA_TRACKING,
        "ATTRIBUTION_MODEL": "last_touch",
        "ATTRIBUTION_WINDOW": timedelta(days=7),
    }
    shop.interact(clock(10, 2))
    shop.interact(clock(11), "CHAT", "")
    shop.order(clock(11, 32))
    text = text_of(Order.objects.get())
    assert plain(text.lead) == (
        "Credited to the chat (March 1, 2026, 11 a.m.), 32 minutes before the purchase. "
        "It was the last qualifying interaction within the attribution window of 7 days (last touch)."
    )
    assert next(entry.note for entry in entries(text)) == "Qualifies, but came earlier"
    assert facts(text, "credit")["Attribution model"] == "last touch"


def test_lead_when_interaction_is_within_grace_explains_it(shop: Shop) -> None:
    shop.interact(clock(11, 32, 12))
    shop.order(clock(11, 32), received_at=clock(11, 33))
    text = text_of(Order.objects.get())
    assert "12 seconds after the purchase" in plain(text.lead)
    assert "counts as simultaneous" in sentences(text, "credit")
    assert [entry.is_credited for entry in entries(text)] == [False, True]


def test_lead_when_times_are_equal_gives_no_distance(shop: Shop) -> None:
    shop.interact(clock(11, 32))
    shop.order(clock(11, 32), received_at=clock(11, 33))
    assert ", at the time of the purchase. " in plain(text_of(Order.objects.get()).lead)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=-45), "45 seconds"),
        (timedelta(minutes=59, seconds=40), "1 hour"),
        (timedelta(minutes=90), "1 hour and 30 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=47, minutes=59, seconds=50), "2 days"),
        (timedelta(days=3, hours=1), "3 days and 1 hour"),
    ],
)
def test_duration_has_at_most_two_units(length: timedelta, expected: str) -> None:
    assert formats.duration(length) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(hours=24), "24 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=90), "90 seconds"),
    ],
)
def test_window_is_exact_to_the_second(length: timedelta, expected: str) -> None:
    assert formats.window(length) == expected


# The timeline


def test_timeline_lists_steps_by_time_in_the_company_zone(shop: Shop) -> None:
    shop.interact(clock(10, 2), ai_profile="barista")
    shop.change_cart(clock(10, 30))
    shop.change_cart(clock(10, 40), "QUANTITY_DECREASED", 1)
    shop.order(clock(11, 32))
    shop.refund(clock(12), 4_000)
    shop.interact(clock(12, 30), "CHAT", "")
    text = text_of(Order.objects.get())
    assert text.zone == "Europe/Berlin"
    assert [(entry.time, plain(entry.title), plain(entry.note), plain(entry.amount)) for entry in entries(text)] == [
        ("10:02 a.m.", "Product FAQ on SKU-1", "AI profile barista", ""),
        ("10:30 a.m.", "Kettle added to cart", "2 in the cart, worth 20.00 EUR", "+20.00 EUR"),
        ("10:40 a.m.", "Quantity of Kettle decreased", "1 in the cart, worth 10.00 EUR", "−10.00 EUR"),
        ("11:32 a.m.", "Order A-1", "The cart is empty afterwards", "100.00 EUR"),
        ("noon", "Refund R-1 of order A-1", "", "−40.00 EUR"),
        ("12:30 p.m.", "Chat", "", ""),
    ]
    assert [plain(entry.title) for entry in entries(text) if entry.is_credited] == ["Product FAQ on SKU-1"]
    assert [plain(entry.title) for entry in entries(text) if entry.is_subject] == ["Order A-1"]


def test_timeline_groups_steps_by_days_of_the_company_zone(shop: Shop) -> None:
    shop.interact(datetime(2026, 2, 28, 22, 30, tzinfo=UTC))  # 11:30 p.m. in Berlin
    shop.order(datetime(2026, 2, 28, 23, 30, tzinfo=UTC))  # half an hour past midnight
    timeline = text_of(Order.objects.get()).timeline
    assert timeline
    assert [day.label for day in timeline.days] == ["Feb. 28, 2026", "March 1, 2026"]


def test_eligibility_of_each_interaction(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.interact(clock(10) - timedelta(hours=30))
    shop.interact(clock(10) - timedelta(hours=20), "CHAT")
    shop.interact(clock(10))
    Interaction.objects.filter(occurred_at=clock(10)).update(is_qualifying=False)
    shop.interact(clock(11))
    chat_only = Visitor(shop.visitor.user_fingerprint, None)
    shop.order(clock(12), visitor=chat_only)
    shop.interact(clock(9), received_at=clock(13))  # came late, from a browser that was offline
    shop.interact(clock(13))
    order = Order.objects.get()
    first_of_faq = Interaction.objects.earliest("occurred_at")
    unshared = factories.InteractionFactory.create(
        session=order.session, occurred_at=clock(10) - timedelta(hours=21), kind="FAQ"
    )
    Interaction.objects.filter(occurred_at=clock(9)).update(occurred_at=clock(10) - timedelta(hours=21, minutes=5))
    steps = order_trace(order).timeline.steps
    assert {step.row.occurred_at: step.eligibility for step in steps if step.eligibility} == {
        first_of_faq.occurred_at: Eligibility.BEFORE_WINDOW,
        clock(10) - timedelta(hours=21, minutes=5): Eligibility.RECORDED_LATER,
        unshared.occurred_at: Eligibility.NO_SHARED_ID,
        clock(10) - timedelta(hours=20): Eligibility.CREDITED,
        clock(10): Eligibility.NOT_QUALIFYING,
        clock(11): Eligibility.ELIGIBLE,
        clock(13): Eligibility.AFTER_SUBJECT,
    }


def test_timeline_when_credit_is_of_another_session_lists_it(shop: Shop) -> None:
    chat_only, faq_only = Visitor(shop.visitor.user_fingerprint, None), Visitor(None, shop.visitor.faq_fingerprint)
    shop.interact(clock(10), "FAQ", visitor=faq_only)
    shop.interact(clock(10, 30), "CHAT", visitor=chat_only)
    shop.order(clock(11))
    order = Order.objects.get()
    other = Interaction.objects.get(kind="CHAT")
    Order.objects.update(credited_interaction=other, channel="CHAT")
    order.refresh_from_db()
    timeline = order_trace(order).timeline
    assert [step.row for step in timeline.steps] == [order.session.interactions.get(), other, order]
    assert timeline.steps[1].eligibility is Eligibility.CREDITED
    assert timeline.omitted_before == 0
    assert "belongs to a later session" in sentences(text_of(order), "credit")


def test_timeline_when_long_keeps_the_nearest_and_the_credited(shop: Shop) -> None:
    shop.interact(clock(1))
    shop.order(clock(20))
    order = Order.objects.get()
    credited = order.credited_interaction
    for minute in range(TIMELINE_LENGTH + 60):
        factories.InteractionFactory.create(session=order.session, occurred_at=clock(10) + timedelta(minutes=minute))
    for second in range(20):
        factories.CartEventFactory.create(
            session=order.session,
            occurred_at=clock(22, 0, second),
            credited_interaction=credited,
        )
    timeline = order_trace(order).timeline
    assert len(timeline.steps) == TIMELINE_LENGTH
    assert timeline.steps[0].row == credited
    assert [step.row for step in timeline.steps if step.is_subject] == [order]
    assert timeline.omitted_before + timeline.omitted_after == 1 + TIMELINE_LENGTH + 60 + 20 + 1 - TIMELINE_LENGTH
    text = text_of(order).timeline
    assert text
    assert text.omitted_before == f"{timeline.omitted_before} earlier entries are not shown."
    assert timeline.omitted_after == 0
    assert text.omitted_after == ""


def test_trace_when_much_happened_takes_no_more_queries(shop: Shop) -> None:
    def queries() -> tuple[int, int]:
        """Of the order's trace and of its texts, then of those of the latest cart event."""
        order, event = Order.objects.get(), CartEvent.objects.latest("occurred_at")
        with CaptureQueriesContext(connection) as of_order:
            order_text(order_trace(order), no_url)
        with CaptureQueriesContext(connection) as of_event:
            cart_event_text(cart_event_trace(event), no_url)
        return len(of_order), len(of_event)

    shop.interact(clock(10))
    shop.change_cart(clock(10, 30))
    shop.change_cart(clock(10, 31), quantity=2)
    shop.order(clock(11))
    shop.refund(clock(12), 1)
    shop.confirm(clock(15))
    few = queries()
    for minute in range(15):
        shop.interact(clock(10, minute), received_at=clock(10, minute))
        shop.change_cart(clock(13, minute), quantity=minute + 1)
        shop.refund(clock(14, minute), 1, f"R-{minute + 2}")
        shop.order(clock(11, minute), value_minor=minute + 1)
        shop.confirm(clock(15, minute), value_minor=20_000 + minute)
    assert queries() == few
    assert few[0] <= 19
    assert few[1] <= 13


# Trust and claims


def test_order_when_reported_says_a_browser_reported_it(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), source="SHOPIFY")
    text = text_of(Order.objects.get())
    assert badges(text) == ["Reported"]
    assert sentences(text, "trust") == ("Reported by a browser. The shop's server has not confirmed it.")
    assert facts(text, "trust") == {"Sent by": "SHOPIFY"}
    assert text.claims is None
    assert sentences(text, "figures") == (
        "Included in the purchase revenue of March 1, 2026, in EUR, under Product FAQ."
    )


def test_order_when_only_confirmed_orders_count_says_so(shop: Shop, settings: Any) -> None:
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "CONFIRMED_ORDERS_ONLY": True}
    shop.interact(clock(10))
    shop.order(clock(11))
    order = Order.objects.get()
    assert "counts confirmed orders only" in sentences(text_of(order), "figures")
    assert shop.confirm(clock(12)) == "confirmed"
    assert "Included in" in sentences(text_of(order), "figures")


def test_order_when_confirmed_with_visitor_ignores_squatted_id(shop: Shop) -> None:
    shop.interact(clock(9), visitor=shop.rival)
    shop.interact(clock(10))
    shop.order(clock(10, 30), 1, visitor=shop.rival)
    shop.order(clock(11), trust=Trust.CONFIRMED)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Verified", "Conflict"]
    assert sentences(text, "trust") == (
        "The shop's server reported this order and its visitor, so browsers cannot change the amount or the credit. "
        "1 claim by a different visitor has no effect. 1 claim has a different amount."
    )
    assert text.claims
    assert [
        (claim.trust, plain(claim.amount), [badge.label for badge in claim.badges]) for claim in text.claims.rows
    ] == [
        ("browser", "0.01 EUR", ["Other visitor", "Other amount"]),
        ("server", "100.00 EUR", ["Credited"]),
    ]


def test_order_when_confirmed_without_visitor_credits_its_amount(shop: Shop) -> None:
    shop.interact(clock(9), visitor=shop.rival)
    shop.interact(clock(10))
    shop.order(clock(10, 30), 1, visitor=shop.rival)
    shop.order(clock(11))
    shop.confirm(clock(12))
    order = Order.objects.get()
    text = text_of(order)
    assert "The claim with that amount is credited." in sentences(text, "trust")
    assert text.claims
    assert [[badge.label for badge in claim.badges] for claim in text.claims.rows] == [
        ["Other visitor", "Other amount"],
        ["Credited"],
    ]


def test_order_when_no_claim_has_its_amount_is_held_back(shop: Shop) -> None:
    shop.interact(clock(9), visitor=shop.rival)
    shop.interact(clock(10))
    shop.order(clock(10, 30), 1, visitor=shop.rival)
    shop.order(clock(11))
    shop.confirm(clock(12), 7_777)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed", "Conflict", "Held back"]
    assert "No claim agrees with it." in sentences(text, "trust")
    assert text.claims
    assert [[badge.label for badge in claim.badges] for claim in text.claims.rows] == [
        ["Other amount"],
        ["Other visitor", "Other amount"],
    ]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (clock(12) + timedelta(days=3), "Waiting for a claim that agrees with what the shop's server confirmed."),
        (clock(13) + timedelta(days=3), "Held back: no claim agrees with what the shop's server confirmed."),
    ],
)
def test_order_when_no_claim_fits_waits_three_days(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, now: datetime, said: str
) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), 1)
    shop.confirm(clock(12))
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert said in sentences(text_of(Order.objects.get()), "figures")


def test_order_when_its_only_claim_is_near_says_so(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), 9_000)
    shop.confirm(clock(11, 30))
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed", "Conflict"]
    assert "The only claim has nearly that amount, so it is credited." in sentences(text, "trust")


def test_order_when_above_the_ceiling_is_held_back(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), 10_000_001)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Reported", "Held back"]
    assert "above the ceiling" in sentences(text, "figures")


@pytest.mark.parametrize("confirmed", [False, True])
def test_order_when_its_buyer_is_another_is_not_credited(shop: Shop, confirmed: bool) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    if confirmed:
        shop.confirm(clock(12))
    shop.order(clock(12), visitor=shop.rival, trust=Trust.CONFIRMED)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed" if confirmed else "Reported", "Conflict", "Not credited"]
    assert "named a buyer who did not use the assistant" in sentences(text, "trust")
    assert "not credited to the assistant" in sentences(text, "figures")
    assert text.claims
    assert [[badge.label for badge in claim.badges] for claim in text.claims.rows] == [[]]


def test_order_when_two_browsers_claim_it_credits_the_first(shop: Shop) -> None:
    shop.interact(clock(9), visitor=shop.rival)
    shop.interact(clock(10))
    shop.order(clock(10, 30))
    shop.order(clock(11), visitor=shop.rival)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Reported", "Conflict"]
    assert "1 claim is by a different visitor. The first claim is credited" in sentences(text, "trust")


def test_order_when_a_browser_said_two_amounts_says_so(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.order(clock(12), 1)
    text = text_of(Order.objects.get())
    assert badges(text) == ["Reported", "Conflict"]
    assert "Earlier reports of this order disagreed" in sentences(text, "trust")


# What the shop's server changed

KETTLE = (LineItemData(product_id="SKU-1", product_name="Kettle", quantity=Decimal(1), value_minor=13_000),)


def test_order_when_corrected_says_each_change(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.confirm(clock(12))
    text = text_of(Order.objects.get())
    assert not [panel for panel in text.panels if panel.key == "versions"]
    corrections: list[tuple[int, dict[str, Any]]] = [
        (13_000, {}),
        (13_000, {"line_items": ()}),
        (13_000, {"line_items": KETTLE}),
        (13_000, {"tax_minor": 2_000}),
        (13_000, {"is_cancelled": True}),
        (12_000, {"is_cancelled": False}),
    ]
    for minute, (value_minor, changes) in enumerate(corrections):
        assert shop.confirm(clock(13, minute), value_minor, **changes) == "corrected"
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed"]
    assert "The claim with an amount that the server stated is credited." in sentences(text, "trust")
    assert [plain(sentence) for sentence in panel(text, "versions").sentences] == [
        "On March 1, 2026, 1 p.m. the shop's server changed the order from 100.00 EUR to 130.00 EUR.",
        "On March 1, 2026, 1:02 p.m. the shop's server changed the items.",
        "On March 1, 2026, 1:03 p.m. the shop's server changed the tax, the shipping or the discount.",
        "On March 1, 2026, 1:04 p.m. the shop's server cancelled the order.",
        "On March 1, 2026, 1:05 p.m. the shop's server reinstated the order.",
        "On March 1, 2026, 1:05 p.m. the shop's server changed the order from 130.00 EUR to 120.00 EUR.",
    ]


def test_versions_when_they_arrive_late_are_told_by_their_times(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.confirm(clock(15), 30_000, updated_at=clock(14))
    shop.confirm(clock(15), 10_000, updated_at=clock(12))
    shop.confirm(clock(16), 20_000, updated_at=clock(13))
    shop.confirm(clock(17), 30_000, updated_at=clock(17))
    assert [plain(sentence) for sentence in panel(text_of(Order.objects.get()), "versions").sentences] == [
        "On March 1, 2026, 1 p.m. the shop's server changed the order from 100.00 EUR to 200.00 EUR.",
        "On March 1, 2026, 4 p.m. the shop's server changed the order from 200.00 EUR to 300.00 EUR.",
    ]


def test_versions_when_many_list_the_latest(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    for number in range(VERSIONS_LENGTH + 3):
        shop.confirm(clock(12, 0, number), 10_000 + number)
    sentences = panel(text_of(Order.objects.get()), "versions").sentences
    assert len(sentences) == VERSIONS_LENGTH + 1
    assert sentences[0] == "2 earlier changes are not shown."
    assert plain(sentences[-1]).endswith("from 100.51 EUR to 100.52 EUR.")


@pytest.mark.parametrize("is_known", [True, False])
def test_order_when_cancelled_says_so(shop: Shop, is_known: bool) -> None:
    shop.interact(clock(10))
    if is_known:
        shop.order(clock(11))
    shop.confirm(clock(12), is_cancelled=True)
    if not is_known:
        assert badges(pending_text(models.PendingConfirmation.objects.get(), clock(13)))[-1] == "Cancelled"
        shop.order(clock(13))
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed", "Cancelled"]
    assert sentences(text, "figures") == "Not included in figures: the shop's server cancelled it."


def test_order_when_its_currency_changed_is_held_back(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.confirm(clock(12))
    shop.refund(clock(12), 1_000)
    shop.confirm(clock(13), 9_000, currency="USD")
    text = text_of(Order.objects.get())
    assert badges(text) == ["Confirmed", "Held back"]
    assert "the shop's server changed the currency" in sentences(text, "figures")
    assert facts(text, "money")["Refunded"] == "0.00 USD"
    assert "1 refund is not deducted" in sentences(text, "money")


def test_order_when_parts_of_its_value_are_stated_shows_them(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), tax_minor=1_900, shipping_minor=500, discount_minor=0)
    assert facts(text_of(Order.objects.get()), "money") == {
        "Gross": "100.00 EUR",
        "Direct": "0.00 EUR",
        "Assisted": "100.00 EUR",
        "Tax included": "19.00 EUR",
        "Shipping included": "5.00 EUR",
        "Discount deducted": "0.00 EUR",
        "Refunded": "0.00 EUR",
        "Net": "100.00 EUR",
    }


def test_claims_when_many_keep_the_credited_one(shop: Shop) -> None:
    for value in range(1, CLAIMS_LENGTH + 5):
        rival = Visitor(uuid.uuid4(), None)
        shop.interact(clock(9), visitor=rival)
        shop.order(clock(10, 30), value, visitor=rival)
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.confirm(clock(12))
    claims = order_trace(Order.objects.get()).claims
    assert claims.credited
    assert (claims.credited.value_minor, len(claims.listed), claims.total) == (10_000, CLAIMS_LENGTH, CLAIMS_LENGTH + 5)
    text = text_of(Order.objects.get()).claims
    assert text
    assert text.omitted == "5 more claims are not shown."


def test_pending_confirmation_says_what_it_waits_for_until_when(shop: Shop) -> None:
    assert shop.confirm(clock(12)) == "pending"
    pending = models.PendingConfirmation.objects.get()
    text = pending_text(pending, clock(13))
    assert plain(text.title) == "Order A-1"
    assert badges(text) == ["Confirmed", "Waiting"]
    assert sentences(text, "figures") == (
        "Waiting until March 4, 2026, noon for a browser's report. Not credited or included in figures until then."
    )
    assert badges(pending_text(pending, clock(13) + timedelta(days=3))) == ["Confirmed", "Expired"]


def test_denial_says_whose_claims_do_not_count_until_when(shop: Shop) -> None:
    shop.order(clock(12), visitor=shop.rival, trust=Trust.CONFIRMED)
    pending = models.PendingConfirmation.objects.get()
    text = pending_text(pending, clock(13))
    assert badges(text) == ["Not credited"]
    assert text.lead == "The shop's server named a buyer who has not used the assistant."
    assert sentences(text, "figures") == (
        "Until March 4, 2026, noon, no claim to this order counts. It is credited if an interaction of that buyer from "
        "before the order is recorded by then."
    )
    assert badges(pending_text(pending, clock(13) + timedelta(days=3))) == ["Not credited", "Expired"]


# Refunds and lines


def test_order_when_partly_refunded_shows_gross_refunded_and_net(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    text = text_of(Order.objects.get())
    assert sentences(text, "money") == ""
    shop.refund(clock(12), 2_500)
    text = text_of(Order.objects.get())
    assert facts(text, "money") == {**ASSISTED, "Refunded": "−25.00 EUR", "Net": "75.00 EUR"}
    assert (
        sentences(text, "money")
        == "Partly refunded. This reduces the net revenue of March 1, 2026, the day of the order."
    )


def test_order_when_fully_refunded_says_so(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.refund(clock(12), 2_500)
    shop.refund(clock(13), 7_500, "R-2")
    text = text_of(Order.objects.get())
    assert facts(text, "money")["Net"] == "0.00 EUR"
    assert sentences(text, "money").startswith("Fully refunded, in 2 parts.")


def test_order_when_a_correction_is_below_its_refunds_says_the_excess(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.confirm(clock(11))
    shop.refund(clock(12), 6_000)
    shop.confirm(clock(13), 5_000)
    text = text_of(Order.objects.get())
    assert facts(text, "money") == {
        "Gross": "50.00 EUR",
        "Direct": "0.00 EUR",
        "Assisted": "50.00 EUR",
        "Refunded": "−50.00 EUR",
        "Net": "0.00 EUR",
    }
    assert sentences(text, "money").startswith("Fully refunded.")
    assert "10.00 EUR of the refunds exceeds the order" in sentences(text, "money")
    assert [plain(entry.note) for entry in entries(text) if entry.kind == "refund"] == [
        "10.00 EUR of it exceeds the order"
    ]


def test_order_when_a_refund_does_not_fit_says_it_is_not_deducted(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11))
    shop.refund(clock(12), 10_001)
    text = text_of(Order.objects.get())
    assert facts(text, "money") == {**ASSISTED, "Refunded": "0.00 EUR", "Net": "100.00 EUR"}
    assert "1 refund is not deducted" in sentences(text, "money")


def test_order_lists_its_lines(shop: Shop) -> None:
    shop.interact(clock(10), product_id="SKU-2")
    line = LineItemData(product_id="SKU-1", product_name="Kettle", quantity=Decimal("1.5"), value_minor=10_000)
    shop.order(clock(11), line_items=(line,))
    lines = text_of(Order.objects.get()).lines
    assert lines
    assert [(row.product_name, row.quantity, plain(row.total), row.credit) for row in lines.rows] == [
        ("Kettle", "1.5", "100.00 EUR", "Assisted")
    ]
    assert not lines.difference


def test_order_when_lines_are_direct_says_why(shop: Shop, settings: Any) -> None:
    settings.ALHENA_TRACKING = {"PRODUCT_GROUP": "tests.support.product_groups.before_dash"}
    shop.interact(clock(10), kind="FAQ", product_id="mug-red")
    shop.interact(clock(10, 2), kind="CHAT", product_id="", recommended_product_ids=["mug", "<b>", "tea"])
    shop.interact(clock(10, 4), kind="NUDGE", product_id="tea")
    items = [("mug-blue", 3_000), ("tea", 2_000), ("cup", 5_000)]
    lines = tuple(
        LineItemData(product_id=product, product_name=product, quantity=Decimal(1), value_minor=minor)
        for product, minor in items
    )
    shop.order(clock(11), line_items=lines)
    text = text_of(Order.objects.get())
    assert text.lines
    assert [plain(row.credit) for row in text.lines.rows] == [
        "Named in the Product FAQ (March 1, 2026, 10 a.m.)",
        "Recommended in the chat (March 1, 2026, 10:02 a.m.)",
        "Assisted",
    ]
    assert facts(text, "money")["Direct"] == facts(text, "money")["Assisted"] == "50.00 EUR"
    chats = [entry.note for entry in entries(text) if entry.kind == "chat"]
    assert [note.partition(" · ")[2] for note in chats] == [
        "Recommended <bdi>mug</bdi>, <bdi>&lt;b&gt;</bdi>, <bdi>tea</bdi>"
    ]


def test_order_when_a_direct_lines_interaction_is_gone_stays_direct(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.interact(clock(10, 2), product_id="tea")
    line = LineItemData(product_id="tea", product_name="Tea", quantity=Decimal(1), value_minor=10_000)
    shop.order(clock(11), line_items=(line,))
    Interaction.objects.filter(product_id="tea").delete()
    text = text_of(Order.objects.get())
    assert text.lines
    assert [row.credit for row in text.lines.rows] == ["Named or recommended by the assistant"]


def test_order_when_lines_differ_from_its_value_explains_it(shop: Shop) -> None:
    shop.interact(clock(10))
    line = LineItemData(product_id="SKU-1", product_name="Kettle", quantity=Decimal(1), value_minor=11_000)
    shop.order(clock(11), line_items=(line,))
    lines = text_of(Order.objects.get()).lines
    assert lines
    assert plain(lines.difference).startswith("The items add up to 110.00 EUR.")
    assert plain(lines.difference).endswith("the difference from 100.00 EUR.")


# Cart events


def test_cart_event_explains_its_value(shop: Shop) -> None:
    shop.interact(clock(10))
    added = shop.change_cart(clock(10, 10), quantity=2)
    same = shop.change_cart(clock(10, 20), quantity=2)
    more = shop.change_cart(clock(10, 30), "QUANTITY_INCREASED", 3)
    afresh = shop.change_cart(clock(10, 40), quantity=1)
    fewer = shop.change_cart(clock(10, 45), "QUANTITY_DECREASED", 2)
    less = shop.change_cart(clock(10, 50), "ITEM_REMOVED", 0)
    nothing = shop.change_cart(clock(10, 55), "ITEM_REMOVED", 0)
    shop.order(clock(11))
    unknown = shop.change_cart(clock(12), "QUANTITY_INCREASED", 4)
    explained = [
        sentences(text_of(event), "worth") for event in (added, same, more, afresh, fewer, less, nothing, unknown)
    ]
    assert explained == [
        f"Reported: {reported} in the cart, 10.00 EUR each. {why}"
        for reported, why in [
            (2, "No earlier units are known, so all of them count: +2, worth 20.00 EUR."),
            (2, "The cart held 2 before and as many afterwards, so nothing is added."),
            (3, "The cart held 2 before: +1, worth 10.00 EUR."),
            (1, "The cart held 3 before and must have been emptied since: +1, worth 10.00 EUR."),
            (2, "The cart held 1 before and no fewer afterwards, so nothing is deducted."),
            (0, "The cart held 2 before, of which 1 credited: −1, worth 10.00 EUR."),
            (0, "None of the removed units were credited, so nothing is deducted."),
            (4, "The earlier quantity is unknown, so at most one unit counts: +1, worth 10.00 EUR."),
        ]
    ]
    beads = shop.change_cart(clock(12, 5), quantity=1000, value_minor=Decimal("0.5"), previous_quantity=Decimal(990))
    assert sentences(text_of(beads), "worth") == (
        "Reported: 1,000 in the cart, 990 before, 0.005 EUR each. The cart held 990 before: +10, worth 0.05 EUR."
    )
    emptied = shop.change_cart(clock(12, 6), "ITEM_REMOVED", 0)
    shop.order(clock(12, 8), order_id="A-2")
    emptied.refresh_from_db()
    assert "The shop emptied its cart for an order" in sentences(text_of(emptied), "worth")
    text = text_of(unknown)
    assert plain(text.title) == "Quantity increased: Kettle"
    assert "2 hours before the cart change" in plain(text.lead)
    assert [plain(entry.title) for entry in entries(text) if entry.is_subject] == ["Quantity of Kettle increased"]
    assert facts(text, "worth")["Credited afterwards"] == "1, worth 10.00 EUR"
    assert facts(text_of(less), "worth")["In the cart afterwards"] == "0"


# The pages


@pytest.fixture
def order(shop: Shop) -> Order:
    shop.interact(clock(10))
    shop.change_cart(clock(10, 30))
    shop.order(clock(11, 32))
    return Order.objects.get()


def url_of(page: str, row: Any) -> str:
    return reverse(f"admin:alhena_tracking_{row._meta.model_name}_{page}", args=[row.pk])


def is_hidden(client: Client, url: str) -> bool:
    """Whether a row's page is answered as Django answers what is not there: back to the index."""
    return client.get(url).status_code == 302


def test_trace_links_only_what_the_user_may_view(client: Client, log_in: Callable[..., Any], order: Order) -> None:
    log_in("view_order")
    response = client.get(url_of("change", order))
    assert [(plain(entry.title), entry.url) for entry in entries(response.context["trace"])] == [
        ("Product FAQ on SKU-1", ""),
        ("Kettle added to cart", ""),
        ("Order A-1", ""),
    ]
    assert "exclusion_url" not in response.context

    log_in("view_order", "view_interaction", "view_cartevent", "view_visitorsession")
    trace = client.get(url_of("change", order)).context["trace"]
    assert [entry.url for entry in entries(trace)] == [
        url_of("change", order.credited_interaction),
        url_of("change", CartEvent.objects.get()),
        "",
    ]
    assert {fact.url for fact in panel(trace, "credit").facts} == {
        "",
        url_of("change", order.credited_interaction),
        url_of("change", order.session),
    }


def test_trace_of_a_cart_event_needs_its_own_permission(
    client: Client, log_in: Callable[..., Any], order: Order
) -> None:
    event = CartEvent.objects.get()
    log_in("view_order", "view_revenueimpact")
    assert client.get(url_of("change", event)).status_code == 403
    log_in("view_cartevent")
    assert client.get(url_of("change", order)).status_code == 403
    response = client.get(url_of("change", event))
    assert [entry.url for entry in entries(response.context["trace"])] == ["", "", ""]
    assert [plain(entry.title) for entry in entries(response.context["trace"])][2:] == ["An order"]
    assert "A-1" not in response.content.decode()

    review.exclude_orders([order.pk], None, "Test order")
    *_, of_order = entries(client.get(url_of("change", event)).context["trace"])
    assert (of_order.amount, of_order.badges) == ("", [])


def test_trace_hides_refunds_of_orders_the_user_may_not_view(
    client: Client, log_in: Callable[..., Any], shop: Shop, order: Order
) -> None:
    shop.refund(clock(12), 2_500)
    event = CartEvent.objects.get()
    for permissions, expected in [
        (["view_cartevent", "view_refund"], ("A refund", "")),
        (["view_cartevent", "view_refund", "view_order"], ("Refund R-1 of order A-1", "−25.00 EUR")),
    ]:
        log_in(*permissions)
        refund = entries(client.get(url_of("change", event)).context["trace"])[-1]
        assert (plain(refund.title), plain(refund.amount)) == expected
        assert refund.url == url_of("change", models.Refund.objects.get())


def test_trace_of_a_pending_confirmation_is_its_page(client: Client, log_in: Callable[..., Any], shop: Shop) -> None:
    shop.confirm(clock(12))
    log_in("view_pendingconfirmation")
    response = client.get(url_of("change", models.PendingConfirmation.objects.get()))
    assert response.context["trace"].lead.endswith("No browser has reported this order yet.")


def test_page_has_one_heading_and_passes_a_strict_csp(
    client: Client, log_in: Callable[..., Any], shop: Shop, order: Order
) -> None:
    shop.interact(clock(9), visitor=shop.rival)
    shop.order(clock(12), 1, visitor=shop.rival)
    log_in("view_order", "exclude_order", "view_cartevent")
    for url in (url_of("change", order), url_of("change", CartEvent.objects.get()), url_of("exclude", order)):
        page = Page(client.get(url).content.decode())
        assert page.blocked == []
        assert len(list(page.named("h1"))) == 1
        ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        for _tag, attributes in page.elements:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert set((attributes.get(name) or "").split()) <= set(ids)


@pytest.mark.parametrize(
    "hostile", ["</script><script>alert(1)</script>", "\u202etfel ot thgir", "🍵" * 512, "{product} %(count)s %s {0}"]
)
def test_stored_texts_when_hostile_are_inert(
    client: Client, log_in: Callable[..., Any], shop: Shop, hostile: str
) -> None:
    short = hostile[:255]
    shop.interact(clock(10), product_id=short, ai_profile=short)
    shop.change_cart(clock(10, 30), product_name=hostile)
    line = LineItemData(product_id=short, product_name=hostile, quantity=Decimal(1), value_minor=1)
    shop.order(clock(11), order_id=short, source=short, line_items=(line,))
    order = Order.objects.get()
    user = log_in("view_order", "view_cartevent", "exclude_order")
    review.exclude_orders([order.pk], user, short)
    order.refresh_from_db()
    for url in (
        url_of("change", order),
        url_of("change", CartEvent.objects.get()),
        url_of("include", order),
        url_of("history", order),
    ):
        response = client.get(url)
        assert response.status_code == 200
        html = response.content.decode()
        assert Page(html).blocked == []
        assert "<script>alert" not in html
    lead = client.get(url_of("change", order)).context["trace"].lead
    assert short in plain(lead.replace("&lt;", "‹").replace("&gt;", "›")).replace("‹", "<").replace("›", ">")
    assert "<bdi>" in lead


# Exclusion


def purchases(company: Company) -> tuple[int, int, int]:
    """Purchase revenue, orders and converted sessions of that day, as the report has them."""
    figures = revenue_impact(ReportQuery(company=company, period=Period(SUNDAY, SUNDAY), currency="EUR")).current
    return figures.purchase_minor, figures.orders, figures.converted_sessions


def test_exclusion_removes_the_order_from_figures_until_undone(
    client: Client, log_in: Callable[..., Any], shop: Shop, order: Order
) -> None:
    user = log_in("view_order", "exclude_order")
    assert purchases(shop.company) == (10_000, 1, 1)
    page = client.get(url_of("change", order))
    assert [offer.url for offer in page.context["offers"]] == [url_of("exclude", order)]

    response = client.post(url_of("exclude", order), {"reason": "  test order "})
    assert response["Location"] == url_of("change", order)
    order.refresh_from_db()
    assert (order.excluded_by, order.exclusion_reason) == (user, "test order")
    assert order.excluded_at
    assert purchases(shop.company) == (0, 0, 0)
    page = client.get(url_of("change", order))
    assert [offer.url for offer in page.context["offers"]] == [url_of("include", order)]
    text = page.context["trace"]
    assert badges(text) == ["Reported", "Excluded"]
    assert sentences(text, "figures").startswith("Excluded from all figures on ")
    assert sentences(text, "figures").endswith(f" by {user.username}. Reason: test order")

    client.post(url_of("include", order))
    order.refresh_from_db()
    assert Order.objects.filter(excluded_at=None, excluded_by=None, exclusion_reason="").get() == order
    assert purchases(shop.company) == (10_000, 1, 1)
    log = LogEntry.objects.order_by("id").values_list("user", "object_id", "action_flag", "change_message")
    assert list(log) == [
        (user.pk, str(order.pk), CHANGE, "Excluded from all figures. Reason: test order"),
        (user.pk, str(order.pk), CHANGE, "Included in the figures again."),
    ]


def test_exclusion_when_repeated_changes_and_logs_nothing(
    client: Client, log_in: Callable[..., Any], order: Order
) -> None:
    log_in("view_order", "exclude_order")
    client.post(url_of("include", order))
    assert LogEntry.objects.count() == 0
    client.post(url_of("exclude", order), {"reason": "fraud"})
    first = Order.objects.values("excluded_at", "excluded_by", "exclusion_reason").get()
    log_in("view_order", "exclude_order")
    assert client.post(url_of("exclude", order), {"reason": "another"}).status_code == 302
    assert Order.objects.values("excluded_at", "excluded_by", "exclusion_reason").get() == first
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("reason", ["", " \u2003\t", "a\0b", "x" * 256, "\ud800"])
def test_exclusion_when_reason_is_invalid_is_rejected_in_the_form(
    client: Client, log_in: Callable[..., Any], order: Order, reason: str
) -> None:
    log_in("view_order", "exclude_order")
    body = b"reason=" + b"".join(b"%%%02X" % byte for byte in reason.encode(errors="surrogatepass"))
    response = client.post(url_of("exclude", order), body, content_type="application/x-www-form-urlencoded")
    if reason == "\ud800":  # Django has made replacement characters of it
        assert response.status_code == 302
        return
    assert response.status_code == 200
    assert response.context["offer"].form.errors["reason"]
    assert Order.objects.counted().count() == 1


def test_exclusion_when_reason_has_maximum_length_is_stored(
    client: Client, log_in: Callable[..., Any], order: Order
) -> None:
    log_in("view_order", "exclude_order")
    client.post(url_of("exclude", order), {"reason": "🍵" * 255})
    assert Order.objects.get().exclusion_reason == "🍵" * 255


@pytest.mark.parametrize("permissions", [["view_order"], ["exclude_order"], ["change_order", "view_revenueimpact"]])
@pytest.mark.parametrize("page", ["exclude", "include"])
def test_exclusion_needs_its_permission_and_that_to_view_orders(
    client: Client, log_in: Callable[..., Any], order: Order, permissions: list[str], page: str
) -> None:
    log_in(*permissions)
    assert client.get(url_of(page, order)).status_code == 403
    assert client.post(url_of(page, order), {"reason": "x"}).status_code == 403
    assert Order.objects.counted().exists()


def test_exclusion_when_the_company_is_hidden_is_not_found(
    client: Client, log_in: Callable[..., Any], order: Order
) -> None:
    group = factories.GroupFactory.create()
    factories.restrict(order.company, group)
    user = log_in("view_order", "exclude_order")
    assert is_hidden(client, url_of("change", order))
    for page in ("exclude", "include"):
        assert client.get(url_of(page, order)).status_code == 404
        assert client.post(url_of(page, order), {"reason": "x"}).status_code == 404
    assert Order.objects.counted().exists()
    user.groups.add(group)
    assert client.post(url_of("exclude", order), {"reason": "x"}).status_code == 302
    assert not Order.objects.counted().exists()


@pytest.mark.parametrize("page", ["exclude", "include"])
def test_exclusion_asks_first_and_needs_a_csrf_token(
    log_in: Callable[..., Any], client: Client, order: Order, page: str
) -> None:
    log_in("view_order", "exclude_order")
    assert client.get(url_of(page, order)).status_code == 200
    assert client.put(url_of(page, order)).status_code == 405
    client.handler.enforce_csrf_checks = True
    assert client.post(url_of(page, order), {"reason": "x"}).status_code == 403
    assert Order.objects.counted().exists()
    assert client.get(url_of(page, Order(pk=0))).status_code == 404


def test_exclusion_when_the_order_is_rewritten_stays(shop: Shop, order: Order) -> None:
    user = factories.UserFactory.create()
    stale = Order.objects.get()
    shop.confirm(clock(12))
    assert review.exclude_orders([stale.pk], user, "fraud")
    shop.order(clock(13), 1)
    order.refresh_from_db()
    assert (order.trust, order.exclusion_reason) == (Trust.CONFIRMED, "fraud")
    assert not review.exclude_orders([order.pk], user, "again")
    assert review.include_orders([order.pk])
    assert not review.include_orders([order.pk])


def test_exclusion_waits_for_the_lock_row_of_the_order_id(order: Order) -> None:
    LockRow.objects.all().delete()
    with pytest.raises(ImproperlyConfigured):
        review.exclude_orders([order.pk], None, "fraud")
    assert Order.objects.counted().exists()


def test_exclusion_when_the_order_has_no_id_needs_no_lock(shop: Shop) -> None:
    shop.interact(clock(10))
    shop.order(clock(11), order_id="")
    LockRow.objects.all().delete()
    order = Order.objects.get()
    assert review.exclude_orders([order.pk], None, "fraud")
    assert re.fullmatch(r"Order without an ID \(#\d+\)", text_of(order).title)


def test_exclusion_when_the_order_is_gone_is_not_found(
    client: Client, log_in: Callable[..., Any], order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in("view_order", "exclude_order")

    def vanish(*args: object, **options: object) -> int:
        Order.objects.all().delete()
        return 0

    monkeypatch.setattr(review, "exclude_orders", vanish)
    assert client.post(url_of("exclude", order), {"reason": "x"}).status_code == 404
    assert LogEntry.objects.count() == 0


def test_exclusion_when_the_user_is_deleted_keeps_the_reason(order: Order) -> None:
    user = factories.UserFactory.create()
    review.exclude_orders([order.pk], user, "fraud")
    user.delete()
    order.refresh_from_db()
    assert sentences(text_of(order), "figures").endswith(" by an unknown user. Reason: fraud")
