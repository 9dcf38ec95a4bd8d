"""Texts that callers chose are compared exactly, on every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import CharField, TextField
from django.test import Client

from alhena_tracking.ingestion import Visitor, record
from alhena_tracking.models import Company, EventCount, VisitorSession
from alhena_tracking.models.base import ExactCharField
from alhena_tracking.reports import Period, ReportQuery, ai_profiles, revenue_impact
from alhena_tracking.rollups import check_rollups, roll_up
from tests.support.event_data import NOW, cart_event, chat, order
from tests.support.factories import VisitorSessionFactory
from tests.support.published_schema import STAFF_PREFIX

pytestmark = pytest.mark.django_db

#: Compared with nothing that callers sent: our own words, and what staff wrote.
OWN_TEXTS = {
    *("format", "language", "problem", "status"),  # of exports
    *(
        "attribution_model",
        "channel",
        "touched_channel",
        "held_reason",
        "kind",
        "standing",
        "trust",
        "type",
        "value_basis",
    ),
    *("currency", "digest", "table", "time_zone", "product_named_at", "reported_named_at"),
    *("acceptance_reason", "allowed_origins", "exclusion_reason", "holder", "name"),
    *("api_key", "api_secret", "orders_count_once", "prefix", "previous_secret", "secret", "shop", "shop_currency"),
}
WORTH = {"stylist": 1000, "Stylist": 2000, "stýlist": 3000}


def test_columns_when_callers_choose_the_text_are_exact() -> None:
    columns = {
        (model.__name__, field.name): field
        for model in apps.get_app_config("alhena_tracking").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, CharField | TextField)
    }
    inexact = {name for name, field in columns.items() if not isinstance(field, ExactCharField)}
    assert {field for _, field in inexact} == OWN_TEXTS
    assert all(field not in OWN_TEXTS for _, field in columns.keys() - inexact)


@pytest.mark.skipif(connection.vendor != "mysql", reason="only MariaDB's columns have a collation of ours")
def test_columns_when_migrated_have_an_exact_collation() -> None:
    for model in apps.get_app_config("alhena_tracking").get_models():
        exact = {field.column for field in model._meta.concrete_fields if isinstance(field, ExactCharField)}
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, model._meta.db_table)
        assert {column.name for column in described if str(column.collation).endswith("_bin")} >= exact


@pytest.mark.parametrize("other", ["Stylist", "stýlist", "stylist "])
def test_texts_when_equal_by_collation_are_two(company: Company, other: str) -> None:
    for profile in ("stylist", other):
        session = VisitorSessionFactory.create(ai_profile=profile)
        assert VisitorSession.objects.get(ai_profile=profile) == session
    assert VisitorSession.objects.values("ai_profile").distinct().count() == 2
    assert VisitorSession.objects.filter(ai_profile="stylist", ai_profile__icontains="STYL").exists()


def test_counts_when_their_keys_differ_by_case_are_two(company: Company) -> None:
    for reason in ("Blank", "blank"):
        key = {"company": company, "counted_on": NOW.date(), "method": "m", "outcome": "invalid", "reason": reason}
        EventCount.objects.create(**key, count=1, last_at=NOW)
    assert EventCount.objects.filter(reason="blank").count() == 1


@pytest.mark.now("2026-05-06T12:00Z")  # so that few days are rolled up
@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_figures_when_profiles_are_equal_by_collation_stay_apart(
    company: Company, client: Client, log_in: Callable[..., Any], is_rolled_up: bool
) -> None:
    for profile, minor in WORTH.items():
        visitor = Visitor(uuid4(), None)
        record(company, [chat(NOW, visitor, ai_profile=profile)])
        record(company, [order(NOW, visitor, order_id=profile, value_minor=minor), cart_event(NOW, visitor)])
    day = Period(NOW.date(), NOW.date())
    if is_rolled_up:
        assert NOW.date() in roll_up()[0].days
        assert not any(result.failed for result in check_rollups())
    assert ai_profiles(company, day) == sorted(WORTH)
    log_in("view_revenueimpact", "view_order")
    for profile, minor in WORTH.items():
        report = revenue_impact(ReportQuery(company=company, period=day, currency="EUR", ai_profile=profile))
        current = report.current
        assert (current.purchase_minor, current.orders, current.sessions, current.carts) == (minor, 1, 1, 1)
        orders = client.get(f"{STAFF_PREFIX}orders", {"profile": profile}).json()["results"]
        assert [row["order_id"] for row in orders] == [profile]
