"""The order of the app's entries in the admin's menu, for projects with an admin site of their own.

Django sorts a menu by name and lets only the site change that. This module imports no model, so that a project can
name its site as ``default_site``, which Django loads while models are registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    _AdminSite = admin.AdminSite
else:
    _AdminSite = object

#: The models that stand first, in this order.
FIRST = ("RevenueImpact", "EventDiagnostics", "Order", "VisitorSession", "Company")


class MenuOrderMixin(_AdminSite):
    """Puts the report and what staff open from it first among the app's entries; the rest stays in Django's order."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "alhena_tracking":
                app["models"].sort(key=_place)
        return apps


def _place(entry: dict[str, Any]) -> int:
    name = entry["object_name"]
    return FIRST.index(name) if name in FIRST else len(FIRST)
