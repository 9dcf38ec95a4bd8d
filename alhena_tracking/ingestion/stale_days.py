"""Collect the days whose roll-ups a transaction makes stale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from alhena_tracking.contract.limits import MARKED_STALE_AFTER
from alhena_tracking.ingestion.order_rows import figure_key, recommending_sessions
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.state import StoredCartEvent
from alhena_tracking.models import CartEvent, Company, Interaction, VisitorSession


class StaleDays:
    """The days of a company whose figures change by events received at ``at``.

    Days that ended within ``MARKED_STALE_AFTER`` have no roll-ups, and are left out.
    """

    def __init__(self, company: Company, at: datetime) -> None:
        self.company = company
        self._last = company.last_day_ended(at - MARKED_STALE_AFTER)
        self.days: set[date] = set()
        self.session_days: set[date] = set()

    def __bool__(self) -> bool:
        return bool(self.days or self.session_days)

    def add(self, *days: date) -> None:
        """Add days whose carts or orders changed."""
        self.days.update(day for day in days if day <= self._last)

    def add_sessions(self, *days: date) -> None:
        """Add the days of sessions that are new, or changed in the figures."""
        self.session_days.update(day for day in days if day <= self._last)

    def add_interaction(self, interaction: Interaction, session: VisitorSession) -> None:
        """Add the day of a session that a new interaction may have given a further channel or AI profile, and that of
        one that recommended products.
        """
        pair = (interaction.kind, interaction.ai_profile)
        if interaction.is_qualifying and pair != (session.channel, session.ai_profile):
            self.add_sessions(session.started_on)
        if interaction.recommended_product_ids:
            self.add_sessions(interaction.occurred_on)

    def add_cart_events(self, events: Iterable[CartEvent | StoredCartEvent]) -> None:
        """Add the days of cart events that are new or changed their worth."""
        # From the time, which is read for all rows; the day is not.
        self.add(*(day for event in events for day in self._days_of(event.occurred_at)))

    def add_order(self, on: date, session_started_on: date) -> None:
        """Add the day of an order that was added, changed or removed, and that of its session."""
        self.add(on)
        self.add_sessions(session_started_on)

    def add_state(self, state: OrderState, sessions: Mapping[int, VisitorSession]) -> None:
        """Add the days whose figures the changes of an order alter: its own, and those of its sessions' conversion."""
        order = state.order
        if order is None:
            return
        if state.lines is not None or state.refunds.changed():
            self.add(order.occurred_on)
        key = figure_key(order)
        if key != state.figure_key:
            for session_id, on in (key[:2], state.figure_key[:2] or key[:2]):
                self.add_order(on, sessions[session_id].started_on)
        if key != state.figure_key or state.conversations is not None:
            self.add_conversations(state.former_recommending | recommending_sessions(order), sessions)

    def add_conversations(self, bought: Iterable[int], sessions: Mapping[int, VisitorSession]) -> None:
        """Add the days of sessions whose conversations an order comes to buy through, or ceases to."""
        self.add_sessions(*(sessions[pk].started_on for pk in bought if pk in sessions))

    def _days_of(self, moment: datetime) -> list[date]:
        """Return the day of a moment; while rows are re-dated, all days that it may have in any zone."""
        if self.company.zone_changed_at is None:
            return [moment.astimezone(self.company.zone).date()]
        day = moment.astimezone(UTC).date()
        return [day + timedelta(days=number) for number in (-1, 0, 1)]
