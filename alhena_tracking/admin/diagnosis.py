"""The page *Event diagnostics*: the cause, the checks, the events received and those rejected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alhena_tracking.admin import formats
from alhena_tracking.admin.base import ReadOnlyMixin, may_open
from alhena_tracking.admin.reconciliation import RECONCILIATION_URL_NAME, chosen_company, reconcile_orders
from alhena_tracking.diagnosis.check import CheckResult, State
from alhena_tracking.diagnosis.checklist import diagnose
from alhena_tracking.diagnosis.event_facts import EventFacts, OutcomeSums, read_facts
from alhena_tracking.diagnosis.outcomes import (
    METHODS,
    OUTCOMES,
    code_text,
    method_text,
    outcome_text,
    reason_text,
)
from alhena_tracking.integrations.platform import find_platform
from alhena_tracking.models import Company, EventCount, EventDiagnostics, Order, RejectedEvent, RevenueImpact

if TYPE_CHECKING:
    from alhena_tracking.diagnosis.check import Text

    _ModelAdmin = admin.ModelAdmin[EventDiagnostics]
else:
    _ModelAdmin = admin.ModelAdmin

#: How many of a rejected event's errors are shown at once, and how many rejected events are shown unasked.
SHOWN_ERRORS = 3
SHOWN_REJECTIONS = 10

_STATES = {State.DONE: _("OK"), State.PROBLEM: _("Problem"), State.UNKNOWN: _("Not yet known")}


@admin.register(EventDiagnostics)
class EventDiagnosticsAdmin(ReadOnlyMixin, _ModelAdmin):
    """Two pages. This one shows counts, codes and origins; single orders only with the permission to view orders."""

    change_list_template = "admin/alhena_tracking/eventdiagnostics/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        compare = self.admin_site.admin_view(self.reconciliation_view)
        return [
            path("", view, name="alhena_tracking_eventdiagnostics_changelist"),
            path("reconcile/", compare, name=RECONCILIATION_URL_NAME),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural,
            "opts": self.opts,
            **self._page_context(request),
            **(extra_context or {}),
        }
        response = TemplateResponse(request, self.change_list_template, context)
        response.headers["Cache-Control"] = "no-store"  # a reload shows what is there now
        return response

    def reconciliation_view(self, request: HttpRequest) -> HttpResponse:
        """Compare orders, which takes the permission to view them, too."""
        if not (self.has_view_permission(request) and may_open(self.admin_site, Order, request)):
            raise PermissionDenied
        return reconcile_orders(request, {**self.admin_site.each_context(request), "opts": self.opts})

    def _page_context(self, request: HttpRequest) -> dict[str, Any]:
        choice = chosen_company(request)
        if not choice:
            return {}
        company = choice["company"]
        facts = read_facts(company, now=timezone.now())
        diagnosis = diagnose(facts)
        return {
            "diagnosis": diagnosis,
            **choice,
            "cause": diagnosis.cause and check_text(diagnosis.cause, facts),
            "setup": [check_text(result, facts) for result in diagnosis.setup],
            "problems": [
                check_text(result, facts)
                for result in sorted(diagnosis.problems, key=lambda result: result.state is not State.PROBLEM)
            ],
            "is_anything_known": any(result.state is not State.UNKNOWN for result in diagnosis.problems),
            "outcomes": outcome_table(facts, facts.outcomes, methods=METHODS),
            "deliveries": outcome_table(facts, facts.deliveries),
            "rejections": [_rejection_row(row, facts) for row in facts.rejections],
            "has_many_rejections": len(facts.rejections) > SHOWN_REJECTIONS,
            **self._links(request, company),
        }

    def _links(self, request: HttpRequest, company: Company) -> dict[str, Any]:
        """Link what helps, where the user may go there."""
        site = self.admin_site
        links: dict[str, Any] = {"may_view_orders": may_open(site, Order, request)}
        if links["may_view_orders"]:
            url = reverse(f"admin:{RECONCILIATION_URL_NAME}", current_app=site.name)
            links["reconciliation_url"] = f"{url}?{urlencode({'company': company.key})}"
        if site.is_registered(Company) and site.get_model_admin(Company).has_change_permission(request, company):
            links["company_url"] = reverse(
                "admin:alhena_tracking_company_change", args=[company.pk], current_app=site.name
            )
        if may_open(site, RevenueImpact, request):
            url = reverse("admin:alhena_tracking_revenueimpact_changelist", current_app=site.name)
            links["report_url"] = f"{url}?{urlencode({'company': company.key})}"
        return links


@dataclass(frozen=True, slots=True)
class TimeText:
    """A time in the company's zone, or a day; ``ago`` may be empty."""

    iso: str
    text: str
    ago: str = ""


def _last(at: datetime | None, on: date | None, facts: EventFacts) -> TimeText | None:
    if at is not None:
        return TimeText(_iso(at, facts), formats.moment(at, facts.company.zone), formats.ago(at, facts.now))
    return None if on is None else TimeText(on.isoformat(), formats.day(on))


def _iso(at: datetime, facts: EventFacts) -> str:
    return at.astimezone(facts.company.zone).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckText:
    """A result in words."""

    result: CheckResult
    title: Text
    state_label: Text
    headline: str
    seen: str
    last: TimeText | None


def check_text(result: CheckResult, facts: EventFacts) -> CheckText:
    numbers = {
        "count": formats.count(result.count),
        "total": formats.count(result.total),
        "exact_count": result.count,
        "exact_total": result.total,
    }
    sentences = [sentence % numbers for sentence in result.finding.seen]
    return CheckText(
        result=result,
        title=result.check.title,
        state_label=_STATES[result.state],
        headline=sentences[0],
        seen=" ".join(sentences),
        last=_last(result.at, result.on, facts),
    )


def outcome_table(
    facts: EventFacts, counted: Sequence[OutcomeSums], methods: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Group counts by method: these methods, and others that were counted."""
    methods = dict.fromkeys([*methods, *sorted({sums.method for sums in counted})])
    found = {method: sorted((sums for sums in counted if sums.method == method), key=_place) for method in methods}
    samples = facts.samples
    return [
        {
            "label": _method_label(method),
            "code": "" if EventCount.webhook_of(method) else method,
            "last": _last(_last_at(method, rows, facts), None, facts),
            "rows": [_outcome_row(sums) for sums in rows],
        }
        for method, rows in found.items()
        if rows or method in samples
    ]


def _last_at(method: str, rows: Iterable[OutcomeSums], facts: EventFacts) -> datetime | None:
    """Return when the last event of a method was stored, or when the last delivery of a webhook was counted."""
    if EventCount.webhook_of(method):
        return max((sums.last_at for sums in rows), default=None)
    return facts.samples[method].last_at if method in facts.samples else None


def _method_label(method: str) -> str:
    """Name a method; a webhook by its platform and topic."""
    webhook = EventCount.webhook_of(method)
    if webhook is None:
        return method_text(method)
    name, topic = webhook
    platform = find_platform(name)
    title = platform.title if platform else name
    return f"{title}: {topic}" if topic else title


def _place(sums: OutcomeSums) -> tuple[int, int, str]:
    known = list(OUTCOMES)
    return known.index(sums.outcome) if sums.outcome in known else len(known), -sums.summed, sums.reason


def _outcome_row(sums: OutcomeSums) -> dict[str, str]:
    return {
        "label": outcome_text(sums.outcome, sums.reason),
        "code": code_text(sums.outcome, sums.reason),
        "today": formats.count(sums.today),
        "summed": formats.count(sums.summed),
        "last_on": formats.short_day(sums.last_on),
    }


def _rejection_row(row: RejectedEvent, facts: EventFacts) -> dict[str, Any]:
    errors = [{**error, "text": reason_text(error["code"])} for error in row.errors]
    if not errors:
        errors = [{"field": "", "code": row.outcome, "text": outcome_text(row.outcome)}]
    return {
        "at": TimeText(_iso(row.received_at, facts), formats.moment(row.received_at, facts.company.zone)),
        "method": _method_label(row.method),
        "errors": errors[:SHOWN_ERRORS],
        "more_errors": errors[SHOWN_ERRORS:],
        "origin": row.origin,
    }
