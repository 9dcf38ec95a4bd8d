"""The figures of a report as tables. All come from one report, so they agree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.contract.amounts import in_major_units, with_decimals
from alhena_tracking.exports.tables import Column, Table
from alhena_tracking.reports import (
    AttributionModels,
    ChannelFigures,
    ConvertedFigures,
    ModelFigures,
    ProductFigures,
    ProfileFigures,
    RevenueImpactReport,
    RowFigures,
    Section,
    SessionDay,
    Unit,
)
from alhena_tracking.reports.cards import point_change, relative_change

#: Decimals of shares (0.125 is 12.5 %) and ratios.
SHARE_DECIMALS = 6

_Value = TypeVar("_Value")
_Number: TypeAlias = Fraction | int | None
#: Kind, key, name, amounts before and now, and their change.
_Different: TypeAlias = tuple[str, str, str, int | None, int | None, int]
#: Label, formula, unit, current and previous value.
_Figure: TypeAlias = tuple[str, str, Unit, _Number, _Number]
#: Label, bucket of time, value, unit and formula.
_ConversationFigure: TypeAlias = tuple[str, str, int | Decimal | None, str, str]


def cards_table(report: RevenueImpactReport) -> Table:
    """Return the cards, what stands beside their revenue, and the parts of it that the products are.

    Shares change in percentage points, everything else by a part of its previous value. Where nothing was recorded yet
    when the compared period began, both are empty beside the first day with data.
    """
    current, previous = report.current, report.previous
    figures: list[_Figure] = [
        (str(card.type.label), str(card.type.formula), card.type.unit, card.value, card.previous)
        for card in report.cards
    ]
    figures += [
        (label, "", Unit.MONEY, getattr(current, name), getattr(previous, name) if previous else None)
        for label, name in (
            (_("Refunds"), "refunded_minor"),
            (_("Refunds made in the period"), "dated_refunds_minor"),
            (_("Net revenue"), "net_minor"),
            (_("Direct revenue"), "direct_minor"),
            (_("Assisted revenue"), "assisted_minor"),
            (_("Verified revenue"), "verified_minor"),
            (_("Confirmed revenue"), "confirmed_minor"),
            (_("Tax included"), "tax_minor"),
            (_("Shipping included"), "shipping_minor"),
            (_("Discount deducted"), "discount_minor"),
            (_("Purchase revenue without tax and shipping"), "net_of_tax_and_shipping_minor"),
        )
    ]
    unstated = (current.unstated_orders, previous.unstated_orders if previous else None)
    figures.append((_("Orders that state neither tax nor shipping"), "", Unit.COUNT, *unstated))
    parts = report.composition
    figures += [
        (_("Lines of all products"), "", Unit.MONEY, parts.lines_minor, None),
        (_("Discounts, shipping, taxes and rounding"), "", Unit.MONEY, parts.adjustments_minor, None),
        (_("Orders without lines"), "", Unit.MONEY, parts.unlined_minor, None),
    ]
    units = _units(report)

    def value(unit: Unit, number: _Number) -> int | Decimal | None:
        return _value(unit, number, report.currency)

    def change(figure: _Figure) -> Decimal | None:
        change_of = point_change if figure[2] is Unit.SHARE else relative_change
        return _share(change_of(figure[3], figure[4]))

    columns: list[Column[_Figure]] = [
        Column(_("Figure"), lambda figure: figure[0]),
        Column(_("Value"), lambda figure: value(figure[2], figure[3])),
        Column(_("Unit"), lambda figure: units[figure[2]]),
        Column(_("Previous period"), lambda figure: value(figure[2], figure[4])),
        Column(pgettext("difference", "Change"), change),
        Column(_("Unit of the change"), lambda figure: _("points") if figure[2] is Unit.SHARE else _("share")),
        Column(_("Data since"), lambda figure: report.recorded_since),
        Column(_("Formula"), lambda figure: figure[1]),
    ]
    return Table.of(_("Key figures"), columns, figures)


def days_table(report: RevenueImpactReport) -> Table:
    """Return a row for every day, week or month and every channel of the report, including those without figures.

    Sessions are those of the channel; beside them stand those of all channels, as a session can belong to several.
    """
    found = {(row.on, row.channel): row for row in report.rows}
    sessions = {row.on: row for row in report.session_rows}

    def of_all_channels(day: RowFigures) -> SessionDay:
        return sessions.get(day.on) or SessionDay(on=day.on)

    currency = report.currency
    columns: list[Column[RowFigures]] = [
        Column(_("First day"), lambda day: day.on),
        Column(_("Last day"), lambda day: day.last_on),
        Column(_("Channel"), lambda day: day.channel),
        Column(_("Currency"), lambda day: currency),
        Column(_("Add-to-cart GMV"), lambda day: _amount(day.add_to_cart_minor, currency)),
        Column(_("Cart events"), lambda day: day.cart_events),
        Column(_("Carts"), lambda day: day.carts),
        Column(_("Purchase revenue"), lambda day: _amount(day.purchase_minor, currency)),
        Column(_("Refunds"), lambda day: _amount(day.refunded_minor, currency)),
        Column(_("Refunds made in the period"), lambda day: _amount(day.dated_refunds_minor, currency)),
        Column(_("Net revenue"), lambda day: _amount(day.purchase_minor - day.refunded_minor, currency)),
        Column(_("Direct revenue"), lambda day: _amount(day.direct_minor, currency)),
        Column(_("Verified revenue"), lambda day: _amount(day.verified_minor, currency)),
        Column(_("Confirmed revenue"), lambda day: _amount(day.confirmed_minor, currency)),
        Column(_("Orders"), lambda day: day.orders),
        Column(pgettext("of visitors", "Sessions"), lambda day: day.sessions),
        Column(_("Sessions with an order"), lambda day: day.converted_sessions),
        Column(_("Sessions in all channels"), lambda day: of_all_channels(day).sessions),
        Column(_("Sessions with an order in all channels"), lambda day: of_all_channels(day).converted_sessions),
    ]
    days = [
        found.get((part.period.start, one.channel))
        or RowFigures(on=part.period.start, last_on=part.period.end, channel=one.channel)
        for part in report.parts
        for one in report.channels
    ]
    return Table.of(str(report.query.grain.heading), columns, days)


def channels_table(report: RevenueImpactReport) -> Table:
    """Return a row for every channel with figures."""
    currency = report.currency
    columns: list[Column[ChannelFigures]] = [
        Column(_("Channel"), lambda one: one.channel),
        Column(_("Currency"), lambda one: currency),
        Column(pgettext("of visitors", "Sessions"), lambda one: one.figures.sessions),
        Column(_("Conversion rate"), lambda one: _share(one.figures.conversion_rate)),
        Column(_("Add-to-cart GMV"), lambda one: _amount(one.figures.add_to_cart_minor, currency)),
        Column(_("Average cart value"), lambda one: _amount(one.figures.average_cart_minor, currency)),
        Column(_("Orders"), lambda one: one.figures.orders),
        Column(_("Purchase revenue"), lambda one: _amount(one.figures.purchase_minor, currency)),
        Column(_("Refunds"), lambda one: _amount(one.figures.refunded_minor, currency)),
        Column(_("Net revenue"), lambda one: _amount(one.figures.net_minor, currency)),
        Column(_("Direct revenue"), lambda one: _amount(one.figures.direct_minor, currency)),
        Column(_("Average order value"), lambda one: _amount(one.figures.average_order_minor, currency)),
        Column(_("Revenue per session"), lambda one: _amount(one.figures.revenue_per_session_minor, currency)),
    ]
    return Table.of(_("By channel"), columns, report.channels)


def products_table(report: RevenueImpactReport) -> Table:
    """Return a row for every product of the report."""
    currency = report.currency
    columns: list[Column[ProductFigures]] = [
        Column(_("Product ID"), lambda one: one.product_id),
        Column(_("Product"), lambda one: one.name),
        Column(_("Currency"), lambda one: currency),
        Column(_("Recommended"), lambda one: one.recommended),
        Column(_("Add-to-cart GMV"), lambda one: _amount(one.add_to_cart_minor, currency)),
        Column(_("Units added"), lambda one: one.units_added),
        Column(_("Purchase revenue"), lambda one: _amount(one.purchase_minor, currency)),
        Column(_("Direct revenue"), lambda one: _amount(one.direct_minor, currency)),
        Column(_("Units purchased"), lambda one: one.units_purchased),
    ]
    return Table.of(_("Products"), columns, report.products)


def profiles_table(report: RevenueImpactReport) -> Table:
    """Return a row for every AI profile that the report has."""
    currency = report.currency
    columns: list[Column[ProfileFigures]] = [
        Column(_("AI profile"), lambda one: one.ai_profile),
        Column(_("Currency"), lambda one: currency),
        Column(pgettext("of visitors", "Sessions"), lambda one: one.sessions),
        Column(_("Sessions with an order"), lambda one: one.converted_sessions),
        Column(_("Conversion rate"), lambda one: _share(one.conversion_rate)),
        Column(_("Conversion rate, from"), lambda one: _share(one.conversion_low)),
        Column(_("Conversion rate, to"), lambda one: _share(one.conversion_high)),
        Column(_("Add-to-cart GMV"), lambda one: _amount(one.add_to_cart_minor, currency)),
        Column(_("Orders"), lambda one: one.orders),
        Column(_("Purchase revenue"), lambda one: _amount(one.purchase_minor, currency)),
        Column(_("Average order value"), lambda one: _amount(one.average_order_minor, currency)),
        Column(_("Revenue per session"), lambda one: _amount(one.revenue_per_session_minor, currency)),
    ]
    return Table.of(_("AI profiles"), columns, report.profiles.rows if report.profiles else ())


def currencies_table(report: RevenueImpactReport) -> Table:
    """Return a row for every currency of the period; the converted amounts are empty unless the report has them."""
    conversion = report.conversion
    target = conversion.currency if conversion else ""

    def converted(minor: int) -> Decimal | None:
        return _amount(minor, target) if target else None

    def if_converted(number: _Value) -> _Value | None:
        return number if target else None

    columns: list[Column[ConvertedFigures]] = [
        Column(_("Currency"), lambda one: one.currency),
        Column(_("Orders"), lambda one: one.orders),
        Column(_("Purchase revenue"), lambda one: _amount(one.purchase_minor, one.currency)),
        Column(_("Cart events"), lambda one: one.cart_events),
        Column(_("Add-to-cart GMV"), lambda one: _amount(one.add_to_cart_minor, one.currency)),
        Column(_("Converted to"), lambda one: target),
        Column(_("Purchase revenue, converted"), lambda one: converted(one.converted_purchase_minor)),
        Column(_("Orders without a rate"), lambda one: if_converted(one.unconverted_orders)),
        Column(_("Refunds"), lambda one: if_converted(_amount(one.refunded_minor, one.currency))),
        Column(_("Refunds, converted"), lambda one: converted(one.converted_refunded_minor)),
        Column(_("Net revenue, converted"), lambda one: converted(one.converted_net_minor)),
        Column(_("Add-to-cart GMV, converted"), lambda one: converted(one.converted_add_to_cart_minor)),
        Column(_("Cart events without a rate"), lambda one: if_converted(one.unconverted_cart_events)),
    ]
    return Table.of(_("By currency"), columns, conversion.parts if conversion else report.currencies)


def differences_table(report: RevenueImpactReport) -> Table:
    """Return what changed since the compared period, if that was read: a row for every factor, channel and so on."""
    found, currency = report.differences, report.currency
    rows: list[_Different] = []
    if found and found.factors:
        kind, parts = _("Factor"), found.factors
        rows += [
            (kind, "sessions", "", None, None, parts.sessions_minor),
            (kind, "orders_per_session", "", None, None, parts.orders_per_session_minor),
            (kind, "average_order", "", None, None, parts.average_order_minor),
        ]
    if found:
        kinds = [
            *((_("Channel"), one) for one in found.channels),
            *((_("AI profile"), one) for one in found.profiles),
            *([(_("Other AI profiles"), found.other_profiles)] if found.other_profiles else []),
            *((_("Product"), one) for one in found.products),
        ]
        rows += [
            (kind, one.key, one.name, one.previous_purchase_minor, one.purchase_minor, one.change_minor)
            for kind, one in kinds
        ]
    columns: list[Column[_Different]] = [
        Column(_("Kind of row"), lambda row: row[0]),
        Column(_("Key"), lambda row: row[1]),
        Column(_("Product"), lambda row: row[2]),
        Column(_("Currency"), lambda row: currency),
        Column(_("Purchase revenue before"), lambda row: _amount(row[3], currency)),
        Column(_("Purchase revenue now"), lambda row: _amount(row[4], currency)),
        Column(pgettext("difference", "Change"), lambda row: _amount(row[5], currency)),
    ]
    return Table.of(_("What changed"), columns, rows)


def models_table(report: RevenueImpactReport) -> Table:
    """Return a row for every channel and every AI profile that a model gives revenue; each kind has all of it."""
    currency, models = report.currency, report.models or AttributionModels()
    columns: list[Column[tuple[str, ModelFigures]]] = [
        Column(_("Kind of row"), lambda row: row[0]),
        Column(_("Channel or AI profile"), lambda row: row[1].name),
        Column(_("Currency"), lambda row: currency),
        Column(_("As credited"), lambda row: _amount(row[1].credited_minor, currency)),
        Column(_("First touch"), lambda row: _amount(row[1].first_minor, currency)),
        Column(_("Last touch"), lambda row: _amount(row[1].last_minor, currency)),
        Column(_("Linear touch"), lambda row: _amount(row[1].linear_minor, currency)),
        Column(_("Orders as credited"), lambda row: row[1].credited_orders),
        Column(_("Orders by first touch"), lambda row: row[1].first_orders),
        Column(_("Orders by last touch"), lambda row: row[1].last_orders),
    ]
    profile, others = _("AI profile"), _("Other AI profiles")
    rows = [
        *((_("Channel"), one) for one in models.channels),
        *((others if one.name is None else profile, one) for one in models.profiles),
    ]
    return Table.of(str(Section.MODELS.label), columns, rows)


def conversations_table(report: RevenueImpactReport) -> Table:
    """Return what comes of conversations; without rows unless the report has it."""
    columns: list[Column[_ConversationFigure]] = [
        Column(_("Figure"), lambda figure: figure[0]),
        Column(_("Time"), lambda figure: figure[1]),
        Column(_("Value"), lambda figure: figure[2]),
        Column(_("Unit"), lambda figure: figure[3]),
        Column(_("Formula"), lambda figure: figure[4]),
    ]
    return Table.of(_("Conversations"), columns, list(_conversation_rows(report)))


def _conversation_rows(report: RevenueImpactReport) -> Iterator[_ConversationFigure]:
    if report.conversations is None:
        return
    units, times = _units(report), report.conversations.times
    for card in report.conversations.cards:
        unit = card.type.unit
        value = _value(unit, card.value, report.currency)
        yield str(card.type.label), "", value, units[unit], str(card.type.formula)
    minutes = _("minutes")
    yield _("Time from the interaction to the order: lower quartile"), "", times.lower_quartile_minutes, minutes, ""
    yield _("Time from the interaction to the order: median"), "", times.median_minutes, minutes, ""
    yield _("Time from the interaction to the order: upper quartile"), "", times.upper_quartile_minutes, minutes, ""
    for bucket in times.buckets:
        yield _("Orders by time from the interaction"), bucket.label, bucket.orders, units[Unit.COUNT], ""
    yield _("Orders without a time of the interaction"), "", times.undated_orders, units[Unit.COUNT], ""


#: The tables of figures, by their names in URLs and file names.
FIGURE_TABLES: dict[str, Callable[[RevenueImpactReport], Table]] = {
    "cards": cards_table,
    "days": days_table,
    "channels": channels_table,
    "products": products_table,
    "currencies": currencies_table,
    Section.DIFFERENCES.value: differences_table,
    Section.MODELS.value: models_table,
    Section.PROFILES.value: profiles_table,
    Section.CONVERSATIONS.value: conversations_table,
}


def _units(report: RevenueImpactReport) -> dict[Unit, str]:
    return {Unit.MONEY: report.currency, Unit.SHARE: _("share"), Unit.RATIO: _("ratio"), Unit.COUNT: _("number")}


def _value(unit: Unit, number: _Number, currency: str) -> int | Decimal | None:
    match unit:
        case Unit.MONEY:
            return _amount(number, currency)
        case Unit.SHARE | Unit.RATIO:
            return _share(number)
        case Unit.COUNT:
            return None if number is None else int(number)


def _amount(minor: _Number, currency: str) -> Decimal | None:
    return None if minor is None else in_major_units(minor, currency)


def _share(number: _Number) -> Decimal | None:
    return None if number is None else with_decimals(number, SHARE_DECIMALS)
