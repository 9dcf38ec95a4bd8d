"""The state of one order: its claims, what the shop's server said of it, its refunds, and which claim it shows.

Everything here runs under the lock row of the order id, which serializes reports, confirmations and refunds of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeAlias

from alhena_tracking.attribution import is_near_claim, nearest_claim
from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.contract.rules import InvalidValue
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.data import (
    CONFIRMED,
    DUPLICATE,
    HELD,
    NO_INTERACTION,
    ORDER_DETAILS,
    PENDING,
    UNKNOWN_ORDER,
    Attribution,
    OrderData,
    Outcome,
    RefundData,
    Visitor,
)
from alhena_tracking.models import (
    Company,
    HeldReason,
    Order,
    OrderClaim,
    PendingConfirmation,
    Refund,
    Standing,
    Trust,
)

_CREDIT_FIELDS = (
    "session_id",
    "credited_interaction_id",
    "channel",
    "ai_profile",
    "attribution_window",
    "attribution_model",
)
Lines: TypeAlias = list[dict[str, Any]]
#: A session, and when an order empties its cart.
Place: TypeAlias = tuple[int, datetime]


@dataclass
class OrderState:
    """What is stored under one order id, with the changes of the current transaction.

    Of very many claims (``has_more_claims``), ``claims`` holds those that may decide something: the first two, the one
    shown, the first that may be shown while only browsers report the order, those with the server's figures that were
    received nearest to its time, and those of the events' sessions. All are in order of arrival.
    """

    company: Company
    order: Order | None = None
    claims: list[OrderClaim] = field(default_factory=list)
    has_more_claims: bool = False
    #: The claims of visitors whom the shop's server names.
    own_claims: dict[Visitor, OrderClaim] = field(default_factory=dict)
    pending: PendingConfirmation | None = None
    refunds: list[Refund] = field(default_factory=list)
    attached_refund_ids: set[int] = field(default_factory=set)
    superseded_refund: Refund | None = None
    excluded_sessions: set[int] = field(default_factory=set)
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
    changed_claims: list[OrderClaim] = field(default_factory=list)

    @classmethod
    def of(cls, company: Company, order: Order) -> OrderState:
        """Return the state of a stored order, without its claims and refunds."""
        order.company = company
        return cls(company, order, figure_key=figure_key(order), place=place_of(order))

    def settle(self) -> None:
        """Set the standing that follows from all events, once they are taken."""
        if self.order is not None:
            was = self.order.standing
            self.order.set_standing(is_session_excluded=self.order.session_id in self.excluded_sessions)
            self.is_changed |= self.order.standing != was

    @property
    def new_place(self) -> Place | None:
        return place_of(self.order) if self.order is not None else None

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
        """Apply a report or a confirmation, according to its trust and to whom it names."""
        lines = order_rows.stored_lines(data.line_items)
        if data.trust == Trust.REPORTED:
            return self._report(data, attribution, lines)
        if data.visitor is None:
            return self._confirm(data, lines)
        if attribution is None:
            # A visitor who claimed the order used the assistant, even if the server reports it days later.
            claim = self.own_claims.get(data.visitor)
            if claim is None:
                return self._deny(data, lines)
            return self._verify(data, {name: getattr(claim, name) for name in _CREDIT_FIELDS}, claim.occurred_at, lines)
        return self._verify(data, attribution.fields(), data.occurred_at, lines, attribution)

    def verify_denied(self, attribution: Attribution, now: datetime) -> None:
        """Credit the visitor whom a denial names: an interaction was recorded late."""
        pending = self.pending
        assert pending is not None  # noqa: S101  (there is a denial)
        data = order_rows.data_of(pending)
        self._verify(data, attribution.fields(), data.occurred_at, pending.line_items, attribution)
        self._fit_refunds(now)

    def confirm_equal(self, data: OrderData) -> None:
        """Confirm an order without an id, which keeps its time and credit."""
        order = self._known_order()
        self._set_confirmed(data, Trust.VERIFIED)
        # The server's event is known by its id from now on, a browser's equal one by its contents.
        order.event_id = data.event_id
        if data.line_items:
            self.lines, order.has_confirmed_lines = order_rows.stored_lines(data.line_items), True
        self.is_confirmed = True

    def denial(self, now: datetime) -> PendingConfirmation | None:
        """Return the denial in force, if there is one."""
        pending = self._waiting(now)
        return pending if pending is not None and pending.is_denial else None

    def is_claimed_by(self, session_id: int) -> bool:
        return self._claim_of(session_id) is not None

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

    def _report(self, data: OrderData, attribution: Attribution | None, lines: Lines) -> Outcome:
        if attribution is None:
            return NO_INTERACTION if self.order is None else DUPLICATE
        order = self.order
        if order is None:
            order = self._open(data, attribution, lines)
            self._apply_waiting(data.received_at)
            self._fit_refunds(data.received_at)
            is_held = order.trust == Trust.REPORTED and bool(order.held_reason)
            return HELD if is_held else Outcome("recorded", data.event_id)
        claim = self._claim_of(attribution.credit.session_id)
        if claim is None:
            claim = self._add_claim(data, attribution, lines)
        elif claim.value_minor == 0 and data.value_minor > 0 and order.trust != Trust.VERIFIED:
            self._replace_claim(claim, data, attribution, lines)
        else:
            self._mark_conflict(if_=_amount(claim) != _amount(data))
            return DUPLICATE
        if order.trust == Trust.REPORTED:
            self._choose_reported(data.received_at)
        elif order.trust == Trust.CONFIRMED and not order.is_denied:
            self._choose_confirmed(data.received_at, is_credited=not order.held_reason)
        self._compare_claims()
        return DUPLICATE

    def _confirm(self, data: OrderData, lines: Lines) -> Outcome:
        """Take the figures of a confirmation that names nobody, and choose the claim that they belong to."""
        order, denial = self.order, self.denial(data.received_at)
        if denial is not None:
            denial.received_at = data.received_at
            self.has_new_pending = True
        if denial is not None or (order is not None and order.is_denied):
            return NO_INTERACTION
        if order is None:
            waiting = self._waiting(data.received_at)
            if waiting is not None and _amount(waiting) == _amount(data):
                return DUPLICATE
            self.pending = order_rows.new_pending(self.company, data, lines, replacing=self.pending)
            self.has_new_pending = True
            if waiting is not None:  # the latest figures are kept, and wait no longer
                self.pending.received_at = waiting.received_at
            return PENDING
        if order.trust != Trust.REPORTED:
            self._mark_conflict(if_=_amount(order) != _amount(data))
            return DUPLICATE
        self._set_confirmed(data, Trust.CONFIRMED)
        if lines:
            self.lines, order.has_confirmed_lines = lines, True
        self._choose_confirmed(data.received_at, is_credited=False)
        self._compare_claims()
        self.is_confirmed = True
        return PENDING if order.held_reason else CONFIRMED

    def _deny(self, data: OrderData, lines: Lines) -> Outcome:
        """Remember that the buyer has not used the assistant, whoever claimed the order or will."""
        order = self.order
        if order is not None and order.trust == Trust.VERIFIED:
            self._mark_conflict(if_=_amount(order) != _amount(data))
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
        lines: Lines,
        attribution: Attribution | None = None,
    ) -> Outcome:
        """Take the figures, the visitor and the lines of a confirmation that names the visitor."""
        order, waiting = self.order, self._waiting(data.received_at)
        if order is None:
            assert attribution is not None  # noqa: S101  (without an order, there is no claim either)
            order = self._open(data, attribution, lines)
            self._mark_conflict(if_=waiting is not None and not waiting.is_denial and _amount(waiting) != _amount(data))
            order.confirmed_at, order.server_occurred_at = data.received_at, data.server_occurred_at
            self._fit_refunds(data.received_at)
            self.drops_pending = True
            return Outcome("recorded", data.event_id)
        if attribution is not None and self._claim_of(attribution.credit.session_id) is None:
            self._add_claim(data, attribution, lines)
        if order.trust == Trust.VERIFIED:
            self._mark_conflict(if_=_amount(order) != _amount(data))
            self._compare_claims()
            return DUPLICATE
        self._mark_conflict(if_=order.trust == Trust.CONFIRMED and _amount(order) != _amount(data))
        self._set_confirmed(data, Trust.VERIFIED)
        order.is_denied, order.has_confirmed_lines = False, True
        self._move(credit, occurred_at)
        self.lines = lines
        self._compare_claims()
        self.drops_pending = self.is_confirmed = True
        return CONFIRMED

    # Changes of the order

    def _open(self, data: OrderData, attribution: Attribution, lines: Lines) -> Order:
        self.order = order = order_rows.new_order(self.company, data, attribution)
        self.is_new = True
        self.lines = lines
        self._add_claim(data, attribution, lines)
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
            self._set_confirmed(order_rows.data_of(waiting), Trust.CONFIRMED)
            if waiting.line_items:
                self.lines, order.has_confirmed_lines = waiting.line_items, True
            self._choose_confirmed(now, is_credited=False)
            self._compare_claims()
            self.drops_pending = True

    def _set_confirmed(self, data: OrderData, trust: Trust) -> None:
        """Take the server's figures, which release an order that was held back."""
        order = self._known_order()
        order.trust = trust
        order.confirmed_at = order.confirmed_at or data.received_at
        order.server_occurred_at = order.server_occurred_at or data.server_occurred_at
        order_rows.show_details(order, data)
        self._hold("")
        if order.currency != data.currency:
            self.lines = []  # their amounts are in another currency
        order.currency, order.value_minor = data.currency, data.value_minor
        self._fit_refunds(data.received_at)
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

    def _add_claim(self, data: OrderData, attribution: Attribution, lines: Lines) -> OrderClaim:
        claim = order_rows.new_claim(self.company, data, attribution, lines)
        self.claims.append(claim)
        return claim

    def _replace_claim(self, claim: OrderClaim, data: OrderData, attribution: Attribution, lines: Lines) -> None:
        """Let a session's report of 0, sent while the page was loading, give way to its first above 0."""
        order_rows.restate_claim(claim, self.company, data, attribution, lines)
        if claim not in self.changed_claims and not claim._state.adding:
            self.changed_claims.append(claim)

    def _claim_of(self, session_id: int) -> OrderClaim | None:
        return next((claim for claim in self.claims if claim.session_id == session_id), None)

    def _choose_reported(self, now: datetime) -> None:
        """While only browsers report the order, show the first claim that is not above the ceiling."""
        if self._known_order().accepted_at is not None:
            return
        acceptable = (claim for claim in self._included_claims() if not claim.is_above_ceiling)
        claim = next(acceptable, self.claims[0])
        self._show(claim, now)
        self._hold(HeldReason.ABOVE_CEILING if claim.is_above_ceiling else "")

    def _choose_confirmed(self, now: datetime, *, is_credited: bool) -> None:
        """Show the claim that fits the server's figures; hold the order back while there is none.

        An order that is credited moves only to a claim with exactly these figures, and only for ``PENDING_AGE``.
        """
        order = self._known_order()
        exact = [claim for claim in self._included_claims() if _amount(claim) == _amount(order)]
        if exact:
            if not is_credited or now - _time(order.confirmed_at) <= PENDING_AGE:
                self._show(nearest_claim(exact, order.server_occurred_at), now)
                self._hold("")
        elif not is_credited:
            claim = self.claims[0]
            is_alone = len(self.claims) == 1 and not self.has_more_claims
            is_near = is_alone and is_near_claim(
                claim, order.currency, order.value_minor, order.server_occurred_at or _time(order.confirmed_at)
            )
            self._show(claim, now)
            self._hold("" if is_near else HeldReason.NO_FITTING_CLAIM)

    def _included_claims(self) -> Iterator[OrderClaim]:
        return (claim for claim in self.claims if claim.session_id not in self.excluded_sessions)

    def _show(self, claim: OrderClaim, now: datetime) -> None:
        order = self._known_order()
        if order.trust == Trust.REPORTED and _amount(order) != _amount(claim):
            order.currency, order.value_minor = claim.currency, claim.value_minor
            self._fit_refunds(now)
            self.is_changed = True
        if claim.session_id == order.session_id and claim not in self.changed_claims:
            return
        if not order.has_confirmed_lines:
            self.lines = claim.line_items if claim.currency == order.currency else []
        # A detail that no claim states is the shop's server's, and stays.
        details = [name for name in ORDER_DETAILS if getattr(order, name) in [getattr(c, name) for c in self.claims]]
        self._move({name: getattr(claim, name) for name in (*_CREDIT_FIELDS, *details)}, claim.occurred_at)

    def _move(self, credit: dict[str, Any], occurred_at: datetime) -> None:
        """Change the order's credit and time."""
        order = self._known_order()
        for name, value in credit.items():
            setattr(order, name, value)
        order.occurred_at = occurred_at
        order.occurred_on = occurred_at.astimezone(self.company.zone).date()
        self.is_changed = True

    def _compare_claims(self) -> None:
        order = self._known_order()
        shown = (order.session_id, *_amount(order))
        self._mark_conflict(if_=any((claim.session_id, *_amount(claim)) != shown for claim in self.claims))

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

    def _waiting(self, now: datetime) -> PendingConfirmation | None:
        """Return what the shop's server said before, unless it has expired."""
        return self.pending if self.pending is not None and self.pending.is_alive(now) else None

    def _known_order(self) -> Order:
        assert self.order is not None  # noqa: S101  (what calls this has an order)
        return self.order


def figure_key(order: Order) -> tuple[Any, ...]:
    """Return all that decides an order's place in the figures, session and day first."""
    credit = (order.channel, order.ai_profile, order.trust, order.standing)
    return order.session_id, order.occurred_on, *credit, order.currency, order.value_minor


def place_of(order: Order) -> Place | None:
    """Return the session whose cart an order empties, and when; ``None`` for one that does not count."""
    return (order.session_id, order.occurred_at) if order.standing == Standing.COUNTED else None


def _amount(row: Order | OrderClaim | PendingConfirmation | OrderData) -> tuple[str, int]:
    return row.currency, row.value_minor


def _time(at: datetime | None) -> datetime:
    assert at is not None  # noqa: S101  (a confirmed order has the time)
    return at
