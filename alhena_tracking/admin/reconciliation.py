"""The page that compares a shop's own orders with the recorded ones. Nothing of a file outlives the request."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.choices import Choice
from alhena_tracking.contract.limits import TEXT_LENGTH
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.exports import csv_chunks, reconciliation_table, spreadsheet_dialect
from alhena_tracking.models import Company
from alhena_tracking.reconciliation import (
    COLUMNS,
    MOST_BYTES,
    MOST_LINES,
    SHOWN_ORDERS,
    ComparedOrder,
    InvalidFile,
    Reconciliation,
    read_orders,
    reconcile,
    sentences,
)
from alhena_tracking.reports.forms import report_companies

RECONCILIATION_URL_NAME = "alhena_tracking_eventdiagnostics_reconcile"
_TEMPLATE = "admin/alhena_tracking/eventdiagnostics/reconcile.html"


def chosen_company(request: HttpRequest) -> dict[str, Any]:
    """Return the company that the query string names, else the first one, and the choices; nothing if there is none."""
    companies = report_companies(request.user)
    if not companies:
        return {}
    asked_for = request.GET.get("company", "")
    company = next((company for company in companies if company.key == asked_for), companies[0])
    return {
        "company": company,
        "companies": [Choice(each.name, "?" + urlencode({"company": each.key}), each == company) for each in companies],
        "unknown_company": asked_for if asked_for and asked_for != company.key else "",
    }


class ReconciliationForm(forms.Form):
    """An export with, where they are not found by their usual titles, its columns."""

    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company
        most = {"size": MOST_BYTES // 1024**2, "lines": formats.count(MOST_LINES)}
        text = _("CSV, at most %(size)s MB and %(lines)s lines. Nothing of it is stored.")
        self.fields["file"].help_text = text % most
        self.fields |= {
            name: forms.CharField(label=label, required=False, max_length=TEXT_LENGTH)
            for name, label in COLUMNS.items()
        }

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in COLUMNS]

    def compared(self) -> Reconciliation | None:
        """Return the comparison, ``None`` where the form or the file is invalid."""
        if not self.is_valid():
            return None
        file: UploadedFile[Any] = self.cleaned_data["file"]
        try:
            content = file.read(MOST_BYTES + 1)
            with snapshot():
                return reconcile(self.company, read_orders(content, self.company, self.cleaned_data))
        except InvalidFile as error:
            self.add_error("file", error.message)
            return None


def reconcile_orders(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Answer with the page, or with the table as CSV. The caller checks the permissions."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    choice = chosen_company(request)
    found = None
    context |= {"title": _("Compare orders"), **choice}
    if choice:
        is_sent = request.method == "POST"
        form = ReconciliationForm(
            request.POST if is_sent else None, request.FILES if is_sent else None, company=choice["company"]
        )
        found = form.compared() if is_sent and not choice["unknown_company"] else None
        context["form"] = form
    if found is not None and "download" in request.POST:
        return _download(found)
    if found is not None:
        context |= _result(found)
    return TemplateResponse(request, _TEMPLATE, context)


def _download(found: Reconciliation) -> HttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="reconciliation_{found.company.key}.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    content = b"".join(csv_chunks(reconciliation_table(found), spreadsheet_dialect(get_language() or "en")))
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def _result(found: Reconciliation) -> dict[str, Any]:
    in_file, *texts = sentences(found)
    noted = found.noted
    return {
        "in_file": in_file,
        "texts": texts,
        "rows": [_row(order) for order in noted[:SHOWN_ORDERS]],
        "more": len(noted) - SHOWN_ORDERS,
        "days": found.days and [formats.day(on) for on in found.days],
    }


def _row(order: ComparedOrder) -> dict[str, Any]:
    return {
        "order": order,
        "on": formats.day(order.on) if order.on else formats.MISSING,
        "in_file": formats.money(order.file_minor, order.file_currency),
        "recorded": formats.money(order.our_minor, order.our_currency),
        "refunded": formats.money(order.refunded_minor, order.our_currency) if order.refunded_minor else "",
    }
