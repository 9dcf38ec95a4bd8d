"""Why an order is credited as it is, in sentences."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats, moments
from alhena_tracking.admin.timelines import Badge, UrlOf, isolated, order_title, timeline_text
from alhena_tracking.admin.trace_texts import (
    ClaimRow,
    ClaimTable,
    Fact,
    LineRow,
    LineTable,
    Panel,
    TraceText,
    credit_lead,
    credit_panel,
    source_sentences,
)
from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.models import OrderClaim, PendingConfirmation, Trust, VisitorSession
from alhena_tracking.traces import Claim, OrderTrace


def order_text(trace: OrderTrace, url_of: UrlOf) -> TraceText:
    is_confirmed = trace.trust is Trust.CONFIRMED
    badges = [Badge(pgettext("order", "Confirmed"), "good") if is_confirmed else Badge(pgettext("order", "Reported"))]
    if trace.has_conflict:
        badges.append(Badge(_("Conflict"), "doubtful"))
    if trace.exclusion:
        badges.append(Badge(pgettext("order", "Excluded"), "bad"))
    return TraceText(
        title=order_title(trace.order_id, trace.id),
        amount=formats.money(trace.value_minor, trace.currency),
        moment=moments.moment(trace.at, trace.zone),
        zone=str(trace.zone),
        company=trace.company,
        badges=badges,
        lead=credit_lead(trace),
        panels=[
            credit_panel(trace, url_of),
            Panel(key="trust", heading=_("Who says so"), sentences=_order_trust_sentences(trace)),
            _refund_panel(trace),
            Panel(key="figures", heading=_("In the figures"), sentences=[_counted_sentence(trace)]),
        ],
        claims=_claim_table(trace, url_of),
        lines=_line_table(trace),
        timeline=timeline_text(trace, url_of),
    )


def pending_text(pending: PendingConfirmation, now: datetime) -> TraceText:
    """A confirmation that no report has followed: there is nobody to credit it to, and so it counts nowhere."""
    company, until = pending.company, pending.received_at + PENDING_AGE
    if now <= until:
        wait = _("It waits for that until {moment}, and until then it is credited to nobody and counts nowhere.")
    else:
        wait = _("It waited for that until {moment}, in vain. It is credited to nobody and counts nowhere.")
    return TraceText(
        title=order_title(pending.order_id, pending.pk),
        amount=formats.money(pending.value_minor, pending.currency),
        moment=moments.moment(pending.occurred_at, company.zone),
        zone=company.time_zone,
        company=company.name,
        badges=[
            Badge(pgettext("order", "Confirmed"), "good"),
            Badge(
                pgettext("confirmation", "Waiting") if now <= until else pgettext("confirmation", "Expired"), "doubtful"
            ),
        ],
        lead=_(
            "The shop's server confirmed this order without naming a visitor, and no browser has reported it so far."
        ),
        panels=[
            Panel(
                key="figures",
                heading=_("In the figures"),
                sentences=[format_html(wait, moment=moments.moment(until, company.zone))],
            )
        ],
    )


# Whose word it is


def _order_trust_sentences(trace: OrderTrace) -> list[str]:
    if trace.trust is Trust.REPORTED:
        sentences = [_("A browser reported this order. The shop's server has not confirmed it.")]
    elif trace.has_confirmed_visitor:
        sentences = [
            _("The shop's server told this order and its visitor, so amount and credit stand, whatever browsers say.")
        ]
    else:
        sentences = [_confirmed_figures_sentence(trace)]
    return [*sentences, *source_sentences(trace), *_conflict_sentences(trace)]


def _confirmed_figures_sentence(trace: OrderTrace) -> str:
    """The server confirmed an order without knowing its visitor."""
    shown = trace.claims.shown
    if shown is not None and shown.is_other_amount:
        return _(
            "The shop's server confirmed this order's amount without naming the visitor. "
            "No claim is of that amount, so the credit is that of the first one."
        )
    return _(
        "The shop's server confirmed this order's amount without naming the visitor. "
        "The credit is that of the claim of the same amount."
    )


def _conflict_sentences(trace: OrderTrace) -> list[str]:
    sentences: list[str] = []
    if visitors := trace.claims.other_visitors:
        if trace.has_confirmed_visitor:
            text = ngettext(
                "%(count)s claim by another visitor changes nothing.",
                "%(count)s claims by other visitors change nothing.",
                visitors,
            )
        elif trace.trust is Trust.CONFIRMED:
            text = ngettext(
                "%(count)s claim is by another visitor.", "%(count)s claims are by other visitors.", visitors
            )
        else:
            text = ngettext(
                "%(count)s claim is by another visitor. The first claim stands until the shop's server confirms one.",
                "%(count)s claims are by other visitors. The first claim stands until the shop's server confirms one.",
                visitors,
            )
        sentences.append(text % {"count": formats.count(visitors)})
    if amounts := trace.claims.other_amounts:
        text = ngettext("%(count)s claim is of another amount.", "%(count)s claims are of other amounts.", amounts)
        sentences.append(text % {"count": formats.count(amounts)})
    if trace.has_conflict and not sentences:
        sentences.append(_("The shop's server also named another amount once. The first one stands."))
    return sentences


def _claim_table(trace: OrderTrace, url_of: UrlOf) -> ClaimTable | None:
    if trace.claims.total < 2 and not trace.has_conflict:
        return None  # it says what the order says
    omitted = ngettext(
        "%(count)s further claim is not shown.", "%(count)s further claims are not shown.", trace.claims.omitted
    )
    return ClaimTable(
        [_claim_row(claim, trace, url_of) for claim in trace.claims.told],
        omitted % {"count": formats.count(trace.claims.omitted)} if trace.claims.omitted else "",
    )


def _claim_row(claim: Claim, trace: OrderTrace, url_of: UrlOf) -> ClaimRow:
    badges = []
    if claim.is_shown:
        badges.append(Badge(pgettext("claim", "Shown"), "good"))
    if claim.is_other_visitor:
        badges.append(Badge(_("Other visitor"), "doubtful"))
    if claim.is_other_amount:
        badges.append(Badge(_("Other amount"), "doubtful"))
    return ClaimRow(
        moment=moments.moment(claim.at, trace.zone),
        url=url_of(OrderClaim, claim.id),
        channel=str(claim.channel.label),
        session=f"#{claim.session_id}",
        session_url=url_of(VisitorSession, claim.session_id),
        trust=pgettext("who claimed", "server")
        if claim.trust is Trust.CONFIRMED
        else pgettext("who claimed", "browser"),
        amount=formats.money(claim.value_minor, claim.currency),
        badges=tuple(badges),
    )


# Money


def _refund_panel(trace: OrderTrace) -> Panel:
    refunds, currency = trace.refunds, trace.currency
    sentences = []
    if refunds.count:
        if trace.net_minor:
            text = ngettext(
                "A part was refunded. It lowers the net revenue of %(day)s, the day of the order.",
                "Parts were refunded, %(count)s times. They lower the net revenue of %(day)s, the day of the order.",
                refunds.count,
            )
        else:
            text = ngettext(
                "All of it was refunded. That lowers the net revenue of %(day)s, the day of the order.",
                "All of it was refunded, in %(count)s parts. "
                "They lower the net revenue of %(day)s, the day of the order.",
                refunds.count,
            )
        sentences.append(text % {"count": formats.count(refunds.count), "day": formats.day(trace.on)})
    if refunds.unfitting:
        text = ngettext(
            "%(count)s refund told for this order does not fit it (another currency, or more than is left of it) "
            "and lowers nothing.",
            "%(count)s refunds told for this order do not fit it (another currency, or more than is left of it) "
            "and lower nothing.",
            refunds.unfitting,
        )
        sentences.append(text % {"count": formats.count(refunds.unfitting)})
    return Panel(
        key="money",
        heading=_("Money"),
        sentences=sentences,
        facts=[
            Fact(pgettext("revenue", "Gross"), formats.money(trace.value_minor, currency)),
            Fact(pgettext("revenue", "Refunded"), formats.money(-refunds.minor, currency)),
            Fact(pgettext("revenue", "Net"), formats.money(trace.net_minor, currency), is_total=True),
        ],
    )


def _counted_sentence(trace: OrderTrace) -> str:
    if exclusion := trace.exclusion:
        values = {"moment": moments.moment(exclusion.at, trace.zone), "reason": isolated(exclusion.reason)}
        if not exclusion.by:
            return format_html(_("Counts nowhere: excluded on {moment}, for this reason: {reason}"), **values)
        text = _("Counts nowhere: excluded by {user} on {moment}, for this reason: {reason}")
        return format_html(text, user=isolated(exclusion.by), **values)
    if not trace.is_counted:
        return _("Counts nowhere so far: this shop's figures are of confirmed orders only.")
    return _("Counts in the purchase revenue of %(day)s, in %(currency)s, under %(channel)s.") % {
        "day": formats.day(trace.on),
        "currency": trace.currency,
        "channel": trace.credit.channel.label,
    }


def _line_table(trace: OrderTrace) -> LineTable | None:
    if not trace.lines:
        return None
    omitted = ngettext(
        "%(count)s further line is not shown.", "%(count)s further lines are not shown.", trace.omitted_lines
    )
    return LineTable(
        [
            LineRow(
                line.product_id,
                line.product_name,
                formats.quantity(line.quantity),
                formats.money(line.total_minor, trace.currency),
            )
            for line in trace.lines
        ],
        omitted % {"count": formats.count(trace.omitted_lines)} if trace.omitted_lines else "",
        _line_difference(trace),
    )


def _line_difference(trace: OrderTrace) -> str:
    """Why the lines, where all are shown, are not the whole order."""
    total_minor = sum(line.total_minor for line in trace.lines)
    if trace.omitted_lines or total_minor == trace.value_minor:
        return ""
    text = _(
        "The lines come to %(total)s. Discounts, shipping and taxes of the order as a whole are not in them, and may "
        "make the difference to %(value)s."
    )
    return text % {
        "total": formats.money(total_minor, trace.currency),
        "value": formats.money(trace.value_minor, trace.currency),
    }
