"""Excluding orders and visitor sessions, including them again, and accepting orders that are held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.ingestion import EventData, Visitor, record, review
from alhena_tracking.models import CartEvent, Company, Order, OrderClaim, RolledUpDay, Trust, VisitorSession
from alhena_tracking.reports import Period, ReportQuery, RevenueImpactReport, revenue_impact
from tests.support.event_data import NOW, VISITOR, cart_event, chat, order
from tests.support.factories import CompanyFactory, UserFactory
from tests.support.runs import IS_FULL_RUN, examples

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
FORGER = Visitor(UUID(int=7), None)
THIRD = Visitor(UUID(int=8), None)
ABOVE_CEILING = 10_000_001


def later(minutes: int) -> datetime:
    return NOW + minutes * MINUTE


def session_of(visitor: Visitor, company: Company) -> int:
    users, _faqs = visitor.digests(company)
    session = VisitorSession.objects.filter(interactions__user_fingerprint_digest__in=users).distinct().get()
    return session.pk


def report_of(company: Company) -> RevenueImpactReport:
    period = Period(NOW.date(), NOW.date() + timedelta(days=2))
    return revenue_impact(ReportQuery(company=company, period=period, currency="EUR", is_compared=False))


def worth(company: Company) -> list[int]:
    events = CartEvent.objects.filter(company=company).order_by("occurred_at", "id")
    return list(events.values_list("gmv_minor", flat=True))


# Orders


@pytest.fixture
def shop(company: Company) -> Company:
    """Two mugs are added, bought, and added again."""
    record(company, [chat(), cart_event(later(1)), order(later(2)), cart_event(later(3))])
    assert worth(company) == [3998, 3998]
    return company


def test_order_when_excluded_empties_no_cart_until_included(shop: Company) -> None:
    user, found = UserFactory.create(), Order.objects.get()
    assert review.exclude_orders([found.pk], user, "  a test ") == 1
    assert worth(shop) == [3998, 0]
    found.refresh_from_db()
    assert (found.standing, found.excluded_by, found.exclusion_reason) == ("EXCLUDED", user, "a test")
    assert report_of(shop).current.orders == 0

    assert review.include_orders([found.pk]) == 1
    assert worth(shop) == [3998, 3998]
    found.refresh_from_db()
    assert (found.standing, found.excluded_at, found.excluded_by, found.exclusion_reason) == ("COUNTED", None, None, "")
    assert report_of(shop).current.orders == 1


def test_order_without_id_when_excluded_empties_no_cart(company: Company) -> None:
    record(company, [chat(), cart_event(later(1)), order(later(2), order_id=""), cart_event(later(3))])
    assert review.exclude_orders(Order.objects.values_list("pk", flat=True), None, "a test") == 1
    assert worth(company) == [3998, 0]
    assert Order.objects.get().excluded_by is None


def test_order_when_excluded_makes_no_equal_one_a_duplicate(company: Company) -> None:
    record(company, [chat(), order(later(2), order_id="")])
    review.exclude_orders([Order.objects.get().pk], None, "a test")
    (outcome,) = record(company, [order(later(3), order_id="")])
    assert outcome.status == "recorded"


def test_orders_when_excluded_again_or_unknown_are_not_changed(shop: Company) -> None:
    pk = Order.objects.get().pk
    review.exclude_orders([pk], None, "first")
    assert review.exclude_orders([pk, pk + 1], None, "second") == 0
    assert Order.objects.get().exclusion_reason == "first"
    assert review.include_orders([pk, pk + 1]) == 1
    assert review.include_orders([pk]) == 0


@pytest.mark.parametrize("reason", ["", " \u2003\t", "a\0b", "x" * 256, "\ud800"])
def test_review_when_the_reason_is_invalid_changes_nothing(shop: Company, reason: str) -> None:
    pk = Order.objects.get().pk
    for change in (review.exclude_orders, review.accept_orders, review.exclude_sessions):
        with pytest.raises(InvalidValue):
            change([pk], None, reason)
    assert Order.objects.counted().count() == 1


def test_orders_of_several_companies_when_excluded_are_each_logged(shop: Company, monkeypatch: Any) -> None:
    monkeypatch.setattr(review, "ROWS", 2)
    other = CompanyFactory.create(key="other")
    record(other, [chat(), *(order(later(number), order_id=str(number)) for number in range(3))])
    logged: list[list[Order]] = []
    pks = list(Order.objects.values_list("pk", flat=True))
    assert review.exclude_orders(iter(pks), None, "tests", log=lambda rows: logged.append([*rows])) == 4
    assert sorted(row.pk for rows in logged for row in rows) == sorted(pks)
    assert {len({row.company_id for row in rows}) for rows in logged} == {1}


def test_order_when_held_back_counts_once_accepted(company: Company) -> None:
    record(company, [chat(), cart_event(later(1)), order(later(2), value_minor=ABOVE_CEILING), cart_event(later(3))])
    assert worth(company) == [3998, 0]
    user, found = UserFactory.create(), Order.objects.held_back().get()
    assert found.is_held_back
    assert review.accept_orders([found.pk], user, "a wedding") == 1
    assert worth(company) == [3998, 3998]
    found.refresh_from_db()
    assert (found.standing, found.accepted_by, found.acceptance_reason) == ("COUNTED", user, "a wedding")
    assert report_of(company).current.purchase_minor == ABOVE_CEILING
    assert review.accept_orders([found.pk], user, "again") == 0

    review.exclude_orders([found.pk], user, "no wedding")
    assert report_of(company).current.purchase_minor == 0
    review.include_orders([found.pk])
    assert report_of(company).current.purchase_minor == ABOVE_CEILING


def test_order_when_not_held_back_is_not_accepted(shop: Company) -> None:
    assert review.accept_orders([Order.objects.get().pk], None, "why not") == 0
    assert Order.objects.get().accepted_at is None


@pytest.mark.parametrize(("hours", "accepted"), [(71, 0), (73, 1)])
def test_order_without_fitting_claim_is_accepted_once_it_waits_for_staff(
    company: Company, hours: int, accepted: int
) -> None:
    record(company, [chat(), order(later(1))])
    record(company, [order(later(2), visitor=None, value_minor=100, trust=Trust.CONFIRMED)])
    found = Order.objects.get()
    assert found.held_reason == "NO_FITTING_CLAIM"
    Order.objects.update(confirmed_at=timezone.now() - timedelta(hours=hours))
    assert Order.objects.held_back().count() == accepted
    found.refresh_from_db()
    assert found.is_held_back == bool(accepted)
    assert review.accept_orders([found.pk], None, "paid in part") == accepted


# Claims


@pytest.fixture
def disputed(company: Company) -> Company:
    """Two visitors claim an order, the forger first."""
    record(company, [chat(visitor=FORGER), order(later(1), FORGER, value_minor=9_000_000)])
    record(company, [chat(), order(later(2))])
    assert Order.objects.get().value_minor == 9_000_000
    return company


def test_order_when_the_session_shown_is_excluded_shows_the_next_claim(disputed: Company) -> None:
    forger, session = session_of(FORGER, disputed), session_of(VISITOR, disputed)
    assert review.exclude_sessions([forger], None, "forged") == 1
    found = Order.objects.get()
    assert (found.session_id, found.value_minor, found.standing) == (session, 3998, "COUNTED")
    assert found.occurred_at == later(2)

    assert review.exclude_sessions([session], None, "too") == 1
    found.refresh_from_db()
    assert found.standing == "EXCLUDED"
    assert review.include_sessions([session, forger]) == 2
    found.refresh_from_db()
    assert (found.session_id, found.value_minor, found.standing) == (forger, 9_000_000, "COUNTED")


def test_order_when_the_other_session_is_excluded_stays(disputed: Company) -> None:
    before = Order.objects.values().get()
    review.exclude_sessions([session_of(VISITOR, disputed)], None, "a test")
    assert Order.objects.values().get() == before


def test_order_when_it_changes_its_session_empties_the_other_cart(disputed: Company) -> None:
    changes = [cart_event(later(minute), visitor) for visitor in (FORGER, VISITOR) for minute in (0, 5)]
    record(disputed, changes)

    def worth_of(visitor: Visitor) -> list[int]:
        events = CartEvent.objects.filter(session=session_of(visitor, disputed)).order_by("occurred_at")
        return list(events.values_list("gmv_minor", flat=True))

    assert (worth_of(FORGER), worth_of(VISITOR)) == ([3998, 3998], [3998, 0])
    review.exclude_sessions([session_of(FORGER, disputed)], None, "forged")
    assert (worth_of(FORGER), worth_of(VISITOR)) == ([3998, 0], [3998, 3998])
    review.include_sessions([session_of(FORGER, disputed)])
    assert (worth_of(FORGER), worth_of(VISITOR)) == ([3998, 3998], [3998, 0])


def test_order_of_many_when_sessions_are_excluded_shows_the_first_other(company: Company) -> None:
    visitors = [Visitor(UUID(int=number), None) for number in range(1, 8)]
    for number, visitor in enumerate(visitors):
        record(company, [chat(visitor=visitor), order(later(number), visitor, value_minor=100 + number)])
    sessions = [session_of(visitor, company) for visitor in visitors]
    for number in range(6):
        assert Order.objects.get().value_minor == 100 + number
        review.exclude_sessions([sessions[number]], None, "forged")
    assert Order.objects.get().session_id == sessions[6]
    review.include_sessions(sessions)
    assert Order.objects.get().session_id == sessions[0]


def test_order_when_only_a_large_claim_is_not_excluded_is_held_back(company: Company) -> None:
    record(company, [chat(visitor=FORGER), order(later(1), FORGER)])
    record(company, [chat(), order(later(2), value_minor=ABOVE_CEILING)])
    review.exclude_sessions([session_of(FORGER, company)], None, "forged")
    found = Order.objects.get()
    assert (found.session_id, found.standing) == (session_of(VISITOR, company), "HELD")
    review.include_sessions([session_of(FORGER, company)])
    found.refresh_from_db()
    assert (found.session_id, found.standing, found.held_reason) == (session_of(FORGER, company), "COUNTED", "")


def test_order_accepted_for_an_excluded_session_moves_to_another_claim(company: Company) -> None:
    record(company, [chat(visitor=FORGER), order(later(1), FORGER, value_minor=ABOVE_CEILING)])
    review.accept_orders([Order.objects.get().pk], None, "a wedding")
    record(company, [chat(), order(later(2))])
    assert Order.objects.get().value_minor == ABOVE_CEILING
    review.exclude_sessions([session_of(FORGER, company)], None, "forged")
    found = Order.objects.get()
    assert (found.session_id, found.value_minor, found.accepted_at) == (session_of(VISITOR, company), 3998, None)


@pytest.mark.parametrize("value_minor", [3998, 3500])
def test_order_when_confirmed_for_an_excluded_session_is_the_others(company: Company, value_minor: int) -> None:
    """As if the excluded session had claimed nothing: also where the other claim has only nearly the amount."""
    record(company, [chat(visitor=FORGER), order(later(1), FORGER)])
    record(company, [chat(), order(later(2), value_minor=value_minor)])
    record(company, [order(later(1), visitor=None, trust=Trust.CONFIRMED)])
    assert Order.objects.get().session_id == session_of(FORGER, company)
    review.exclude_sessions([session_of(FORGER, company)], None, "forged")
    found = Order.objects.get()
    assert (found.session_id, found.standing) == (session_of(VISITOR, company), "COUNTED")
    assert (found.value_minor, found.trust) == (3998, "CONFIRMED")
    review.include_sessions([session_of(FORGER, company)])
    assert Order.objects.get().session_id == session_of(FORGER, company)


# Visitor sessions


def test_session_when_excluded_counts_nowhere_with_all_that_follows(shop: Company) -> None:
    before, user = report_of(shop), UserFactory.create()
    pk = session_of(VISITOR, shop)
    assert review.exclude_sessions([pk], user, "our own people") == 1
    assert review.exclude_sessions([pk], user, "again") == 0
    record(shop, [chat(later(4)), cart_event(later(5)), order(later(6), order_id="1002")])
    assert report_of(shop).is_empty
    session = VisitorSession.objects.get()
    assert (session.excluded_by, session.exclusion_reason) == (user, "our own people")

    assert review.include_sessions([pk]) == 1
    assert review.include_sessions([pk]) == 0
    after = report_of(shop).current
    assert (after.orders, after.sessions) == (2, 1)
    assert after.add_to_cart_minor == before.current.add_to_cart_minor
    assert not CartEvent.objects.filter(is_excluded=True).exists()


def test_order_excluded_by_itself_stays_so_when_its_session_is_included(shop: Company) -> None:
    pk = session_of(VISITOR, shop)
    review.exclude_orders([Order.objects.get().pk], None, "a test")
    review.exclude_sessions([pk], None, "our own people")
    assert review.include_orders([Order.objects.get().pk]) == 1
    assert Order.objects.get().standing == "EXCLUDED"
    review.exclude_orders([Order.objects.get().pk], None, "a test")
    review.include_sessions([pk])
    assert Order.objects.get().standing == "EXCLUDED"


def test_exclusion_when_interrupted_is_completed_by_the_next(shop: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    pk = session_of(VISITOR, shop)

    def fail(*args: object) -> bool:
        raise InterruptedError

    with monkeypatch.context() as broken:
        broken.setattr(review, "_change_cart_events", fail)
        with pytest.raises(InterruptedError):
            review.exclude_sessions([pk], None, "forged")
    assert not report_of(shop).is_empty
    assert review.exclude_sessions([pk], None, "forged") == 0
    assert report_of(shop).is_empty


def test_days_when_reviewed_are_marked_stale(shop: Company) -> None:
    def stale_days() -> set[Any]:
        days = set(RolledUpDay.objects.filter(company=shop, is_stale=True).values_list("on", flat=True))
        RolledUpDay.objects.all().delete()
        return days

    stale_days()
    pk, day = Order.objects.get().pk, {NOW.date()}
    review.exclude_orders([pk], None, "a test")
    assert stale_days() == day
    review.include_orders([pk])
    assert stale_days() == day
    Order.objects.all().delete()
    review.exclude_sessions([session_of(VISITOR, shop)], None, "forged")
    assert stale_days() == day
    review.include_sessions([session_of(VISITOR, shop)])
    assert stale_days() == day


# As without them


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def forged_life(seed: int) -> list[tuple[bool, EventData]]:
    """Return random events of two visitors, two forgers and the shop's server, and which ones are forged."""
    rnd = Random(seed)
    people = [(number >= 2, Visitor(UUID(int=rnd.getrandbits(128), version=4), None)) for number in range(4)]
    events: list[tuple[bool, EventData]] = [(is_forged, chat(visitor=who)) for is_forged, who in people]
    amounts = {order_id: rnd.choice((1000, 1100)) for order_id in "ABC"}
    for minute in range(1, 31):
        is_forged, who = rnd.choice(people)
        at = later(rnd.randint(1, minute))
        event_id = UUID(int=rnd.getrandbits(128), version=4)
        facts: dict[str, Any] = {"event_id": event_id, "received_at": later(minute)}
        order_id = rnd.choice("ABC")
        match rnd.choice(("cart", "cart", "order", "order", "no id", "server")):
            case "cart":
                change = rnd.choice(("ITEM_ADDED", "QUANTITY_INCREASED", "ITEM_REMOVED"))
                units = Decimal(rnd.randint(1, 3))
                event: EventData = cart_event(
                    at, who, type=change, product_id=rnd.choice("xyz"), quantity=units, **facts
                )
            case "order":
                value = rnd.choice((1000, 1000, 1100, ABOVE_CEILING, 0))
                event = order(at, who, order_id=order_id, value_minor=value, **facts)
            case "no id":
                event = order(at, who, order_id="", value_minor=rnd.choice((500, ABOVE_CEILING)), **facts)
            case _:
                is_forged = False
                figures = {"order_id": order_id, "value_minor": amounts[order_id], "trust": Trust.CONFIRMED}
                event = order(at, None, **figures, **facts)
        events.append((is_forged, event))
    return events


def figures(company: Company) -> object:
    report = report_of(company)
    return report.current, report.days, report.channels, report.products


def forged_sessions(company: Company, events: Sequence[tuple[bool, EventData]]) -> list[int]:
    forgers = {event.visitor for is_forged, event in events if is_forged and event.visitor}
    return [session_of(forger, company) for forger in forgers]


@pytest.mark.property
def test_figures_when_sessions_are_excluded_are_as_without_them(company: Company) -> None:
    for seed in range(examples(1, full=3_000, databases=["sqlite"])):
        events = forged_life(seed)
        with undone():
            for is_forged, event in events:
                if not is_forged:
                    record(company, [event])
            without = figures(company)
        with undone():
            for _, event in events:
                record(company, [event])
            with_them, worth_before = figures(company), worth(company)
            review.exclude_sessions(forged_sessions(company, events), None, "forged")
            assert figures(company) == without, seed
            review.include_sessions(forged_sessions(company, events))
            assert figures(company) == with_them, seed
            assert worth(company) == worth_before, seed
        with undone():
            half = Random(seed).randrange(4, len(events))
            for _, event in events[:half]:
                record(company, [event])
            review.exclude_sessions(forged_sessions(company, events), None, "forged")
            for _, event in events[half:]:
                record(company, [event])
            assert figures(company) == without, seed


SESSIONS, EVENTS = (100, 10_000) if IS_FULL_RUN else (20, 400)


def test_figures_when_forged_events_are_excluded_are_as_without_them(company: Company) -> None:
    honest = [chat(), cart_event(later(1)), order(later(2)), cart_event(later(3))]
    record(company, honest)
    without = figures(company)
    forgers = [Visitor(UUID(int=number + 100), None) for number in range(SESSIONS)]
    for forger in forgers:
        record(company, [chat(visitor=forger), order(later(2), forger, order_id=str(forger.user_fingerprint))])
        changes = range(EVENTS // SESSIONS)
        record(company, [cart_event(later(3), forger, product_id=str(number)) for number in changes])
    with_them, worth_before = figures(company), worth(company)
    pks = list(OrderClaim.objects.exclude(order__order_id="1001").values_list("session_id", flat=True))
    assert review.exclude_sessions(pks, None, "forged") == SESSIONS
    assert figures(company) == without
    assert CartEvent.objects.filter(is_excluded=True).count() == EVENTS
    assert review.include_sessions(pks) == SESSIONS
    assert figures(company) == with_them
    assert worth(company) == worth_before
