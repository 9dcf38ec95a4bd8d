"""The rows that the report counts, one by one, read in pieces so that any number of them takes the same memory.

They are read in the order of days and times, each piece beginning after the last row of the one before: never with
``OFFSET``, which counts rows anew. Values are read, not instances, which take three times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import in_major_units
from alhena_tracking.exports.tables import Cell, Table
from alhena_tracking.models import CartEvent, Order, Refund
from alhena_tracking.querysets import DatedQuerySet
from alhena_tracking.reports import RevenueImpactReport, counted_cart_events, counted_orders

#: How many rows are looked for at once (their keys), and how many of those are read at once.
KEYS = 20_000
ROWS = 1000

_CREDIT = (
    *("channel", "ai_profile", "trust", "credited_interaction__kind", "credited_interaction__product_id"),
    *("credited_interaction__occurred_at", "attribution_window", "attribution_model"),
)


def orders_table(report: RevenueImpactReport) -> Table:
    """The orders that the report counts (no excluded ones), so that their values add up to its purchase revenue.

    Refunds stand beside their order with their own days.
    """
    return Table(
        title=_("Orders"),
        columns=[
            *(
                _("Order id"),
                *_time_columns(report),
                _("Currency"),
                _("Value"),
                pgettext("revenue", "Refunded"),
                pgettext("revenue", "Net"),
            ),
            *(_("Refunds by day"), *_credit_columns(), _("Conflict")),
        ],
        rows=_orders(report, {True: _("yes"), False: _("no")}),
    )


def cart_events_table(report: RevenueImpactReport) -> Table:
    """The cart events that the report counts, so that their GMV adds up to its total add-to-cart GMV."""
    return Table(
        title=_("Cart events"),
        columns=[
            *(
                *_time_columns(report),
                pgettext("cart event", "Type"),
                _("Product id"),
                _("Product"),
                _("Quantity in the cart"),
            ),
            *(_("Value reported"), _("Value is for"), _("Units added"), _("Currency"), _("GMV"), *_credit_columns()),
        ],
        rows=_cart_events(report),
    )


#: The tables of rows by the names that they have in URLs and file names.
ROW_TABLES: dict[str, Callable[[RevenueImpactReport], Table]] = {
    "orders": orders_table,
    "cart_events": cart_events_table,
}


def _orders(report: RevenueImpactReport, words: Mapping[bool, str]) -> Iterator[list[Cell]]:
    currency, zone = report.currency, report.query.company.zone
    columns = ("id", "order_id", "occurred_on", "occurred_at", "value_minor", "has_conflict", *_CREDIT)
    for keys in _pieces(counted_orders(report)):
        refunds = _refunds(keys, currency)
        for pk, order_id, on, at, minor, has_conflict, *credit in _rows(Order, keys, columns):
            refunded, days = refunds.get(pk, (0, ""))
            yield [
                *(order_id, on, at.astimezone(zone), at.astimezone(UTC), currency, in_major_units(minor, currency)),
                *(in_major_units(refunded, currency), in_major_units(minor - refunded, currency), days),
                *(*_credit(credit), words[has_conflict]),
            ]


def _cart_events(report: RevenueImpactReport) -> Iterator[list[Cell]]:
    currency, zone = report.currency, report.query.company.zone
    columns = (
        *("id", "occurred_on", "occurred_at", "type", "product_id", "product_name", "quantity", "value_minor"),
        *("value_basis", "units", "gmv_minor", *_CREDIT),
    )
    for keys in _pieces(counted_cart_events(report)):
        for _pk, on, at, *product, quantity, value, basis, units, gmv, credit in _with_credit(CartEvent, keys, columns):
            yield [
                *(on, at.astimezone(zone), at.astimezone(UTC), *product, _shortest(quantity)),
                *(in_major_units(value, currency), basis, _shortest(units), currency, in_major_units(gmv, currency)),
                *_credit(credit),
            ]


def _pieces(rows: DatedQuerySet[Any]) -> Iterator[list[int]]:
    """The ids of all rows, in the order in which they are exported."""
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
    return ordered.filter(is_later, occurred_on__gte=on)  # the day by itself, too, as the index has it


def _rows(model: Any, keys: Sequence[int], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    found = {row[0]: row for row in model.objects.filter(pk__in=keys).order_by().values_list(*columns)}
    # What was deleted since its key was read is left out.
    yield from (found[key] for key in keys if key in found)


def _with_credit(model: Any, keys: Sequence[int], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in _rows(model, keys, columns):
        yield (*row[: -len(_CREDIT)], row[-len(_CREDIT) :])


def _refunds(keys: Sequence[int], currency: str) -> dict[int, tuple[int, str]]:
    """What was given back of each order, and on which days how much of it."""
    days: defaultdict[int, list[tuple[date, int]]] = defaultdict(list)
    refunds = Refund.objects.filter(refunded_order__in=keys).order_by("occurred_at", "id")
    for pk, on, minor in refunds.values_list("refunded_order", "occurred_on", "value_minor"):
        days[pk].append((on, minor))
    return {
        pk: (
            sum(minor for _on, minor in given),
            "; ".join(f"{on} {in_major_units(minor, currency)}" for on, minor in given),
        )
        for pk, given in days.items()
    }


def _time_columns(report: RevenueImpactReport) -> list[str]:
    return [_("Day"), _("Time (%(zone)s)") % {"zone": report.query.company.time_zone}, _("Time (UTC)")]


def _credit_columns() -> list[str]:
    return [
        *(_("Channel"), _("AI profile"), _("Trust"), _("Credited to"), _("Interaction's product")),
        *(_("Interaction's time (UTC)"), _("Attribution window"), _("Attribution model")),
    ]


def _credit(values: Sequence[Any]) -> list[Cell]:
    *credit, at, window, model = values
    return [*credit, at.astimezone(UTC), _hours(window), model]


def _hours(window: timedelta) -> str:
    """A length of time as ``24:00:00``."""
    minutes, seconds = divmod(window // timedelta(seconds=1), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _shortest(quantity: Decimal) -> Decimal:
    """Without decimals that are zero."""
    return quantity.normalize() if quantity % 1 else quantity.quantize(Decimal(1))
