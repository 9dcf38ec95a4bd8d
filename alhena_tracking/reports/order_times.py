"""How long after the credited interaction orders were placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from django.db.models import Func, IntegerField
from django.utils.translation import gettext_lazy as _

from alhena_tracking.models import Order
from alhena_tracking.reports.grouped import COUNT, FoundRows, Grouped
from alhena_tracking.reports.query import ReportQuery
from alhena_tracking.reports.sums import add_up

#: The labels of the buckets, by the minutes at which each begins; the last one is open.
BUCKETS = {
    0: _("under 1 minute"),
    1: _("1 to 5 minutes"),
    5: _("5 to 15 minutes"),
    15: _("15 to 60 minutes"),
    60: _("1 to 3 hours"),
    3 * 60: _("3 to 12 hours"),
    12 * 60: _("12 to 24 hours"),
    24 * 60: _("24 hours or longer"),
}


class WholeMinutes(Func):
    """The whole minutes from a moment to a later one; 0 if it is earlier, empty without either."""

    arity = 2
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self._as("FLOOR(EXTRACT(EPOCH FROM ({later} - {earlier})) / 60)", compiler, connection)

    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        return self._as("TIMESTAMPDIFF(MINUTE, {earlier}, {later})", compiler, connection)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        # SQLite rounds fractions of seconds to thousandths.
        seconds = "STRFTIME('%%s', SUBSTR({later}, 1, 19)) - STRFTIME('%%s', SUBSTR({earlier}, 1, 19))"
        is_less = "SUBSTR({later} || '.000000', 20, 7) < SUBSTR({earlier} || '.000000', 20, 7)"
        return self._as(f"({seconds} - ({is_less})) / 60", compiler, connection)

    def _as(self, minutes: str, compiler: Any, connection: Any) -> Any:
        earlier, later = (compiler.compile(each)[0] for each in self.get_source_expressions())
        sql = f"CASE WHEN {{later}} < {{earlier}} THEN 0 ELSE {minutes} END"
        return sql.format(earlier=earlier, later=later), []


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """The orders placed from ``since_minutes`` to just before ``until_minutes``, if there is an end."""

    since_minutes: int
    until_minutes: int | None
    orders: int

    @property
    def label(self) -> str:
        return str(BUCKETS[self.since_minutes])


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTimes:
    """The whole minutes from the credited interaction to the order.

    The median and the quartiles are times of orders (nearest rank), ``None`` without any. ``undated_orders`` have no
    time of their interaction, and are in no other number.
    """

    orders: int
    undated_orders: int
    lower_quartile_minutes: int | None
    median_minutes: int | None
    upper_quartile_minutes: int | None
    buckets: tuple[TimeBucket, ...]

    @classmethod
    def of(cls, orders: Mapping[int | None, int]) -> Self:
        """Build them from the number of orders by minutes, which are ``None`` where they are not known."""
        counts = {minutes: count for minutes, count in orders.items() if minutes is not None}
        buckets = (
            TimeBucket(since, until, sum(counts[one] for one in counts if since <= one and (not until or one < until)))
            for since, until in pairwise((*BUCKETS, None))
            if since is not None
        )
        return cls(
            orders=sum(counts.values()),
            undated_orders=orders.get(None, 0),
            lower_quartile_minutes=_quartile(counts, 1),
            median_minutes=_quartile(counts, 2),
            upper_quartile_minutes=_quartile(counts, 3),
            buckets=tuple(buckets),
        )


def order_times(query: ReportQuery, currency: str) -> OrderTimes:
    """Read the times of the query's orders in a currency, grouped by minutes."""
    orders = query.orders(query.period, currency=currency).annotate(minutes=WholeMinutes("credited_at", "occurred_at"))
    found = add_up([Grouped(FoundRows(orders), ["minutes"], orders=COUNT)], ["minutes"], using=Order.objects.db)
    return OrderTimes.of({None if minutes is None else int(minutes): sums["orders"] for (minutes,), sums in found})


def _quartile(counts: Mapping[int, int], number: int) -> int | None:
    """Return the smallest time that at least ``number`` quarters of the orders do not exceed."""
    rank = -(-number * sum(counts.values()) // 4)
    for minutes in sorted(counts):
        rank -= counts[minutes]
        if rank <= 0:
            return minutes
    return None
