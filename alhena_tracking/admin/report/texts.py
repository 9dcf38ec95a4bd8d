"""The report's cards, charts and funnel as texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking import charts
from alhena_tracking.admin import formats
from alhena_tracking.admin.report.changes import ChangeText, change_text, no_value_text, value_text
from alhena_tracking.admin.report.tables import Table, channels_of, today_of
from alhena_tracking.conf import conf
from alhena_tracking.models import CHANNEL_DISPLAYS
from alhena_tracking.reports import Figures, Grain, RevenueImpactReport, Series, Unit, has_uncounted_orders

Amounts: TypeAlias = Mapping[tuple[date, str], int]


@dataclass(frozen=True, slots=True)
class Detail:
    """A figure beside a card's; the ``note`` says what it leaves out."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """A card; ``unit`` is a currency or empty, ``change`` is ``None`` where nothing is compared.

    ``reason`` says why there is no value.
    """

    name: str
    label: str
    formula: str
    series: str
    value: str
    reason: str
    unit: str
    change: ChangeText | None
    note: str
    details: list[Detail]


@dataclass(frozen=True, slots=True)
class LegendEntry:
    key: str
    pattern: str
    label: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartText:
    """A chart; ``columns`` are its columns in SVG, for which a template takes ten times as long.

    ``first_cell`` is the index of the chart's first number in a row of the table of days; ``entry`` formats one.
    """

    series: str
    title: str
    days: str
    total: str
    description: str
    legend: list[LegendEntry]
    chart: charts.Chart
    columns: SafeString
    first_cell: int
    entry: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the funnel; ``width`` is relative to the widest one, in percent, as SVG needs it."""

    series: str
    label: str
    count: str
    width: str
    rate: str
    meaning: str


def no_credit_text(report: RevenueImpactReport, *, is_narrowed: bool) -> str:
    """Explain why nothing is credited; empty if anything is. ``is_narrowed`` if filters are active."""
    if report.has_credit or report.held_back_orders:
        return ""
    if is_narrowed:
        return _("No cart events or orders that match these filters were credited to the assistant in this period.")
    if not has_uncounted_orders(report):
        return _(
            "Visitors used the assistant in this period, but no cart events or orders were credited to it. If you "
            "expected some, check that the shop reports them."
        )
    if conf.confirmed_orders_only:
        return _(
            "Orders in this period were credited to the assistant, but all of them are excluded or not confirmed yet, "
            "so none is counted."
        )
    return _("Orders in this period were credited to the assistant, but all of them are excluded, so none is counted.")


def held_back_text(report: RevenueImpactReport) -> str:
    """Return how many orders of the period wait for staff; empty if none do."""
    count = report.held_back_orders
    if not count:
        return ""
    text = ngettext(
        "%(count)s order of this period is held back. It is not included in figures until staff accept it.",
        "%(count)s orders of this period are held back. They are not included in figures until staff accept them.",
        count,
    )
    return text % {"count": formats.count(count)}


def card_texts(report: RevenueImpactReport) -> list[CardText]:
    notes = _notes(report.current)
    return [
        CardText(
            name=card.type.name,
            label=str(card.type.label),
            formula=str(card.type.formula),
            series=card.type.series.value,
            value=value_text(card.type.unit, card.value, report.currency),
            reason=no_value_text(card, report) if card.value is None else "",
            unit=report.currency if card.type.unit is Unit.MONEY and card.value is not None else "",
            change=change_text(card, report),
            note=notes.get(card.type.name, ""),
            details=_purchase_details(report) if card.type.name == "purchase_minor" else [],
        )
        for card in report.cards
    ]


def _notes(figures: Figures) -> dict[str, str]:
    """Return further details by the name of the card."""
    notes = {}
    if days := figures.cart_days:
        text = ngettext("%(count)s day with a cart event", "%(count)s days with a cart event", days)
        notes["daily_add_to_cart_minor"] = text % {"count": formats.count(days)}
    if sessions := figures.sessions:
        text = ngettext("%(part)s of %(count)s session", "%(part)s of %(count)s sessions", sessions)
        numbers = {"part": formats.count(figures.converted_sessions), "count": formats.count(sessions)}
        notes["conversion_rate"] = text % numbers
    return notes


def _purchase_details(report: RevenueImpactReport) -> list[Detail]:
    figures, currency = report.current, report.currency
    refunds = [Detail(_("Refunds"), formats.amount(-figures.refunded_minor, currency))]
    if figures.dated_refunds_minor != figures.refunded_minor:
        refunds.append(Detail(_("Refunds made in the period"), formats.amount(-figures.dated_refunds_minor, currency)))
    return [
        *_without_tax(report),
        *refunds,
        Detail(pgettext("revenue", "Net"), formats.amount(figures.net_minor, currency)),
        Detail(pgettext("revenue", "Direct"), formats.share(figures.direct_share)),
        Detail(pgettext("revenue", "Verified"), formats.share(figures.verified_share)),
        Detail(pgettext("revenue", "Confirmed"), formats.share(figures.confirmed_share)),
    ]


def _without_tax(report: RevenueImpactReport) -> list[Detail]:
    """Return the revenue without tax and shipping, where any order states them."""
    figures = report.current
    if not figures.stated_orders:
        return []
    note = ""
    if unstated := figures.unstated_orders:
        text = ngettext(
            "%(count)s order does not state tax or shipping; it counts in full.",
            "%(count)s orders do not state tax or shipping; they count in full.",
            unstated,
        )
        note = text % {"count": formats.count(unstated)}
    amount = formats.amount(figures.net_of_tax_and_shipping_minor, report.currency)
    return [Detail(_("Excl. tax, shipping"), amount, note)]


def chart_texts(report: RevenueImpactReport, days: Table) -> list[ChartText]:
    """Return both charts; the titles of their columns come from the table of ``days`` (or weeks, or months)."""
    added, purchased = report.amounts("add_to_cart_minor"), report.amounts("purchase_minor")
    added_title, purchased_title = _titles(report.query.grain)
    return [
        _chart_text(report, Series.ADD_TO_CART, added_title, added, days, group=0),
        _chart_text(report, Series.PURCHASES, purchased_title, purchased, days, group=1),
    ]


def _titles(grain: Grain) -> tuple[str, str]:
    match grain:
        case Grain.DAY:
            return _("Add-to-cart GMV per day"), _("Purchase revenue per day")
        case Grain.WEEK:
            return _("Add-to-cart GMV per week"), _("Purchase revenue per week")
        case Grain.MONTH:
            return _("Add-to-cart GMV per month"), _("Purchase revenue per month")


def _chart_text(
    report: RevenueImpactReport, series: Series, title: str, amounts: Amounts, table: Table, group: int
) -> ChartText:
    currency, grain, parts = report.currency, report.query.grain, report.parts
    channels = channels_of(report)
    drawn = [
        charts.Series(
            CHANNEL_DISPLAYS[channel].css_class,
            label,
            [amounts.get((part.period.start, channel), 0) for part in parts],
        )
        for channel, label in channels
    ]
    labels = table.groups[group].columns
    first_cell = group * len(labels)
    total = formats.amount(sum(amounts.values()), currency)
    entry = _("%(label)s: %(value)s")
    today = today_of(report)
    partial = next((column for column, part in enumerate(parts) if today and today in part.period), None)

    def column_title(column: int) -> str:
        row = table.rows[-1 - column]
        day = _("%(day)s, %(detail)s") % {"day": row.label, "detail": row.detail} if row.detail else row.label
        cells = row.cells[first_cell : first_cell + len(labels)]
        return "\n".join(
            [
                day,
                *(entry % {"label": label, "value": cell} for label, cell in zip(labels, cells, strict=True)),
            ]
        )

    chart = charts.stacked_bars(
        len(parts),
        drawn,
        column_label=lambda column: formats.short_part(parts[column], grain),
        column_title=column_title,
        tick_label=formats.amount_writer(currency, is_short=True),
        partial=partial,
    )
    return ChartText(
        series=series.value,
        title=title,
        days=formats.days(report.query.period),
        total=total,
        description=_(
            "%(title)s, %(days)s: %(total)s %(currency)s in total. The table “%(table)s” lists the same figures."
        )
        % {
            "title": title,
            "days": formats.days(report.query.period),
            "total": total,
            "currency": currency,
            "table": grain.heading,
        },
        legend=[
            LegendEntry(
                one.key, CHANNEL_DISPLAYS[channel].pattern, one.label, formats.amount(sum(one.amounts), currency)
            )
            for one, (channel, _label) in zip(drawn, channels, strict=True)
        ],
        chart=chart,
        columns=format_html_join(
            "",
            '<rect x="{}" width="{}" height="100%"><title>{}</title></rect>',
            ((column.x, chart.column_width, column.title) for column in chart.columns),
        ),
        first_cell=first_cell,
        entry=entry,
        is_empty=not any(amounts.values()),
    )


def steps(report: RevenueImpactReport) -> list[Step]:
    """Return sessions, carts and orders. No strict funnel: a session can have several carts and orders."""
    figures = report.current
    sessions, carts, orders = figures.sessions, figures.carts, figures.orders
    widest = max(sessions, carts, orders, 1)
    currency = {"currency": report.currency}
    return [
        Step(
            Series.SESSIONS,
            pgettext("of visitors", "Sessions"),
            formats.count(sessions),
            _percent(sessions, widest),
            "",
            _("Visitor sessions with the assistant, by the day they started. All currencies."),
        ),
        Step(
            Series.ADD_TO_CART,
            _("Carts"),
            formats.count(carts),
            _percent(carts, widest),
            _per_hundred(_("%(number)s per 100 sessions"), carts, sessions),
            _("Sessions with a cart event in %(currency)s. Each counts once per day.") % currency,
        ),
        Step(
            Series.PURCHASES,
            _("Orders"),
            formats.count(orders),
            _percent(orders, widest),
            _per_hundred(_("%(number)s per 100 carts"), orders, carts),
            _("Orders in %(currency)s, by the day they were placed, even if the session started earlier.") % currency,
        ),
    ]


def _per_hundred(text: str, part: int, whole: int) -> str:
    return text % {"number": formats.tenths(Fraction(100 * part, whole))} if whole else ""


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%"
