"""The rows that a report counts, as tables. Columns are declared once, for all formats and both ways of reading."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.exports import cells
from alhena_tracking.exports.reading import JOINED_REFUNDS, RowColumn, Rows, with_refunds
from alhena_tracking.exports.tables import Table
from alhena_tracking.reports import RevenueImpactReport, counted_cart_events, counted_orders


def orders_table(report: RevenueImpactReport) -> Table:
    """Return the orders that the report counts, whose values add up to its purchase revenue.

    Refunds are shown beside their order, with their own days.
    """
    money = cells.amount(report.currency)
    columns = [
        RowColumn(_("Order ID"), "order_id", cells.text()),
        *_time_columns(report),
        RowColumn(_("Currency"), "currency", cells.word()),
        RowColumn(_("Value"), "value_minor", money),
        RowColumn(pgettext("revenue", "Direct"), "direct_minor", money),
        RowColumn(pgettext("revenue", "Assisted"), "assisted_minor", money),
        RowColumn(pgettext("revenue", "Refunded"), "refunded_minor", money),
        RowColumn(pgettext("revenue", "Net"), "net_minor", money),
        RowColumn(_("Refunds by day"), "refund_days", cells.word()),
        *_credit_columns(),
        RowColumn(_("Conflict"), "has_conflict", cells.flag(_("yes"), _("no"))),
    ]
    rows = Rows(
        found=counted_orders(report),
        period=report.query.period,
        columns=columns,
        currency=report.currency,
        joined=JOINED_REFUNDS,
        completed=with_refunds,
    )
    return rows.table(_("Orders"))


def cart_events_table(report: RevenueImpactReport) -> Table:
    """Return the cart events that the report counts, whose GMV adds up to its total add-to-cart GMV."""
    columns = [
        *_time_columns(report),
        RowColumn(pgettext("cart event", "Type"), "type", cells.word()),
        RowColumn(_("Product ID"), "product_id", cells.text()),
        RowColumn(_("Product"), "product_name", cells.text()),
        RowColumn(_("Quantity in the cart"), "quantity", cells.quantity()),
        RowColumn(_("Reported value"), "value_minor", cells.price(report.currency)),
        RowColumn(_("Value applies to"), "value_basis", cells.word()),
        RowColumn(_("Units added"), "units", cells.quantity()),
        RowColumn(_("Currency"), "currency", cells.word()),
        RowColumn(_("GMV"), "gmv_minor", cells.amount(report.currency)),
        *_credit_columns(),
    ]
    rows = Rows(
        found=counted_cart_events(report), period=report.query.period, columns=columns, currency=report.currency
    )
    return rows.table(_("Cart events"))


#: The tables of rows, by their names in URLs and file names.
ROW_TABLES: dict[str, Callable[[RevenueImpactReport], Table]] = {
    "orders": orders_table,
    "cart_events": cart_events_table,
}


def _time_columns(report: RevenueImpactReport) -> list[RowColumn]:
    company = report.query.company
    return [
        RowColumn(_("Day"), "occurred_on", cells.day()),
        RowColumn(
            _("Time (%(zone)s)") % {"zone": company.time_zone},
            "occurred_at",
            cells.local(company.zone, report.query.period),
        ),
        RowColumn(_("Time (UTC)"), "occurred_at", cells.utc()),
    ]


def _credit_columns() -> list[RowColumn]:
    return [
        RowColumn(_("Channel"), "channel", cells.word()),
        RowColumn(_("AI profile"), "ai_profile", cells.text()),
        RowColumn(_("Trust"), "trust", cells.word()),
        RowColumn(_("Credited to"), "credited_interaction__kind", cells.word()),
        RowColumn(_("Interaction product"), "credited_interaction__product_id", cells.text()),
        RowColumn(_("Interaction time (UTC)"), "credited_interaction__occurred_at", cells.utc()),
        RowColumn(_("Attribution window"), "attribution_window", cells.duration()),
        RowColumn(_("Attribution model"), "attribution_model", cells.word()),
    ]
