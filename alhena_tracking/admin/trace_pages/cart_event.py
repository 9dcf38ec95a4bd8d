"""The trace of a cart event in words: its credit, and how its GMV is computed."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.credit import credit_lead, credit_panel, source_panel
from alhena_tracking.admin.trace_pages.parts import Badge, Fact, Panel, TraceText, UrlOf, excerpt, isolated
from alhena_tracking.admin.trace_pages.steps import timeline_text
from alhena_tracking.models import CartEvent, Channel, Trust, ValueBasis
from alhena_tracking.traces import CartEventTrace


def cart_event_text(trace: CartEventTrace, url_of: UrlOf) -> TraceText:
    event = trace.event
    gmv = formats.money(event.gmv_minor, event.currency)
    if event.trust == Trust.CONFIRMED:
        badge, source = Badge(pgettext("cart event", "Confirmed"), "good"), _("Reported by the shop's server.")
    else:
        badge, source = Badge(pgettext("cart event", "Reported")), _("Reported by a browser.")
    credited = _("%(units)s, worth %(amount)s") % {
        "units": formats.quantity(event.claimed_units),
        "amount": formats.money(event.claimed_minor, event.currency),
    }
    badges = [badge]
    if event.is_excluded:
        badges.append(Badge(pgettext("cart event", "Excluded"), "bad"))
    counted = _("Included in the add-to-cart GMV of %(day)s, in %(currency)s, under %(channel)s.") % {
        "day": formats.day(event.occurred_on),
        "currency": event.currency,
        "channel": Channel(event.channel).label,
    }
    if event.is_excluded:
        counted = _("Excluded from all figures with its visitor session.")
    return TraceText(
        title=format_html(_("{type}: {product}"), type=event.get_type_display(), product=excerpt(event.product_name)),
        amount=gmv,
        moment=formats.moment(event.occurred_at, event.company.zone),
        zone=event.company.time_zone,
        company=event.company.name,
        badges=badges,
        lead=credit_lead(event),
        panels=[
            credit_panel(event, url_of),
            Panel(
                key="worth",
                heading=_("Value"),
                sentences=[_reported_sentence(event), _worth_sentence(trace)],
                facts=[
                    Fact(_("Product ID"), isolated(event.product_id)),
                    Fact(_("Units"), formats.quantity(event.units)),
                    Fact(_("In the cart afterwards"), formats.quantity(event.cart_quantity)),
                    Fact(_("Credited afterwards"), credited),
                    Fact(_("GMV"), gmv, is_total=True),
                ],
            ),
            source_panel(event, [source]),
            Panel(key="figures", heading=_("Reporting"), sentences=[counted]),
        ],
        timeline=timeline_text(trace.timeline, event, url_of),
    )


def _reported_sentence(event: CartEvent) -> str:
    values = {
        "quantity": formats.quantity(event.quantity),
        "value": formats.price(event.value_minor, event.currency),
    }
    if event.previous_quantity is not None:
        values["previous"] = formats.quantity(event.previous_quantity)
        if event.value_basis == ValueBasis.TOTAL:
            return _("Reported: %(quantity)s in the cart, %(previous)s before, %(value)s in total.") % values
        return _("Reported: %(quantity)s in the cart, %(previous)s before, %(value)s each.") % values
    if event.value_basis == ValueBasis.TOTAL:
        return _("Reported: %(quantity)s in the cart, %(value)s in total.") % values
    return _("Reported: %(quantity)s in the cart, %(value)s each.") % values


def _worth_sentence(trace: CartEventTrace) -> str:
    """Explain the units that count by the state of the cart before the event."""
    event, before = trace.event, trace.before
    values = {
        "before": formats.quantity(before.quantity or before.units),
        "units": formats.quantity(abs(event.units)),
        "credited": formats.quantity(before.units),
        "amount": formats.money(abs(event.gmv_minor), event.currency),
    }
    if event.type not in CartEvent.ADDITIONS:
        if event.units:
            return (
                _("The cart held %(before)s before, of which %(credited)s credited: −%(units)s, worth %(amount)s.")
                % values
            )
        if before.units and event.cart_quantity >= (before.quantity or 0):
            return _("The cart held %(before)s before and no fewer afterwards, so nothing is deducted.") % values
        if before.units:
            return _("The shop emptied its cart for an order within five minutes, so nothing is deducted.")
        return _("None of the removed units were credited, so nothing is deducted.")
    if before.quantity is None:
        if event.type == CartEvent.Type.ITEM_ADDED:
            return _("No earlier units are known, so all of them count: +%(units)s, worth %(amount)s.") % values
        return _("The earlier quantity is unknown, so at most one unit counts: +%(units)s, worth %(amount)s.") % values
    if event.cart_quantity < before.quantity:
        return (
            _("The cart held %(before)s before and must have been emptied since: +%(units)s, worth %(amount)s.")
            % values
        )
    if not event.units:
        return _("The cart held %(before)s before and as many afterwards, so nothing is added.") % values
    return _("The cart held %(before)s before: +%(units)s, worth %(amount)s.") % values
