"""Roll-ups: the report says the same with them as without, whatever happens, and whenever they were made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from django.test import override_settings

from alhena_tracking.models import Company, RolledUpDay, Trust
from alhena_tracking.reports import Period, ReportQuery, ai_profiles, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.conftest import examples
from tests.factories import UserFactory
from tests.shop_life import ShopLife

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIRMED_ONLY = {"COMPANY_KEY": "acme", "CONFIRMED_ORDERS_ONLY": True}


@contextmanager
def nothing_rolled_up() -> Iterator[None]:
    with transaction.atomic():
        RolledUpDay.objects.all().delete()
        yield
        transaction.set_rollback(True)


def questions(rnd: random.Random, company: Company, first: date, days: int) -> Iterator[ReportQuery]:
    whole = Period(first - timedelta(days=4), first + timedelta(days=days))
    yield ReportQuery(company=company, period=whole, currency="EUR", is_compared=False)
    start = first + timedelta(days=rnd.randrange(days))
    yield ReportQuery(
        company=company,
        period=Period(start, start + timedelta(days=rnd.choice((0, 3, 9)))),
        currency=rnd.choice(("", "JPY", "EUR")),
        channel=rnd.choice(("", "CHAT", "FAQ")),
        ai_profile=rnd.choice(("", "butler")),
        trust=rnd.choice(("", *Trust.values)),
    )


def assert_same_as_raw(*queries: ReportQuery) -> None:
    for query in queries:
        asked = revenue_impact(query), ai_profiles(query.company, query.period)
        with nothing_rolled_up():
            assert asked == (revenue_impact(query), ai_profiles(query.company, query.period))


@pytest.mark.parametrize("seed", range(examples(10, full=300)))
def test_report_when_anything_happens_says_what_the_events_say(company: Company, seed: int) -> None:
    life = ShopLife(company, UserFactory.create(), seed, NOW)
    rnd = random.Random(seed)
    for _ in range(30):
        history = [life.step() for _ in range(rnd.choice((1, 3, 5)))]
        days = max((life.now - NOW).days + 2, 2)
        with override_settings(ALHENA_TRACKING=rnd.choice(({"COMPANY_KEY": "acme"}, CONFIRMED_ONLY))):
            assert_same_as_raw(*questions(rnd, company, NOW.date(), days))
        assert not any(result.failed for result in check_rollups()), history
        if rnd.random() < 0.6:
            roll_up(life.now)
    roll_up(life.now + timedelta(days=10))
    assert_same_as_raw(*questions(rnd, company, NOW.date(), days))
    assert RolledUpDay.objects.fresh().count() > days
