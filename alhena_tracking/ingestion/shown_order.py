"""What an order shows: the figures of one version, and the session and time of one claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.ingestion import order_rows
from alhena_tracking.ingestion.cart_groups import grouped_lines
from alhena_tracking.ingestion.claims import Amount, Claims, amount_of
from alhena_tracking.ingestion.data import ORDER_DETAILS, Attribution, Lines, OrderData
from alhena_tracking.ingestion.order_rows import Place, figure_key, place_of
from alhena_tracking.ingestion.refunds import Refunds
from alhena_tracking.ingestion.versions import Versions
from alhena_tracking.models import (
    Company,
    HeldReason,
    Order,
    OrderClaim,
    OrderConversation,
    PendingConfirmation,
    Trust,
)

CREDIT_FIELDS = (
    "session_id",
    "credited_interaction_id",
    "channel",
    "ai_profile",
    "attribution_window",
    "attribution_model",
    "credited_at",
    "touches",
    "named_products",
    "recommendations",
)


@dataclass
class ShownOrder:
    """What is stored under one order id, and how an order's figures and claim change."""

    company: Company
    order: Order | None = None
    claims: Claims = field(default_factory=Claims)
    pending: PendingConfirmation | None = None
    refunds: Refunds = field(default_factory=Refunds)
    versions: Versions = field(default_factory=Versions)
    #: Lines that replace the stored ones; ``None`` keeps them.
    lines: Sequence[dict[str, Any]] | None = None
    #: Conversations that replace the stored ones; ``None`` keeps them.
    conversations: list[OrderConversation] | None = None
    #: The stored order's ``figure_key``, the session and time at which it empties a cart, and what its stored touches,
    #: lines and conversations depend on.
    figure_key: tuple[Any, ...] = ()
    place: Place | None = None
    former_touches: tuple[int, Any] = (0, None)
    former_products: Any = None
    former_recommendations: Any = None
    former_recommending: frozenset[int] = frozenset()
    is_new: bool = False
    is_changed: bool = False
    is_confirmed: bool = False
    is_corrected: bool = False
    has_new_conflict: bool = False
    has_new_pending: bool = False
    drops_pending: bool = False

    @classmethod
    def of(cls, company: Company, order: Order) -> Self:
        """Return the state of a stored order, without its claims and refunds."""
        order.company = company
        return cls(
            company,
            order,
            figure_key=figure_key(order),
            place=place_of(order),
            former_touches=(order.value_minor, order.touches),
            former_products=order.named_products,
            former_recommendations=order.recommendations,
            former_recommending=frozenset(order_rows.recommending_sessions(order)),
        )

    @property
    def is_unknown(self) -> bool:
        return self.order is None and self.pending is None

    def settle(self) -> None:
        """Set the standing that follows from all events, once they are taken."""
        if self.order is not None:
            if self.is_new or self.is_changed or self.lines is not None:
                self._settle_direct(self.order)
            was = self.order.standing
            self.order.set_standing(is_session_excluded=self.order.session_id in self.claims.excluded_sessions)
            self.is_changed |= self.order.standing != was
            self._place_in_cart(self.order)

    def _settle_direct(self, order: Order) -> None:
        """Compute what of the order is direct: it depends on the value, the lines and the credit."""
        lines = self._lines_shown(order)
        if lines is None:
            order.direct_minor = min(order.direct_minor, order.value_minor)
            return
        if order.named_products != self.former_products and lines:
            self.lines = lines
        if self.lines is not None or order.recommendations != self.former_recommendations:
            self.conversations = order_rows.new_conversations(order, lines)
        order_rows.set_direct(order, lines)
        self.is_changed = True

    def _lines_shown(self, order: Order) -> Sequence[dict[str, Any]] | None:
        """Return the order's lines; ``None`` where they are not known, and do not change."""
        if self.lines is not None:
            return self.lines
        if order.has_confirmed_lines:
            return self.versions.standing_lines
        claim = self.claims.of_session(order.session_id)
        if claim is None:
            return None
        return claim.line_items if claim.currency == order.currency else []

    @property
    def has_other_touches(self) -> bool:
        """Whether the stored touches, if there are any, are not those of the order."""
        assert self.order is not None  # noqa: S101
        former_minor, former = self.former_touches
        changes = (former or []) != (self.order.touches or [])
        return changes or (bool(former) and former_minor != self.order.value_minor)

    @property
    def recommending_sessions(self) -> set[int]:
        """The sessions whose conversations the order buys through, did, or would if it showed another claim."""
        rows: list[Order | OrderClaim] = [*self.claims.rows, *([self.order] if self.order is not None else [])]
        return set(self.former_recommending).union(*map(order_rows.recommending_sessions, rows))

    def _place_in_cart(self, order: Order) -> None:
        """Have the order empty the cart as its own session first reported it: a confirmation changes no cart."""
        claim = self.claims.of_session(order.session_id)
        if claim is None:
            return
        was = order.cart_at, order.arrival
        order.cart_at, order.arrival = claim.occurred_at, claim.arrival
        if (order.session_id,) != self.figure_key[:1] or claim in self.claims.restated:
            order.cart_lines = order_rows.cart_lines(claim.line_items)
            order.grouped_lines = grouped_lines(claim.line_items)
        self.is_changed |= was != (order.cart_at, order.arrival)

    @property
    def new_place(self) -> Place | None:
        return place_of(self.order) if self.order is not None else None

    # Changes of the order

    def _open(self, data: OrderData, attribution: Attribution, lines: Lines) -> Order:
        self.order = order = order_rows.new_order(self.company, data, attribution, lines)
        self.is_new = True
        self.lines = lines
        self.claims.add(self.company, data, attribution, lines)
        return order

    def _set_confirmed(self, data: OrderData, lines: Lines | None, trust: Trust, now: datetime) -> None:
        """Take the first version of the shop's server, which releases an order that was held back."""
        self._known_order().trust = trust
        self._take_figures(data, lines, now)
        self._hold_unless_credited(fits=True)

    def _take_version(self, data: OrderData, lines: Lines | None, now: datetime) -> None:
        """Take a later version of the shop's server. One in another currency than the first is held back."""
        order = self._known_order()
        self.versions.supersede(order, now)
        self._take_figures(data, lines, now)
        self._hold_unless_credited(fits=order.held_reason != HeldReason.NO_FITTING_CLAIM)
        self.is_corrected = True

    def _take_figures(self, data: OrderData, lines: Lines | None, now: datetime) -> None:
        order = self._known_order()
        order.confirmed_at = order.confirmed_at or data.received_at
        order.server_occurred_at = order.server_occurred_at or data.server_occurred_at
        order_rows.show_details(order, data)
        is_other_currency = order.currency != data.currency
        order_rows.take_figures(order, order, data)
        if lines is not None:
            self.lines, order.has_confirmed_lines = lines, True
            self.versions.standing_lines = lines
        elif is_other_currency:  # the amounts of its lines are not in it
            order.has_confirmed_lines, self.versions.standing_lines = False, None
            self._take_lines_of_claim()
        self.refunds.fit(order, now)
        self.is_changed = True

    def _hold_unless_credited(self, *, fits: bool) -> None:
        """Hold a confirmed order back while no claim fits, or if it has had another currency."""
        is_other = any(currency != self._known_order().currency for currency, _ in self.versions.amounts)
        self._hold((HeldReason.OTHER_CURRENCY if is_other else "") if fits else HeldReason.NO_FITTING_CLAIM)

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
        amounts = self._amounts
        if is_credited and (not self.claims.has_exact(amounts) or now - order.confirmed_at > PENDING_AGE):
            return
        since = max([order.confirmed_at, *(version.superseded_at for version in self.versions.rows)])
        fitting = self.claims.fitting(order, amounts, since)
        self._show(fitting or self.claims.included[0], now)
        self._hold_unless_credited(fits=fitting is not None)

    @property
    def _amounts(self) -> set[Amount]:
        """The amounts that a claim agrees with: of all versions, or of what is shown while only browsers report."""
        return {amount_of(self._known_order()), *self.versions.amounts}

    @property
    def _is_credited(self) -> bool:
        """Whether the claim that the order shows fits."""
        is_fitting = self._known_order().held_reason != HeldReason.NO_FITTING_CLAIM
        return is_fitting and not self._is_credited_to_excluded

    @property
    def _is_credited_to_excluded(self) -> bool:
        return self._known_order().session_id in self.claims.excluded_sessions

    def _show(self, claim: OrderClaim, now: datetime) -> None:
        order = self._known_order()
        is_other = (order.session_id, *amount_of(order)) != (claim.session_id, *amount_of(claim))
        if order.trust == Trust.REPORTED and is_other:
            order_rows.copy_amounts(claim, order)
            self.refunds.fit(order, now)
            self.is_changed = True
        if claim.session_id == order.session_id and claim not in self.claims.restated:
            return
        # A detail that no claim states is the shop's server's, and stays.
        claims = self.claims.rows
        details = [name for name in ORDER_DETAILS if getattr(order, name) in [getattr(one, name) for one in claims]]
        self._move({name: getattr(claim, name) for name in (*CREDIT_FIELDS, *details)}, claim.occurred_at)
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

    def _mark_disagreement(self) -> None:
        self._mark_conflict(if_=self.claims.disagree_with(self._known_order(), self._amounts))

    def _mark_conflict(self, *, if_: bool) -> None:
        order = self._known_order()
        if if_ and not order.has_conflict:
            order.has_conflict = self.has_new_conflict = self.is_changed = True

    def _known_order(self) -> Order:
        assert self.order is not None  # noqa: S101  (what calls this has an order)
        return self.order
