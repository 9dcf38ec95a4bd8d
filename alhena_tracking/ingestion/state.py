"""What events need of the database: the rows to lock and to read before they can be planned, and what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Model

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import EQUAL_ORDER_INTERVAL, INTERACTION_GRACE
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import CartEventData, EventData, InteractionData, OrderData, RefundData, Visitor
from alhena_tracking.ingestion.order_rows import contents_digest
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    OrderClaim,
    Trust,
    VisitorSession,
)

if TYPE_CHECKING:
    from alhena_tracking.ingestion.order_state import OrderState

_Key = TypeVar("_Key")

#: The tables in which an event's id may be stored; orders with an id have it in their claims.
TABLES: dict[type[EventData], tuple[type[Model], ...]] = {
    InteractionData: (Interaction,),
    CartEventData: (CartEvent,),
    OrderData: (Order, OrderClaim),
    RefundData: (),
}
#: The fields of a session that interactions decide.
SESSION_FIELDS = ("started_at", "started_on", "last_interaction_at", "qualified_at", "channel", "ai_profile")
#: Of a fingerprint's interactions in a window, so many of the first and of the last ones are read.
INTERACTIONS_READ = 16
#: Of a session's orders from a change of its cart on, so many are read.
LATER_ORDERS_READ = 200
#: So many of a session's claims within a window are read; all but ``SESSION_CLAIMS`` need the server's confirmation.
CLAIMS_OF_SESSION_READ = 500
#: So many of the latest denials that name a visitor are read.
DENIALS_READ = 20


def earliest(times: dict[_Key, datetime], key: _Key, at: datetime) -> None:
    """Note a time unless an earlier one is noted."""
    times[key] = min(at, times.get(key, at))


class Fingerprint(NamedTuple):
    """A digest under which a visitor's interactions may be stored, and its column."""

    column: str
    digest: UUID


class ProductInCart(NamedTuple):
    """The key of a cart state: one product (by the digest of its id) in one session and currency."""

    session_id: int
    product_id_digest: UUID
    currency: str


class Range(NamedTuple):
    """A time range, both ends included."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class StoredCartEvent:
    """The columns of a cart event's row that its worth depends on or is stored in."""

    id: int
    occurred_at: datetime
    type: str
    arrival: int
    quantity: Decimal
    previous_quantity: Decimal | None
    value_minor: Decimal
    value_basis: str
    units: Decimal
    gmv_minor: int
    cart_quantity: Decimal
    claimed_units: Decimal
    claimed_minor: int


@dataclass(slots=True)
class StoredOrder:
    """The columns of a counted order that say when and of what it empties its session's cart."""

    id: int
    cart_at: datetime
    arrival: int
    cart_lines: dict[str, str]
    empties_cart: bool


class VisitorDemand:
    """What one visitor's events depend on."""

    def __init__(self, company: Company, visitor: Visitor, events: Sequence[EventData], window: timedelta) -> None:
        users, faqs = visitor.digests(company)
        #: The digests to store, of the chat and the FAQ fingerprint.
        self.digests = (users[0] if users else None, faqs[0] if faqs else None)
        self.fingerprints = [
            *(Fingerprint("user_fingerprint_digest", digest) for digest in users),
            *(Fingerprint("faq_fingerprint_digest", digest) for digest in faqs),
        ]
        self.has_interactions = any(isinstance(event, InteractionData) for event in events)
        self.has_order_ids = any(isinstance(event, OrderData) and event.order_id for event in events)
        self._after = max(window, INTERACTION_GRACE) if self.has_interactions else INTERACTION_GRACE
        self._window = window
        self.times = sorted({event.occurred_at for event in events})
        #: The earliest change of each product (digest of its id, currency), and that of the whole cart by an order.
        self.products: dict[tuple[UUID, str], datetime] = {}
        self.emptied_at: datetime | None = None
        #: The times of orders without an id, by the digest of their contents.
        self.contents: dict[UUID, Range] = {}
        for event in events:
            at = event.occurred_at
            if isinstance(event, CartEventData):
                product = (text_digest(event.product_id), event.currency)
                earliest(self.products, product, at)
            elif isinstance(event, OrderData):
                self.emptied_at = min(at, self.emptied_at or at)
                if not event.order_id:
                    digest = contents_digest(event)
                    since, until = self.contents.get(digest, (at, at))
                    self.contents[digest] = Range(
                        min(since, at - EQUAL_ORDER_INTERVAL), max(until, at + EQUAL_ORDER_INTERVAL)
                    )

    @property
    def interactions(self) -> Range:
        """When interactions matter."""
        return self._range(self.times[0], self.times[-1])

    @property
    def interactions_by_time(self) -> list[Range]:
        """When interactions matter to the events of each time."""
        return [self._range(at, at) for at in self.times]

    def _range(self, first: datetime, last: datetime) -> Range:
        return Range(first - self._window, last + self._after)

    @property
    def carts_since(self) -> datetime | None:
        """The time of the earliest change of a cart; ``None`` if there is none."""
        times = [*self.products.values(), *([self.emptied_at] if self.emptied_at else [])]
        return min(times, default=None)


class Demand:
    """What events of any number of visitors depend on."""

    def __init__(self, company: Company, events: Sequence[EventData], window: timedelta) -> None:
        self.company = company
        self.events = events
        self.window = window
        #: Whether the events depend on what only the ORM reads: on refunds, stored orders and their session's cart.
        self.is_unusual = any(
            isinstance(event, RefundData)
            or (isinstance(event, OrderData) and event.trust != Trust.REPORTED and not event.order_id)
            for event in events
        )
        events_of: dict[Visitor, list[EventData]] = {}
        for event in events:
            if event.visitor is not None:
                events_of.setdefault(event.visitor, []).append(event)
        self.visitors = {
            visitor: VisitorDemand(company, visitor, of_visitor, window) for visitor, of_visitor in events_of.items()
        }
        #: In order of arrival, which a set would lose: rows get their ids in this order.
        self.order_ids = list(
            dict.fromkeys(
                event.order_id for event in events if isinstance(event, OrderData | RefundData) and event.order_id
            )
        )

    def add_order_ids(self, order_ids: Iterable[str]) -> None:
        """Lock and read these orders, too."""
        self.order_ids += sorted(set(order_ids).difference(self.order_ids))

    def count(self, kind: type[EventData]) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    @property
    def is_of_carts(self) -> bool:
        """Whether all events are cart events."""
        return all(isinstance(event, CartEventData) for event in self.events)

    @property
    def is_of_refunds(self) -> bool:
        """Whether all events are refunds, which depend on nothing but their orders."""
        return all(isinstance(event, RefundData) for event in self.events)

    @property
    def claims_since(self) -> datetime:
        """From when on a session's claims bound its further ones."""
        return max(event.received_at for event in self.events) - self.window

    @property
    def has_several_times(self) -> bool:
        """Whether events of one visitor have different times."""
        return any(len(visitor.times) > 1 for visitor in self.visitors.values())

    @property
    def lock_numbers(self) -> list[int]:
        """The lock rows to lock first: those of visitors who interact, and of order ids."""
        digests = [text_digest(order_id) for order_id in self.order_ids]
        for visitor in self.visitors.values():
            if visitor.has_interactions:
                digests += [digest for digest in visitor.digests if digest]
        return sorted({LockRow.number_of(digest) for digest in digests})

    @cached_property
    def event_ids(self) -> dict[type[Model], list[tuple[UUID, str]]]:
        """The ids and trust of events that may be stored already, by table."""
        ids: dict[type[Model], list[tuple[UUID, str]]] = {}
        for event in self.events:
            for table in TABLES[type(event)] if event.is_known_by_id else ():
                ids.setdefault(table, []).append((event.event_id, str(event.trust)))
        return ids


@dataclass(slots=True)
class Stored:
    """The stored rows that some events depend on.

    - ``candidates``: each fingerprint's interactions, by id;
    - ``sessions``, the ``versions`` that they have once this is written, their ``allowances``, and which are excluded;
    - ``carts_read``: of which visitors carts were read in which sessions;
    - ``known``: the tables, ids and trust of events that are stored already;
    - ``orders``: the state of each order id;
    - ``denied_order_ids``: the orders of denials that name a visitor who interacts now;
    - ``open_claims``: how many order ids each session has claimed within a window that were not confirmed for it;
    - ``contents``: the times of a session's counted orders without an id, by the digest of their contents;
    - ``orders_without_id``: a session's orders without an id that an event of the shop's server may be about;
    - ``carts``: each product's rows from its earliest change on and the last before, in order;
    - ``cart_orders``: a session's counted orders around these;
    - ``whole_carts``: since when a session's cart is read with all of its products, as orders may change it.
    """

    candidates: dict[Fingerprint, dict[int, Candidate]] = field(default_factory=dict)
    sessions: dict[int, VisitorSession] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    excluded_sessions: set[int] = field(default_factory=set)
    allowances: dict[int, CartAllowance] = field(default_factory=dict)
    known: set[tuple[type[Model], UUID, str]] = field(default_factory=set)
    orders: dict[str, OrderState] = field(default_factory=dict)
    denied_order_ids: set[str] = field(default_factory=set)
    open_claims: dict[int, int] = field(default_factory=dict)
    contents: dict[tuple[int, UUID], list[datetime]] = field(default_factory=dict)
    orders_without_id: dict[int, list[Order]] = field(default_factory=dict)
    carts: dict[ProductInCart, list[StoredCartEvent]] = field(default_factory=dict)
    cart_orders: dict[int, list[StoredOrder]] = field(default_factory=dict)
    whole_carts: dict[int, datetime] = field(default_factory=dict)
    carts_read: set[tuple[Visitor, int]] = field(default_factory=set)
    #: Ids of rows that may be inserted, where the database reserves them.
    reserved_ids: dict[type[Model], list[int]] = field(default_factory=dict)

    def add_known(self, table: type[Model], rows: Iterable[tuple[UUID, str]]) -> None:
        """Add events by the ids and trust of their rows. What the shop's server says may have verified an order."""
        for event_id, trust in rows:
            is_reported = trust == Trust.REPORTED
            self.known.add((table, event_id, str(Trust.REPORTED if is_reported else Trust.CONFIRMED)))

    def add_carts(self, rows: Iterable[tuple[ProductInCart, StoredCartEvent]]) -> None:
        """Add cart events, each once, in the order of their times and of arrival."""
        by_id: dict[ProductInCart, dict[int, StoredCartEvent]] = {}
        for product, row in rows:
            by_id.setdefault(product, {})[row.id] = row
        for product, of_product in by_id.items():
            self.carts[product] = sorted(of_product.values(), key=lambda row: (row.occurred_at, row.arrival))


class ChangedError(Exception):
    """The sessions have changed since they were read without a lock."""


class UnusualError(Exception):
    """Events turn out to be unusual (``Demand.is_unusual``)."""


class DeniedError(Exception):
    """An interaction may lift denials of orders that were not locked."""

    def __init__(self, order_ids: set[str]) -> None:
        super().__init__()
        self.order_ids = order_ids


class NotReadError(Exception):
    """An event is credited to a session that was not read for its visitor."""
