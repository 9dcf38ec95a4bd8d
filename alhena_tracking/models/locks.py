"""Rows to lock where what shall be locked is not a row yet."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.querysets import LockRowQuerySet


class LockRow(models.Model):
    """Stands for everything that hashes to it: a visitor without a session, an order id without an order.

    A visitor's first two interactions have no session yet that either could lock, and would each open one; a report and
    a confirmation of one order have no order to lock. So both first lock the row that their digest leads to. Strangers
    share rows; that costs a short wait and nothing else. ``migrate`` makes the rows.
    """

    ROWS = 1024

    id = models.PositiveSmallIntegerField(primary_key=True)
    is_taken = models.BooleanField(default=False)  # never true: there to be updated

    objects = LockRowQuerySet["LockRow"].as_manager()

    class Meta:
        verbose_name = _("lock row")
        verbose_name_plural = _("lock rows")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def number_of(cls, digest: UUID) -> int:
        """The row that stands for a digest."""
        return digest.int % cls.ROWS
