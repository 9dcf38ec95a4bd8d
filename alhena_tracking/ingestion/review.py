"""Change what counts after it is recorded: exclude orders and visitor sessions or include them again, accept orders.

What does not count empties no cart, so the carts of the sessions are computed again. Everything runs in short
transactions, which lock as recording does; what an interruption leaves undone is done by the next call for the same
rows. Inside the caller's transaction, nothing is committed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, Q
from django.utils import timezone

from alhena_tracking.contract.rules import parse_text
from alhena_tracking.db.transactions import atomic, database, repeated
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion import carts, orm
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.models import CartEvent, Company, LockRow, Order, OrderClaim, VisitorSession

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
    exclusion = _exclusion(user, reason)
    return _review_orders(pks, lambda state: _change_exclusion(state, exclusion), log)


def include_orders(pks: Iterable[int], *, log: Log | None = None) -> int:
    """Take exclusions back; return how many orders were excluded by themselves before."""
    return _review_orders(pks, lambda state: _change_exclusion(state, _INCLUSION), log)


def accept_orders(pks: Iterable[int], user: User, reason: str, *, log: Log | None = None) -> int:
    """Accept orders that are held back, which then count at their value; return how many were held back before.

    Raises ``InvalidValue`` for an invalid reason.
    """
    acceptance = {
        "accepted_at": timezone.now(),
        "accepted_by_id": user.pk if user else None,
        "acceptance_reason": parse_text(reason),
    }

    def accept(state: OrderState) -> bool:
        return state.order is not None and state.order.is_held_back and _set(state, acceptance)

    return _review_orders(pks, accept, log)


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


def _change_exclusion(state: OrderState, exclusion: dict[str, Any]) -> bool:
    assert state.order is not None  # noqa: S101  (only stored orders are reviewed)
    is_same = (state.order.excluded_at is None) == (exclusion["excluded_at"] is None)
    return not is_same and _set(state, exclusion)


def _set(state: OrderState, values: dict[str, Any]) -> bool:
    for name, value in values.items():
        setattr(state.order, name, value)
    state.is_changed = True
    return True


# Orders


def _review_orders(pks: Iterable[int], change: Callable[[OrderState], bool], log: Log | None) -> int:
    return sum(
        _in_transaction(partial(_change_orders, company, chunk, change, log=log))
        for company, chunk in _by_company(Order, pks)
    )


def _change_orders(
    company: Company,
    pks: Sequence[int],
    change: Callable[[OrderState], bool] | None,
    *,
    log: Log | None = None,
    of_sessions: Collection[int] = (),
) -> int:
    """Change orders, and what follows from that. Without a ``change``, choose their claims again."""
    states, sessions = _lock_orders(company, pks, of_sessions if change is None else None)
    excluded = {session.pk for session in sessions.values() if session.excluded_at is not None}
    changed, now = [], timezone.now()
    for state in states:
        state.claims.excluded_sessions = excluded
        if change is None:
            state.choose_again(now)
        elif change(state):
            changed.append(state.order)
        state.settle()
    stale_days = StaleDays(company, now)
    for state in states:
        for session_id, on in state.changed_days():
            stale_days.add(on)
            if session_id is not None:
                stale_days.add_sessions(sessions[session_id].started_on)
    _empty_carts(states, stale_days)
    orm.save_states(states, {})
    orm.mark_stale(stale_days)
    if log is not None and changed:
        log(changed)
    return len(changed)


def _lock_orders(
    company: Company, pks: Sequence[int], of_sessions: Collection[int] | None
) -> tuple[list[OrderState], dict[int, VisitorSession]]:
    """Lock and read orders, with their claims if ``of_sessions`` is given; return them and the sessions they touch."""
    orders = orm.rows_of(Order).filter(company=company, pk__in=pks)
    named = list(orders.exclude(order_id="").order_by("pk").values_list("order_id", flat=True))
    orm.rows_of(LockRow).lock({LockRow.number_of(text_digest(order_id)) for order_id in named})
    read = orm.read_states(company, named).values()
    states = [state for state in read if state.order is not None and state.order.pk in pks]
    if of_sessions is not None:
        orm.read_all_claims(states, of_sessions)
    touched = {claim.session_id for state in states for claim in state.claims.rows}
    touched.update(state.order.session_id for state in states if state.order is not None)
    unnamed = orders.filter(order_id="")
    sessions = orm.lock_sessions(touched.union(unnamed.values_list("session_id", flat=True)), company)
    # An order without an id is locked by its session.
    return [*states, *(OrderState.of(company, order) for order in unnamed.order_by("pk"))], sessions


def _empty_carts(states: Sequence[OrderState], stale_days: StaleDays) -> None:
    """Compute again what cart events are worth after orders that have come to count, moved, or ceased to count."""
    moves: list[carts.Move] = [(state.place, state.new_place) for state in states]
    emptied = carts.emptied_since(moves)
    later = orm.rows_of(CartEvent).filter(session__in=emptied).order_by()
    for session_id in sorted(later.values_list("session", flat=True).distinct()):
        cart = orm.read_cart(session_id)
        changed = carts.place({}, cart.carts, carts.moved_times(moves, cart.order_times), emptied)
        orm.save_worth(changed)
        stale_days.add_cart_events(changed)


# Visitor sessions


def _review_sessions(pks: Iterable[int], exclusion: dict[str, Any], log: Log | None) -> int:
    changed = 0
    for company, chunk in _by_company(VisitorSession, pks):
        changed += _in_transaction(partial(_change_sessions, company, chunk, exclusion, log))
        # From here on, new events of the sessions count, or do not. Those before follow, whoever changed the sessions.
        while _in_transaction(partial(_change_cart_events, company, chunk)):
            pass
        claimed = orm.rows_of(OrderClaim).filter(session__in=chunk).values_list("order_id", flat=True)
        orders = {*orm.rows_of(Order).filter(session__in=chunk).values_list("pk", flat=True), *claimed}
        for part in _chunks(sorted(orders), ROWS):
            _in_transaction(partial(_change_orders, company, part, None, of_sessions=chunk))
    return changed


def _change_sessions(company: Company, pks: Sequence[int], exclusion: dict[str, Any], log: Log | None) -> int:
    sessions = orm.lock_sessions(pks, company)
    changed = [
        session for session in sessions.values() if (session.excluded_at is None) != (exclusion["excluded_at"] is None)
    ]
    orm.rows_of(VisitorSession).filter(pk__in=[session.pk for session in changed]).update(**exclusion)
    stale_days = StaleDays(company, timezone.now())
    stale_days.add_sessions(*(session.started_on for session in changed))
    orm.mark_stale(stale_days)
    if log is not None and changed:
        log(changed)
    return len(changed)


def _change_cart_events(company: Company, pks: Sequence[int]) -> bool:
    """Have some cart events of sessions follow their sessions' exclusion; return whether there may be more."""
    sessions = orm.lock_sessions(pks, company)
    excluded = [session.pk for session in sessions.values() if session.excluded_at is not None]
    others = [session.pk for session in sessions.values() if session.excluded_at is None]
    differing = orm.rows_of(CartEvent).filter(
        Q(session__in=excluded, is_excluded=False) | Q(session__in=others, is_excluded=True)
    )
    found = list(differing.order_by().values_list("pk", "occurred_on", "session")[:CART_EVENTS])
    for is_excluded in (True, False):
        now_so = [pk for pk, _, session_id in found if (session_id in excluded) == is_excluded]
        if now_so:
            orm.rows_of(CartEvent).filter(pk__in=now_so).update(is_excluded=is_excluded)
    stale_days = StaleDays(company, timezone.now())
    stale_days.add(*(on for _, on, _ in found))
    orm.mark_stale(stale_days)
    return len(found) == CART_EVENTS


# Chunks and transactions


def _by_company(model: type[Model], pks: Iterable[int]) -> Iterator[tuple[Company, list[int]]]:
    """Yield the ids of rows in chunks of one company."""
    for chunk in _chunks(pks, ROWS):
        found = orm.rows_of(model).filter(pk__in=chunk).order_by().values_list("company", "pk")
        of_company: dict[int, list[int]] = {}
        for company_id, pk in found:
            of_company.setdefault(company_id, []).append(pk)
        for company in orm.rows_of(Company).filter(pk__in=of_company).order_by("pk"):
            yield company, sorted(of_company[company.pk])


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _in_transaction(work: Callable[[], int]) -> int:
    def attempt() -> int:
        with atomic(is_durable=False):
            return work()

    return attempt() if database().in_atomic_block else repeated(attempt)
