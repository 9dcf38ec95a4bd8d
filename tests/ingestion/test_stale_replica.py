"""Plain reads that a router sends to a standby, which is always behind, change nothing of ingestion (F29)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from django.test import Client, TestCase
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from alhena_tracking import company_cache
from alhena_tracking.api.ingestion import throttling
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.ingestion import review
from alhena_tracking.models import Company, Interaction, Order, SecretKey
from alhena_tracking.redating import redate
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.all_rows import all_rows
from tests.support.api_calls import CART_EVENT, IDENTITY, ORDER, post
from tests.support.factories import UserFactory
from tests.support.runs import examples
from tests.support.shop_calls import Answer, Call, Shop, ShopCalls
from tests.support.stale_replica import PRIMARY, REPLICA, reads_go_there, replica, stale
from tests.support.transactions import undone

pytestmark = pytest.mark.django_db(databases=[PRIMARY, REPLICA])

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
NEW_ORIGIN, OLD_ORIGIN = "https://new.example", "https://old.example"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OLD_ZONE = "Asia/Tokyo"
CHAT = {**IDENTITY, "type": "CHAT"}


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Step(NamedTuple):
    """What happens at a time: a call, or what staff (a word) or an operator does."""

    at: datetime
    what: Call | str


@pytest.fixture(scope="module", autouse=True)
def tables(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    with django_db_blocker.unblock(), replica(tmp_path_factory.mktemp("replica") / "replica.sqlite3"):
        yield


@pytest.fixture(params=["empty", "old"], autouse=True)
def old_key(request: pytest.FixtureRequest, company: Company, tables: None) -> Iterator[str]:
    """Provide a replica that knows nothing, or the company as it was before; return a key that was active then."""
    key = SecretKey(company=company, name="old")
    issued = key.issue()
    before = Company(pk=company.pk, key=company.key, name="Before", time_zone=OLD_ZONE, allowed_origins=OLD_ORIGIN)
    with stale([before, key] if request.param == "old" else []):
        company.allowed_origins = NEW_ORIGIN
        company.save()
        company_cache.revoke(key)
        yield issued


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


def steps(seed: int, number: int) -> list[Step]:
    random, clock = Random(seed), Clock()
    calls = ShopCalls(random, clock)
    found = []
    for _ in range(number):
        clock.now += random.choice((*[MINUTE] * 12, HOUR, HOUR, 5 * HOUR, 30 * HOUR))
        found.append(Step(clock.now, calls.next() if random.random() < 0.8 else random.choice(_DOES)))
    return found


_DOES = ("exclude", "exclude", "roll up", "write counts")


class Run:
    """What comes of steps: the answers to calls, and all rows."""

    def __init__(self, shop: Shop, clock: Clock, user: Any, *, is_routed: bool) -> None:
        self.shop, self.clock, self.user = shop, clock, user
        self.router = reads_go_there if is_routed else nullcontext
        self.random = Random(1)

    def outcome(self, steps: Sequence[Step]) -> tuple[list[object], dict[str, Any]]:
        throttling.forget()
        with undone():
            answers = []
            for step in steps:
                self.clock.now = step.at
                with self.router(), TestCase.captureOnCommitCallbacks(execute=True):
                    answers.append(self.shop.send(step.what) if isinstance(step.what, Call) else self.do(step.what))
            with self.router():
                event_counts.flush()
            return [_comparable(answer) for answer in answers], all_rows()

    def do(self, what: str) -> object:
        match what:
            case "roll up":
                return [(result.days, result.failed) for result in (*roll_up(), *check_rollups())]
            case "write counts":
                event_counts.flush()
                return None
        orders = list(Order.objects.using(PRIMARY).order_by("pk"))
        if not orders:
            return None
        order = self.random.choice(orders)
        if order.excluded_at:
            return review.include_orders([order.pk])
        return review.exclude_orders([order.pk], self.user, "A test.")


def _comparable(answer: object) -> object:
    """Leave out the ids of refunds, which are random."""
    if isinstance(answer, Answer):
        body = {name: value for name, value in answer.body.items() if name != "id"}
        if "outcomes" in body:
            body["outcomes"] = [(status, reason) for status, _, reason in body["outcomes"]]
        return answer.status, body
    return answer


@settings(
    # Of each parameter: 1,000 in all.
    max_examples=examples(2, full=500),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.builds(steps, seed=st.integers(0, 2**32), number=st.integers(1, 40)))
def test_answers_and_rows_when_a_replica_is_read_are_as_without(
    company: Company, clock: Clock, steps: list[Step]
) -> None:
    with undone():
        shop = Shop(company.key, SecretKey(company=company, name="server").issue())
        user = UserFactory.create(username="staff")
        alone = Run(shop, clock, user, is_routed=False).outcome(steps)
        routed = Run(shop, clock, user, is_routed=True).outcome(steps)
    assert routed == alone


# What a request needs of companies


def test_key_when_revoked_a_moment_ago_is_refused(old_key: str) -> None:
    with reads_go_there():
        assert post("interactions", CHAT, Authorization=f"Bearer {old_key}")[0] == 401


def test_key_when_issued_a_moment_ago_is_taken(company: Company) -> None:
    key = SecretKey(company=company, name="new").issue()
    refund = {"company_key": "acme", "order_id": "1", "refund_id": "1", "value": 1, "currency": "EUR"}
    with reads_go_there():
        assert post("refunds", refund, Authorization=f"Bearer {key}")[1]["reason"] == "unknown_order"


def test_company_when_created_a_moment_ago_is_known() -> None:
    Company.objects.create(key="new", name="New")
    with reads_go_there():
        assert post("interactions", {**CHAT, "company_key": "new"})[0] == 201


@pytest.mark.parametrize(("origin", "status"), [(NEW_ORIGIN, 201), (OLD_ORIGIN, 403)])
def test_origin_when_changed_a_moment_ago_is_judged_anew(client: Client, origin: str, status: int) -> None:
    with reads_go_there():
        assert post("interactions", CHAT, Origin=origin)[0] == status
        preflight = client.options("/alhena/analytics/interactions", headers={"Origin": origin})
    assert ("Access-Control-Allow-Origin" in preflight.headers) == (status == 201)


def test_requests_when_too_many_are_refused(settings: Any) -> None:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme", "RATE_LIMIT_PER_COMPANY": "2/h"}
    with reads_go_there():
        assert [post("interactions", CHAT)[0] for _ in range(3)] == [201, 201, 429]


def test_key_when_managed_by_the_command_is_found(company: Company) -> None:
    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("alhena_secret_key", *arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    with reads_go_there():
        run("acme", "--name", "new")
        key = SecretKey.objects.using(PRIMARY).get(name="new")
        assert "\tnew\tissued" in run("--list")
        assert run("--revoke", str(key.pk)).startswith("Revoked")
        assert "\tnew\trevoked" in run("acme", "--list")


def test_zone_when_changed_moves_what_is_stored(company: Company, clock: Clock) -> None:
    clock.now = START.replace(hour=20)  # on the next day in Tokyo
    with reads_go_there():
        post("interactions", CHAT)
        company.time_zone = OLD_ZONE
        company.save()
        redate(company.pk)
    assert [row.occurred_on.day for row in Interaction.objects.all()] == [START.day + 1]


# Staff pages


def test_report_when_a_replica_is_read_shows_what_is_there(company: Company, clock: Clock) -> None:
    query = ReportQuery(company=company, period=Period(START.date(), START.date()), currency="USD")
    with reads_go_there():
        for path, body in (("interactions", CHAT), ("cart_events", CART_EVENT), ("checkout_events", ORDER)):
            assert post(path, body)[0] == 201
        assert revenue_impact(query).current.orders == 0
    assert revenue_impact(query).current.orders == 1
