"""Why events do not appear: every check in every state, the one cause that is named first, and who may read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
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
from alhena_tracking.admin import outcome_texts
from alhena_tracking.admin.advice import advice_on
from alhena_tracking.api.errors import WORDS
from alhena_tracking.contract import rules
from alhena_tracking.diagnosis import event_counts, event_facts
from alhena_tracking.diagnosis.checks import Check, CheckName, State
from alhena_tracking.diagnosis.diagnosis import Diagnosis, diagnose
from alhena_tracking.diagnosis.event_facts import CART_EVENT, INTERACTION, ORDER, read_facts
from alhena_tracking.diagnosis.heartbeat import Heartbeat
from alhena_tracking.models import Company, EventCount
from tests import factories
from tests.test_admin import Page

pytestmark = pytest.mark.django_db

URL = "/admin/alhena_tracking/eventdiagnostics/"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = NOON.date()
SEEN = Heartbeat(seen_at=NOON)
NEVER = Heartbeat()
DONE, PROBLEM, UNKNOWN = State.DONE, State.PROBLEM, State.UNKNOWN


def count(company: Company, method: str, outcome: str, reason: str = "", *, number: int = 1, days_ago: int = 0) -> None:
    EventCount.objects.create(
        company=company,
        counted_on=TODAY - timedelta(days=days_ago),
        method=method,
        outcome=outcome,
        reason=reason,
        count=number,
    )


def refuse(
    company: Company, method: str, outcome: str, code: str, *, field: str = "", origin: str = "", number: int = 1
) -> None:
    """As a view would: counted under its code, and kept."""
    count(company, method, outcome, code, number=number)
    models.RefusedEvent.objects.create(
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
    """All that a shop should report has come; returns the session."""
    session = use_assistant(company)
    factories.CartEventFactory.create(session=session)
    factories.OrderLineFactory.create(
        order=factories.OrderFactory.create(session=session, value_minor=2000), quantity=2, total_minor=2000
    )
    count(company, CART_EVENT, "recorded", number=50)
    count(company, ORDER, "recorded", number=50)
    return session


def examine(company: Company, heartbeat: Heartbeat = SEEN, now: datetime = NOON) -> Diagnosis:
    refusals = event_counts.refusals(company)
    return diagnose(read_facts(company, now=now, heartbeat=heartbeat, refusals=refusals))


def check_of(diagnosis: Diagnosis, name: CheckName) -> Check:
    [check] = [check for check in diagnosis.checks if check.name is name]
    return check


def said(diagnosis: Diagnosis, name: CheckName) -> tuple[State, str]:
    check = check_of(diagnosis, name)
    return check.state, check.finding


# The road


@pytest.mark.parametrize(
    ("heartbeat", "expected"),
    [
        (Heartbeat(seen_at=NOON - timedelta(hours=23)), (DONE, "rendered")),
        (Heartbeat(seen_at=NOON - timedelta(hours=23), is_shared=False), (DONE, "rendered")),
        (Heartbeat(seen_at=NOON - timedelta(hours=24)), (PROBLEM, "ceased")),
        (Heartbeat(seen_at=NOON - timedelta(hours=24), is_shared=False), (UNKNOWN, "not_shared")),
        (Heartbeat(), (PROBLEM, "never")),
        (Heartbeat(is_shared=False), (UNKNOWN, "not_shared")),
        (Heartbeat(is_answering=False), (UNKNOWN, "cache_fails")),
    ],
)
def test_snippet_when_nothing_arrives_is_judged_by_its_heartbeat(
    company: Company, heartbeat: Heartbeat, expected: tuple[State, str]
) -> None:
    diagnosis = examine(company, heartbeat)
    assert said(diagnosis, CheckName.SNIPPET) == expected
    assert (diagnosis.cause is not None and diagnosis.cause.name is CheckName.SNIPPET) is (expected[0] is not DONE)


@pytest.mark.parametrize(
    ("ago", "heartbeat", "expected"),
    [
        (timedelta(hours=1), NEVER, (DONE, "replaced")),
        (timedelta(days=6), NEVER, (DONE, "replaced")),
        (timedelta(days=8), NEVER, (PROBLEM, "never")),
        (timedelta(hours=1), Heartbeat(seen_at=NOON - timedelta(days=2)), (DONE, "replaced")),
        (timedelta(days=2), Heartbeat(seen_at=NOON - timedelta(days=2)), (PROBLEM, "ceased")),
    ],
)
def test_snippet_when_interactions_arrive_is_taken_to_be_there(
    company: Company, ago: timedelta, heartbeat: Heartbeat, expected: tuple[State, str]
) -> None:
    use_assistant(company, ago=ago)
    assert said(examine(company, heartbeat), CheckName.SNIPPET) == expected


def test_road_when_a_shop_begins_names_the_next_step_as_the_cause(company: Company) -> None:
    road = (CheckName.SNIPPET, CheckName.INTERACTIONS, CheckName.CART_EVENTS, CheckName.ORDERS)

    def states(diagnosis: Diagnosis) -> list[State]:
        return [check_of(diagnosis, name).state for name in road]

    diagnosis = examine(company, NEVER)
    assert states(diagnosis) == [PROBLEM, UNKNOWN, UNKNOWN, UNKNOWN]
    assert diagnosis.cause == check_of(diagnosis, CheckName.SNIPPET)

    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, PROBLEM, UNKNOWN, UNKNOWN]
    assert diagnosis.cause == check_of(diagnosis, CheckName.INTERACTIONS)

    session = use_assistant(company)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, DONE, PROBLEM, PROBLEM]
    assert diagnosis.cause == check_of(diagnosis, CheckName.CART_EVENTS)

    factories.CartEventFactory.create(session=session)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE, DONE, DONE, PROBLEM]
    assert diagnosis.cause == check_of(diagnosis, CheckName.ORDERS)

    factories.OrderFactory.create(session=session)
    diagnosis = examine(company)
    assert states(diagnosis) == [DONE] * 4
    assert diagnosis.cause is None


def test_arrival_when_seen_says_how_many_and_when(company: Company) -> None:
    fill(company)
    check = check_of(examine(company), CheckName.CART_EVENTS)
    assert (check.finding, check.count, check.at) == ("arriving", 50, NOON - timedelta(hours=1))


@pytest.mark.parametrize(("days", "state"), [(6, DONE), (7, PROBLEM), (40, PROBLEM)])
def test_interactions_when_they_have_ceased_are_a_problem(company: Company, days: int, state: State) -> None:
    use_assistant(company, ago=timedelta(days=days))
    diagnosis = examine(company)
    assert check_of(diagnosis, CheckName.INTERACTIONS).state is state
    assert diagnosis.cause is not None
    assert (diagnosis.cause.finding == "ceased") is (state is PROBLEM)


def test_orders_when_there_was_none_for_a_week_are_in_doubt(company: Company) -> None:
    use_assistant(company)
    old = factories.VisitorSessionFactory.create(company=company, started_at=NOON - timedelta(days=9))
    factories.CartEventFactory.create(session=old)
    factories.OrderFactory.create(session=old)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.CART_EVENTS) == (UNKNOWN, "ceased")
    assert said(diagnosis, CheckName.ORDERS) == (UNKNOWN, "ceased")
    assert diagnosis.cause == check_of(diagnosis, CheckName.CART_EVENTS)


def test_orders_when_only_the_server_knows_of_them_wait_for_a_visitor(company: Company) -> None:
    use_assistant(company)
    factories.CartEventFactory.create(company=company, session__company=company, session__started_at=NOON)
    count(company, ORDER, "pending", number=3)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.ORDERS) == (PROBLEM, "waiting")
    assert diagnosis.cause == check_of(diagnosis, CheckName.ORDERS)


def test_arrival_when_all_is_refused_says_how_many_came(company: Company) -> None:
    refuse(company, INTERACTION, "invalid", "required", number=7)
    check = check_of(examine(company), CheckName.INTERACTIONS)
    assert (check.state, check.finding, check.count) == (PROBLEM, "none_recorded", 7)


# What may stop events

STOPPED = [
    (CheckName.COMPANY_KEY, "forbidden", "unknown_company", "stopped"),
    (CheckName.ORIGINS, "forbidden", "origin_not_allowed", "stopped"),
    (CheckName.LIMITS, "rate_limited", "rate_limited", "stopped"),
    (CheckName.VALIDITY, "invalid", "required", "stopped"),
    (CheckName.VALIDITY, "too_large", "too_large", "stopped"),
    (CheckName.SECRET_KEY, "unauthorized", "invalid_key", "wrong"),
    (CheckName.SECRET_KEY, "unauthorized", "key_required", "missing"),
    (CheckName.CLOCKS, "invalid", "too_old", "too_old"),
]


@pytest.mark.parametrize(("name", "outcome", "code", "finding"), STOPPED)
def test_refusals_when_they_stop_everything_are_the_cause(
    company: Company, name: CheckName, outcome: str, code: str, finding: str
) -> None:
    refuse(company, "", outcome, code, origin="https://shop.example", number=3)
    diagnosis = examine(company, NEVER)
    check = check_of(diagnosis, name)
    assert (check.state, check.finding, check.count, check.total) == (PROBLEM, finding, 3, 3)
    assert check.is_blocking
    assert diagnosis.cause == check


@pytest.mark.parametrize(("name", "outcome", "code", "finding"), STOPPED)
def test_refusals_when_one_in_a_hundred_is_a_problem_and_fewer_are_none(
    company: Company, name: CheckName, outcome: str, code: str, finding: str
) -> None:
    fill(company)  # 101 events
    refuse(company, CART_EVENT, outcome, code, origin="https://shop.example", number=2)
    diagnosis = examine(company)
    assert said(diagnosis, name) == (PROBLEM, finding)
    assert diagnosis.cause == check_of(diagnosis, name)
    assert not check_of(diagnosis, name).is_blocking
    count(company, ORDER, "duplicate", number=100)
    diagnosis = examine(company)
    assert said(diagnosis, name) == (DONE, "few")
    assert advice_on(check_of(diagnosis, name)).seen.endswith("So few need no attention.")
    assert diagnosis.cause is None


@pytest.mark.parametrize(("name", "outcome", "code", "finding"), STOPPED)
def test_refusals_when_a_week_ago_are_forgiven(
    company: Company, name: CheckName, outcome: str, code: str, finding: str
) -> None:
    fill(company)
    count(company, CART_EVENT, outcome, code, number=90, days_ago=7)
    diagnosis = examine(company)
    assert all(check.state is DONE for check in diagnosis.checks)
    assert diagnosis.cause is None


@pytest.mark.parametrize(
    "name",
    [
        CheckName.COMPANY_KEY,
        CheckName.ORIGINS,
        CheckName.LIMITS,
        CheckName.VALIDITY,
        CheckName.PRIVACY,
        CheckName.CREDIT,
        CheckName.CLOCKS,
        CheckName.ORDER_IDS,
        CheckName.LINE_VALUES,
    ],
)
def test_check_when_nothing_came_is_unknown_and_when_all_is_well_done(company: Company, name: CheckName) -> None:
    assert said(examine(company), name) == (UNKNOWN, "nothing")
    fill(company)
    assert check_of(examine(company), name).state is DONE


def test_company_key_when_the_settings_name_another_company_is_judged_there_alone(
    company: Company, settings: Any
) -> None:
    other = factories.CompanyFactory.create()
    assert CheckName.COMPANY_KEY not in {check.name for check in examine(other).checks}
    settings.ALHENA_TRACKING = {}
    assert said(examine(other), CheckName.COMPANY_KEY) == (UNKNOWN, "not_counted")


def test_origins_when_refused_are_named_until_they_are_listed(company: Company) -> None:
    origins = ((CART_EVENT, "https://Shop.example"), (INTERACTION, "https://shop.example:8443"), ("", "null"))
    for method, origin in origins:
        refuse(company, method, "forbidden", "origin_not_allowed", origin=origin)
    assert check_of(examine(company), CheckName.ORIGINS).names == (
        "null",
        "https://shop.example:8443",
        "https://Shop.example",
    )
    company.allowed_origins = "https://shop.example\nhttps://shop.example:8443"
    assert check_of(examine(company), CheckName.ORIGINS).names == ("null",)
    company.allowed_origins += "\nnull"
    assert said(examine(company), CheckName.ORIGINS) == (DONE, "listed")


def test_validity_when_events_are_wrong_names_what_is_most_often_wrong(company: Company) -> None:
    for number, (field, code) in enumerate([("value", "negative"), ("value", "wrong_type"), ("value", "wrong_type")]):
        refuse(company, f"{CART_EVENT}{number}", "invalid", code, field=field)
    assert check_of(examine(company), CheckName.VALIDITY).names == ("value wrong_type", "value negative")


@pytest.mark.parametrize("reason", ["privacy_signal", "bot"])
def test_privacy_when_nobody_else_came_is_the_cause(company: Company, reason: str) -> None:
    count(company, INTERACTION, "ignored", reason, number=5)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.PRIVACY) == (PROBLEM, reason)
    assert diagnosis.cause == check_of(diagnosis, CheckName.PRIVACY)
    count(company, INTERACTION, "recorded")
    assert said(examine(company), CheckName.PRIVACY) == (DONE, "few")


def test_credit_when_all_is_ignored_depends_on_whether_the_assistant_was_used(company: Company) -> None:
    count(company, ORDER, "ignored", "no_interaction", number=9)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.CREDIT) == (UNKNOWN, "not_used")
    assert diagnosis.cause == check_of(diagnosis, CheckName.INTERACTIONS)
    use_assistant(company)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.CREDIT) == (PROBLEM, "all")
    assert diagnosis.cause == check_of(diagnosis, CheckName.CREDIT)
    count(company, ORDER, "recorded")
    check = check_of(examine(company), CheckName.CREDIT)
    assert (check.state, check.finding, check.count, check.total) == (DONE, "some", 9, 10)


def test_credit_when_the_interactions_were_long_ago_is_as_it_should_be(company: Company) -> None:
    use_assistant(company, ago=timedelta(days=9))
    count(company, ORDER, "ignored", "no_interaction", number=9)
    assert said(examine(company), CheckName.CREDIT) == (UNKNOWN, "not_used")


def test_credit_when_no_interaction_qualifies_says_so(company: Company) -> None:
    use_assistant(company, is_qualifying=False)
    count(company, CART_EVENT, "ignored", "no_interaction")
    assert said(examine(company), CheckName.CREDIT) == (PROBLEM, "none_qualifies")


def test_confirmation_when_only_confirmed_orders_count_is_checked(company: Company, settings: Any) -> None:
    assert CheckName.CONFIRMATION not in {check.name for check in examine(company).checks}
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}
    assert said(examine(company), CheckName.CONFIRMATION) == (UNKNOWN, "nothing")
    session = fill(company)
    diagnosis = examine(company)
    assert said(diagnosis, CheckName.CONFIRMATION) == (PROBLEM, "none")
    assert diagnosis.cause == check_of(diagnosis, CheckName.CONFIRMATION)
    factories.OrderFactory.create(session=session, trust="CONFIRMED")
    assert said(examine(company), CheckName.CONFIRMATION) == (DONE, "some")


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
    assert said(examine(company), CheckName.CLOCKS) == expected


def test_order_ids_when_missing_are_a_problem_until_the_latest_orders_have_one(company: Company) -> None:
    session = fill(company)
    factories.OrderFactory.create(session=session, order_id="")
    diagnosis = examine(company)
    check = check_of(diagnosis, CheckName.ORDER_IDS)
    assert (check.state, check.finding, check.count, check.total) == (PROBLEM, "missing", 1, 2)
    assert diagnosis.cause == check
    factories.OrderFactory.create_batch(10, session=session)
    assert said(examine(company), CheckName.ORDER_IDS) == (DONE, "over")


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
    assert said(examine(company), CheckName.LINE_VALUES) == expected


def test_line_values_when_most_orders_fit_are_well(company: Company) -> None:
    session = use_assistant(company)
    sell(session, 2000, ("2", 1000))
    sell(session, 2000, ("2", 2000))
    sell(session, 2000, ("2", 2000))
    assert said(examine(company), CheckName.LINE_VALUES) == (DONE, "fitting")


def test_line_values_when_corrected_are_well_after_twenty_orders(company: Company) -> None:
    session = use_assistant(company)
    for total in [1000] * 20 + [2000] * 20:
        sell(session, 2000, ("2", total))
    assert said(examine(company), CheckName.LINE_VALUES) == (DONE, "fitting")


def test_cause_when_several_things_are_wrong_is_what_stops_most(company: Company) -> None:
    session = use_assistant(company)
    factories.OrderFactory.create(session=session, order_id="")
    cause = examine(company).cause
    assert cause is not None
    assert cause.name is CheckName.CART_EVENTS  # a gap comes before orders without ids
    refuse(company, CART_EVENT, "invalid", "required")
    cause = examine(company).cause
    assert cause is not None
    assert cause.name is CheckName.VALIDITY  # which explains the gap
    refuse(company, CART_EVENT, "forbidden", "origin_not_allowed", origin="https://shop.example")
    cause = examine(company).cause
    assert cause is not None
    assert cause.name is CheckName.ORIGINS


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


def test_facts_when_a_company_is_quiet_beside_a_busy_one_are_found_on_its_last_days(
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


def test_interactions_when_they_ceased_long_ago_beside_a_busy_company_are_known_to_have_ceased(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_assistant(company, ago=timedelta(days=40))
    factories.InteractionFactory.create_batch(5, session=use_assistant(factories.CompanyFactory.create()))
    monkeypatch.setattr(event_facts, "SCANNED", 3)
    check = check_of(examine(company), CheckName.INTERACTIONS)
    assert check.finding == "ceased"
    assert check.at == NOON - timedelta(days=40)


def test_facts_when_there_are_many_rows_are_bounded(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_facts, "SAMPLED", 3)
    session = fill(company)
    newest = factories.OrderFactory.create_batch(5, session=session)[-3:]
    facts = examine(company).facts
    assert len(facts.samples[ORDER]) == len(facts.orders) == len(newest)


def test_facts_when_there_is_more_take_no_more_queries(company: Company) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            examine(company)
        return len(captured)

    session = fill(company)
    few = queries()
    assert few == 8  # one of them for the refused events, one as there are no refunds
    for number in range(20):
        sell(session, 2000, ("2", 2000))
        factories.CartEventFactory.create(session=session)
        refuse(company, f"m{number}", "invalid", "required", origin=f"https://{number}.example")
    assert queries() == few


# Words


def test_words_when_a_code_can_be_counted_are_there() -> None:
    codes = {
        *rules.MESSAGES,
        *("no_interaction", "privacy_signal", "bot", "unknown_order"),
        *("unknown_company", "origin_not_allowed", "invalid_key", "key_required", "rate_limited"),
        *("parse_error", "unsupported_media_type", "method_not_allowed", "too_large"),
    }
    assert codes <= set(outcome_texts.REASONS)
    counted = set(WORDS.values()) - {"not_found", "unavailable"}  # staff's, and what is not counted
    assert counted <= set(outcome_texts.OUTCOMES)
    assert outcome_texts.outcome_text("forbidden", "origin_not_allowed") == (
        "Refused: the company does not list this origin"
    )
    assert outcome_texts.outcome_text("odd", "odder") == "odd"


FINDINGS = {
    CheckName.SNIPPET: ("rendered", "replaced", "cache_fails", "not_shared", "ceased", "never"),
    CheckName.INTERACTIONS: ("arriving", "ceased", "none_recorded", "none", "not_yet"),
    CheckName.CART_EVENTS: ("arriving", "ceased", "none_recorded", "none", "not_yet"),
    CheckName.ORDERS: ("arriving", "ceased", "waiting", "none_recorded", "none", "not_yet"),
    CheckName.COMPANY_KEY: ("not_counted", "nothing", "none", "few", "stopped"),
    CheckName.ORIGINS: ("nothing", "none", "few", "listed", "stopped"),
    CheckName.LIMITS: ("nothing", "none", "few", "stopped"),
    CheckName.VALIDITY: ("nothing", "none", "few", "stopped"),
    CheckName.SECRET_KEY: ("few", "missing", "wrong"),
    CheckName.PRIVACY: ("nothing", "none", "few", "privacy_signal", "bot"),
    CheckName.CREDIT: ("nothing", "none", "some", "not_used", "none_qualifies", "all"),
    CheckName.CONFIRMATION: ("nothing", "some", "none"),
    CheckName.CLOCKS: ("nothing", "none", "few", "too_old", "server_late"),
    CheckName.ORDER_IDS: ("nothing", "none", "over", "missing"),
    CheckName.LINE_VALUES: ("nothing", "no_lines", "single", "fitting", "unit", "total", "short"),
}


@pytest.mark.parametrize(("name", "finding"), [(name, each) for name, found in FINDINGS.items() for each in found])
@pytest.mark.parametrize("count", [1, 2000])
def test_words_when_anything_is_found_are_whole_sentences(name: CheckName, finding: str, count: int) -> None:
    advice = advice_on(Check(name=name, state=PROBLEM, finding=finding, count=count, total=count))
    for field in fields(advice):
        text = getattr(advice, field.name)
        assert "%(" not in text
        assert field.name == "code" or text == "" or text[-1] in ".:?", text
    assert advice.seen


# The page


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)


@pytest.mark.parametrize("rights", [[], ["view_revenueimpact", "view_order"], ["view_eventcount", "view_refusedevent"]])
def test_page_when_the_right_is_missing_is_forbidden_and_not_in_the_menu(
    client: Client, log_in: Callable[..., Any], company: Company, rights: list[str]
) -> None:
    log_in(*rights)
    assert client.get(URL).status_code == 403
    assert URL not in client.get("/admin/").content.decode()
    assert URL not in client.get("/admin/alhena_tracking/revenueimpact/").content.decode()


def test_page_when_the_right_is_there_opens_alone(client: Client, log_in: Callable[..., Any], company: Company) -> None:
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


def test_page_when_a_company_is_of_another_group_does_not_tell_of_it(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    group = factories.GroupFactory.create()
    secret = factories.CompanyFactory.create(name="Secret shop", key="secret")
    secret.groups.add(group)
    log_in("view_eventdiagnostics")
    response = client.get(URL, {"company": "secret"})
    assert response.context["company"] == company
    assert response.context["unknown_company"] == "secret"
    assert "Secret shop" not in response.content.decode()
    log_in("view_eventdiagnostics", groups=(group,))
    response = client.get(URL, {"company": "secret"})
    assert response.context["company"] == secret
    assert [choice.query_string for choice in response.context["companies"]] == ["?company=acme", "?company=secret"]
    company.groups.add(factories.GroupFactory.create())
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


def test_page_when_origins_are_refused_links_to_them_for_those_who_may_change_them(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    refuse(company, "", "forbidden", "origin_not_allowed", origin="https://shop.example")
    link = f"/admin/alhena_tracking/company/{company.pk}/change/#id_allowed_origins"
    log_in("view_eventdiagnostics")
    page = client.get(URL).content.decode()
    assert "https://shop.example" in page
    assert link not in page
    log_in("view_eventdiagnostics", "view_company", "change_company")
    assert link in client.get(URL).content.decode()


def test_page_when_events_came_shows_them_by_kind_and_reason(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    fill(company)
    count(company, CART_EVENT, "ignored", "no_interaction", number=1234, days_ago=3)
    refuse(company, CART_EVENT, "invalid", "wrong_type", field="value", origin="https://shop.example")
    log_in("view_eventdiagnostics")
    context = client.get(URL).context
    groups = {group.label: group for group in context["outcomes"]}
    assert list(groups) == ["Interactions", "Cart events", "Orders", "Refunds"]
    assert [(row.label, row.code, row.today, row.summed) for row in groups["Cart events"].rows] == [
        ("Recorded", "recorded", "50", "50"),
        ("Ignored: the visitor had not used the assistant", "ignored · no_interaction", "0", "1,234"),
        ("Refused: of the wrong type, such as text instead of a number", "invalid · wrong_type", "1", "1"),
    ]
    assert groups["Cart events"].last.ago == "1 hour ago"
    assert groups["Refunds"].rows == []
    [refusal] = context["refusals"]
    assert refusal.origin == "https://shop.example"
    assert [(error.field, error.code) for error in refusal.errors] == [("value", "wrong_type")]


def test_times_when_shown_are_in_the_company_s_zone(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    Company.objects.filter(pk=company.pk).update(time_zone="Asia/Kathmandu")
    refuse(company, CART_EVENT, "invalid", "required")
    log_in("view_eventdiagnostics")
    [refusal] = client.get(URL).context["refusals"]
    assert refusal.at.iso == NOON.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat()


@pytest.mark.parametrize("state", ["empty", "full", "refused"])
def test_page_when_read_by_machines_is_labelled_and_keeps_a_strict_csp(
    client: Client, log_in: Callable[..., Any], company: Company, state: str
) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    if state != "empty":
        fill(company)
    if state == "refused":
        Company.objects.filter(pk=company.pk).update(name=hostile)
        factories.CompanyFactory.create(name=hostile)
        for number in range(15):
            refuse(company, f"m{number}", "invalid", hostile[:60], field=hostile, origin=hostile)
            refuse(company, f"m{number}", "forbidden", "origin_not_allowed", origin=f"{hostile}{number}")
    log_in(is_superuser=True)
    html = client.get(URL).content.decode()
    page = Page(html)
    assert page.blocked == []
    assert ("&lt;script&gt;" in html) is (state == "refused")
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
        refuse(company, f"m{number}", "invalid", "required", origin=f"https://{number}.example")
    log_in("view_eventdiagnostics")
    with django_assert_max_num_queries(14):
        client.get(URL)


def test_empty_report_when_the_user_has_the_right_leads_to_the_diagnostics(
    client: Client, log_in: Callable[..., Any], company: Company
) -> None:
    log_in("view_revenueimpact", "view_eventdiagnostics")
    assert f"{URL}?company=acme" in client.get("/admin/alhena_tracking/revenueimpact/").content.decode()
