"""What the tests of downloads share: where files in the background are, and a shop with orders."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.files.storage import InMemoryStorage

from alhena_tracking.downloads import (
    background,
)
from alhena_tracking.models import Company
from tests.support import factories
from tests.support.factories import at

MONDAY = date(2026, 3, 2)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> InMemoryStorage:
    found = InMemoryStorage()
    monkeypatch.setattr(background, "storage", lambda: found)
    monkeypatch.setattr("alhena_tracking.admin.report.files.storage", lambda: found)
    return found


@pytest.fixture
def shop(company: Company) -> Company:
    session = factories.VisitorSessionFactory.create(company=company, started_at=at(MONDAY))
    for number in range(3):
        factories.OrderFactory.create(session=session, order_id=f"A-{number}")
    return company
