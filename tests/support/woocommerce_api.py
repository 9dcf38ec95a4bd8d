"""A shop's REST API on 127.0.0.1, with the faults that real ones have."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY, API_SECRET = "ck_made_up", "cs_made_up"
_AUTHORIZATION = "Basic " + b64encode(f"{KEY}:{API_SECRET}".encode()).decode()


@dataclass
class FakeShop:
    """Answers by ``orders``, and at the request of a number by a fault: a status, a body, or a number of seconds."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[int, int | bytes | float] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    location: str = ""
    url: str = ""
    ignores_time: bool = False
    #: Whether a header never ends.
    drips: bool = False
    #: Called with the number of each request before it is answered.
    before: Any = None

    def page(self, query: dict[str, str]) -> list[dict[str, Any]]:
        in_bin = query["status"] == "trash"
        after = "" if self.ignores_time else query["modified_after"]
        assert query["dates_are_gmt"] == "true"
        found = [
            order
            for order in self.orders
            if (order["status"] == "trash") is in_bin and order["date_modified_gmt"] > after
        ]
        found.sort(key=lambda order: (order["date_modified_gmt"], order["id"]))
        size, page = int(query["per_page"]), int(query["page"])
        names = query["_fields"].split(",")
        return [
            {name: order[name] for name in names if name in order} for order in found[size * (page - 1) : size * page]
        ]


@contextmanager
def serve(shop: FakeShop) -> Iterator[FakeShop]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shop.requests.append(self.path)
            if shop.before is not None:
                shop.before(len(shop.requests))
            fault = shop.faults.get(len(shop.requests))
            if self.headers["Authorization"] != _AUTHORIZATION:
                fault = 401
            url = urlsplit(self.path)
            if url.path != "/wp-json/wc/v3/orders":
                fault = 404
            if shop.drips:
                self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
                for _ in range(40):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
                return
            body = b"{}"
            if fault is None or isinstance(fault, float):
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                body = json.dumps(shop.page(query)).encode()
            elif isinstance(fault, bytes):
                body = fault
            self.send_response(fault if isinstance(fault, int) else 200)
            if shop.location:
                self.send_header("Location", shop.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for start in range(0, len(body), 65_536):
                if isinstance(fault, float):
                    self.wfile.write(body[:1])
                    time.sleep(fault)
                self.wfile.write(body[start : start + 65_536])

        def log_message(self, *args: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the client has gone
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
