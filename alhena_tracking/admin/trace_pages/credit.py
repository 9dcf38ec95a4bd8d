"""Which interaction an order or a cart event is credited to, and by which rules."""

from __future__ import annotations

from datetime import timedelta

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import Fact, Panel, UrlOf, interaction_title, isolated
from alhena_tracking.models import CHANNEL_DISPLAYS, AttributionModel, Channel, Interaction, Order, VisitorSession
from alhena_tracking.traces import Subject


def credit_lead(subject: Subject) -> str:
    """Name the credited interaction and the rule that chose it."""
    interaction: Interaction = subject.credited_interaction
    display = CHANNEL_DISPLAYS[interaction.kind]
    if subject.attribution_model == AttributionModel.LAST_TOUCH:
        rule = _("It was the last qualifying interaction within the attribution window of %(window)s (last touch).")
    else:
        rule = _("It was the first qualifying interaction within the attribution window of %(window)s (first touch).")
    credit = format_html(
        str(display.credit_on_product if interaction.product_id else display.credit),
        product=isolated(interaction.product_id),
        moment=formats.moment(interaction.occurred_at, subject.company.zone),
        distance=_distance(subject),
    )
    return format_html("{} {}", credit, rule % {"window": formats.window(subject.attribution_window)})


def credit_panel(subject: Subject, url_of: UrlOf) -> Panel:
    interaction: Interaction = subject.credited_interaction
    session: VisitorSession = subject.session
    sentences = []
    if interaction.occurred_at > subject.occurred_at:
        sentences.append(
            _(
                "The interaction is timestamped slightly later but counts as simultaneous: the assistant's first "
                "request can be slower, so up to 60 seconds are allowed."
            )
        )
    if interaction.session_id != session.pk:
        sentences.append(
            _("The session shown is the visitor's earliest one. The credited interaction belongs to a later session.")
        )
    facts = [
        Fact(_("Channel"), str(Channel(subject.channel).label)),
        Fact(_("Interaction"), interaction_title(interaction), url_of(Interaction, interaction.pk)),
        Fact(_("Attribution window"), formats.window(subject.attribution_window)),
        Fact(_("Attribution model"), str(AttributionModel(subject.attribution_model).label)),
    ]
    if subject.ai_profile:
        facts.append(Fact(_("AI profile"), isolated(subject.ai_profile)))
    since = {"number": session.pk, "moment": formats.moment(session.started_at, subject.company.zone)}
    facts.append(
        Fact(_("Visitor session"), _("#%(number)s, since %(moment)s") % since, url_of(VisitorSession, session.pk))
    )
    return Panel(key="credit", heading=_("Attribution"), sentences=sentences, facts=facts)


def source_panel(subject: Subject, sentences: list[str]) -> Panel:
    facts = [Fact(pgettext("of an event", "Sent by"), isolated(subject.source))] if subject.source else []
    return Panel(key="trust", heading=_("Source"), sentences=sentences, facts=facts)


def _distance(subject: Subject) -> str:
    distance: timedelta = subject.occurred_at - subject.credited_interaction.occurred_at
    duration = {"duration": formats.duration(distance)}
    is_order = isinstance(subject, Order)
    if abs(distance) < timedelta(seconds=1):
        return _("at the time of the purchase") if is_order else _("at the time of the cart change")
    if distance > timedelta(0):
        before = _("%(duration)s before the purchase") if is_order else _("%(duration)s before the cart change")
        return before % duration
    after = _("%(duration)s after the purchase") if is_order else _("%(duration)s after the cart change")
    return after % duration
