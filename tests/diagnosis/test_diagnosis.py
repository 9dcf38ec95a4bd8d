"""Why events do not appear: every check in every state, the cause that is named first, and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from alhena_tracking import models
from alhena_tracking.admin.diagnosis import check_text, outcome_table
from alhena_tracking.api.errors import WORDS
from alhena_tracking.contract import rules
from alhena_tracking.diagnosis import event_counts, event_facts, outcomes
from alhena_tracking.diagnosis.browser_checks import RefusalsCheck, TotalsCheck
from alhena_tracking.diagnosis.check import Check, CheckResult, CountCheck, State
from alhena_tracking.diagnosis.checklist import POSSIBLE_PROBLEMS, SETUP_STEPS, Diagnosis, diagnose
from alhena_tracking.diagnosis.event_facts import read_facts
from alhena_tracking.diagnosis.maintenance_check import MaintenanceCheck
from alhena_tracking.diagnosis.order_checks import (
    AttributionCheck,
    ConfirmationCheck,
    LineValuesCheck,
    OrderIdsCheck,
    UnmetIdsCheck,
)
from alhena_tracking.diagnosis.order_tag_check import OrderTagCheck
from alhena_tracking.diagnosis.outcomes import CART_EVENT, INTERACTION, ORDER
from alhena_tracking.diagnosis.rejection_checks import (
    ClocksCheck,
    CompanyKeyCheck,
    OriginsCheck,
    PrivacyCheck,
    ProxiesCheck,
    RateLimitsCheck,
    SecretKeyCheck,
    ValidityCheck,
)
from alhena_tracking.diagnosis.setup_steps import CartEventsCheck, InteractionsCheck, OrdersCheck, SnippetCheck
from alhena_tracking.diagnosis.webhooks_check import WebhooksCheck
from alhena_tracking.diagnosis.zone_check import ZoneCheck
from alhena_tracking.models import Company, EventCount, MaintenanceStep
from tests.support import factories
from tests.support.admin_pages import Page
from tests.support.findings import URL, findings, texts_of_findings

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = NOON.date()
DONE, PROBLEM, UNKNOWN = State.DONE, State.PROBLEM, State.UNKNOWN


def count(company: Company, method: str, outcome: str, reason: str = "", *, number: int = 1, days_ago: int = 0) -> None:
    EventCount.objects.create(
        company=company,
        counted_on=TODAY - timedelta(days=days_ago),
        method=method,
        outcome=outcome,
        reason=reason,
        count=number,
        last_at=NOON - timedelta(days=days_ago),
    )


def reject(
    company: Company, method: str, outcome: str, code: str, *, field: str = "", origin: str = "", number: int = 1
) -> None:
    """As a view would: counted under its code, and kept."""
    count(company, method, outcome, code, number=number)
    models.RejectedEvent.objects.create(
        company=company,
        method=method,
        outcome=outcome,
        errors=[{"field": field, "code": code}],
        origin=origin,
        received_at=NOON,
    )


def use_assistant(company: Company, *, ago: timedelta = timedelta(hours=1), **values: Any) -> Any:
    """Interactions were recorded; returns the session."""
    session = factories.VisitorSessionFactory.create(company=company, started_at=NOON - ago)
    factories.InteractionFactory.create(session=session, **values)
    count(company, INTERACTION, "recorded", days_ago=ago.days)
    return session


def fill(company: Company) -> Any:
    """All that a shop should report has come, and maintenance runs; returns the session."""
    MaintenanceStep.objects.create(name="roll-up", started_at=NOON, finished_at=NOON)
    session = use_assistant(company)
    factories.CartEventFactory.create(session=session)
    factories.OrderLineFactory.create(
        order=factories.OrderFactory.create(session=session, value_minor=2000), quantity=2, total_minor=2000
    )
    count(company, CART_EVENT, "recorded", number=50)
    count(company, ORDER, "recorded", number=50)
    return session


def render_snippet(company: Company, at: datetime, *, on: date | None = None) -> None:
    """Count a rendering as a process does; ``on`` is the day in the company's zone, where that differs from UTC's."""
    EventCount.objects.create(
        company=company, counted_on=on or at.date(), method="snippet", outcome="rendered", count=1, last_at=at
    )


def examine(company: Company, now: datetime = NOON, *, seen_at: datetime | None = NOON) -> Diagnosis:
    """Diagnose a shop whose snippet was last rendered at ``seen_at``; ``None``: never."""
    EventCount.objects.filter(company=company, method="snippet").delete()
    if seen_at:
        render_snippet(company, seen_at)
    return diagnose_now(company, now)


def diagnose_now(company: Company, now: datetime = NOON) -> Diagnosis:
    return diagnose(read_facts(company, now=now))


def results(diagnosis: Diagnosis) -> dict[type[Check], CheckResult]:
    return {result.check: result for result in (*diagnosis.setup, *diagnosis.problems)}


def said(diagnosis: Diagnosis, check: type[Check]) -> tuple[State, str]:
    result = results(diagnosis)[check]
    (name,) = (name for name, finding in findings(check).items() if finding is result.finding)
    return result.state, name


def cause_of(diagnosis: Diagnosis) -> type[Check] | None:
    return None if diagnosis.cause is None else diagnosis.cause.check


def test_checks_when_events_are_not_counted_yet_do_not_say_none_came(company: Company) -> None:
    """Counts are written some seconds after the events, which the steps of the setup see at once."""
    session = factories.VisitorSessionFactory.create(company=company, started_at=NOON - timedelta(seconds=5))
    factories.InteractionFactory.create(session=session)
    diagnosis = examine(company)
    assert said(diagnosis, InteractionsCheck)[0] is DONE
    counted = [check for check in POSSIBLE_PROBLEMS if issubclass(check, CountCheck) and check not in RARE]
    assert len(counted) >= 8
    assert {said(diagnosis, check) for check in counted} == {(UNKNOWN, "not_counted")}
    texts = [str(sentence) for result in diagnosis.problems for sentence in result.finding.seen]
    assert "No events in the last 7 days." not in texts


# The setup


@pytest.mark.parametrize(
    ("seen_at", "expected"),
    [
        (NOON - timedelta(hours=23), (DONE, "rendered")),
        (NOON - timedelta(hours=24), (PROBLEM, "ceased")),
        (None, (PROBLEM, "never")),
    ],
)
def test_snippet_when_nothing_arrives_is_judged_by_when_it_was_seen(
    company: Company, seen_at: datetime | None, expected: tuple[State, str]
) -> None:
    diagnosis = examine(company, seen_at=seen_at)
    assert said(diagnosis, SnippetCheck) == expected
    assert results(diagnosis)[SnippetCheck].at == seen_at
    assert (cause_of(diagnosis) is SnippetCheck) is (expected[0] is not DONE)


@pytest.mark.parametrize(
    ("ago", "seen_at", "expected"),
    [
        (timedelta(seconds=59), None, (DONE, "arrived")),
        (timedelta(minutes=1), None, (DONE, "replaced")),
        (timedelta(hours=1), None, (DONE, "replaced")),
        (timedelta(days=6), None, (DONE, "replaced")),
        (timedelta(days=8), None, (PROBLEM, "never")),
        (timedelta(hours=1), NOON - timedelta(days=2), (DONE, "replaced")),
        (timedelta(days=2), NOON - timedelta(days=2), (PROBLEM, "ceased")),
    ],
)
def test_snippet_when_interactions_arrive_is_taken_to_be_there(
    company: Company, ago: timedelta, seen_at: datetime | None, expected: tuple[State, str]
) -> None:
    use_assistant(company, ago=ago)
    assert said(examine(company, seen_at=seen_at), SnippetCheck) == expected


def test_setup_when_a_shop_begins_names_the_next_step(company: Company) -> None:
    def states(diagnosis: Diagnosis) -> list[State]:
        return [result.state for result in diagnosis.setup]

    diagnosis = examine(company, seen_at=None)
    assert states(diagnosis) == [PROBLEM, UNKNOWN, UNKNOWN, UNKNOWN]
    assert cause_of(diagnosis) is SnippetCheck

    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, PROBLEM, UNKNOWN, UNKNOWN]
    assert cause_of(diagnosis) is InteractionsCheck

    session = use_assistant(company)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, DONE, PROBLEM, PROBLEM]
    assert cause_of(diagnosis) is CartEventsCheck

    factories.CartEventFactory.create(session=session)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, DONE, DONE, PROBLEM]
    assert cause_of(diagnosis) is OrdersCheck

    factories.OrderFactory.create(session=session)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE] * 4
    assert diagnosis.cause is None


def test_arrival_when_seen_says_how_many_and_when(company: Company) -> None:
    fill(company)
    diagnosis = examine(company)
    result = results(diagnosis)[CartEventsCheck]
    assert said(diagnosis, CartEventsCheck) == (DONE, "arriving")
    assert (result.count, result.at) == (50, NOON - timedelta(hours=1))


@pytest.mark.parametrize(("days", "state"), [(6, DONE), (7, PROBLEM), (40, PROBLEM)])
def test_interactions_when_they_have_ceased_are_a_problem(company: Company, days: int, state: State) -> None:
    use_assistant(company, ago=timedelta(days=days))
    diagnosis = examine(company)
    assert results(diagnosis)[InteractionsCheck].state is state
    assert (cause_of(diagnosis) is InteractionsCheck) is (state is PROBLEM)
    assert said(diagnosis, InteractionsCheck)[1] == ("arriving" if state is DONE else "ceased")


def test_orders_when_there_was_none_for_a_week_are_in_doubt(company: Company) -> None:
    use_assistant(company)
    old = factories.VisitorSessionFactory.create(company=company, started_at=NOON - timedelta(days=9))
    factories.CartEventFactory.create(session=old)
    factories.OrderFactory.create(session=old)
    diagnosis = examine(company)
    assert said(diagnosis, CartEventsCheck) == (UNKNOWN, "ceased")
    assert said(diagnosis, OrdersCheck) == (UNKNOWN, "ceased")
    assert cause_of(diagnosis) is CartEventsCheck


def test_orders_when_only_the_server_reports_them_wait(company: Company) -> None:
    use_assistant(company)
    factories.CartEventFactory.create(company=company, session__company=company, session__started_at=NOON)
    count(company, ORDER, "pending", number=3)
    diagnosis = examine(company)
    assert said(diagnosis, OrdersCheck) == (UNKNOWN, "waiting")
    assert results(diagnosis)[OrdersCheck].count == 3
    assert cause_of(diagnosis) is OrdersCheck


def test_arrival_when_all_is_rejected_says_how_many_came(company: Company) -> None:
    reject(company, INTERACTION, "invalid", "required", number=7)
    diagnosis = examine(company)
    assert said(diagnosis, InteractionsCheck) == (PROBLEM, "none_recorded")
    assert results(diagnosis)[InteractionsCheck].count == 7
    assert said(examine(company, seen_at=None), InteractionsCheck) == (UNKNOWN, "none_recorded_yet")


# What may stop events

REJECTED = [
    (CompanyKeyCheck, "forbidden", "unknown_company", "many"),
    (OriginsCheck, "forbidden", "origin_not_allowed", "many"),
    (RateLimitsCheck, "rate_limited", "rate_limited", "many"),
    (ValidityCheck, "invalid", "required", "many"),
    (ValidityCheck, "too_large", "too_large", "many"),
    (SecretKeyCheck, "unauthorized", "invalid_key", "wrong"),
    (SecretKeyCheck, "unauthorized", "key_required", "missing"),
    (ClocksCheck, "invalid", "too_old", "too_old"),
]


@pytest.mark.parametrize(("check", "outcome", "code", "finding"), REJECTED)
def test_rejections_when_they_stop_everything_are_the_cause(
    company: Company, check: type[Check], outcome: str, code: str, finding: str
) -> None:
    reject(company, "", outcome, code, origin="https://shop.example", number=3)
    diagnosis = examine(company, seen_at=None)
    result = results(diagnosis)[check]
    assert said(diagnosis, check) == (PROBLEM, finding)
    assert (result.count, result.total, result.is_blocking) == (3, 3, True)
    assert diagnosis.cause == result


@pytest.mark.parametrize(("check", "outcome", "code", "finding"), REJECTED)
def test_rejections_when_one_in_a_hundred_are_a_problem(
    company: Company, check: type[Check], outcome: str, code: str, finding: str
) -> None:
    fill(company)  # 101 events
    reject(company, CART_EVENT, outcome, code, origin="https://shop.example", number=2)
    diagnosis = examine(company)
    assert said(diagnosis, check) == (PROBLEM, finding)
    assert cause_of(diagnosis) is check
    assert not results(diagnosis)[check].is_blocking
    count(company, ORDER, "duplicate", number=100)
    diagnosis = examine(company)
    assert said(diagnosis, check) == (DONE, "few")
    assert check_text(results(diagnosis)[check], diagnosis.facts).seen.endswith("No action needed.")
    assert diagnosis.cause is None


@pytest.mark.parametrize(("check", "outcome", "code", "finding"), REJECTED)
def test_rejections_when_a_week_ago_are_no_problem(
    company: Company, check: type[Check], outcome: str, code: str, finding: str
) -> None:
    fill(company)
    count(company, CART_EVENT, outcome, code, number=90, days_ago=7)
    diagnosis = examine(company)
    assert all(result.state is DONE for result in results(diagnosis).values())
    assert diagnosis.cause is None


REFUSED = [
    ("value", "required", "missing"),
    ("productId", "blank", "missing"),
    ("lineItems[1].value", "wrong_type", "wrong_type"),
    ("items[0].price", "ambiguous_number", "wrong_type"),
    ("quantity", "not_positive", "out_of_range"),
    ("productName", "too_long", "out_of_range"),
    ("currency", "unknown_currency", "currency"),
    ("type", "invalid_choice", "choice"),
    ("productId", "invalid_characters", "other"),
]


@pytest.mark.parametrize(("field", "code", "finding"), REFUSED)
def test_refusals_when_all_orders_are_lost_to_one_error_are_the_cause(
    company: Company, field: str, code: str, finding: str
) -> None:
    session = use_assistant(company)
    factories.CartEventFactory.create(session=session)
    count(company, CART_EVENT, "recorded", number=5000)
    reject(company, ORDER, "refused_in_browser", code, field=field, number=3)
    diagnosis = examine(company)
    result = results(diagnosis)[RefusalsCheck]
    assert said(diagnosis, RefusalsCheck) == (PROBLEM, finding)
    assert (result.count, result.total, result.is_blocking) == (3, 3, True)
    assert result.names == (f"sendCheckoutEvent: {field} {code}",)
    assert diagnosis.cause == result


def test_refusals_when_one_in_a_hundred_of_a_method_are_a_problem(company: Company) -> None:
    fill(company)
    count(company, CART_EVENT, "duplicate", number=49)
    reject(company, CART_EVENT, "refused_in_browser", "required", field="value")
    assert said(examine(company), RefusalsCheck) == (PROBLEM, "missing")
    assert not results(examine(company))[RefusalsCheck].is_blocking
    count(company, CART_EVENT, "confirmed", number=1)
    assert said(examine(company), RefusalsCheck) == (DONE, "few")


def test_totals_when_unclear_ask_to_choose_until_chosen(company: Company, settings: Any) -> None:
    fill(company)
    settings.ALHENA_TRACKING = settings.ALHENA_TRACKING | {"DATALAYER_VALUE": "auto"}
    reject(company, ORDER, "left_out", "unclear_total", field="value", number=4)
    diagnosis = examine(company)
    assert said(diagnosis, TotalsCheck) == (PROBLEM, "unclear")
    assert results(diagnosis)[TotalsCheck].count == 4
    settings.ALHENA_TRACKING = settings.ALHENA_TRACKING | {"DATALAYER_VALUE": "as-is"}
    assert TotalsCheck not in results(examine(company))


#: Checks of what most shops never meet.
RARE = {SecretKeyCheck, ConfirmationCheck, OrderTagCheck, TotalsCheck, UnmetIdsCheck, WebhooksCheck, ZoneCheck}
#: What does not depend on events.
APART = {MaintenanceCheck}


@pytest.mark.parametrize("check", [check for check in POSSIBLE_PROBLEMS if check not in RARE | APART])
def test_check_when_nothing_came_is_unknown_and_then_done(company: Company, check: type[Check]) -> None:
    assert said(examine(company), check) == (UNKNOWN, "nothing")
    fill(company)
    assert results(examine(company))[check].state is DONE


def test_company_key_when_of_another_company_is_not_judged(company: Company, settings: Any) -> None:
    other = factories.CompanyFactory.create()
    assert CompanyKeyCheck not in results(examine(other))
    settings.ALHENA_TRACKING = {}
    assert said(examine(other), CompanyKeyCheck) == (UNKNOWN, "not_counted")


def test_origins_when_rejected_are_named_until_they_are_listed(company: Company) -> None:
    origins = ((CART_EVENT, "https://Shop.example"), (INTERACTION, "https://shop.example:8443"), ("", "null"))
    for method, origin in origins:
        reject(company, method, "forbidden", "origin_not_allowed", origin=origin)
    assert results(examine(company))[OriginsCheck].names == (
        "null",
        "https://shop.example:8443",
        "https://Shop.example",
    )
    company.allowed_origins = "https://shop.example\nhttps://shop.example:8443"
    assert results(examine(company))[OriginsCheck].names == ("null",)
    company.allowed_origins += "\nnull"
    assert said(examine(company), OriginsCheck) == (DONE, "listed")


@pytest.mark.parametrize(
    ("number", "days_ago", "expected"),
    [
        (2, 0, (PROBLEM, "uncounted")),  # of 101 events
        (1, 0, (DONE, "few")),
        (100, 6, (PROBLEM, "uncounted")),
        (100, 7, (DONE, "none")),
    ],
)
def test_proxies_when_not_counted_are_a_problem(
    company: Company, number: int, days_ago: int, expected: tuple[State, str]
) -> None:
    fill(company)
    count(company, EventCount.PROXY, "forwarded", number=number, days_ago=days_ago)
    diagnosis = examine(company)
    assert said(diagnosis, ProxiesCheck) == expected
    if expected[0] is PROBLEM:
        assert cause_of(diagnosis) is ProxiesCheck
        assert results(diagnosis)[ProxiesCheck].at == NOON - timedelta(days=days_ago)


def test_proxies_when_counted_in_the_settings_are_no_problem(company: Company, settings: Any) -> None:
    fill(company)
    count(company, EventCount.PROXY, "forwarded", number=100)
    settings.ALHENA_TRACKING = {**settings.ALHENA_TRACKING, "TRUSTED_PROXIES": 1}
    assert said(examine(company), ProxiesCheck) == (DONE, "counted")


def test_validity_when_events_are_wrong_names_what_is_most_often_wrong(company: Company) -> None:
    for number, (field, code) in enumerate([("value", "negative"), ("value", "wrong_type"), ("value", "wrong_type")]):
        reject(company, f"{CART_EVENT}{number}", "invalid", code, field=field)
    assert results(examine(company))[ValidityCheck].names == ("value wrong_type", "value negative")


@pytest.mark.parametrize(("reason", "finding"), [("privacy_signal", "privacy_signals"), ("bot", "robots")])
def test_privacy_when_nobody_else_came_is_the_cause(company: Company, reason: str, finding: str) -> None:
    count(company, INTERACTION, "ignored", reason, number=5)
    diagnosis = examine(company)
    assert said(diagnosis, PrivacyCheck) == (PROBLEM, finding)
    assert cause_of(diagnosis) is PrivacyCheck
    count(company, INTERACTION, "recorded")
    assert said(examine(company), PrivacyCheck) == (DONE, "few")


def test_attribution_when_all_is_ignored_depends_on_use(company: Company) -> None:
    count(company, ORDER, "ignored", "no_interaction", number=9)
    diagnosis = examine(company)
    assert said(diagnosis, AttributionCheck) == (UNKNOWN, "not_used")
    assert cause_of(diagnosis) is InteractionsCheck
    use_assistant(company)
    diagnosis = examine(company)
    assert said(diagnosis, AttributionCheck) == (PROBLEM, "all_ignored")
    assert cause_of(diagnosis) is AttributionCheck
    count(company, ORDER, "recorded")
    diagnosis = examine(company)
    assert said(diagnosis, AttributionCheck) == (DONE, "some")
    assert (results(diagnosis)[AttributionCheck].count, results(diagnosis)[AttributionCheck].total) == (9, 10)


def test_attribution_when_orders_wait_does_not_call_them_credited(company: Company) -> None:
    use_assistant(company)
    count(company, ORDER, "pending", number=500)
    count(company, ORDER, "duplicate", number=3)
    assert said(examine(company), AttributionCheck) == (UNKNOWN, "all_waiting")
    count(company, ORDER, "confirmed", number=2)
    diagnosis = examine(company)
    assert said(diagnosis, AttributionCheck) == (DONE, "rest_waiting")
    assert (results(diagnosis)[AttributionCheck].count, results(diagnosis)[AttributionCheck].total) == (500, 502)
    count(company, CART_EVENT, "ignored", "no_interaction", number=4)
    diagnosis = examine(company)
    assert said(diagnosis, AttributionCheck) == (DONE, "some")
    assert (results(diagnosis)[AttributionCheck].count, results(diagnosis)[AttributionCheck].total) == (4, 6)


def test_validity_when_an_event_failed_after_the_commit_is_not_in_doubt(company: Company) -> None:
    count(company, ORDER, "error", "failed_after_commit")
    assert said(examine(company), ValidityCheck) == (DONE, "none")


def test_attribution_when_interactions_were_long_ago_is_unknown(company: Company) -> None:
    use_assistant(company, ago=timedelta(days=9))
    count(company, ORDER, "ignored", "no_interaction", number=9)
    assert said(examine(company), AttributionCheck) == (UNKNOWN, "not_used")


def test_attribution_when_no_interaction_qualifies_is_a_problem(company: Company) -> None:
    use_assistant(company, is_qualifying=False)
    count(company, CART_EVENT, "ignored", "no_interaction")
    assert said(examine(company), AttributionCheck) == (PROBLEM, "none_qualifies")


def test_confirmation_when_only_confirmed_orders_count_is_checked(company: Company, settings: Any) -> None:
    assert ConfirmationCheck not in results(examine(company))
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}
    assert said(examine(company), ConfirmationCheck) == (UNKNOWN, "nothing")
    session = fill(company)
    diagnosis = examine(company)
    assert said(diagnosis, ConfirmationCheck) == (PROBLEM, "none")
    assert cause_of(diagnosis) is ConfirmationCheck
    factories.OrderFactory.create(session=session, trust="CONFIRMED")
    assert said(examine(company), ConfirmationCheck) == (DONE, "some")


@pytest.mark.parametrize(
    ("minutes", "trust", "expected"),
    [
        (120, "CONFIRMED", (PROBLEM, "server_late")),
        (9, "CONFIRMED", (DONE, "none")),
        (120, "REPORTED", (DONE, "none")),  # kept by the tracker while the network was away
    ],
)
def test_clocks_when_the_server_dates_its_events_back_are_wrong(
    company: Company, minutes: int, trust: str, expected: tuple[State, str]
) -> None:
    session = fill(company)
    for _ in range(5):
        factories.OrderFactory.create(
            session=session, trust=trust, received_at=session.started_at + timedelta(minutes=minutes)
        )
    assert said(examine(company), ClocksCheck) == expected


def test_order_ids_when_missing_are_a_problem_until_latest_have_one(company: Company) -> None:
    session = fill(company)
    factories.OrderFactory.create(session=session, order_id="")
    diagnosis = examine(company)
    result = results(diagnosis)[OrderIdsCheck]
    assert said(diagnosis, OrderIdsCheck) == (PROBLEM, "missing")
    assert (result.count, result.total) == (1, 2)
    assert diagnosis.cause == result
    factories.OrderFactory.create_batch(10, session=session)
    assert said(examine(company), OrderIdsCheck) == (DONE, "over")


def sell(session: Any, value: int, *lines: tuple[str, int]) -> None:
    order = factories.OrderFactory.create(session=session, value_minor=value)
    for quantity, total in lines:
        factories.OrderLineFactory.create(order=order, quantity=Decimal(quantity), total_minor=total)


@pytest.mark.parametrize(
    ("basis", "value", "lines", "expected"),
    [
        ("total", 17800, [("2", 17800)], (DONE, "fitting")),
        ("total", 18390, [("2", 17800)], (DONE, "fitting")),  # shipping
        ("total", 8900, [("2", 17800)], (DONE, "fitting")),  # half the price off
        ("total", 17800, [("2", 8900)], (PROBLEM, "unit")),
        ("total", 18390, [("2", 8900)], (PROBLEM, "unit")),
        ("total", 19000, [("3", 5000), ("1", 4000)], (PROBLEM, "unit")),
        ("total", 750, [("0.3", 750)], (DONE, "fitting")),
        ("total", 9000, [("1", 9000)], (UNKNOWN, "single")),
        ("total", 9000, [("1", 2000)], (PROBLEM, "short")),
        ("total", 9000, [], (UNKNOWN, "no_lines")),
        ("unit", 17800, [("2", 17800)], (DONE, "fitting")),
        ("unit", 17800, [("2", 35600)], (PROBLEM, "total")),  # as stored, multiplied once too often
    ],
)
def test_line_values_when_compared_with_the_order_are_judged(
    company: Company, settings: Any, basis: str, value: int, lines: list[tuple[str, int]], expected: tuple[State, str]
) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "LINE_ITEM_VALUE": basis}
    sell(use_assistant(company), value, *lines)
    assert said(examine(company), LineValuesCheck) == expected


def test_line_values_when_most_orders_fit_are_well(company: Company) -> None:
    session = use_assistant(company)
    sell(session, 2000, ("2", 1000))
    sell(session, 2000, ("2", 2000))
    sell(session, 2000, ("2", 2000))
    assert said(examine(company), LineValuesCheck) == (DONE, "fitting")


def test_line_values_when_corrected_are_well_after_twenty_orders(company: Company) -> None:
    session = use_assistant(company)
    for total in [1000] * 20 + [2000] * 20:
        sell(session, 2000, ("2", total))
    assert said(examine(company), LineValuesCheck) == (DONE, "fitting")


def test_cause_when_several_things_are_wrong_is_what_stops_most(company: Company) -> None:
    session = use_assistant(company)
    factories.OrderFactory.create(session=session, order_id="")
    assert cause_of(examine(company)) is CartEventsCheck  # a gap comes before orders without ids
    reject(company, CART_EVENT, "invalid", "required")
    assert cause_of(examine(company)) is ValidityCheck  # which explains the gap
    reject(company, CART_EVENT, "forbidden", "origin_not_allowed", origin="https://shop.example")
    assert cause_of(examine(company)) is OriginsCheck


# What is read


def test_facts_when_read_are_one_company_s_of_its_own_days(company: Company) -> None:
    kathmandu = factories.CompanyFactory.create(time_zone="Asia/Kathmandu")
    other = factories.CompanyFactory.create()
    fill(other)
    count(kathmandu, CART_EVENT, "recorded", number=1, days_ago=-1)  # the fifth of May has begun there at 18:15 UTC
    count(kathmandu, CART_EVENT, "ignored", "bot", number=2, days_ago=0)
    count(kathmandu, CART_EVENT, "duplicate", number=4, days_ago=28)
    count(kathmandu, CART_EVENT, "confirmed", number=8, days_ago=29)
    facts = examine(kathmandu, now=NOON.replace(hour=19)).facts
    assert facts.today == date(2026, 5, 5)
    assert {(each.outcome, each.today, each.recent, each.summed) for each in facts.outcomes} == {
        ("recorded", 1, 1, 1),
        ("ignored", 0, 2, 2),
        ("duplicate", 0, 0, 4),
    }
    assert {method: len(sample) for method, sample in facts.samples.items()} == dict.fromkeys(facts.samples, 0)
    assert facts.orders == ()


def test_facts_when_a_proxy_forwards_count_no_event(company: Company) -> None:
    fill(company)
    before = examine(company)
    count(company, EventCount.PROXY, "forwarded", number=9)
    after = examine(company)
    assert after.facts.outcomes == before.facts.outcomes
    assert outcome_table(after.facts, after.facts.outcomes) == outcome_table(before.facts, before.facts.outcomes)
    assert {check for check, result in results(after).items() if result != results(before)[check]} == {ProxiesCheck}


def test_facts_when_the_snippet_is_rendered_count_no_event(company: Company) -> None:
    fill(company)
    before = examine(company, seen_at=None)
    after = examine(company, seen_at=NOON)
    assert after.facts.snippet_seen_at == NOON
    assert after.facts.outcomes == before.facts.outcomes
    assert outcome_table(after.facts, after.facts.outcomes) == outcome_table(before.facts, before.facts.outcomes)
    others = [
        {check: one for check, one in results(each).items() if check is not SnippetCheck} for each in (before, after)
    ]
    assert others[0] == others[1]


def test_snippet_when_rendered_on_several_days_was_seen_on_the_last(company: Company) -> None:
    company.time_zone = "Pacific/Kiritimati"  # where it is the fifth of May at noon UTC
    company.save()
    render_snippet(company, NOON - timedelta(hours=2), on=TODAY + timedelta(days=1))
    for days in (1, 2, 3):
        render_snippet(company, NOON - timedelta(days=days))
    render_snippet(factories.CompanyFactory.create(), NOON)
    assert diagnose_now(company).facts.snippet_seen_at == NOON - timedelta(hours=2)


def test_facts_when_a_quiet_company_is_beside_a_busy_one_are_found(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(company)
    busy = use_assistant(factories.CompanyFactory.create())
    for factory in (factories.InteractionFactory, factories.CartEventFactory, factories.OrderFactory):
        factory.create_batch(5, session=busy)
    monkeypatch.setattr(event_facts, "SCANNED", 3)
    facts = examine(company).facts
    assert [len(facts.samples[method]) for method in (INTERACTION, CART_EVENT, ORDER)] == [3, 1, 1]
    assert len(facts.orders) == 1


def test_interactions_when_ceased_long_ago_are_known_to_have_ceased(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_assistant(company, ago=timedelta(days=40))
    factories.InteractionFactory.create_batch(5, session=use_assistant(factories.CompanyFactory.create()))
    monkeypatch.setattr(event_facts, "SCANNED", 3)
    diagnosis = examine(company)
    assert said(diagnosis, InteractionsCheck) == (PROBLEM, "ceased")
    assert results(diagnosis)[InteractionsCheck].at == NOON - timedelta(days=40)


def test_facts_when_there_are_many_rows_are_bounded(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_facts, "SAMPLED", 3)
    session = fill(company)
    newest = factories.OrderFactory.create_batch(5, session=session)[-3:]
    facts = examine(company).facts
    assert len(facts.samples[ORDER]) == len(facts.orders) == len(newest)


def test_facts_when_there_is_more_take_no_more_queries(company: Company) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            diagnose_now(company)
        return len(captured)

    session = fill(company)
    few = queries()
    assert few == 10  # one of them for the rejected events, one as there are no refunds
    for number in range(20):
        sell(session, 2000, ("2", 2000))
        factories.CartEventFactory.create(session=session)
        reject(company, f"m{number}", "invalid", "required", origin=f"https://{number}.example")
    assert queries() == few


# Words


def test_words_when_a_code_can_be_counted_are_there() -> None:
    codes = {
        *rules.MESSAGES,
        *("no_interaction", "privacy_signal", "bot", "unknown_order", outcomes.FAILED_AFTER_COMMIT),
        *("unknown_company", "origin_not_allowed", "invalid_key", "key_required", "rate_limited"),
        *("parse_error", "unsupported_media_type", "method_not_allowed", "too_large"),
    }
    assert codes <= set(outcomes.REASONS)
    counted = set(WORDS.values()) - {"not_found", "unavailable"}  # staff's, and what is not counted
    assert counted <= set(outcomes.OUTCOMES)
    assert outcomes.outcome_text("forbidden", "origin_not_allowed") == (
        "Rejected: the company does not allow this origin"
    )
    assert outcomes.outcome_text("odd", "odder") == "odd"


@pytest.mark.any_database
@pytest.mark.parametrize("count", [1, 2000])
def test_texts_when_anything_is_found_are_whole_sentences(company: Company, count: int) -> None:
    for finding, texts in texts_of_findings(company, count):
        assert not any("%(" in text for text in texts.values()), texts
        assert texts["seen"].startswith(texts["headline"]), texts
        assert all(texts[name][-1:] in ("", ".", ":") for name in ("headline", "seen", "recommendation")), texts
        assert all(texts[name] for name in ("title", "state_label", "headline")), texts
        assert bool(finding.recommendation) or finding.state is not PROBLEM, texts


def test_checks_when_listed_are_all_there_are_and_have_keys_of_their_own() -> None:
    def subclasses(check: type[Check]) -> set[type[Check]]:
        return {check}.union(*map(subclasses, check.__subclasses__()))

    listed = (*SETUP_STEPS, *POSSIBLE_PROBLEMS)
    assert {check for check in subclasses(Check) if hasattr(check, "key")} == set(listed)
    assert len({check.key for check in listed}) == len(listed)


# The page


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)


@pytest.mark.parametrize(
    "rights", [[], ["view_revenueimpact", "view_order"], ["view_eventcount", "view_rejectedevent"]]
)
def test_page_when_the_permission_is_missing_is_forbidden(
    client: Client, log_in: Callable[..., Any], company: Company, rights: list[str]
) -> None:
    log_in(*rights)
    assert client.get(URL).status_code == 403
    assert URL not in client.get("/admin/").content.decode()
    assert URL not in client.get("/admin/alhena_tracking/revenueimpact/").content.decode()


def test_page_when_the_permission_is_there_opens_alone(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("view_eventdiagnostics")
    response = client.get(URL)
    assert response.status_code == 200
    assert client.head(URL).status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert URL in client.get("/admin/").content.decode()
    assert client.post(URL, {"action": "delete_selected"}).status_code == 405
    for path in ("1/", "1/change/", "1/delete/", "1/history/", "add/"):
        assert client.get(URL + path, follow=True).status_code == 404
    for page in ("add", "change", "delete", "history"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:alhena_tracking_eventdiagnostics_{page}")


def test_page_when_nobody_is_logged_in_asks_to_log_in(client: Client) -> None:
    assert client.get(URL)["Location"].startswith("/admin/login/")


def test_page_when_a_company_is_of_another_group_hides_it(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    group = factories.GroupFactory.create()
    secret = factories.CompanyFactory.create(name="Secret shop", key="secret")
    factories.restrict(secret, group)
    log_in("view_eventdiagnostics")
    response = client.get(URL, {"company": "secret"})
    assert response.context["company"] == company
    assert response.context["unknown_company"] == "secret"
    assert "Secret shop" not in response.content.decode()
    log_in("view_eventdiagnostics", groups=(group,))
    response = client.get(URL, {"company": "secret"})
    assert response.context["company"] == secret
    assert [choice.query_string for choice in response.context["companies"]] == ["?company=acme", "?company=secret"]
    factories.restrict(company, factories.GroupFactory.create())
    log_in("view_eventdiagnostics")
    response = client.get(URL)
    assert response.status_code == 200
    assert "diagnosis" not in response.context


@pytest.mark.parametrize("query", ["e=1", "company=%00", "company=%ED%A0%80<script>alert(1)</script>", "o=1.-2&p=3"])
def test_page_when_the_query_is_odd_is_the_default_one(
    client: Client, log_in: Callable[..., Any], company: Company, query: str
) -> None:
    log_in("view_eventdiagnostics")
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200
    assert response.context["company"] == company
    assert "<script>alert" not in response.content.decode()


def test_page_when_origins_are_rejected_links_for_who_may_change(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    reject(company, "", "forbidden", "origin_not_allowed", origin="https://shop.example")
    link = f"/admin/alhena_tracking/company/{company.pk}/change/#id_allowed_origins"
    log_in("view_eventdiagnostics")
    page = client.get(URL).content.decode()
    assert "https://shop.example" in page
    assert link not in page
    log_in("view_eventdiagnostics", "view_company", "change_company")
    assert link in client.get(URL).content.decode()


@pytest.mark.parametrize("url", [URL, "/admin/alhena_tracking/revenueimpact/"])
def test_page_when_an_origin_is_listed_links_to_the_shop_in_test_mode(
    client: Client, log_in: Callable[..., Any], company: Company, url: str
) -> None:
    log_in("view_eventdiagnostics", "view_revenueimpact")
    assert '/?alhena_test=1"' not in client.get(url).content.decode()
    company.allowed_origins = "null\nhttps://shop.example\nhttps://m.shop.example"
    company.save()
    assert '<a href="https://shop.example/?alhena_test=1">' in client.get(url).content.decode()


def test_page_when_browsers_refuse_calls_says_what_to_change(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    use_assistant(company)
    event_counts.reject(company, ORDER, "refused_in_browser", [("value", "required")])
    event_counts.flush()
    log_in("view_eventdiagnostics")
    page = client.get(URL).content.decode()
    assert "Browsers refuse calls of the shop’s pages" in page.replace("&#x27;", "’")
    assert "sendCheckoutEvent: value required" in page
    assert "Pass what is named below in every call" in page


def test_page_when_events_came_shows_them_by_kind_and_reason(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    fill(company)
    count(company, CART_EVENT, "ignored", "no_interaction", number=1234, days_ago=3)
    reject(company, CART_EVENT, "invalid", "wrong_type", field="value", origin="https://shop.example")
    log_in("view_eventdiagnostics")
    context = client.get(URL).context
    groups = {group["label"]: group for group in context["outcomes"]}
    assert list(groups) == ["Interactions", "Cart events", "Orders", "Refunds"]
    assert [(row["label"], row["code"], row["today"], row["summed"]) for row in groups["Cart events"]["rows"]] == [
        ("Recorded", "recorded", "50", "50"),
        ("Ignored: the visitor had not used the assistant", "ignored · no_interaction", "0", "1,234"),
        ("Rejected: of the wrong type, such as text instead of a number", "invalid · wrong_type", "1", "1"),
    ]
    assert groups["Cart events"]["last"].ago == "1 hour ago"
    assert groups["Refunds"]["rows"] == []
    [rejection] = context["rejections"]
    assert rejection["origin"] == "https://shop.example"
    assert [(error["field"], error["code"]) for error in rejection["errors"]] == [("value", "wrong_type")]


def test_times_when_shown_are_in_the_company_s_zone(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu")
    reject(company, CART_EVENT, "invalid", "required")
    log_in("view_eventdiagnostics")
    [rejection] = client.get(URL).context["rejections"]
    assert rejection["at"].iso == NOON.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat()


@pytest.mark.parametrize("state", ["empty", "full", "rejected"])
def test_page_when_read_by_machines_is_labelled_and_keeps_a_strict_csp(
    client: Client, log_in: Callable[..., Any], company: Company, state: str
) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    if state != "empty":
        fill(company)
    if state == "rejected":
        Company.objects.filter(pk=company.pk).update(name=hostile)
        factories.CompanyFactory.create(name=hostile)
        for number in range(15):
            reject(company, f"m{number}", "invalid", hostile[:60], field=hostile, origin=hostile)
            reject(company, f"m{number}", "forbidden", "origin_not_allowed", origin=f"{hostile}{number}")
    log_in(is_superuser=True)
    html = client.get(URL).content.decode()
    page = Page(html)
    assert page.blocked == []
    assert ("&lt;script&gt;" in html) is (state == "rejected")
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _tag, attributes in page.elements:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)
    assert len(list(page.named("h1"))) == 1
    assert len(list(page.named("caption"))) == len(list(page.named("table")))
    assert all(cell.get("scope") for cell in page.named("th"))


def test_page_when_there_is_more_takes_no_more_queries(
    client: Client, log_in: Callable[..., Any], company: Company, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    fill(company)
    for number in range(30):
        reject(company, f"m{number}", "invalid", "required", origin=f"https://{number}.example")
    log_in("view_eventdiagnostics")
    with django_assert_max_num_queries(15):
        client.get(URL)


def test_empty_report_when_permitted_links_to_the_diagnostics(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("view_revenueimpact", "view_eventdiagnostics")
    assert f"{URL}?company=acme" in client.get("/admin/alhena_tracking/revenueimpact/").content.decode()
