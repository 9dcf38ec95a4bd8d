"""The pages *Shop connections* and *Connect*, and what diagnostics says of webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from alhena_tracking.diagnosis.check import CheckResult
from alhena_tracking.diagnosis.checklist import diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.webhooks_check import WebhooksCheck
from alhena_tracking.integrations import platform as platforms
from alhena_tracking.models import Company, EventCount, PrivacyRequest, ShopConnection
from tests.support import factories
from tests.support.kiosk import load_template

pytestmark = pytest.mark.django_db

LIST = "/admin/alhena_tracking/shopconnection/"
URL = f"{LIST}kiosk/?company=acme"
FILLED = {"shop": "https://KIOSK.example/", "orders_count_once": "paid", "secret": "first-secret"}
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def kiosk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(platforms, "_registered", {})
    return load_template()


@pytest.fixture
def manager(log_in: Callable[..., Any], company: Company) -> Any:
    return log_in("view_shopconnection", "change_shopconnection", "view_revenueimpact")


def count(company: Company, topic: str, outcome: str, reason: str = "", number: int = 1, at: datetime = NOON) -> None:
    method = EventCount.webhook_method("kiosk", topic)
    EventCount.objects.create(
        company=company, counted_on=at.date(), method=method, outcome=outcome, reason=reason, count=number, last_at=at
    )


def test_connection_when_saved_is_stored_and_never_shown(client: Client, manager: Any) -> None:
    assert "first-secret" not in client.post(URL, FILLED, follow=True).content.decode()
    row = ShopConnection.objects.get()
    assert (row.shop, row.orders_count_once, row.secret) == ("kiosk.example", "paid", "first-secret")
    page = client.get(URL).content.decode()
    assert "first-secret" not in page
    assert "http://testserver/alhena/integrations/kiosk/acme" in page
    assert "alhena_acme" in page
    assert "first-secret" not in json.dumps(list(LogEntry.objects.values()), default=str)


def test_secret_when_replaced_leaves_the_previous_one_valid(client: Client, manager: Any) -> None:
    client.post(URL, FILLED)
    client.post(URL, FILLED | {"secret": ""})
    row = ShopConnection.objects.get()
    assert (row.secret, row.previous_secret) == ("first-secret", "")
    client.post(URL, FILLED | {"secret": "second-secret"})
    row.refresh_from_db()
    assert (row.secret, row.previous_secret) == ("second-secret", "first-secret")
    client.post(URL, FILLED | {"secret": "", "forget_previous": "on"})
    row.refresh_from_db()
    assert (row.secret, row.previous_secret) == ("second-secret", "")
    assert "secret" in LogEntry.objects.order_by("id")[2].get_change_message()


def test_connection_when_it_has_no_secret_is_an_error(client: Client, manager: Any) -> None:
    response = client.post(URL, FILLED | {"secret": " "})
    assert list(response.context["form"].errors) == ["secret"]
    assert not ShopConnection.objects.exists()


def test_connection_when_disconnected_is_gone(client: Client, manager: Any) -> None:
    client.post(URL, FILLED)
    client.post(URL, {"disconnect": "1"})
    assert not ShopConnection.objects.exists()
    assert client.get(URL).context["state"].key == "unknown"


def test_connection_when_in_the_settings_is_not_changed_here(client: Client, manager: Any, settings: Any) -> None:
    settings.ALHENA_TRACKING = {
        "COMPANY_KEY": "acme",
        "INTEGRATIONS": {"acme": {"kiosk": {"SECRETS": ["of-settings"]}}},
    }
    response = client.get(URL)
    assert response.context["form"] is None
    assert "of-settings" not in response.content.decode()
    assert client.post(URL, FILLED).status_code == 403
    assert not ShopConnection.objects.exists()


def test_page_when_only_viewed_has_steps_and_no_form(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("view_shopconnection", "view_revenueimpact")
    response = client.get(URL)
    assert (response.context["form"], len(response.context["steps"])) == (None, 2)
    assert client.post(URL, FILLED).status_code == 403
    assert client.get(LIST).status_code == 200


@pytest.mark.parametrize("rights", [[], ["view_revenueimpact"], ["add_shopconnection", "delete_shopconnection"]])
def test_page_when_the_permission_is_missing_is_forbidden(
    client: Client, log_in: Callable[..., Any], company: Company, rights: list[str]
) -> None:
    log_in(*rights)
    assert [client.get(LIST).status_code, client.get(URL).status_code, client.post(URL, FILLED).status_code] == [
        403
    ] * 3


def test_company_when_restricted_is_not_shown_to_others(client: Client, manager: Any) -> None:
    other = factories.CompanyFactory.create(key="other")
    factories.restrict(other)
    response = client.get(f"{LIST}kiosk/?company=other")
    assert (response.context["company"].key, response.context["unknown_company"]) == ("acme", "other")
    assert client.post(f"{LIST}kiosk/?company=other", FILLED).status_code == 403
    assert not ShopConnection.objects.exists()


def test_platform_when_unknown_is_not_found(client: Client, manager: Any) -> None:
    assert client.get(f"{LIST}other/").status_code == 404


def test_steps_when_something_arrived_are_ticked(
    client: Client, manager: Any, company: Company, time_machine: Any
) -> None:
    time_machine.move_to(NOON + timedelta(minutes=5))
    client.post(URL, FILLED)
    count(company, "sale.created", "unauthorized", "invalid_signature")
    response = client.get(URL)
    assert ([step.last for step in response.context["steps"]], response.context["state"].label) == (["", ""], "Waiting")
    count(company, "sale.created", "ignored", "test")
    response = client.get(URL)
    first, second = response.context["steps"]
    assert (first.is_judged, bool(first.last), second.is_judged) == (True, True, False)
    assert response.context["state"].label == "Connected"
    assert [table["label"] for table in response.context["deliveries"]] == ["Kiosk: sale.created"]
    (platform,) = client.get(LIST).context["platforms"]
    assert (platform.title, platform.label) == ("Kiosk", "Connected")


def result(company: Company) -> CheckResult | None:
    diagnosis = diagnose(read_facts(company, now=NOON))
    return next((each for each in diagnosis.problems if each.check is WebhooksCheck), None)


@pytest.mark.parametrize(
    ("outcome", "reason", "finding"),
    [
        ("ignored", "test", WebhooksCheck.taken),
        ("unauthorized", "invalid_signature", WebhooksCheck.unsigned),
        ("forbidden", "other_shop", WebhooksCheck.of_another_shop),
        ("ignored", "unreadable", WebhooksCheck.unreadable),
        ("too_large", "too_large", WebhooksCheck.rejected),
    ],
)
def test_check_when_webhooks_come_judges_them(company: Company, outcome: str, reason: str, finding: Any) -> None:
    assert result(company) is None
    count(company, "sale.created", outcome, reason)
    found = result(company)
    assert found is not None
    assert found.finding is finding
    count(company, "sale.changed", "recorded", number=200)
    found = result(company)
    assert found is not None
    assert found.finding is (WebhooksCheck.taken if finding is WebhooksCheck.taken else WebhooksCheck.few)


def test_diagnostics_when_webhooks_came_has_a_table_of_them(
    client: Client, log_in: Callable[..., Any], company: Company, time_machine: Any
) -> None:
    time_machine.move_to(NOON)
    log_in("view_eventdiagnostics")
    assert client.get("/admin/alhena_tracking/eventdiagnostics/").context["deliveries"] == []
    count(company, "sale.created", "ignored", "pos", number=3)
    context = client.get("/admin/alhena_tracking/eventdiagnostics/").context
    (table,) = context["deliveries"]
    assert (table["label"], table["last"].iso, [row["summed"] for row in table["rows"]]) == (
        "Kiosk: sale.created",
        "2026-05-04T14:00:00+02:00",
        ["3"],
    )
    assert "Kiosk" not in json.dumps([each["label"] for each in context["outcomes"]], default=str)


def test_privacy_requests_when_listed_are_those_of_visible_companies(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    other = factories.CompanyFactory.create()
    factories.restrict(other)
    for owner in (company, other):
        PrivacyRequest.objects.create(
            company=owner, platform="kiosk", kind="erase", order_ids=["K-1"], received_at=NOON
        )
    log_in("view_privacyrequest")
    response = client.get("/admin/alhena_tracking/privacyrequest/")
    assert [row.company for row in response.context["cl"].result_list] == [company]
