"""Plan what becomes of orders without an id, which are compared by their contents and times. Pure."""

from __future__ import annotations

from dataclasses import replace

from alhena_tracking.contract.limits import EQUAL_ORDER_INTERVAL
from alhena_tracking.ingestion.data import CONFIRMED, DUPLICATE, HELD, NO_INTERACTION, Attribution, OrderData, Outcome
from alhena_tracking.ingestion.order_rows import contents_digest, new_conversations, new_lines, new_order, stored_lines
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.state import Stored
from alhena_tracking.models import Company, Order, OrderConversation, OrderLine, Standing, Trust


class OrdersWithoutId:
    """The orders without an id of some events: those to insert with their lines, and the stored ones confirmed."""

    def __init__(self, company: Company, stored: Stored) -> None:
        self._company = company
        self._stored = stored
        self.added: list[Order] = []
        self.lines: list[OrderLine] = []
        self.conversations: list[OrderConversation] = []
        self.confirmed: list[OrderState] = []

    def take(self, event: OrderData, attribution: Attribution | None) -> Outcome:
        """Add an order, unless its session has an equal one within ``EQUAL_ORDER_INTERVAL``.

        The shop's server confirms an equal one that only a browser reported.
        """
        if attribution is None:
            return NO_INTERACTION
        session_id = attribution.credit.session_id
        if event.trust != Trust.REPORTED and (equal := self._equal(event, session_id)) is not None:
            if equal.trust != Trust.REPORTED:
                return DUPLICATE
            self._confirm(equal, event)
            return CONFIRMED
        times = self._stored.contents.setdefault((session_id, contents_digest(event)), [])
        if any(abs(event.occurred_at - at) <= EQUAL_ORDER_INTERVAL for at in times):
            return DUPLICATE
        lines = stored_lines(event)
        order = new_order(self._company, event, attribution, lines)
        order.set_standing(is_session_excluded=session_id in self._stored.excluded_sessions)
        if order.standing == Standing.COUNTED:
            times.append(event.occurred_at)
        self.added.append(order)
        self.lines += new_lines(order, lines)
        self.conversations += new_conversations(order, lines)
        self._stored.orders_without_id.setdefault(session_id, []).append(order)
        return HELD if order.standing == Standing.HELD else Outcome("recorded", event.event_id)

    def _confirm(self, order: Order, event: OrderData) -> None:
        state = OrderState.of(self._company, order)
        state.claims.excluded_sessions = self._stored.excluded_sessions
        state.confirm_equal(event)
        if not any(new is order for new in self.added):
            self.confirmed.append(state)
            return
        state.settle()
        if state.lines is not None:
            kept = [line for line in self.lines if line.order is not order]
            self.lines = [*kept, *new_lines(order, state.lines)]
            others = [one for one in self.conversations if one.order is not order]
            self.conversations = [*others, *(state.conversations or ())]

    def _equal(self, event: OrderData, session_id: int) -> Order | None:
        """Find the order without an id that a server's event is about: of the same event id, else the nearest equal.

        One that only a browser reported comes first. Lines are compared only where both have them.
        """
        orders = self._stored.orders_without_id.get(session_id, [])
        same = [order for order in orders if order.event_id == event.event_id and order.trust == Trust.REPORTED]
        contents = {contents_digest(event), contents_digest(replace(event, line_items=None))}
        equal = [
            order
            for order in orders
            if (order.trust == Trust.REPORTED or order.standing == Standing.COUNTED)
            and (order.currency, order.value_minor) == (event.currency, event.value_minor)
            and abs(order.occurred_at - event.occurred_at) <= EQUAL_ORDER_INTERVAL
            and (not event.line_items or order.contents_digest in contents)
        ]
        return min(
            same or equal,
            key=lambda order: (order.trust != Trust.REPORTED, abs(order.occurred_at - event.occurred_at)),
            default=None,
        )
