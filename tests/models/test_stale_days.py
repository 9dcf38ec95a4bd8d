"""The migrations that mark days stale because their roll-ups lack what orders hold."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from alhena_tracking.models import Company, RolledUpDay
from tests.support import factories
from tests.support.factories import at

pytestmark = pytest.mark.django_db

FIRST = date(2026, 4, 1)


def test_days_when_their_orders_hold_more_than_is_rolled_up_are_marked(company: Company) -> None:
    kinds = ("nothing", "lines", "no lines", "direct", "tax", "shipping", "discount")
    days = dict(zip(kinds, (FIRST + timedelta(days=number) for number in range(len(kinds))), strict=True))
    other = factories.CompanyFactory.create()
    for shop in (company, other):
        RolledUpDay.objects.bulk_create([RolledUpDay(company=shop, on=day, is_stale=False) for day in days.values()])
    for kind, day in days.items():
        if kind == "nothing":
            continue
        session = factories.VisitorSessionFactory.create(company=company, started_at=at(day))
        stated = {f"{kind}_minor": 100} if kind in {"tax", "shipping", "discount"} else {}
        order = factories.OrderFactory.create(session=session, **stated)
        if kind != "no lines":
            factories.OrderLineFactory.create(order=order, is_direct=kind == "direct")
    migration = import_module("alhena_tracking.migrations.0013_amounts_of_orders")
    migration.mark_stale(apps, SimpleNamespace(connection=connection))
    stale = RolledUpDay.objects.filter(is_stale=True).values_list("company", "on")
    assert set(stale) == {(company.pk, day) for kind, day in days.items() if kind not in {"nothing", "lines"}}


def test_days_when_products_were_recommended_are_marked(company: Company) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "nothing": {},
        "named": {"product_id": "tea"},
        "unfit": {"is_qualifying": False},
        "recommended": {},
    }
    for number, (kind, fields) in enumerate(kinds.items()):
        day = FIRST + timedelta(days=number)
        RolledUpDay.objects.create(company=company, on=day, is_stale=False, has_stale_sessions=False)
        session = factories.VisitorSessionFactory.create(company=company, started_at=at(day))
        product_ids = ["tea"] if kind in {"unfit", "recommended"} else None
        factories.InteractionFactory.create(session=session, recommended_product_ids=product_ids, **fields)
    migration = import_module("alhena_tracking.migrations.0014_recommendations")
    migration.mark_stale(apps, SimpleNamespace(connection=connection))
    assert RolledUpDay.objects.get(has_stale_sessions=True).on == FIRST + timedelta(days=3)
