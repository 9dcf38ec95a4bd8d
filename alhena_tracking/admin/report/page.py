"""The page *Revenue impact*."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from alhena_tracking.admin import formats
from alhena_tracking.admin.base import ModelAdmin, ReadOnlyMixin, may_open
from alhena_tracking.admin.report.changes import compared_text
from alhena_tracking.admin.report.choices import empty_text, filters_of
from alhena_tracking.admin.report.conversion import conversion_text
from alhena_tracking.admin.report.downloads import FILES_URL_NAME, URL_NAME, export_choices, export_view
from alhena_tracking.admin.report.files import delete_view, file_view, files_view
from alhena_tracking.admin.report.links import held_back_url
from alhena_tracking.admin.report.products import product_table
from alhena_tracking.admin.report.sections import SECTIONS
from alhena_tracking.admin.report.tables import (
    MOST_ROWS,
    channel_table,
    day_table,
    order_table,
    sessions_note,
    today_of,
)
from alhena_tracking.admin.report.texts import card_texts, chart_texts, held_back_text, no_credit_text, steps
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.downloads import may_export
from alhena_tracking.models import Order, RevenueImpact
from alhena_tracking.reports import RevenueImpactReport, ai_profiles, last_interaction_on, revenue_impact
from alhena_tracking.reports.forms import ReportForm, report_companies


@admin.register(RevenueImpact)
class RevenueImpactAdmin(ReadOnlyMixin, ModelAdmin):
    """The report under its own permission. It has no page for single orders, which need theirs."""

    change_list_template = "admin/alhena_tracking/revenueimpact/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.changelist_view)
        wrap = self.admin_site.admin_view
        return [
            path("", view, name="alhena_tracking_revenueimpact_changelist"),
            path("export/<slug:table>.<slug:file_format>", wrap(self.export_view), name=URL_NAME),
            path("files/", wrap(self.files_view), name=FILES_URL_NAME),
            path("files/<int:pk>/", wrap(self.file_view), name=f"{FILES_URL_NAME}_file"),
            path("files/<int:pk>/delete/", wrap(self.delete_view), name=f"{FILES_URL_NAME}_delete"),
        ]

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Exporting also takes the permission to view the report."""
        return self.has_view_permission(request) and may_export(request.user)

    def export_view(self, request: HttpRequest, table: str, file_format: str) -> HttpResponseBase:
        self._check_export(request)
        return export_view(self.admin_site, request, table, file_format)

    def files_view(self, request: HttpRequest) -> HttpResponse:
        self._check_export(request)
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return files_view(self.admin_site, request, context)

    def file_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        self._check_export(request)
        return file_view(request, pk)

    def delete_view(self, request: HttpRequest, pk: int) -> HttpResponse:  # type: ignore[override]
        self._check_export(request)
        return delete_view(self.admin_site, request, pk)

    def _check_export(self, request: HttpRequest) -> None:
        if not self.has_export_permission(request):
            raise PermissionDenied

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
        companies = report_companies(request.user)
        if not companies:
            return {}
        with snapshot():
            return self._answer(request, ReportForm(request.GET, companies=companies))

    def _answer(self, request: HttpRequest, form: ReportForm) -> dict[str, Any]:
        report = revenue_impact(form.report_query(), most_products=MOST_ROWS)
        query = report.query
        filters = filters_of(form, report, ai_profiles(query.company, query.period))
        context = {
            "report": report,
            "filters": filters,
            "period": formats.days(query.period),
            "compared": compared_text(form.comparison, report),
            "has_today": today_of(report) is not None,
            "held_back": held_back_text(report),
            "held_back_url": held_back_url(report, self.admin_site)
            if may_open(self.admin_site, Order, request)
            else "",
        }
        if report.is_empty:
            return {**context, "empty": empty_text(form, last_interaction_on(query.company))}
        days = day_table(report)
        return {
            **context,
            "conversion": conversion_text(report.conversion),
            "cards": card_texts(report),
            "charts": chart_texts(report, days),
            "steps": steps(report),
            "section_template": f"alhena_tracking/_{form.section or 'overview'}.html",
            "no_credit": no_credit_text(report, is_narrowed=bool(filters.active)),
            "export_choices": export_choices(self.admin_site, request, form, report),
            "day_table": days,
            **(SECTIONS[form.section](report) if form.section else self._overview(request, report)),
        }

    def _overview(self, request: HttpRequest, report: RevenueImpactReport) -> dict[str, Any]:
        """Return the tables that are shown unless a section is."""
        return {
            "channel_table": channel_table(report),
            "sessions_note": sessions_note(report),
            "product_table": product_table(report),
            "order_table": order_table(report, self.admin_site) if may_open(self.admin_site, Order, request) else None,
        }
