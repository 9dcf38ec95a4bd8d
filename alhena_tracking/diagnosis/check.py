"""A check of the diagnosis: its title, what it can find, and how it judges the facts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from alhena_tracking.diagnosis.event_facts import EventFacts, OutcomeSums, recent

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text: TypeAlias = _StrPromise | str

#: Of this many events, one that is rejected is no problem.
ONE_IN = 100
NAMED = 5


class State(Enum):
    DONE = "done"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Finding:
    """One answer of a check, in words.

    The first sentence of ``seen`` is the headline where this is the cause of what is wrong. Sentences may hold
    ``%(count)s`` and ``%(total)s``; plurals follow ``exact_count`` or ``exact_total``. ``company_field`` names the
    field of the company that may have to change.
    """

    state: State
    seen: tuple[Text, ...]
    recommendation: Text = ""
    code: str = ""
    company_field: str = ""


def done(*seen: Text) -> Finding:
    return Finding(State.DONE, seen)


def problem(*seen: Text, **fields: Any) -> Finding:
    return Finding(State.PROBLEM, seen, **fields)


def unknown(*seen: Text, **fields: Any) -> Finding:
    return Finding(State.UNKNOWN, seen, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found: ``count`` of ``total`` events (in the last days, or of the last ones), the last at ``at``
    or, where only the day is known, on ``on``. ``names`` are origins, or fields with codes: as callers sent them;
    ``order_ids`` are examples, each in the browser and on the server, for who may see orders.

    ``is_blocking`` if it alone explains that nothing of a kind arrives.
    """

    check: type[Check]
    finding: Finding
    count: int = 0
    total: int = 0
    at: datetime | None = None
    on: date | None = None
    names: tuple[str, ...] = ()
    order_ids: tuple[tuple[str, str], ...] = ()
    is_blocking: bool = False

    @property
    def state(self) -> State:
        return self.finding.state


class Check:
    """What a subclass can find are its class attributes of type ``Finding``."""

    key: ClassVar[str]
    title: ClassVar[Text]

    @classmethod
    def judge(cls, facts: EventFacts) -> CheckResult | None:
        """Return what is found, ``None`` where there is nothing to check."""
        raise NotImplementedError

    @classmethod
    def found(cls, finding: Finding, **values: Any) -> CheckResult:
        return CheckResult(check=cls, finding=finding, **values)


NOTHING = unknown(_("No events in the last 7 days."))
#: Counts are written some seconds after the events.
NOT_COUNTED = unknown(_("Events have arrived, but are not counted yet."))
IN_THE_LAST_DAYS = ngettext_lazy(
    "In the last 7 days: %(count)s of %(total)s event.",
    "In the last 7 days: %(count)s of %(total)s events.",
    "exact_total",
)


class CountCheck(Check):
    """A check of the counts."""

    nothing = NOTHING
    not_counted = NOT_COUNTED

    @classmethod
    def without_counts(cls, facts: EventFacts) -> Finding:
        return cls.not_counted if facts.is_uncounted else cls.nothing


class RejectionCheck(CountCheck):
    """A check of events that are rejected for one reason."""

    none: ClassVar[Finding]
    few = done(_("A few events were rejected."), IN_THE_LAST_DAYS, _("No action needed."))

    @classmethod
    def compare(
        cls,
        facts: EventFacts,
        rejected: Collection[OutcomeSums],
        many: Finding,
        code: str = "",
        names: Collection[str] = (),
    ) -> CheckResult:
        """Find ``many`` if at least one in a hundred events is rejected, otherwise ``few``."""
        count, total = recent(rejected), recent(facts.outcomes)
        if not total:
            return cls.found(cls.without_counts(facts))
        if not count:
            return cls.found(cls.none, total=total)
        is_rare = count * ONE_IN < total
        return cls.found(
            cls.few if is_rare else many,
            count=count,
            total=total,
            at=max((row.received_at for row in facts.rejected_for(code)), default=None),
            on=last_on(rejected),
            names=tuple(islice(names, NAMED)),
            is_blocking=not is_rare and _is_blocking(facts, rejected),
        )


def last_on(sums: Collection[OutcomeSums]) -> date | None:
    return max((each.last_on for each in sums if each.recent), default=None)


def _is_blocking(facts: EventFacts, rejected: Collection[OutcomeSums]) -> bool:
    """Whether nothing else of some kind was accepted; events of unknown kind stand for all."""
    methods = {sums.method for sums in rejected if sums.recent}
    return any(not facts.accepted(*([method] if method else [])) for method in methods)
