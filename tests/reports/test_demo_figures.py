"""The page's figures on the demo's history, against SQL written by hand."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from alhena_tracking.models import Company
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from tests.support.runs import examples

pytestmark = pytest.mark.django_db

BETWEEN = "currency = %s AND occurred_on BETWEEN %s AND %s"
ADDED = f"SELECT SUM(gmv_minor), COUNT(DISTINCT occurred_on) FROM alhena_tracking_cartevent WHERE {BETWEEN}"  # noqa: S608
BY_DAY = (
    "SELECT SUM(gmv_minor), COUNT(DISTINCT session_id) "  # noqa: S608
    f"FROM alhena_tracking_cartevent WHERE {BETWEEN} GROUP BY occurred_on"
)
BOUGHT = (
    "SELECT SUM(value_minor), SUM(direct_minor), COUNT(*) "  # noqa: S608
    f"FROM alhena_tracking_order WHERE standing = 'COUNTED' AND {BETWEEN}"
)
BY_CHANNEL = (
    "SELECT channel, SUM(value_minor), COUNT(*) "  # noqa: S608
    f"FROM alhena_tracking_order WHERE standing = 'COUNTED' AND {BETWEEN} GROUP BY channel"
)
LINES = (
    "SELECT COALESCE(SUM(l.total_minor), 0), COALESCE(SUM(CASE WHEN l.is_direct THEN l.total_minor END), 0) "  # noqa: S608
    "FROM alhena_tracking_orderline l JOIN alhena_tracking_order o ON o.id = l.order_id "
    f"WHERE o.standing = 'COUNTED' AND {BETWEEN}"
)
UNLINED = (
    "SELECT COALESCE(SUM(o.value_minor), 0) FROM alhena_tracking_order o "  # noqa: S608
    f"WHERE o.standing = 'COUNTED' AND {BETWEEN} "
    "AND NOT EXISTS (SELECT 1 FROM alhena_tracking_orderline l WHERE l.order_id = o.id)"
)
ELSEWHERE = (
    "SELECT COUNT(*) FROM alhena_tracking_order "
    "WHERE standing = 'COUNTED' AND currency <> %s AND occurred_on BETWEEN %s AND %s"
)
STARTED = "SELECT COUNT(*) FROM alhena_tracking_visitorsession WHERE started_on BETWEEN %s AND %s"
CONVERTED = (
    "SELECT COUNT(DISTINCT s.id) FROM alhena_tracking_visitorsession s "
    "JOIN alhena_tracking_order o ON o.session_id = s.id AND o.standing = 'COUNTED' "
    "WHERE s.started_on BETWEEN %s AND %s"
)


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()]


@override_settings(DEBUG=True)
def test_figures_when_of_the_demo_are_those_of_sql(admin_client: Client) -> None:
    call_command("demo", no_serve=True, days=examples(4, full=60), seed=3, stdout=StringIO())
    company = Company.objects.get(key="acme")
    end: date = timezone.now().astimezone(company.zone).date()
    period = Period(end - timedelta(days=9), end)
    span = (period.start, period.end)
    for currency in ("EUR", "JPY"):
        report = revenue_impact(ReportQuery(company=company, period=period, currency=currency))
        figures = report.current
        (added, cart_days), *_ = rows(ADDED, currency, *span)
        (bought, direct, orders), *_ = rows(BOUGHT, currency, *span)
        (sessions,), *_ = rows(STARTED, *span)
        (converted,), *_ = rows(CONVERTED, *span)
        carts = [Fraction(int(gmv), count) for gmv, count in rows(BY_DAY, currency, *span)]
        assert added
        assert bought
        assert (figures.add_to_cart_minor, figures.cart_days) == (added, cart_days)
        assert (figures.purchase_minor, figures.orders) == (bought, orders)
        assert (figures.direct_minor, figures.assisted_minor) == (direct, bought - direct)
        assert currency != "EUR" or 0 < direct < bought
        (lines, of_direct_lines), *_ = rows(LINES, currency, *span)
        (unlined,), *_ = rows(UNLINED, currency, *span)
        composition = report.composition
        assert (composition.lines_minor, composition.unlined_minor) == (lines, unlined)
        assert composition.lines_minor + composition.adjustments_minor + composition.unlined_minor == bought
        assert sum(product.direct_minor for product in report.products) == of_direct_lines
        assert currency != "EUR" or any(product.recommended for product in report.products)
        assert (figures.sessions, figures.converted_sessions) == (sessions, converted)
        assert figures.average_cart_minor == sum(carts) / len(carts)
        assert figures.daily_add_to_cart_minor == Fraction(int(added), cart_days)
        assert figures.average_order_minor == Fraction(int(bought), orders)
        (elsewhere,), *_ = rows(ELSEWHERE, currency, *span)
        is_mixed = 100 * elsewhere > 5 * (orders + elsewhere)
        assert figures.revenue_per_session_minor == (None if is_mixed else Fraction(int(bought), sessions))
        assert {
            c.channel: (c.figures.purchase_minor, c.figures.orders) for c in report.channels if c.figures.orders
        } == {channel: (value, count) for channel, value, count in rows(BY_CHANNEL, currency, *span)}
        url = f"/admin/alhena_tracking/revenueimpact/?start={span[0]}&end={span[1]}&currency={currency}"
        page = admin_client.get(url).content.decode()
        decimals = {"EUR": 2, "JPY": 0}[currency]
        assert f"{int(bought) / 10**decimals:,.{decimals}f}" in page
        assert f"{int(added) / 10**decimals:,.{decimals}f}" in page
