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
from alhena_tracking.reports import Period, ReportQuery, Section, revenue_impact
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
BY_MODEL = (
    "SELECT COALESCE(t.channel, o.channel), SUM(CASE WHEN t.id IS NULL OR t.is_first THEN o.value_minor ELSE 0 END), "  # noqa: S608
    "SUM(CASE WHEN t.id IS NULL OR t.is_last THEN o.value_minor ELSE 0 END), "
    "SUM(COALESCE(t.linear_minor, o.value_minor)) "
    "FROM alhena_tracking_order o LEFT JOIN alhena_tracking_ordertouch t ON t.order_id = o.id "
    f"WHERE o.standing = 'COUNTED' AND o.{BETWEEN.replace('occurred_on', 'o.occurred_on')} GROUP BY 1"
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
TALKED = (
    "SELECT COUNT(*) FROM (SELECT DISTINCT i.session_id, i.conversation_id FROM alhena_tracking_interaction i "
    "JOIN alhena_tracking_visitorsession s ON s.id = i.session_id "
    "WHERE i.conversation_id <> '' AND s.started_on BETWEEN %s AND %s) AS talks"
)
RECOMMENDED = TALKED.replace("<> ''", "<> '' AND i.recommended_product_ids IS NOT NULL")
BOUGHT_THROUGH = (
    "SELECT COUNT(*) FROM (SELECT DISTINCT c.session_id, c.conversation_digest "
    "FROM alhena_tracking_orderconversation c JOIN alhena_tracking_order o ON o.id = c.order_id "
    "JOIN alhena_tracking_visitorsession s ON s.id = c.session_id "
    "WHERE o.standing = 'COUNTED' AND s.started_on BETWEEN %s AND %s) AS talks"
)
FROM_TALKS = (
    "SELECT COUNT(*), COALESCE(SUM(o.value_minor), 0) FROM alhena_tracking_order o "
    "JOIN alhena_tracking_interaction i ON i.id = o.credited_interaction_id WHERE i.conversation_id <> '' "
    "AND o.standing = 'COUNTED' AND o.currency = %s AND o.occurred_on BETWEEN %s AND %s"
)
STARTED = (
    "SELECT COUNT(*) FROM alhena_tracking_visitorsession "
    "WHERE qualified_at IS NOT NULL AND started_on BETWEEN %s AND %s"
)
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
        asked = ReportQuery(company=company, period=period, currency=currency, sections=frozenset({Section.MODELS}))
        report = revenue_impact(asked)
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
        assert report.models is not None
        models = {one.name: (one.first_minor, one.last_minor, one.linear_minor) for one in report.models.channels}
        assert models == {channel: tuple(map(int, sums)) for channel, *sums in rows(BY_MODEL, currency, *span)}
        assert {sum(column) for column in zip(*models.values(), strict=True)} == {bought}
        assert currency != "EUR" or report.models.several_orders > 0
        assert report.models.orders_without_touches == 0
        url = f"/admin/alhena_tracking/revenueimpact/?start={span[0]}&end={span[1]}&currency={currency}"
        page = admin_client.get(url).content.decode()
        decimals = {"EUR": 2, "JPY": 0}[currency]
        assert f"{int(bought) / 10**decimals:,.{decimals}f}" in page
        assert f"{int(added) / 10**decimals:,.{decimals}f}" in page


@override_settings(DEBUG=True)
def test_conversations_when_of_the_demo_are_those_of_sql_on_every_day() -> None:
    days = examples(3, full=30)
    call_command("demo", no_serve=True, days=days, seed=3, stdout=StringIO())
    company = Company.objects.get(key="acme")
    today = timezone.now().astimezone(company.zone).date()
    for age in range(days):
        on = today - timedelta(days=age)
        query = ReportQuery(
            company=company, period=Period(on, on), currency="EUR", sections=frozenset({Section.CONVERSATIONS})
        )
        figures = revenue_impact(query).conversations
        assert figures is not None
        assert (figures.conversations,) == rows(TALKED, on, on)[0]
        assert (figures.recommending,) == rows(RECOMMENDED, on, on)[0]
        assert (figures.bought_through,) == rows(BOUGHT_THROUGH, on, on)[0]
        assert (figures.orders, figures.purchase_minor) == rows(FROM_TALKS, "EUR", on, on)[0]
        assert figures.conversations >= figures.recommending >= figures.bought_through > 0
        assert figures.orders > 0
        assert figures.times.orders > 0
