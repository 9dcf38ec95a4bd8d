"""Collect the days whose roll-ups a transaction makes stale."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from alhena_tracking.contract.limits import MARKED_STALE_AFTER
from alhena_tracking.db.transactions import database
from alhena_tracking.ingestion.statements import StoredCartEvent
from alhena_tracking.models import CartEvent, Company, RolledUpDay, VisitorSession


class StaleDays:
    """The days of a company whose figures change by events received at ``at``."""

    def __init__(self, company: Company, at: datetime) -> None:
        self.company = company
        self._last = company.last_day_ended(at - MARKED_STALE_AFTER)
        self._days: set[date] = set()
        self._session_days: set[date] = set()
        self._session_ids: set[int] = set()

    def add(self, *days: date) -> None:
        """Add days whose carts or orders changed. Days that ended within ``MARKED_STALE_AFTER`` have no roll-ups."""
        self._days.update(day for day in days if day <= self._last)

    def add_sessions(self, *days: date) -> None:
        """Add the days of sessions that are new or changed in the figures."""
        self._session_days.update(day for day in days if day <= self._last)

    def add_cart_events(self, events: Iterable[CartEvent | StoredCartEvent]) -> None:
        """Add the days of cart events that are new or changed their worth."""
        # From the time, which is read for all rows; the day is not.
        self.add(*(event.occurred_at.astimezone(self.company.zone).date() for event in events))

    def add_order(self, session_id: int, on: date) -> None:
        """Add the day of an order that was added, changed or removed, and mark its session."""
        self.add(on)
        self._session_ids.add(session_id)

    def __bool__(self) -> bool:
        return bool(self._days or self._session_days or self._session_ids)

    def mark(self) -> None:
        """Mark the days stale. Call last, with the sessions of the orders locked."""
        if self._session_ids:
            sessions = VisitorSession.objects.using(database().alias).filter(pk__in=self._session_ids)
            self.add_sessions(*sessions.values_list("started_on", flat=True))
        days = RolledUpDay.objects.using(database().alias)
        days.mark_stale(self.company, self._days, of_sessions=self._session_days)
