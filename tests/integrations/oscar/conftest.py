"""These tests need the Oscar shop's settings: ``pytest --ds=tests.support.oscar.settings tests/integrations/oscar``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHOP = "tests.support.oscar.settings"


def pytest_configure(config: pytest.Config) -> None:
    for category in ("DeprecationWarning", "PendingDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::{category}")  # of Oscar and its libraries


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the tests out of other settings' runs; ``tests/integrations/test_oscar.py`` runs them there."""
    return None if os.environ.get("DJANGO_SETTINGS_MODULE") == SHOP else True
