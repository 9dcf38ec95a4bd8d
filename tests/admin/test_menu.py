"""The order of the menu, where the project's site takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from alhena_tracking.admin_menu import FIRST, MenuOrderMixin
from alhena_tracking.models import Company, Order, Refund

pytestmark = pytest.mark.django_db


def names(app_list: list[Any], app_label: str = "alhena_tracking") -> list[str]:
    [models] = [app["models"] for app in app_list if app["app_label"] == app_label]
    return [model["object_name"] for model in models]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_menu_when_the_example_shows_it_begins_with_the_report(
    client: Client, log_in: Callable[..., Any], company: Company, language: str
) -> None:
    log_in(is_superuser=True)
    apps = client.get(reverse("admin:index"), headers={"accept-language": language}).context["app_list"]
    shown = names(apps)
    assert tuple(shown[: len(FIRST)]) == FIRST
    [labels] = [
        [str(model["name"]) for model in app["models"]] for app in apps if app["app_label"] == "alhena_tracking"
    ]
    assert labels[len(FIRST) :] == sorted(labels[len(FIRST) :])
    url = reverse("admin:app_list", args=["alhena_tracking"])
    of_app = client.get(url, headers={"accept-language": language})
    assert names(of_app.context["app_list"]) == shown


def test_menu_when_some_models_have_no_page_orders_the_rest(admin_user: Any) -> None:
    class Site(MenuOrderMixin, admin.AdminSite):
        pass

    site = Site()
    for model in (Refund, Company, Order):
        site.register(model)
    request = RequestFactory().get("/")
    request.user = admin_user
    assert names(site.get_app_list(request)) == ["Order", "Company", "Refund"]
