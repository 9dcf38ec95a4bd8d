"""The migration that marks roll-ups of before conversations were added up."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from alhena_tracking.models import Company, RolledUpDay
from tests.support import factories

pytestmark = pytest.mark.django_db

migration = import_module("alhena_tracking.migrations.0016_stale_conversation_days")
MONDAY = date(2026, 3, 2)


def test_days_when_they_had_conversations_are_marked_stale(company: Company) -> None:
    """On Monday a session begins with a conversation, on Tuesday one without; their orders are of Wednesday."""
    monday, tuesday, wednesday, thursday = days = [MONDAY + timedelta(days=number) for number in range(4)]
    others = factories.CompanyFactory.create()
    for one in (company, others):
        for on in days:
            RolledUpDay.objects.create(company=one, on=on, is_stale=False, has_stale_sessions=False)
    for on, talk in ((monday, "c-1"), (tuesday, "")):
        session = factories.VisitorSessionFactory.create(company=company, started_at=factories.at(on))
        interaction = factories.InteractionFactory.create(session=session, conversation_id=talk)
        when = factories.at(wednesday if talk else thursday)
        factories.OrderFactory.create(session=session, credited_interaction=interaction, occurred_at=when)
    for _ in range(2):
        migration.mark(apps, SimpleNamespace(connection=connection))
        marked = RolledUpDay.objects.filter(company=company).order_by("on")
        assert list(marked.values_list("is_stale", flat=True)) == [False, False, True, False]
        assert list(marked.values_list("has_stale_sessions", flat=True)) == [True, False, False, False]
    assert RolledUpDay.objects.finished().filter(company=others).count() == len(days)
