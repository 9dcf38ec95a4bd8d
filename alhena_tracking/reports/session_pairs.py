"""Sessions by the channels and AI profiles that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from alhena_tracking.models import Standing, VisitorSession


@dataclass(frozen=True, slots=True)
class SessionPairs:
    """One row for each session and each of its values of the keys ``by``: the start day, channel and AI profile.

    A session belongs to the channel and AI profile of each of its qualifying interactions, and of each of its orders
    that count, of any day and currency (all, or those by ``until``). Keys in ``over`` are null: one row over all their
    values. Columns in ``chosen`` equal its values. Under each name in ``converting`` stands whether the session has an
    order that is credited to the row, and has one of these levels of trust.
    """

    sessions: QuerySet[VisitorSession]
    by: Sequence[str]
    over: Sequence[str]
    chosen: Mapping[str, str]
    until: datetime | None
    converting: Mapping[str, Sequence[str]]

    @property
    def db(self) -> str:
        return self.sessions.db

    def source(self, columns: Iterable[str]) -> tuple[str, tuple[Any, ...]]:
        quote = connections[self.db].ops.quote_name
        branches = list(self._branches())
        params = tuple(param for _, its_params in branches for param in its_params)
        keys = [quote(name) for name in self.by if name not in self.over]
        # Null has the type and collation of the column.
        nulls = [f"MAX(CASE WHEN 1 = 0 THEN {quote(name)} END) AS {quote(name)}" for name in self.over]
        flags = [_flag(levels, quote("trust")) + f" AS {quote(name)}" for name, levels in self.converting.items()]
        chosen = " AND ".join(f"{quote(name)} = %s" for name in self.chosen)
        pairs = " UNION ALL ".join(sql for sql, _ in branches)
        sql = (
            f"(SELECT {', '.join([*keys, *nulls, *flags])} FROM ({pairs}) AS pairs"  # noqa: S608
            f"{f' WHERE {chosen}' if chosen else ''} GROUP BY {', '.join([quote('id'), *keys])}) AS found"
        )
        return sql, (*params, *self.chosen.values())

    def _branches(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield SELECTs of ids, start days, channels, AI profiles and trust (of orders; else empty)."""
        by_until = {"occurred_at__lte": self.until} if self.until else {}
        # A session's own pair is that of its first qualifying interaction.
        yield self._without_trust(self.sessions, "channel", "ai_profile")
        if self.chosen or {"channel", "ai_profile"}.intersection(self.by).difference(self.over):
            qualifying = self.sessions.filter(**_of("interactions", is_qualifying=True, **by_until))
            yield self._without_trust(qualifying, "interactions__kind", "interactions__ai_profile")
        bought = self.sessions.filter(**_of("orders", standing=Standing.COUNTED, **by_until))
        yield self._select(bought, "orders__channel", "orders__ai_profile", "orders__trust")

    def _without_trust(self, sessions: QuerySet[VisitorSession], *pair: str) -> tuple[str, tuple[Any, ...]]:
        sql, params = self._select(sessions, *pair)
        return f"SELECT found.*, '' AS trust FROM ({sql}) AS found", params  # noqa: S608

    def _select(self, sessions: QuerySet[VisitorSession], *columns: str) -> tuple[str, tuple[Any, ...]]:
        rows = sessions.order_by().values_list("id", "started_on", *columns)
        sql, params = rows.query.get_compiler(self.db).as_sql()
        return sql, params


def _of(relation: str, **lookups: object) -> dict[str, object]:
    return {f"{relation}__{name}": value for name, value in lookups.items()}


def _flag(levels: Sequence[str], trust: str) -> str:
    listed = ", ".join(f"'{level}'" for level in levels)
    return f"MAX(CASE WHEN {trust} IN ({listed}) THEN 1 ELSE 0 END)" if levels else "0"
