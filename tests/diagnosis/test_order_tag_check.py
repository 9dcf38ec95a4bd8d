"""The check of the tag on the thank-you page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alhena_tracking.diagnosis.check import CheckResult
from alhena_tracking.diagnosis.checklist import Diagnosis, diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.order_tag_check import OrderTagCheck
from alhena_tracking.diagnosis.setup_steps import OrdersCheck
from alhena_tracking.models import Company, EventCount
from tests.support import factories

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def count(company: Company, method: str, outcome: str, reason: str = "", *, hours_ago: float = 1) -> None:
    at = NOON - timedelta(hours=hours_ago)
    EventCount.objects.create(
        company=company, counted_on=at.date(), method=method, outcome=outcome, reason=reason, count=1, last_at=at
    )


def examine(company: Company) -> Diagnosis:
    return diagnose(read_facts(company, now=NOON))


def result(diagnosis: Diagnosis, check: type) -> CheckResult | None:
    found = [each for each in (*diagnosis.setup, *diagnosis.problems) if each.check is check]
    return found[0] if found else None


def in_use(company: Company) -> None:
    """The snippet is rendered, and the assistant is used."""
    count(company, "snippet", "rendered")
    session = factories.VisitorSessionFactory.create(company=company, started_at=NOON - timedelta(hours=2))
    factories.InteractionFactory.create(session=session, company=company, received_at=NOON - timedelta(hours=2))


WRONG = [
    ("incomplete", "value", OrderTagCheck.no_value, "total_incl_tax, grand_total"),
    ("incomplete", "currency", OrderTagCheck.no_currency, "currency, currency_code"),
    ("failed", "", OrderTagCheck.failed, "fails"),
]


@pytest.mark.parametrize(("outcome", "reason", "finding", "words"), WRONG)
def test_tag_when_it_lacks_something_is_the_cause_and_names_it(
    company: Company, outcome: str, reason: str, finding: object, words: str
) -> None:
    in_use(company)
    count(company, EventCount.ORDER_TAG, "rendered", hours_ago=3)
    count(company, EventCount.ORDER_TAG, outcome, reason)
    diagnosis = examine(company)
    assert diagnosis.cause is not None
    assert diagnosis.cause.finding is finding
    assert diagnosis.cause.at == NOON - timedelta(hours=1)
    assert words in str(diagnosis.cause.finding.seen[0])
    orders = result(diagnosis, OrdersCheck)
    assert orders is not None
    assert orders.finding is OrdersCheck.tag_lacks_fields


@pytest.mark.parametrize(("outcome", "reason", "finding", "words"), WRONG)
def test_tag_when_it_was_mended_or_is_old_is_not_judged(
    company: Company, outcome: str, reason: str, finding: object, words: str
) -> None:
    in_use(company)
    count(company, EventCount.ORDER_TAG, outcome, reason, hours_ago=24 * 8)
    assert result(examine(company), OrderTagCheck) is None
    count(company, EventCount.ORDER_TAG, outcome, reason, hours_ago=2)
    count(company, EventCount.ORDER_TAG, "rendered")
    assert result(examine(company), OrderTagCheck) is None


def test_tag_when_orders_arrive_otherwise_is_a_problem_but_not_blocking(company: Company) -> None:
    in_use(company)
    count(company, "sendCheckoutEvent", "recorded")
    count(company, EventCount.ORDER_TAG, "incomplete", "value")
    found = result(examine(company), OrderTagCheck)
    assert found is not None
    assert not found.is_blocking


def test_tag_when_it_is_counted_is_no_event(company: Company) -> None:
    count(company, EventCount.ORDER_TAG, "incomplete", "value")
    assert read_facts(company, now=NOON).outcomes == ()
