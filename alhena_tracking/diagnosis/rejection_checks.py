"""Why events may be rejected or ignored before they are stored: one check for each reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import chain

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.check import (
    IN_THE_LAST_DAYS,
    NAMED,
    ONE_IN,
    CheckResult,
    CountCheck,
    RejectionCheck,
    State,
    done,
    last_on,
    problem,
    unknown,
)
from alhena_tracking.diagnosis.event_facts import EventFacts, recent
from alhena_tracking.diagnosis.outcomes import FAILED_AFTER_COMMIT

#: A server whose events are this old when they come, again and again, has a wrong clock or time zone.
SERVER_DELAY = timedelta(minutes=10)
SERVER_EVENTS = 3
#: Codes of rejected events whose data is not at fault.
_OF_OTHER_CHECKS = {"too_old", FAILED_AFTER_COMMIT}


class CompanyKeyCheck(RejectionCheck):
    key = "company_key"
    title = _("Company key")

    not_counted = unknown(_("Events with an unknown company key are not counted, because COMPANY_KEY is not set."))
    none = done(_("All events used a known company key."))
    many = problem(
        _("Events arrive with a company key that does not exist."),
        IN_THE_LAST_DAYS,
        recommendation=_("The shop uses a wrong key somewhere. The right one is at the top of this page."),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        if conf.company_key is None:
            return cls.found(cls.not_counted)
        if conf.company_key != facts.company.key:
            return None  # counted for the company of the settings
        return cls.compare(facts, facts.select(reasons=["unknown_company"]), cls.many, "unknown_company")


class OriginsCheck(RejectionCheck):
    key = "origins"
    title = _("Allowed origins")

    none = done(_("No origin was rejected."))
    listed = done(_("The origins that were rejected in the last 7 days are allowed now:"))
    many = problem(
        _("Events are rejected because the company does not allow their origin."),
        IN_THE_LAST_DAYS,
        recommendation=_("Add your own origins to the company's allowed origins. It takes effect within seconds."),
        company_field="allowed_origins",
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        code = "origin_not_allowed"
        origins = dict.fromkeys(row.origin for row in facts.rejected_for(code))
        unlisted = [origin for origin in origins if origin.lower() not in facts.company.origins]
        result = cls.compare(facts, facts.select(reasons=[code]), cls.many, code, unlisted)
        if result.finding is cls.many and origins and not unlisted:
            return cls.found(cls.listed, at=result.at, names=tuple(origins)[:NAMED])
        return result


class ProxiesCheck(CountCheck):
    """Judges by the requests of the last days whether ``TRUSTED_PROXIES`` is missing."""

    key = "proxies"
    title = _("Proxies")

    none = done(_("No request came through a proxy that is not counted."))
    few = done(_("A few requests came through a proxy that is not counted."), _("No action needed."))
    counted = done(_("TRUSTED_PROXIES is set."))
    uncounted = problem(
        _("Requests come through a proxy, but TRUSTED_PROXIES is not set, so visitors' addresses are not known."),
        ngettext_lazy(
            "In the last 7 days: %(count)s request.", "In the last 7 days: %(count)s requests.", "exact_count"
        ),
        recommendation=_(
            "Set TRUSTED_PROXIES to the number of your own proxies that append to X-Forwarded-For, such as 1. "
            "Otherwise many visitors may share one rate limit."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        count, total = recent(facts.forwarded), recent(facts.outcomes)
        if conf.trusted_proxies is not None:
            return cls.found(cls.counted)
        if not count:
            return cls.found(cls.none if total else cls.without_counts(facts))
        return cls.found(
            cls.few if count * ONE_IN < total else cls.uncounted,
            count=count,
            total=total,
            at=max(sums.last_at for sums in facts.forwarded),
        )


class RateLimitsCheck(RejectionCheck):
    key = "limits"
    title = _("Rate limits")

    none = done(_("Nothing was rate-limited."))
    many = problem(
        _("Events are rejected because more arrive at once than the rate limits allow."),
        IN_THE_LAST_DAYS,
        recommendation=_(
            "Behind a proxy, set TRUSTED_PROXIES to the number of your own proxies; otherwise all visitors share one "
            "limit. If the traffic is real, raise RATE_LIMIT_PER_SOURCE or RATE_LIMIT_PER_COMPANY."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        return cls.compare(facts, facts.select(outcomes=["rate_limited"]), cls.many, "rate_limited")


class ValidityCheck(RejectionCheck):
    key = "validity"
    title = _("Event data")

    none = done(_("The data of all events was valid."))
    many = problem(
        _("Events are rejected because their data is invalid."),
        IN_THE_LAST_DAYS,
        recommendation=_(
            "Fix the most frequent errors first. The last rejected events below list the fields and errors of each."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        outcomes = {"invalid", "too_large", "unsupported_media_type", "error"}
        invalid = [sums for sums in facts.select(outcomes=outcomes) if sums.reason not in _OF_OTHER_CHECKS]
        errors = Counter(
            " ".join(filter(None, (error["field"], error["code"])))
            for row in facts.recent_rejections
            if row.outcome in outcomes
            for error in row.errors[:1]
            if error["code"] not in _OF_OTHER_CHECKS
        )
        return cls.compare(facts, invalid, cls.many, names=[name for name, _count in errors.most_common(NAMED)])


class SecretKeyCheck(RejectionCheck):
    key = "secret_key"
    title = _("Secret key")

    missing = problem(
        _("Calls that need a secret key are made without one."),
        IN_THE_LAST_DAYS,
        recommendation=_("Issue a key under “Secret keys” and send it from the server with every call."),
        code="Authorization: Bearer …",
    )
    wrong = replace(
        missing, seen=(_("The shop's server uses a secret key that is wrong or revoked."), IN_THE_LAST_DAYS)
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        unauthorized = facts.select(outcomes=["unauthorized"])
        if not recent(unauthorized):
            return None
        is_missing = all(sums.reason == "key_required" for sums in unauthorized)
        return cls.compare(facts, unauthorized, cls.missing if is_missing else cls.wrong, unauthorized[0].reason)


class PrivacyCheck(CountCheck):
    """Ignored visitors are a problem only where there are no others: somebody is testing."""

    key = "privacy"
    title = _("Privacy and robots")

    none = done(_("No event came from a robot or with a privacy signal."))
    few = done(_("Robots and browsers that ask not to be tracked are ignored, as they should be."), IN_THE_LAST_DAYS)
    robots = problem(
        _("Nothing is recorded: the events come from robots, which are ignored."),
        IN_THE_LAST_DAYS,
        recommendation=_("If this was your own test, use a browser whose User-Agent does not name a robot."),
    )
    privacy_signals = problem(
        _("Nothing is recorded: the events come from browsers that ask not to be tracked."),
        IN_THE_LAST_DAYS,
        recommendation=_(
            "If this was your own test, use a browser that does not send Sec-GPC (or DNT, if RESPECT_DNT is set)."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        signals, robots = facts.select(reasons=["privacy_signal"]), facts.select(reasons=["bot"])
        count, total = recent([*signals, *robots]), recent(facts.outcomes)
        if not total:
            return cls.found(cls.without_counts(facts))
        if not count:
            return cls.found(cls.none, total=total)
        on = last_on([*signals, *robots])
        if facts.accepted():
            return cls.found(cls.few, count=count, total=total, on=on)
        finding = cls.robots if recent(robots) > recent(signals) else cls.privacy_signals
        return cls.found(finding, count=count, total=total, on=on, is_blocking=True)


class ClocksCheck(RejectionCheck):
    key = "clocks"
    title = _("Clocks")

    none = done(_("No event was too old. Wrong clocks of browsers are corrected, and no event is in the future."))
    too_old = problem(
        _("Events are rejected because they are dated more than 72 hours ago."),
        IN_THE_LAST_DAYS,
        recommendation=_(
            "Check the sender's clock and time zone; with sent_at, a browser's clock is corrected. Orders from before "
            "the setup cannot be imported."
        ),
    )
    server_late = problem(
        _("The shop's server dates its events too far in the past."),
        ngettext_lazy(
            "Half of them are dated %(count)s minute back or more.",
            "Half of them are dated %(count)s minutes back or more.",
            "exact_count",
        ),
        recommendation=_(
            "Check its clock, and that occurred_at has its offset from UTC: 14:00 in Berlin is not 14:00Z."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        delays = sorted(chain.from_iterable(sample.server_delays for sample in facts.samples.values()))
        result = cls.compare(facts, facts.select(reasons=["too_old"]), cls.too_old, "too_old")
        if result.state is State.PROBLEM or len(delays) < SERVER_EVENTS:
            return result
        median = delays[len(delays) // 2]
        if median < SERVER_DELAY:
            return result
        return cls.found(cls.server_late, count=median // timedelta(minutes=1), total=len(delays))
