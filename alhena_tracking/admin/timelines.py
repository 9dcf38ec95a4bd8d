"""What happened in a visitor's session, written out, the credited interaction marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats, moments
from alhena_tracking.models import AttributionModel, CartEvent, Interaction, Order, Refund
from alhena_tracking.traces import (
    CartEventTrace,
    CartStep,
    InteractionStep,
    OrderStep,
    OrderTrace,
    RefundStep,
    Standing,
    Step,
)

#: The page of a row, or nothing where the reader may not open it.
UrlOf: TypeAlias = Callable[[type[Model], int], str]

_EXCERPT_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Badge:
    """A word of weight; ``tone`` is ``good``, ``doubtful``, ``bad`` or ``plain``."""

    label: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. ``kind`` names its marker."""

    kind: str
    time: str
    iso_time: str
    title: str
    url: str
    note: str = ""
    amount: str = ""
    badges: tuple[Badge, ...] = ()
    is_credited: bool = False
    is_subject: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class TimelineText:
    """``omitted_before`` and ``omitted_after`` say what is left out, or nothing."""

    days: list[Day]
    zone: str
    omitted_before: str
    omitted_after: str


def isolated(text: str) -> SafeString:
    """What somebody else wrote, which must not change how the rest of a sentence reads."""
    return format_html("<bdi>{}</bdi>", text)


def excerpt(product_name: str) -> SafeString:
    """As much of a product's name as tells which one it is; some shops write essays there."""
    return isolated(Truncator(product_name).chars(_EXCERPT_LENGTH))


def signed_money(minor: int, currency: str) -> str:
    return ("+" if minor > 0 else "") + formats.money(minor, currency)


def timeline_text(trace: OrderTrace | CartEventTrace, url_of: UrlOf) -> TimelineText:
    timeline = trace.timeline
    days = groupby(timeline.steps, key=lambda step: moments.day(step.at, trace.zone))
    before = ngettext(
        "%(count)s earlier entry is not shown.", "%(count)s earlier entries are not shown.", timeline.omitted_before
    )
    after = ngettext(
        "%(count)s later entry is not shown.", "%(count)s later entries are not shown.", timeline.omitted_after
    )
    return TimelineText(
        days=[Day(label, [_entry(step, trace, url_of) for step in steps]) for label, steps in days],
        zone=str(trace.zone),
        omitted_before=before % {"count": formats.count(timeline.omitted_before)} if timeline.omitted_before else "",
        omitted_after=after % {"count": formats.count(timeline.omitted_after)} if timeline.omitted_after else "",
    )


def interaction_title(kind: Interaction.Kind, product_id: str) -> str:
    if not product_id:
        return str(kind.label)
    titles = {
        Interaction.Kind.CHAT: _("Chat on {product}"),
        Interaction.Kind.FAQ: _("Product FAQ on {product}"),
        Interaction.Kind.NUDGE: _("Nudge on {product}"),
    }
    return format_html(titles[kind], product=isolated(product_id))


def order_title(order_id: str, pk: int) -> str:
    if not order_id:
        return _("Order without an id (#%(number)s)") % {"number": pk}
    return format_html(_("Order {order}"), order=isolated(order_id))


def _entry(step: Step, trace: OrderTrace | CartEventTrace, url_of: UrlOf) -> Entry:
    match step:
        case InteractionStep():
            entry = _interaction_entry(step, trace, url_of)
        case CartStep():
            entry = _cart_entry(step, trace.zone, url_of)
        case OrderStep():
            entry = _order_entry(step, trace.zone, url_of)
        case RefundStep():
            entry = _refund_entry(step, trace.zone, url_of)
    # The subject's own page is this one.
    return replace(entry, url="") if entry.is_subject else entry


def _interaction_entry(step: InteractionStep, trace: OrderTrace | CartEventTrace, url_of: UrlOf) -> Entry:
    is_credited = step.standing is Standing.CREDITED
    notes = [_standing_text(step, trace)]
    if step.ai_profile:
        notes.append(format_html(_("AI profile {profile}"), profile=isolated(step.ai_profile)))
    if not step.is_of_session:
        notes.append(_("Held by a later session of the same visitor"))
    return Entry(
        kind=step.kind.lower(),
        time=moments.time(step.at, trace.zone),
        iso_time=step.at.astimezone(trace.zone).isoformat(),
        title=interaction_title(step.kind, step.product_id),
        url=url_of(Interaction, step.id),
        note=joined(notes),
        badges=(Badge(pgettext("interaction", "Credited"), "good"),) if is_credited else (),
        is_credited=is_credited,
    )


def _standing_text(step: InteractionStep, trace: OrderTrace | CartEventTrace) -> str:
    is_last_touch = trace.credit.model is AttributionModel.LAST_TOUCH
    match step.standing:
        case Standing.CREDITED | Standing.AFTERWARDS:
            return ""
        case Standing.ELIGIBLE:
            return _("Qualifies, but came earlier") if is_last_touch else _("Qualifies, but came later")
        case Standing.NOT_QUALIFYING:
            return _("Does not qualify")
        case Standing.BEFORE_WINDOW:
            return _("Before the attribution window")
        case Standing.TOLD_LATER:
            return _("Recorded only after the credit was decided")
        case Standing.NOT_SHARED:
            if isinstance(trace, OrderTrace):
                return _("Shares no visitor id with the purchase")
            return _("Shares no visitor id with this change of the cart")


def _cart_entry(step: CartStep, zone: ZoneInfo, url_of: UrlOf) -> Entry:
    titles = {
        CartEvent.Type.ITEM_ADDED: _("{product} added to the cart"),
        CartEvent.Type.QUANTITY_INCREASED: _("More of {product} in the cart"),
        CartEvent.Type.QUANTITY_DECREASED: _("Less of {product} in the cart"),
        CartEvent.Type.ITEM_REMOVED: _("{product} removed from the cart"),
    }
    return Entry(
        kind="cart",
        time=moments.time(step.at, zone),
        iso_time=step.at.astimezone(zone).isoformat(),
        title=format_html(titles[step.type], product=excerpt(step.product_name)),
        url=url_of(CartEvent, step.id),
        note=_cart_note(step),
        amount=signed_money(step.gmv_minor, step.currency),
        badges=(Badge(_("This cart event")),) if step.is_subject else (),
        is_subject=step.is_subject,
    )


def _cart_note(step: CartStep) -> str:
    if not step.cart_quantity:
        return _("None in the cart after it")
    quantity = formats.quantity(step.cart_quantity)
    if not step.claimed_units:
        return _("%(quantity)s in the cart after it, not credited") % {"quantity": quantity}
    amount = formats.money(step.claimed_minor, step.currency)
    if step.claimed_units == step.cart_quantity:
        return _("%(quantity)s in the cart after it, worth %(amount)s") % {"quantity": quantity, "amount": amount}
    return _("%(quantity)s in the cart after it, %(units)s of them credited, worth %(amount)s") % {
        "quantity": quantity,
        "units": formats.quantity(step.claimed_units),
        "amount": amount,
    }


def _order_entry(step: OrderStep, zone: ZoneInfo, url_of: UrlOf) -> Entry:
    url = url_of(Order, step.id)
    may_view = step.is_subject or bool(url)
    badges = [Badge(_("This order"))] if step.is_subject else []
    if step.is_excluded and may_view:
        badges.append(Badge(pgettext("order", "Excluded"), "bad"))
    return Entry(
        kind="order",
        time=moments.time(step.at, zone),
        iso_time=step.at.astimezone(zone).isoformat(),
        # Without the right to view orders: that there is one, as the cart is empty after it, and no more.
        title=order_title(step.order_id, step.id) if may_view else _("An order"),
        url=url,
        note=_("The cart is empty after it"),
        amount=formats.money(step.value_minor, step.currency) if may_view else "",
        badges=tuple(badges),
        is_subject=step.is_subject,
    )


def _refund_entry(step: RefundStep, zone: ZoneInfo, url_of: UrlOf) -> Entry:
    may_view_order = step.is_of_subject or bool(url_of(Order, step.order_pk))
    if not may_view_order:
        title = _("A refund")
    elif step.order_id:
        title = format_html(
            _("Refund {refund} of order {order}"), refund=isolated(step.refund_id), order=isolated(step.order_id)
        )
    else:
        title = format_html(_("Refund {refund}"), refund=isolated(step.refund_id))
    return Entry(
        kind="refund",
        time=moments.time(step.at, zone),
        iso_time=step.at.astimezone(zone).isoformat(),
        title=title,
        url=url_of(Refund, step.id),
        amount=formats.money(-step.value_minor, step.currency) if may_view_order else "",
    )


def joined(texts: list[str]) -> str:
    """Several remarks as one, nothing for the empty ones."""
    told = [text for text in texts if text]
    return format_html(" · ".join(["{}"] * len(told)), *told) if told else ""
