"""The page *Revenue impact*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from alhena_tracking.admin import formats
from alhena_tracking.admin.filters import empty_text, filters_of
from alhena_tracking.admin.records import ReadOnlyMixin
from alhena_tracking.admin.texts import card_texts, channel_table, chart_texts, day_table
from alhena_tracking.conf import conf
from alhena_tracking.forms import ReportForm
from alhena_tracking.models import Company, RevenueImpact
from alhena_tracking.reports import last_interaction_on, revenue_impact

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[RevenueImpact]
else:
    _ModelAdmin = admin.ModelAdmin


@admin.register(RevenueImpact)
class RevenueImpactAdmin(ReadOnlyMixin, _ModelAdmin):
    """One page under one right. It has no URL for a single row: those are orders, and need the right to view them."""

    change_list_template = "admin/alhena_tracking/revenueimpact/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="alhena_tracking_revenueimpact_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural,
            "opts": self.opts,
            **self._report_context(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.change_list_template, context)

    def _report_context(self, request: HttpRequest) -> dict[str, Any]:
        companies = sorted(
            Company.objects.visible_to(request.user),
            key=lambda company: (company.key != conf.company_key, company.name, company.key),
        )
        if not companies:
            return {}
        form = ReportForm(request.GET, companies=companies)
        report = revenue_impact(form.report_query())
        context = {
            "report": report,
            "filters": filters_of(form, report),
            "period": formats.days(report.query.period),
            "previous_period": formats.days(report.query.period.previous),
        }
        if report.is_empty:
            return {**context, "empty": empty_text(form, last_interaction_on(report.query.company))}
        return {
            **context,
            "cards": card_texts(report),
            "charts": chart_texts(report),
            "channel_table": channel_table(report),
            "day_table": day_table(report),
        }
