"""Orders whose ids differ between browser and server are found from both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from alhena_tracking.diagnosis.check import CheckResult
from alhena_tracking.diagnosis.checklist import diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.order_checks import UnmetIdsCheck
from alhena_tracking.diagnosis.unmet_ids import NamedOrder, unmet_pairs
from alhena_tracking.models import Company, Trust
from tests.support.factories import OrderFactory, PendingConfirmationFactory, VisitorSessionFactory
from tests.support.findings import URL

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def named(*order_ids: str, at: datetime = NOON, currency: str = "EUR", first: int = 1000) -> list[NamedOrder]:
    return [NamedOrder(order_id, currency, first + number, at) for number, order_id in enumerate(order_ids)]


@pytest.mark.parametrize(
    ("browser", "server"),
    [
        (["#1001", "#1002"], ["1001", "1002"]),
        (["1001", "1002"], ["gid://shopify/Order/1001", "gid://shopify/Order/1002"]),
        (["#1001", "#1002"], ["gid://shopify/Order/1001", "gid://shopify/Order/1002"]),
        (["1001", "1002"], ["SHOP-1001", "SHOP-1002"]),
        (["web_1001", "web_1002"], ["SHOP-1001-EU", "SHOP-1002-EU"]),
        (["1001-EU", "1002-EU"], ["1001", "1002"]),
        (["0001001", "0000999"], ["1001", "999"]),
        (["100000012", "100000013"], ["12", "13"]),
        (["7", "8"], ["#7", "#8"]),
        (["AB-C1", "AB-D2"], ["ab-c1", "ab-d2"]),
        (["kxq-ptz", "mvb-wrs"], ["KXQ PTZ", "MVB WRS"]),
        (["order kxqptz", "order mvbwrs"], ["kxqptz", "mvbwrs"]),
        (["2026-1001", "2026-1002"], ["1001", "1002"]),
    ],
)
def test_ids_when_they_differ_by_a_pattern_are_paired(browser: list[str], server: list[str]) -> None:
    assert unmet_pairs(named(*browser), named(*server)) == tuple(zip(browser, server, strict=True))
    assert unmet_pairs(named(*server), named(*browser)) == tuple(zip(server, browser, strict=True))


@pytest.mark.parametrize(
    "server",
    [
        named("1003", "1004"),
        named("1001", "1002", first=5000),
        named("1001", "1002", currency="USD"),
        named("1001", "1002", at=NOON + timedelta(hours=25)),
        named("#1001", "#1002"),
        named("3101", "5202"),
    ],
)
def test_ids_when_something_else_differs_are_not_paired(server: Sequence[NamedOrder]) -> None:
    assert len(unmet_pairs(named("#1001", "#1002"), server)) < 2


def test_ids_when_amounts_are_equal_are_each_in_one_pair() -> None:
    browser = [NamedOrder(f"#10{number:02}", "EUR", 2900, NOON) for number in range(40)]
    server = [NamedOrder(f"10{number:02}", "EUR", 2900, NOON) for number in range(40)]
    assert unmet_pairs(browser, server) == tuple((f"#10{number:02}", f"10{number:02}") for number in range(40))


def examine(company: Company) -> CheckResult | None:
    problems = diagnose(read_facts(company, now=NOON)).problems
    return next((result for result in problems if result.check is UnmetIdsCheck), None)


def report(company: Company, *order_ids: str, **changes: Any) -> None:
    session = VisitorSessionFactory.create(company=company, started_at=NOON)
    for number, order_id in enumerate(order_ids):
        OrderFactory.create(session=session, order_id=order_id, value_minor=1000 + number, **changes)


def confirm(company: Company, *order_ids: str) -> None:
    for number, order_id in enumerate(order_ids):
        values = {
            "order_id": order_id,
            "value_minor": 1000 + number,
            "occurred_at": NOON + timedelta(minutes=5),
        }
        PendingConfirmationFactory.create(company=company, **values)


@pytest.mark.django_db
def test_check_when_there_is_one_side_only_is_not_shown(company: Company) -> None:
    report(company, "#1001", "")
    assert examine(company) is None
    report(company, "1002", trust=Trust.CONFIRMED)
    result = examine(company)
    assert result is not None
    assert result.finding is UnmetIdsCheck.none


@pytest.mark.django_db
def test_check_when_ids_met_of_late_says_so(company: Company) -> None:
    report(company, "#1001", "#1002", received_at=NOON - timedelta(hours=73))
    confirm(company, "1001", "1002")
    assert examine(company) is None


@pytest.mark.django_db
@pytest.mark.now("2026-05-04T13:00Z")
@pytest.mark.parametrize("is_waiting", [True, False])  # else the server named the visitor: the order counts twice
def test_check_when_ids_never_meet_names_two_to_who_may_see_orders(
    company: Company, client: Client, log_in: Callable[..., Any], is_waiting: bool
) -> None:
    report(company, "#1001", "#1002", "#1003")
    server = ["1001", "1002", "1003"]
    confirm(company, *server) if is_waiting else report(company, *server, trust=Trust.VERIFIED)
    result = examine(company)
    assert result is not None
    assert (result.finding, result.count) == (UnmetIdsCheck.found_pairs, 3)
    assert result.order_ids == (("#1003", "1003"), ("#1002", "1002"))
    log_in("view_eventdiagnostics")
    page = client.get(URL).content.decode()
    assert "ORDER_ID" in page
    assert "#1003" not in page
    log_in("view_eventdiagnostics", "view_order")
    assert "#1003" in client.get(URL).content.decode()
