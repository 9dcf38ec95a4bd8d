"""Masses of rows that anybody can have stored: a request's work does not grow with them (F26, F27, F28)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, models

from alhena_tracking.contract.limits import FIRST_CLAIMS, LATEST_CLAIMS
from alhena_tracking.ingestion import EventData, LineItemData, RefundData, Visitor, record
from alhena_tracking.models import Company, Interaction, Order, OrderClaim, OrderLine, Trust, VisitorSession
from tests.support.event_data import NOW, VISITOR, cart_event, chat, order
from tests.support.factories import InteractionFactory, OrderClaimFactory, OrderFactory, VisitorSessionFactory
from tests.support.faults.work import Work, tidy_up, work_of
from tests.support.runs import examples

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

CAP = FIRST_CLAIMS + LATEST_CLAIMS
#: A request may read so many rows and send so many statements more than where nothing else is stored.
MORE_ROWS = 1000
MORE_STATEMENTS = 10
MINUTE = timedelta(minutes=1)


@pytest.fixture
def company(transactional_db: None) -> Company:
    tidy_up()
    return Company.objects.get(key="acme")


def insert(rows: Iterable[models.Model]) -> None:
    found = list(rows)
    type(found[0])._default_manager.bulk_create(found, batch_size=1000)


# Claims of strangers (F26)


def _strangers(company: Company, count: int) -> list[Visitor]:
    """Return visitors who have used the assistant."""
    visitors = [Visitor(uuid4(), None) for _ in range(count)]
    insert(VisitorSessionFactory.build_batch(count, company=company, started_at=NOW))
    sessions = VisitorSession.objects.order_by("-id")[:count]
    insert(
        InteractionFactory.build(session=session, user_fingerprint_digest=visitor.digests(company)[0][0])
        for session, visitor in zip(sessions, visitors, strict=True)
    )
    return visitors


def _claims(claimed: Order, count: int, **fields: Any) -> Iterator[OrderClaim]:
    """Build claims of sessions that have none yet."""
    sessions = VisitorSession.objects.filter(orderclaims=None, orders=None).exclude(pk=claimed.session_id)
    for number, session in enumerate(sessions.order_by("id")[:count]):
        values = {"value_minor": number, **fields}
        yield OrderClaimFactory.build(
            order=claimed, session=session, credited_interaction=session.interactions.get(), **values
        )


def _history(company: Company, order_id: str, stranger: Visitor) -> dict[str, Work]:
    """Return the work of what happens to an order after its first report."""
    said: dict[str, Any] = {"order_id": order_id, "at": NOW + MINUTE}
    refund = RefundData(
        order_id=order_id, refund_id="1", currency="EUR", value_minor=5, occurred_at=NOW, received_at=NOW + MINUTE
    )
    requests: dict[str, Callable[[], Any]] = {
        "claim": lambda: record(company, [order(visitor=stranger, value_minor=999, **said)]),
        "same claim": lambda: record(company, [order(visitor=stranger, value_minor=999, **said)]),
        "confirmation": lambda: record(company, [order(visitor=None, trust=Trust.CONFIRMED, **said)]),
        "second confirmation": lambda: record(company, [order(visitor=None, trust=Trust.CONFIRMED, **said)]),
        "refund": lambda: record(company, [refund]),
        "confirmation with visitor": lambda: record(company, [order(trust=Trust.CONFIRMED, **said)]),
    }
    return {name: work_of(request) for name, request in requests.items()}


@pytest.mark.parametrize("fields", [{}, {"value_minor": order().value_minor}], ids=["other amounts", "same amount"])
def test_order_when_strangers_claim_it_is_confirmed_as_usual(company: Company, fields: dict[str, Any]) -> None:
    beyond = examples(20, full=19_000)
    first, second, *strangers = _strangers(company, CAP + 1 + beyond)
    record(company, [chat(NOW)])
    for order_id in ("quiet", "crowded"):
        record(company, [order(order_id=order_id)])
    claimed = Order.objects.get(order_id="crowded")
    insert(_claims(claimed, CAP - 1, **fields))
    tidy_up()
    usual = _history(company, "quiet", first)
    for stranger in strangers[:beyond]:
        record(company, [order(visitor=stranger, order_id="crowded", value_minor=5)])
    crowded = _history(company, "crowded", second)

    assert claimed.claims.count() == CAP
    claimed.refresh_from_db()
    assert (claimed.trust, claimed.refunds.count()) == (Trust.VERIFIED, 1)
    for name, work in crowded.items():
        assert work.statements <= usual[name].statements + MORE_STATEMENTS, (name, work, usual[name])
        # Adding a claim counts them, and one with the confirmed amount is looked for among the equal ones.
        counted = 4 * CAP if fields or name == "claim" else 0
        assert work.rows <= usual[name].rows + MORE_ROWS + counted, (name, work, usual[name])


# Orders without an id, and interactions, of one visitor (F27, F28)

#: So soon that equal orders without an id would be duplicates.
LATER = NOW + timedelta(minutes=20)


def _lines(count: int, product: str = "sku") -> tuple[LineItemData, ...]:
    return tuple(
        LineItemData(product_id=f"{product}-{number}", product_name="Mug", quantity=Decimal(1), value_minor=100)
        for number in range(count)
    )


def _visit(company: Company, at: datetime) -> dict[str, Work]:
    """Return the work of one request of each kind at a time, none of which was made before."""
    name, seconds = str(at), (at - NOW).seconds
    long_order = order(at, order_id="", line_items=_lines(480, name))
    requests: dict[str, list[EventData]] = {
        "interaction": [chat(at)],
        "cart event": [cart_event(at, product_id=name)],
        "order": [order(at, order_id=name)],
        "order without an id": [long_order],
        "the same order": [order(at, order_id="", line_items=_lines(480, name))],
        "batch": [
            chat(at),
            cart_event(at),
            order(at, order_id="", value_minor=seconds),
            order(at, order_id=f"{name} 2"),
        ],
    }
    work = {}
    for request, events in requests.items():
        outcomes: list[str] = []

        def send(events: list[EventData] = events, outcomes: list[str] = outcomes) -> None:
            outcomes += [outcome.status for outcome in record(company, events)]

        work[request] = work_of(send)
        assert set(outcomes) == {"duplicate" if request == "the same order" else "recorded"}
    return work


def _compare(usual: dict[str, Work], work: dict[str, Work]) -> None:
    for name, its_work in work.items():
        more = Work(its_work.statements - usual[name].statements, its_work.rows - usual[name].rows)
        assert more.statements <= MORE_STATEMENTS, (name, its_work, usual[name])
        assert more.rows <= MORE_ROWS, (name, its_work, usual[name])


@pytest.mark.parametrize("is_at_once", [False, True], ids=["one by one", "at once"])
def test_requests_when_a_session_has_many_orders_without_id_cost_as_usual(company: Company, is_at_once: bool) -> None:
    record(company, [chat(NOW)])
    session = VisitorSession.objects.get()
    _visit(company, NOW + MINUTE)  # prepares statements
    usual = _visit(company, NOW + 2 * MINUTE)
    count = examples(500, full=20_000)
    insert(
        OrderFactory.build(
            session=session,
            credited_interaction=Interaction.objects.earliest("id"),
            order_id="",
            contents_digest=UUID(int=number),
            occurred_at=NOW + 3 * MINUTE + timedelta(milliseconds=0 if is_at_once else number),
        )
        for number in range(count)
    )
    for long in Order.objects.order_by("-id")[:20]:
        insert(
            OrderLine(order=long, product_id="P", product_id_digest=uuid4(), quantity=1, total_minor=1)
            for _ in range(480)
        )
    tidy_up()
    for at in (LATER, LATER + MINUTE):
        _compare(usual, _visit(company, at))


#: Of fewer, PostgreSQL may find it cheaper to read all than the first and the last ones by index.
INTERACTIONS = examples(6000 if connection.vendor == "postgresql" else 2000, full=20_000)


@pytest.mark.parametrize("is_at_once", [False, True], ids=["one by one", "at once"])
def test_requests_when_a_visitor_has_many_interactions_cost_as_usual(company: Company, is_at_once: bool) -> None:
    record(company, [chat(NOW)])
    session = VisitorSession.objects.get()
    _visit(company, NOW + MINUTE)
    usual = _visit(company, NOW + 2 * MINUTE)
    users, faqs = VISITOR.digests(company)
    insert(
        InteractionFactory.build(
            session=session,
            user_fingerprint_digest=users[0],
            faq_fingerprint_digest=faqs[0],
            occurred_at=NOW + 3 * MINUTE + timedelta(milliseconds=0 if is_at_once else number),
        )
        for number in range(INTERACTIONS)
    )
    tidy_up()
    for at in (LATER, LATER + MINUTE):
        _compare(usual, _visit(company, at))
