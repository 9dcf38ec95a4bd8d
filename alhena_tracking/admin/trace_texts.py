"""Why an order or a cart event is credited as it is, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats, moments
from alhena_tracking.admin.timelines import (
    Badge,
    TimelineText,
    UrlOf,
    excerpt,
    interaction_title,
    isolated,
    order_title,
    timeline_text,
)
from alhena_tracking.limits import PENDING_AGE
from alhena_tracking.models import (
    AttributionModel,
    CartEvent,
    Interaction,
    OrderClaim,
    PendingConfirmation,
    Trust,
    ValueBasis,
    VisitorSession,
)
from alhena_tracking.reports import CartEventTrace, Claim, OrderTrace


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    url: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A side of the matter: sentences, then facts to look up."""

    key: str
    heading: str
    sentences: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    moment: str
    url: str
    channel: str
    session: str
    session_url: str
    trust: str
    amount: str
    badges: tuple[Badge, ...]


@dataclass(frozen=True, slots=True)
class ClaimTable:
    rows: list[ClaimRow]
    omitted: str


@dataclass(frozen=True, slots=True)
class LineRow:
    product_id: str
    product_name: str
    quantity: str
    total: str


@dataclass(frozen=True, slots=True)
class LineTable:
    rows: list[LineRow]
    omitted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceText:
    """A page: what it is about, in one sentence why, and everything that supports it."""

    title: str
    amount: str
    moment: str
    zone: str
    company: str
    badges: list[Badge]
    lead: str
    panels: list[Panel]
    claims: ClaimTable | None = None
    lines: LineTable | None = None
    timeline: TimelineText | None = None


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
        lead=_lead(trace),
        panels=[
            _credit_panel(trace, url_of),
            Panel(key="trust", heading=_("Who says so"), sentences=_order_trust_sentences(trace)),
            _refund_panel(trace),
            Panel(key="figures", heading=_("In the figures"), sentences=[_counted_sentence(trace)]),
        ],
        claims=_claim_table(trace, url_of),
        lines=_line_table(trace),
        timeline=timeline_text(trace, url_of),
    )


def cart_event_text(trace: CartEventTrace, url_of: UrlOf) -> TraceText:
    is_confirmed = trace.trust is Trust.CONFIRMED
    trust = (
        _("The shop's server reported this change of the cart.")
        if is_confirmed
        else _("A browser reported this change of the cart.")
    )
    figures = _("Counts in the add-to-cart GMV of {day}, in {currency}, under {channel}.")
    return TraceText(
        title=format_html(_("{type}: {product}"), type=trace.type.label, product=excerpt(trace.product_name)),
        amount=formats.money(trace.gmv_minor, trace.currency),
        moment=moments.moment(trace.at, trace.zone),
        zone=str(trace.zone),
        company=trace.company,
        badges=[
            Badge(pgettext("cart event", "Confirmed"), "good")
            if is_confirmed
            else Badge(pgettext("cart event", "Reported"))
        ],
        lead=_lead(trace),
        panels=[
            _credit_panel(trace, url_of),
            Panel(
                key="worth",
                heading=_("What it is worth"),
                sentences=[_reported_sentence(trace), _worth_sentence(trace)],
                facts=[
                    Fact(_("Product id"), isolated(trace.product_id)),
                    Fact(_("Units"), formats.quantity(trace.units)),
                    Fact(_("In the cart after it"), formats.quantity(trace.after.quantity or trace.units * 0)),
                    Fact(_("Credited after it"), _units_and_amount(trace)),
                    Fact(_("GMV"), formats.money(trace.gmv_minor, trace.currency), is_total=True),
                ],
            ),
            Panel(key="trust", heading=_("Who says so"), sentences=[trust, *_source_sentences(trace)]),
            Panel(
                key="figures",
                heading=_("In the figures"),
                sentences=[
                    format_html(
                        figures,
                        day=formats.day(trace.on),
                        currency=trace.currency,
                        channel=trace.credit.channel.label,
                    )
                ],
            ),
        ],
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


# The credit


def _lead(trace: OrderTrace | CartEventTrace) -> str:
    """The one sentence that says why."""
    interaction, credit = trace.credit.interaction, trace.credit
    with_product = {
        Interaction.Kind.CHAT: _("Credited to the chat on {product} of {moment}, {distance}: {rule}."),
        Interaction.Kind.FAQ: _("Credited to the Product FAQ on {product} of {moment}, {distance}: {rule}."),
        Interaction.Kind.NUDGE: _("Credited to the nudge on {product} of {moment}, {distance}: {rule}."),
    }
    without_product = {
        Interaction.Kind.CHAT: _("Credited to the chat of {moment}, {distance}: {rule}."),
        Interaction.Kind.FAQ: _("Credited to the Product FAQ of {moment}, {distance}: {rule}."),
        Interaction.Kind.NUDGE: _("Credited to the nudge of {moment}, {distance}: {rule}."),
    }
    if credit.model is AttributionModel.LAST_TOUCH:
        rule = _("the last qualifying interaction within the attribution window of %(window)s (last touch)")
    else:
        rule = _("the first qualifying interaction within the attribution window of %(window)s (first touch)")
    return format_html(
        (with_product if interaction.product_id else without_product)[interaction.kind],
        product=isolated(interaction.product_id),
        moment=moments.moment(interaction.at, trace.zone),
        distance=_distance(trace),
        rule=rule % {"window": moments.window(credit.window)},
    )


def _distance(trace: OrderTrace | CartEventTrace) -> str:
    distance = trace.credit.distance
    duration = {"duration": moments.distance(distance)}
    is_order = isinstance(trace, OrderTrace)
    if abs(distance.total_seconds()) < 1:
        return _("at the moment of the purchase") if is_order else _("at the moment when the cart changed")
    if distance.total_seconds() > 0:
        before = _("%(duration)s before the purchase") if is_order else _("%(duration)s before the cart changed")
        return before % duration
    after = _("%(duration)s after the purchase") if is_order else _("%(duration)s after the cart changed")
    return after % duration


def _credit_panel(trace: OrderTrace | CartEventTrace, url_of: UrlOf) -> Panel:
    credit = trace.credit
    sentences = []
    if credit.distance.total_seconds() < 0:
        sentences.append(
            _(
                "The interaction is dated shortly afterwards, and counts as at the same moment: "
                "the assistant's first request may be the slower one, so up to 60 seconds are allowed."
            )
        )
    if not credit.interaction.is_of_session:
        sentences.append(_("The visitor has an earlier session than the interaction's, and so that is the one shown."))
    facts = [
        Fact(_("Channel"), str(credit.channel.label)),
        Fact(
            _("Interaction"),
            interaction_title(credit.interaction.kind, credit.interaction.product_id),
            url_of(Interaction, credit.interaction.id),
        ),
        Fact(_("Attribution window"), moments.window(credit.window)),
        Fact(_("Attribution model"), str(credit.model.label)),
    ]
    if credit.ai_profile:
        facts.append(Fact(_("AI profile"), isolated(credit.ai_profile)))
    facts.append(
        Fact(
            _("Visitor session"),
            _("#%(number)s, since %(moment)s")
            % {"number": credit.session_id, "moment": moments.moment(credit.session_started_at, trace.zone)},
            url_of(VisitorSession, credit.session_id),
        )
    )
    return Panel(key="credit", heading=_("Credit"), sentences=sentences, facts=facts)


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
    return [*sentences, *_source_sentences(trace), *_conflict_sentences(trace)]


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


def _source_sentences(trace: OrderTrace | CartEventTrace) -> list[str]:
    return [format_html(_("Source: {source}."), source=isolated(trace.source))] if trace.source else []


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
    )


# What a change of a cart is worth


def _reported_sentence(trace: CartEventTrace) -> str:
    values = {
        "quantity": formats.quantity(trace.quantity),
        "value": formats.money(trace.value_minor, trace.currency),
    }
    if trace.value_basis is ValueBasis.TOTAL:
        return _("Reported: %(quantity)s in the cart, %(value)s in all.") % values
    return _("Reported: %(quantity)s in the cart, %(value)s each.") % values


def _worth_sentence(trace: CartEventTrace) -> str:
    """Why so many units count: what was in the cart before, and what of it had been credited."""
    before, after = trace.before, trace.after
    values = {
        "before": formats.quantity(before.quantity or before.units),
        "units": formats.quantity(abs(trace.units)),
        "credited": formats.quantity(before.units),
        "amount": formats.money(abs(trace.gmv_minor), trace.currency),
    }
    if trace.type in {CartEvent.Type.QUANTITY_DECREASED, CartEvent.Type.ITEM_REMOVED}:
        if not trace.units and before.units and (after.quantity or 0) >= (before.quantity or 0):
            return _("The cart held %(before)s before and no fewer after: nothing is given back.") % values
        if not trace.units:
            return _("Nothing of what was taken out had been credited, so nothing is given back.")
        text = _("The cart held %(before)s before, %(credited)s of them credited: %(units)s given back, %(amount)s.")
        return text % values
    if before.quantity is None:
        if trace.type is CartEvent.Type.ITEM_ADDED:
            return _("Nothing was known to be in the cart before, so all count: %(units)s, worth %(amount)s.") % values
        return (
            _("What was in the cart before is not known, so no more than one counts: %(units)s, worth %(amount)s.")
            % values
        )
    if after.quantity is not None and after.quantity < before.quantity:
        text = _("The cart held %(before)s before and must have been emptied since: %(units)s count, worth %(amount)s.")
        return text % values
    if not trace.units:
        return _("The cart held %(before)s before, and as many after: nothing is added.") % values
    return _("The cart held %(before)s before: %(units)s more, worth %(amount)s.") % values


def _units_and_amount(trace: CartEventTrace) -> str:
    return _("%(units)s, worth %(amount)s") % {
        "units": formats.quantity(trace.after.units),
        "amount": formats.money(trace.after.minor, trace.currency),
    }
