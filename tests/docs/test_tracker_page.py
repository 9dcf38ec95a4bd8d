"""``docs/tracker.md`` against the code: each promise has tests, and names and numbers are those of the scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from alhena_tracking.conf import SETTINGS
from alhena_tracking.snippet import snippet_html

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "alhena_tracking" / "static" / "alhena_tracking"
PAGE = (ROOT / "docs" / "tracker.md").read_text()
SCRIPTS = {name: (STATIC / f"{name}.js").read_text() for name in ("tracker", "datalayer", "debug", "shopify")}
PROMISES = range(1, 34)


def table(title: str, number: int = 0) -> list[list[str]]:
    """The cells of the rows of a section's table, without its head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?:^\|.*\|\n)+", section, re.MULTILINE)[number].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names_in(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def promises_tested_in_node() -> set[int]:
    """Tests in Node.js are named "[7] …" or "[8, 9] …"."""
    sources = [file.read_text() for file in (ROOT / "tests" / "js").glob("*.test.js")]
    lists = [numbers for source in sources for numbers in re.findall(r"\btest\(\s*[\"'`]\[([\d, ]+)\] ", source)]
    return {int(number) for numbers in lists for number in numbers.split(",")}


def promises_tested_in_browser() -> set[int]:
    """Tests in the browser are named test_7_…."""
    sources = [file.read_text() for file in (ROOT / "tests" / "e2e").glob("test_*.py")]
    return {int(number) for source in sources for number in re.findall(r"^def test_(\d+)_", source, re.MULTILINE)}


def test_promises_when_listed_have_tests_where_the_page_says() -> None:
    node, browser = promises_tested_in_node(), promises_tested_in_browser()
    where = {
        number: "both" if number in node & browser else "Node.js" if number in node else "Chromium"
        for number in node | browser
    }
    rows = table("What it guarantees")
    assert [int(number) for number, _, _ in rows] == list(PROMISES)
    assert {int(number): place for number, _, place in rows} == where


def attributes_of_scripts() -> set[str]:
    """What tracker.js and its companions read of the tracker's element."""
    properties = {
        name
        for source in SCRIPTS.values()
        for name in re.findall(r"\bconfig\.(\w+)|\"(\w+)\" in config\b|\bload\(\"(\w+)\"\)", source)
        for name in [name[0] or name[1] or f"{name[2]}Src"]
    }
    (taken,) = re.findall(r"const \{ ([^}]*) \} = document\.currentScript", SCRIPTS["debug"])
    properties |= {name.split(":")[0] for name in taken.split(", ")}
    return {"data-" + re.sub("[A-Z]", lambda letter: "-" + letter[0].lower(), name) for name in properties}


def test_attributes_when_listed_are_those_that_are_read() -> None:
    rows = table("Its attributes")
    assert {attribute.strip("`") for attribute, _, _ in rows} == attributes_of_scripts()


EVERYTHING: dict[str, Any] = {
    "COOKIE_DOMAIN": "shop.example",
    "REQUIRE_CONSENT": True,
    "RESPECT_DNT": True,
    "COUNTED_QUESTIONS": "answered",
    "DEBUG": True,
    "READ_DATALAYER": True,
    "DATALAYER_VALUE": "as-is",
    "DEFAULT_CURRENCY": "EUR",
    "CART_EVENT_VALUE": "total",
    "LINE_ITEM_VALUE": "unit",
}


def attributes_written(settings: Any, **configured: Any) -> set[str]:
    settings.ALHENA_TRACKING = {"COMPANY_KEY": "acme"} | configured
    return set(re.findall(r" (data-[a-z-]+)=", snippet_html()))


def test_attributes_when_listed_are_those_that_the_tag_writes(settings: Any) -> None:
    rows = table("Its attributes")
    assert {attribute.strip("`") for attribute, _, _ in rows} == attributes_written(settings, **EVERYTHING)
    for attribute, setting, _ in rows:
        name = setting.strip("`")
        assert not name or name in SETTINGS
        if name in EVERYTHING:
            without = {other: value for other, value in EVERYTHING.items() if other != name}
            assert attribute.strip("`") not in attributes_written(settings, **without)


def test_attributes_of_the_page_when_listed_are_those_that_are_read() -> None:
    named = names_in([attribute for attribute, _, _ in table("Its attributes", 1)])
    in_selectors = re.findall(r"\[(data-alhena-\w+)\]", SCRIPTS["tracker"])
    properties = re.findall(r"dataset\.(alhena\w+)", SCRIPTS["tracker"])
    read = {*in_selectors, *("data-alhena-" + name.removeprefix("alhena").lower() for name in properties)}
    assert set(named) == read


def test_storage_when_listed_is_what_is_written() -> None:
    rows = table("What it stores in the browser")
    listed = {(where.strip("`"), name.strip("`")) for where, name, _, _ in rows}
    tracker, bridge, shopify = (SCRIPTS[name] for name in ("tracker", "datalayer", "shopify"))
    assert 'key = "alhena_" + config.companyKey' in tracker
    assert "document.cookie = cookie" in tracker
    assert re.findall(r"writeCookie\(`?(?:(\$\{key\})|key|\"(\w+))", tracker) == [
        ("${key}", ""),
        ("", ""),
        ("", "alhena_test"),
    ]
    written = {("cookie", "alhena_acme"), ("cookie", "alhena_test")}
    assert "localStorage[name] = " in tracker
    (beginning,) = re.findall(r"QUEUED = RegExp\(`\^\$\{key\}(:\w)", tracker)
    written.add(("localStorage", f"alhena_acme{beginning}…"))
    assert 'order_id && key + ":" + [' in tracker
    assert "sessionStorage[orderOf(data)] = 1" in tracker
    written.add(("sessionStorage", "alhena_acme:…"))
    (cart,) = re.findall(r'sessionStorage\[key \+ "(:\w+)"\] = ', bridge)
    written.add(("sessionStorage", "alhena_acme" + cart))
    assert ('const name = key + ":shopify"' in shopify, "localStorage[name] = " in shopify) == (True, True)
    written.add(("localStorage", "alhena_acme:shopify"))
    assert listed == written
    # Nothing else is written anywhere.
    writes = re.findall(r"\.setItem\(|Storage\[[^\]]+\] = |document\.cookie = ", "".join(SCRIPTS.values()))
    assert len(writes) == len(written) - 1  # both cookies are written by one function


def test_lifetimes_when_listed_are_those_of_the_tracker() -> None:
    text = " ".join(cell for row in table("What it stores in the browser") for cell in row)
    source = SCRIPTS["tracker"]

    for code, words in (
        ("> 72 * 3600e3", "after 72 hours"),
        ("entry[4] > 49", "after 50 attempts"),
        ("found.length > 300)", "more than 300 events"),
        (".length > 300_000", "300,000 characters"),
        ("test * 3e7", "30,000,000 seconds"),
    ):
        assert code in source
        assert words in text


def test_widget_events_when_listed_are_those_that_are_heard() -> None:
    section = PAGE.partition("\n## With the Alhena widget\n")[2].partition("\n## ")[0]
    source = SCRIPTS["tracker"]
    endings = re.search(r'config.interactions \? "(\w+)" : "(\w+)"', source)
    assert endings
    prefixes = re.findall(r'listen\("(\w+:)" \+ name', source)
    heard = {prefix + ending for prefix in prefixes for ending in endings.groups()}
    heard |= set(re.findall(r'listen\("(faqs:\w+)"', source))
    assert set(re.findall(r"`(\w+:\w+)`", section)) == heard
