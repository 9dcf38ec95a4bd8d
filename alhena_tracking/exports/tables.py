"""What a table to be exported is, and what is said of it: the question that it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.reports import RevenueImpactReport

#: Text, a number, a day, or a moment (with its zone); ``None`` leaves the cell empty.
Cell: TypeAlias = str | int | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``rows`` may be read once, and from the database while it is."""

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def header_lines(report: RevenueImpactReport, title: str) -> list[tuple[str, str]]:
    """What the table is about: label and text, the title first."""
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
    ]
    if query.is_compared:
        previous = query.period.previous
        lines.append((_("Compared with"), f"{previous.start} – {previous.end}"))
    return lines


def file_name(report: RevenueImpactReport, name: str, suffix: str, *, is_ascii: bool) -> str:
    """A name that tells shop, table, range and filters, of letters, digits, ``-`` and ``_`` only."""
    query = report.query
    parts = [
        *("revenue-impact", query.company.key, name, str(query.period.start), str(query.period.end)),
        *(report.currency, query.channel, slugify(query.ai_profile, allow_unicode=not is_ascii)[:60], query.trust),
    ]
    return "_".join(part for part in parts if part) + f".{suffix}"
