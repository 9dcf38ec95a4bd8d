"""Requests to the endpoints, from valid to nonsense: a nearly valid body, changed a few times."""

from __future__ import annotations

import copy
import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tests.support.contract import load_examples, wire

PATHS = ["interactions", "cart_events", "checkout_events", "batch", "refunds"]

#: The time of all requests.
NOW = datetime(2026, 1, 31, 12, 0, 10, tzinfo=UTC)
#: Visitors by their two fingerprints. The first ones have interactions.
VISITORS = [(str(uuid.UUID(int=2 * n + 0xA0)), str(uuid.UUID(int=2 * n + 0xA1))) for n in range(6)]
KNOWN_VISITORS = VISITORS[:4]
#: An order of the first visitor, and its currency.
KNOWN_ORDER = {"order_id": "1001", "value": 1_000_000, "currency": "USD"}
#: Placeholder for the secret key in a header, since the test creates the key.
SECRET_KEY = "<secret key>"

EVENT_IDS = [str(uuid.UUID(int=n + 0xE000)) for n in range(200)]
ORDER_IDS = ["1001", "1002", "a1", "A1", "Á1", "A\u0301", "#00 Ab", "😀", "\u202e1", "x" * 255]
PRODUCT_IDS = ["SKU-1", "SKU-2", "sku-1", "ß", "SS", "</script>"]
CURRENCIES = ["USD", "USD", "USD", "EUR", "JPY", "KWD", "usd", " usd\n"]
VALUES = [89, 19.989999999999998, 19.99, 1, 10, 178.0, 50, 0.005, 0, 1e-7, -1e-17, 10**7, 10**10, 1e11]
QUANTITIES = [1, 1, 2, 2, 3, 4, 0.5, 0.30000000000000004, 0.001, 1000, 0, 0.0004, 10**6]
TIMES = ["2026-01-31T12:00:00Z", "2026-01-31T11:58:30.5+00:00", "2026-01-31 13:00:00+0100", "2026-01-30T12:00:00Z"]
SENT_AT = ["2026-01-31T12:00:00Z", "2026-01-31T12:00:02.123456789Z", "2026-01-31T12:09:00+00:00"]

#: JSON literals that Python does not write.
_RAW = "@raw:{}@"
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.5, -0.0, -0.0049, 1e-300, 2**53, 2**63, 2**64, 10**30, -(10**30), 1.7e308),
    *(1e6, 1000000.0005, 10**11 + 0.01, 1e13, 1e13 + 1, 10**15, 0.0005, 0.00049999),
    *(_RAW.format(token) for token in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0", "1E5")),
    *(_RAW.format(token) for token in ("9" * 4000, "9" * 5000, "0." + "3" * 5000, "01", "+1", "nul", "'a'", "[1,]")),
    *("", " ", "\u3000\ufeff", "\x1c", "\0", "a\0b", "\ud800", "a\udfff", "\udc00\ud800", "\u202ea", "\u2066"),
    *("a" * 255, "a" * 256, "😀" * 255, "😀" * 256, "é" * 512, "😀" * 512, "😀" * 513, " " * 600 + "a", "\uffff" * 255),
    *("1", "1_000", "١٢٣", "79.99", "true", "null", "undefined", "NaN", "%s", "%(limit)s", "{0}", "\\", '"', "'; --"),
    *("=HYPERLINK(1)", "</script>", "a1", "ß", "ı", "ﬀ", "A\u030a", "\U0010ffff", "CHAT ", "chat"),
    *("USD", "usd", "XXX", "XAU", "BOV", "USDC", "ıls", "JPY", "KWD", "acme", "ACME", "nobody", "acme\0", "ac me"),
    *("00000000-0000-0000-0000-000000000000", "f" * 32, "{" + EVENT_IDS[0] + "}", EVENT_IDS[0].upper(), "urn:uuid:x"),
    *(EVENT_IDS[0], EVENT_IDS[0].replace("-", ""), EVENT_IDS[0][:-1], VISITORS[0][0], VISITORS[0][1], VISITORS[5][0]),
    *("2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "2026-01-31T12:00:60Z", "2026-W05-6T12:00:00Z", "now", "1"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-31T12:00:00+99:99", "٢٠٢٦-01-31T12:00:00Z"),
    *([], {}, [[]], [None], {"a": 1}, {"": ""}, {"\0": "\ud800"}, [1] * 600, [{}] * 101, {"__proto__": {}}),
    *("CHAT", "ITEM_ADDED", "sendInteraction", "sendCartEvent", "sendCheckoutEvent", "sendRefund", "sendConsent"),
]
ODD_KEYS = ["", "\0", "\ud800", "id", "pk", "company", "__proto__", "__class__", "errors", "x" * 1000, "data", "events"]

CONTENT_TYPES = [
    *("application/json", "text/plain", "text/plain;charset=UTF-8", "application/json; charset=utf-8", "TEXT/PLAIN"),
    *("application/json; charset=utf-16", "text/plain; charset=zlib", "text/plain; charset=", "text/plain;charset"),
    *("", "/", ";", "\xff", "a" * 999, "text/html", "application/x-www-form-urlencoded"),
    *("application/json, text/plain", "application/json\t", 'text/plain; charset="utf-8"', "text/plain; charset=\xff"),
    *("multipart/form-data; boundary=x", "multipart/form-data", "application/json; charset*=utf-8''utf-8"),
]
AUTHORIZATIONS = [
    *(f"Bearer {SECRET_KEY}", f"bearer {SECRET_KEY}", f"Bearer {SECRET_KEY} ", f"Bearer  {SECRET_KEY}", SECRET_KEY),
    *("", " ", "Bearer", "Bearer wrong", "Basic YTpi", "Token x", "Digest \xff", "Bearer \xff", f"Bearer {'x' * 8000}"),
]
ORIGINS = [
    *("http://testserver", "https://shop.example", "https://SHOP.example", "http://shop.example"),
    *(
        "https://shop.example/",
        "null",
        "",
        "://",
        "http://[",
        "\xff",
        "https://shop.example\xa0",
        "x" * 9000,
        "https://evil.example",
        "*",
    ),
]
OTHER_HEADERS = {
    "Sec-GPC": ["1", "0", "true", ""],
    "DNT": ["1", "0"],
    "X-Forwarded-For": [
        "",
        ",",
        "1.2.3.4",
        "1.2.3.4, 10.0.0.1",
        "::1",
        "[::1]:80",
        "\xff",
        "1.2.3.4:x",
        "9" * 5000,
        "fe80::%1",
    ],
    "User-Agent": ["", "Googlebot/2.1", "Mozilla/5.0", "\xff" * 3, "x" * 9000, "curl/8"],
    "Accept": ["text/html", "application/json", "*/*", ";", "\xff", "application/xml;q=x"],
    "Accept-Language": ["de", "fr", "xx", "*", "de;q=x", "\xff", "en," * 500],
    "Accept-Encoding": ["gzip", "identity;q=0"],
    "Content-Encoding": ["gzip", "deflate", "br"],
    "Content-Length": ["0", "1", "-1", "x", "", "99999999", "9" * 5000, "١"],
    "Cookie": [
        "alhena_acme=x",
        "sessionid=x; csrftoken=y",
        "\xff",
        "=",
        "alhena_acme=1." + ".".join(VISITORS[0]) + ".1",
    ],
    "X-HTTP-Method-Override": ["GET", "DELETE"],
    "X-Requested-With": ["XMLHttpRequest"],
    "Referer": ["https://shop.example/", "\xff"],
    "Range": ["bytes=0-0"],
    "Expect": ["100-continue"],
}
METHODS = ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "post", "FOO", "\xff"]


@dataclass
class OddRequest:
    path: str
    body: bytes
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def _pick(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def _often(values: list[Any]) -> st.SearchStrategy[Any]:
    """One of the values, or with a probability of one third ``None``, to omit the field."""
    return st.sampled_from([*values, *[None] * (len(values) // 2)])


_IDENTITY = {
    "company_key": st.sampled_from(["acme"] * 40 + ["other", "nobody"]),
    "visitor": st.sampled_from([*KNOWN_VISITORS * 3, *VISITORS]),
    "fingerprints": _pick("both", "both", "both", "both", "chat", "chat", "chat", "faq", "faq", "none"),
    "sent_at": _often(SENT_AT),
}
_EVENT = {"event_id": _often(EVENT_IDS), "occurred_at": _often(TIMES), "source": _pick(None, None, "SHOPIFY", "\u202e")}
_PRODUCT = {"product_id": st.sampled_from(PRODUCT_IDS), "product_name": _pick("Mug", "=1+1", "😀" * 512)}
_AMOUNT = {"value": st.sampled_from(VALUES), "currency": st.sampled_from(CURRENCIES)}
_DATA: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "sendInteraction": {
        "type": _pick("CHAT", "FAQ", "NUDGE"),
        "product_id": _often(PRODUCT_IDS),
        "ai_profile": _pick(None, "Sales", "Vérone", "\u202e"),
        "recommended_product_ids": _pick(None, [], PRODUCT_IDS[:3], PRODUCT_IDS * 20, "mug", [None], ["\0"]),
    },
    "sendCartEvent": {
        "type": _pick("ITEM_ADDED", "ITEM_ADDED", "QUANTITY_INCREASED", "QUANTITY_DECREASED", "ITEM_REMOVED"),
        **_PRODUCT,
        **_AMOUNT,
        "quantity": st.sampled_from(QUANTITIES),
    },
    "sendCheckoutEvent": {"order_id": _often(ORDER_IDS), **_AMOUNT, "lines": _pick(0, 0, 1, 2, 3)},
}
_METHOD_OF_PATH = {
    "interactions": "sendInteraction",
    "cart_events": "sendCartEvent",
    "checkout_events": "sendCheckoutEvent",
}
_REFUND = {"order_id": st.sampled_from(["1001"] * 5 + ORDER_IDS), "refund_id": _pick("r1", "R1", "r2", "r3"), **_AMOUNT}
_LINE = {**_PRODUCT, "value": st.sampled_from(VALUES), "quantity": st.sampled_from(QUANTITIES)}
_CONTRACT = [(example["method"], wire(example["data"])) for example in load_examples()]

_values = st.one_of(
    st.sampled_from(ODD_VALUES),
    st.sampled_from(ODD_VALUES),
    st.sampled_from(ODD_VALUES),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.floats(),
    st.integers(),
)
_keys = st.sampled_from([*ODD_KEYS, "order_id", "line_items", "value", "user_fingerprint", "occurred_at"])
_small = st.integers(0, 99)
_large = st.integers(0, 9999)
_contract = st.sampled_from(_CONTRACT)
_methods = st.sampled_from(list(_DATA))


@st.composite
def odd_requests(draw: st.DrawFn, paths: tuple[str, ...] = tuple(PATHS)) -> OddRequest:
    """One request. About half of them are valid."""
    path = draw(st.sampled_from(paths))
    body = _body(draw, draw(st.sampled_from(PATHS)) if _rarely(draw, 2) else path)
    for _ in range(draw(_pick(0, 0, 0, 0, 0, 0, 0, 1, 2, 4))):
        body = _bent(draw, body)
    text = json.dumps(body, ensure_ascii=not _rarely(draw, 20))
    data = re.sub(r'"@raw:(.*?)@"', lambda match: match[1], text).encode(errors="surrogatepass")
    if _rarely(draw, 6):
        data = _broken(draw, data)
    request = OddRequest(path, data, headers=_headers(draw, path))
    if _rarely(draw, 3):
        request.method = draw(st.sampled_from(METHODS))
    return request


def _rarely(draw: st.DrawFn, percent: int) -> bool:
    """Draw whether something unusual happens. Hypothesis shrinks to False."""
    return draw(_small) >= 100 - percent


def _value(draw: st.DrawFn) -> Any:
    return copy.deepcopy(draw(_values))  # since it may be changed later


def _fields(draw: st.DrawFn, strategies: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    drawn = {name: draw(strategy) for name, strategy in strategies.items()}
    return {name: value for name, value in drawn.items() if value is not None}


def _body(draw: st.DrawFn, path: str) -> Any:
    identity = _fields(draw, _IDENTITY)
    visitor, kind = identity.pop("visitor"), identity.pop("fingerprints")
    if path == "refunds":
        return {"company_key": identity["company_key"], **_fields(draw, _REFUND)}
    if kind in {"both", "chat"}:
        identity["user_fingerprint"] = visitor[0]
    if kind in {"both", "faq"}:
        identity["user_faq_fingerprint"] = visitor[1]
    if path == "batch":
        return {**identity, "events": [_batched(draw) for _ in range(draw(_pick(0, 1, 2, 2, 3, 5, 8)))]}
    method = _METHOD_OF_PATH[path]
    return {**identity, **_fields(draw, _EVENT), **_data(draw, method)}


def _batched(draw: st.DrawFn) -> Any:
    method = draw(_methods)
    event = {"method": method, "data": _data(draw, method), **_fields(draw, _EVENT)}
    if _rarely(draw, 20):  # which is read with a secret key only
        event |= dict(zip(("user_fingerprint", "user_faq_fingerprint"), draw(_IDENTITY["visitor"]), strict=True))
    return _value(draw) if _rarely(draw, 5) else event


def _data(draw: st.DrawFn, method: str) -> dict[str, Any]:
    if _rarely(draw, 6):
        example_method, data = draw(_contract)
        if example_method == method and isinstance(data, dict):
            return copy.deepcopy(data)
    data = _fields(draw, _DATA[method])
    if lines := data.pop("lines", 0):
        data["line_items"] = [{**_fields(draw, _LINE), "currency": data["currency"]} for _ in range(lines)]
    return data


def _bent(draw: st.DrawFn, body: Any) -> Any:
    """The body with one change at any place."""
    places = list(_places(body))
    if not places or _rarely(draw, 3):
        return _value(draw)
    container, key = places[draw(_large) % len(places)]
    action = draw(_pick("replace", "replace", "replace", "remove", "add", "repeat"))
    if action == "replace":
        container[key] = _value(draw)
    elif action == "remove":
        del container[key]
    elif isinstance(container, dict):
        container[draw(_keys)] = _value(draw) if action == "add" else copy.deepcopy(container[key])
    else:
        container.extend(copy.deepcopy(container[key]) for _ in range(draw(_pick(1, 3, 120, 520))))
    return body


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        yield value, key
        yield from _places(item)


def _broken(draw: st.DrawFn, data: bytes) -> bytes:
    """A body that is not JSON, or JSON with a wrong structure."""
    at = draw(_large) % (len(data) + 1)
    match draw(_pick("cut", "cut", "insert", "insert", "random", "twice", "utf-16", "bom", "deep", "large", "padded")):
        case "cut":
            return data[:at]
        case "insert":
            return data[:at] + draw(st.binary(max_size=4)) + data[at:]
        case "random":
            return draw(st.binary(max_size=30))
        case "twice":
            return data.replace(b"{", b'{"company_key": "acme", ', 1)
        case "utf-16":
            return data.decode(errors="replace").encode("utf-16")
        case "bom":
            return b"\xef\xbb\xbf" + data
        case "deep":
            return b"[" * (at * 50) + data
        case "large":
            return data.ljust(draw(_pick(65_536, 65_537, 262_144, 262_145)))
        case _:
            return b"\n \t" + data + b"\r\n"


def _headers(draw: st.DrawFn, path: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    kind = draw(_small)
    if 40 <= kind < 65 or (path == "refunds" and kind < 95):
        headers["Authorization"] = f"Bearer {SECRET_KEY}"
    if 65 <= kind < 72:
        headers["Content-Type"] = draw(st.sampled_from(CONTENT_TYPES[:5]))
    if 72 <= kind < 78:
        headers["Origin"] = draw(st.sampled_from(ORIGINS[:3]))
    if 78 <= kind < 86:
        name = draw(st.sampled_from(list(OTHER_HEADERS)))
        headers[name] = draw(st.sampled_from(OTHER_HEADERS[name]))
    if 86 <= kind < 90:
        headers["Origin"] = draw(st.sampled_from(ORIGINS))
    if 90 <= kind < 95:
        headers["Content-Type"] = draw(st.sampled_from(CONTENT_TYPES))
    if 95 <= kind < 99:
        headers["Authorization"] = draw(st.sampled_from(AUTHORIZATIONS))
    return headers
