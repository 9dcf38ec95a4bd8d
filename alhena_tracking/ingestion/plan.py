"""What is planned for events: their outcomes, and the rows to write."""

from __future__ import annotations

from dataclasses import dataclass, field

from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import Outcome
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.ingestion.state import StoredCartEvent, StoredOrder
from alhena_tracking.models import CartEvent, Interaction, Order, OrderConversation, OrderLine, Refund, VisitorSession

#: Ids from here on stand for rows that are not inserted yet; no stored row has one so large.
PROVISIONAL_ID = 2**62


@dataclass(slots=True)
class Plan:
    """The outcomes of events in their order, and the rows to insert and to update.

    Rows to insert have the ids that were reserved for them, or provisional ones (see ``PROVISIONAL_ID``).
    """

    stale_days: StaleDays
    outcomes: list[Outcome] = field(default_factory=list)
    opened: list[VisitorSession] = field(default_factory=list)
    joined: dict[int, VisitorSession] = field(default_factory=dict)
    interactions: list[Interaction] = field(default_factory=list)
    cart_events: list[CartEvent] = field(default_factory=list)
    changed_cart_events: list[StoredCartEvent] = field(default_factory=list)
    #: Stored orders of which ``empties_cart`` changed, but for those in ``states``.
    changed_cart_orders: list[StoredOrder] = field(default_factory=list)
    #: Those that browsers' cart events used, by session.
    allowances: dict[int, CartAllowance] = field(default_factory=dict)
    orders_without_id: list[Order] = field(default_factory=list)
    lines_without_id: list[OrderLine] = field(default_factory=list)
    conversations_without_id: list[OrderConversation] = field(default_factory=list)
    states: list[OrderState] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def new_orders(self) -> list[Order]:
        of_ids = [state.order for state in self.states if state.order is not None and state.is_new]
        return [*of_ids, *self.orders_without_id]

    @property
    def used_allowances(self) -> list[tuple[int, CartAllowance]]:
        """The allowances of sessions that are stored already; those of new ones are in their rows."""
        opened = {session.pk for session in self.opened}
        return [(pk, allowance) for pk, allowance in self.allowances.items() if pk not in opened]

    @property
    def has_rows(self) -> bool:
        return bool(self.interactions or self.cart_events or self.orders_without_id or self.states)
