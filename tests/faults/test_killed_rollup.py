"""The command that rolls days up, killed while it runs: the report stays correct."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.db import connection
from django.utils import timezone

from alhena_tracking.models import Company, RolledUpDay
from alhena_tracking.reports import Period, ReportQuery
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.faults.database import database_url
from tests.support.report_by_hand import fill
from tests.support.rolled_up_days import assert_same_as_raw
from tests.support.runs import examples

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="several processes write; set DATABASE_URL"),
]

ROOT = Path(__file__).parents[2]
DAYS = 20


def _start() -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.support.faults.settings",
    }
    command = [sys.executable, "-m", "django", "alhena_rollup", "--verbosity", "0"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def test_roll_up_when_killed_and_restarted_is_correct(transactional_db: None) -> None:
    random, company = Random(1), Company.objects.get(key="acme")
    first = timezone.now().date() - timedelta(days=DAYS)
    fill(company, random, first, days=DAYS, sessions=40)
    query = ReportQuery(company=company, period=Period(first, first + timedelta(days=DAYS)), is_compared=False)
    fresh = RolledUpDay.objects.fresh()
    interrupted = 0
    for _ in range(examples(4, full=40)):
        RolledUpDay.objects.update(is_stale=True)
        process = _start()
        least = random.randrange(1, DAYS // 2)
        while process.poll() is None and fresh.count() < least:
            time.sleep(0.001)
        time.sleep(random.random() * 0.02)  # somewhere within the next day
        process.kill()
        interrupted += process.wait() < 0 and fresh.count() > 0
        assert not any(result.failed for result in check_rollups())
        assert_same_as_raw(query)
    assert interrupted, "nothing was killed half-way"
    assert _start().wait() == 0
    assert roll_up()[0].days == []
    assert fresh.count() >= DAYS - 5
    assert not any(result.failed for result in check_rollups())
    assert_same_as_raw(query)
