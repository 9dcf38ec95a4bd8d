"""Exactly what the report shows, as tables. All of them come from one report, so they agree with it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import in_major_units, with_decimals
from alhena_tracking.exports.tables import Table
from alhena_tracking.reports import DayFigures, RevenueImpactReport, Unit
from alhena_tracking.reports.cards import relative_change

#: Decimals of shares: 0.125 is 12.5 %.
SHARE_DECIMALS = 6


def cards_table(report: RevenueImpactReport) -> Table:
    def value(unit: Unit, number: Fraction | int | None) -> int | Decimal | None:
        match unit:
            case Unit.MONEY:
                return _amount(number, report.currency)
            case Unit.SHARE:
                return _share(number)
            case Unit.COUNT:
                return None if number is None else int(number)

    def unit_of(unit: Unit) -> str:
        return {Unit.MONEY: report.currency, Unit.SHARE: _("share"), Unit.COUNT: _("number")}[unit]

    current, previous = report.current, report.previous
    beside = [
        (_("Refunds"), current.refunded_minor, previous.refunded_minor if previous else None),
        (_("Net revenue"), current.net_minor, previous.net_minor if previous else None),
        (_("Confirmed revenue"), current.confirmed_minor, previous.confirmed_minor if previous else None),
    ]
    return Table(
        title=_("Key figures"),
        columns=[
            _("Figure"),
            _("Value"),
            _("Unit"),
            _("Previous period"),
            pgettext("difference", "Change"),
            _("Formula"),
        ],
        rows=[
            *(
                [
                    str(card.type.label),
                    value(card.type.unit, card.value),
                    unit_of(card.type.unit),
                    value(card.type.unit, card.previous),
                    _share(card.change),
                    str(card.type.formula),
                ]
                for card in report.cards
            ),
            *(
                [
                    label,
                    value(Unit.MONEY, now),
                    report.currency,
                    value(Unit.MONEY, then),
                    _share(relative_change(now, then)),
                    "",
                ]
                for label, now, then in beside
            ),
        ],
    )


def days_table(report: RevenueImpactReport) -> Table:
    """A row for every day and every channel of the report, those where nothing happened too."""
    found = {(day.on, day.channel): day for day in report.days}
    currency = report.currency
    cells = [
        found.get((on, one.channel)) or DayFigures(on=on, channel=one.channel)
        for on in report.query.period.days
        for one in report.channels
    ]
    return Table(
        title=_("Day by day"),
        columns=[
            *(_("Day"), _("Channel"), _("Currency"), _("Add-to-cart GMV"), _("Cart events"), _("Carts")),
            *(_("Purchase revenue"), _("Refunds"), _("Net revenue"), _("Confirmed revenue"), _("Orders")),
            *(pgettext("of visitors", "Sessions"), _("Sessions with an order")),
        ],
        rows=(
            [
                *(day.on, day.channel, currency, _amount(day.add_to_cart_minor, currency), day.cart_events, day.carts),
                *(_amount(day.purchase_minor, currency), _amount(day.refunded_minor, currency)),
                _amount(day.purchase_minor - day.refunded_minor, currency),
                *(_amount(day.confirmed_minor, currency), day.orders, day.sessions, day.converted_sessions),
            ]
            for day in cells
        ),
    )


def channels_table(report: RevenueImpactReport) -> Table:
    currency = report.currency
    return Table(
        title=_("By channel"),
        columns=[
            *(
                _("Channel"),
                _("Currency"),
                pgettext("of visitors", "Sessions"),
                _("Conversion rate"),
                _("Add-to-cart GMV"),
            ),
            *(_("Average cart value"), _("Orders"), _("Purchase revenue"), _("Refunds"), _("Net revenue")),
            *(_("Average order value"), _("Revenue per session")),
        ],
        rows=(
            [
                *(one.channel, currency, one.figures.sessions, _share(one.figures.conversion_rate)),
                _amount(one.figures.add_to_cart_minor, currency),
                _amount(one.figures.average_cart_minor, currency),
                one.figures.orders,
                _amount(one.figures.purchase_minor, currency),
                _amount(one.figures.refunded_minor, currency),
                _amount(one.figures.net_minor, currency),
                _amount(one.figures.average_order_minor, currency),
                _amount(one.figures.revenue_per_session_minor, currency),
            ]
            for one in report.channels
        ),
    )


def products_table(report: RevenueImpactReport) -> Table:
    currency = report.currency
    return Table(
        title=_("Products"),
        columns=[
            *(_("Product id"), _("Product"), _("Currency"), _("Add-to-cart GMV"), _("Units added")),
            *(_("Purchase revenue"), _("Units purchased")),
        ],
        rows=(
            [
                *(one.product_id, one.name, currency, _amount(one.add_to_cart_minor, currency), one.units_added),
                *(_amount(one.purchase_minor, currency), one.units_purchased),
            ]
            for one in report.products
        ),
    )


#: The tables of figures by the names that they have in URLs and file names.
FIGURE_TABLES: dict[str, Callable[[RevenueImpactReport], Table]] = {
    "cards": cards_table,
    "days": days_table,
    "channels": channels_table,
    "products": products_table,
}


def _amount(minor: Fraction | int | None, currency: str) -> Decimal | None:
    return None if minor is None else in_major_units(minor, currency)


def _share(number: Fraction | int | None) -> Decimal | None:
    return None if number is None else with_decimals(number, SHARE_DECIMALS)
