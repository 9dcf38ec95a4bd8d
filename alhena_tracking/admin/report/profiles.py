"""Figures by AI profile, on the page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alhena_tracking.admin import formats
from alhena_tracking.admin.report.tables import ColumnGroup, Row, Table
from alhena_tracking.reports import Figures, ProfileFigures, Profiles, RevenueImpactReport, Series
from alhena_tracking.reports.profiles import FEW_ORDERS


def profiles_context(report: RevenueImpactReport) -> dict[str, Any]:
    """Return the table of AI profiles and the sentences below it; no table without any."""
    profiles = report.profiles
    if not profiles or not profiles.rows:
        return {"profile_table": None, "profile_notes": []}
    return {"profile_table": _table(report, profiles), "profile_notes": _notes(report, profiles)}


def _table(report: RevenueImpactReport, profiles: Profiles) -> Table:
    currency, shown, count = report.currency, len(profiles.rows), profiles.count
    if shown < count:
        caption = _("Top %(shown)s of %(count)s AI profiles by purchase revenue. Amounts in %(currency)s.")
    else:
        caption = ngettext(
            "%(count)s AI profile. Amounts in %(currency)s.",
            "%(count)s AI profiles, sorted by purchase revenue. Amounts in %(currency)s.",
            count,
        )

    def cells(one: ProfileFigures) -> list[str]:
        return [
            formats.count(one.sessions),
            _("too few orders") if one.has_few_orders else formats.share(one.conversion_rate),
            formats.MISSING
            if one.conversion_low is None
            else _("%(low)s to %(high)s")
            % {"low": formats.share(one.conversion_low), "high": formats.share(one.conversion_high)},
            formats.amount(one.add_to_cart_minor, currency),
            formats.count(one.orders),
            formats.amount(one.purchase_minor, currency),
            formats.amount(one.average_order_minor, currency),
            formats.amount(one.revenue_per_session_minor, currency),
        ]

    return Table(
        caption=caption % {"shown": formats.count(shown), "count": formats.count(count), "currency": currency},
        heading=_("AI profile"),
        groups=[
            ColumnGroup(
                pgettext("of visitors", "Sessions"),
                Series.SESSIONS,
                [pgettext("sessions", "Started"), _("Conversion"), _("Interval (95%)")],
            ),
            ColumnGroup(_("Added to carts"), Series.ADD_TO_CART, [_("GMV")]),
            ColumnGroup(
                _("Purchased"), Series.PURCHASES, [_("Orders"), _("Revenue"), _("Average order"), _("Per session")]
            ),
        ],
        rows=[Row(one.ai_profile or _("No AI profile"), cells(one)) for one in profiles.rows],
        total=Row(_("Total"), cells(_of_all(report.current))),
    )


def _of_all(figures: Figures) -> ProfileFigures:
    return ProfileFigures(
        ai_profile="",
        sessions=figures.sessions,
        converted_sessions=figures.converted_sessions,
        add_to_cart_minor=figures.add_to_cart_minor,
        orders=figures.orders,
        purchase_minor=figures.purchase_minor,
        is_mixed=figures.is_mixed,
    )


def _notes(report: RevenueImpactReport, profiles: Profiles) -> list[str]:
    notes = []
    if any(one.conversion_low is not None for one in profiles.rows):
        notes.append(
            _("Chance moves every conversion rate. In 95 of 100 cases, the lasting one is within the interval.")
        )
    if any(one.has_few_orders for one in profiles.rows):
        text = _("“Too few orders” are fewer than %(count)s: chance could explain their conversion rate.")
        notes.append(text % {"count": formats.count(FEW_ORDERS)})
    if sum(one.sessions for one in profiles.rows) > report.current.sessions:
        text = _("A session belongs to each AI profile it used, so their sessions add up to more than the total.")
        notes.append(text)
    return notes
