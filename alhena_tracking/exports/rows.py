"""The rows that a report counts, read in pieces so that any number of them takes the same memory.

They are read by day and time, each piece starting after the last row of the previous one: never with ``OFFSET``, which
scans the skipped rows again. Values are read instead of instances, which take three times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import in_major_units, unit_value
from alhena_tracking.exports.tables import Column, Table
from alhena_tracking.models import CartEvent, Order, Refund
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import RevenueImpactReport, counted_cart_events, counted_orders

#: How many keys are read at once, and how many of their rows.
KEYS = 20_000
ROWS = 1000

#: The values of one row, by their look-ups.
_Row: TypeAlias = Mapping[str, Any]

_CREDIT_FIELDS = (
    "channel",
    "ai_profile",
    "trust",
    "credited_interaction__kind",
    "credited_interaction__product_id",
    "credited_interaction__occurred_at",
    "attribution_window",
    "attribution_model",
)
_ORDER_FIELDS = ("id", "order_id", "occurred_on", "occurred_at", "value_minor", "has_conflict", *_CREDIT_FIELDS)
_CART_EVENT_FIELDS = (
    "id",
    "occurred_on",
    "occurred_at",
    "type",
    "product_id",
    "product_name",
    "quantity",
    "value_minor",
    "value_basis",
    "units",
    "gmv_minor",
    *_CREDIT_FIELDS,
)


def orders_table(report: RevenueImpactReport) -> Table:
    """Return the orders that the report counts, whose values add up to its purchase revenue.

    Refunds are shown beside their order, with their own days.
    """
    currency = report.currency
    conflict = {True: _("yes"), False: _("no")}
    columns: list[Column[_Row]] = [
        Column(_("Order ID"), lambda row: row["order_id"]),
        *_time_columns(report),
        Column(_("Currency"), lambda row: currency),
        Column(_("Value"), lambda row: in_major_units(row["value_minor"], currency)),
        Column(pgettext("revenue", "Refunded"), lambda row: in_major_units(row["refunded_minor"], currency)),
        Column(
            pgettext("revenue", "Net"),
            lambda row: in_major_units(row["value_minor"] - row["refunded_minor"], currency),
        ),
        Column(_("Refunds by day"), lambda row: row["refund_days"]),
        *_credit_columns(),
        Column(_("Conflict"), lambda row: conflict[row["has_conflict"]]),
    ]
    return Table.of(_("Orders"), columns, _orders(report))


def cart_events_table(report: RevenueImpactReport) -> Table:
    """Return the cart events that the report counts, whose GMV adds up to its total add-to-cart GMV."""
    currency = report.currency
    columns: list[Column[_Row]] = [
        *_time_columns(report),
        Column(pgettext("cart event", "Type"), lambda row: row["type"]),
        Column(_("Product ID"), lambda row: row["product_id"]),
        Column(_("Product"), lambda row: row["product_name"]),
        Column(_("Quantity in the cart"), lambda row: _shortest(row["quantity"])),
        Column(_("Reported value"), lambda row: unit_value(row["value_minor"], currency)),
        Column(_("Value applies to"), lambda row: row["value_basis"]),
        Column(_("Units added"), lambda row: _shortest(row["units"])),
        Column(_("Currency"), lambda row: currency),
        Column(_("GMV"), lambda row: in_major_units(row["gmv_minor"], currency)),
        *_credit_columns(),
    ]
    return Table.of(_("Cart events"), columns, _cart_events(report))


#: The tables of rows, by their names in URLs and file names.
ROW_TABLES: dict[str, Callable[[RevenueImpactReport], Table]] = {
    "orders": orders_table,
    "cart_events": cart_events_table,
}


def _time_columns(report: RevenueImpactReport) -> list[Column[_Row]]:
    zone = report.query.company.zone
    return [
        Column(_("Day"), lambda row: row["occurred_on"]),
        Column(
            _("Time (%(zone)s)") % {"zone": report.query.company.time_zone},
            lambda row: row["occurred_at"].astimezone(zone),
        ),
        Column(_("Time (UTC)"), lambda row: row["occurred_at"].astimezone(UTC)),
    ]


def _credit_columns() -> list[Column[_Row]]:
    return [
        Column(_("Channel"), lambda row: row["channel"]),
        Column(_("AI profile"), lambda row: row["ai_profile"]),
        Column(_("Trust"), lambda row: row["trust"]),
        Column(_("Credited to"), lambda row: row["credited_interaction__kind"]),
        Column(_("Interaction product"), lambda row: row["credited_interaction__product_id"]),
        Column(_("Interaction time (UTC)"), lambda row: row["credited_interaction__occurred_at"].astimezone(UTC)),
        Column(_("Attribution window"), lambda row: _hours(row["attribution_window"])),
        Column(_("Attribution model"), lambda row: row["attribution_model"]),
    ]


def _orders(report: RevenueImpactReport) -> Iterator[_Row]:
    for keys in _pieces(counted_orders(report)):
        refunds = _refunds(keys, report.currency)
        for row in _rows(Order, keys, _ORDER_FIELDS):
            refunded_minor, refund_days = refunds.get(row["id"], (0, ""))
            yield {**row, "refunded_minor": refunded_minor, "refund_days": refund_days}


def _cart_events(report: RevenueImpactReport) -> Iterator[_Row]:
    for keys in _pieces(counted_cart_events(report)):
        yield from _rows(CartEvent, keys, _CART_EVENT_FIELDS)


def _pieces(rows: DatedQuerySet[Any]) -> Iterator[list[int]]:
    """Yield the ids of all rows in the order of the export."""
    ordered = rows.order_by("occurred_on", "occurred_at", "id").values_list("occurred_on", "occurred_at", "id")
    keys = list(ordered[:KEYS])
    while keys:
        ids = [pk for _on, _at, pk in keys]
        yield from (ids[start : start + ROWS] for start in range(0, len(ids), ROWS))
        if len(keys) < KEYS:
            return
        keys = list(_after(ordered, *keys[-1])[:KEYS])


def _after(ordered: Any, on: date, at: datetime, pk: int) -> Any:
    is_later = Q(occurred_on__gt=on) | Q(occurred_at__gt=at) | Q(occurred_at=at, id__gt=pk)
    return ordered.filter(is_later, occurred_on__gte=on)  # also by day alone, for the index


def _rows(model: Any, keys: Sequence[int], fields: Sequence[str]) -> Iterator[_Row]:
    found = {row["id"]: row for row in model.objects.filter(pk__in=keys).order_by().values(*fields)}
    # Rows deleted since their key was read are left out.
    yield from (found[key] for key in keys if key in found)


def _refunds(keys: Sequence[int], currency: str) -> dict[int, tuple[int, str]]:
    """Return each order's refunds: their sum, and the amounts by day."""
    days: defaultdict[int, list[tuple[date, int]]] = defaultdict(list)
    refunds = Refund.objects.filter(refunded_order__in=keys).order_by("occurred_at", "id")
    for pk, on, minor in refunds.values_list("refunded_order", "occurred_on", "counted_minor"):
        days[pk].append((on, minor))
    return {
        pk: (
            sum(minor for _on, minor in given),
            "; ".join(f"{on} {in_major_units(minor, currency)}" for on, minor in given),
        )
        for pk, given in days.items()
    }


def _hours(window: timedelta) -> str:
    """Format a duration as ``24:00:00``."""
    minutes, seconds = divmod(window // timedelta(seconds=1), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _shortest(quantity: Decimal) -> Decimal:
    """Remove trailing zeros."""
    return quantity.normalize() if quantity % 1 else quantity.quantize(Decimal(1))
