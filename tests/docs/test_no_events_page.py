"""``docs/no-events.md`` compared with the scripts: every message of theirs is on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alhena_tracking.api.schema import answers
from alhena_tracking.contract import limits

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "alhena_tracking" / "static" / "alhena_tracking"
PAGE = (ROOT / "docs" / "no-events.md").read_text()
CODE = re.findall(r"`([^`\n]+)`", PAGE)


def without_comments(name: str) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*?$", "", (STATIC / name).read_text(), flags=re.DOTALL | re.MULTILINE)


def texts(source: str) -> Iterator[str]:
    """The string literals of a script, as far as they are constant."""
    for template, literal in re.findall(r'`([^`]*)`|"([^"\n]*)"', source):
        for embedded in re.findall(r"\$\{([^}]*)\}", template):
            yield from texts(embedded)
        yield from re.split(r"\$\{[^}]*\}", template)
        yield literal


def sentences(source: str) -> list[str]:
    """The literals that are messages: several words."""
    stripped = {text.strip() for text in texts(source)}
    return sorted(text for text in stripped if re.search(r"[a-z]{3}.* |\w\.$", text) and text != "use strict")


def test_sentences_when_searched_in_debug_mode_are_all_of_them() -> None:
    found = sentences(without_comments("debug.js"))
    assert "not sent: the visitor declined (setConsent)." in found
    assert "could not be delivered (" in found
    assert "recorded." in found
    assert len(found) >= 20


@pytest.mark.parametrize("sentence", sentences(without_comments("debug.js")))
def test_message_when_debug_mode_says_it_is_on_the_page(sentence: str) -> None:
    assert [code for code in CODE if sentence in code], sentence


def complaints() -> list[str]:
    """What tracker.js writes to the console as an error."""
    source = without_comments("tracker.js")
    calls = re.findall(r"\bcomplain\((.*)\);?$|const rule = (.*);$", source, re.MULTILINE)
    return sorted({text.strip() for call in calls for text in texts("".join(call)) if re.search("[a-z]{2}", text)})


def test_complaints_when_searched_in_the_tracker_are_all_of_them() -> None:
    source = without_comments("tracker.js")
    assert len(re.findall(r"\bcomplain\(", source)) == 7
    assert {"dropped: too old or too many", "must be", "rejected:", "unknown method:"} <= set(complaints())


@pytest.mark.parametrize("complaint", complaints())
def test_message_when_the_tracker_complains_is_on_the_page(complaint: str) -> None:
    assert [code for code in CODE if complaint in code], complaint


def test_reasons_and_statuses_when_explained_are_those_of_the_server() -> None:
    of_browsers = set(answers.REASONS) - {"unknown_order", "exceeds_order"}
    assert of_browsers <= set(CODE)
    section = PAGE.partition("\n## 5. ")[2].partition("\n## 6. ")[0]
    statuses = {int(status) for status in re.findall(r"^\| (\d{3})", section, re.MULTILINE)}
    assert {403, 404, 405, 413, 415, 429, 503} <= statuses


def test_limits_when_named_are_those_of_the_tracker() -> None:
    source = (STATIC / "tracker.js").read_text()
    assert "entry[4] > 49" in source
    assert "50 attempts" in PAGE
    assert "found.length > 300" in source
    assert "more than 300 events" in PAGE
    assert limits.BATCH_BODY_BYTES == 256 * 1024
    assert "allow 256 KiB" in PAGE
