"""What browsers report that they could not send, or not as a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.check import (
    NAMED,
    ONE_IN,
    Check,
    CheckResult,
    CountCheck,
    Finding,
    done,
    last_on,
    problem,
)
from alhena_tracking.diagnosis.event_facts import EventFacts, recent
from alhena_tracking.diagnosis.outcomes import ORDER

REFUSED = "refused_in_browser"

_IN_THE_LAST_DAYS = ngettext_lazy(
    "In the last 7 days: %(count)s of %(total)s call of these methods.",
    "In the last 7 days: %(count)s of %(total)s calls of these methods.",
    "exact_total",
)


class RefusalsCheck(CountCheck):
    """Judges each method apart: a shop that loses all its orders may have hundreds of other events for each."""

    key = "refusals"
    title = _("Calls on the shop's pages")

    none = done(_("Browsers could use all calls of the shop's pages."))
    few = done(_("Browsers refused a few calls of the shop's pages."), _IN_THE_LAST_DAYS, _("No action needed."))
    other = problem(
        _("Browsers refuse calls of the shop's pages, so these events never arrive."),
        _IN_THE_LAST_DAYS,
        recommendation=_("Correct what is named below in the template or script that makes the call."),
    )
    missing = replace(
        other,
        recommendation=_(
            "Pass what is named below in every call: the property is missing, undefined, null or empty. Often its name "
            "is misspelled, or the call is made before the page knows the value."
        ),
    )
    wrong_type = replace(
        other,
        recommendation=_(
            "Pass amounts and quantities as numbers and ids as text: value: 79.99 and productId: “42”, not value: "
            "“79.99” or “$79.99”."
        ),
    )
    out_of_range = replace(
        other,
        recommendation=_(
            "Pass amounts from 0 on in the currency's main unit, a quantity above 0 where something is added or "
            "bought, and texts of at most 255 characters (a product's name: 512)."
        ),
    )
    currency = replace(
        other,
        recommendation=_("Pass a currency of ISO 4217, such as EUR, and the same one in an order and all its lines."),
    )
    choice = replace(
        other,
        recommendation=_(
            "Pass a type exactly as documented, in capital letters, such as ITEM_ADDED for a cart event or CHAT for an "
            "interaction."
        ),
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        if not recent(facts.outcomes):
            return cls.found(cls.without_counts(facts))
        refused = [sums for sums in facts.select(outcomes=[REFUSED]) if sums.recent]
        if not refused:
            return cls.found(cls.none)
        methods = dict.fromkeys(sums.method for sums in refused)
        many = [
            method
            for method in methods
            if recent(facts.select(methods=[method], outcomes=[REFUSED])) * ONE_IN
            >= recent(facts.select(methods=[method]))
        ]
        refused = facts.select(methods=many or methods, outcomes=[REFUSED])
        rows = [row for row in facts.recent_rejections if row.outcome == REFUSED and row.method in (many or methods)]
        errors = Counter((row.method, error["field"], error["code"]) for row in rows for error in row.errors[:1])
        names = [f"{method}: {field} {code}" for (method, field, code), _number in errors.most_common(NAMED)]
        code = max(refused, key=lambda sums: sums.recent).reason
        return cls.found(
            cls._finding(code) if many else cls.few,
            count=recent(refused),
            total=recent(facts.select(methods=many or methods)),
            at=max((row.received_at for row in rows), default=None),
            on=last_on(refused),
            names=tuple(islice(names, NAMED)) if many else (),
            is_blocking=any(not facts.accepted(method) for method in many),
        )

    @classmethod
    def _finding(cls, code: str) -> Finding:
        match code:
            case "required" | "blank":
                return cls.missing
            case "wrong_type" | "not_finite" | "not_a_number" | "ambiguous_number":
                return cls.wrong_type
            case "negative" | "not_positive" | "too_large" | "too_long" | "too_many":
                return cls.out_of_range
            case "unknown_currency" | "currency_mismatch":
                return cls.currency
            case "invalid_choice":
                return cls.choice
        return cls.other


class TotalsCheck(Check):
    """Orders of the GA4 bridge whose value may or may not contain tax and shipping."""

    key = "totals"
    title = _("Totals of GA4 orders")

    unclear = problem(
        _("We could not tell whether your orders' totals contain tax and shipping: choose."),
        ngettext_lazy(
            "In the last 7 days: %(count)s order, recorded with the total that the page states.",
            "In the last 7 days: %(count)s orders, recorded with the totals that the pages state.",
            "exact_count",
        ),
        recommendation=_(
            "Set DATALAYER_VALUE to “as-is” if the value of your purchase events is the order's total, or to “net” if "
            "tax and shipping must be added to it."
        ),
        code='ALHENA_TRACKING = {\n    "DATALAYER_VALUE": "as-is",\n}',
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        unclear = facts.select(methods=[ORDER], reasons=["unclear_total"])
        if conf.datalayer_value != "auto" or not recent(unclear):
            return None
        return cls.found(cls.unclear, count=recent(unclear), on=last_on(unclear))
