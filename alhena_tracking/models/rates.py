"""Exchange rates."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.querysets import ExchangeRateQuerySet


class ExchangeRate(models.Model):
    """How many units of a currency one euro was worth on a day, as the European Central Bank publishes it."""

    currency = models.CharField(_("currency"), max_length=3)
    on = models.DateField(_("day"))
    per_euro = models.DecimalField(_("units for one euro"), max_digits=20, decimal_places=10)

    objects = ExchangeRateQuerySet["ExchangeRate"].as_manager()

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["currency", "on"], name="alhena_exchangerate_day"),
            models.CheckConstraint(condition=models.Q(per_euro__gt=0), name="alhena_exchangerate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.on}"
