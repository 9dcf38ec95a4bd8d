"""The diagnostics page, and all findings of its checks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import getmembers

from alhena_tracking.admin.diagnosis import check_text
from alhena_tracking.diagnosis.check import Check, CheckResult, Finding
from alhena_tracking.diagnosis.checklist import POSSIBLE_PROBLEMS, SETUP_STEPS
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.models import Company

URL = "/admin/alhena_tracking/eventdiagnostics/"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def findings(check: type[Check]) -> dict[str, Finding]:
    return dict(getmembers(check, lambda member: isinstance(member, Finding)))


FINDINGS = [(check, finding) for check in (*SETUP_STEPS, *POSSIBLE_PROBLEMS) for finding in findings(check).values()]


def texts_of_findings(company: Company, count: int) -> Iterator[tuple[Finding, dict[str, str]]]:
    """Yield each finding with the page's texts of it, in the active language."""
    facts = read_facts(company, now=NOON)
    for check, finding in FINDINGS:
        text = check_text(CheckResult(check=check, finding=finding, count=count, total=count), facts)
        yield (
            finding,
            {
                "title": str(text.title),
                "state_label": str(text.state_label),
                "headline": text.headline,
                "seen": text.seen,
                "recommendation": str(finding.recommendation),
            },
        )
