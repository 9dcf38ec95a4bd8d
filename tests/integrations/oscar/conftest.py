"""Oscar's apps need the settings of a shop of their own, ``pytest --ds=tests.support.oscar.settings``."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

SHOP = "tests.support.oscar.settings"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests out of other settings' runs: ``tests/integrations/test_oscar.py`` runs them with theirs."""
    return None if settings.SETTINGS_MODULE == SHOP else True
