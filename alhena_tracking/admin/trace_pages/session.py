"""The page of a visitor session in words: how it began, and its timeline."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import Badge, Fact, Panel, TraceText, UrlOf, isolated
from alhena_tracking.admin.trace_pages.steps import timeline_text
from alhena_tracking.models import Channel, VisitorSession
from alhena_tracking.traces import Timeline


def session_text(session: VisitorSession, timeline: Timeline, url_of: UrlOf) -> TraceText:
    zone = session.company.zone
    facts = [Fact(_("Last interaction"), formats.moment(session.last_interaction_at, zone))]
    if session.ai_profile:
        facts.append(Fact(_("AI profile"), isolated(session.ai_profile)))
    return TraceText(
        title=_("Visitor session"),
        amount="",
        moment=formats.moment(session.started_at, zone),
        zone=session.company.time_zone,
        company=session.company.name,
        badges=[] if session.excluded_at is None else [Badge(pgettext("visitor session", "Excluded"), "bad")],
        lead=_lead(session),
        panels=[
            Panel(key="session", heading=_("Use of the assistant"), facts=facts),
            Panel(key="figures", heading=_("Reporting"), sentences=[_counted_sentence(session)]),
        ],
        timeline=timeline_text(timeline, session, url_of),
    )


def _lead(session: VisitorSession) -> str:
    if session.qualified_at is None:
        return _("Used the assistant, but without an interaction that qualifies.")
    return _("Began with an interaction that qualifies, under %(channel)s.") % {
        "channel": Channel(session.channel).label
    }


def _counted_sentence(session: VisitorSession) -> str:
    if session.excluded_at is not None:
        moment = formats.moment(session.excluded_at, session.company.zone)
        text = _("Excluded from all figures on {moment}, with its cart events and orders. Reason: {reason}")
        return format_html(text, moment=moment, reason=isolated(session.exclusion_reason))
    if session.qualified_at is None:
        return _("Not included in figures: no interaction qualifies.")
    return _("Included in the sessions of %(day)s.") % {"day": formats.day(session.started_on)}
