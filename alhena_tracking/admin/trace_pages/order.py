"""The trace of an order, or of a confirmation that waits for one, in words."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.formats import STANDING_WORDS, TRUST_WORDS
from alhena_tracking.admin.trace_pages.changes import change_panels
from alhena_tracking.admin.trace_pages.credit import credit_lead, credit_panel, source_panel
from alhena_tracking.admin.trace_pages.lines import order_lines
from alhena_tracking.admin.trace_pages.parts import (
    Badge,
    ClaimRow,
    ClaimTable,
    Panel,
    TraceText,
    UrlOf,
    isolated,
    order_title,
    page_in_shop,
)
from alhena_tracking.admin.trace_pages.revenue import revenue_panel
from alhena_tracking.admin.trace_pages.steps import timeline_text
from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.models import (
    Channel,
    HeldReason,
    Order,
    OrderClaim,
    PendingConfirmation,
    Standing,
    Trust,
    VisitorSession,
)
from alhena_tracking.traces import OrderTrace

_STANDING_TONES = {
    Standing.HELD: "doubtful",
    Standing.NOT_OURS: "bad",
    Standing.CANCELLED: "bad",
    Standing.EXCLUDED: "bad",
}


def order_text(trace: OrderTrace, url_of: UrlOf) -> TraceText:
    order = trace.order
    badges = [Badge(str(TRUST_WORDS[Trust(order.trust)]), "good" if order.trust in Trust.by_server() else "plain")]
    if order.has_conflict:
        badges.append(Badge(_("Conflict"), "doubtful"))
    if order.standing in _STANDING_TONES:
        badges.append(_standing_badge(Standing(order.standing)))
    return TraceText(
        title=order_title(order),
        amount=formats.money(order.value_minor, order.currency),
        moment=formats.moment(order.occurred_at, order.company.zone),
        zone=order.company.time_zone,
        company=order.company.name,
        badges=badges,
        lead=credit_lead(order),
        panels=[
            credit_panel(order, url_of),
            source_panel(order, [_source_sentence(trace), *_conflict_sentences(trace)]),
            revenue_panel(trace),
            *change_panels(trace),
            Panel(key="figures", heading=_("Reporting"), sentences=[_counted_sentence(order)]),
        ],
        shop_url=page_in_shop(conf.order_url, order.company, order_id=order.order_id),
        claims=_claim_table(trace, url_of),
        lines=order_lines(trace),
        timeline=timeline_text(trace.timeline, order, url_of),
    )


def pending_text(pending: PendingConfirmation, now: datetime) -> TraceText:
    company, until = pending.company, pending.received_at + PENDING_AGE
    is_expired = now > until
    if pending.is_denial:
        badges = [_standing_badge(Standing.NOT_OURS)]
        lead = _("The shop's server named a buyer who has not used the assistant.")
        if is_expired:
            wait = _("Since {moment}, a claim to this order may count again.")
        else:
            wait = _(
                "Until {moment}, no claim to this order counts. It is credited if an interaction of that buyer from "
                "before the order is recorded by then."
            )
    else:
        badges = [Badge(str(TRUST_WORDS[Trust.CONFIRMED]), "good")]
        lead = _("Confirmed by the shop's server without naming the visitor. No browser has reported this order yet.")
        if is_expired:
            wait = _("No browser reported it by {moment}, so it is not credited or included in figures.")
        else:
            wait = _("Waiting until {moment} for a browser's report. Not credited or included in figures until then.")
            badges.append(Badge(pgettext("confirmation", "Waiting"), "doubtful"))
    if pending.is_cancelled:
        badges.append(_standing_badge(Standing.CANCELLED))
    if is_expired:
        badges.append(Badge(pgettext("confirmation", "Expired"), "doubtful"))
    return TraceText(
        title=order_title(pending),
        amount=formats.money(pending.value_minor, pending.currency),
        moment=formats.moment(pending.occurred_at, company.zone),
        zone=company.time_zone,
        company=company.name,
        badges=badges,
        lead=lead,
        panels=[
            Panel(
                key="figures",
                heading=_("Reporting"),
                sentences=[format_html(wait, moment=formats.moment(until, company.zone))],
            )
        ],
    )


def _standing_badge(standing: Standing) -> Badge:
    return Badge(str(STANDING_WORDS[standing]), _STANDING_TONES[standing])


def _source_sentence(trace: OrderTrace) -> str:
    order, credited = trace.order, trace.claims.credited
    if order.is_denied:
        return _(
            "The shop's server named a buyer who did not use the assistant, so no browser's claim to this order counts."
        )
    if order.trust == Trust.REPORTED:
        return _("Reported by a browser. The shop's server has not confirmed it.")
    if order.trust == Trust.VERIFIED:
        return _(
            "The shop's server reported this order and its visitor, so browsers cannot change the amount or the credit."
        )
    if order.held_reason == HeldReason.NO_FITTING_CLAIM:
        return _("The shop's server confirmed the amount without naming the visitor. No claim agrees with it.")
    if credited is not None and (credited.currency, credited.value_minor) in trace.changes.former_amounts:
        return _(
            "The shop's server confirmed the order without naming the visitor. "
            "The claim with an amount that the server stated is credited."
        )
    if credited is not None and _has_other_amount(credited, trace):
        return _(
            "The shop's server confirmed the amount without naming the visitor. "
            "The only claim has nearly that amount, so it is credited."
        )
    return _(
        "The shop's server confirmed the amount without naming the visitor. The claim with that amount is credited."
    )


def _conflict_sentences(trace: OrderTrace) -> list[str]:
    order, sentences = trace.order, []
    if visitors := trace.claims.other_visitors:
        if order.trust == Trust.VERIFIED or order.is_denied:
            text = ngettext(
                "%(count)s claim by a different visitor has no effect.",
                "%(count)s claims by different visitors have no effect.",
                visitors,
            )
        elif order.trust == Trust.CONFIRMED:
            text = ngettext(
                "%(count)s claim is by a different visitor.", "%(count)s claims are by different visitors.", visitors
            )
        else:
            text = ngettext(
                "%(count)s claim is by a different visitor. "
                "The first claim is credited unless the shop's server confirms another.",
                "%(count)s claims are by different visitors. "
                "The first claim is credited unless the shop's server confirms another.",
                visitors,
            )
        sentences.append(text % {"count": formats.count(visitors)})
    if amounts := trace.claims.other_amounts:
        text = ngettext("%(count)s claim has a different amount.", "%(count)s claims have different amounts.", amounts)
        sentences.append(text % {"count": formats.count(amounts)})
    if order.has_conflict and not sentences:
        sentences.append(_("Earlier reports of this order disagreed about its amount or visitor."))
    return sentences


def _has_other_amount(claim: OrderClaim, trace: OrderTrace) -> bool:
    amounts = {(trace.order.currency, trace.order.value_minor), *trace.changes.former_amounts}
    return (claim.currency, claim.value_minor) not in amounts


def _claim_table(trace: OrderTrace, url_of: UrlOf) -> ClaimTable | None:
    claims = trace.claims
    if claims.total < 2 and not trace.order.has_conflict:
        return None  # it says what the order says
    omitted = ngettext("%(count)s more claim is not shown.", "%(count)s more claims are not shown.", claims.omitted)
    return ClaimTable(
        [_claim_row(claim, trace, url_of) for claim in claims.listed],
        omitted % {"count": formats.count(claims.omitted)} if claims.omitted else "",
    )


def _claim_row(claim: OrderClaim, trace: OrderTrace, url_of: UrlOf) -> ClaimRow:
    badges = []
    is_unfit = trace.order.is_denied or trace.order.held_reason == HeldReason.NO_FITTING_CLAIM
    if claim == trace.claims.credited and not is_unfit:
        badges.append(Badge(pgettext("claim", "Credited"), "good"))
    if claim.session_id != trace.order.session_id:
        badges.append(Badge(_("Other visitor"), "doubtful"))
    if _has_other_amount(claim, trace):
        badges.append(Badge(_("Other amount"), "doubtful"))
    is_confirmed = claim.trust == Trust.CONFIRMED
    return ClaimRow(
        moment=formats.moment(claim.occurred_at, trace.order.company.zone),
        url=url_of(OrderClaim, claim.pk),
        channel=str(Channel(claim.channel).label),
        session=f"#{claim.session_id}",
        session_url=url_of(VisitorSession, claim.session_id),
        trust=pgettext("who claimed", "server") if is_confirmed else pgettext("who claimed", "browser"),
        amount=formats.money(claim.value_minor, claim.currency),
        badges=badges,
    )


def _counted_sentence(order: Order) -> str:
    if order.excluded_at is not None:
        values = {
            "moment": formats.moment(order.excluded_at, order.company.zone),
            "reason": isolated(order.exclusion_reason),
        }
        if order.excluded_by is None:  # the user has been deleted
            text = _("Excluded from all figures on {moment} by an unknown user. Reason: {reason}")
            return format_html(text, **values)
        user = isolated(order.excluded_by.get_username())
        return format_html(_("Excluded from all figures on {moment} by {user}. Reason: {reason}"), user=user, **values)
    if order.standing == Standing.EXCLUDED:
        return _("Excluded from all figures with its visitor session.")
    if order.standing == Standing.NOT_OURS:
        return _("Not included in figures: it is not credited to the assistant.")
    if order.standing == Standing.CANCELLED:
        return _("Not included in figures: the shop's server cancelled it.")
    if order.standing == Standing.HELD:
        return _held_sentence(order)
    if not order.is_counted:
        return _("Not included in figures yet: this shop counts confirmed orders only.")
    return _("Included in the purchase revenue of %(day)s, in %(currency)s, under %(channel)s.") % {
        "day": formats.day(order.occurred_on),
        "currency": order.currency,
        "channel": Channel(order.channel).label,
    }


def _held_sentence(order: Order) -> str:
    if order.held_reason == HeldReason.ABOVE_CEILING:
        return _(
            "Held back: the value is above the ceiling for orders that only a browser reports. It counts once the "
            "shop's server confirms it, or staff accept it."
        )
    if order.held_reason == HeldReason.OTHER_CURRENCY:
        return _("Held back: the shop's server changed the currency. It counts once staff accept it.")
    if order.confirmed_at is not None and timezone.now() - order.confirmed_at <= PENDING_AGE:
        return _("Waiting for a claim that agrees with what the shop's server confirmed. Not included in figures.")
    return _("Held back: no claim agrees with what the shop's server confirmed. It counts once staff accept it.")
