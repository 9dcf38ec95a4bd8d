"""Rows to lock in place of rows that do not exist yet."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from alhena_tracking.querysets import LockRowQuerySet


class LockRow(models.Model):
    """A lock for every digest that hashes to it: of a visitor without a session, or of an order id without an order.

    Without it, a visitor's first two interactions would each open a session, and a report and a confirmation of one
    order would each create it. Unrelated visitors may share a row, which costs a short wait. ``migrate`` creates the
    rows.
    """

    ROWS = 1024

    id = models.PositiveSmallIntegerField(primary_key=True)
    is_taken = models.BooleanField(default=False)  # always false: a column to update

    objects = LockRowQuerySet["LockRow"].as_manager()

    class Meta:
        verbose_name = _("lock row")
        verbose_name_plural = _("lock rows")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def number_of(cls, digest: UUID) -> int:
        """Return the number of the row that stands for a digest."""
        return digest.int % cls.ROWS
