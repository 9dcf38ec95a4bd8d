"""What is read while others write, on database servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.faults.database import another_connection

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite's snapshot would keep everybody from writing"),
]


@contextmanager
def orders_after_each_query(company: Company) -> Iterator[None]:
    """One order is there; after each query for the shop's rows there is one more."""
    session = factories.VisitorSessionFactory.create(company=company)

    def sell() -> None:
        factories.OrderLineFactory.create(order__session=session, product_id="tea", total_minor=1000)

    def sell_afterwards(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        answer = execute(sql, *args)
        if "alhena_tracking_" in sql:
            with another_connection(sell):
                pass
        return answer

    sell()
    with connection.execute_wrapper(sell_afterwards):
        yield


def test_rows_when_written_meanwhile_are_not_seen() -> None:
    with snapshot():
        before = Company.objects.count()
        with another_connection(factories.CompanyFactory.create):
            pass
        assert Company.objects.count() == before
    assert Company.objects.count() == before + 1
    assert connection.get_autocommit()


def test_page_when_orders_arrive_between_its_queries_agrees_with_itself(company: Company, client: Client) -> None:
    client.force_login(factories.UserFactory.create(is_superuser=True))
    with orders_after_each_query(company):
        context = client.get("/admin/alhena_tracking/revenueimpact/").context
    report = context["report"]
    [product] = report.products
    assert product.units_purchased == report.current.orders > 0
    assert product.purchase_minor == report.current.purchase_minor
    assert len(context["order_table"].rows) == min(report.current.orders, 10)


def test_json_when_orders_arrive_between_its_queries_agrees_with_itself(company: Company, client: Client) -> None:
    client.force_login(factories.UserFactory.create(is_superuser=True))
    with orders_after_each_query(company):
        report = client.get("/alhena/api/revenue-impact").json()
    [product] = report["products"]
    assert Decimal(product["units_purchased"]) == report["current"]["orders"] > 0
    assert product["purchase_minor"] == report["current"]["purchase_minor"]
