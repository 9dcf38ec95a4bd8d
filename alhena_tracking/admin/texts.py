"""The report's numbers, written out: cards, charts and tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alhena_tracking import charts
from alhena_tracking.admin import formats
from alhena_tracking.models import Interaction
from alhena_tracking.reports import Card, Figures, RevenueImpactReport, Series, Unit

Amounts: TypeAlias = Mapping[tuple[date, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """``value`` is a number of ``unit`` (a currency, or nothing); ``direction`` is ``up``, ``down`` or empty."""

    label: str
    formula: str
    series: str
    value: str
    unit: str
    change: str
    direction: str
    previous: str
    detail: str


@dataclass(frozen=True, slots=True)
class LegendEntry:
    key: str
    label: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartText:
    series: str
    title: str
    total: str
    description: str
    legend: list[LegendEntry]
    chart: charts.Chart
    is_empty: bool


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    label: str
    series: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    groups: list[ColumnGroup]
    rows: list[Row]
    total: Row


def card_texts(report: RevenueImpactReport) -> list[CardText]:
    details = _details(report.current)
    return [_card_text(card, report.currency, details.get(card.type.name, "")) for card in report.cards]


def _details(figures: Figures) -> dict[str, str]:
    """What else is worth saying, by the name of the card."""
    details = {}
    if days := figures.cart_days:
        text = ngettext("%(count)s day with a cart event", "%(count)s days with a cart event", days)
        details["daily_add_to_cart_minor"] = text % {"count": formats.count(days)}
    if sessions := figures.sessions:
        text = ngettext("%(part)s of %(count)s session", "%(part)s of %(count)s sessions", sessions)
        numbers = {"part": formats.count(figures.converted_sessions), "count": formats.count(sessions)}
        details["conversion_rate"] = text % numbers
    if figures.confirmed_share is not None:
        share = formats.share(figures.confirmed_share)
        details["purchase_minor"] = _("%(share)s confirmed by the shop's server") % {"share": share}
    return details


def _card_text(card: Card, currency: str, detail: str) -> CardText:
    change = card.change
    return CardText(
        label=str(card.type.label),
        formula=str(card.type.formula),
        series=card.type.series.value,
        value=_value(card.type.unit, card.value, currency),
        unit=currency if card.type.unit is Unit.MONEY and card.value is not None else "",
        change=_("n/a") if change is None else formats.share(change, is_signed=True),
        direction="up" if change and change > 0 else "down" if change and change < 0 else "",
        previous="" if card.previous is None else _value(card.type.unit, card.previous, currency),
        detail=detail,
    )


def _value(unit: Unit, value: formats.Number | None, currency: str) -> str:
    if value is None:
        return formats.MISSING
    match unit:
        case Unit.MONEY:
            return formats.amount(value, currency)
        case Unit.COUNT:
            return formats.count(int(value))
        case Unit.SHARE:
            return formats.share(value)


def chart_texts(report: RevenueImpactReport) -> list[ChartText]:
    days = [formats.day(day) for day in report.query.period.days]
    return [
        _chart_text(report, Series.ADD_TO_CART, _("Add-to-cart GMV per day"), _added(report), days),
        _chart_text(report, Series.PURCHASES, _("Purchase revenue per day"), _purchased(report), days),
    ]


def _chart_text(
    report: RevenueImpactReport, series: Series, title: str, amounts: Amounts, day_texts: list[str]
) -> ChartText:
    currency, days = report.currency, report.query.period.days
    drawn = [
        charts.Series(channel.lower(), label, [amounts.get((day, channel), 0) for day in days])
        for channel, label in _channels_of(report)
    ]
    total = formats.money(sum(amounts.values()), currency)

    def bar_title(column: int, one: charts.Series) -> str:
        return f"{day_texts[column]} · {one.label} · {formats.money(one.amounts[column], currency)}"

    return ChartText(
        series=series.value,
        title=title,
        total=total,
        description=_("%(title)s, %(days)s: %(total)s in all. The table “Day by day” has the same numbers.")
        % {"title": title, "days": formats.days(report.query.period), "total": total},
        legend=[LegendEntry(one.key, one.label, formats.amount(sum(one.amounts), currency)) for one in drawn],
        chart=charts.stacked_bars(
            len(days),
            drawn,
            column_label=lambda column: formats.short_day(days[column]),
            bar_title=bar_title,
            tick_label=lambda minor: formats.amount(minor, currency, is_short=True),
        ),
        is_empty=not any(amounts.values()),
    )


def channel_table(report: RevenueImpactReport) -> Table:
    names = {**dict(Interaction.Kind.choices), "": _("None qualified")}

    def cells(figures: Figures) -> list[str]:
        currency = report.currency
        return [
            formats.count(figures.sessions),
            formats.share(figures.conversion_rate),
            formats.amount(figures.add_to_cart_minor, currency),
            formats.amount(figures.average_cart_minor, currency),
            formats.count(figures.orders),
            formats.amount(figures.purchase_minor, currency),
            formats.amount(figures.average_order_minor, currency),
            formats.amount(figures.revenue_per_session_minor, currency),
        ]

    return Table(
        groups=[
            ColumnGroup(_("Sessions"), Series.SESSIONS, [_("Started"), _("Conversion")]),
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, [_("GMV"), _("Average cart")]),
            ColumnGroup(
                _("Purchased"), Series.PURCHASES, [_("Orders"), _("Revenue"), _("Average order"), _("Per session")]
            ),
        ],
        rows=[Row(str(names[one.channel]), cells(one.figures)) for one in report.channels],
        total=Row(_("Total"), cells(report.current)),
    )


def day_table(report: RevenueImpactReport) -> Table:
    """The numbers of both charts, the latest day first."""
    channels = _channels_of(report)
    days = report.query.period.days
    sums = [_added(report), _purchased(report)]

    def cells(days: Collection[date]) -> list[str]:
        row: list[str] = []
        for amounts in sums:
            minor = [sum(amounts.get((day, channel), 0) for day in days) for channel, _label in channels]
            row += [formats.amount(one, report.currency) for one in [*minor, sum(minor)]]
        return row

    columns = [*(label for _channel, label in channels), _("All channels")]
    return Table(
        groups=[
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, columns),
            ColumnGroup(_("Purchased"), Series.PURCHASES, columns),
        ],
        rows=[Row(formats.day(day), cells([day])) for day in reversed(days)],
        total=Row(_("Total"), cells(days)),
    )


def _channels_of(report: RevenueImpactReport) -> list[tuple[str, str]]:
    """The channels, and their names, to which anything was credited."""
    credited = {day.channel for day in report.days if day.cart_events or day.orders}
    return [(value, str(label)) for value, label in Interaction.Kind.choices if value in credited]


def _added(report: RevenueImpactReport) -> Amounts:
    return {(day.on, day.channel): day.add_to_cart_minor for day in report.days}


def _purchased(report: RevenueImpactReport) -> Amounts:
    return {(day.on, day.channel): day.purchase_minor for day in report.days}
