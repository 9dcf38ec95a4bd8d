"""Count sessions by the channels and AI profiles that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from alhena_tracking.models import Interaction, Order, Standing, VisitorSession
from alhena_tracking.reports.grouped import Grouped

_Select = tuple[str, tuple[Any, ...]]


class SessionSums(Grouped):
    """The numbers of sessions, and under each name in ``converting`` those with an order of one of its levels of trust.

    A session belongs to the channel and AI profile of each of its qualifying interactions, and of each of its orders
    that count, of any day and currency (all, or those by ``until``). An order converts its session where it is
    credited. So numbers of several channels or profiles do not add up, and there can be several ``levels``, each of
    which groups by some of the keys ``started_on``, ``channel`` and ``ai_profile``: the first one by all that are used,
    while in the others those left out are null. ``chosen`` filters by channel and AI profile.
    """

    def __init__(
        self,
        sessions: QuerySet[VisitorSession],
        levels: Sequence[Sequence[str]],
        *,
        chosen: Mapping[str, str] | None = None,
        until: datetime | None = None,
        **converting: Sequence[str],
    ) -> None:
        self.names = ("sessions", *converting)
        self._connection = connections[sessions.db]
        self._sessions, self._levels, self._chosen = sessions, levels, chosen or {}
        self._until, self._converting = until, converting

    def statement(self, add: str) -> _Select:
        quote = self._connection.ops.quote_name
        pairs = list(self._pairs())
        params = tuple(param for _, its_params in pairs for param in its_params)
        chosen = " AND ".join(f"{quote(name)} = %s" for name in self._chosen)
        of_keys = f"SELECT * FROM ({' UNION ALL '.join(sql for sql, _ in pairs)}) AS pairs"  # noqa: S608
        if chosen:
            of_keys += f" WHERE {chosen}"
        counts = ["COUNT(DISTINCT id)", *map(_converted, self._converting.values())]
        selects = []
        for level in self._levels:
            keys = [quote(name) if name in level else "NULL" for name in self._levels[0]]
            grouping = f"GROUP BY {', '.join(map(quote, level))}" if level else "HAVING COUNT(*) > 0"
            selects.append(f"SELECT {', '.join([*keys, *counts])} FROM pairs {grouping}")  # noqa: S608
        return f"WITH pairs AS ({of_keys}) {' UNION ALL '.join(selects)}", (*params, *self._chosen.values())

    def _pairs(self) -> Iterator[_Select]:
        """Yield SELECTs of sessions' ids, start days, channels, AI profiles, and trust (of orders; else empty)."""
        rows = self._sessions.order_by().values_list("id", "started_on", "channel", "ai_profile")
        sessions, params = rows.query.get_compiler(connection=self._connection).as_sql()
        # A session's own pair is that of its first qualifying interaction.
        yield f"SELECT visits.*, '' AS trust FROM ({sessions}) AS visits", params  # noqa: S608
        further = "kind AS channel, ai_profile, '' AS trust"
        yield self._of_each(sessions, params, Interaction, further, "is_qualifying")
        yield self._of_each(sessions, params, Order, "channel, ai_profile, trust", f"standing = '{Standing.COUNTED}'")

    def _of_each(
        self, sessions: str, params: tuple[Any, ...], model: type[Interaction | Order], columns: str, condition: str
    ) -> _Select:
        """Select what the sessions have of a model, looked up by index for each of them."""
        ops = self._connection.ops
        if self._until:
            condition += " AND occurred_at <= %s"
            params = (*params, ops.adapt_datetimefield_value(self._until))
        table = ops.quote_name(model._meta.db_table)
        found = f"SELECT session_id, {columns} FROM {table} WHERE {condition}"  # noqa: S608
        if self._connection.vendor == "postgresql":
            # OFFSET 0 keeps it from reading the whole table instead.
            join = f"CROSS JOIN LATERAL ({found} AND session_id = visits.id OFFSET 0) AS found"
        else:
            join = f"INNER JOIN ({found}) AS found ON found.session_id = visits.id"
        selected = "visits.id, visits.started_on, found.channel, found.ai_profile, found.trust"
        return f"SELECT {selected} FROM ({sessions}) AS visits {join}", params  # noqa: S608


def _converted(levels: Sequence[str]) -> str:
    """Return the aggregate that counts sessions with an order of these levels of trust."""
    listed = ", ".join(f"'{level}'" for level in levels)
    return f"COUNT(DISTINCT CASE WHEN trust IN ({listed}) THEN id END)" if levels else "0"
