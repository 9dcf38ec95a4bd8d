"""The README and the pages of ``docs/``: where their links lead, and that each page is listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").glob("*.md"))


def links(page: str) -> list[tuple[str, str]]:
    """Those of a page to files of the project: path, as seen from the page, and anchor."""
    targets = re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text())
    return [(path, anchor) for path, _, anchor in (target.partition("#") for target in targets) if ":" not in path]


def anchors(markdown: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_when_followed_lead_somewhere(page: str) -> None:
    for path, anchor in links(page):
        linked = ROOT / Path(page).parent / path if path else ROOT / page
        assert linked.exists(), path
        assert not anchor or anchor in anchors(linked.read_text()), (path, anchor)


def test_pages_when_written_are_listed_in_the_readme() -> None:
    assert set(PAGES) <= {path for path, _ in links("README.md")}
