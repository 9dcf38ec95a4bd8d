"""``docs/ga4.md`` against ``datalayer.js``. Its example is run in ``tests/js/datalayer.test.js``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ga4.md").read_text()
BRIDGE = (ROOT / "alhena_tracking" / "static" / "alhena_tracking" / "datalayer.js").read_text()


def first_cells(number: int) -> set[str]:
    """The code in the first column of one of the page's tables."""
    rows = re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE)[number].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_events_when_listed_are_those_that_are_read() -> None:
    block = re.search(r"const EVENTS = \{(.*?)\n  \};", BRIDGE, re.DOTALL)
    assert block
    assert first_cells(0) == set(re.findall(r"^    (\w+)[:(]", block[1], re.MULTILINE))


def test_parameters_when_listed_are_those_that_are_read() -> None:
    assert first_cells(1) == set(re.findall(r"\b(?:item|event)\??\.(\w+)", BRIDGE))


def test_settings_when_listed_are_those_the_tracker_receives() -> None:
    configured = set(re.findall(r"\bconfig\.(\w+)", BRIDGE)) - {"companyKey"}
    assert first_cells(4) == {re.sub("[A-Z]", lambda letter: "_" + letter[0], name).upper() for name in configured}
