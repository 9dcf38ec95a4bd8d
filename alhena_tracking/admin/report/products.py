"""The report's products, and how they add up to its purchase revenue."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.tables import ColumnGroup, Row, Table
from alhena_tracking.reports import RevenueImpactReport, Series


def product_table(report: RevenueImpactReport) -> Table | None:
    """Return the report's products; ``None`` without any."""
    if not report.products:
        return None
    currency, count, shown = report.currency, report.product_count, len(report.products)
    if shown < count:
        caption = _("Top %(shown)s of %(count)s products by purchase revenue. Amounts in %(currency)s.")
    else:
        caption = ngettext(
            "%(count)s product. Amounts in %(currency)s.",
            "%(count)s products, sorted by purchase revenue. Amounts in %(currency)s.",
            count,
        )
    return Table(
        caption=caption % {"shown": formats.count(shown), "count": formats.count(count), "currency": currency},
        heading=_("Product"),
        groups=[
            ColumnGroup(_("Assistant"), Series.SESSIONS, [_("Recommended")]),
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, [_("Units"), _("GMV")]),
            ColumnGroup(_("Purchased"), Series.PURCHASES, [_("Units"), _("Revenue"), pgettext("revenue", "Direct")]),
        ],
        rows=[
            Row(
                product.name or product.product_id,
                [
                    formats.count(product.recommended),
                    formats.quantity(product.units_added),
                    formats.amount(product.add_to_cart_minor, currency),
                    formats.quantity(product.units_purchased),
                    formats.amount(product.purchase_minor, currency),
                    formats.amount(product.direct_minor, currency),
                ],
                detail=product.product_id if product.name else "",
            )
            for product in report.products
        ],
        note=_composition_text(report),
    )


def _composition_text(report: RevenueImpactReport) -> str:
    """Return the sum of all products, not only those shown, and what adds it up to the purchase revenue."""
    parts, currency = report.composition, report.currency
    has_adjustments, has_unlined = bool(parts.adjustments_minor), bool(parts.unlined_minor)
    if has_adjustments and has_unlined:
        text = _(
            "Lines of all products %(lines)s %(sign)s discounts, shipping, taxes and rounding %(adjustments)s "
            "+ orders without lines %(unlined)s = purchase revenue %(purchase)s"
        )
    elif has_adjustments:
        text = _(
            "Lines of all products %(lines)s %(sign)s discounts, shipping, taxes and rounding %(adjustments)s "
            "= purchase revenue %(purchase)s"
        )
    elif has_unlined:
        text = _("Lines of all products %(lines)s + orders without lines %(unlined)s = purchase revenue %(purchase)s")
    else:
        text = _("Lines of all products %(lines)s = purchase revenue %(purchase)s")
    return text % {
        "lines": formats.amount(parts.lines_minor, currency),
        "sign": formats.MINUS if parts.adjustments_minor < 0 else "+",
        "adjustments": formats.amount(abs(parts.adjustments_minor), currency),
        "unlined": formats.amount(parts.unlined_minor, currency),
        "purchase": formats.amount(report.current.purchase_minor, currency),
    }
