"""What staff see of a company whose time zone changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alhena_tracking import redating
from alhena_tracking.diagnosis.checklist import diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.zone_check import WORKED_WITHIN, ZoneCheck
from alhena_tracking.models import Company, Redating, VisitorSession
from tests.support.admin_pages import admin_url
from tests.support.factories import VisitorSessionFactory
from tests.support.zones import change_zone, rows_on_other_days

pytestmark = pytest.mark.django_db
REPORT = "/admin/alhena_tracking/revenueimpact/"


@pytest.fixture
def save(
    client: Client, log_in: Callable[..., Any], company: Company, django_capture_on_commit_callbacks: Any
) -> Callable[..., list[str]]:
    """Save the company's page with another zone, and return the messages."""
    log_in(is_superuser=True)
    VisitorSessionFactory.create(company=company, started_at=timezone.now().replace(hour=20))

    def save(zone: str) -> list[str]:
        data = {"name": company.name, "time_zone": zone, "allowed_origins": ""}
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(admin_url(Company, "change", company.pk), data)
        assert response.status_code == 302
        company.refresh_from_db()
        page = client.get("/admin/")
        return [str(message) for message in page.context["messages"]]

    return save


def test_company_when_few_rows_are_due_is_re_dated_at_once(save: Callable[..., list[str]], company: Company) -> None:
    [message] = save("Pacific/Kiritimati")
    assert "alhena_maintenance" not in message
    assert rows_on_other_days(company) == 0
    assert company.redating is None
    assert Redating.objects.get().is_settling


def test_company_when_many_rows_are_due_says_what_re_dates_them(
    save: Callable[..., list[str]], company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alhena_tracking.models.company.REDATED_AT_ONCE", 0)
    messages = save("Pacific/Kiritimati")
    assert any("alhena_maintenance" in message for message in messages)
    assert rows_on_other_days(company) == 1


def test_company_when_re_dating_fails_is_saved_all_the_same(
    save: Callable[..., list[str]], company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(company_id: int) -> int:
        raise RuntimeError

    monkeypatch.setattr(redating, "redate_chunk", fail)
    save("Pacific/Kiritimati")
    assert company.time_zone == "Pacific/Kiritimati"
    assert company.redating is not None


def test_report_while_rows_are_re_dated_says_so(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    VisitorSessionFactory.create(company=company)
    log_in("view_revenueimpact")

    def is_said() -> set[bool]:
        page = client.get(REPORT)
        json = client.get("/alhena/api/revenue-impact").json()
        return {page.context["report"].is_redating, "being re-dated" in page.content.decode(), json["is_redating"]}

    assert is_said() == {False}
    change_zone(company, "Pacific/Kiritimati")
    assert is_said() == {True}
    redating.redate(company.pk)
    assert is_said() == {False}


def test_diagnosis_when_nothing_re_dates_the_rows_says_what_to_run(company: Company) -> None:
    now = timezone.now()

    def found(later: timedelta) -> Any:
        diagnosis = diagnose(read_facts(Company.objects.get(), now=now + later))
        return [result.finding for result in diagnosis.problems if result.check is ZoneCheck]

    VisitorSessionFactory.create(company=company)
    assert found(timedelta(0)) == []
    company.time_zone = "Pacific/Kiritimati"
    company.save()
    assert found(timedelta(0)) == [ZoneCheck.under_way]
    assert found(WORKED_WITHIN + timedelta(minutes=1)) == [ZoneCheck.waiting]
    Redating.objects.update(worked_at=now + WORKED_WITHIN)
    assert found(WORKED_WITHIN + timedelta(minutes=1)) == [ZoneCheck.under_way]
    redating.redate(company.pk)
    assert found(timedelta(hours=1)) == []
    assert VisitorSession.objects.count() == 1
