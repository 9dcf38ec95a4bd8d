"""Measure how long webhooks take beside 200 requests a second of browsers.

    python -m benchmarks.webhooks --seconds 30

Needs PostgreSQL and Redis, as ``python -m benchmarks``. Sends interactions and cart events at an even pace, and beside
them signed orders of Shopify's, and prints the times of both. Exits with 1 if an answer is wrong.
"""

from __future__ import annotations

import argparse
import hmac
import http.client
import json
import os
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from statistics import quantiles
from typing import Any
from uuid import UUID

from benchmarks.fresh_database import DEFAULT_URL

EVENTS_PER_SECOND, EVENT_CONNECTIONS = 200, 8
#: So many requests lie between a visitor's interaction and cart event: an even number.
LEAD = EVENTS_PER_SECOND
WEBHOOKS_PER_SECOND, WEBHOOK_CONNECTIONS = 10, 4
#: The first seconds are not measured: workers import the application and connect to the database.
WARM_UP_SECONDS = 5
SECRET = "benchmark"
MILLISECONDS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--database-url", default=os.environ.get("DATABASE_URL") or DEFAULT_URL)
    arguments = parser.parse_args()
    os.environ["DATABASE_URL"] = arguments.database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    from benchmarks import database
    from benchmarks.server import serve

    with database.database(arguments.database_url), serve(is_threaded=True) as server:
        _connect_shop()
        senders = {
            "events": Sender(server.port, _events, EVENTS_PER_SECOND, EVENT_CONNECTIONS),
            "webhooks": Sender(server.port, _webhooks, WEBHOOKS_PER_SECOND, WEBHOOK_CONNECTIONS),
        }
        for sender in senders.values():
            sender.start(arguments.seconds)
        for name, sender in senders.items():
            sender.finish()
            print(f"{name}: {sender.described()}")
    if any(sender.wrong for sender in senders.values()):
        sys.exit("Answers were wrong: " + "; ".join(str(sender.wrong[:1]) for sender in senders.values()))


def _connect_shop() -> None:
    from alhena_tracking.models import Company, ShopConnection

    ShopConnection.objects.create(company=Company.objects.get(), platform="shopify", secret=SECRET)


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    body: bytes
    headers: dict[str, str]
    #: A right answer has one of these outcomes.
    outcomes: tuple[bytes, ...]


def _events(numbers: Iterator[int]) -> Iterator[Request]:
    """Interactions of new visitors, and cart events of those who interacted a second before."""
    for number in numbers:
        is_of_cart = number % 2 == 1 and number > LEAD
        visitor = str(UUID(int=2**120 + number - LEAD - 1 if is_of_cart else 2**120 + number))
        identity = {"company_key": "acme", "user_fingerprint": visitor, "user_faq_fingerprint": None}
        if is_of_cart:
            cart = {"type": "ITEM_ADDED", "product_id": "SKU-1", "product_name": "Mug", "quantity": 1}
            yield _of_browser("cart_events", identity | cart | {"value": 19.99, "currency": "EUR"})
        else:
            yield _of_browser("interactions", identity | {"type": "CHAT"})


def _of_browser(endpoint: str, body: dict[str, Any]) -> Request:
    headers = {"Content-Type": "application/json", "Origin": "https://shop.example"}
    return Request(f"/alhena/analytics/{endpoint}", json.dumps(body).encode(), headers, (b"recorded",))


def _money(amount: str) -> dict[str, dict[str, str]]:
    return {side: {"amount": amount, "currency_code": "EUR"} for side in ("presentment_money", "shop_money")}


def _webhooks(numbers: Iterator[int]) -> Iterator[Request]:
    for number in numbers:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        money, none, price = (_money(amount) for amount in ("59.90", "0.00", "5.99"))
        lines = [
            {
                "id": line,
                "product_id": 9_700_000_000_000 + line,
                "variant_id": 9_800_000_000_000 + line,
                "title": "Mug",
                "quantity": 1,
                "current_quantity": 1,
                "price": "5.99",
                "price_set": price,
                "discount_allocations": [],
            }
            for line in range(10)
        ]
        order = {
            "id": 6_412_000_000_000 + number,
            "created_at": at,
            "processed_at": at,
            "updated_at": at,
            "cancelled_at": None,
            "test": False,
            "source_name": "web",
            "financial_status": "paid",
            "currency": "EUR",
            "presentment_currency": "EUR",
            "total_price_set": money,
            "current_total_price_set": money,
            "total_tax_set": none,
            "total_shipping_price_set": none,
            "total_discounts_set": none,
            "note_attributes": [{"name": "__alhena", "value": f"{UUID(int=2**120 + number)},"}],
            "line_items": lines,
            "refunds": [],
            "customer": {"note": "x" * 8000},  # as large as orders are
        }
        body = json.dumps(order).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Webhook-Id": f"delivery-{number}",
            "X-Shopify-Shop-Domain": "acme.myshopify.com",
            "X-Shopify-Triggered-At": at,
            "X-Shopify-Hmac-Sha256": b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode(),
        }
        yield Request("/alhena/integrations/shopify/acme", body, headers, (b"confirmed", b"pending"))


@dataclass
class Sender:
    """Sends requests at an even pace from several threads, and keeps the seconds that each answer took."""

    port: int
    requests: Callable[[Iterator[int]], Iterator[Request]]
    rate: float
    connections: int
    seconds: list[float] = field(default_factory=list)
    late: int = 0
    measured_from: float = 0
    wrong: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self, seconds: float) -> None:
        slots, lock = self._slots(seconds), threading.Lock()
        self.threads = [threading.Thread(target=self._send, args=(slots, lock)) for _ in range(self.connections)]
        for thread in self.threads:
            thread.start()

    def finish(self) -> None:
        for thread in self.threads:
            thread.join()

    def described(self) -> str:
        percentiles = quantiles(self.seconds, n=100)
        p50, p99 = (percentiles[place] * MILLISECONDS for place in (49, 98))
        return f"{len(self.seconds)} answers, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {self.late} sent late"

    def _slots(self, seconds: float) -> Iterator[tuple[float, Request]]:
        """Yield each request with the time at which it is due."""
        began = time.monotonic() + 0.5
        self.measured_from = began + WARM_UP_SECONDS
        numbered = self.requests(iter(count()))
        for slot in range(int((WARM_UP_SECONDS + seconds) * self.rate)):
            yield began + slot / self.rate, next(numbered)

    def _send(self, slots: Iterator[tuple[float, Request]], lock: threading.Lock) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while True:
            with lock:
                slot = next(slots, None)
            if slot is None:
                break
            due, request = slot
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            is_measured = due >= self.measured_from
            self.late += is_measured and wait < -0.1
            began = time.perf_counter()
            connection.request("POST", request.path, request.body, request.headers)
            response = connection.getresponse()
            answer = response.read()
            if is_measured:
                self.seconds.append(time.perf_counter() - began)
            if not any(outcome in answer for outcome in request.outcomes):
                self.wrong.append(f"{response.status} {answer[:200]!r}")
        connection.close()


if __name__ == "__main__":
    main()
