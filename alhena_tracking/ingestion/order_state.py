"""The state of one order: its claims, what the shop's server said of it, its refunds, and which claim it shows.

Everything here runs under the lock row of the order id, which serializes reports, confirmations and refunds of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.claims import amount_of
from alhena_tracking.ingestion.data import (
    CONFIRMED,
    CORRECTED,
    DUPLICATE,
    HELD,
    NO_INTERACTION,
    PENDING,
    Attribution,
    Lines,
    OrderData,
    Outcome,
)
from alhena_tracking.ingestion.shown_order import CREDIT_FIELDS, ShownOrder
from alhena_tracking.models import HeldReason, PendingConfirmation, Trust


@dataclass
class OrderState(ShownOrder):
    """What is stored under one order id, with the changes of the current transaction."""

    def choose_again(self, now: datetime) -> None:
        """Choose the claim to show after staff excluded a session or included it again."""
        order = self._known_order()
        if not self.claims.rows:  # an order without an id
            return
        if order.trust == Trust.REPORTED:
            self._choose_reported(now)
        elif order.trust == Trust.CONFIRMED and not order.is_denied:
            self._choose_confirmed(now, is_credited=False)

    # Reports, confirmations and refunds

    def take(self, data: OrderData, attribution: Attribution | None) -> Outcome:
        """Apply a report or a confirmation, according to its trust and to whom it names."""
        if self.order is None and self._waiting(data.received_at) is None:
            self.versions.forget()
        lines = None if data.line_items is None else order_rows.stored_lines(data)
        if data.trust == Trust.REPORTED:
            return self._report(data, attribution, lines or [])
        if data.visitor is None:
            return self._confirm(data, lines)
        if attribution is None:
            # A visitor who claimed the order used the assistant, even if the server reports it days later.
            claim = self.claims.own.get(data.visitor)
            if claim is None:
                return self._deny(data, lines)
            credit = {name: getattr(claim, name) for name in CREDIT_FIELDS}
            return self._verify(data, credit, claim.occurred_at, lines, data.received_at)
        return self._verify(data, attribution.order_fields(), data.occurred_at, lines, data.received_at, attribution)

    def lift(self, denial: PendingConfirmation, attribution: Attribution, now: datetime) -> None:
        """Credit the visitor whom the denial names: an interaction was recorded late."""
        data = order_rows.data_of(denial)
        self._verify(data, attribution.order_fields(), data.occurred_at, denial.line_items, now, attribution)

    def confirm_equal(self, data: OrderData) -> None:
        """Confirm an order without an id, which keeps its time and credit."""
        lines = None if data.line_items is None else order_rows.stored_lines(data)
        self._set_confirmed(data, lines, Trust.VERIFIED, data.received_at)
        # The server's event is known by its id from now on, a browser's equal one by its contents.
        self._known_order().event_id = data.event_id
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
            self._choose_confirmed(data.received_at, is_credited=self._is_credited)
        self._mark_disagreement()
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
            return self._wait(data, lines)
        if order.trust != Trust.REPORTED:
            return self._correct(data, lines, data.received_at)
        self._set_confirmed(data, lines, Trust.CONFIRMED, data.received_at)
        self._choose_confirmed(data.received_at, is_credited=False)
        self._mark_disagreement()
        self.is_confirmed = True
        return PENDING if order.held_reason else CONFIRMED

    def _wait(self, data: OrderData, lines: Lines | None) -> Outcome:
        """Keep a confirmation for a claim to come. The latest version is kept, and waits no longer than the first."""
        waiting = self._waiting(data.received_at)
        if waiting is not None:
            if data.version_at < waiting.updated_at:
                self.versions.keep_late(self.company, data, lines)
                return DUPLICATE
            if self.versions.restates(waiting, data, lines):
                return DUPLICATE
            self.versions.supersede(waiting, data.received_at)
        self.pending = order_rows.new_pending(self.company, data, lines, replacing=self.pending)
        self.has_new_pending = True
        if waiting is not None:
            self.pending.received_at = waiting.received_at
            order_rows.take_figures(self.pending, waiting, data)
            if lines is None and waiting.currency == data.currency:
                self.pending.line_items = waiting.line_items
        self.versions.standing_lines = self.pending.line_items
        return PENDING

    def _correct(self, data: OrderData, lines: Lines | None, now: datetime) -> Outcome:
        """Take what the shop's server says now of an order that it confirmed, unless a later version stands."""
        order = self._known_order()
        assert order.updated_at is not None  # noqa: S101  (set with the first version)
        if data.version_at < order.updated_at:
            self.versions.keep_late(self.company, data, lines)
            self._hold_unless_credited(fits=order.held_reason != HeldReason.NO_FITTING_CLAIM)
            return DUPLICATE
        if self.versions.restates(order, data, lines) or self._is_net_of_refunds(data):
            if data.updated_at is not None and order.updated_at != data.version_at:
                order.updated_at, self.is_changed = data.version_at, True
            return DUPLICATE
        self._take_version(data, lines, now)
        if order.trust == Trust.CONFIRMED and order.held_reason == HeldReason.NO_FITTING_CLAIM:
            self._choose_confirmed(now, is_credited=False)
        self._mark_disagreement()
        return CORRECTED

    def _is_net_of_refunds(self, data: OrderData) -> bool:
        """Return whether the shop's server says the order's value less its refunds, and so changes nothing."""
        order, refunded = self._known_order(), self.refunds.counted_minor
        is_net = amount_of(data) == (order.currency, order.value_minor - refunded)
        return bool(refunded) and is_net and data.is_cancelled in {None, order.is_cancelled}

    def _deny(self, data: OrderData, lines: Lines | None) -> Outcome:
        """Remember that the buyer has not used the assistant: no claim to the order counts for a time."""
        order = self.order
        if order is not None and order.trust == Trust.VERIFIED:
            return self._correct(data, lines, data.received_at)
        waiting = self._waiting(data.received_at)
        if order is None and waiting is not None and not self.versions.restates(waiting, data, lines):
            self.versions.supersede(waiting, data.received_at)
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
            if waiting is None or waiting.is_denial:
                self.versions.standing_lines, order.has_confirmed_lines = lines, lines is not None
            else:
                self._wait(data, lines)
                self._take_waiting(now)
            order.confirmed_at, order.server_occurred_at = data.received_at, data.server_occurred_at
            self.refunds.fit(order, now)
            self.drops_pending = True
            return Outcome("recorded", data.event_id)
        if attribution is not None and self.claims.of_session(attribution.credit.session_id) is None:
            self.claims.add(self.company, data, attribution, lines or [])
        if order.trust == Trust.VERIFIED:
            outcome = self._correct(data, lines, now)
            self._mark_disagreement()
            return outcome
        if order.trust == Trust.REPORTED:
            self._set_confirmed(data, lines, Trust.VERIFIED, now)
        else:
            self._correct(data, lines, now)
            order.trust = Trust.VERIFIED
            self._hold_unless_credited(fits=True)
        order.is_denied = False
        self._move(credit, occurred_at)
        if not order.has_confirmed_lines:
            self._take_lines_of_claim()
        self._mark_disagreement()
        self.drops_pending = self.is_confirmed = True
        return CONFIRMED

    def _apply_waiting(self, now: datetime) -> None:
        """Apply to a new order what the shop's server said of it before."""
        order, waiting = self._known_order(), self._waiting(now)
        if waiting is None:
            self.drops_pending = True
        elif waiting.is_denial:
            order.is_denied = True
            self._mark_conflict(if_=True)
        else:
            self._set_confirmed(order_rows.data_of(waiting), waiting.line_items, Trust.CONFIRMED, now)
            self._choose_confirmed(now, is_credited=False)
            self._mark_disagreement()
            self.drops_pending = True

    def _take_waiting(self, now: datetime) -> None:
        """Take the version that stands of what waited."""
        waiting = self.pending
        assert waiting is not None  # noqa: S101  (the caller has seen it)
        data = replace(order_rows.data_of(waiting), is_cancelled=waiting.is_cancelled)
        self._take_figures(data, waiting.line_items, now)

    def _waiting(self, now: datetime) -> PendingConfirmation | None:
        """Return what the shop's server said before, unless it has expired."""
        return self.pending if self.pending is not None and self.pending.is_alive(now) else None
