"""Links from the report to the lists of the rows that it counts. The caller checks the permission to view orders."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.urls import reverse

from alhena_tracking.models import Standing
from alhena_tracking.reports import RevenueImpactReport


def counted_orders_url(report: RevenueImpactReport, site: AdminSite) -> str:
    """Return the list of the orders that the report counts, under all of its filters."""
    query = report.query
    chosen = {
        "currency__exact": report.currency,
        "channel": query.channel,
        "ai_profile__exact": query.ai_profile,
        "trust__exact": query.trust,
    }
    return _orders_url(report, site, Standing.COUNTED, **{name: value for name, value in chosen.items() if value})


def held_back_url(report: RevenueImpactReport, site: AdminSite) -> str:
    """Return the list of the orders of the period that wait for staff: as many as the report says, in any currency."""
    return _orders_url(report, site, Standing.HELD)


def _orders_url(report: RevenueImpactReport, site: AdminSite, standing: Standing, **chosen: Any) -> str:
    query = report.query
    chosen = {
        "standing": standing.value,
        "company__id__exact": query.company.pk,
        "occurred_on__gte": query.period.start,
        "occurred_on__lte": query.period.end,
        **chosen,
    }
    return f"{reverse('admin:alhena_tracking_order_changelist', current_app=site.name)}?{urlencode(chosen)}"
