"""The timeline of a session in words, the credited interaction marked."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import (
    Badge,
    Day,
    Entry,
    TimelineText,
    UrlOf,
    excerpt,
    interaction_title,
    isolated,
    order_title,
    page_in_shop,
)
from alhena_tracking.conf import conf
from alhena_tracking.models import AttributionModel, CartEvent, Interaction, Order, Refund, Standing, VisitorSession
from alhena_tracking.traces import Eligibility, Row, Step, Subject, Timeline


@dataclass(frozen=True, slots=True)
class _Text:
    """What an entry says of its row."""

    kind: str
    title: str
    note: str = ""
    amount: str = ""
    badges: list[Badge] = field(default_factory=list)


def timeline_text(timeline: Timeline, subject: Subject | VisitorSession, url_of: UrlOf) -> TimelineText:
    zone = subject.company.zone
    before = ngettext(
        "%(count)s earlier entry is not shown.", "%(count)s earlier entries are not shown.", timeline.omitted_before
    )
    after = ngettext(
        "%(count)s later entry is not shown.", "%(count)s later entries are not shown.", timeline.omitted_after
    )
    days = groupby(timeline.steps, key=lambda step: formats.day(step.row.occurred_at.astimezone(zone)))
    return TimelineText(
        days=[Day(label, [_entry(step, subject, url_of) for step in steps]) for label, steps in days],
        zone=str(zone),
        omitted_before=before % {"count": formats.count(timeline.omitted_before)} if timeline.omitted_before else "",
        omitted_after=after % {"count": formats.count(timeline.omitted_after)} if timeline.omitted_after else "",
    )


def _entry(step: Step, subject: Subject | VisitorSession, url_of: UrlOf) -> Entry:
    row, zone = step.row, subject.company.zone
    url = "" if step.is_subject else url_of(type(row), row.pk)
    match row:
        case Interaction():
            text = _interaction_text(row, step.eligibility, subject)
        case CartEvent():
            text = _cart_event_text(row, is_subject=step.is_subject)
        case Order():
            text = _order_text(row, is_subject=step.is_subject, may_view=step.is_subject or bool(url))
        case Refund():
            text = _refund_text(row, subject, url_of)
    return Entry(
        kind=text.kind,
        time=formats.time(row.occurred_at, zone),
        iso_time=row.occurred_at.astimezone(zone).isoformat(),
        title=text.title,
        url=url,
        note=text.note,
        amount=text.amount,
        badges=text.badges,
        is_credited=step.eligibility is Eligibility.CREDITED,
        is_subject=step.is_subject,
        conversation_url=_conversation_url(row, subject),
    )


def _conversation_url(row: Row, subject: Subject | VisitorSession) -> str:
    if not isinstance(row, Interaction):
        return ""
    return page_in_shop(conf.conversation_url, subject.company, conversation_id=row.conversation_id)


def _session_id(subject: Subject | VisitorSession) -> int:
    return subject.pk if isinstance(subject, VisitorSession) else subject.session_id


def _interaction_text(row: Interaction, eligibility: Eligibility | None, subject: Subject | VisitorSession) -> _Text:
    notes = [] if isinstance(subject, VisitorSession) else [_eligibility_text(eligibility, subject)]
    if isinstance(subject, VisitorSession) and not row.is_qualifying:
        notes.append(_("Does not qualify"))
    if row.ai_profile:
        notes.append(format_html(_("AI profile {profile}"), profile=isolated(row.ai_profile)))
    if row.recommended_product_ids:
        products = format_html_join(", ", "{}", ((isolated(each),) for each in row.recommended_product_ids))
        notes.append(format_html(_("Recommended {products}"), products=products))
    if row.session_id != _session_id(subject):
        notes.append(_("Part of a later session of the same visitor"))
    notes = [note for note in notes if note]
    return _Text(
        kind=row.kind.lower(),
        title=interaction_title(row),
        note=format_html(" · ".join(["{}"] * len(notes)), *notes) if notes else "",
        badges=[Badge(pgettext("interaction", "Credited"), "good")] if eligibility is Eligibility.CREDITED else [],
    )


def _eligibility_text(eligibility: Eligibility | None, subject: Subject) -> str:
    is_last_touch = subject.attribution_model == AttributionModel.LAST_TOUCH
    match eligibility:
        case Eligibility.ELIGIBLE:
            return _("Qualifies, but came earlier") if is_last_touch else _("Qualifies, but came later")
        case Eligibility.NOT_QUALIFYING:
            return _("Does not qualify")
        case Eligibility.BEFORE_WINDOW:
            return _("Before the attribution window")
        case Eligibility.RECORDED_LATER:
            return _("Recorded after the credit was assigned")
        case Eligibility.NO_SHARED_ID:
            if isinstance(subject, Order):
                return _("Shares no visitor ID with the purchase")
            return _("Shares no visitor ID with this cart change")
        case Eligibility.CREDITED | Eligibility.AFTER_SUBJECT | None:
            return ""


def _cart_event_text(row: CartEvent, *, is_subject: bool) -> _Text:
    titles = {
        CartEvent.Type.ITEM_ADDED: _("{product} added to cart"),
        CartEvent.Type.QUANTITY_INCREASED: _("Quantity of {product} increased"),
        CartEvent.Type.QUANTITY_DECREASED: _("Quantity of {product} decreased"),
        CartEvent.Type.ITEM_REMOVED: _("{product} removed from cart"),
    }
    sign = "+" if row.gmv_minor > 0 else ""
    badges = [Badge(_("This cart event"))] if is_subject else []
    if row.is_excluded:
        badges.append(Badge(pgettext("cart event", "Excluded"), "bad"))
    return _Text(
        kind="cart",
        title=format_html(titles[CartEvent.Type(row.type)], product=excerpt(row.product_name)),
        note=_cart_note(row),
        amount=sign + formats.money(row.gmv_minor, row.currency),
        badges=badges,
    )


def _cart_note(row: CartEvent) -> str:
    if not row.cart_quantity:
        return _("None left in the cart")
    values = {
        "quantity": formats.quantity(row.cart_quantity),
        "units": formats.quantity(row.claimed_units),
        "amount": formats.money(row.claimed_minor, row.currency),
    }
    if not row.claimed_units:
        return _("%(quantity)s in the cart, none credited") % values
    if row.claimed_units == row.cart_quantity:
        return _("%(quantity)s in the cart, worth %(amount)s") % values
    return _("%(quantity)s in the cart, %(units)s credited, worth %(amount)s") % values


def _order_text(row: Order, *, is_subject: bool, may_view: bool) -> _Text:
    note = _("The cart is empty afterwards") if row.standing == Standing.COUNTED else ""
    if not may_view:  # that there is an order, as it emptied the cart, and no more
        return _Text(kind="order", title=_("An order"), note=note)
    badges = [Badge(_("This order"))] if is_subject else []
    if row.standing == Standing.EXCLUDED:
        badges.append(Badge(pgettext("order", "Excluded"), "bad"))
    amount = formats.money(row.value_minor, row.currency)
    return _Text(kind="order", title=order_title(row), note=note, amount=amount, badges=badges)


def _refund_text(row: Refund, subject: Subject | VisitorSession, url_of: UrlOf) -> _Text:
    is_of_subject = isinstance(subject, Order) and row.refunded_order_id == subject.pk
    may_view_order = is_of_subject or (row.refunded_order_id is not None and url_of(Order, row.refunded_order_id))
    if not may_view_order:
        return _Text(kind="refund", title=_("A refund"))
    return _Text(
        kind="refund",
        title=format_html(
            _("Refund {refund} of order {order}"), refund=isolated(row.refund_id), order=isolated(row.order_id)
        ),
        note=_excess_note(row),
        amount=formats.money(-row.value_minor, row.currency),
    )


def _excess_note(row: Refund) -> str:
    if row.counted_minor == row.value_minor:
        return ""
    return _("%(amount)s of it exceeds the order") % {
        "amount": formats.money(row.value_minor - row.counted_minor, row.currency)
    }
