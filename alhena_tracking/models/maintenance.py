"""When each step of maintenance ran."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MaintenanceStep(models.Model):
    """A step of ``alhena_maintenance``: when it last began, ended and failed, and the process that is at it.

    ``holder`` is that process, as its host and id, and ``run`` the run. The step is held until ``held_until``, which
    each line that it yields moves on.
    """

    name = models.CharField(_("name"), max_length=40, unique=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    holder = models.CharField(max_length=100, blank=True)
    run = models.UUIDField(null=True)
    held_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("maintenance step")
        verbose_name_plural = _("maintenance steps")
        default_permissions = ()
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def has_failed(self) -> bool:
        """Whether it failed the last time it ended."""
        return self.failed_at is not None and (self.finished_at is None or self.failed_at > self.finished_at)
