"""The page of a visitor session, and the links to the shop's own pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from alhena_tracking.ingestion import RefundData, record
from alhena_tracking.models import Company, Order, Trust, VisitorSession
from alhena_tracking.traces import timeline, timeline_of_session
from tests.support.event_data import NOW, cart_event, chat, order

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def session(company: Company) -> VisitorSession:
    """A session of a chat, a cart event, an order and a refund, in that order."""
    record(company, [chat(NOW, conversation_id="c/1 2")])
    record(company, [cart_event(NOW + MINUTE), order(NOW + 2 * MINUTE, order_id="A/1")])
    record(company, [order(NOW + 2 * MINUTE, order_id="A/1", trust=Trust.CONFIRMED)])
    at = NOW + 3 * MINUTE
    refund = RefundData(order_id="A/1", refund_id="1", currency="EUR", value_minor=5, occurred_at=at, received_at=at)
    record(company, [refund])
    return VisitorSession.objects.get()


def page_of(client: Client, row: Any) -> Any:
    return client.get(reverse(f"admin:alhena_tracking_{row._meta.model_name}_change", args=[row.pk]))


def entries(response: Any) -> list[Any]:
    return [entry for day in response.context["trace"].timeline.days for entry in day.entries]


def test_session_when_opened_shows_its_timeline(
    client: Client, log_in: Callable[..., Any], session: VisitorSession
) -> None:
    log_in(is_superuser=True)
    response = page_of(client, session)
    trace = response.context["trace"]
    assert [entry.kind for entry in entries(response)] == ["chat", "cart", "order", "refund"]
    assert all(entry.url for entry in entries(response))
    assert (trace.title, trace.amount) == ("Visitor session", "")
    assert trace.lead == "Began with an interaction that qualifies, under Chat."


def test_session_when_orders_may_not_be_seen_hides_them(
    client: Client, log_in: Callable[..., Any], session: VisitorSession
) -> None:
    log_in("view_visitorsession")
    response = page_of(client, session)
    assert [entry.title for entry in entries(response)][2:] == ["An order", "A refund"]
    assert "A/1" not in response.content.decode()


def test_session_when_excluded_says_why(client: Client, log_in: Callable[..., Any], session: VisitorSession) -> None:
    user = log_in(is_superuser=True)
    session.excluded_at, session.excluded_by, session.exclusion_reason = NOW, user, "test purchase"
    session.save()
    response = page_of(client, session)
    (sentence,) = response.context["trace"].panels[1].sentences
    assert "test purchase" in sentence


def test_session_when_nothing_qualifies_is_in_no_figure(
    client: Client, log_in: Callable[..., Any], session: VisitorSession
) -> None:
    VisitorSession.objects.update(qualified_at=None, channel="")
    log_in(is_superuser=True)
    trace = page_of(client, session).context["trace"]
    assert trace.lead == "Used the assistant, but without an interaction that qualifies."
    assert trace.panels[1].sentences == ["Not included in figures: no interaction qualifies."]


def test_timeline_of_a_session_when_long_ends_with_a_number(
    session: VisitorSession, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(timeline, "TIMELINE_LENGTH", 3)
    with django_assert_max_num_queries(8):
        found = timeline_of_session(session)
    assert ([type(step.row).__name__ for step in found.steps], found.omitted_before, found.omitted_after) == (
        ["Interaction", "CartEvent", "Order"],
        0,
        1,
    )


def test_links_when_set_lead_to_the_shop(
    client: Client, log_in: Callable[..., Any], session: VisitorSession, settings: Any
) -> None:
    log_in(is_superuser=True)
    bought = Order.objects.get()
    trace = page_of(client, bought).context["trace"]
    assert (trace.shop_url, entries(page_of(client, bought))[0].conversation_url) == ("", "")
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "ORDER_URL": "https://shop.example/{company_key}/orders/{order_id}",
        "CONVERSATION_URL": "/chats/?id={conversation_id}",
    }
    response = page_of(client, bought)
    assert response.context["trace"].shop_url == "https://shop.example/acme/orders/A%2F1"
    assert entries(response)[0].conversation_url == "/chats/?id=c%2F1%202"
    assert 'href="https://shop.example/acme/orders/A%2F1"' in response.content.decode()
    bought.order_id = ""
    bought.order_id_digest = None
    bought.save()
    assert page_of(client, bought).context["trace"].shop_url == ""
