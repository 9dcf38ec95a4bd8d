"""All currencies in one sum, on the page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.tables import ColumnGroup, Row, Table
from alhena_tracking.reports import Conversion, ConvertedFigures, Series


@dataclass(frozen=True, slots=True)
class ConversionText:
    """What the sum holds, and what it does not; ``table`` has its currencies."""

    heading: str
    sentences: list[str]
    table: Table


def conversion_text(conversion: Conversion | None) -> ConversionText | None:
    if conversion is None:
        return None
    currency = conversion.currency
    sentences = [
        _("%(purchased)s purchased and %(added)s added to carts, converted at the rates of each day.")
        % {
            "purchased": formats.money(conversion.purchase_minor, currency),
            "added": formats.money(conversion.add_to_cart_minor, currency),
        }
    ]
    if conversion.refunded_minor:
        text = _("Refunds of these orders come to %(refunded)s at the rates of the orders, which leaves %(net)s.")
        refunded, net = (formats.money(minor, currency) for minor in (conversion.refunded_minor, conversion.net_minor))
        sentences.append(text % {"refunded": refunded, "net": net})
    if orders := conversion.unconverted_orders:
        text = ngettext(
            "%(count)s order without a rate is not included.",
            "%(count)s orders without a rate are not included.",
            orders,
        )
        sentences.append(text % {"count": formats.count(orders)})
    if events := conversion.unconverted_cart_events:
        text = ngettext(
            "%(count)s cart event without a rate is not included.",
            "%(count)s cart events without a rate are not included.",
            events,
        )
        sentences.append(text % {"count": formats.count(events)})
    return ConversionText(_("All currencies in %(currency)s") % {"currency": currency}, sentences, _table(conversion))


def _table(conversion: Conversion) -> Table:
    currency = conversion.currency
    has_refunds = any(one.refunded_minor for one in conversion.parts)

    def cells(one: ConvertedFigures) -> list[str]:
        return [
            formats.amount(one.add_to_cart_minor, one.currency),
            formats.amount(one.converted_add_to_cart_minor, currency),
            formats.count(one.orders),
            formats.amount(one.purchase_minor, one.currency),
            formats.amount(one.converted_purchase_minor, currency),
            *(refunds(one) if has_refunds else ()),
        ]

    def refunds(one: ConvertedFigures) -> list[str]:
        return [
            formats.amount(-one.refunded_minor, one.currency),
            formats.amount(-one.converted_refunded_minor, currency),
            formats.amount(one.converted_net_minor, currency),
        ]

    total = [
        "",
        formats.amount(conversion.add_to_cart_minor, currency),
        formats.count(conversion.orders),
        "",
        formats.amount(conversion.purchase_minor, currency),
    ]
    if has_refunds:
        refunded, net = -conversion.refunded_minor, conversion.net_minor
        total += ["", formats.amount(refunded, currency), formats.amount(net, currency)]
    converted = _("In %(currency)s") % {"currency": currency}
    return Table(
        caption=_(
            "An order whose value the shop stated in this currency counts with that; all else at the rate of the "
            "European Central Bank for its day, or the last one of the week before. Refunds count at the rate of their "
            "order."
        ),
        heading=_("Currency"),
        groups=[
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, [_("GMV"), converted]),
            ColumnGroup(_("Purchased"), Series.PURCHASES, [_("Orders"), _("Revenue"), converted]),
            *(
                [
                    ColumnGroup(_("Refunds"), Series.PURCHASES, [_("Amount"), converted]),
                    ColumnGroup(_("After refunds"), Series.PURCHASES, [converted]),
                ]
                if has_refunds
                else ()
            ),
        ],
        rows=[Row(one.currency, cells(one)) for one in conversion.parts],
        total=Row(_("Total"), total),
    )
