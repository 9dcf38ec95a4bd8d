"""Tables to export: columns, each declared once for CSV and XLSX, and the header that describes the report."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, Self, TypeAlias, TypeVar

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.reports import Grain, RevenueImpactReport

#: Text, a number, a day, or a time with its zone; ``None`` leaves the cell empty.
Cell: TypeAlias = str | int | Decimal | date | datetime | None

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Column(Generic[_Item]):
    """A column: its title, and its cell for each item."""

    title: str
    cell: Callable[[_Item], Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table to export. ``rows`` can be iterated once, and may read from the database meanwhile.

    ``copied``, where there is one, gives the same rows as lines of CSV without their ends. Close it before another
    statement: until then the connection waits. ``types`` are those of its columns.
    """

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    copied: Callable[[], Generator[bytes, None, None]] | None = None
    types: Sequence[type[Cell]] = ()

    @classmethod
    def of(cls, title: str, columns: Sequence[Column[_Item]], items: Iterable[_Item]) -> Self:
        """Build the table with a row for each item."""
        cells = [column.cell for column in columns]
        rows = ([cell(item) for cell in cells] for item in items)
        return cls(title=title, columns=[column.title for column in columns], rows=rows)


def filter_lines(report: RevenueImpactReport, title: str) -> list[tuple[str, str]]:
    """Return the title and the report's filters, as labels and texts."""
    query = report.query
    lines = [
        (_("Revenue impact"), title),
        (_("Company"), str(query.company)),
        (pgettext("first day", "From"), str(query.period.start)),
        (pgettext("last day", "To"), str(query.period.end)),
        (_("Time zone"), query.company.time_zone),
        (_("Currency"), report.currency),
        (_("Channel"), query.channel or _("all")),
        (_("AI profile"), query.ai_profile or _("all")),
        (_("Trust"), query.trust or _("all")),
        (pgettext("day, week or month", "By"), query.grain.value),
    ]
    if report.compared:
        lines.append((_("Compared with"), f"{report.compared.start} – {report.compared.end}"))
    if report.compared_until:
        lines.append((_("Compared until"), report.compared_until.isoformat(timespec="seconds")))
    if report.recorded_since:
        lines.append((_("Data since"), str(report.recorded_since)))
    return lines


def file_name(report: RevenueImpactReport, name: str, suffix: str, rows: int, *, is_ascii: bool) -> str:
    """Return a name made of company, table, range, filters and number of rows, without spaces or dots."""
    query = report.query
    grain = "" if query.grain is Grain.DAY else f"by-{query.grain}"
    parts = [
        *("revenue-impact", query.company.key, name, str(query.period.start), str(query.period.end), grain),
        *(report.currency, query.channel, slugify(query.ai_profile, allow_unicode=not is_ascii)[:60], query.trust),
        f"{rows}-rows",
    ]
    return "_".join(part for part in parts if part) + f".{suffix}"
