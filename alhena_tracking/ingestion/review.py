"""Change what counts after it is recorded: exclude orders and visitor sessions or include them again, accept orders.

What does not count empties no cart, so the carts of the sessions are computed again. Everything runs in short
transactions, which lock as recording does; what an interruption leaves undone is done by the next call for the same
rows. Inside the caller's transaction, nothing is committed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Model, Q
from django.utils import timezone

from alhena_tracking.contract.rules import parse_text
from alhena_tracking.db.transactions import atomic, database, persistently, rows_of
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import carts, orm
from alhena_tracking.ingestion.order_rows import recommending_sessions
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.models import CartEvent, Company, Interaction, LockRow, Order, OrderClaim, VisitorSession

#: Most orders or sessions, and most cart events, of one transaction.
ROWS = 100
CART_EVENTS = 1000

User: TypeAlias = AbstractBaseUser | AnonymousUser | None
#: Called with the rows that were changed, in the transaction that changes them.
Log: TypeAlias = Callable[[Sequence[Any]], object]
_Item = TypeVar("_Item")

_INCLUSION = {"excluded_at": None, "excluded_by_id": None, "exclusion_reason": ""}


def exclude_orders(pks: Iterable[int], user: User, reason: str, *, log: Log | None = None) -> int:
    """Exclude orders (tests, frauds) from all figures; return how many were not excluded by themselves before.

    ``user`` is who does it, if known. Orders that are excluded already keep their reason, and ids of no order are
    left out. Raises ``InvalidValue`` for an invalid reason.
    """
    return _review_orders(pks, _exclusion(user, reason), lambda order: order.excluded_at is None, log)


def include_orders(pks: Iterable[int], *, log: Log | None = None) -> int:
    """Take exclusions back; return how many orders were excluded by themselves before."""
    return _review_orders(pks, _INCLUSION, lambda order: order.excluded_at is not None, log)


def accept_orders(pks: Iterable[int], user: User, reason: str, *, log: Log | None = None) -> int:
    """Accept orders that are held back, which then count at their value; return how many were held back before.

    Raises ``InvalidValue`` for an invalid reason.
    """
    acceptance = {
        "accepted_at": timezone.now(),
        "accepted_by_id": user.pk if user else None,
        "acceptance_reason": parse_text(reason),
    }
    return _review_orders(pks, acceptance, lambda order: order.is_held_back, log)


def exclude_sessions(pks: Iterable[int], user: User, reason: str, *, log: Log | None = None) -> int:
    """Exclude visitor sessions with their cart events and orders, and all that follow; return how many were not before.

    Arguments and errors are those of ``exclude_orders``.
    """
    return _review_sessions(pks, _exclusion(user, reason), log)


def include_sessions(pks: Iterable[int], *, log: Log | None = None) -> int:
    """Take exclusions of visitor sessions back; return how many were excluded before."""
    return _review_sessions(pks, _INCLUSION, log)


def _exclusion(user: User, reason: str) -> dict[str, Any]:
    return {
        "excluded_at": timezone.now(),
        "excluded_by_id": user.pk if user else None,
        "exclusion_reason": parse_text(reason),
    }


# Orders


def _review_orders(pks: Iterable[int], values: dict[str, Any], is_due: Callable[[Order], bool], log: Log | None) -> int:
    return sum(
        _in_transaction(partial(_change_orders, company, chunk, values, is_due, log))
        for company, chunk in _by_company(Order, pks)
    )


def _change_orders(
    company: Company, pks: Sequence[int], values: dict[str, Any], is_due: Callable[[Order], bool], log: Log | None
) -> int:
    """Set the ``values`` of the orders for which that ``is_due``."""
    orders = _LockedOrders(company, pks)
    changed = [order for order in orders.rows if is_due(order)]
    for order in changed:
        for name, value in values.items():
            setattr(order, name, value)
    rows_of(Order).filter(pk__in=[order.pk for order in changed]).update(**values)
    orders.save()
    if log is not None and changed:
        log(changed)
    return len(changed)


def _choose_claims(company: Company, pks: Sequence[int], sessions: Collection[int]) -> int:
    """Choose the claims that orders show, after ``sessions`` were excluded or included again."""
    orders = _LockedOrders(company, pks, sessions)
    for state in orders.states:
        state.choose_again(orders.now)
    orders.save()
    return len(orders.states)


class _LockedOrders:
    """Orders, locked as ingestion locks them, with their claims if those of ``claimants`` may change."""

    def __init__(self, company: Company, pks: Sequence[int], claimants: Collection[int] | None = None) -> None:
        self.company, self.now = company, timezone.now()
        stored = rows_of(Order).filter(company=company, pk__in=pks)
        order_ids = list(stored.exclude(order_id="").order_by("pk").values_list("order_id", flat=True))
        rows_of(LockRow).lock({LockRow.number_of(text_digest(order_id)) for order_id in order_ids})
        read = orm.read_states(company, order_ids).values()
        self.states = [state for state in read if state.order is not None and state.order.pk in pks]
        if claimants is not None:
            orm.read_all_claims(self.states, claimants)
        touched = {claim.session_id for state in self.states for claim in state.claims.rows}
        touched.update(order.session_id for order in self.rows)
        unnamed = stored.filter(order_id="").order_by("pk")
        touched.update(unnamed.values_list("session_id", flat=True))
        touched.update(pk for state in self.states for pk in state.recommending_sessions)
        touched.update(pk for order in unnamed.all() for pk in recommending_sessions(order))
        self.sessions = orm.lock_many_sessions(touched, company)
        # An order without an id is locked by its session.
        self.states += [OrderState.of(company, order) for order in unnamed]
        excluded = {session.pk for session in self.sessions.values() if session.excluded_at is not None}
        for state in self.states:
            state.claims.excluded_sessions = excluded

    @property
    def rows(self) -> list[Order]:
        return [state.order for state in self.states if state.order is not None]

    def save(self) -> None:
        """Save the orders, the carts after them, and which days are stale by that."""
        same: dict[str, list[int]] = {}
        for state, order in zip(self.states, self.rows, strict=True):
            is_moved = state.is_changed
            state.settle()
            if state.is_changed and not is_moved:  # only the standing changes: save those of many orders together
                state.is_changed = False
                same.setdefault(order.standing, []).append(order.pk)
        stale_days = StaleDays(self.company, self.now)
        for state in self.states:
            stale_days.add_state(state, self.sessions)
        _empty_carts(self.states, stale_days)
        for standing, pks in same.items():
            rows_of(Order).filter(pk__in=pks).update(standing=standing)
        orm.save_states(self.states, {})
        orm.mark_stale(stale_days)


def _empty_carts(states: Sequence[OrderState], stale_days: StaleDays) -> None:
    """Compute again what cart events are worth after orders that have come to count, moved, or ceased to count."""
    moves = carts.moves_of(states)
    emptied = carts.emptied_since(moves)
    counts = rows_of(CartEvent).filter(session__in=emptied).order_by().values_list("session")
    for together in _batches(dict(counts.annotate(count=Count("pk")))):
        stored = orm.read_carts({session_id: emptied[session_id] for session_id in together})
        orders = carts.with_moves(stored.cart_orders, moves)
        placed = carts.place({}, stored.carts, orders, stored.whole_carts, {})
        orm.save_worth(placed.events)
        orm.save_emptying(carts.note_changes(placed.orders, states))
        stale_days.add_cart_events(placed.events)


def _batches(counts: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield sessions with at most ``CART_EVENTS`` together, if not alone."""
    batch: list[int] = []
    for session_id, count in sorted(counts.items()):
        if batch and sum(counts[one] for one in batch) + count > CART_EVENTS:
            yield batch
            batch = []
        batch.append(session_id)
    if batch:
        yield batch


# Visitor sessions


def _review_sessions(pks: Iterable[int], exclusion: dict[str, Any], log: Log | None) -> int:
    changed = 0
    for company, chunk in _by_company(VisitorSession, pks):
        changed += _in_transaction(partial(_change_sessions, company, chunk, exclusion, log))
        # From here on, new events of the sessions count, or do not. Those before follow in chunks.
        while _in_transaction(partial(_change_cart_events, company, chunk)) == CART_EVENTS:
            pass
        claimed = rows_of(OrderClaim).filter(session__in=chunk).values_list("order_id", flat=True)
        orders = {*rows_of(Order).filter(session__in=chunk).values_list("pk", flat=True), *claimed}
        for part in _chunks(sorted(orders), ROWS):
            _in_transaction(partial(_choose_claims, company, part, chunk))
    return changed


def _change_sessions(company: Company, pks: Sequence[int], exclusion: dict[str, Any], log: Log | None) -> int:
    sessions = orm.lock_many_sessions(pks, company)
    changed = [
        session for session in sessions.values() if (session.excluded_at is None) != (exclusion["excluded_at"] is None)
    ]
    rows_of(VisitorSession).filter(pk__in=[session.pk for session in changed]).update(**exclusion)
    stale_days = StaleDays(company, timezone.now())
    stale_days.add_sessions(*(session.started_on for session in changed))
    recommending = rows_of(Interaction).filter(session__in=changed, recommended_product_ids__isnull=False)
    stale_days.add_sessions(*recommending.order_by().values_list("occurred_on", flat=True).distinct())
    orm.mark_stale(stale_days)
    if log is not None and changed:
        log(changed)
    return len(changed)


def _change_cart_events(company: Company, pks: Sequence[int]) -> int:
    """Have up to ``CART_EVENTS`` cart events follow their sessions' exclusion; return how many."""
    sessions = orm.lock_many_sessions(pks, company)
    excluded = [session.pk for session in sessions.values() if session.excluded_at is not None]
    others = [session.pk for session in sessions.values() if session.excluded_at is None]
    differing = rows_of(CartEvent).filter(
        Q(session__in=excluded, is_excluded=False) | Q(session__in=others, is_excluded=True)
    )
    found = list(differing.order_by().values_list("pk", "occurred_on", "session")[:CART_EVENTS])
    for is_excluded in (True, False):
        now_so = [pk for pk, _, session_id in found if (session_id in excluded) == is_excluded]
        if now_so:
            rows_of(CartEvent).filter(pk__in=now_so).update(is_excluded=is_excluded)
    stale_days = StaleDays(company, timezone.now())
    stale_days.add(*(on for _, on, _ in found))
    orm.mark_stale(stale_days)
    return len(found)


# Chunks and transactions


def _by_company(model: type[Model], pks: Iterable[int]) -> Iterator[tuple[Company, list[int]]]:
    """Yield the ids of rows in chunks of one company."""
    for chunk in _chunks(pks, ROWS):
        found = rows_of(model).filter(pk__in=chunk).order_by().values_list("company", "pk")
        of_company: dict[int, list[int]] = {}
        for company_id, pk in found:
            of_company.setdefault(company_id, []).append(pk)
        for company in rows_of(Company).filter(pk__in=of_company).order_by("pk"):
            yield company, sorted(of_company[company.pk])


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _in_transaction(work: Callable[[], int]) -> int:
    def attempt() -> int:
        with atomic(is_durable=False):
            return work()

    return attempt() if database().in_atomic_block else persistently(attempt)
