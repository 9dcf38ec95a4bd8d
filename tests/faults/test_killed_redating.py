"""A company's time zone changed under load, and maintenance killed while it re-dates the rows (F36)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import copy
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.base import ModelState
from django.utils import timezone

from alhena_tracking.company_cache import CACHE_SECONDS
from alhena_tracking.db.snapshots import snapshot
from alhena_tracking.digests import text_digest
from alhena_tracking.models import CartEvent, Company, Interaction, Order, Redating, RolledUpDay, VisitorSession
from alhena_tracking.reports import Period, ReportQuery, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support import factories
from tests.support.faults.database import database_url, deadlocks
from tests.support.faults.load import Load
from tests.support.faults.server import ROOT, Server
from tests.support.runs import IS_FULL_RUN, examples, require
from tests.support.zones import let_settle, rows_on_other_days

pytestmark = [
    pytest.mark.faults,
    pytest.mark.concurrency,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

DAYS = 20
SESSIONS = examples(1_000, full=100_000)
CARTS = 8  # events of a session, besides an interaction and an order


@pytest.fixture
def company(transactional_db: None) -> Iterator[Company]:
    company = Company.objects.get(key="acme")
    zone = company.time_zone
    yield company
    Redating.objects.all().delete()
    Company.objects.filter(pk=company.pk).update(time_zone=zone, zone_changed_at=None)


def _fill(company: Company, random: Random) -> Period:
    """Create sessions of the days before yesterday, at all hours."""
    end = timezone.now().replace(hour=0) - timedelta(days=3)
    session = factories.VisitorSessionFactory.build(company=company)
    visit = factories.InteractionFactory.build(session=session, company=company)
    credit = {"session": session, "company": company, "credited_interaction": visit}
    carts, order = factories.CartEventFactory.build(**credit), factories.OrderFactory.build(**credit)

    def at(row: Any, moment: datetime, **values: Any) -> Any:
        values |= {"pk": None, "event_id": uuid4(), "occurred_at": moment, "occurred_on": _day(company, moment)}
        return _copy(row, **values)

    for _ in range(0, SESSIONS, 500):
        starts = sorted(end - timedelta(minutes=random.randrange(DAYS * 24 * 60)) for _ in range(500))
        sessions = [
            _copy(session, pk=None, started_at=start, last_interaction_at=start, started_on=_day(company, start))
            for start in starts
        ]
        VisitorSession.objects.bulk_create(sessions)
        visits = [at(visit, row.started_at, session=row) for row in sessions]
        Interaction.objects.bulk_create(visits)
        times = [
            (row, row.session.started_at + timedelta(minutes=random.randrange(600)))
            for row in visits
            for _ in range(CARTS + 1)
        ]
        credited = [{"session": row.session, "credited_interaction": row, "moment": moment} for row, moment in times]
        orders = {*range(0, len(credited), CARTS + 1)}
        CartEvent.objects.bulk_create(
            [at(carts, **each) for number, each in enumerate(credited) if number not in orders], batch_size=1000
        )
        ids = [f"{uuid4()}" for _ in orders]
        Order.objects.bulk_create(
            [
                at(order, **credited[number], order_id=order_id, order_id_digest=text_digest(order_id))
                for number, order_id in zip(orders, ids, strict=True)
            ]
        )
    return Period((end - timedelta(days=DAYS + 2)).date(), (end + timedelta(days=2)).date())


def _day(company: Company, moment: datetime) -> date:
    return moment.astimezone(company.zone).date()


def _copy(row: Any, **values: Any) -> Any:
    copied = copy(row)
    copied._state = ModelState()
    for name, value in values.items():
        setattr(copied, name, value)
    return copied


def _start() -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.support.faults.settings",
    }
    command = [sys.executable, "-m", "django", "alhena_maintenance"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _place() -> tuple[Any, ...] | None:
    return Redating.objects.values_list("table", "last_id").first()


def test_zone_when_changed_under_load_and_killed_is_right_at_every_moment(company: Company, tmp_path: Path) -> None:
    require("gunicorn", find_spec("gunicorn") is not None, "gunicorn is not installed: pip install --group databases")
    random = Random(1)
    query = ReportQuery(company=company, period=_fill(company, random), currency="EUR", is_compared=False)
    roll_up()
    assert RolledUpDay.objects.fresh().count() >= DAYS
    before, deadlocked, looks, killed = _totals(query), deadlocks(), 0, 0
    assert before[0] == SESSIONS
    rate = 100 if IS_FULL_RUN else 30
    with (
        Server(database_url(), tmp_path / "log", workers=2, threads=4) as server,
        Load(server, streams=4, rate=rate) as load,
    ):
        load.wait_for(20)
        company.time_zone = "Pacific/Kiritimati"
        company.save()
        time.sleep(CACHE_SECONDS + 2)
        let_settle(company)
        for kills in range(examples(3, full=20), -1, -1):
            place, processes = _place(), [_start(), _start()]
            while any(process.poll() is None for process in processes):
                assert _totals(query) == before
                looks += 1
                if kills and _place() != place:
                    time.sleep(random.random() * 0.3)
                    processes[0].kill()
                    processes[1].kill()
                    killed += _place() is not None
            assert kills or {process.wait() for process in processes} == {0}
            assert not any(result.failed for result in check_rollups())
            roll_up()
        load.wait_for(20)
        company.refresh_from_db()
        assert (company.zone_changed_at, _place()) == (None, None)
    assert looks > 5
    assert killed > 1, "nothing was killed half-way"
    assert {answer.status for answer in load.answers} <= {200, 201}
    assert rows_on_other_days(company) == 0
    assert _totals(query) == before
    assert not any(result.failed for result in check_rollups())
    roll_up()
    assert _totals(query) == before
    assert deadlocks() == deadlocked


def _totals(query: ReportQuery) -> tuple[int, ...]:
    with snapshot():
        figures = revenue_impact(query).current
    names = ("sessions", "orders", "purchase_minor", "add_to_cart_minor", "converted_sessions")
    return tuple(getattr(figures, name) for name in names)
