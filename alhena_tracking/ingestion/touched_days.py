"""Days that come to something else now, so that their roll-ups must not be read any more."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from alhena_tracking.contract.limits import MARKED_STALE_AFTER
from alhena_tracking.db.transactions import database
from alhena_tracking.ingestion.statements import StoredCartEvent
from alhena_tracking.models import CartEvent, Company, RolledUpDay, VisitorSession


class TouchedDays:
    """The days of a company whose figures a transaction changes that was told of something at ``at``."""

    def __init__(self, company: Company, at: datetime) -> None:
        self.company = company
        self._last = company.last_day_ended(at - MARKED_STALE_AFTER)
        self._days: set[date] = set()
        self._session_days: set[date] = set()
        self._session_ids: set[int] = set()

    def add(self, *days: date) -> None:
        """Take note of days whose carts or orders changed. Those that are hardly over have no roll-ups."""
        self._days.update(day for day in days if day <= self._last)

    def add_sessions(self, *days: date) -> None:
        """Take note of the days of sessions that are new, or counted otherwise."""
        self._session_days.update(day for day in days if day <= self._last)

    def add_cart_events(self, events: Iterable[CartEvent | StoredCartEvent]) -> None:
        """Take note of cart events that are new, or worth something else than before."""
        # By the moment, which is read of all rows; the day is not.
        self.add(*(event.occurred_at.astimezone(self.company.zone).date() for event in events))

    def add_order(self, session_id: int, on: date) -> None:
        """Take note of an order of this session and day that is new or another than before, or is this no more."""
        self.add(on)
        self._session_ids.add(session_id)

    def __bool__(self) -> bool:
        return bool(self._days or self._session_days or self._session_ids)

    def mark(self) -> None:
        """Mark the days stale. The caller has changed everything else, and holds the sessions of the orders."""
        if self._session_ids:
            sessions = VisitorSession.objects.using(database().alias).filter(pk__in=self._session_ids)
            self.add_sessions(*sessions.values_list("started_on", flat=True))
        days = RolledUpDay.objects.using(database().alias)
        days.mark_stale(self.company, self._days, of_sessions=self._session_days)
