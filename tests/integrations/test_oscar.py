"""Runs the tests of ``oscar/``, which need the settings of a shop of Oscar's apps, and so a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.support.runs import require

SHOP = "tests.support.oscar.settings"
#: Oscar and its libraries use what Django will remove.
OPTIONS = ["-W", "ignore::DeprecationWarning", "-W", "ignore::PendingDeprecationWarning"]


def test_oscar_shop_when_tested_with_its_settings_passes() -> None:
    require("oscar", find_spec("oscar") is not None, "django-oscar is not installed: pip install --group oscar")
    require("oscar", find_spec("sorl") is not None, "sorl-thumbnail is not installed: pip install --group oscar")
    folder = str(Path(__file__).with_name("oscar"))
    # This run's own options and workers are not those of that one.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"--ds={SHOP}", *OPTIONS]
    run = subprocess.run(
        [*command, "-m", "not browser", folder],
        env=own | {"DJANGO_SETTINGS_MODULE": SHOP},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
