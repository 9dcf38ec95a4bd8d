"""The lines of an order, or of what was said of one, as a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.trace_pages.parts import LineRow, LineTable
from alhena_tracking.admin.trace_pages.revenue import line_credit
from alhena_tracking.models import OrderClaim, PendingConfirmation
from alhena_tracking.traces import OrderTrace


class StoredLinesMixin:
    """Shows the lines that a claim or a pending confirmation stores."""

    @admin.display(description=gettext_lazy("Items"))
    def lines(self, row: Any) -> str:
        return _stored_lines(row)


def _stored_lines(row: OrderClaim | PendingConfirmation) -> str:
    if not row.line_items:
        return formats.MISSING
    lines = [
        LineRow(
            line["product_id"],
            line["product_name"],
            formats.quantity(Decimal(line["quantity"])),
            formats.money(line["total_minor"], row.currency),
        )
        for line in row.line_items
    ]
    return render_to_string("alhena_tracking/_lines.html", {"rows": lines})


def order_lines(trace: OrderTrace) -> LineTable | None:
    if not trace.lines:
        return None
    currency, omitted = trace.order.currency, trace.omitted_lines
    text = ngettext("%(count)s more item is not shown.", "%(count)s more items are not shown.", omitted)
    return LineTable(
        [
            LineRow(
                line.product_id,
                line.product_name,
                formats.quantity(line.quantity),
                formats.money(line.total_minor, currency),
                line_credit(line, trace),
            )
            for line in trace.lines
        ],
        text % {"count": formats.count(omitted)} if omitted else "",
        _line_difference(trace),
    )


def _line_difference(trace: OrderTrace) -> str:
    """Explain why the lines, where all are listed, do not add up to the order."""
    order, total_minor = trace.order, sum(line.total_minor for line in trace.lines)
    if trace.omitted_lines or total_minor == order.value_minor:
        return ""
    text = _(
        "The items add up to %(total)s. Discounts, shipping and taxes on the whole order are not part of them and may "
        "explain the difference from %(value)s."
    )
    return text % {
        "total": formats.money(total_minor, order.currency),
        "value": formats.money(order.value_minor, order.currency),
    }
