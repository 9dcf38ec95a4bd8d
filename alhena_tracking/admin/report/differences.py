"""What changed since the compared period, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.tables import ColumnGroup, Row, Table
from alhena_tracking.models import Channel
from alhena_tracking.reports import Difference, Differences, Figures, RevenueImpactReport, Series
from alhena_tracking.reports.cards import relative_change


def differences_context(report: RevenueImpactReport) -> dict[str, Any]:
    """Return the sentence about the change of purchase revenue, and the tables that explain it."""
    different, previous = report.differences, report.previous
    if different is None or previous is None:
        return {"nothing_compared": _nothing_compared(report)}
    return {
        "difference": _sentence(report, previous),
        "factor_table": _factor_table(report, different, previous),
        "difference_tables": [
            (key, heading, table) for key, heading, table in _tables(report, different) if table.rows
        ],
    }


def _nothing_compared(report: RevenueImpactReport) -> str:
    if report.recorded_since:
        return _("There is nothing to compare with: recording began on %(day)s.") % {
            "day": formats.day(report.recorded_since)
        }
    return _("Choose what to compare with under “Comparison” to see what changed.")


def _sentence(report: RevenueImpactReport, previous: Figures) -> str:
    now, before = report.current.purchase_minor, previous.purchase_minor
    change = relative_change(now, before)
    if now == before:
        return _("Purchase revenue did not change.")
    text = (
        _("Purchase revenue rose by %(change)s, from %(before)s to %(now)s.")
        if now > before
        else _("Purchase revenue fell by %(change)s, from %(before)s to %(now)s.")
    )
    amount = formats.money(abs(now - before), report.currency)
    if change is not None:
        amount = _("%(amount)s (%(share)s)") % {"amount": amount, "share": formats.share(change, is_signed=True)}
    return text % {
        "change": amount,
        "before": formats.money(before, report.currency),
        "now": formats.money(now, report.currency),
    }


def _factor_table(report: RevenueImpactReport, different: Differences, previous: Figures) -> Table | None:
    """Return the factors of purchase revenue with their parts of its change; ``None`` without any."""
    factors, current, currency = different.factors, report.current, report.currency
    if factors is None:
        return None

    def row(label: str, before: str, now: str, change: formats.Number | None, minor: int) -> Row:
        return Row(label, [before, now, formats.share(change, is_signed=True), formats.change(minor, currency)])

    def per_session(figures: Figures) -> str:
        rate = figures.orders_per_session
        return formats.MISSING if rate is None else formats.tenths(100 * rate)

    return Table(
        caption=_(
            "Purchase revenue is sessions × orders per session × average order value. Effects in %(currency)s: each "
            "factor changes in turn, from the top, so that the effects add up to the change of purchase revenue."
        )
        % {"currency": currency},
        heading=_("Factor"),
        groups=[
            ColumnGroup(
                _("Purchased"),
                Series.PURCHASES,
                [_("Before"), _("Now"), pgettext("difference", "Change"), _("Effect on revenue")],
            )
        ],
        rows=[
            row(
                pgettext("of visitors", "Sessions"),
                formats.count(previous.sessions),
                formats.count(current.sessions),
                relative_change(current.sessions, previous.sessions),
                factors.sessions_minor,
            ),
            row(
                _("Orders per 100 sessions"),
                per_session(previous),
                per_session(current),
                relative_change(current.orders_per_session, previous.orders_per_session),
                factors.orders_per_session_minor,
            ),
            row(
                _("Average order value"),
                formats.amount(previous.average_order_minor, currency),
                formats.amount(current.average_order_minor, currency),
                relative_change(current.average_order_minor, previous.average_order_minor),
                factors.average_order_minor,
            ),
        ],
        total=row(
            _("Purchase revenue"),
            formats.amount(previous.purchase_minor, currency),
            formats.amount(current.purchase_minor, currency),
            relative_change(current.purchase_minor, previous.purchase_minor),
            current.purchase_minor - previous.purchase_minor,
        ),
    )


def _tables(report: RevenueImpactReport, different: Differences) -> list[tuple[str, str, Table]]:
    """Return the tables with the key and the heading of each."""
    channels = dict(Channel.choices)
    profiles = [(one.key or _("No AI profile"), "", one) for one in different.profiles]
    if different.other_profiles:
        profiles.append((_("Other AI profiles"), "", different.other_profiles))
    products = [(one.name or one.key, one.key if one.name else "", one) for one in different.products]
    by_product = _("Added up from order lines, so without discounts, shipping and taxes of whole orders.")
    return [
        (
            "channels",
            _("By channel"),
            _table(report, _("Channel"), [(str(channels[one.key]), "", one) for one in different.channels]),
        ),
        ("profiles", _("By AI profile"), _table(report, _("AI profile"), profiles)),
        (
            "products",
            _("Products that changed most"),
            _table(report, _("Product"), products, caption=by_product, has_orders=False),
        ),
    ]


def _table(
    report: RevenueImpactReport,
    heading: str,
    labelled: Sequence[tuple[str, str, Difference]],
    *,
    caption: str = "",
    has_orders: bool = True,
) -> Table:
    currency = report.currency
    amounts = _("Amounts in %(currency)s.") % {"currency": currency}
    orders = [ColumnGroup(_("Orders"), Series.PURCHASES, [_("Before"), _("Now")])] if has_orders else []

    def cells(one: Difference) -> list[str]:
        counts = [formats.count(one.previous_orders), formats.count(one.orders)] if has_orders else []
        return [
            formats.amount(one.previous_purchase_minor, currency),
            formats.amount(one.purchase_minor, currency),
            formats.change(one.change_minor, currency),
            *counts,
        ]

    return Table(
        caption=f"{amounts} {caption}".strip(),
        heading=heading,
        groups=[
            ColumnGroup(
                _("Purchase revenue"), Series.PURCHASES, [_("Before"), _("Now"), pgettext("difference", "Change")]
            ),
            *orders,
        ],
        rows=[Row(label, cells(one), detail=detail) for label, detail, one in labelled],
    )
