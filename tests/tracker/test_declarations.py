"""``alhena.d.ts`` against the server and the tracker: what TypeScript lets a shop write is what they take.

That it compiles, and refuses what is wrong, is for ``npm run check`` to say, with ``tests/js/types/usage.ts``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alhena_tracking.api.ingestion import serializers
from alhena_tracking.contract import limits
from alhena_tracking.models import CartEvent, Channel

STATIC = Path(__file__).parents[2] / "alhena_tracking" / "static" / "alhena_tracking"
TRACKER = (STATIC / "tracker.js").read_text()
DECLARATIONS = re.sub(r"/\*.*?\*/", "", (STATIC / "alhena.d.ts").read_text(), flags=re.DOTALL)
METHODS = {"sendCartEvent": "CartEvent", "sendCheckoutEvent": "CheckoutEvent", "sendInteraction": "Interaction"}
#: The tracker's word for each interface of event data.
FORMS = {data: method for method, data in METHODS.items()} | {"LineItem": "LINE"}


def interface(name: str) -> dict[str, str]:
    """The properties of an interface and their types; ``?`` at the end of a name is optional."""
    block = re.search(rf"interface {name} \{{(.*?)\n  \}}", DECLARATIONS, re.DOTALL)
    assert block
    return dict(re.findall(r"^    (\w+\??): (.+);$", block[1], re.MULTILINE))


def properties_of_tracker(form: str) -> set[str]:
    """Those of a method, or of ``LINE``, as tracker.js reads them."""
    line = re.search(r'LINE = \{ properties: "([^"]*)" \}', TRACKER)
    assert line
    if form == "LINE":
        return set(line[1].split())
    block = re.search(rf"{form}: \{{.*?properties: [\"`]([^\"`]*)", TRACKER, re.DOTALL)
    assert block
    return set(block[1].replace("${LINE.properties}", line[1]).replace("~", "?").split())


def words(union: str) -> set[str]:
    return set(re.findall(r'"(\w+)"', union))


def test_methods_when_declared_are_those_of_the_server_and_setconsent() -> None:
    overloads = dict(re.findall(r'function trackAlhenaEvent\(method: "(\w+)", data: ([\w.]+)\): void;', DECLARATIONS))
    assert overloads == {method: f"Alhena.{data}" for method, data in METHODS.items()} | {"setConsent": "boolean"}
    assert set(METHODS) == set(serializers.METHODS)
    queued = dict(re.findall(r'\{ method: "(\w+)"; args: (\w+) \}', DECLARATIONS))
    assert queued == METHODS | {"setConsent": "boolean"}


def test_types_when_declared_are_those_of_the_server() -> None:
    assert words(interface("CartEvent")["type"]) == set(CartEvent.Type.values)
    assert words(interface("Interaction")["type"]) == set(Channel.values)


@pytest.mark.parametrize(("name", "form"), FORMS.items())
def test_properties_when_declared_are_those_that_the_tracker_reads(name: str, form: str) -> None:
    assert set(interface(name)) == properties_of_tracker(form)


def test_legacy_methods_when_declared_are_those_of_the_tracker() -> None:
    declared = re.search(r"interface Widget \{(.*?)\n  \}", DECLARATIONS, re.DOTALL)
    block = re.search(r"const LEGACY = \{(.*?)\n  \};", TRACKER, re.DOTALL)
    assert declared
    assert block
    assert re.findall(r"^    (\w+)\(", declared[1], re.MULTILINE) == re.findall(r"^    (\w+):", block[1], re.MULTILINE)


def test_limits_when_declared_in_comments_are_the_servers() -> None:
    text = (STATIC / "alhena.d.ts").read_text()
    assert f"at most {limits.TEXT_LENGTH} characters (a product's name: {limits.PRODUCT_NAME_LENGTH})" in text
    assert f"at most {limits.LINE_ITEMS}, all in the order's currency" in text
