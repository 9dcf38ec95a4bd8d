"""Why events do, or do not, appear: the results of all checks, and the most likely cause of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from alhena_tracking.diagnosis.browser_checks import RefusalsCheck, TotalsCheck
from alhena_tracking.diagnosis.check import Check, CheckResult, State
from alhena_tracking.diagnosis.event_facts import EventFacts
from alhena_tracking.diagnosis.maintenance_check import MaintenanceCheck
from alhena_tracking.diagnosis.order_checks import (
    AttributionCheck,
    ConfirmationCheck,
    LineValuesCheck,
    OrderIdsCheck,
    UnmetIdsCheck,
)
from alhena_tracking.diagnosis.order_tag_check import OrderTagCheck
from alhena_tracking.diagnosis.rejection_checks import (
    ClocksCheck,
    CompanyKeyCheck,
    OriginsCheck,
    PrivacyCheck,
    ProxiesCheck,
    RateLimitsCheck,
    SecretKeyCheck,
    ValidityCheck,
)
from alhena_tracking.diagnosis.setup_steps import CartEventsCheck, InteractionsCheck, OrdersCheck, SnippetCheck
from alhena_tracking.diagnosis.webhooks_check import WebhooksCheck
from alhena_tracking.diagnosis.zone_check import ZoneCheck

#: In the order in which a shop takes them.
SETUP_STEPS: tuple[type[Check], ...] = (SnippetCheck, InteractionsCheck, CartEventsCheck, OrdersCheck)
#: In the order in which an event meets them.
POSSIBLE_PROBLEMS: tuple[type[Check], ...] = (
    RefusalsCheck,
    CompanyKeyCheck,
    OriginsCheck,
    ProxiesCheck,
    RateLimitsCheck,
    ValidityCheck,
    OrderTagCheck,
    SecretKeyCheck,
    PrivacyCheck,
    AttributionCheck,
    ConfirmationCheck,
    ClocksCheck,
    OrderIdsCheck,
    UnmetIdsCheck,
    TotalsCheck,
    LineValuesCheck,
    WebhooksCheck,
    ZoneCheck,
    MaintenanceCheck,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """``cause`` is the result to begin with, ``None`` if all is well."""

    facts: EventFacts
    setup: Sequence[CheckResult]
    problems: Sequence[CheckResult]
    cause: CheckResult | None


def diagnose(facts: EventFacts) -> Diagnosis:
    setup, problems = _judge(SETUP_STEPS, facts), _judge(POSSIBLE_PROBLEMS, facts)
    return Diagnosis(facts=facts, setup=setup, problems=problems, cause=_most_likely(setup, problems))


def _judge(checks: Sequence[type[Check]], facts: EventFacts) -> list[CheckResult]:
    return [result for check in checks if (result := check.judge(facts)) is not None]


def _most_likely(setup: Sequence[CheckResult], problems: Sequence[CheckResult]) -> CheckResult | None:
    """What stops all events of a kind, for a known reason; then the first gap in the setup; then the rest."""
    gaps = [result for result in setup if result.state is not State.DONE]
    wrong = [result for result in chain(setup, problems) if result.state is State.PROBLEM]
    # Of the setup, a problem comes before what is unknown, unless that is nearer to the start.
    candidates = (
        [result for result in wrong if result.is_blocking],
        gaps if any(result.state is State.PROBLEM for result in gaps) else [],
        wrong,
        gaps,
    )
    return next(chain.from_iterable(candidates), None)
