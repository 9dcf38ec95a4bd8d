"""Why events do, or do not, appear: a checklist, and the one thing that is most likely to be wrong.

A check says what it found by a machine word. What people read of it is for those who show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from alhena_tracking.diagnosis.checks import QUIET_AFTER, ROAD, Check, CheckName, State
from alhena_tracking.diagnosis.event_facts import CART_EVENT, INTERACTION, ORDER, EventFacts, recent
from alhena_tracking.diagnosis.obstacles import OBSTACLES

#: A template that was not rendered for so long is not in use.
RENDERED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """``cause`` is the check to begin with; ``None`` if all is well."""

    facts: EventFacts
    checks: tuple[Check, ...]
    cause: Check | None


def diagnose(facts: EventFacts) -> Diagnosis:
    checks = tuple(check for check in chain(_road(facts), (judge(facts) for judge in OBSTACLES)) if check is not None)
    return Diagnosis(facts=facts, checks=checks, cause=_most_likely(checks))


def _most_likely(checks: Iterable[Check]) -> Check | None:
    """What stops everything of a kind, for a reason that is known; then the first gap in the road; then the rest."""
    checks = list(checks)
    problems = [check for check in checks if check.state is State.PROBLEM]
    road = [check for check in checks if check.name in ROAD and check.state is not State.DONE]
    # Of the road, a problem comes before what is not known, unless that is nearer to the start.
    candidates = (
        [check for check in problems if check.is_blocking],
        road if any(check.state is State.PROBLEM for check in road) else [],
        problems,
        road,
    )
    return next(chain.from_iterable(candidates), None)


# The road


def _road(facts: EventFacts) -> list[Check]:
    checks = [_snippet(facts)]
    for name, method in (
        (CheckName.INTERACTIONS, INTERACTION),
        (CheckName.CART_EVENTS, CART_EVENT),
        (CheckName.ORDERS, ORDER),
    ):
        # Orders may come where carts are not reported, but nothing comes before the assistant was used.
        is_due = all(check.state is State.DONE for check in checks if check.name is not CheckName.CART_EVENTS)
        checks.append(_arrival(facts, name, method, is_due=is_due))
    return checks


def _snippet(facts: EventFacts) -> Check:
    seen_at = facts.snippet_seen_at
    used_at = facts.samples[INTERACTION].last_at

    def check(state: State, finding: str, at: datetime | None = None) -> Check:
        return Check(name=CheckName.SNIPPET, state=state, finding=finding, at=at)

    if seen_at is not None and facts.now - seen_at < RENDERED_WITHIN:
        return check(State.DONE, "rendered", seen_at)
    # A shop that writes the tag's HTML by hand, or caches whole pages, renders it never or seldom.
    if used_at is not None and facts.now - used_at < (RENDERED_WITHIN if seen_at else QUIET_AFTER):
        return check(State.DONE, "replaced", used_at)
    if seen_at is not None:
        return check(State.PROBLEM, "ceased", seen_at)
    return check(State.PROBLEM, "never")


def _arrival(facts: EventFacts, name: CheckName, method: str, *, is_due: bool) -> Check:
    recorded = facts.select(methods=[method], outcomes=["recorded"])
    on = max((sums.last_on for sums in recorded), default=None)
    at = facts.samples[method].last_at
    count = sum(sums.summed for sums in recorded)
    waiting = facts.select(methods=[method], outcomes=["pending"])
    refused = facts.select(methods=[method])

    def check(state: State, finding: str, count: int = 0) -> Check:
        return Check(name=name, state=state, finding=finding, count=count, at=at, on=on)

    if at is not None or on is not None:
        last_on = at.astimezone(facts.company.zone).date() if at else on
        if last_on is not None and facts.today - last_on < QUIET_AFTER:
            return check(State.DONE, "arriving", count)
        # A small shop sells nothing for a week now and then.
        return check(State.PROBLEM if method == INTERACTION else State.UNKNOWN, "ceased", count)
    if method == ORDER and recent(waiting):
        return check(State.PROBLEM, "waiting", recent(waiting))
    if refused:
        return check(State.PROBLEM if is_due else State.UNKNOWN, "none_recorded", sum(sums.summed for sums in refused))
    return check(State.PROBLEM if is_due else State.UNKNOWN, "none" if is_due else "not_yet")
