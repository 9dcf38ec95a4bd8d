"""The sections of the report that are shown on request, as texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alhena_tracking.admin.report.conversations import conversation_context
from alhena_tracking.admin.report.differences import differences_context
from alhena_tracking.admin.report.model_tables import models_context
from alhena_tracking.admin.report.profiles import profiles_context
from alhena_tracking.reports import RevenueImpactReport, Section

#: What the template of each section (``_models.html`` and so on) takes.
SECTIONS: dict[Section, Callable[[RevenueImpactReport], dict[str, Any]]] = {
    Section.DIFFERENCES: differences_context,
    Section.MODELS: models_context,
    Section.PROFILES: profiles_context,
    Section.CONVERSATIONS: conversation_context,
}
