"""What may stop events on their way, or spoil what they say: the checks beside those of the road itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta
from itertools import chain, islice

from alhena_tracking.conf import conf
from alhena_tracking.diagnosis.checks import QUIET_AFTER, Check, CheckName, State
from alhena_tracking.diagnosis.event_facts import (
    CART_EVENT,
    INTERACTION,
    ORDER,
    EventFacts,
    OrderSums,
    OutcomeSums,
    recent,
)
from alhena_tracking.models import ValueBasis

#: Of this many events, one that is refused is nothing to worry about.
ONE_IN = 100
#: A server that tells of what happened longer ago, again and again, has a clock that is wrong (or a zone).
SERVER_DELAY = timedelta(minutes=10)
SERVER_EVENTS = 3
#: How many of the last orders decide whether they have ids, and whether their lines add up.
JUDGED_ORDERS = 20
LAST_ORDERS = 10
NAMED = 5


def _stopped(
    facts: EventFacts,
    name: CheckName,
    stopped: Collection[OutcomeSums],
    code: str = "",
    names: Collection[str] = (),
    finding: str = "stopped",
) -> Check:
    """A problem if one in a hundred events is stopped; nothing is known as long as nothing comes."""
    count, total = recent(stopped), recent(facts.outcomes)
    refused = [each.at for each in facts.recent_refusals if any(code == found for _, found in each.errors)]
    if not total:
        return Check(name=name, state=State.UNKNOWN, finding="nothing")
    if not count:
        return Check(name=name, state=State.DONE, finding="none", total=total)
    is_rare = count * ONE_IN < total
    return Check(
        name=name,
        state=State.DONE if is_rare else State.PROBLEM,
        finding="few" if is_rare else finding,
        count=count,
        total=total,
        at=max(refused, default=None),
        on=_last_on(stopped),
        names=tuple(islice(names, NAMED)),
        is_blocking=not is_rare and _is_blocking(facts, stopped),
    )


def _last_on(sums: Iterable[OutcomeSums]) -> date | None:
    return max((each.last_on for each in sums if each.recent), default=None)


def _is_blocking(facts: EventFacts, stopped: Iterable[OutcomeSums]) -> bool:
    """Whether nothing else of some kind came through; what has no kind stands for all."""
    methods = {sums.method for sums in stopped if sums.recent}
    return any(not facts.accepted(*([method] if method else [])) for method in methods)


def _company_key(facts: EventFacts) -> Check | None:
    if conf.company_key is None:
        return Check(name=CheckName.COMPANY_KEY, state=State.UNKNOWN, finding="not_counted")
    if conf.company_key != facts.company.key:
        return None  # counted for the company of the settings
    return _stopped(facts, CheckName.COMPANY_KEY, facts.select(reasons=["unknown_company"]), "unknown_company")


def _origins(facts: EventFacts) -> Check:
    code = "origin_not_allowed"
    refused = [each.origin for each in facts.recent_refusals if any(code == found for _, found in each.errors)]
    unlisted = dict.fromkeys(origin for origin in refused if origin.lower() not in facts.company.origins)
    check = _stopped(facts, CheckName.ORIGINS, facts.select(reasons=[code]), code, unlisted)
    if check.state is State.PROBLEM and refused and not unlisted:
        return Check(name=check.name, state=State.DONE, finding="listed", at=check.at, names=tuple({*refused})[:NAMED])
    return check


def _limits(facts: EventFacts) -> Check:
    return _stopped(facts, CheckName.LIMITS, facts.select(outcomes=["rate_limited"]), "rate_limited")


def _validity(facts: EventFacts) -> Check:
    malformed = facts.select(outcomes=["invalid", "too_large", "unsupported_media_type", "error"])
    outcomes = {sums.outcome for sums in malformed}
    counted = Counter(
        " ".join(filter(None, error))
        for refusal in facts.recent_refusals
        if refusal.outcome in outcomes
        for error in refusal.errors[:1]
        if error[1] != "too_old"
    )
    invalid = [sums for sums in malformed if sums.reason != "too_old"]
    return _stopped(facts, CheckName.VALIDITY, invalid, names=[name for name, _ in counted.most_common(NAMED)])


def _secret_key(facts: EventFacts) -> Check | None:
    unauthorized = facts.select(outcomes=["unauthorized"])
    if not recent(unauthorized):
        return None
    finding = "missing" if all(sums.reason == "key_required" for sums in unauthorized) else "wrong"
    return _stopped(facts, CheckName.SECRET_KEY, unauthorized, unauthorized[0].reason, finding=finding)


def _privacy(facts: EventFacts) -> Check:
    """Those who must not be recorded are a problem only where there is nobody else: somebody is testing."""
    unwanted = {reason: facts.select(reasons=[reason]) for reason in ("privacy_signal", "bot")}
    stopped = [*unwanted["privacy_signal"], *unwanted["bot"]]
    count, total = recent(stopped), recent(facts.outcomes)
    if not total:
        return Check(name=CheckName.PRIVACY, state=State.UNKNOWN, finding="nothing")
    if not count:
        return Check(name=CheckName.PRIVACY, state=State.DONE, finding="none", total=total)
    on = _last_on(stopped)
    if facts.accepted():
        return Check(name=CheckName.PRIVACY, state=State.DONE, finding="few", count=count, total=total, on=on)
    finding = max(unwanted, key=lambda reason: recent(unwanted[reason]))
    return Check(
        name=CheckName.PRIVACY,
        state=State.PROBLEM,
        finding=finding,
        count=count,
        total=total,
        on=on,
        is_blocking=True,
    )


def _credit(facts: EventFacts) -> Check:
    uncredited = facts.select(methods=[CART_EVENT, ORDER], reasons=["no_interaction"])
    count = recent(uncredited)
    total = count + facts.accepted(CART_EVENT, ORDER)
    interactions = facts.samples[INTERACTION]

    def check(state: State, finding: str, *, is_blocking: bool = False) -> Check:
        return Check(
            name=CheckName.CREDIT,
            state=state,
            finding=finding,
            count=count,
            total=total,
            on=_last_on(uncredited),
            is_blocking=is_blocking,
        )

    if count and len(interactions) and not interactions.qualifying:
        return check(State.PROBLEM, "none_qualifies", is_blocking=True)
    if count and count == total:
        # Whoever reports all orders from the shop's server has this until the assistant is used.
        used_at = interactions.last_at
        if facts.accepted(INTERACTION) or (used_at and facts.now - used_at < QUIET_AFTER):
            return check(State.PROBLEM, "all", is_blocking=True)
        return check(State.UNKNOWN, "not_used")
    if total:
        return check(State.DONE, "some" if count else "none")
    return check(State.UNKNOWN, "nothing")


def _confirmation(facts: EventFacts) -> Check | None:
    if not conf.confirmed_orders_only:
        return None
    orders = facts.samples[ORDER]
    confirmed = len(orders) - orders.reported
    state = State.UNKNOWN if not len(orders) else State.DONE if confirmed else State.PROBLEM
    finding = {State.UNKNOWN: "nothing", State.DONE: "some", State.PROBLEM: "none"}[state]
    return Check(name=CheckName.CONFIRMATION, state=state, finding=finding, count=confirmed, total=len(orders))


def _clocks(facts: EventFacts) -> Check:
    delays = sorted(chain.from_iterable(sample.server_delays for sample in facts.samples.values()))
    late = _stopped(facts, CheckName.CLOCKS, facts.select(reasons=["too_old"]), "too_old", finding="too_old")
    if late.state is State.PROBLEM or len(delays) < SERVER_EVENTS:
        return late
    median = delays[len(delays) // 2]
    if median >= SERVER_DELAY:
        minutes = int(median / timedelta(minutes=1))
        return Check(name=late.name, state=State.PROBLEM, finding="server_late", count=minutes, total=len(delays))
    return late


# What orders look like


def _order_ids(facts: EventFacts) -> Check:
    orders = facts.orders
    without = sum(not order.has_id for order in orders)
    at = facts.samples[ORDER].last_at

    def check(state: State, finding: str) -> Check:
        return Check(name=CheckName.ORDER_IDS, state=state, finding=finding, count=without, total=len(orders), at=at)

    if not orders:
        return check(State.UNKNOWN, "nothing")
    if not without:
        return check(State.DONE, "none")
    is_over = all(order.has_id for order in orders[:LAST_ORDERS])
    return check(State.DONE if is_over else State.PROBLEM, "over" if is_over else "missing")


def _line_values(facts: EventFacts) -> Check:
    with_lines = [order for order in facts.orders if order.has_lines][:JUDGED_ORDERS]
    several = [order for order in with_lines if order.multiplied != order.total]
    is_misread = _is_unit_like if conf.line_item_value == ValueBasis.TOTAL else _is_total_like

    def check(state: State, finding: str, count: int = 0, total: int = 0) -> Check:
        return Check(name=CheckName.LINE_VALUES, state=state, finding=finding, count=count, total=total)

    misread, short = _count(is_misread, several), _count(_is_short, with_lines)
    if not facts.orders:
        return check(State.UNKNOWN, "nothing")
    if not with_lines:
        return check(State.UNKNOWN, "no_lines", total=len(facts.orders))
    if misread and misread * 2 >= len(several):
        finding = "unit" if conf.line_item_value == ValueBasis.TOTAL else "total"
        return check(State.PROBLEM, finding, misread, len(several))
    if short * 2 > len(with_lines):
        return check(State.PROBLEM, "short", short, len(with_lines))
    if not several:
        return check(State.UNKNOWN, "single", total=len(with_lines))
    return check(State.DONE, "fitting", len(several), len(several))


def _count(is_so: Callable[[OrderSums], bool], orders: Iterable[OrderSums]) -> int:
    return sum(map(is_so, orders))


def _is_unit_like(order: OrderSums) -> bool:
    return abs(order.value_minor - order.multiplied) * 2 < abs(order.value_minor - order.total)


def _is_total_like(order: OrderSums) -> bool:
    return abs(order.value_minor - order.divided) * 2 < abs(order.value_minor - order.total)


def _is_short(order: OrderSums) -> bool:
    return order.total * 2 < order.value_minor


OBSTACLES: tuple[Callable[[EventFacts], Check | None], ...] = (
    _company_key,
    _origins,
    _limits,
    _validity,
    _secret_key,
    _privacy,
    _credit,
    _confirmation,
    _clocks,
    _order_ids,
    _line_values,
)
