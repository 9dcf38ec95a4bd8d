"""The groups that companies are restricted to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class CompanyGroup(models.Model):
    """A group whose members see a restricted company. While it is one, the group cannot be deleted."""

    company = models.ForeignKey(
        "alhena_tracking.Company", verbose_name=_("company"), on_delete=models.CASCADE, related_name="+"
    )
    group = models.ForeignKey("auth.Group", verbose_name=_("group"), on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("group of a company")
        verbose_name_plural = _("groups of companies")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["company", "group"], name="alhena_companygroup_unique")]

    def __str__(self) -> str:
        """Say what to do: Django's page to delete a group shows this text of what protects the group."""
        text = gettext(
            "“%(group)s” is one of the groups of the company “%(company)s”. "
            "Before you delete the group, remove it from the company."
        )
        return text % {"group": self.group, "company": self.company}
