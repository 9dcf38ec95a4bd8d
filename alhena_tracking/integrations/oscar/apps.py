from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class OscarConfig(AppConfig):
    name = "alhena_tracking.integrations.oscar"
    label = "alhena_tracking_oscar"
    verbose_name = "django-oscar"

    def ready(self) -> None:
        if find_spec("oscar") is None:
            raise ImproperlyConfigured(f"{self.name} needs django-oscar: pip install alhena-tracking[oscar]")
        from alhena_tracking.integrations.oscar import receivers

        receivers.connect()
        _add_to_dashboard()
        _tell_apart_from_oscar_analytics()


def _add_to_dashboard() -> None:
    from alhena_tracking.integrations.oscar.navigation import REVENUE_IMPACT

    navigation = list(getattr(settings, "OSCAR_DASHBOARD_NAVIGATION", []))
    if REVENUE_IMPACT["url_name"] not in _url_names(navigation):
        settings.OSCAR_DASHBOARD_NAVIGATION = [*navigation, REVENUE_IMPACT]


def _url_names(nodes: list[dict[str, Any]]) -> set[str | None]:
    children = [child for node in nodes for child in node.get("children", [])]
    return {node.get("url_name") for node in [*nodes, *children]}


def _tell_apart_from_oscar_analytics() -> None:
    """Name our part of the admin by another word than Oscar's app of the same name, unless the project named it."""
    config = apps.get_app_config("alhena_tracking")
    if apps.is_installed("oscar.apps.analytics") and type(config).__module__ == "alhena_tracking.apps":
        config.verbose_name = _("Alhena Analytics")
