"""The form of companies, and Django's pages to delete their groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from alhena_tracking.models import Company
from tests.support import factories

pytestmark = pytest.mark.django_db

SENTENCE = (
    "“Support” is one of the groups of the company “Acme”. Before you delete the group, remove it from the company."
)


@pytest.fixture
def support() -> Group:
    return Group.objects.create(name="Support")


def save(client: Client, company: Company, **fields: Any) -> Any:
    url = reverse("admin:alhena_tracking_company_change", args=[company.pk])
    return client.post(url, {"name": company.name, "time_zone": "UTC", **fields})


def grant_deletion_of_groups(user: Any) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_group", "delete_group"]))


# The form


def test_form_when_a_currency_is_chosen_saves_it(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    assert company.currency == ""
    log_in(is_superuser=True)
    assert save(client, company, currency="JPY").status_code == 302
    company.refresh_from_db()
    assert company.currency == "JPY"
    assert save(client, company, currency="").status_code == 302
    company.refresh_from_db()
    assert company.currency == ""


@pytest.mark.parametrize("code", ["XXX", "XAU", "eur", "EURO"])
def test_company_when_its_currency_is_none_is_refused(
    client: Client, log_in: Callable[..., Any], company: Company, code: str
) -> None:
    log_in(is_superuser=True)
    assert set(save(client, company, currency=code).context["adminform"].form.errors) == {"currency"}
    company.currency = code
    with pytest.raises(ValidationError) as refusal:
        company.full_clean()
    assert set(refusal.value.message_dict) == {"currency"}


def test_form_when_restricting_saves_the_groups(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group
) -> None:
    log_in(is_superuser=True)
    assert save(client, company, is_restricted="on", groups=[support.pk]).status_code == 302
    company.refresh_from_db()
    assert company.is_restricted
    assert [*company.groups.all()] == [support]
    page = client.get(reverse("admin:alhena_tracking_company_change", args=[company.pk]))
    assert page.context["adminform"].form["groups"].initial == [support]


def test_form_when_groups_would_restrict_nothing_is_refused(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group
) -> None:
    log_in(is_superuser=True)
    response = save(client, company, groups=[support.pk])
    assert response.context["adminform"].form.errors == {
        "groups": ["Only a restricted company has groups. Restrict it, or remove them."]
    }
    assert not company.groups.exists()


def test_form_when_the_last_group_is_removed_keeps_the_restriction(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group
) -> None:
    factories.restrict(company, support)
    member = factories.UserFactory.create()
    member.groups.add(support)
    log_in(is_superuser=True)
    assert save(client, company, is_restricted="on").status_code == 302
    assert company not in Company.objects.visible_to(member)


def test_form_when_it_may_only_be_viewed_shows_the_groups(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group
) -> None:
    factories.restrict(company, support)
    log_in("view_company", groups=(support,))
    response = client.get(reverse("admin:alhena_tracking_company_change", args=[company.pk]))
    assert '<div class="readonly">Support</div>' in response.content.decode()


# Deleting groups


@pytest.mark.parametrize("page", ["delete", "action"])
def test_group_when_it_restricts_a_company_is_not_deleted(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group, page: str
) -> None:
    factories.restrict(company, support)
    grant_deletion_of_groups(log_in())
    if page == "delete":
        url, data = reverse("admin:auth_group_delete", args=[support.pk]), {"post": "yes"}
    else:
        url = reverse("admin:auth_group_changelist")
        data = {"action": "delete_selected", "_selected_action": str(support.pk), "post": "yes"}
    response = client.post(url, data)
    assert f"<li>Group of a company: {escape(SENTENCE)}</li>" in response.content.decode()
    assert Group.objects.contains(support)


def test_group_when_it_restricts_a_company_is_protected_in_code(company: Company, support: Group) -> None:
    factories.restrict(company, support)
    with pytest.raises(ProtectedError):
        Group.objects.all().delete()
    with pytest.raises(ProtectedError):
        support.delete()


def test_group_when_removed_from_its_company_is_deleted(
    client: Client, log_in: Callable[..., Any], company: Company, support: Group
) -> None:
    factories.restrict(company, support)
    company.groups.remove(support)
    grant_deletion_of_groups(log_in())
    client.post(reverse("admin:auth_group_delete", args=[support.pk]), {"post": "yes"})
    assert not Group.objects.contains(support)


def test_company_when_deleted_leaves_its_groups(company: Company, support: Group) -> None:
    factories.restrict(company, support)
    company.delete()
    assert Group.objects.contains(support)
    support.delete()
    connection.check_constraints()


def test_form_when_opened_has_the_snippet_to_copy(
    client: Client, log_in: Callable[..., Any], company: Company, settings: Any
) -> None:
    log_in(is_superuser=True)
    url = reverse("admin:alhena_tracking_company_change", args=[company.pk])
    page = client.get(url).content.decode()
    assert "{% load alhena_tracking %}\n{% alhena_snippet %}" in page
    assert "alhena_tracking/copy.js" in page
    settings.ALHENA_TRACKING = {}
    assert escape('{% alhena_snippet company_key="acme" %}') in client.get(url).content.decode()
    assert "alhena_snippet" not in client.get(reverse("admin:alhena_tracking_company_add")).content.decode()


def test_time_zone_when_chosen_is_one_that_exists(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    log_in(is_superuser=True)
    assert save(client, company, time_zone="Asia/Kathmandu").status_code == 302
    company.refresh_from_db()
    assert company.time_zone == "Asia/Kathmandu"
    for wrong in ("Mars/Olympus", ""):
        assert list(save(client, company, time_zone=wrong).context["adminform"].form.errors) == ["time_zone"]


def test_time_zone_when_unknown_here_stays(client: Client, log_in: Callable[..., Any], company: Company) -> None:
    Company.objects.filter(pk=company.pk).update(time_zone="CET")
    log_in(is_superuser=True)
    assert save(client, company, time_zone="CET", name="Renamed").status_code == 302
    company.refresh_from_db()
    assert (company.time_zone, company.name) == ("CET", "Renamed")
