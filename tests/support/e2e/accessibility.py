"""Accessibility violations that axe-core finds."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.runs import IS_FULL_RUN, require

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
#: The parts of a page that are ours. The rest is Django's.
OURS = [".alhena-report", ".alhena-trace", ".alhena-fields > summary", ".alhena-breadcrumbs"]
#: The colour schemes and widths in which pages are checked.
LOOKS = list(product(["light", "dark"], [1280, 320])) if IS_FULL_RUN else [("light", 1280), ("dark", 320)]


def violations(page: Page, parts: list[str] = OURS) -> list[tuple[str, list[str]]]:
    """The rules that these parts of the page violate, each with the violating HTML."""
    require("browser", AXE.exists(), "axe-core is not installed: run `npm ci` in tests/js")
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "parts => axe.run({include: parts.filter(selector => document.querySelector(selector))})", parts
    )
    assert found["passes"], "axe found nothing to look at"
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
