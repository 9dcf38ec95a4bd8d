"""Why a cart event is credited as it is, and worth what it is, in sentences."""

from __future__ import annotations

from decimal import Decimal

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats, moments
from alhena_tracking.admin.timelines import Badge, UrlOf, excerpt, isolated, timeline_text
from alhena_tracking.admin.trace_texts import Fact, Panel, TraceText, credit_lead, credit_panel, source_sentences
from alhena_tracking.models import CartEvent, Trust, ValueBasis
from alhena_tracking.traces import CartEventTrace


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
        lead=credit_lead(trace),
        panels=[
            credit_panel(trace, url_of),
            Panel(
                key="worth",
                heading=_("What it is worth"),
                sentences=[_reported_sentence(trace), _worth_sentence(trace)],
                facts=[
                    Fact(_("Product id"), isolated(trace.product_id)),
                    Fact(_("Units"), formats.quantity(trace.units)),
                    Fact(_("In the cart after it"), formats.quantity(trace.after.quantity or Decimal())),
                    Fact(_("Credited after it"), _units_and_amount(trace)),
                    Fact(_("GMV"), formats.money(trace.gmv_minor, trace.currency), is_total=True),
                ],
            ),
            Panel(key="trust", heading=_("Who says so"), sentences=[trust, *source_sentences(trace)]),
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
