"""The report's tables as texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.contrib.admin import AdminSite
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.links import counted_orders_url
from alhena_tracking.models import Channel, Order, Refund
from alhena_tracking.reports import Figures, Grain, Part, RevenueImpactReport, Series, latest_orders

#: Most products and orders shown.
MOST_ROWS = 10


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    label: str
    series: str
    columns: list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A row; ``detail`` follows the ``label``."""

    label: str
    cells: list[str]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; ``heading`` is the title of the rows' labels. The ``note`` stands below it."""

    caption: str
    heading: str
    groups: list[ColumnGroup]
    rows: list[Row]
    total: Row | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order; ``url`` is its page, which explains its credit."""

    label: str
    url: str
    occurred_at: str
    channel: str
    amount: str
    trust: str
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class OrderTable:
    """The latest orders; ``url`` lists all of them."""

    caption: str
    rows: list[OrderRow]
    url: str
    link: str


def channels_of(report: RevenueImpactReport) -> list[tuple[str, str]]:
    """Return the channels with credited events, and their labels."""
    credited = {day.channel for day in report.days if day.cart_events or day.orders}
    return [(value, str(label)) for value, label in Channel.choices if value in credited]


def today_of(report: RevenueImpactReport) -> date | None:
    """Return today in the company's time zone, if it is in the report's period."""
    today = timezone.localdate(timezone=report.query.company.zone)
    return today if today in report.query.period else None


def channel_table(report: RevenueImpactReport) -> Table:
    names = dict(Channel.choices)

    def cells(figures: Figures) -> list[str]:
        currency = report.currency
        return [
            formats.count(figures.sessions),
            formats.share(figures.conversion_rate),
            formats.amount(figures.add_to_cart_minor, currency),
            formats.amount(figures.average_cart_minor, currency),
            formats.count(figures.orders),
            formats.amount(figures.purchase_minor, currency),
            formats.amount(figures.direct_minor, currency),
            formats.amount(figures.average_order_minor, currency),
            formats.amount(figures.revenue_per_session_minor, currency),
        ]

    return Table(
        caption=_caption(report),
        heading=_("Channel"),
        groups=[
            ColumnGroup(
                pgettext("of visitors", "Sessions"), Series.SESSIONS, [pgettext("sessions", "Started"), _("Conversion")]
            ),
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, [_("GMV"), _("Average cart")]),
            ColumnGroup(
                _("Purchased"),
                Series.PURCHASES,
                [_("Orders"), _("Revenue"), pgettext("revenue", "Direct"), _("Average order"), _("Per session")],
            ),
        ],
        rows=[Row(str(names[one.channel]), cells(one.figures)) for one in report.channels],
        total=Row(_("Total"), cells(report.current)),
    )


def sessions_note(report: RevenueImpactReport) -> str:
    """Explain why the sessions of the channels add up to more than their total; empty where they do not."""
    if sum(one.figures.sessions for one in report.channels) <= report.current.sessions:
        return ""
    return _("A session belongs to each channel it used, so their sessions add up to more than the total.")


def day_table(report: RevenueImpactReport) -> Table:
    """Return the numbers of both charts by day, week or month, the latest first; and the refunds made then, if any."""
    channels = [channel for channel, _label in channels_of(report)]
    grain, parts, today = report.query.grain, report.parts, today_of(report)
    write = formats.amount_writer(report.currency)
    found = [report.amounts(name) for name in ("add_to_cart_minor", "purchase_minor")]
    refunds: dict[date, int] = defaultdict(int)
    for (start, _channel), minor in report.amounts("dated_refunds_minor").items():
        refunds[start] += minor

    def cells(parts: Collection[Part]) -> list[str]:
        row: list[str] = []
        for amounts in found:
            minor = [sum(amounts.get((part.period.start, channel), 0) for part in parts) for channel in channels]
            row += [write(one) for one in [*minor, sum(minor)]]
        if any(refunds.values()):
            row.append(write(-sum(refunds.get(part.period.start, 0) for part in parts)))
        return row

    def detail(part: Part) -> str:
        if today and today in part.period:
            return _("so far")
        text = ngettext("%(part)s of %(count)s day", "%(part)s of %(count)s days", part.whole_days)
        return text % {"part": len(part.period), "count": part.whole_days} if part.is_cut else ""

    columns = [*(label for _channel, label in channels_of(report)), _("All channels")]
    return Table(
        caption=_caption(report),
        heading=str(grain.label),
        groups=[
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, columns),
            ColumnGroup(_("Purchased"), Series.PURCHASES, columns),
            *([ColumnGroup(_("Refunds"), Series.PURCHASES, [_made_in(grain)])] if any(refunds.values()) else ()),
        ],
        rows=[Row(formats.part(part, grain), cells([part]), detail=detail(part)) for part in reversed(parts)],
        total=Row(_("Total"), cells(parts)),
    )


def _made_in(grain: Grain) -> str:
    match grain:
        case Grain.DAY:
            return _("Made on the day")
        case Grain.WEEK:
            return _("Made in the week")
        case Grain.MONTH:
            return _("Made in the month")


def order_table(report: RevenueImpactReport, site: AdminSite) -> OrderTable:
    """Return the latest orders, linked to their pages. The caller checks the permission to view orders."""
    orders = latest_orders(report, MOST_ROWS)
    refunded = Refund.objects.minor_by_order([order.pk for order in orders])
    names = dict(Channel.choices)
    zone = report.query.company.zone
    caption = ngettext(
        "The latest order. Amounts in %(currency)s, times in %(zone)s.",
        "The latest %(shown)s of %(count)s orders. Amounts in %(currency)s, times in %(zone)s.",
        report.current.orders,
    )
    return OrderTable(
        caption=caption
        % {
            "shown": formats.count(len(orders)),
            "count": formats.count(report.current.orders),
            "currency": report.currency,
            "zone": report.query.company.time_zone,
        },
        rows=[
            OrderRow(
                label=str(order),
                url=reverse("admin:alhena_tracking_order_change", args=[order.pk], current_app=site.name),
                occurred_at=formats.moment(order.occurred_at, zone),
                channel=str(names.get(order.channel, formats.MISSING)),
                amount=formats.amount(order.value_minor, order.currency),
                trust=order.get_trust_display(),
                remarks=_remarks(order, refunded.get(order.pk, 0)),
            )
            for order in orders
        ],
        url=counted_orders_url(report, site),
        link=ngettext("Show it in the list of orders", "All %(count)s orders", report.current.orders)
        % {"count": formats.count(report.current.orders)},
    )


def _remarks(order: Order, refunded_minor: int) -> list[str]:
    remarks = []
    if order.has_conflict:
        remarks.append(_("conflict"))
    if refunded_minor:
        amount = formats.amount(refunded_minor, order.currency)
        remarks.append(_("%(amount)s refunded") % {"amount": amount})
    return remarks


def _caption(report: RevenueImpactReport) -> str:
    return _("Amounts in %(currency)s.") % {"currency": report.currency} if report.currency else ""
