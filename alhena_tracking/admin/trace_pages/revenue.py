"""What an order is worth, and what of it is direct, and why."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import Fact, Panel
from alhena_tracking.models import CHANNEL_DISPLAYS, Order, OrderLine
from alhena_tracking.traces import OrderTrace


def revenue_panel(trace: OrderTrace) -> Panel:
    order, refunds = trace.order, trace.refunds
    sentences = []
    if refunds.count:
        if trace.net_minor:
            text = ngettext(
                "Partly refunded. This reduces the net revenue of %(day)s, the day of the order.",
                "Partly refunded, %(count)s times. This reduces the net revenue of %(day)s, the day of the order.",
                refunds.count,
            )
        else:
            text = ngettext(
                "Fully refunded. This reduces the net revenue of %(day)s, the day of the order.",
                "Fully refunded, in %(count)s parts. This reduces the net revenue of %(day)s, the day of the order.",
                refunds.count,
            )
        sentences.append(text % {"count": formats.count(refunds.count), "day": formats.day(order.occurred_on)})
    if refunds.excess_minor:
        excess = {"amount": formats.money(refunds.excess_minor, order.currency)}
        sentences.append(_("%(amount)s of the refunds exceeds the order and is not deducted.") % excess)
    if refunds.mismatched:
        text = ngettext(
            "%(count)s refund is not deducted: its currency is different, or it exceeds the remaining amount.",
            "%(count)s refunds are not deducted: their currency is different, or they exceed the remaining amount.",
            refunds.mismatched,
        )
        sentences.append(text % {"count": formats.count(refunds.mismatched)})
    return Panel(
        key="money",
        heading=_("Revenue"),
        sentences=sentences,
        facts=[
            Fact(pgettext("revenue", "Gross"), formats.money(order.value_minor, order.currency)),
            *_direct_facts(order),
            *_part_facts(order),
            Fact(pgettext("revenue", "Refunded"), formats.money(-refunds.minor, order.currency)),
            Fact(pgettext("revenue", "Net"), formats.money(trace.net_minor, order.currency), is_total=True),
        ],
    )


def _part_facts(order: Order) -> list[Fact]:
    """Return the parts of the value that the shop states; no figure is computed with them."""
    parts = [
        (pgettext("revenue", "Tax included"), order.tax_minor),
        (pgettext("revenue", "Shipping included"), order.shipping_minor),
        (pgettext("revenue", "Discount deducted"), order.discount_minor),
    ]
    facts = [Fact(label, formats.money(minor, order.currency)) for label, minor in parts if minor is not None]
    if order.shop_value_minor is not None:
        worth = formats.money(order.shop_value_minor, order.shop_currency)
        facts.append(Fact(pgettext("revenue", "Gross in the shop's currency"), worth))
    return facts


def _direct_facts(order: Order) -> list[Fact]:
    """Return what of the order's value is direct and assisted."""
    return [
        Fact(pgettext("revenue", "Direct"), formats.money(order.direct_minor, order.currency)),
        Fact(pgettext("revenue", "Assisted"), formats.money(order.assisted_minor, order.currency)),
    ]


def line_credit(line: OrderLine, trace: OrderTrace) -> str:
    """Say where the product of a direct line was named or recommended."""
    if not line.is_direct:
        return pgettext("order line", "Assisted")
    mention = trace.mentions.get(line.pk)
    if mention is None:  # the interaction has been deleted since
        return _("Named or recommended by the assistant")
    display = CHANNEL_DISPLAYS[mention.interaction.kind]
    text = display.recommended if mention.is_recommendation else display.named
    return format_html(str(text), moment=formats.moment(mention.interaction.occurred_at, trace.order.company.zone))
