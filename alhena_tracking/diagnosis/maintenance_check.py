"""Whether maintenance runs regularly."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from alhena_tracking.diagnosis.check import Check, CheckResult, done, problem, unknown
from alhena_tracking.diagnosis.event_facts import EventFacts

#: It is meant to run every ten minutes.
QUIET_FOR = timedelta(days=1)
_COMMAND = "python manage.py alhena_maintenance"
_CRON = _("Let cron run this command every ten minutes.")


class MaintenanceCheck(Check):
    key = "maintenance"
    title = _("Maintenance")

    regular = done(_("Maintenance runs regularly."))
    failing = problem(
        _("Some steps of maintenance failed the last time they ran."),
        recommendation=_("The log “alhena_tracking.maintenance” has the errors. The next run tries them again."),
    )
    quiet = problem(_("Maintenance has not run for more than a day."), recommendation=_CRON, code=_COMMAND)
    never = unknown(_("Maintenance has not run yet."), recommendation=_CRON, code=_COMMAND)

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        steps = facts.maintenance
        at = max((step.started_at for step in steps if step.started_at), default=None)
        if at is None:
            return cls.found(cls.never)
        if facts.now - at > QUIET_FOR:
            return cls.found(cls.quiet, at=at)
        if failing := tuple(step.name for step in steps if step.has_failed):
            return cls.found(cls.failing, at=at, names=failing)
        return cls.found(cls.regular, at=at)
