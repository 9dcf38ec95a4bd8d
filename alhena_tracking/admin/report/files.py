"""The page *Your files*: what is made in the background, to fetch and to delete."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.downloads import FILES_URL_NAME, send_file
from alhena_tracking.contract.limits import EXPORT_KEPT
from alhena_tracking.db.transactions import rows_of
from alhena_tracking.downloads import WORKBOOK, Asked, NotAllowed
from alhena_tracking.downloads.background import delete_export, storage
from alhena_tracking.models import Company, Export, FileFormat
from alhena_tracking.querysets import ExportQuerySet
from alhena_tracking.reports import Grain, Period

TEMPLATE = "admin/alhena_tracking/revenueimpact/files.html"
_KEYS = {
    Export.Status.REQUESTED: "waiting",
    Export.Status.RUNNING: "waiting",
    Export.Status.DONE: "done",
    Export.Status.FAILED: "problem",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """A file in words. ``key`` is the colour of its state; ``url`` is empty until it is done."""

    title: str
    details: list[str]
    key: str
    state: str
    text: str
    url: str
    delete_url: str


def files_view(site: AdminSite, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the files that the user asked for. The caller checks the permission to export."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    files = list(_own(request))
    context |= {
        "title": _("Your files"),
        "files": [_text_of(site, export) for export in files],
        "is_unfinished": any(export.status in {Export.Status.REQUESTED, Export.Status.RUNNING} for export in files),
    }
    response = TemplateResponse(request, TEMPLATE, context)
    response.headers["Cache-Control"] = "no-store"  # a reload shows what is done
    return response


def file_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a file to the person who asked for it, who must still be allowed to have it."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    export = _one(request, pk)
    is_expired = export.finished_at is None or export.finished_at < timezone.now() - EXPORT_KEPT
    if export.status != Export.Status.DONE or is_expired:
        raise Http404
    try:
        Asked.of(export)
    except NotAllowed:
        raise PermissionDenied from None
    content_type = FileFormat(export.format).content_type
    if request.method == "HEAD":
        return HttpResponse(content_type=content_type)
    try:
        file = storage().open(export.stored_as)
    except OSError:
        raise Http404 from None
    ascii_name = unicodedata.normalize("NFKD", export.file_name).encode("ascii", "ignore").decode()
    return send_file(request, file, export.size, content_type, export.file_name, ascii_name)


def delete_view(site: AdminSite, request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a file of the user's; one that is being made is not made any further."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    delete_export(_one(request, pk))
    messages.success(request, _("The file was deleted."))
    return HttpResponseRedirect(reverse(f"admin:{FILES_URL_NAME}", current_app=site.name))


def _own(request: HttpRequest) -> ExportQuerySet[Export]:
    """Return the user's files of companies that the user may still see."""
    rows: ExportQuerySet[Export] = rows_of(Export)
    companies = Company.objects.visible_to(request.user)
    return rows.of(request.user).filter(company__in=companies).select_related("requested_by", "company")


def _one(request: HttpRequest, pk: int) -> Export:
    export = _own(request).filter(pk=pk).first()
    if export is None:
        raise Http404
    return export


def _text_of(site: AdminSite, export: Export) -> FileText:
    now = timezone.now()
    is_done = export.status == Export.Status.DONE
    url_name = f"admin:{FILES_URL_NAME}"
    if is_done and export.finished_at:
        text = _("%(size)s; kept until %(time)s") % {
            "size": filesizeformat(export.size),
            "time": formats.moment(export.finished_at + EXPORT_KEPT, timezone.get_current_timezone()),
        }
    elif export.status == Export.Status.FAILED:
        text = str(Export.Problem(export.problem).label)
    else:
        text = _("Asked for %(ago)s.") % {"ago": formats.ago(export.requested_at, now)}
    return FileText(
        title=f"{_title(export)}, {FileFormat(export.format).label}",
        details=_details(export),
        key=_KEYS[Export.Status(export.status)],
        state=str(Export.Status(export.status).label),
        text=text,
        url=reverse(f"{url_name}_file", args=[export.pk], current_app=site.name) if is_done else "",
        delete_url=reverse(f"{url_name}_delete", args=[export.pk], current_app=site.name),
    )


def _title(export: Export) -> str:
    titles = {
        "cards": _("Key figures"),
        "days": str(Grain(export.filters.get("grain") or Grain.DAY).heading),
        "channels": _("By channel"),
        "products": _("Products"),
        WORKBOOK: _("Key figures"),
        "orders": _("Orders"),
        "cart_events": _("Cart events"),
    }
    return titles.get(export.table, export.table)


def _rows_of(export: Export) -> str:
    text = pgettext("of a file", "rows: %(count)s") % {"count": formats.count(export.row_count)}
    return text.replace(" ", formats.NO_BREAK_SPACE)


def _details(export: Export) -> list[str]:
    filters = export.filters
    period = Period(date.fromisoformat(filters["start"]), date.fromisoformat(filters["end"]))
    return [
        str(export.company) if export.company else formats.MISSING,
        formats.days(period),
        *(filters[name] for name in ("currency", "channel", "profile", "trust") if filters.get(name)),
        _rows_of(export),
    ]
