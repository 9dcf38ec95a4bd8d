"""The tracker: its own tests, run in Node.js, and what it shares with the server."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from alhena_tracking.contract import currencies, limits
from alhena_tracking.models import CartEvent, Channel
from tests.support.runs import require

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "alhena_tracking" / "static" / "alhena_tracking"
TRACKER = (STATIC / "tracker.js").read_text()


@pytest.mark.node
def test_tracker_when_its_own_tests_run_passes() -> None:
    node = shutil.which("node")
    require("node", node is not None, "Node.js is not installed")
    folder = ROOT / "tests" / "js"
    require("node", (folder / "node_modules" / "happy-dom").exists(), "run `npm ci` in tests/js")
    assert node
    files = sorted(file.name for file in folder.glob("*.test.js"))
    assert files
    run = subprocess.run(
        [node, "--test", "--test-reporter=spec", *files], cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def test_currencies_when_compared_are_the_servers() -> None:
    block = re.search(r"CURRENCIES = [^{]*\{(.*?)\};", TRACKER, re.DOTALL)
    assert block
    found = {
        first + rest.upper(): int(unit)
        for unit, codes in re.findall(r"(\d): \"(\w+)\"", block[1])
        for first, endings in re.findall(r"([A-Z])([a-z]+)", codes)
        for rest in re.findall("..", endings)
    }
    assert found == {code: currencies.MINOR_UNITS[code] for code in currencies.ACTIVE}


def test_currencies_when_iso4217_lists_more_are_added_here() -> None:
    """A new currency of the standard needs a place in ``currencies``: among the accepted or the rejected."""
    import iso4217

    listed = {currency.code: currency.exponent for currency in iso4217.Currency}
    assert listed.keys() <= currencies.MINOR_UNITS.keys() | currencies.REFUSED
    assert {code: unit for code, unit in listed.items() if code in currencies.MINOR_UNITS} == {
        code: unit for code, unit in currencies.MINOR_UNITS.items() if code in listed
    }


@pytest.mark.parametrize("word", [*CartEvent.Type.values, *Channel.values])
def test_enum_values_when_compared_are_the_servers(word: str) -> None:
    assert re.search(rf"\b{word}\b", TRACKER)


#: What ECMAScript means by \s, and removes by trim(): WhiteSpace and LineTerminator (https://tc39.es/ecma262/#sec-white-space).
_ECMASCRIPT_SPACE = "\t\n\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def test_white_space_when_compared_is_the_servers() -> None:
    # trim() removes what \\s matches; the pattern, what else there is.
    source = re.search(r"text\.trim\(\)\.replace\(/\^(\\x\w\w)\+\|\1\$/g", TRACKER)
    assert source
    inside = re.compile(f"[{source[1]}{_ECMASCRIPT_SPACE}]")
    assert {chr(point) for point in range(0x10000) if inside.match(chr(point))} == set(limits.WHITE_SPACE)
