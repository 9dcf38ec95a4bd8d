"""Lock and read what events depend on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Max, Q, QuerySet

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import CART_ORDERS, EMPTYING_INTERVAL, SESSION_CART_EVENTS
from alhena_tracking.db.transactions import avoid_table_scans, rows_of
from alhena_tracking.ingestion.allowances import CartAllowance
from alhena_tracking.ingestion.data import RefundData, Visitor
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.orm.order_states import OrderDemand, read_claims, read_states
from alhena_tracking.ingestion.orm.session_orders import read_orders_of_sessions
from alhena_tracking.ingestion.state import (
    DENIALS_READ,
    INTERACTIONS_READ,
    LATER_ORDERS_READ,
    Demand,
    DeniedError,
    Fingerprint,
    ProductInCart,
    Range,
    Stored,
    StoredCartEvent,
    StoredOrder,
    VisitorDemand,
    earliest,
)
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    PendingConfirmation,
    Standing,
    VisitorSession,
)

_CART_FIELDS = tuple(StoredCartEvent.__dataclass_fields__)
_ORDER_FIELDS = tuple(StoredOrder.__dataclass_fields__)


def read(demand: Demand) -> Stored:
    """Lock and read what the events depend on."""
    avoid_table_scans()
    rows_of(LockRow).lock(demand.lock_numbers)
    stored = Stored()
    pairs: set[tuple[Visitor, int]] = set()
    interactions: dict[Fingerprint, list[_Interaction]] = {}
    for visitor, of_visitor in demand.visitors.items():
        for fingerprint in of_visitor.fingerprints:
            found = _interactions(fingerprint, of_visitor)
            interactions.setdefault(fingerprint, []).extend(found)
            pairs.update((visitor, row.session_id) for row in found)
    sessions = {session_id for _, session_id in pairs}
    _check_denials(demand)
    stored.orders = read_states(demand.company, demand.order_ids)
    if demand.is_of_refunds:
        return stored
    for order_id, state in stored.orders.items():
        read_claims(state, OrderDemand.of(demand, order_id, sessions))
    emptied = _emptied(demand, stored.orders)
    for visitor, session_id in pairs:
        for at in _denied_at(demand.visitors[visitor], stored.orders.values()):
            earliest(emptied, session_id, at)
    recommending = {pk for state in stored.orders.values() for pk in state.recommending_sessions}
    stored.sessions = _lock_sessions(sessions | emptied.keys() | recommending, demand.company)
    stored.versions = {pk: session.version for pk, session in stored.sessions.items()}
    stored.excluded_sessions = {pk for pk, session in stored.sessions.items() if session.excluded_at is not None}
    stored.allowances = {
        pk: CartAllowance(session.carts_since, session.carts_events, session.carts_claimed)
        for pk, session in stored.sessions.items()
    }
    for fingerprint, rows in interactions.items():
        candidates = [row.as_candidate(stored.sessions) for row in rows if row.session_id in stored.sessions]
        stored.candidates[fingerprint] = {candidate.id: candidate for candidate in candidates}
    stored.carts_read = pairs
    for table, ids in demand.event_ids.items():
        known = rows_of(table).filter(company=demand.company, event_id__in=[event_id for event_id, _ in ids])
        if table is Order:
            known = known.filter(order_id_digest=None)
        stored.add_known(table, known.values_list("event_id", "trust"))
    read_orders_of_sessions(stored, demand)
    _read_carts(stored, demand, emptied)
    return stored


def _check_denials(demand: Demand) -> None:
    """Raise ``DeniedError`` for denials that name a visitor who interacts, unless their orders are locked."""
    digests = {
        digest for visitor in demand.visitors.values() if visitor.has_interactions for _, digest in visitor.fingerprints
    }
    if not digests:
        return
    named = Q(user_fingerprint_digest__in=digests) | Q(faq_fingerprint_digest__in=digests)
    latest = rows_of(PendingConfirmation).filter(named, company=demand.company).order_by("-received_at")
    denied = set(latest.values_list("order_id", flat=True)[:DENIALS_READ])
    if not denied.issubset(demand.order_ids):
        raise DeniedError(denied)


def _denied_at(visitor: VisitorDemand, states: Iterable[OrderState]) -> Iterator[datetime]:
    """Yield the times of the orders that the visitor's interactions may earn by lifting a denial."""
    for state in states:
        denial = state.pending
        if denial is not None and any(getattr(denial, column) == digest for column, digest in visitor.fingerprints):
            yield denial.occurred_at


class _Interaction(NamedTuple):
    id: int
    occurred_at: datetime
    session_id: int
    kind: str
    ai_profile: str
    is_qualifying: bool
    conversation_id: str
    product_id: str
    recommended_product_ids: list[str] | None

    def as_candidate(self, sessions: Mapping[int, VisitorSession]) -> Candidate:
        return Candidate(*self[:3], sessions[self.session_id].started_at, *self[3:6], *self[6:])


def _interactions(fingerprint: Fingerprint, visitor: VisitorDemand) -> list[_Interaction]:
    """Return a fingerprint's interactions: all, or of very many those at both ends of each event's range."""
    found = list(_between(fingerprint, visitor.interactions)[: INTERACTIONS_READ + 1])
    if len(found) > INTERACTIONS_READ:
        found = []
        for range_ in visitor.interactions_by_time:
            near = _between(fingerprint, range_)
            found += [*near[:INTERACTIONS_READ], *near.reverse()[:INTERACTIONS_READ]]
    return [_Interaction(*row) for row in found]


def _between(fingerprint: Fingerprint, range_: Range) -> Any:
    # Without a join, which MariaDB may begin at the sessions and read all of their interactions.
    interactions = rows_of(Interaction).filter(
        **{fingerprint.column: fingerprint.digest}, occurred_at__gte=range_.since, occurred_at__lte=range_.until
    )
    return interactions.order_by("occurred_at", "id").values_list(*_Interaction._fields)


def _lock_sessions(ids: Iterable[int], company: Company) -> dict[int, VisitorSession]:
    """Lock sessions, and read them in later statements: one that locks and reads finds the rows of before its wait."""
    for pk in sorted(ids):
        rows_of(VisitorSession).lock(pk)
    return _read_sessions(ids, company)


def lock_many_sessions(ids: Collection[int], company: Company) -> dict[int, VisitorSession]:
    """Lock and read sessions, in few statements however many they are."""
    rows_of(VisitorSession).lock_all(ids)
    return _read_sessions(ids, company)


def _read_sessions(ids: Iterable[int], company: Company) -> dict[int, VisitorSession]:
    sessions = {}
    for session in rows_of(VisitorSession).filter(pk__in=ids):
        session.company = company
        sessions[session.pk] = session
    return sessions


def _emptied(demand: Demand, states: Mapping[str, OrderState]) -> dict[int, datetime]:
    """Return since when the carts of the sessions of stored orders may change."""
    emptied: dict[int, datetime] = {}
    first = min(event.occurred_at for event in demand.events if not isinstance(event, RefundData))
    for state in states.values():
        if state.order is None:
            continue
        earliest(emptied, state.order.session_id, min(state.order.cart_at, first))
        for claim in state.claims.rows:
            earliest(emptied, claim.session_id, min(claim.occurred_at, first))
    return emptied


def _read_carts(stored: Stored, demand: Demand, emptied: Mapping[int, datetime]) -> None:
    whole = dict(emptied)
    products: dict[ProductInCart, datetime] = {}
    for visitor, session_id in stored.carts_read:
        of_visitor = demand.visitors[visitor]
        for (digest, currency), at in of_visitor.products.items():
            earliest(products, ProductInCart(session_id, digest, currency), at)
        if of_visitor.emptied_at:
            earliest(whole, session_id, of_visitor.emptied_at)
            for order in stored.orders_without_id.get(session_id, ()):
                earliest(whole, session_id, order.cart_at)
    starts = dict(whole)
    for product, at in products.items():
        earliest(starts, product.session_id, at)
    for session_id, at in starts.items():
        orders = rows_of(Order).filter(session=session_id, standing=Standing.COUNTED)
        earlier = orders.filter(cart_at__lt=at - EMPTYING_INTERVAL).order_by("-cart_at", "-arrival")
        later = orders.filter(cart_at__gte=at - EMPTYING_INTERVAL).order_by("cart_at", "arrival")
        chosen = (earlier[: CART_ORDERS + 1], later[:LATER_ORDERS_READ])
        found = [StoredOrder(*values) for rows in chosen for values in rows.values_list(*_ORDER_FIELDS)]
        stored.cart_orders[session_id] = found
        if session_id in whole or any(order.cart_at >= at for order in found):
            stored.whole_carts[session_id] = at
    narrow = {product: at for product, at in products.items() if product.session_id not in stored.whole_carts}
    stored.add_carts([*_cart_rows(narrow), *_whole_cart_rows(stored.whole_carts)])


def read_carts(emptied: Mapping[int, datetime]) -> Stored:
    """Return the cart events of sessions, which must be locked, whose orders change from a time on, and the orders."""
    stored = Stored(whole_carts=dict(emptied))
    rows = rows_of(CartEvent).filter(session__in=emptied).order_by()
    stored.add_carts(_as_rows(rows))
    counted = rows_of(Order).filter(session__in=emptied, standing=Standing.COUNTED).order_by("cart_at", "arrival")
    moments: dict[int, list[tuple[datetime, int]]] = {}
    for session_id, at, pk in counted.values_list("session_id", "cart_at", "pk"):
        moments.setdefault(session_id, []).append((at, pk))
    chosen: list[int] = []
    for session_id, its_own in moments.items():
        start = emptied[session_id] - EMPTYING_INTERVAL
        earlier = sum(at < start for at, _ in its_own)
        chosen += [pk for _, pk in its_own[max(earlier - CART_ORDERS - 1, 0) : earlier + LATER_ORDERS_READ]]
    found = rows_of(Order).filter(pk__in=chosen).order_by()
    for session_id, *values in found.values_list("session_id", *_ORDER_FIELDS):
        stored.cart_orders.setdefault(session_id, []).append(StoredOrder(*values))
    return stored


def _cart_rows(products: Mapping[ProductInCart, datetime]) -> Iterator[tuple[ProductInCart, StoredCartEvent]]:
    """Yield each product's rows from a time on, and those of the last time before."""
    if not products:
        return
    rows, keys = rows_of(CartEvent).order_by(), ProductInCart._fields
    later = [Q(**product._asdict(), occurred_at__gte=at) for product, at in products.items()]
    earlier = [Q(**product._asdict(), occurred_at__lt=at) for product, at in products.items()]
    last = rows.filter(reduce(or_, earlier)).values(*keys).annotate(occurred_at=Max("occurred_at"))
    yield from _as_rows(rows.filter(reduce(or_, [*later, *(Q(**place) for place in last)])))


def _whole_cart_rows(since: Mapping[int, datetime]) -> Iterator[tuple[ProductInCart, StoredCartEvent]]:
    """Yield the rows of sessions that orders from a time on may change, and the last ones before."""
    for session_id, at in since.items():
        rows = rows_of(CartEvent).filter(session=session_id)
        yield from _as_rows(rows.filter(occurred_at__gte=at - EMPTYING_INTERVAL).order_by())
        earlier = rows.filter(occurred_at__lt=at - EMPTYING_INTERVAL).order_by("-occurred_at", "-arrival")
        yield from _as_rows(earlier[:SESSION_CART_EVENTS])


def _as_rows(rows: QuerySet[CartEvent]) -> Iterator[tuple[ProductInCart, StoredCartEvent]]:
    keys = ProductInCart._fields
    for values in rows.values_list(*keys, *_CART_FIELDS):
        yield ProductInCart(*values[: len(keys)]), StoredCartEvent(*values[len(keys) :])
