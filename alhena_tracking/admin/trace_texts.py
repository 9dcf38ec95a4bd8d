"""What the pages of orders and of cart events say alike: the parts they are made of, and the credit."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.html import format_html
from django.utils.translation import gettext as _

from alhena_tracking.admin import moments
from alhena_tracking.admin.timelines import Badge, TimelineText, UrlOf, interaction_title, isolated
from alhena_tracking.models import AttributionModel, Interaction, VisitorSession
from alhena_tracking.traces import CartEventTrace, OrderTrace


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
    difference: str


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


def credit_lead(trace: OrderTrace | CartEventTrace) -> str:
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


def credit_panel(trace: OrderTrace | CartEventTrace, url_of: UrlOf) -> Panel:
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


def source_sentences(trace: OrderTrace | CartEventTrace) -> list[str]:
    return [format_html(_("Source: {source}."), source=isolated(trace.source))] if trace.source else []
