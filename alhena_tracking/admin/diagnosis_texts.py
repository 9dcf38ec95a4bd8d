"""The diagnosis, written out: the cause, the checklist, what came in and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from alhena_tracking.admin import formats
from alhena_tracking.admin.advice import advice_on, title_of
from alhena_tracking.admin.outcome_texts import (
    METHODS,
    OUTCOMES,
    code_text,
    method_text,
    outcome_text,
    reason_text,
)
from alhena_tracking.diagnosis.checks import ROAD, Check, CheckName, State
from alhena_tracking.diagnosis.diagnosis import Diagnosis
from alhena_tracking.diagnosis.event_facts import EventFacts, OutcomeSums

#: How many of a refused event's errors are shown at once, and how many refused events are shown unasked.
SHOWN_ERRORS = 3
SHOWN_REFUSALS = 10


@dataclass(frozen=True, slots=True)
class TimeText:
    """A time in the company's zone, or a day; ``ago`` may be empty."""

    iso: str
    text: str
    ago: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckText:
    """``names`` is what callers sent. ``is_origins`` where the company's origins may be what to change."""

    key: str
    title: str
    state: str
    state_label: str
    seen: str
    last: TimeText | None
    headline: str
    todo: str
    code: str
    names: tuple[str, ...]
    is_origins: bool


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    label: str
    code: str
    today: str
    summed: str
    last_on: str


@dataclass(frozen=True, slots=True)
class MethodRows:
    label: str
    code: str
    last: TimeText | None
    rows: list[OutcomeRow]


@dataclass(frozen=True, slots=True)
class ErrorText:
    field: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class RefusalRow:
    at: TimeText
    method: str
    errors: list[ErrorText]
    more_errors: list[ErrorText]
    origin: str


def cause_text(diagnosis: Diagnosis) -> CheckText | None:
    return None if diagnosis.cause is None else _check_text(diagnosis.cause, diagnosis.facts)


def road_texts(diagnosis: Diagnosis) -> list[CheckText]:
    """The checks of the road that every event takes, in its order."""
    return [_check_text(check, diagnosis.facts) for check in diagnosis.checks if check.name in ROAD]


def obstacle_texts(diagnosis: Diagnosis) -> list[CheckText]:
    """All the other checks, problems first."""
    checks = [check for check in diagnosis.checks if check.name not in ROAD]
    checks.sort(key=lambda check: check.state is not State.PROBLEM)
    return [_check_text(check, diagnosis.facts) for check in checks]


def _check_text(check: Check, facts: EventFacts) -> CheckText:
    advice = advice_on(check)
    return CheckText(
        key=check.name.value,
        title=title_of(check.name),
        state=check.state.value,
        state_label=_state_label(check.state),
        seen=advice.seen,
        last=_last(check.at, check.on, facts),
        headline=advice.headline or advice.seen,
        todo=advice.todo,
        code=advice.code,
        names=check.names,
        is_origins=check.name is CheckName.ORIGINS and check.state is State.PROBLEM,
    )


def _state_label(state: State) -> str:
    return {State.DONE: _("OK"), State.PROBLEM: _("Problem"), State.UNKNOWN: _("Not yet known")}[state]


def outcome_table(facts: EventFacts) -> list[MethodRows]:
    """A group for each kind of event: all that may come, and what came besides."""
    methods = list(dict.fromkeys([*METHODS, *(sums.method for sums in facts.outcomes)]))
    found = {method: sorted(facts.select(methods=[method]), key=_place) for method in methods}
    samples = facts.samples
    return [
        MethodRows(
            method_text(method),
            method,
            _last(samples[method].last_at if method in samples else None, None, facts),
            [_outcome_row(sums) for sums in found[method]],
        )
        for method in methods
        if found[method] or method in samples
    ]


def _place(sums: OutcomeSums) -> tuple[int, int, str]:
    place = OUTCOMES.index(sums.outcome) if sums.outcome in OUTCOMES else len(OUTCOMES)
    return place, -sums.summed, sums.reason


def _outcome_row(sums: OutcomeSums) -> OutcomeRow:
    return OutcomeRow(
        outcome_text(sums.outcome, sums.reason),
        code_text(sums.outcome, sums.reason),
        formats.count(sums.today),
        formats.count(sums.summed),
        formats.short_day(sums.last_on),
    )


def refusal_rows(facts: EventFacts) -> list[RefusalRow]:
    rows = []
    for refusal in facts.refusals:
        errors = [ErrorText(field, code, reason_text(code)) for field, code in refusal.errors]
        if not errors:
            errors = [ErrorText("", refusal.outcome, outcome_text(refusal.outcome, ""))]
        rows.append(
            RefusalRow(
                at=_moment(refusal.at, facts.company.zone),
                method=method_text(refusal.method),
                errors=errors[:SHOWN_ERRORS],
                more_errors=errors[SHOWN_ERRORS:],
                origin=refusal.origin,
            )
        )
    return rows


def _last(at: datetime | None, on: date | None, facts: EventFacts) -> TimeText | None:
    if at is not None:
        return _moment(at, facts.company.zone, now=facts.now)
    return None if on is None else TimeText(on.isoformat(), formats.day(on))


def _moment(at: datetime, zone: ZoneInfo, now: datetime | None = None) -> TimeText:
    iso = at.astimezone(zone).isoformat(timespec="seconds")
    return TimeText(iso, formats.moment(at, zone), "" if now is None else formats.ago(at, now))
