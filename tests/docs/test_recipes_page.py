"""``docs/recipes.md``: each recipe runs as it stands there, on payloads of its shop system, against a live server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from pytest_django.live_server_helper import LiveServer

from alhena_tracking import company_cache
from alhena_tracking.diagnosis import event_counts
from alhena_tracking.events import record_interaction
from alhena_tracking.ingestion import Visitor
from alhena_tracking.models import Company, EventCount, Order, PendingConfirmation, Refund, SecretKey, Trust

pytestmark = [
    pytest.mark.any_database,
    pytest.mark.now("2026-11-20T09:30Z"),
]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes.md").read_text()
PAYLOADS = ROOT / "tests" / "integrations" / "payloads"
SALEOR = PAYLOADS / "saleor"
EXPECTED = json.loads((SALEOR / "expected.json").read_text())
SIGNATURES = json.loads((SALEOR / "headers.json").read_text())["files"]
VISITOR = Visitor(UUID("3f0c2b7e-5a41-4c8e-9d17-6b2f8a90c1d4"), UUID("a6e0d3b4-7c19-4f02-9e55-21d8b7c4f3a0"))
LINES = {"Blue mug": (2, 2500), "Copper kettle": (1, 4900)}

#: By the name in their first line, such as ``saleor.py``.
RECIPES = {name: code for _, name, code in re.findall(r"```(?:python|js)\n((?:#|//) (\S+)\n(.*?))```", PAGE, re.DOTALL)}
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


@pytest.fixture
def shop(live_server: LiveServer) -> SimpleNamespace:
    """A shop whose visitor has used the chat: our URL and its secret key."""
    company = Company.objects.get(key="acme")
    at = datetime(2026, 11, 20, 8, 50, tzinfo=UTC)
    record_interaction(VISITOR, company="acme", type="CHAT", occurred_at=at)
    key = SecretKey(company=company, name="shop").issue()
    company_cache.clear()  # which has the company without the key
    return SimpleNamespace(url=f"{live_server.url}/alhena/", key=key)


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a recipe in Python."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(RECIPES[f"{name}.py"], module.__dict__)  # noqa: S102
    return module


@pytest.fixture
def recipe(shop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a recipe that sends to our server."""
    sender = load("alhena", monkeypatch)
    monkeypatch.setattr(sender, "ALHENA", shop.url)
    monkeypatch.setattr(sender, "KEY", shop.key)
    return lambda name: load(name, monkeypatch)


def run_in_node(folder: Path, shop: SimpleNamespace, code: str) -> None:
    """Run code beside the recipes in JavaScript."""
    for name in ("alhena.js", "medusa.js", "vendure.js"):
        (folder / name).write_text(RECIPES[name])
    (folder / "package.json").write_text('{"type": "module"}')
    vendure = folder / "node_modules" / "@vendure" / "core"
    vendure.mkdir(parents=True)
    (vendure / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (vendure / "index.js").write_text(
        "export class OrderStateTransitionEvent {}\nexport class RefundStateTransitionEvent {}\n"
    )
    (folder / "run.js").write_text(code)
    environment = {**os.environ, "ALHENA_URL": shop.url, "ALHENA_KEY": shop.key}
    done = subprocess.run(
        ["node", "run.js"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / "recipes" / f"{name}.json").read_text())


def assert_recorded(order_id: str, trust: Trust, lines: dict[str, tuple[int, int]] = LINES) -> None:
    """The order of 78.90 is recorded once, less the refund of 12.50."""
    order = Order.objects.get()
    assert (order.order_id, order.value_minor, Trust(order.trust)) == (order_id, 7890, trust)
    assert {line.product_name: (int(line.quantity), line.total_minor) for line in order.lines.all()} == lines
    assert order.occurred_at.replace(microsecond=0) == datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC)
    refund = Refund.objects.get()
    assert (refund.value_minor, refund.counted_minor) == (1250, 1250)


def report_from_the_thank_you_page(shop: SimpleNamespace, order_id: str, currency: str) -> None:
    body = {
        "company_key": "acme",
        "user_fingerprint": str(VISITOR.user_fingerprint),
        "order_id": order_id,
        "value": 78.9,
        "currency": currency,
        "occurred_at": "2026-11-20T09:00:01Z",
    }
    url = f"{shop.url}analytics/checkout_events"
    urlopen(Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}), timeout=10).close()  # noqa: S310


# Saleor


@pytest.mark.parametrize("name", EXPECTED)
def test_saleor_when_an_event_comes_gives_the_expected_figures(recipe: Callable[[str], ModuleType], name: str) -> None:
    expected = EXPECTED[name]
    known: dict[str, float] = {}
    event = json.loads((SALEOR / name).read_text())
    for _ in range(2):  # Saleor repeats what was not answered
        recipe("saleor").on_event(event["order"], known)
    decimals = 0 if expected["currency"] == "JPY" else 2

    def minor(amount: str) -> int:
        return int(Decimal(amount).scaleb(decimals))

    order = Order.objects.get()
    assert (order.order_id, order.value_minor) == (expected["order_id"], minor(expected["value"]))
    assert order.currency == expected["currency"]
    assert [(line.product_id, int(line.quantity), line.total_minor) for line in order.lines.order_by("pk")] == [
        (line["product_id"], line["quantity"], minor(line["total"])) for line in expected["lines"]
    ]
    refunded = sum(refund.counted_minor for refund in Refund.objects.all())
    net = 0 if order.is_cancelled else order.value_minor - refunded
    assert net == minor(expected["net"])
    assert Trust(order.trust) == Trust.CONFIRMED


def test_saleor_when_refunded_twice_sends_the_differences(recipe: Callable[[str], ModuleType]) -> None:
    saleor = recipe("saleor")
    order = json.loads((SALEOR / "order_refunded_partial.json").read_text())["order"]
    known: dict[str, float] = {}
    for total in (12.5, 12.5, 30.1, 12.5):  # again, more, and an old one late
        saleor.on_event(order | {"totalRefunded": {"amount": total}}, known)
    assert sorted(Refund.objects.values_list("value_minor", flat=True)) == [1250, 1760]


def test_saleor_when_staff_made_the_draft_sends_nothing(recipe: Callable[[str], ModuleType]) -> None:
    order = json.loads((SALEOR / "order_created.json").read_text())["order"]
    recipe("saleor").on_event(order | {"origin": "DRAFT"}, {})
    assert not Order.objects.exists()
    assert not PendingConfirmation.objects.exists()


@pytest.mark.parametrize("keys", ["jwks.json", "jwks_old.json"])
@pytest.mark.parametrize("name", EXPECTED)
def test_saleor_when_signed_is_told_from_forged(monkeypatch: pytest.MonkeyPatch, name: str, keys: str) -> None:
    load("alhena", monkeypatch)
    saleor = load("saleor", monkeypatch)
    monkeypatch.setattr(saleor.keys, "fetch_data", lambda: json.loads((SALEOR / keys).read_text()))
    body, signatures = (SALEOR / name).read_bytes(), SIGNATURES[name]
    ours = "Saleor-Signature" if keys == "jwks.json" else "_signature_old_saleor_without_crit"
    assert saleor.is_signed(body, signatures[ours])
    assert not saleor.is_signed(body + b" ", signatures[ours])
    for forged in ("_signature_wrong_key", "_signature_alg_none"):
        assert not saleor.is_signed(body, signatures[forged])
    assert not saleor.is_signed(body, "")


# The others


def test_magento_when_asked_reports_orders_and_refunds(
    recipe: Callable[[str], ModuleType], shop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    magento, answers = recipe("magento"), payload("magento")
    monkeypatch.setattr(magento, "get", lambda path, **query: answers[path])
    report_from_the_thank_you_page(shop, "000000051", "EUR")
    for _ in range(2):
        magento.report("2026-11-20 09:00:00")
    assert_recorded("000000051", Trust.CONFIRMED)


def test_bigcommerce_when_an_event_comes_fetches_the_order(
    recipe: Callable[[str], ModuleType], shop: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bigcommerce, answers = recipe("bigcommerce"), payload("bigcommerce")
    monkeypatch.setattr(bigcommerce, "get", answers.__getitem__)
    monkeypatch.setattr(bigcommerce, "SECRET", "made-up")
    assert bigcommerce.is_ours({"X-Secret": "made-up"})
    assert not bigcommerce.is_ours({})
    report_from_the_thank_you_page(shop, "173", "USD")
    for _ in range(2):
        bigcommerce.on_event(answers["event"])
    assert_recorded("173", Trust.CONFIRMED)


@needs_node
def test_medusa_when_events_come_sends_order_and_refund(tmp_path: Path, shop: SimpleNamespace) -> None:
    run_in_node(
        tmp_path,
        shop,
        f"""
        import subscriber, {{ config }} from "./medusa.js";
        const rows = {json.dumps(payload("medusa"))};
        const query = {{ graph: async ({{ entity, filters }}) => ({{ data: filters.id ? [rows[entity]] : [] }}) }};
        const container = {{ resolve: (name) => (name === "query" ? query : undefined) }};
        for (const name of ["order.placed", "order.placed", "payment.refunded"]) {{
          if (!config.event.includes(name)) throw new Error(name);
          await subscriber({{ event: {{ name, data: {{ id: "1" }} }}, container }});
        }}
        """,
    )
    assert_recorded("order_01JD0000000000000000000001", Trust.CONFIRMED)


@needs_node
def test_vendure_when_events_come_sends_order_and_refund(tmp_path: Path, shop: SimpleNamespace) -> None:
    cookie = f"a=b; alhena_acme=1.{VISITOR.user_fingerprint}.{VISITOR.faq_fingerprint}.1795164600"
    run_in_node(
        tmp_path,
        shop,
        f"""
        import {{ OrderStateTransitionEvent, RefundStateTransitionEvent }} from "@vendure/core";
        import {{ reportOrders }} from "./vendure.js";
        const {{ order, refund }} = {json.dumps(payload("vendure"))};
        const handlers = new Map();
        const ofType = (type) => ({{ subscribe: (handler) => handlers.set(type, handler) }});
        reportOrders({{ ofType }}, {{ hydrate: async () => undefined }});
        const ctx = {{ req: {{ headers: {{ cookie: {json.dumps(cookie)} }} }} }};
        for (const toState of ["ArrangingPayment", "PaymentAuthorized", "PaymentSettled"]) {{
          await handlers.get(OrderStateTransitionEvent)({{ ctx, order, toState }});
        }}
        for (const toState of ["Pending", "Settled"]) {{
          await handlers.get(RefundStateTransitionEvent)({{ ctx, order, refund, toState }});
        }}
        """,
    )
    assert_recorded("T3EWA7BZ00000001", Trust.VERIFIED, {"Blue mug M": (2, 2500), "Copper kettle": (1, 4900)})


def test_recipes_when_sent_leave_nothing_out(recipe: Callable[[str], ModuleType]) -> None:
    order = json.loads((SALEOR / "order_created.json").read_text())["order"]
    recipe("saleor").on_event(order, {})
    event_counts.flush()
    outcomes = set(EventCount.objects.filter(method="sendCheckoutEvent").values_list("outcome", flat=True))
    assert outcomes == {"recorded", "confirmed"}
