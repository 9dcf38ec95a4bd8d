"""Whether rows have the days of a company's present time zone."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from alhena_tracking.diagnosis.check import Check, CheckResult, problem, unknown
from alhena_tracking.diagnosis.event_facts import EventFacts

#: Maintenance that runs regularly has begun, or gone on, after so long.
WORKED_WITHIN = timedelta(minutes=15)


class ZoneCheck(Check):
    key = "zone"
    title = _("Time zone")

    under_way = unknown(_("The time zone has changed, and earlier events are being re-dated."))
    waiting = problem(
        _("The time zone has changed, but earlier events still count on the days of the former one."),
        recommendation=_("Run this command, and let cron run it every ten minutes."),
        code="python manage.py alhena_maintenance",
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        redating, changed_at = facts.redating, facts.company.zone_changed_at
        if redating is None or changed_at is None:
            return None
        at = max(changed_at, redating.worked_at or changed_at)
        return cls.found(cls.under_way if facts.now - at < WORKED_WITHIN else cls.waiting, at=at)
