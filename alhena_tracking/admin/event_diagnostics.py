"""The page *Event diagnostics*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from alhena_tracking.admin.base import ReadOnlyMixin, may_open
from alhena_tracking.admin.diagnosis_texts import (
    SHOWN_REFUSALS,
    cause_text,
    obstacle_texts,
    outcome_table,
    refusal_rows,
    road_texts,
)
from alhena_tracking.admin.report.filters import Choice
from alhena_tracking.conf import conf
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.diagnosis.checks import ROAD, State
from alhena_tracking.diagnosis.diagnosis import diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.models import Company, EventDiagnostics, RevenueImpact

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[EventDiagnostics]
else:
    _ModelAdmin = admin.ModelAdmin


@admin.register(EventDiagnostics)
class EventDiagnosticsAdmin(ReadOnlyMixin, _ModelAdmin):
    """One page under one right. It shows counts, codes and origins; no event's contents, and no single order."""

    change_list_template = "admin/alhena_tracking/eventdiagnostics/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="alhena_tracking_eventdiagnostics_changelist")]

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
        response.headers["Cache-Control"] = "no-store"  # whoever reloads it wants to see what is there now
        return response

    def _page_context(self, request: HttpRequest) -> dict[str, Any]:
        companies = sorted(
            Company.objects.visible_to(request.user),
            key=lambda company: (company.key != conf.company_key, company.name, company.key),
        )
        if not companies:
            return {}
        asked_for = request.GET.get("company", "")
        company = next((company for company in companies if company.key == asked_for), companies[0])
        facts = read_facts(company, now=timezone.now(), refusals=event_counts.refusals(company))
        diagnosis = diagnose(facts)
        return {
            "diagnosis": diagnosis,
            "company": company,
            "companies": [
                Choice(each.name, "?" + urlencode({"company": each.key}), each == company) for each in companies
            ],
            "unknown_company": asked_for if asked_for and asked_for != company.key else "",
            "cause": cause_text(diagnosis),
            "road": road_texts(diagnosis),
            "obstacles": obstacle_texts(diagnosis),
            "is_anything_known": any(
                check.state is not State.UNKNOWN for check in diagnosis.checks if check.name not in ROAD
            ),
            "outcomes": outcome_table(facts),
            "refusals": refusal_rows(facts),
            "has_many_refusals": len(facts.refusals) > SHOWN_REFUSALS,
            **self._links(request, company),
        }

    def _links(self, request: HttpRequest, company: Company) -> dict[str, str]:
        """Ways to what helps, where the user may go there."""
        site = self.admin_site
        links = {}
        if site.is_registered(Company) and site.get_model_admin(Company).has_change_permission(request, company):
            url = reverse("admin:alhena_tracking_company_change", args=[company.pk], current_app=site.name)
            links["origins_url"] = f"{url}#id_allowed_origins"
        if may_open(site, RevenueImpact, request):
            url = reverse("admin:alhena_tracking_revenueimpact_changelist", current_app=site.name)
            links["report_url"] = f"{url}?{urlencode({'company': company.key})}"
        return links
