"""Pages and actions by which staff exclude orders and visitor sessions, include them again, and accept orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alhena_tracking.admin.review import ORDER_DECISIONS, SESSION_DECISIONS
from alhena_tracking.ingestion import record, review
from alhena_tracking.models import CartEvent, Company, Order, VisitorSession
from tests.support import factories
from tests.support.admin_pages import REPORT_URL, Page, admin_url
from tests.support.event_data import NOW, cart_event, chat, order
from tests.support.factories import CompanyFactory

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
RIGHTS = ("view_order", "exclude_order", "accept_order", "view_visitorsession", "exclude_visitorsession")


@pytest.fixture
def held(company: Company) -> Order:
    """An order above the ceiling, and one below it."""
    record(company, [chat(), cart_event(NOW + MINUTE), order(NOW + MINUTE, order_id="large", value_minor=10_000_001)])
    record(company, [order(NOW + 2 * MINUTE, order_id="small")])
    return Order.objects.get(order_id="large")


def act(client: Client, model: type[Any], action: str, rows: Any, **data: Any) -> Any:
    selected = [row.pk for row in rows]
    return client.post(admin_url(model, "changelist"), {"action": action, "_selected_action": selected, **data})


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def history() -> list[tuple[str, str]]:
    entries = LogEntry.objects.order_by("id")
    assert {entry.action_flag for entry in entries} <= {CHANGE}
    return [(str(entry.get_edited_object()), entry.change_message) for entry in entries]


# Orders that are held back


def test_page_when_an_order_is_held_back_offers_to_accept_it(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    user = log_in(*RIGHTS)
    page = client.get(admin_url(Order, "change", held.pk))
    assert [offer.decision.name for offer in page.context["offers"]] == ["accept", "exclude"]
    assert Page(page.content.decode()).blocked == []
    ids = [values["id"] for _tag, values in Page(page.content.decode()).elements if "id" in values]
    assert len(ids) == len(set(ids))

    url = admin_url(Order, "accept", held.pk)
    assert client.post(url, {"reason": " "}).context["offer"].form.errors["reason"] == [
        "Enter a reason for accepting it."
    ]
    response = client.post(url, {"reason": "invoice seen"}, follow=True)
    assert messages_of(response) == ["The order is accepted and included in the figures."]
    held.refresh_from_db()
    assert (held.standing, held.accepted_by, held.acceptance_reason) == ("COUNTED", user, "invoice seen")
    assert history() == [("large", "Accepted and included in the figures. Reason: invoice seen")]
    assert [offer.decision.name for offer in response.context["offers"]] == ["exclude"]
    assert messages_of(client.post(url, {"reason": "again"}, follow=True)) == ["The order was not held back."]
    assert len(history()) == 1


@pytest.mark.parametrize("rights", [["view_order", "exclude_order"], ["accept_order"]])
def test_acceptance_needs_its_permission_and_that_to_view_orders(
    client: Client, log_in: Callable[..., Any], held: Order, rights: list[str]
) -> None:
    log_in(*rights)
    url = admin_url(Order, "accept", held.pk)
    assert (client.get(url).status_code, client.post(url, {"reason": "x"}).status_code) == (403, 403)
    held.refresh_from_db()
    assert held.standing == "HELD"


def test_orders_when_accepted_in_bulk_are_those_held_back(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    log_in(*RIGHTS)
    asked = act(client, Order, "accept", Order.objects.all(), index="0")
    assert asked.context["question"].startswith("2 orders are selected.")
    assert held.standing == "HELD"
    refused = act(client, Order, "accept", Order.objects.all(), is_answered="1", reason="")
    assert refused.context["offer"].form.errors
    done = act(client, Order, "accept", Order.objects.all(), is_answered="1", reason="a wedding", follow=True)
    assert done.status_code == 302
    assert history() == [("large", "Accepted and included in the figures. Reason: a wedding")]
    assert Order.objects.counted().count() == 2


# In bulk


def test_sessions_when_a_filtered_list_is_excluded_spare_the_others(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    chats = [factories.VisitorSessionFactory.create(company=company, channel="CHAT") for _ in range(3)]
    other = factories.VisitorSessionFactory.create(company=company, channel="FAQ")
    event = factories.CartEventFactory.create(session=chats[0])
    log_in(*RIGHTS)
    url = admin_url(VisitorSession, "changelist") + "?channel=CHAT"
    posted = {"action": "exclude", "select_across": "1", "_selected_action": [chats[0].pk]}
    asked = client.post(url, {**posted, "index": "0"})
    assert asked.context["question"].startswith("3 visitor sessions will be excluded from all figures")
    hidden = dict(asked.context["hidden"])
    assert hidden == {
        "is_answered": "1",
        "action": "exclude",
        "select_across": "1",
        "_selected_action": str(chats[0].pk),
    }
    assert asked.context["back_url"] == url
    response = client.post(url, {**hidden, "reason": "forged {0} %s"}, follow=True)
    assert messages_of(response) == ["3 visitor sessions are now excluded from all figures."]
    assert response.request["QUERY_STRING"] == "channel=CHAT"
    assert set(VisitorSession.objects.included()) == {other}
    event.refresh_from_db()
    assert event.is_excluded
    assert [message for _, message in history()] == ["Excluded from all figures. Reason: forged {0} %s"] * 3

    included = act(client, VisitorSession, "include", chats[:2], is_answered="1")
    assert included.status_code == 302
    assert VisitorSession.objects.included().count() == 3
    assert not CartEvent.objects.filter(is_excluded=True).exists()


def test_actions_when_the_user_lacks_their_permissions_are_not_offered(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    for rights, names in (
        (["view_order"], []),
        (["view_order", "accept_order"], ["accept"]),
        (["view_order", "exclude_order"], ["exclude", "include"]),
    ):
        log_in(*rights)
        page = client.get(admin_url(Order, "changelist"))
        form = page.context["action_form"]
        assert [value for value, _ in (form.fields["action"].choices if form else []) if value] == names


@pytest.mark.parametrize("decision", [*ORDER_DECISIONS, *SESSION_DECISIONS], ids=lambda decision: decision.action)
@pytest.mark.parametrize("is_due", [True, False])
def test_page_of_a_decision_when_opened_asks_or_says_why_not(
    client: Client, log_in: Callable[..., Any], held: Order, decision: Any, is_due: bool
) -> None:
    model = Order if decision in ORDER_DECISIONS else VisitorSession
    if decision.name == "accept":
        row: Any = held if is_due else Order.objects.get(order_id="small")
    else:
        row = held if model is Order else held.session
        if is_due == (decision.name == "include"):
            model.objects.filter(pk=row.pk).update(excluded_at=timezone.now())
    log_in(*RIGHTS)
    response = client.get(admin_url(model, decision.name, row.pk))
    said = response.content.decode()
    assert (str(decision.settled) in said) == (not is_due)
    assert (str(decision.button) in said) == is_due
    assert Page(said).blocked == []
    assert client.put(admin_url(model, decision.name, row.pk)).status_code == 405


# Visitor sessions


def test_session_when_excluded_on_its_page_says_so(client: Client, log_in: Callable[..., Any], held: Order) -> None:
    user, session = log_in(*RIGHTS), held.session
    response = client.post(admin_url(VisitorSession, "exclude", session.pk), {"reason": "our own people"}, follow=True)
    assert messages_of(response) == ["The visitor session is excluded from all figures."]
    assert "our own people" in response.content.decode()
    assert [offer.decision.name for offer in response.context["offers"]] == ["include"]
    session.refresh_from_db()
    assert (session.excluded_by, session.exclusion_reason) == (user, "our own people")
    changelist = client.get(admin_url(VisitorSession, "changelist"), {"excluded_at__isempty": "0"}).context["cl"]
    assert [changelist.model_admin.remarks(row) for row in changelist.result_list] == ["Excluded"]
    assert Order.objects.counted().count() == 0


# The list of orders


def test_list_of_orders_when_filtered_tells_waiting_from_held_back(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    waiting = factories.OrderFactory.create(
        session=held.session, standing="HELD", held_reason="NO_FITTING_CLAIM", confirmed_at=timezone.now()
    )
    log_in("view_order")

    def listed(standing: str) -> dict[int, str]:
        changelist = client.get(reverse("admin:alhena_tracking_order_changelist"), {"standing": standing}).context["cl"]
        return {row.pk: changelist.model_admin.remarks(row) for row in changelist.result_list}

    assert listed("HELD") == {held.pk: "<div>Held back</div>"}
    assert listed("WAITING") == {waiting.pk: "<div>Waiting for a claim</div>"}
    assert listed("COUNTED") == {Order.objects.get(order_id="small").pk: ""}
    assert len(listed("nonsense")) == 3


# The report


def test_report_when_orders_are_held_back_links_their_list(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    day = {"start": "2026-05-04", "end": "2026-05-04"}
    other = CompanyFactory.create(key="other")
    record(other, [chat(), order(NOW, value_minor=10_000_001)])
    record(held.company, [order(NOW + 3 * MINUTE, order_id="yen", currency="JPY", value_minor=10_000_001)])
    log_in("view_revenueimpact")
    page = client.get(REPORT_URL, {**day, "company": "acme", "currency": "EUR", "channel": "FAQ"})
    assert page.context["held_back"].startswith("2 orders of this period are held back.")
    assert page.context["held_back_url"] == ""

    log_in("view_revenueimpact", "view_order")
    page = client.get(REPORT_URL, {**day, "company": "acme", "currency": "EUR"})
    assert page.context["held_back_url"] in page.content.decode().replace("&amp;", "&")
    listed = client.get(page.context["held_back_url"]).context["cl"].result_list
    assert {row.order_id for row in listed} == {"large", "yen"}

    Order.objects.filter(company=held.company).update(held_reason="", standing="COUNTED")
    page = client.get(REPORT_URL, {**day, "company": "acme"})
    assert (page.context["held_back"], page.context["report"].held_back_orders) == ("", 0)


def test_trace_of_a_cart_event_says_that_its_session_is_excluded(
    client: Client, log_in: Callable[..., Any], held: Order
) -> None:
    review.exclude_sessions([held.session_id], None, "our own people")
    log_in("view_cartevent")
    page = client.get(admin_url(CartEvent, "change", CartEvent.objects.get().pk))
    text = page.context["trace"]
    assert [badge.label for badge in text.badges] == ["Reported", "Excluded"]
    figures = next(panel for panel in text.panels if panel.key == "figures")
    assert figures.sentences == ["Excluded from all figures with its visitor session."]
    entries = [entry for day in text.timeline.days for entry in day.entries if entry.kind == "cart"]
    assert [badge.label for badge in entries[0].badges] == ["This cart event", "Excluded"]
