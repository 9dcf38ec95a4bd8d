"""Files of the report that are made in the background."""

from __future__ import annotations

from typing import TypeAlias

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from alhena_tracking.models.base import ExactCharField
from alhena_tracking.querysets import ExportQuerySet


class FileFormat(models.TextChoices):
    """The formats of files, by their names in URLs."""

    CSV = "csv", "CSV"
    EXCEL = "excel", _("CSV for Excel")
    XLSX = "xlsx", "XLSX"

    @property
    def suffix(self) -> str:
        return "xlsx" if self is FileFormat.XLSX else "csv"

    @property
    def content_type(self) -> str:
        if self is FileFormat.XLSX:
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return "text/csv; charset=utf-8"


class ExportStatus(models.TextChoices):
    REQUESTED = "requested", pgettext_lazy("export", "Requested")
    RUNNING = "running", pgettext_lazy("export", "Running")
    DONE = "done", pgettext_lazy("export", "Done")
    FAILED = "failed", pgettext_lazy("export", "Failed")


class ExportProblem(models.TextChoices):
    """Why a file was not made."""

    NOT_ALLOWED = "not_allowed", _("You may not export this any more.")
    TOO_LARGE = "too_large", _("The file became too large. Choose a shorter period.")
    ERROR = "error", _("Something went wrong. The log of the shop has the details.")


class Export(models.Model):
    """A file that a person asked for, made in the background and kept for a day.

    ``filters`` are the fields of the report's form. ``run`` names the process at work, which renews ``worked_at``.
    ``stored_as`` is the file's name in the storage, set before it is written.
    """

    Status: TypeAlias = ExportStatus
    Problem: TypeAlias = ExportProblem

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # Where the company is deleted, the file has to be, too: the row stays until it is.
    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    table = models.CharField(_("table"), max_length=32)
    format = models.CharField(_("format"), max_length=5, choices=FileFormat.choices)
    filters = models.JSONField(_("filters"), default=dict)
    language = models.CharField(_("language"), max_length=35)
    status = models.CharField(_("status"), max_length=9, choices=ExportStatus.choices, default=ExportStatus.REQUESTED)
    problem = models.CharField(_("problem"), max_length=11, choices=ExportProblem.choices, blank=True)
    requested_at = models.DateTimeField(_("requested at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    row_count = models.BigIntegerField(_("rows"))
    size = models.BigIntegerField(_("size in bytes"), default=0)
    file_name = ExactCharField(_("file name"), max_length=255, blank=True)
    stored_as = ExactCharField(max_length=255, blank=True, editable=False)
    run = models.UUIDField(null=True, editable=False)
    worked_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = ExportQuerySet["Export"].as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        default_permissions = ()
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=ExportStatus.values), name="alhena_export_status"),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="alhena_export_status_at")]

    def __str__(self) -> str:
        return self.file_name or self.table
