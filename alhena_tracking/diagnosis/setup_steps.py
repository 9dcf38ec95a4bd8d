"""The steps of the setup, in order: the snippet, interactions, cart events, orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.check import Check, CheckResult, Finding, State, done, problem, unknown
from alhena_tracking.diagnosis.event_facts import RECENT_DAYS, EventFacts, recent
from alhena_tracking.diagnosis.order_tag_check import OrderTagCheck
from alhena_tracking.diagnosis.outcomes import CART_EVENT, INTERACTION, ORDER

#: A template that was not rendered for so long is not in use.
RENDERED_WITHIN = timedelta(hours=24)
#: A rendering is counted within this time.
KNOWN_AFTER = timedelta(minutes=1)
#: Where the assistant was not used for so long, something broke.
QUIET_AFTER = timedelta(days=RECENT_DAYS)

_SNIPPET_CODE = "{% load alhena_tracking %}\n{% alhena_snippet %}"
_FAQ_CODE = '<details data-alhena-faq="SKU-1"> … </details>\n<form data-alhena-chat> … </form>'
_CART_CODE = (
    'trackAlhenaEvent("sendCartEvent", {\n'
    '  type: "ITEM_ADDED", productId: "SKU-1", productName: "Kettle",\n'
    '  value: 89.0, currency: "EUR", quantity: 1,\n'
    "});"
)
_ORDER_CODE = "{% load alhena_tracking %}\n{% alhena_checkout_event order %}"

_ADD_TAG = _("Add the tag to the head of the template that all shop pages extend, then open a page of the shop.")


class SnippetCheck(Check):
    key = "snippet"
    title = _("Snippet")

    rendered = done(_("Rendered on a page of the shop."))
    replaced = done(_("Not rendered by the tag, but interactions arrive: the shop includes it in another way."))
    arrived = done(_("Interactions arrive."))
    ceased = problem(
        _("The snippet has disappeared from the shop's pages."),
        _("Not rendered in the last 24 hours."),
        recommendation=_ADD_TAG,
        code=_SNIPPET_CODE,
    )
    never = problem(
        _("The snippet is not on the shop's pages yet."),
        _("Not rendered in the last 30 days."),
        recommendation=_ADD_TAG,
        code=_SNIPPET_CODE,
    )

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        seen_at = facts.snippet_seen_at
        used_at = facts.samples[INTERACTION].last_at
        if seen_at is not None and facts.now - seen_at < RENDERED_WITHIN:
            return cls.found(cls.rendered, at=seen_at)
        # Shops that write the tag's HTML by hand, or cache whole pages, render it never or seldom.
        if used_at is not None and facts.now - used_at < (RENDERED_WITHIN if seen_at else QUIET_AFTER):
            # How pages are rendered is known a little later than what they send.
            is_new = facts.now - min(facts.samples[INTERACTION].received_at) < KNOWN_AFTER
            return cls.found(cls.arrived if is_new and seen_at is None else cls.replaced, at=used_at)
        return cls.found(cls.ceased if seen_at else cls.never, at=seen_at)


_RECEIVED = _("Received in the last 30 days: %(count)s.")
_SEE_REASONS = _("The table below gives the reasons.")


class ArrivalCheck(Check):
    """A check whether events of one method are recorded."""

    method: ClassVar[str]
    #: The steps without which no event of this method can be expected.
    requires: ClassVar[tuple[type[Check], ...]]

    arriving = done(
        ngettext_lazy(
            "%(count)s recorded in the last 30 days.", "%(count)s recorded in the last 30 days.", "exact_count"
        )
    )
    stored = done(_("Recorded."))
    ceased: ClassVar[Finding]
    none_recorded: ClassVar[Finding]
    none_recorded_yet = unknown(_("None recorded yet."), _RECEIVED, recommendation=_SEE_REASONS)
    not_yet: ClassVar[Finding]

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult:
        recorded = facts.select(methods=[cls.method], outcomes=["recorded"])
        at = facts.samples[cls.method].last_at
        on = max((sums.last_on for sums in recorded), default=None)
        last_on = at.astimezone(facts.company.zone).date() if at else on
        if last_on is None:
            return cls.judge_absence(facts, all(_is_done(check, facts) for check in cls.requires))
        count = sum(sums.summed for sums in recorded)
        arriving = cls.arriving if count else cls.stored
        is_recent = facts.today - last_on < QUIET_AFTER
        return cls.found(arriving if is_recent else cls.ceased, count=count, at=at, on=on)

    @classmethod
    def judge_absence(cls, facts: EventFacts, is_due: bool) -> CheckResult:
        received = sum(sums.summed for sums in facts.select(methods=[cls.method]))
        if received:
            return cls.found(cls.none_recorded if is_due else cls.none_recorded_yet, count=received)
        return cls.found(cls.overdue() if is_due else cls.not_yet)

    @classmethod
    def overdue(cls) -> Finding:
        """Return the finding that nothing has come although it is time."""
        raise NotImplementedError


def _is_done(check: type[Check], facts: EventFacts) -> bool:
    result = check.judge(facts)
    return result is not None and result.state is State.DONE


_MARK_ELEMENTS = _(
    "Mark your FAQ and your chat as below, then use one of them in the shop. The Alhena widget needs no mark. A "
    "browser that asks not to be tracked (Sec-GPC, as in Brave) sends nothing."
)
_GIVE_CONSENT = _("REQUIRE_CONSENT is set: nothing is sent before setConsent is called with true.")


class InteractionsCheck(ArrivalCheck):
    key = "interactions"
    title = _("Interactions")
    method = INTERACTION
    requires = (SnippetCheck,)

    ceased = problem(
        _("No interactions for more than 7 days."),
        recommendation=_(
            "Use the chat or a product FAQ yourself. If it does not appear here, find out what changed on that day."
        ),
        code=_FAQ_CODE,
    )
    none_recorded = problem(
        _("Interactions are received, but none is recorded."), _RECEIVED, recommendation=_SEE_REASONS
    )
    none = problem(_("No interactions have arrived yet."), recommendation=_MARK_ELEMENTS, code=_FAQ_CODE)
    none_without_consent = replace(none, recommendation=format_lazy("{} {}", _MARK_ELEMENTS, _GIVE_CONSENT))
    not_yet = unknown(_("None yet. The snippet comes first."))

    @classmethod
    def overdue(cls) -> Finding:
        return cls.none_without_consent if conf.require_consent else cls.none


_REPORT_CARTS = _(
    "Call this whenever a cart changes; quantity is the number now in the cart. Then add something to a cart."
)
_READ_DATALAYER = _("If the shop already reports carts to Google Analytics 4, it is enough to set READ_DATALAYER.")


class CartEventsCheck(ArrivalCheck):
    key = "cart_events"
    title = _("Cart events")
    method = CART_EVENT
    requires = (SnippetCheck, InteractionsCheck)

    # A small shop may sell nothing for a week.
    ceased = unknown(
        _("No cart events for more than 7 days."),
        recommendation=_(
            "Use the assistant and add something to a cart. If it does not appear here, find out what changed on that "
            "day."
        ),
    )
    none_recorded = problem(
        _("Cart events are received, but none is recorded."), _RECEIVED, recommendation=_SEE_REASONS
    )
    none_with_datalayer = problem(
        _("Interactions arrive, but no cart events yet."), recommendation=_REPORT_CARTS, code=_CART_CODE
    )
    none = replace(none_with_datalayer, recommendation=format_lazy("{} {}", _REPORT_CARTS, _READ_DATALAYER))
    not_yet = unknown(_("None yet. Only carts of visitors who used the assistant are recorded."))

    @classmethod
    def overdue(cls) -> Finding:
        return cls.none_with_datalayer if conf.read_datalayer else cls.none


class OrdersCheck(ArrivalCheck):
    key = "orders"
    title = _("Orders")
    method = ORDER
    #: Not cart events: a shop may report orders alone.
    requires = (SnippetCheck, InteractionsCheck)

    ceased = unknown(
        _("No orders for more than 7 days."),
        recommendation=_(
            "Use the assistant and buy something. If it does not appear here, find out what changed on that day."
        ),
    )
    #: No problem: most buyers of most shops do not use the assistant, and their orders wait in vain.
    waiting = unknown(
        _("The shop's server confirms orders, but none is from a visitor who is known to have used the assistant."),
        _("Orders waiting for a browser's report: %(count)s."),
        recommendation=_(
            "No action needed if these buyers did not use the assistant. If one did, report the same order id on the "
            "thank-you page as well, or pass the request to record_order_on_commit."
        ),
        code=_ORDER_CODE,
    )
    none_recorded = problem(_("Orders are received, but none is recorded."), _RECEIVED, recommendation=_SEE_REASONS)
    tag_lacks_fields = problem(
        _("The order tag is on the thank-you page, but no order arrives."),
        recommendation=_("See “Order tag” below for what it lacks."),
    )
    none = problem(
        _("Interactions arrive, but no orders yet."),
        recommendation=_(
            "Add this tag to the thank-you page, or call record_order_on_commit in the checkout. Then buy something."
        ),
        code=_ORDER_CODE,
    )
    not_yet = unknown(_("None yet. Only orders of visitors who used the assistant are recorded."))

    @classmethod
    def judge_absence(cls, facts: EventFacts, is_due: bool) -> CheckResult:
        if waiting := recent(facts.select(methods=[cls.method], outcomes=["pending"])):
            return cls.found(cls.waiting, count=waiting)
        if is_due and OrderTagCheck.judge(facts) is not None:
            return cls.found(cls.tag_lacks_fields)
        return super().judge_absence(facts, is_due)

    @classmethod
    def overdue(cls) -> Finding:
        return cls.none
