"""The claims of one order, and which of them it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from alhena_tracking.attribution import is_near_claim, nearest_claim
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import Attribution, Lines, OrderData, Visitor
from alhena_tracking.models import Company, Order, OrderClaim, PendingConfirmation


@dataclass
class Claims:
    """The claims of one order, in order of arrival.

    Of very many (``has_more``), ``rows`` holds those that may decide something: the first two, the one shown, the first
    that may be shown while only browsers report the order, those with the server's figures that were received nearest
    to its time, and those of the events' sessions. ``own`` holds those of visitors whom the shop's server names.
    """

    rows: list[OrderClaim] = field(default_factory=list)
    has_more: bool = False
    own: dict[Visitor, OrderClaim] = field(default_factory=dict)
    excluded_sessions: set[int] = field(default_factory=set)
    restated: list[OrderClaim] = field(default_factory=list)

    def of_session(self, session_id: int) -> OrderClaim | None:
        return next((claim for claim in self.rows if claim.session_id == session_id), None)

    def add(self, company: Company, data: OrderData, attribution: Attribution, lines: Lines) -> None:
        self.rows.append(order_rows.new_claim(company, data, attribution, lines))

    def restate(
        self, claim: OrderClaim, company: Company, data: OrderData, attribution: Attribution, lines: Lines
    ) -> None:
        """Let a session's report of 0, sent while the page was loading, give way to its first above 0."""
        order_rows.restate_claim(claim, company, data, attribution, lines)
        if claim not in self.restated:
            self.restated.append(claim)

    def first_acceptable(self) -> OrderClaim:
        """Return the first claim that is not above the ceiling, else the first of all."""
        return next((claim for claim in self._included() if not claim.is_above_ceiling), self.rows[0])

    def fitting(self, order: Order) -> OrderClaim | None:
        """Return the claim with exactly the server's figures; of several the one received nearest to its time."""
        exact = [claim for claim in self._included() if amount_of(claim) == amount_of(order)]
        return nearest_claim(exact, order.server_occurred_at) if exact else None

    def near(self, order: Order) -> OrderClaim | None:
        """Return the only claim, if its amount and time are near to the server's."""
        at = order.server_occurred_at or order.confirmed_at
        if len(self.rows) > 1 or self.has_more or at is None:
            return None
        (claim,) = self.rows
        return claim if is_near_claim(claim, order.currency, order.value_minor, at) else None

    def disagree_with(self, order: Order) -> bool:
        """Return whether a claim is of another session than is shown, or of another amount."""
        shown = (order.session_id, *amount_of(order))
        return any((claim.session_id, *amount_of(claim)) != shown for claim in self.rows)

    def _included(self) -> Iterable[OrderClaim]:
        return (claim for claim in self.rows if claim.session_id not in self.excluded_sessions)


def amount_of(row: Order | OrderClaim | PendingConfirmation | OrderData) -> tuple[str, int]:
    return row.currency, row.value_minor
