"""The diagnostics as the admin knows them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from alhena_tracking.models.diagnostics import EventCount


class EventDiagnostics(EventCount):
    """Stands for the page: gives it a permission, an entry in the menu and a URL. Holds no rows of its own."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("event diagnostics")
        verbose_name_plural = _("Event diagnostics")
