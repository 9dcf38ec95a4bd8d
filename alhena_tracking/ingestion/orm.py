"""Read and write through the ORM: on every database, and what PostgreSQL need not do faster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple, TypeVar

from django.db.models import Max, Model, Q

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import FIRST_CLAIMS, LATEST_CLAIMS, SESSION_CLAIMS
from alhena_tracking.db.transactions import avoid_table_scans, database
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.carts import WORTH_FIELDS
from alhena_tracking.ingestion.data import OrderData, Visitor
from alhena_tracking.ingestion.order_rows import new_lines
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.planning import PROVISIONAL_ID, Plan
from alhena_tracking.ingestion.state import (
    INTERACTIONS_READ,
    SESSION_FIELDS,
    Demand,
    DeniedError,
    Fingerprint,
    ProductInCart,
    Range,
    Stored,
    StoredCartEvent,
    VisitorDemand,
    earliest,
)
from alhena_tracking.models import (
    CartEvent,
    Company,
    Interaction,
    LockRow,
    Order,
    OrderClaim,
    OrderLine,
    PendingConfirmation,
    Refund,
    RolledUpDay,
    Standing,
    Trust,
    VisitorSession,
)

#: Of an order with more claims, so many of the first ones are read, besides those that the events are about. Two claims
#: disagree, so no further ones are needed to see a conflict.
CLAIMS_READ = 2

#: So many of a session's orders with the amount of an event without an order id are read.
EQUAL_ORDERS_READ = 50

_CART_FIELDS = tuple(StoredCartEvent.__dataclass_fields__)
_Model = TypeVar("_Model", bound=Model)


def rows_of(model: type[_Model]) -> Any:
    """Return the rows of a model where events are recorded, whatever a database router says of reads."""
    return model._default_manager.using(database().alias)


# Reading


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
    for order_id, state in stored.orders.items():
        _read_claims(state, _OrderDemand.of(demand, order_id, sessions))
    emptied = _emptied(demand, stored.orders)
    for visitor, session_id in pairs:
        for at in _denied_at(demand.visitors[visitor], stored.orders.values()):
            earliest(emptied, session_id, at)
    stored.sessions = _lock_sessions(sessions | emptied.keys(), demand.company)
    stored.excluded_sessions = {pk for pk, session in stored.sessions.items() if session.excluded_at is not None}
    for fingerprint, rows in interactions.items():
        candidates = [row.as_candidate(stored.sessions) for row in rows if row.session_id in stored.sessions]
        stored.candidates[fingerprint] = {candidate.id: candidate for candidate in candidates}
    stored.carts_read = pairs
    for table, ids in demand.event_ids.items():
        known = rows_of(table).filter(company=demand.company, event_id__in=ids)
        if table is Order:
            known = known.filter(order_id_digest=None)
        stored.known.update((table, *values) for values in known.values_list("event_id", "trust"))
    _read_orders_of_sessions(stored, demand)
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
    denied = set(latest.values_list("order_id", flat=True)[:SESSION_CLAIMS])
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

    def as_candidate(self, sessions: Mapping[int, VisitorSession]) -> Candidate:
        return Candidate(*self[:3], sessions[self.session_id].started_at, *self[3:])


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
    sessions = {}
    for pk in sorted(ids):
        rows_of(VisitorSession).lock(pk)
    for session in rows_of(VisitorSession).filter(pk__in=ids):
        session.company = company
        sessions[session.pk] = session
    return sessions


def _emptied(demand: Demand, states: Mapping[str, OrderState]) -> dict[int, datetime]:
    """Return since when the carts of the sessions of stored orders may change."""
    emptied: dict[int, datetime] = {}
    first = min(event.occurred_at for event in demand.events)
    for state in states.values():
        if state.order is None:
            continue
        rows: list[Order | OrderClaim] = [state.order, *state.claims]
        for session_id, at in [(row.session_id, row.occurred_at) for row in rows]:
            earliest(emptied, session_id, min(at, first))
    return emptied


def _read_orders_of_sessions(stored: Stored, demand: Demand) -> None:
    """Read what bounds a session's orders: its open claims, and orders without an id that may be equal."""
    claimants = {event.visitor for event in demand.events if isinstance(event, OrderData) and event.order_id}
    since = max(event.received_at for event in demand.events) - demand.window
    for visitor, session_id in stored.carts_read:
        if visitor in claimants:
            claims = rows_of(OrderClaim).filter(session=session_id, trust=Trust.REPORTED, received_at__gt=since)
            confirmed = Q(order__session=session_id, order__trust__in=Trust.by_server())
            confirmed &= ~Q(order__standing__in=[Standing.HELD, Standing.NOT_OURS])
            stored.open_claims[session_id] = len(
                claims.exclude(confirmed).order_by().values_list("pk")[:SESSION_CLAIMS]
            )
        contents = demand.visitors[visitor].contents
        if not contents:
            continue
        near = rows_of(Order).filter(
            session=session_id,
            order_id_digest=None,
            occurred_at__gte=min(range_.since for range_ in contents.values()),
            occurred_at__lte=max(range_.until for range_ in contents.values()),
        )
        equal = near.filter(contents_digest__in=contents, standing=Standing.COUNTED)
        for digest, at in equal.values_list("contents_digest", "occurred_at"):
            stored.contents.setdefault((session_id, digest), []).append(at)
        stored.orders_without_id[session_id] = _equal_orders(demand, visitor, session_id, near)


def _equal_orders(demand: Demand, visitor: Visitor, session_id: int, near: Any) -> list[Order]:
    """Return a session's orders without an id that the server's events of a visitor may confirm or repeat."""
    events = [
        event
        for event in demand.events
        if isinstance(event, OrderData)
        and event.visitor == visitor
        and event.trust == Trust.CONFIRMED
        and not event.order_id
    ]
    if not events:
        return []
    amounts = reduce(or_, [Q(currency=event.currency, value_minor=event.value_minor) for event in events])
    reported = rows_of(Order).filter(session=session_id, order_id_digest=None, trust=Trust.REPORTED)
    same = reported.filter(event_id__in=[event.event_id for event in events])
    found = [*same, *near.filter(amounts).order_by("occurred_at", "id")[:EQUAL_ORDERS_READ]]
    return list({order.pk: order for order in found}.values())


def _read_carts(stored: Stored, demand: Demand, emptied: Mapping[int, datetime]) -> None:
    since = dict(emptied)
    products: dict[ProductInCart, datetime] = {}
    for visitor, session_id in stored.carts_read:
        of_visitor = demand.visitors[visitor]
        for (digest, currency), at in of_visitor.products.items():
            earliest(products, ProductInCart(session_id, digest, currency), at)
        if of_visitor.emptied_at:
            earliest(since, session_id, of_visitor.emptied_at)
    for session_id, at in since.items():
        later = rows_of(CartEvent).filter(session=session_id, occurred_at__gte=at).order_by()
        for digest, currency in later.values_list("product_id_digest", "currency").distinct():
            earliest(products, ProductInCart(session_id, digest, currency), at)
    stored.add_carts(_cart_rows(products))
    starts: dict[int, datetime] = {}
    for session_id, at in (*((product.session_id, at) for product, at in products.items()), *since.items()):
        earliest(starts, session_id, at)
    for session_id, at in starts.items():
        orders = rows_of(Order).filter(session=session_id, standing=Standing.COUNTED).order_by()
        last = orders.filter(occurred_at__lt=at).aggregate(at=Max("occurred_at"))["at"]
        times = orders.filter(occurred_at__gte=at).values_list("occurred_at", flat=True)
        stored.order_times[session_id] = [*([last] if last else []), *times]


def _cart_rows(products: Mapping[ProductInCart, datetime]) -> Iterator[tuple[ProductInCart, StoredCartEvent]]:
    """Yield each product's rows from a time on, and those of the last time before."""
    if not products:
        return
    rows, keys = rows_of(CartEvent).order_by(), ProductInCart._fields
    later = [Q(**product._asdict(), occurred_at__gte=at) for product, at in products.items()]
    earlier = [Q(**product._asdict(), occurred_at__lt=at) for product, at in products.items()]
    last = rows.filter(reduce(or_, earlier)).values(*keys).annotate(occurred_at=Max("occurred_at"))
    for values in rows.filter(reduce(or_, [*later, *(Q(**place) for place in last)])).values_list(*keys, *_CART_FIELDS):
        yield ProductInCart(*values[: len(keys)]), StoredCartEvent(*values[len(keys) :])


def read_states(company: Company, order_ids: Sequence[str]) -> dict[str, OrderState]:
    """Return the state of each order id, whose lock row must be locked; without claims, which refunds need not know."""
    states = {text_digest(order_id): OrderState(company) for order_id in order_ids}
    if not states:
        return {}
    known = {"company": company, "order_id_digest__in": states}
    orders = {}
    for order in rows_of(Order).filter(**known):
        orders[order.pk] = states[order.order_id_digest] = OrderState.of(company, order)
    for pending in rows_of(PendingConfirmation).filter(**known):
        states[pending.order_id_digest].pending = pending
    for refund in rows_of(Refund).filter(**known).order_by("id"):
        if refund.refunded_order_id is not None:
            refund.refunded_order = orders[refund.refunded_order_id].order
            states[refund.order_id_digest].attached_refund_ids.add(refund.pk)
        states[refund.order_id_digest].refunds.append(refund)
    return {order_id: states[text_digest(order_id)] for order_id in order_ids}


class _OrderDemand(NamedTuple):
    """What the events of one order id depend on: the sessions of their visitors, and what the shop's server says."""

    sessions: Collection[int]
    confirmations: list[OrderData]

    @classmethod
    def of(cls, demand: Demand, order_id: str, sessions: Collection[int]) -> _OrderDemand:
        events = [event for event in demand.events if isinstance(event, OrderData) and event.order_id == order_id]
        return cls(sessions, [event for event in events if event.trust == Trust.CONFIRMED])


def _read_claims(state: OrderState, demand: _OrderDemand) -> None:
    """Read the claims of an order that ``OrderState`` describes."""
    order = state.order
    if order is None:
        return
    claims = rows_of(OrderClaim).filter(order=order).order_by("id")
    found = list(claims[: CLAIMS_READ + 1])
    if len(found) > CLAIMS_READ:
        state.has_more_claims = True
        included = claims.filter(session__excluded_at=None)
        figures = [(event.currency, event.value_minor, event.server_occurred_at) for event in demand.confirmations]
        if order.trust == Trust.REPORTED:
            found = [*found[:CLAIMS_READ], *included.filter(is_above_ceiling=False)[:1]]
        else:
            found = found[:CLAIMS_READ]
            figures.append((order.currency, order.value_minor, order.server_occurred_at))
        for currency, value_minor, at in figures:
            exact = included.filter(currency=currency, value_minor=value_minor)
            found += exact[:1]
            if at is not None:
                found += exact.filter(received_at__lte=at).order_by("-received_at", "id")[:1]
                found += exact.filter(received_at__gt=at).order_by("received_at", "id")[:1]
        found += claims.filter(session__in=[*demand.sessions, order.session_id])
    for event in demand.confirmations:
        if event.visitor is not None:
            users, faqs = event.visitor.digests(state.company)
            named = Q(credited_interaction__user_fingerprint_digest__in=users)
            named |= Q(credited_interaction__faq_fingerprint_digest__in=faqs)
            if (own := claims.filter(named).first()) is not None:
                state.own_claims[event.visitor] = own
                found.append(own)
    state.claims = sorted({claim.pk: claim for claim in found}.values(), key=lambda claim: claim.pk)
    # One row, one object.
    by_pk = {claim.pk: claim for claim in state.claims}
    state.own_claims = {visitor: by_pk[claim.pk] for visitor, claim in state.own_claims.items()}


# Writing


def write(plan: Plan) -> None:
    """Insert and update all rows, and mark the days whose roll-ups they make stale."""
    ids: dict[tuple[type[Model], int], int] = {}
    _insert(plan.opened, ids)
    rows_of(VisitorSession).bulk_update(plan.joined.values(), SESSION_FIELDS)
    _insert(plan.interactions, ids)
    _insert([state.order for state in plan.states if state.order is not None and state.is_new], ids)
    _insert(plan.orders_without_id, ids)
    for line in plan.lines_without_id:
        line.order_id = line.order.pk
    _insert(plan.lines_without_id, ids)
    save_states(plan.states, ids)
    _insert(plan.cart_events, ids)
    changed = [
        CartEvent(id=row.id, **{name: getattr(row, name) for name in WORTH_FIELDS}) for row in plan.changed_cart_events
    ]
    rows_of(CartEvent).bulk_update(changed, WORTH_FIELDS, batch_size=500)
    stale = plan.stale_days
    rows_of(RolledUpDay).mark_stale(stale.company, stale.days, of_sessions=stale.session_days)


def _insert(rows: Sequence[Any], ids: dict[tuple[type[Model], int], int]) -> None:
    """Insert rows of one model with their references to rows inserted before; note the ids of provisional ones."""
    if not rows:
        return
    for row in rows:
        _resolve(row, ids)
    provisional = [row.pk for row in rows]
    for row in rows:
        row.pk = None
    rows_of(type(rows[0])).bulk_create(rows)
    ids.update({(type(row), pk): row.pk for row, pk in zip(rows, provisional, strict=True) if pk is not None})


def _resolve(row: Any, ids: Mapping[tuple[type[Model], int], int]) -> None:
    """Replace the provisional ids that a row refers to."""
    for name, model in (("session_id", VisitorSession), ("credited_interaction_id", Interaction)):
        if (pk := getattr(row, name, 0)) >= PROVISIONAL_ID:
            setattr(row, name, ids[model, pk])


def save_states(states: Sequence[OrderState], ids: dict[tuple[type[Model], int], int]) -> None:
    """Store the changes of orders; the new ones are inserted already."""
    claims: list[OrderClaim] = []
    crowded: list[Order] = []
    lines: list[OrderLine] = []
    for state in states:
        if state.order is not None:
            _save_order(state, state.order, ids)
            for claim in state.claims:
                claim.order = state.order
            added = [claim for claim in state.claims if claim._state.adding]
            claims += added
            if added and (state.has_more_claims or len(added) > LATEST_CLAIMS):
                crowded.append(state.order)
            for claim in state.changed_claims:
                _resolve(claim, ids)
                claim.save(force_update=True)
            if state.lines is not None:
                lines += new_lines(state.order, state.lines)
        _save_pending(state)
        _save_refunds(state)
    _insert(claims, ids)
    for order in crowded:
        _drop_claims(order)
    _insert(lines, ids)


def _drop_claims(order: Order) -> None:
    """Delete the oldest of the latest claims beyond ``LATEST_CLAIMS``, but not the one that the order shows."""
    claims = rows_of(OrderClaim).filter(order=order).order_by("id")
    if (excess := claims.count() - FIRST_CLAIMS - LATEST_CLAIMS) > 0:
        oldest = claims.values_list("pk", "session_id")[FIRST_CLAIMS : FIRST_CLAIMS + excess + 1]
        dropped = [pk for pk, session_id in oldest if session_id != order.session_id][:excess]
        claims.filter(pk__in=dropped).delete()


def _save_order(state: OrderState, order: Order, ids: Mapping[tuple[type[Model], int], int]) -> None:
    if state.is_changed and not state.is_new:
        _resolve(order, ids)
        order.save(force_update=True)
    if state.lines is not None and not state.is_new:
        rows_of(OrderLine).filter(order=order).delete()


def _save_pending(state: OrderState) -> None:
    pending = state.pending
    if pending is None:
        return
    if state.drops_pending:
        if pending.pk is not None:
            rows_of(PendingConfirmation).filter(pk=pending.pk).delete()
    elif state.has_new_pending:
        pending.save(force_update=pending.pk is not None)


def _save_refunds(state: OrderState) -> None:
    if state.superseded_refund is not None:
        state.superseded_refund.delete()
    changed = state.changed_refunds()
    for refund in state.refunds:
        refund.refunded_order = refund.refunded_order  # sets the id of an order inserted since
        if refund._state.adding:
            refund.save(force_insert=True)
        elif refund in changed:
            refund.save(update_fields=["refunded_order"])
