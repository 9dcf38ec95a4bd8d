"""What a person asks for: a table or workbook of a report, in a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from alhena_tracking import exports
from alhena_tracking.models import Export, FileFormat
from alhena_tracking.reports import Comparison, Period, ReportQuery, RevenueImpactReport, Section
from alhena_tracking.reports.forms import ReportForm, report_companies

VIEW_PERMISSION = "alhena_tracking.view_revenueimpact"
EXPORT_PERMISSION = "alhena_tracking.export_revenueimpact"
#: The further permissions that tables of rows take.
ROW_PERMISSIONS = {"orders": "alhena_tracking.view_order", "cart_events": "alhena_tracking.view_cartevent"}
#: The name of the workbook with a sheet for each table of figures.
WORKBOOK = "figures"


class NotAllowed(Exception):
    """The person may not have the file, or not any more."""


def may_export(user: Any, table: str = "") -> bool:
    """Return whether ``user`` may export a table of the report, or anything at all. Both take the right to view it."""
    needed = [VIEW_PERMISSION, EXPORT_PERMISSION, *([ROW_PERMISSIONS[table]] if table in ROW_PERMISSIONS else [])]
    return bool(user.is_active and all(user.has_perm(each) for each in needed))


@dataclass(frozen=True, slots=True)
class Asked:
    """A file: one of the tables, or ``WORKBOOK``."""

    table: str
    format: FileFormat
    query: ReportQuery

    @classmethod
    def of(cls, export: Export) -> Self:
        """Return what was asked for. Raises ``NotAllowed`` if the person may not have it any more."""
        user = export.requested_by
        if user is None or not may_export(user, export.table):
            raise NotAllowed
        companies = report_companies(user)
        if not companies:
            raise NotAllowed
        form = ReportForm(export.filters, companies=companies)
        if form.errors:  # such as a company that is restricted by now
            raise NotAllowed
        return cls(export.table, FileFormat(export.format), form.report_query())

    @property
    def needed(self) -> ReportQuery:
        """The query with the sections that the file has."""
        if self.table == WORKBOOK:
            return replace(self.query, sections=frozenset(Section))
        return replace(self.query, sections=frozenset(each for each in Section if each == self.table))

    @staticmethod
    def is_offered(table: str, file_format: str) -> bool:
        """Return whether there is such a file."""
        if file_format not in FileFormat.values or (file_format == FileFormat.XLSX and not exports.has_xlsx()):
            return False
        if table == WORKBOOK:
            return file_format == FileFormat.XLSX
        return table in exports.ROW_TABLES or (table in exports.FIGURE_TABLES and file_format != FileFormat.XLSX)

    @property
    def is_of_rows(self) -> bool:
        return self.table in exports.ROW_TABLES

    def tables(self, report: RevenueImpactReport) -> list[exports.Table]:
        names = exports.FIGURE_TABLES if self.table == WORKBOOK else [self.table]
        return [(exports.FIGURE_TABLES | exports.ROW_TABLES)[name](report) for name in names]

    def row_count(self, report: RevenueImpactReport) -> int:
        """Return the number of rows, from the report's own counts."""
        match self.table:
            case "orders":
                return report.current.orders
            case "cart_events":
                return sum(day.cart_events for day in report.days)
            case "products":
                return report.product_count
            case _:
                return sum(1 for table in self.tables(report) for _row in table.rows)

    def filters(self, report: RevenueImpactReport | None) -> Mapping[str, str]:
        """Return the fields of the report's form: those of the report, where it is known."""
        query = self.query
        return {
            "company": query.company.key,
            "currency": report.currency if report else query.currency,
            "start": str(query.period.start),
            "end": str(query.period.end),
            "channel": query.channel,
            "profile": query.ai_profile,
            "trust": query.trust,
            "grain": query.grain.value,
            **comparison_fields(query.compared),
        }


def comparison_fields(compared: Period | None) -> dict[str, str]:
    """Return the fields of the report's form that choose a compared period by its days."""
    if compared is None:
        return {"compare": Comparison.NOTHING.value}
    days = {"compare_start": str(compared.start), "compare_end": str(compared.end)}
    return {"compare": Comparison.CHOSEN.value, **days}
