"""Every channel is accepted, stored and shown everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.contract.rules import parse_choice
from alhena_tracking.models import (
    CHANNEL_DISPLAYS,
    CartEvent,
    Channel,
    Company,
    Interaction,
    Order,
    OrderClaim,
    VisitorSession,
)
from alhena_tracking.models.channels import CHANNEL_LENGTH
from tests.support import factories
from tests.support.admin_pages import REPORT_URL, admin_url

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 2)
DAYS = {"start": str(DAY), "end": str(DAY)}


@pytest.fixture(params=list(Channel))
def channel(request: pytest.FixtureRequest) -> Channel:
    channel: Channel = request.param
    return channel


@pytest.fixture
def order(company: Company, channel: Channel, client: Client, log_in: Callable[..., Any]) -> Order:
    """An order of one channel, with a claim and a cart event, and a superuser who is logged in."""
    log_in(is_superuser=True)
    session = factories.VisitorSessionFactory.create(company=company, channel=channel, started_at=factories.at(DAY))
    interaction = factories.InteractionFactory.create(session=session, product_id="sku-7")
    credit = {"session": session, "credited_interaction": interaction}
    factories.CartEventFactory.create(**credit, currency="EUR")
    order: Order = factories.OrderFactory.create(**credit, currency="EUR")
    factories.OrderClaimFactory.create(order=order, **credit)
    return order


def test_channel_when_declared_fits_its_columns_and_is_displayed(channel: Channel) -> None:
    assert parse_choice(channel.value, Channel.values, "") == channel
    assert len(channel.value) <= CHANNEL_LENGTH
    display = CHANNEL_DISPLAYS[channel]
    assert "{product}" in str(display.title_on_product)
    assert set(re.findall(r"{(\w+)}", str(display.credit))) == {"moment", "distance"}
    assert set(re.findall(r"{(\w+)}", str(display.credit_on_product))) == {"moment", "distance", "product"}
    for text in (display.named, display.recommended):
        assert re.findall(r"{(\w+)}", str(text)) == ["moment"]
    assert [one.css_class for one in CHANNEL_DISPLAYS.values()].count(display.css_class) == 1


def test_channel_when_reported_is_recorded(client: Client, company: Company, channel: Channel) -> None:
    body = {"company_key": "acme", "user_fingerprint": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "type": channel.value}
    response = client.post("/alhena/analytics/interactions", json.dumps(body), content_type="application/json")
    assert (response.status_code, Interaction.objects.get().kind) == (201, channel)
    assert VisitorSession.objects.get().channel == channel


def test_report_when_anything_is_credited_shows_the_channel(client: Client, order: Order, channel: Channel) -> None:
    context = client.get(REPORT_URL, DAYS).context
    assert [row.label for row in context["channel_table"].rows] == [channel.label]
    assert [row.channel for row in context["order_table"].rows] == [channel.label]
    for chart in context["charts"]:
        assert [(entry.label, entry.key, entry.pattern) for entry in chart.legend] == [
            (channel.label, CHANNEL_DISPLAYS[channel].css_class, CHANNEL_DISPLAYS[channel].pattern)
        ]
    filtered = client.get(REPORT_URL, {**DAYS, "channel": channel.value}).context
    assert [choice.label for choice in filtered["filters"].channels if choice.is_current] == [channel.label]
    assert filtered["report"].current.orders == 1


def test_trace_when_shown_names_the_channel_and_product(client: Client, order: Order, channel: Channel) -> None:
    title = str(CHANNEL_DISPLAYS[channel].title_on_product).format(product="<bdi>sku-7</bdi>")
    for row in (order, CartEvent.objects.get()):
        trace = client.get(admin_url(type(row), "change", row.pk)).context["trace"]
        first_words = str(CHANNEL_DISPLAYS[channel].credit_on_product).partition("{")[0]
        assert trace.lead.startswith(first_words)
        assert title in [entry.title for day in trace.timeline.days for entry in day.entries]


@pytest.mark.parametrize("model", [VisitorSession, Interaction, CartEvent, Order, OrderClaim])
def test_list_when_it_has_the_channel_shows_it(client: Client, order: Order, channel: Channel, model: Any) -> None:
    response = client.get(admin_url(model, "changelist"))
    assert response.context["cl"].result_count == 1
    assert str(channel.label) in response.content.decode()


@pytest.mark.parametrize("name", ["channels", "days", "orders", "cart_events"])
def test_export_when_made_holds_the_channel(client: Client, order: Order, channel: Channel, name: str) -> None:
    response: Any = client.get(f"{REPORT_URL}export/{name}.csv", DAYS)
    assert channel.value in b"".join(response.streaming_content).decode().splitlines()[-1].split(",")


def test_json_when_asked_for_holds_the_channel(client: Client, order: Order, channel: Channel) -> None:
    report = client.get("/alhena/api/revenue-impact", {**DAYS, "channel": channel.value}).json()
    assert [one["channel"] for one in report["channels"]] == [channel.value]
    for name in ("orders", "cart-events", "sessions"):
        (row,) = client.get(f"/alhena/api/{name}", {"channel": channel.value}).json()["results"]
        assert row["channel"] == channel.value
