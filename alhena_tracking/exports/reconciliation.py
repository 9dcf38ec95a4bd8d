"""The table of a comparison with the shop's own orders."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import in_major_units
from alhena_tracking.exports.tables import Cell, Column, Table
from alhena_tracking.reconciliation import ComparedOrder, Reconciliation


def reconciliation_table(found: Reconciliation) -> Table:
    """Return a row for each order of the file, for each line not read, and for each order that the file lacks."""
    columns: list[Column[ComparedOrder]] = [
        Column(_("Line"), lambda order: order.line),
        Column(_("Order ID"), lambda order: order.order_id),
        Column(_("Day"), lambda order: order.on),
        Column(_("Result"), lambda order: str(order.verdict.label)),
        Column(_("Reason"), lambda order: "; ".join(map(str, order.reasons))),
        Column(_("Value in the file"), lambda order: _amount(order.file_minor, order.file_currency)),
        Column(_("Currency in the file"), lambda order: order.file_currency),
        Column(_("Recorded value"), lambda order: _amount(order.our_minor, order.our_currency)),
        Column(_("Recorded currency"), lambda order: order.our_currency),
        Column(
            pgettext("revenue", "Refunded"), lambda order: _amount(order.refunded_minor or None, order.our_currency)
        ),
    ]
    return Table.of(_("Reconciliation"), columns, found.orders)


def _amount(minor: int | None, currency: str) -> Cell:
    return None if minor is None else in_major_units(minor, currency)
