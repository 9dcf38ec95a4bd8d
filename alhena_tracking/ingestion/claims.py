"""The claims of one order, and which of them it shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from alhena_tracking.attribution import is_near_claim, nearest_claim
from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import Attribution, Lines, OrderData, Visitor
from alhena_tracking.models import Company, Order, OrderAmounts, OrderClaim

#: A currency, and a number of its minor units.
Amount: TypeAlias = tuple[str, int]


@dataclass
class Claims:
    """The claims of one order, in order of arrival.

    Of very many (``has_more``), ``rows`` holds those that may decide something: the first two, the one shown, the first
    that may be shown while only browsers report the order, those with the server's figures that were received nearest
    to its time, and those of the events' sessions; of sessions that are not excluded, the first two at least. ``own``
    holds those of visitors whom the shop's server names.

    Claims of excluded sessions decide nothing where there are others.
    """

    rows: list[OrderClaim] = field(default_factory=list)
    has_more: bool = False
    own: dict[Visitor, OrderClaim] = field(default_factory=dict)
    excluded_sessions: set[int] = field(default_factory=set)
    restated: list[OrderClaim] = field(default_factory=list)

    @property
    def included(self) -> list[OrderClaim]:
        """The claims of sessions that are not excluded, or all if there are none."""
        return [claim for claim in self.rows if claim.session_id not in self.excluded_sessions] or self.rows

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
        return next((claim for claim in self.included if not claim.is_above_ceiling), self.included[0])

    def fitting(self, order: Order, amounts: Collection[Amount], since: datetime) -> OrderClaim | None:
        """Return the claim that the server's figures belong to; it depends on the claims, not on when it is chosen.

        ``amounts`` are those of all versions, the last of which arrived at ``since``. Of several claims to one of them,
        it is the one received nearest to the server's time. One received later than ``PENDING_AGE`` after the
        confirmation is chosen only where no other fits.
        """
        assert order.confirmed_at is not None  # noqa: S101
        exact = [claim for claim in self.included if amount_of(claim) in amounts]
        timely = [claim for claim in exact if claim.received_at - order.confirmed_at <= PENDING_AGE]
        near = None if timely else self._near(order, since)
        return near or (nearest_claim(timely or exact, order.server_occurred_at) if exact else None)

    def _near(self, order: Order, since: datetime) -> OrderClaim | None:
        """Return the claim with nearly the server's figures, if it was the only one once both were known."""
        first, *others = self.included[:2]
        if any(claim.received_at <= since for claim in others):
            return None
        at = order.server_occurred_at or order.confirmed_at
        assert at is not None  # noqa: S101
        parts = (order.tax_minor or 0) + (order.shipping_minor or 0)
        confirmed = (order.value_minor, order.value_minor - parts)
        return first if is_near_claim(first, order.currency, confirmed, at) else None

    def has_exact(self, amounts: Collection[Amount]) -> bool:
        return any(amount_of(claim) in amounts for claim in self.included)

    def disagree_with(self, order: Order, amounts: Collection[Amount]) -> bool:
        """Return whether a claim is of another session than is shown, or of none of the ``amounts``."""
        return any(claim.session_id != order.session_id or amount_of(claim) not in amounts for claim in self.rows)


def amount_of(row: OrderAmounts | OrderData) -> Amount:
    return row.currency, row.value_minor
