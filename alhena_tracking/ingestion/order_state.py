"""The state of one order: its claims, confirmation and refunds, and which of them it shows.

Everything here runs under the lock row of the order id, which serializes reports, confirmations and refunds of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from alhena_tracking.attribution import choose_claim
from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import (
    CONFIRMED,
    DUPLICATE,
    NO_INTERACTION,
    ORDER_DETAILS,
    PENDING,
    UNKNOWN_ORDER,
    Attribution,
    OrderData,
    Outcome,
    RefundData,
)
from alhena_tracking.models import Company, Order, OrderClaim, PendingConfirmation, Refund, Trust

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
    """What is stored under one order id, with the changes of the current transaction.

    Of very many claims (``has_more_claims``), ``claims`` holds those that may decide something: the first two, the
    first with the figures of the order or of an event, and those of the events' sessions with an event's figures.
    """

    company: Company
    order: Order | None = None
    claims: list[OrderClaim] = field(default_factory=list)
    has_more_claims: bool = False
    pending: PendingConfirmation | None = None
    refunds: list[Refund] = field(default_factory=list)
    attached_refund_ids: set[int] = field(default_factory=set)
    superseded_refund: Refund | None = None
    #: Lines that replace the stored ones; ``None`` keeps them.
    lines: Sequence[dict[str, Any]] | None = None
    #: The stored order's ``figure_key``, and its session and time.
    figure_key: tuple[Any, ...] = ()
    place: tuple[int, datetime] | None = None
    #: Sessions whose carts must be recomputed, each from a time on.
    stale: dict[int, datetime] = field(default_factory=dict)
    is_new: bool = False
    is_changed: bool = False
    is_confirmed: bool = False
    has_new_conflict: bool = False

    @property
    def is_figure_changed(self) -> bool:
        """Whether the order's place in the figures differs from the stored one."""
        return self.order is not None and self.figure_key != figure_key(self.order)

    def changed_days(self) -> Iterator[tuple[int | None, date]]:
        """Yield the days whose figures change, each with the session whose conversion changes, if one does."""
        if self.order is None:
            return
        if self.lines is not None or self.changed_refunds():
            yield None, self.order.occurred_on
        if self.is_figure_changed:
            yield self.order.session_id, self.order.occurred_on
            if self.figure_key:
                yield self.figure_key[:2]

    def changed_refunds(self) -> list[Refund]:
        """Return the refunds that are attached to the order now and were not, or the other way round."""
        return [
            refund
            for refund in self.refunds
            if (refund.refunded_order is not None) != (refund.pk in self.attached_refund_ids)
        ]

    # Reports, confirmations and refunds

    def take(self, data: OrderData, attribution: Attribution | None) -> Outcome:
        """Apply a report or a confirmation, according to its trust."""
        if data.trust == Trust.REPORTED:
            return self._report(data, attribution)
        if attribution is None:
            return self._confirm_figures(data)
        return self._confirm_visitor(data, attribution)

    def refund(self, data: RefundData) -> Outcome:
        """Add a refund. Raises ``InvalidValue`` where it does not fit the order."""
        known = self.find_refund(data.refund_id)
        if known is not None and known.refunded_order is not None:
            return DUPLICATE
        if self.order is not None:
            if data.currency != self.order.currency:
                raise InvalidValue("currency_mismatch")
            refunded = sum(refund.value_minor for refund in self.refunds if refund.refunded_order is not None)
            if refunded + data.value_minor > self.order.value_minor:
                raise InvalidValue("exceeds_order")
        if known is not None:  # not attached yet, so the latest version replaces it
            self.refunds.remove(known)
            self.superseded_refund = known
        refund = order_rows.new_refund(self.company, data)
        refund.refunded_order = self.order
        self.refunds.append(refund)
        return Outcome("recorded", refund.event_id) if self.order else UNKNOWN_ORDER

    def find_refund(self, refund_id: str) -> Refund | None:
        digest = text_digest(refund_id)
        return next((refund for refund in self.refunds if refund.refund_id_digest == digest), None)

    def _report(self, data: OrderData, attribution: Attribution | None) -> Outcome:
        if self.order is not None:
            if attribution is not None:
                self._add_claim(data, attribution)
                if self.order.trust == Trust.CONFIRMED and not self.order.has_confirmed_visitor:
                    self._show_chosen_claim()
                self._compare_claims()
            return DUPLICATE
        if attribution is None:
            return NO_INTERACTION
        order = self._open(data, attribution)
        pending = self._pending_confirmation(data.received_at)
        if pending is not None:
            order.trust = Trust.CONFIRMED
            order_rows.show_details(order, pending)
            self._set_figures(pending.currency, pending.value_minor, data.received_at)
            if pending.line_items:
                self.lines, order.has_confirmed_lines = pending.line_items, True
            elif pending.currency != data.currency:
                self.lines = []  # their amounts are in another currency than the order's
            self._compare_claims()
        self._fit_refunds(data.received_at)
        return Outcome("recorded", data.event_id)

    def _confirm_figures(self, data: OrderData) -> Outcome:
        order = self.order
        if order is None:
            if data.visitor is not None:
                return NO_INTERACTION
            if self._pending_confirmation(data.received_at) is not None:
                return DUPLICATE
            self.pending = order_rows.new_pending(self.company, data, replacing=self.pending)
            return PENDING
        if order.trust == Trust.CONFIRMED:
            self._mark_conflict(if_=(order.currency, order.value_minor) != (data.currency, data.value_minor))
            return DUPLICATE
        order.trust = Trust.CONFIRMED
        self._set_figures(data.currency, data.value_minor, data.received_at)
        if data.line_items:
            self.lines, order.has_confirmed_lines = order_rows.stored_lines(data.line_items), True
        self._show_chosen_claim()
        order_rows.show_details(order, data)
        self._compare_claims()
        self.is_changed = self.is_confirmed = True
        return CONFIRMED

    def _confirm_visitor(self, data: OrderData, attribution: Attribution) -> Outcome:
        order = self.order
        if order is None:
            pending = self._pending_confirmation(data.received_at)
            self._open(data, attribution)
            if pending is not None:
                self._mark_conflict(if_=(pending.currency, pending.value_minor) != (data.currency, data.value_minor))
            self._fit_refunds(data.received_at)
            return Outcome("recorded", data.event_id)
        self._add_claim(data, attribution)
        if order.has_confirmed_visitor:
            self._compare_claims()
            return DUPLICATE
        was_confirmed_otherwise = order.trust == Trust.CONFIRMED and (order.currency, order.value_minor) != (
            data.currency,
            data.value_minor,
        )
        order.trust = Trust.CONFIRMED
        order.has_confirmed_visitor = order.has_confirmed_lines = True
        order_rows.show_details(order, data)
        self._set_figures(data.currency, data.value_minor, data.received_at)
        self._move(attribution.fields(), data.occurred_at)
        self.lines = order_rows.stored_lines(data.line_items)
        self._mark_conflict(if_=was_confirmed_otherwise)
        self._compare_claims()
        self.is_changed = self.is_confirmed = True
        return CONFIRMED

    # Changes of the order

    def _open(self, data: OrderData, attribution: Attribution) -> Order:
        self.order = order_rows.new_order(self.company, data, attribution)
        self.is_new = True
        self.lines = order_rows.stored_lines(data.line_items)
        self._add_claim(data, attribution)
        self.stale[attribution.credit.session_id] = data.occurred_at
        return self.order

    def _add_claim(self, data: OrderData, attribution: Attribution) -> None:
        key = (attribution.credit.session_id, data.currency, data.value_minor)
        if any((claim.session_id, claim.currency, claim.value_minor) == key for claim in self.claims):
            return
        self.claims.append(order_rows.new_claim(self.company, data, attribution))

    def _show_chosen_claim(self) -> None:
        """Show the claim that agrees with the confirmed figures."""
        order = self._known_order()
        claim = choose_claim(self.claims, order.currency, order.value_minor)
        if not order.has_confirmed_lines:
            self.lines = claim.line_items if claim.currency == order.currency else []
        # A detail that no claim states is the shop's server's, and stays.
        details = [name for name in ORDER_DETAILS if getattr(order, name) in [getattr(c, name) for c in self.claims]]
        self._move({name: getattr(claim, name) for name in (*_CREDIT_FIELDS, *details)}, claim.occurred_at)

    def _move(self, credit: dict[str, Any], occurred_at: datetime) -> None:
        """Change the order's credit and time; the carts that it emptied are recomputed."""
        order = self._known_order()
        if (order.session_id, order.occurred_at) != (credit["session_id"], occurred_at):
            for session_id, moment in ((order.session_id, order.occurred_at), (credit["session_id"], occurred_at)):
                self.stale[session_id] = min(moment, self.stale.get(session_id, moment))
        for name, value in credit.items():
            setattr(order, name, value)
        order.occurred_at = occurred_at
        order.occurred_on = occurred_at.astimezone(self.company.zone).date()
        self.is_changed = True

    def _set_figures(self, currency: str, value_minor: int, now: datetime) -> None:
        order = self._known_order()
        order.currency, order.value_minor = currency, value_minor
        self._fit_refunds(now)

    def _compare_claims(self) -> None:
        order = self._known_order()
        shown = (order.session_id, order.currency, order.value_minor)
        self._mark_conflict(
            if_=any((claim.session_id, claim.currency, claim.value_minor) != shown for claim in self.claims)
        )

    def _mark_conflict(self, *, if_: bool) -> None:
        order = self._known_order()
        if if_ and not order.has_conflict:
            order.has_conflict = self.has_new_conflict = self.is_changed = True

    # Refunds and pending confirmation

    def _fit_refunds(self, now: datetime) -> None:
        """Attach the refunds that fit the order's current value, in order of arrival; detach the others."""
        order = self._known_order()
        left = order.value_minor
        for refund in self.refunds:
            is_there = refund.refunded_order is not None or now - refund.received_at <= PENDING_AGE
            fits = is_there and refund.currency == order.currency and refund.value_minor <= left
            refund.refunded_order = order if fits else None
            left -= refund.value_minor if fits else 0

    def _pending_confirmation(self, now: datetime) -> PendingConfirmation | None:
        """Return the pending confirmation, unless it has expired."""
        if self.pending is None or now - self.pending.received_at > PENDING_AGE:
            return None
        return self.pending

    def _known_order(self) -> Order:
        assert self.order is not None  # noqa: S101  (what calls this has an order)
        return self.order


def figure_key(order: Order) -> tuple[Any, ...]:
    """Return all that decides an order's place in the figures, session and day first."""
    credit = (order.channel, order.ai_profile, order.trust)
    return order.session_id, order.occurred_on, *credit, order.currency, order.value_minor
