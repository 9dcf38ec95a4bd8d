"""A small Shopify storefront on an origin of its own: a page with the theme's code, and the cart's endpoints."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from alhena_tracking.integrations.platform import ConnectStep

MUG, KETTLE = 42700000000022, 42700000000011
_PRODUCTS = {MUG: (9700000000022, "Blue mug", 1250), KETTLE: (9700000000011, "Copper kettle", 4900)}

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <title>Kettle &amp; Co</title>
  <script>
    window.Shopify = { routes: { root: "/" } };
    function post(path, body) {
      return fetch(path, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
    }
  </script>
  %(theme)s
</head>
<body>
  <button id="chat" data-alhena-chat>Ask the assistant</button>
  %(faq)s
  <button id="add" onclick='post("/cart/add.js", { id: %(mug)s, quantity: 1 })'>Add to cart</button>
  <button id="more" onclick='post("/cart/change.js", { id: %(mug)s, quantity: 3 })'>Three of them</button>
  <form method="post" action="/cart/add">
    <input type="hidden" name="id" value="%(kettle)s">
    <button id="form">Kettle</button>
  </form>
  %(rest)s
</body>
</html>"""


class Storefront:
    """One visitor's cart. ``attributes`` has what only orders show: names that begin with two underscores."""

    def __init__(self, steps: list[ConnectStep], analytics: str) -> None:
        self.values = {
            "company_key": "acme",
            "static_url": f"{analytics}/static/alhena_tracking/",
            "endpoint": f"{analytics}/alhena/",
        }
        self.steps = steps
        self.attributes: dict[str, str] = {}
        self.quantities: dict[int, int] = {}
        self.token = "cart-1?key=1"
        #: Put into the page.
        self.rest = ""

    def code(self, part: str) -> str:
        """Return the code of the step that has ``part`` in it, as staff copy it."""
        (code,) = [step.code_for(**self.values) for step in self.steps if part in step.code]
        return code

    def page(self) -> str:
        faq = self.code("data-alhena-faq").replace("{{ product.id }}", str(_PRODUCTS[MUG][0]))
        faq = re.sub("{%.*%}", "<p id='faq'>Is it blue?</p>", faq)
        theme = self.code("shopify.js")
        return _PAGE % {"theme": theme, "faq": faq, "mug": MUG, "kettle": KETTLE, "rest": self.rest}

    def cart(self) -> dict[str, Any]:
        items = [
            {
                "variant_id": variant,
                "product_id": _PRODUCTS[variant][0],
                "product_title": _PRODUCTS[variant][1],
                "quantity": quantity,
                "price": _PRODUCTS[variant][2],
                "final_price": _PRODUCTS[variant][2],
            }
            for variant, quantity in self.quantities.items()
            if quantity
        ]
        return {"token": self.token, "currency": "EUR", "attributes": {}, "items": items}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.startswith("/cart/update"):
            self.attributes |= body["attributes"]
        elif path.startswith("/cart/change"):
            self.quantities[body["id"]] = body["quantity"]
        else:
            self.quantities[body["id"]] = self.quantities.get(body["id"], 0) + body["quantity"]
        return self.cart()

    def check_out(self) -> list[dict[str, str]]:
        """Empty the cart into an order, and return the order's note attributes."""
        noted = [{"name": name, "value": value} for name, value in self.attributes.items()]
        self.attributes, self.quantities, self.token = {}, {}, "cart-2?key=2"
        return noted


@contextmanager
def served(storefront: Storefront) -> Iterator[str]:
    """Serve a storefront, and yield its origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/cart.js":
                self.answer(json.dumps(storefront.cart()), "application/json")
            elif self.path == "/":
                self.answer(storefront.page(), "text/html; charset=utf-8")
            else:
                self.answer("", "text/plain", 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/cart/add":
                storefront.post(self.path, {"id": int(body.decode().removeprefix("id=")), "quantity": 1})
                self.answer(storefront.page(), "text/html; charset=utf-8")
            else:
                self.answer(json.dumps(storefront.post(self.path, json.loads(body))), "application/json")

        def answer(self, text: str, content_type: str, status: int = 200) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name in the base class)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
