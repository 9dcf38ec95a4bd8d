"""What is read while others write, on database servers."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from alhena_tracking.models import Company
from alhena_tracking.reports import snapshot
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite's snapshot would keep everybody from writing"),
]


def elsewhere(work: Callable[[], Any]) -> None:
    """Do ``work`` over another connection."""

    def do() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=do)
    thread.start()
    thread.join()


def test_rows_when_written_meanwhile_are_not_seen() -> None:
    with snapshot():
        before = Company.objects.count()
        elsewhere(factories.CompanyFactory.create)
        assert Company.objects.count() == before
    assert Company.objects.count() == before + 1
    assert connection.get_autocommit()


def test_answers_when_orders_arrive_between_their_queries_agree_with_themselves(
    company: Company, client: Client
) -> None:
    session = factories.VisitorSessionFactory.create(company=company)
    client.force_login(factories.UserFactory.create(is_superuser=True))

    def sell() -> None:
        factories.OrderLineFactory.create(order__session=session, product_id="tea", total_minor=1000)

    def sell_after_each_query(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        answer = execute(sql, *args)
        if "alhena_tracking_" in sql:
            elsewhere(sell)
        return answer

    sell()
    for path in ("/admin/alhena_tracking/revenueimpact/", "/alhena/api/revenue-impact"):
        with connection.execute_wrapper(sell_after_each_query):
            response = client.get(path)
        if path.startswith("/admin"):
            report = response.context["report"]
            bought = [(product.purchase_minor, product.units_purchased) for product in report.products]
            orders, revenue = report.current.orders, report.current.purchase_minor
            listed = len(response.context["order_table"].rows)
            assert listed == min(orders, 10)
        else:
            document = response.json()
            bought = [(row["purchase_minor"], float(row["units_purchased"])) for row in document["products"]]
            orders, revenue = document["current"]["orders"], document["current"]["purchase_minor"]
        assert orders > 0
        assert bought == [(revenue, orders)]
