"""Whether webhooks of shop systems are taken."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.diagnosis.check import ONE_IN, Check, CheckResult, Finding, done, last_on, problem
from alhena_tracking.diagnosis.event_facts import EventFacts, OutcomeSums, recent

_SHARE = ngettext_lazy(
    "In the last 7 days: %(count)s of %(total)s webhook.",
    "In the last 7 days: %(count)s of %(total)s webhooks.",
    "exact_total",
)


class WebhooksCheck(Check):
    """Judged by the last 7 days. Of a hundred deliveries, one that is refused is no problem."""

    key = "webhooks"
    title = _("Webhooks")

    taken = done(_("All webhooks were taken."))
    few = done(_("A few webhooks were not taken."), _SHARE, _("No action needed."))
    unsigned = problem(
        _("Webhooks are rejected because of their signature."),
        _SHARE,
        recommendation=_("Copy the signing secret again from the shop system to its page under “Shop connections”."),
    )
    of_another_shop = problem(
        _("Webhooks of another shop are rejected."),
        _SHARE,
        recommendation=_("Correct the domain under “Shop connections”, or leave it empty."),
    )
    unreadable = problem(
        _("Webhooks have another form than the shop system documents."),
        _SHARE,
        recommendation=_("Update alhena_tracking. The log names the topics and the kind of error."),
    )
    rejected = problem(
        _("Webhooks are rejected."), _SHARE, recommendation=_("The table “Webhooks received” gives the reasons.")
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        total = recent(facts.deliveries)
        if not total:
            return None
        kinds = [(finding, _select(facts, reason)) for reason, finding in _REASONS.items()]
        kinds.append((cls.rejected, [each for each in facts.deliveries if each.outcome in _REJECTED]))
        for finding, sums in kinds:
            if count := recent(sums):
                is_rare = count * ONE_IN < total
                return cls.found(cls.few if is_rare else finding, count=count, total=total, on=last_on(sums))
        return cls.found(cls.taken, total=total)


_REASONS: dict[str, Finding] = {
    "invalid_signature": WebhooksCheck.unsigned,
    "other_shop": WebhooksCheck.of_another_shop,
    "unreadable": WebhooksCheck.unreadable,
}
_REJECTED = {"invalid", "unauthorized", "forbidden", "too_large", "rate_limited", "error"}


def _select(facts: EventFacts, reason: str) -> list[OutcomeSums]:
    return [each for each in facts.deliveries if each.reason == reason]
