"""Downloads of the report: the links, and the view that sends the files."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TypeAlias
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from alhena_tracking import exports
from alhena_tracking.admin import formats
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.reports import RevenueImpactReport, revenue_impact
from alhena_tracking.reports.forms import ReportForm, report_companies

EXPORT_PERMISSION = "alhena_tracking.export_revenueimpact"
#: The further permissions that tables of rows take.
ROW_PERMISSIONS = {"orders": "alhena_tracking.view_order", "cart_events": "alhena_tracking.view_cartevent"}
#: The name of the workbook with a sheet for each table of figures.
WORKBOOK = "figures"
URL_NAME = "alhena_tracking_revenueimpact_export"
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_Chunks: TypeAlias = "Generator[bytes, None, None] | _FileChunks"


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
    note: str = ""


def may_export(request: HttpRequest, name: str = "") -> bool:
    """Return whether the user may export the table ``name``, or anything at all."""
    user = request.user
    return user.has_perm(EXPORT_PERMISSION) and (name not in ROW_PERMISSIONS or user.has_perm(ROW_PERMISSIONS[name]))


def export_choices(
    site: AdminSite, request: HttpRequest, form: ReportForm, report: RevenueImpactReport
) -> list[ExportChoice]:
    """Return the tables that the user may export of a report, with their numbers of rows."""
    if not may_export(request):
        return []
    # Name currency and days, so that the files hold what the page shows, also after midnight.
    period = report.query.period
    query_string = form.query_string(
        company=report.query.company.key,
        currency=report.currency,
        range="",
        start=str(period.start),
        end=str(period.end),
    )

    def link(name: str, suffix: str) -> Link:
        url = reverse(f"admin:{URL_NAME}", args=[name, suffix], current_app=site.name)
        return Link(suffix.upper(), url + query_string)

    choices = [
        ExportChoice(make(report).title, formats.count(count_rows(report, name)), [link(name, "csv")])
        for name, make in exports.FIGURE_TABLES.items()
    ]
    if exports.has_xlsx():
        choices.append(ExportChoice(_("All of the above"), "", [link(WORKBOOK, "xlsx")]))
    for name, make in exports.ROW_TABLES.items():
        if not may_export(request, name):
            continue
        number = count_rows(report, name)
        links, note = [link(name, "csv")], ""
        if exports.has_xlsx() and number <= exports.MOST_XLSX_ROWS:
            links.append(link(name, "xlsx"))
        elif exports.has_xlsx():
            note = _("too many rows for XLSX")
        choices.append(ExportChoice(make(report).title, formats.count(number), links, note))
    return choices


def count_rows(report: RevenueImpactReport, name: str) -> int:
    """Return the number of rows of the table ``name``, from the report's own counts."""
    match name:
        case "orders":
            return report.current.orders
        case "cart_events":
            return sum(day.cart_events for day in report.days)
        case "products":
            return report.product_count
        case _:
            return sum(1 for _row in exports.FIGURE_TABLES[name](report).rows)


def export_view(request: HttpRequest, name: str, suffix: str) -> HttpResponseBase:
    """Send a table. The caller checks the permission to view the report."""
    is_known = (name, suffix) == (WORKBOOK, "xlsx") or name in exports.FIGURE_TABLES | exports.ROW_TABLES
    if not is_known or suffix not in CONTENT_TYPES or (suffix == "xlsx" and not exports.has_xlsx()):
        raise Http404
    if not may_export(request, name):
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    companies = report_companies(request.user)
    if not companies:
        raise Http404
    form = ReportForm(request.GET, companies=companies)
    if errors := _errors(request, form):
        return HttpResponseBadRequest("\n".join(errors), content_type="text/plain; charset=utf-8")
    with snapshot():
        report = revenue_impact(form.report_query())
    if suffix == "xlsx" and name in exports.ROW_TABLES and count_rows(report, name) > exports.MOST_XLSX_ROWS:
        text = _("This table has %(count)s rows, but XLSX files are limited to %(most)s. Export it as CSV instead.")
        numbers = {
            "count": formats.count(count_rows(report, name)),
            "most": formats.count(exports.MOST_XLSX_ROWS),
        }
        return HttpResponseBadRequest(text % numbers, content_type="text/plain; charset=utf-8")
    headers = {
        "Content-Disposition": _disposition(report, name, suffix),
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        return HttpResponse(content_type=CONTENT_TYPES[suffix], headers=headers)
    if suffix == "csv":
        table = _table(report, name)
        # All texts are built here, in the reader's language; the stream runs without one.
        chunks: _Chunks = _csv(exports.header_lines(report, table.title), table)
    else:
        file = _xlsx(report, name)
        headers["Content-Length"] = str(file.seek(0, 2))
        chunks = _FileChunks(file)
    content = _AsyncChunks(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(content, content_type=CONTENT_TYPES[suffix], headers=headers)


def _errors(request: HttpRequest, form: ReportForm) -> list[str]:
    """Return the errors of the query string: a file could not show that a filter was ignored."""
    unknown = [_("“%(name)s” is not a filter.") % {"name": name} for name in request.GET if name not in form.fields]
    wrong = [str(message) for messages in form.errors.values() for message in messages]
    return unknown + wrong


def _table(report: RevenueImpactReport, name: str) -> exports.Table:
    return (exports.FIGURE_TABLES | exports.ROW_TABLES)[name](report)


def _csv(header: Sequence[Sequence[str]], table: exports.Table) -> Generator[bytes, None, None]:
    with snapshot():
        yield from exports.csv_chunks(header, table)


def _xlsx(report: RevenueImpactReport, name: str) -> IO[bytes]:
    tables = [_table(report, each) for each in (exports.FIGURE_TABLES if name == WORKBOOK else [name])]
    file = tempfile.TemporaryFile()  # noqa: SIM115 (the answer closes it)
    with snapshot():
        exports.write_xlsx(file, ((exports.header_lines(report, table.title), table) for table in tables))
    return file


class _FileChunks:
    """A file in chunks, closed with the response, also if it was not read."""

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        self.file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self.file.read(64 * 1024)
        if not chunk:
            raise StopIteration
        return chunk


class _AsyncChunks:
    """Chunks for Django's ASGI handler, which would otherwise collect all of them first."""

    def __init__(self, chunks: _Chunks) -> None:
        self.chunks = chunks
        self.close = chunks.close

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await sync_to_async(lambda: next(self.chunks, None))()
        if chunk is None:
            raise StopAsyncIteration
        return chunk


def _disposition(report: RevenueImpactReport, name: str, suffix: str) -> str:
    plain, exact = (exports.file_name(report, name, suffix, is_ascii=is_ascii) for is_ascii in (True, False))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(exact)}"
