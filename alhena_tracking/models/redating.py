"""The place up to which a company's rows are re-dated after its time zone changed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.querysets import RedatingQuerySet


class Redating(models.Model):
    """A walk through the rows of a company whose time zone changed, chunk by chunk, that gives each its new day.

    It is a row of its own, and locked first: a lock of the company's row would make MariaDB's checks of foreign keys,
    and so ingestion, wait for it.
    """

    company = models.OneToOneField(
        "alhena_tracking.Company",
        verbose_name=_("company"),
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
    )
    #: Whether it is so short that requests and other commands do it, too (``limits.REDATED_AT_ONCE``).
    is_short = models.BooleanField(default=False)
    #: Whether all rows were re-dated once, and only those of processes that cached the former zone may be left.
    is_settling = models.BooleanField(default=False)
    began_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)
    #: The table, the last id (of sessions for cart events), and the last row within a session that has many.
    table = models.CharField(max_length=32, blank=True)
    last_id = models.BigIntegerField(default=0)
    last_row_id = models.BigIntegerField(default=0)

    objects = RedatingQuerySet["Redating"].as_manager()

    class Meta:
        verbose_name = _("re-dating")
        verbose_name_plural = _("re-datings")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.table} {self.last_id}"
