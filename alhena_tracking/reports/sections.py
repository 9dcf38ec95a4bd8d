"""The parts of a report that are read on request."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Section(models.TextChoices):
    """A part of the report that takes statements of its own, so it is read only where it is shown."""

    DIFFERENCES = "differences", _("What changed")
    MODELS = "models", _("Attribution models")
    PROFILES = "profiles", _("AI profiles")
    CONVERSATIONS = "conversations", _("Conversations")
