"""The nightly pull from a shop's REST API, by a fake one on 127.0.0.1."""

from __future__ import annotations

import json
import logging
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from alhena_tracking.contract.limits import PENDING_AGE
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import record_interaction
from alhena_tracking.ingestion import Visitor
from alhena_tracking.integrations.woocommerce import pull, rest
from alhena_tracking.maintenance.shops import fetch_orders
from alhena_tracking.models import Company, EventCount, Order, Refund, ShopConnection, Trust
from tests.support.all_rows import all_rows
from tests.support.webhooks import deliver, sign
from tests.support.woocommerce import SECRET, VISITOR, payload
from tests.support.woocommerce_api import API_SECRET, KEY, FakeShop

pytestmark = [pytest.mark.django_db, pytest.mark.now("2026-11-26T09:00Z")]

PLACED = "order_created_processing.json"
START = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
def connection(company: Company, shop: FakeShop) -> ShopConnection:
    at = START - timedelta(hours=1)
    record_interaction(Visitor(*map(UUID, VISITOR)), company=company.key, type="CHAT", occurred_at=at)
    return ShopConnection.objects.create(
        company=company, platform="woocommerce", shop=shop.url, secret=SECRET, api_key=KEY, api_secret=API_SECRET
    )


def order(number: int, seconds: int = 0, **changes: Any) -> dict[str, Any]:
    """An order that is placed at ``START`` and changed so many seconds later."""
    at = (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    times = {"date_created_gmt": START.strftime("%Y-%m-%dT%H:%M:%S"), "date_modified_gmt": at}
    return payload(PLACED, id=number, number=str(number), **times, **changes)


def fetch() -> list[str]:
    return list(fetch_orders())


def counts() -> dict[tuple[str, str], int]:
    event_counts.flush()
    rows = EventCount.objects.filter(method="webhook woocommerce fetched")
    return {(row.outcome, row.reason): row.count for row in rows}


def ids() -> list[int]:
    return sorted(int(each) for each in Order.objects.values_list("order_id", flat=True))


def small_pages(monkeypatch: pytest.MonkeyPatch, size: int, pages: int = 50) -> None:
    monkeypatch.setattr(rest, "PER_PAGE", size)
    monkeypatch.setattr(pull, "PER_PAGE", size)
    monkeypatch.setattr(pull, "PAGES", pages)


def test_orders_when_missed_are_recorded(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders = [order(1), order(2, 5), order(3, 9, created_via="admin")]
    assert fetch() == ["acme: orders fetched from WooCommerce: 3."]
    assert ids() == [1, 2]
    assert {Trust(each.trust) for each in Order.objects.all()} == {Trust.VERIFIED}
    assert counts() == {("recorded", ""): 2, ("ignored", "by_staff"): 1}
    connection.refresh_from_db()
    assert connection.pulled_until == START + timedelta(seconds=9)


def test_pull_when_repeated_asks_for_later_changes_only(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders = [order(1)]
    fetch()
    assert "modified_after=2026-11-23T08%3A50%3A00&" in shop.requests[0]  # 72 hours, and the overlap
    fetch()
    assert "modified_after=2026-11-24T08%3A50%3A00&" in shop.requests[2]
    assert Order.objects.count() == 1
    assert all("status=trash" in path for path in shop.requests[::2])


def test_rows_when_webhook_and_pull_agree_are_the_same(
    connection: ShopConnection, shop: FakeShop, company: Company
) -> None:
    refunded = order(4107, 60, refunds=[{"id": 9101, "reason": "", "total": "-12.80"}])
    body = json.dumps(refunded).encode()
    headers = {"X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-Source": shop.url}
    shop.orders = [refunded]
    fetch()
    pulled = {name: rows for name, rows in all_rows().items() if name.startswith(("Order", "Refund", "Pending"))}
    url = "/alhena/integrations/woocommerce/acme"
    answer = deliver(url, body, {**headers, "X-WC-Webhook-Signature": sign(body, SECRET)})
    assert answer == (200, {"results": [{"status": "duplicate"}, {"status": "duplicate"}]})
    both = {name: rows for name, rows in all_rows().items() if name in pulled}
    assert both == pulled
    assert (Order.objects.count(), Refund.objects.get().counted_minor) == (1, 1280)


def test_orders_when_on_many_pages_are_all_fetched(
    connection: ShopConnection, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 3)
    # Eight in one second, so that the time alone does not lead on.
    shop.orders = [order(number, 0 if number <= 8 else number) for number in range(1, 21)]
    fetch()
    assert ids() == list(range(1, 21))


def test_orders_when_changed_during_the_run_are_not_skipped(
    connection: ShopConnection, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 2)
    shop.orders = [order(number, 10 * number) for number in range(1, 8)]

    def change(request: int) -> None:
        if request == 3:  # after the first page of the orders
            shop.orders[0]["date_modified_gmt"] = "2026-11-24T12:00:00"

    shop.before = change
    fetch()
    assert ids() == list(range(1, 8))


def test_run_when_there_are_too_many_continues_next_time(
    connection: ShopConnection, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 4, pages=2)
    monkeypatch.setattr(pull, "OVERLAP", timedelta(0))
    shop.orders = [order(number, 10 * number) for number in range(1, 13)]
    random.Random(1).shuffle(shop.orders)
    assert fetch() == ["acme: orders fetched from WooCommerce: 8. There are more, for the next run."]
    assert len(shop.requests) == 3
    for _ in range(3):
        fetch()
    assert ids() == list(range(1, 13))


def test_order_when_in_the_bin_counts_no_longer(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders = [order(1)]
    fetch()
    shop.orders = [order(1, 30, status="trash")]
    fetch()
    assert Order.objects.get().is_cancelled


def test_refund_when_deleted_in_the_shop_is_said_and_counted(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders = [order(1, refunds=[{"id": 7, "reason": "", "total": "-12.80"}])]
    fetch()
    shop.orders = [order(1, 700)]
    assert fetch() == [
        "acme: orders fetched from WooCommerce: 1.",
        "acme: the shop has deleted refund 7 of order 1, which still counts.",
    ]
    event_counts.flush()
    assert EventCount.objects.get(reason="refund_deleted").count == 1


def test_order_when_unreadable_stops_no_other(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders = [order(1, total=None), order(2), order(3)]
    del shop.orders[1]["refunds"]
    fetch()
    assert ids() == [3]
    assert counts() == {("ignored", "unreadable"): 2, ("recorded", ""): 1}


def test_page_when_it_fails_keeps_what_was_recorded(
    connection: ShopConnection, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch, 2)
    shop.orders = [order(number, 60 * number) for number in range(1, 6)]
    shop.faults = {3: 500}
    first, second = fetch()
    assert first == "acme: orders fetched from WooCommerce: 2."
    assert second == ("acme: fetching ended, and continues in the next run: the shop's API answered with an error.")
    assert ids() == [1, 2]
    assert counts()["error", "http_error"] == 1
    connection.refresh_from_db()
    assert connection.pulled_until == START + timedelta(seconds=119)
    fetch()
    assert ids() == [1, 2, 3, 4, 5]


def test_bin_when_it_fails_lets_the_next_run_begin_again(connection: ShopConnection, shop: FakeShop) -> None:
    shop.orders, shop.faults = [order(1)], {1: 502}
    assert fetch()[0] == "acme: orders fetched from WooCommerce: 0."
    connection.refresh_from_db()
    fetch()
    assert ids() == [1]


def test_database_when_it_fails_ends_the_run_in_a_line(
    connection: ShopConnection, shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError

    shop.orders = [order(1)]
    monkeypatch.setattr(pull, "persistently", fail)
    assert fetch()[1] == "acme: fetching ended, and continues in the next run: the database could not record them."


def test_shop_without_a_key_is_not_asked(connection: ShopConnection, shop: FakeShop) -> None:
    ShopConnection.objects.update(api_key="")
    assert fetch() == []
    assert shop.requests == []


def test_connection_in_the_settings_remembers_its_place(company: Company, shop: FakeShop, settings: Any) -> None:
    values = {"SECRETS": [SECRET], "SHOP": shop.url, "API_KEY": KEY, "API_SECRET": API_SECRET}
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "INTEGRATIONS": {"acme": {"woocommerce": values}}}
    shop.orders = [order(1)]
    fetch()
    row = ShopConnection.objects.get()
    assert (row.pulled_until, row.secret, row.api_key) == (START, "", "")


def test_first_pull_reaches_back_as_far_as_confirmations_wait(connection: ShopConnection, shop: FakeShop) -> None:
    assert timedelta(hours=72) == PENDING_AGE
    fetch()
    connection.refresh_from_db()
    assert connection.pulled_until is not None
    assert connection.pulled_until.replace(second=0, microsecond=0) == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_key_when_fetching_fails_is_in_no_line_or_log(
    connection: ShopConnection, shop: FakeShop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ShopConnection.objects.update(api_secret="cs_other_made_up")
    lines = fetch()
    assert lines[1].endswith("the shop's API refused the key.")
    said = " ".join([*lines, caplog.text, *shop.requests])
    assert KEY not in said
    assert "cs_other_made_up" not in said


def test_woocommerce_when_it_ignores_the_time_is_outdated(connection: ShopConnection, shop: FakeShop) -> None:
    shop.ignores_time = True
    shop.orders = [order(1, -400_000)]
    assert fetch()[1].endswith("the shop's WooCommerce is older than 5.8.")
    assert len(shop.requests) == 2
