"""Downloads of the report: the links, and the view that sends the files or has them made in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from alhena_tracking import exports
from alhena_tracking.admin import formats
from alhena_tracking.contract.limits import EXPORTS_OF_A_PERSON
from alhena_tracking.downloads import (
    WORKBOOK,
    Asked,
    TakesTooLong,
    TooManyFiles,
    TooManyRows,
    comparison_fields,
    is_made_at_once,
    make_at_once,
    may_export,
    most_rows,
    request_export,
)
from alhena_tracking.models import FileFormat
from alhena_tracking.reports import RevenueImpactReport
from alhena_tracking.reports.forms import ReportForm, report_companies

URL_NAME = "alhena_tracking_revenueimpact_export"
FILES_URL_NAME = "alhena_tracking_revenueimpact_files"
#: Bytes sent at once.
CHUNK = 256 * 1024
_PLAIN_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Link:
    """A file to download."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """A table with its number of rows and its files."""

    label: str
    rows: str
    links: list[Link]
    notes: list[str]


def export_choices(
    site: AdminSite, request: HttpRequest, form: ReportForm, report: RevenueImpactReport
) -> list[ExportChoice]:
    """Return the tables that the user may export of a report, with their numbers of rows."""
    if not may_export(request.user):
        return []
    # Name currency and days, so that the files hold what the page shows, also after midnight.
    period = report.query.period
    query_string = form.query_string(
        company=report.query.company.key,
        currency=report.currency,
        range="",
        complete="",
        start=str(period.start),
        end=str(period.end),
        **comparison_fields(report.query.compared),
    )
    choices = []
    for table in (*exports.FIGURE_TABLES, WORKBOOK, *exports.ROW_TABLES):
        offered = [each for each in FileFormat if Asked.is_offered(table, each)]
        if not offered or not may_export(request.user, table):
            continue
        asked = [Asked(table, each, report.query) for each in offered]
        number = asked[0].row_count(report)
        fitting = [each for each in asked if (most := most_rows(each.format)) is None or number <= most]
        links = [
            Link(
                str(each.format.label),
                reverse(f"admin:{URL_NAME}", args=[table, each.format], current_app=site.name) + query_string,
            )
            for each in fitting
        ]
        notes = [
            _("too many rows for %(format)s") % {"format": each.format.label} for each in asked if each not in fitting
        ]
        if later := [str(each.format.label) for each in fitting if not is_made_at_once(each, number)]:
            notes.append(_("made in the background: %(formats)s") % {"formats": ", ".join(later)})
        is_workbook = table == WORKBOOK
        is_counted = not is_workbook and asked[0].needed.sections <= report.query.sections
        label = _("All of the above") if is_workbook else asked[0].tables(report)[0].title
        choices.append(ExportChoice(label, formats.count(number) if is_counted else "", links, notes))
    return choices


def export_view(site: AdminSite, request: HttpRequest, table: str, file_format: str) -> HttpResponseBase:
    """Send a table, or have it made in the background. The caller checks the permission to view the report."""
    if not Asked.is_offered(table, file_format):
        raise Http404
    if not may_export(request.user, table):
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    companies = report_companies(request.user)
    if not companies:
        raise Http404
    form = ReportForm(request.GET, companies=companies)
    if errors := _errors(request, form):
        return HttpResponseBadRequest("\n".join(errors), content_type=_PLAIN_TEXT)
    asked = Asked(table, FileFormat(file_format), form.report_query())
    if request.method == "HEAD":
        return HttpResponse(content_type=asked.format.content_type)
    try:
        made = make_at_once(asked)
    except TooManyRows as error:
        return HttpResponseBadRequest(_too_many(error), content_type=_PLAIN_TEXT)
    except TakesTooLong as stopped:
        return _in_background(site, request, asked, stopped)
    return send_file(request, made.file, made.size, asked.format.content_type, made.name, made.ascii_name)


def _in_background(site: AdminSite, request: HttpRequest, asked: Asked, stopped: TakesTooLong) -> HttpResponse:
    try:
        request_export(request.user, asked, stopped)  # type: ignore[arg-type]
    except TooManyRows as error:
        return HttpResponseBadRequest(_too_many(error), content_type=_PLAIN_TEXT)
    except TooManyFiles:
        text = _("You have %(count)s files already. Delete one to have another made.")
        messages.error(request, text % {"count": EXPORTS_OF_A_PERSON})
    else:
        messages.success(request, _("The file is made in the background. You find it here as soon as it is done."))
    return HttpResponseRedirect(reverse(f"admin:{FILES_URL_NAME}", current_app=site.name))


def _too_many(error: TooManyRows) -> str:
    text = _("This table has %(count)s rows, but a file of this kind holds at most %(most)s. Choose a shorter period.")
    return text % {"count": formats.count(error.row_count), "most": formats.count(error.most)}


def _errors(request: HttpRequest, form: ReportForm) -> list[str]:
    """Return the errors of the query string: a file could not show that a filter was ignored."""
    unknown = [_("“%(name)s” is not a filter.") % {"name": name} for name in request.GET if name not in form.fields]
    wrong = [str(message) for messages in form.errors.values() for message in messages]
    return unknown + wrong


def send_file(
    request: HttpRequest, file: Any, size: int, content_type: str, name: str, ascii_name: str
) -> HttpResponseBase:
    """Send a file with its length, so that everybody can tell whether all of it arrived; it is closed afterwards."""
    chunks = _FileChunks(file)
    return StreamingHttpResponse(
        _AsyncChunks(chunks) if isinstance(request, ASGIRequest) else chunks,
        content_type=content_type,
        headers={
            "Content-Length": str(size),
            # Middleware that compresses would take the length away.
            "Content-Encoding": "identity",
            "Content-Disposition": f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
        },
    )


class _FileChunks:
    """A file in chunks, closed with the response, also if it was not read."""

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        self.file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self.file.read(CHUNK)
        if not chunk:
            raise StopIteration
        return chunk


class _AsyncChunks:
    """Chunks for Django's ASGI handler, which would otherwise collect all of them first."""

    def __init__(self, chunks: _FileChunks) -> None:
        self.chunks = chunks
        self.close = chunks.close

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await sync_to_async(lambda: next(self.chunks, None))()
        if chunk is None:
            raise StopAsyncIteration
        return chunk
