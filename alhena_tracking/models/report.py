"""The report as the admin knows it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from alhena_tracking.models.orders import Order


class RevenueImpact(Order):
    """Stands for the report page: gives it a permission, an entry in the menu and a URL. Holds no rows of its own."""

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [("export_revenueimpact", _("Can export revenue impact"))]
        verbose_name = _("revenue impact")
        verbose_name_plural = _("Revenue impact")
