"""Read and store what is known of order ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Q

from alhena_tracking.contract.limits import FIRST_CLAIMS, LATEST_CLAIMS
from alhena_tracking.db.transactions import rows_of
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.claims import amount_of
from alhena_tracking.ingestion.data import OrderData, Visitor
from alhena_tracking.ingestion.order_rows import new_lines, new_touches, stored_line
from alhena_tracking.ingestion.order_state import OrderState
from alhena_tracking.ingestion.orm.rows import Ids, insert, resolve
from alhena_tracking.ingestion.refunds import Refunds
from alhena_tracking.ingestion.state import Demand
from alhena_tracking.models import (
    Company,
    Order,
    OrderClaim,
    OrderConversation,
    OrderLine,
    OrderTouch,
    OrderVersion,
    PendingConfirmation,
    Refund,
    Trust,
)

#: Of an order with more claims, so many of the first ones are read, besides those that the events are about. Two claims
#: disagree, so no further ones are needed to see a conflict.
CLAIMS_READ = 2


def read_states(company: Company, order_ids: Sequence[str]) -> dict[str, OrderState]:
    """Return the state of each order id, whose lock row must be locked; without claims, which refunds need not know."""
    states = {text_digest(order_id): OrderState(company) for order_id in order_ids}
    if not states:
        return {}
    known = {"company": company, "order_id_digest__in": states}
    orders = {}
    refunds: dict[UUID, list[Refund]] = {}
    for order in rows_of(Order).filter(**known):
        orders[order.pk] = states[order.order_id_digest] = OrderState.of(company, order)
    for pending in rows_of(PendingConfirmation).filter(**known):
        states[pending.order_id_digest].pending = pending
    for refund in rows_of(Refund).filter(**known).order_by("id"):
        if refund.refunded_order_id is not None:
            refund.refunded_order = orders[refund.refunded_order_id].order
        refunds.setdefault(refund.order_id_digest, []).append(refund)
    for digest, rows in refunds.items():
        states[digest].refunds = Refunds(rows)
    read_versions(company, states)
    return {order_id: states[text_digest(order_id)] for order_id in order_ids}


def read_versions(company: Company, states: Mapping[UUID, OrderState]) -> None:
    """Read the versions of those orders, by digest, of which the shop's server has spoken."""
    confirmed = {digest: state for digest, state in states.items() if state.pending or _is_confirmed(state)}
    if not confirmed:
        return
    for version in rows_of(OrderVersion).filter(company=company, order_id_digest__in=confirmed).order_by("id"):
        confirmed[version.order_id_digest].versions.rows.append(version)
    with_lines = {}
    for state in confirmed.values():
        if state.order is None:
            assert state.pending is not None  # noqa: S101
            state.versions.standing_lines = state.pending.line_items
        elif state.order.has_confirmed_lines:
            state.versions.standing_lines = []
            with_lines[state.order.pk] = state.versions.standing_lines
    for line in rows_of(OrderLine).filter(order__in=with_lines).order_by("id") if with_lines else ():
        with_lines[line.order_id].append(stored_line(line))


def _is_confirmed(state: OrderState) -> bool:
    return state.order is not None and state.order.trust != Trust.REPORTED


class OrderDemand(NamedTuple):
    """What the events of one order id depend on: the sessions of their visitors, and what the shop's server says."""

    sessions: Collection[int]
    confirmations: list[OrderData]

    @classmethod
    def of(cls, demand: Demand, order_id: str, sessions: Collection[int]) -> OrderDemand:
        events = [event for event in demand.events if isinstance(event, OrderData) and event.order_id == order_id]
        return cls(sessions, [event for event in events if event.trust == Trust.CONFIRMED])


def read_claims(state: OrderState, demand: OrderDemand) -> None:
    """Read the claims of an order that ``OrderState`` describes."""
    order = state.order
    if order is None:
        return
    claims = rows_of(OrderClaim).filter(order=order).order_by("id")
    found = list(claims[: CLAIMS_READ + 1])
    if len(found) > CLAIMS_READ:
        state.claims.has_more = True
        included = claims.filter(session__excluded_at=None)
        figures = [(event.currency, event.value_minor, event.server_occurred_at) for event in demand.confirmations]
        if order.trust == Trust.REPORTED:
            found = [*found[:CLAIMS_READ], *included.filter(is_above_ceiling=False)[:1], *included[:CLAIMS_READ]]
        else:
            found = [*found[:CLAIMS_READ], *included[:CLAIMS_READ]]
            amounts = {amount_of(order), *state.versions.amounts}
            figures += [(*amount, order.server_occurred_at) for amount in sorted(amounts)]
        for currency, value_minor, at in figures:
            exact = included.filter(currency=currency, value_minor=value_minor)
            found += exact[:1]
            if at is not None:
                found += exact.filter(received_at__lte=at).order_by("-received_at", "id")[:1]
                found += exact.filter(received_at__gt=at).order_by("received_at", "id")[:1]
        found += claims.filter(session__in=[*demand.sessions, order.session_id])
    own_ids: dict[Visitor, int] = {}
    for event in demand.confirmations:
        if event.visitor is not None:
            users, faqs = event.visitor.digests(state.company)
            named = Q(credited_interaction__user_fingerprint_digest__in=users)
            named |= Q(credited_interaction__faq_fingerprint_digest__in=faqs)
            if (own := claims.filter(named).first()) is not None:
                found.append(own)
                own_ids[event.visitor] = own.pk
    by_id = {claim.pk: claim for claim in found}
    state.claims.rows = [by_id[pk] for pk in sorted(by_id)]
    state.claims.own = {visitor: by_id[pk] for visitor, pk in own_ids.items()}


def read_all_claims(states: Sequence[OrderState], sessions: Collection[int]) -> None:
    """Read the claims of stored orders that ``Claims`` describes, where the events are exclusions of ``sessions``."""
    by_order = {state.order.pk: state for state in states if state.order is not None}
    claims = rows_of(OrderClaim).filter(order__in=by_order).order_by()
    counts = dict(claims.values_list("order").annotate(count=Count("pk")))
    few = [pk for pk, count in counts.items() if count <= CLAIMS_READ]
    for claim in rows_of(OrderClaim).filter(order__in=few).order_by("id"):
        by_order[claim.order_id].claims.rows.append(claim)
    for pk in counts.keys() - set(few):
        read_claims(by_order[pk], OrderDemand(sessions, []))


def save_states(states: Sequence[OrderState], ids: Ids) -> None:
    """Store the changes of orders; the new ones are inserted already."""
    claims: list[OrderClaim] = []
    crowded: list[Order] = []
    lines: list[OrderLine] = []
    touches: list[OrderTouch] = []
    conversations: list[OrderConversation] = []
    for state in states:
        if state.order is not None:
            _save_order(state, state.order, ids)
            for claim in state.claims.rows:
                claim.order = state.order
            added = [claim for claim in state.claims.rows if claim._state.adding]
            claims += added
            if added and (state.claims.has_more or len(added) > LATEST_CLAIMS):
                crowded.append(state.order)
            for claim in state.claims.restated:
                if claim not in added:
                    resolve(claim, ids)
                    claim.save(force_update=True)
            if state.lines is not None:
                lines += new_lines(state.order, state.lines)
            if state.has_other_touches:
                touches += new_touches(state.order)
            for conversation in state.conversations or ():
                conversation.order_id = state.order.pk
                conversations.append(conversation)
        _save_versions(state)
        _save_pending(state)
        _save_refunds(state)
    insert(claims, ids)
    for order in crowded:
        _drop_claims(order)
    insert(lines, ids)
    insert(touches, ids)
    insert(conversations, ids)


def _drop_claims(order: Order) -> None:
    """Delete the oldest of the latest claims beyond ``LATEST_CLAIMS``, but not the one that the order shows."""
    claims = rows_of(OrderClaim).filter(order=order).order_by("id")
    if (excess := claims.count() - FIRST_CLAIMS - LATEST_CLAIMS) > 0:
        oldest = claims.values_list("pk", "session_id")[FIRST_CLAIMS : FIRST_CLAIMS + excess + 1]
        dropped = [pk for pk, session_id in oldest if session_id != order.session_id][:excess]
        claims.filter(pk__in=dropped).delete()


def _save_order(state: OrderState, order: Order, ids: Ids) -> None:
    if state.is_changed and not state.is_new:
        resolve(order, ids)
        order.save(force_update=True)
    if state.lines is not None and not state.is_new:
        rows_of(OrderLine).filter(order=order).delete()
    if state.has_other_touches and not state.is_new:
        rows_of(OrderTouch).filter(order=order).delete()
    if state.conversations is not None and state.former_recommendations:
        rows_of(OrderConversation).filter(order=order).delete()


def _save_versions(state: OrderState) -> None:
    if state.versions.forgotten:
        rows_of(OrderVersion).filter(pk__in=[version.pk for version in state.versions.forgotten]).delete()
    for version in state.versions.rows:
        was_of_order = version.order_id is not None
        version.order = state.order
        if version._state.adding:
            version.save(force_insert=True)
        elif state.order is not None and not was_of_order:
            version.save(update_fields=["order"])


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
    for refund in state.refunds.superseded:
        if refund.pk is not None:
            refund.delete()
    changed = state.refunds.changed()
    for refund in state.refunds.rows:
        refund.refunded_order = refund.refunded_order  # sets the id of an order inserted since
        if refund._state.adding:
            refund.save(force_insert=True)
        elif refund in changed:
            refund.save(update_fields=["refunded_order", "counted_minor"])
