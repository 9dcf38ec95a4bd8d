"""Whether the tag on the thank-you page has all that an order needs."""

from __future__ import annotations

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from alhena_tracking.contract.shop_objects import ORDER_NAMES
from alhena_tracking.diagnosis.check import Check, CheckResult, problem
from alhena_tracking.diagnosis.event_facts import EventFacts
from alhena_tracking.diagnosis.outcomes import ORDER

_NAME_FIELDS = _("Name the fields of your order in the tag, as below. A misspelt variable is empty in a template.")
_CODE = (
    "{% load alhena_tracking %}\n"
    "{% alhena_checkout_event order_id=order.number value=order.total currency=order.currency"
    " line_items=order.lines.all %}"
)


class OrderTagCheck(Check):
    """Judged by the last rendering: a template that was mended is seen at once."""

    key = "order_tag"
    title = _("Order tag")

    failed = problem(
        _("The order tag on the thank-you page fails, and renders nothing."),
        recommendation=_("The log names the error of the shop's own code. Or name the fields in the tag, as below."),
        code=_CODE,
    )
    no_value = problem(
        format_lazy(
            _("The order tag was rendered without a value: the object has none of {names}."),
            names=", ".join(ORDER_NAMES["value"]),
        ),
        recommendation=_NAME_FIELDS,
        code=_CODE,
    )
    no_currency = problem(
        format_lazy(
            _("The order tag was rendered without a currency: the object has none of {names}."),
            names=", ".join(ORDER_NAMES["currency"]),
        ),
        recommendation=_NAME_FIELDS,
        code=_CODE,
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        if not facts.order_tags:
            return None
        # Of two at the same time, the one that something is missing of.
        last = max(facts.order_tags, key=lambda sums: (sums.last_at, sums.outcome != "rendered", sums.reason))
        if last.outcome == "rendered" or not last.recent:
            return None
        finding = cls.failed if last.outcome == "failed" else cls.no_value
        finding = cls.no_currency if last.reason == "currency" else finding
        return cls.found(finding, at=last.last_at, is_blocking=not facts.accepted(ORDER))
