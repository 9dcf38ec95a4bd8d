"""The state of one order: its claims, what the shop's server said of it, its refunds, and which claim it shows.

Everything here runs under the lock row of the order id, which serializes reports, confirmations and refunds of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.claims import Claims, amount_of
from alhena_tracking.ingestion.data import (
    CONFIRMED,
    DUPLICATE,
    HELD,
    NO_INTERACTION,
    ORDER_DETAILS,
    PENDING,
    Attribution,
    Lines,
    OrderData,
    Outcome,
)
from alhena_tracking.ingestion.order_rows import Place, figure_key, place_of
from alhena_tracking.ingestion.refunds import Refunds
from alhena_tracking.models import Company, HeldReason, Order, OrderClaim, PendingConfirmation, Trust

_CREDIT_FIELDS = (
    "session_id",
    "credited_interaction_id",
    "channel",
    "ai_profile",
    "attribution_window",
    "attribution_model",
)


@dataclass
class OrderState:
    """What is stored under one order id, with the changes of the current transaction."""

    company: Company
    order: Order | None = None
    claims: Claims = field(default_factory=Claims)
    pending: PendingConfirmation | None = None
    refunds: Refunds = field(default_factory=Refunds)
    #: Lines that replace the stored ones; ``None`` keeps them.
    lines: Sequence[dict[str, Any]] | None = None
    #: The stored order's ``figure_key``, and the session and time at which it empties a cart.
    figure_key: tuple[Any, ...] = ()
    place: Place | None = None
    is_new: bool = False
    is_changed: bool = False
    is_confirmed: bool = False
    has_new_conflict: bool = False
    has_new_pending: bool = False
    drops_pending: bool = False

    @classmethod
    def of(cls, company: Company, order: Order) -> OrderState:
        """Return the state of a stored order, without its claims and refunds."""
        order.company = company
        return cls(company, order, figure_key=figure_key(order), place=place_of(order))

    def choose_again(self, now: datetime) -> None:
        """Choose the claim to show after staff excluded a session or included it again."""
        order = self._known_order()
        if not self.claims.rows:  # an order without an id
            return
        if order.trust == Trust.REPORTED:
            self._choose_reported(now)
        elif order.trust == Trust.CONFIRMED and not order.is_denied:
            self._choose_confirmed(now, is_credited=False)

    def settle(self) -> None:
        """Set the standing that follows from all events, once they are taken."""
        if self.order is not None:
            was = self.order.standing
            self.order.set_standing(is_session_excluded=self.order.session_id in self.claims.excluded_sessions)
            self.is_changed |= self.order.standing != was

    @property
    def new_place(self) -> Place | None:
        return place_of(self.order) if self.order is not None else None

    # Reports, confirmations and refunds

    def take(self, data: OrderData, attribution: Attribution | None) -> Outcome:
        """Apply a report or a confirmation, according to its trust and to whom it names."""
        lines = None if data.line_items is None else order_rows.stored_lines(data.line_items)
        if data.trust == Trust.REPORTED:
            return self._report(data, attribution, lines or [])
        if data.visitor is None:
            return self._confirm(data, lines)
        if attribution is None:
            # A visitor who claimed the order used the assistant, even if the server reports it days later.
            claim = self.claims.own.get(data.visitor)
            if claim is None:
                return self._deny(data, lines)
            credit = {name: getattr(claim, name) for name in _CREDIT_FIELDS}
            return self._verify(data, credit, claim.occurred_at, lines, data.received_at)
        return self._verify(data, attribution.fields(), data.occurred_at, lines, data.received_at, attribution)

    def lift(self, denial: PendingConfirmation, attribution: Attribution, now: datetime) -> None:
        """Credit the visitor whom the denial names: an interaction was recorded late."""
        data = order_rows.data_of(denial)
        self._verify(data, attribution.fields(), data.occurred_at, denial.line_items, now, attribution)

    def confirm_equal(self, data: OrderData) -> None:
        """Confirm an order without an id, which keeps its time and credit."""
        order = self._known_order()
        self._set_confirmed(data, Trust.VERIFIED, data.received_at)
        # The server's event is known by its id from now on, a browser's equal one by its contents.
        order.event_id = data.event_id
        if data.line_items is not None:
            self.lines, order.has_confirmed_lines = order_rows.stored_lines(data.line_items), True
        self.is_confirmed = True

    def denial(self, now: datetime) -> PendingConfirmation | None:
        """Return the denial in force, if there is one."""
        pending = self._waiting(now)
        return pending if pending is not None and pending.is_denial else None

    def _report(self, data: OrderData, attribution: Attribution | None, lines: Lines) -> Outcome:
        if attribution is None:
            return NO_INTERACTION if self.order is None else DUPLICATE
        order = self.order
        if order is None:
            order = self._open(data, attribution, lines)
            self._apply_waiting(data.received_at)
            self.refunds.fit(order, data.received_at)
            is_held = order.trust == Trust.REPORTED and bool(order.held_reason)
            return HELD if is_held else Outcome("recorded", data.event_id)
        claim = self.claims.of_session(attribution.credit.session_id)
        if claim is None:
            self.claims.add(self.company, data, attribution, lines)
        elif claim.value_minor == 0 and data.value_minor > 0 and order.trust != Trust.VERIFIED:
            self.claims.restate(claim, self.company, data, attribution, lines)
        else:
            self._mark_conflict(if_=amount_of(claim) != amount_of(data))
            return DUPLICATE
        if order.trust == Trust.REPORTED:
            self._choose_reported(data.received_at)
        elif order.trust == Trust.CONFIRMED and not order.is_denied:
            is_credited = not order.held_reason and not self._is_credited_to_excluded
            self._choose_confirmed(data.received_at, is_credited=is_credited)
        self._mark_conflict(if_=self.claims.disagree_with(order))
        return DUPLICATE

    def _confirm(self, data: OrderData, lines: Lines | None) -> Outcome:
        """Take the figures of a confirmation that names nobody, and choose the claim that they belong to."""
        order, denial = self.order, self.denial(data.received_at)
        if denial is not None:
            denial.received_at = data.received_at
            self.has_new_pending = True
        if denial is not None or (order is not None and order.is_denied):
            return NO_INTERACTION
        if order is None:
            waiting = self._waiting(data.received_at)
            if waiting is not None and amount_of(waiting) == amount_of(data):
                return DUPLICATE
            self.pending = order_rows.new_pending(self.company, data, lines, replacing=self.pending)
            self.has_new_pending = True
            if waiting is not None:  # the latest figures are kept, and wait no longer
                self.pending.received_at = waiting.received_at
            return PENDING
        if order.trust != Trust.REPORTED:
            self._mark_conflict(if_=amount_of(order) != amount_of(data))
            return DUPLICATE
        self._set_confirmed(data, Trust.CONFIRMED, data.received_at)
        if lines is not None:
            self.lines, order.has_confirmed_lines = lines, True
        self._choose_confirmed(data.received_at, is_credited=False)
        self._mark_conflict(if_=self.claims.disagree_with(order))
        self.is_confirmed = True
        return PENDING if order.held_reason else CONFIRMED

    def _deny(self, data: OrderData, lines: Lines | None) -> Outcome:
        """Remember that the buyer has not used the assistant: no claim to the order counts for a time."""
        order = self.order
        if order is not None and order.trust == Trust.VERIFIED:
            self._mark_conflict(if_=amount_of(order) != amount_of(data))
            return DUPLICATE
        self.pending = order_rows.new_pending(self.company, data, lines, replacing=self.pending)
        self.has_new_pending = True
        if order is not None:
            order.is_denied = True
            self._mark_conflict(if_=True)
        return NO_INTERACTION

    def _verify(
        self,
        data: OrderData,
        credit: dict[str, Any],
        occurred_at: datetime,
        lines: Lines | None,
        now: datetime,
        attribution: Attribution | None = None,
    ) -> Outcome:
        """Take the figures, the visitor and the lines of a confirmation that names the visitor."""
        order, waiting = self.order, self._waiting(data.received_at)
        if order is None:
            assert attribution is not None  # noqa: S101  (without an order, there is no claim either)
            order = self._open(data, attribution, lines or [])
            if waiting is not None and not waiting.is_denial:
                self._mark_conflict(if_=amount_of(waiting) != amount_of(data))
            order.confirmed_at, order.server_occurred_at = data.received_at, data.server_occurred_at
            self.refunds.fit(order, now)
            self.drops_pending = True
            return Outcome("recorded", data.event_id)
        if attribution is not None and self.claims.of_session(attribution.credit.session_id) is None:
            self.claims.add(self.company, data, attribution, lines or [])
        if order.trust == Trust.VERIFIED:
            self._mark_conflict(if_=amount_of(order) != amount_of(data))
            self._mark_conflict(if_=self.claims.disagree_with(order))
            return DUPLICATE
        self._mark_conflict(if_=order.trust == Trust.CONFIRMED and amount_of(order) != amount_of(data))
        self._set_confirmed(data, Trust.VERIFIED, now)
        order.is_denied = False
        self._move(credit, occurred_at)
        if lines is not None:
            self.lines, order.has_confirmed_lines = lines, True
        elif not order.has_confirmed_lines:
            self._take_lines_of_claim()
        self._mark_conflict(if_=self.claims.disagree_with(order))
        self.drops_pending = self.is_confirmed = True
        return CONFIRMED

    # Changes of the order

    def _open(self, data: OrderData, attribution: Attribution, lines: Lines) -> Order:
        self.order = order = order_rows.new_order(self.company, data, attribution)
        self.is_new = True
        self.lines = lines
        self.claims.add(self.company, data, attribution, lines)
        return order

    def _apply_waiting(self, now: datetime) -> None:
        """Apply to a new order what the shop's server said of it before."""
        order, waiting = self._known_order(), self._waiting(now)
        if waiting is None:
            self.drops_pending = True
        elif waiting.is_denial:
            order.is_denied = True
            self._mark_conflict(if_=True)
        else:
            self._set_confirmed(order_rows.data_of(waiting), Trust.CONFIRMED, now)
            if waiting.line_items is not None:
                self.lines, order.has_confirmed_lines = waiting.line_items, True
            self._choose_confirmed(now, is_credited=False)
            self._mark_conflict(if_=self.claims.disagree_with(order))
            self.drops_pending = True

    def _set_confirmed(self, data: OrderData, trust: Trust, now: datetime) -> None:
        """Take the server's figures, which release an order that was held back."""
        order = self._known_order()
        order.trust = trust
        order.confirmed_at = order.confirmed_at or data.received_at
        order.server_occurred_at = order.server_occurred_at or data.server_occurred_at
        order_rows.show_details(order, data)
        self._hold("")
        if order.currency != data.currency:
            self.lines, order.has_confirmed_lines = [], False  # their amounts are in another currency
        order.currency, order.value_minor = data.currency, data.value_minor
        self.refunds.fit(order, now)
        self.is_changed = True

    def _hold(self, reason: str) -> None:
        """Hold the order back for a reason, or release it. What staff accepted was another reason."""
        order = self._known_order()
        if order.held_reason != reason:
            order.held_reason = reason
            order.accepted_at = order.accepted_by_id = None
            order.acceptance_reason = ""
            self.is_changed = True

    # Claims

    def _choose_reported(self, now: datetime) -> None:
        """While only browsers report the order, show the first claim that is not above the ceiling."""
        order = self._known_order()
        if order.accepted_at is None or self._is_credited_to_excluded:
            claim = self.claims.first_acceptable()
            self._show(claim, now)
            self._hold(HeldReason.ABOVE_CEILING if claim.is_above_ceiling else "")

    def _choose_confirmed(self, now: datetime, *, is_credited: bool) -> None:
        """Show the claim that fits the server's figures; hold the order back while there is none.

        An order that is credited moves only to a claim with exactly these figures, and only for ``PENDING_AGE``.
        """
        order = self._known_order()
        assert order.confirmed_at is not None  # noqa: S101
        if is_credited and (not self.claims.has_exact(order) or now - order.confirmed_at > PENDING_AGE):
            return
        fitting = self.claims.fitting(order)
        self._show(fitting or self.claims.included[0], now)
        self._hold("" if fitting else HeldReason.NO_FITTING_CLAIM)

    @property
    def _is_credited_to_excluded(self) -> bool:
        return self._known_order().session_id in self.claims.excluded_sessions

    def _show(self, claim: OrderClaim, now: datetime) -> None:
        order = self._known_order()
        if order.trust == Trust.REPORTED and amount_of(order) != amount_of(claim):
            order.currency, order.value_minor = claim.currency, claim.value_minor
            self.refunds.fit(order, now)
            self.is_changed = True
        if claim.session_id == order.session_id and claim not in self.claims.restated:
            return
        # A detail that no claim states is the shop's server's, and stays.
        claims = self.claims.rows
        details = [name for name in ORDER_DETAILS if getattr(order, name) in [getattr(one, name) for one in claims]]
        self._move({name: getattr(claim, name) for name in (*_CREDIT_FIELDS, *details)}, claim.occurred_at)
        if not order.has_confirmed_lines:
            self._take_lines_of_claim()

    def _take_lines_of_claim(self) -> None:
        """Show the lines that the credited session reported, if their amounts are in the order's currency."""
        order = self._known_order()
        claim = self.claims.of_session(order.session_id)
        self.lines = claim.line_items if claim is not None and claim.currency == order.currency else []

    def _move(self, credit: dict[str, Any], occurred_at: datetime) -> None:
        """Change the order's credit and time."""
        order = self._known_order()
        for name, value in credit.items():
            setattr(order, name, value)
        order.occurred_at = occurred_at
        order.occurred_on = occurred_at.astimezone(self.company.zone).date()
        self.is_changed = True

    def _mark_conflict(self, *, if_: bool) -> None:
        order = self._known_order()
        if if_ and not order.has_conflict:
            order.has_conflict = self.has_new_conflict = self.is_changed = True

    def _waiting(self, now: datetime) -> PendingConfirmation | None:
        """Return what the shop's server said before, unless it has expired."""
        return self.pending if self.pending is not None and self.pending.is_alive(now) else None

    def _known_order(self) -> Order:
        assert self.order is not None  # noqa: S101  (what calls this has an order)
        return self.order
