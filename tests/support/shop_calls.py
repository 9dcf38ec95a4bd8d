"""Random calls of a shop at every level of trust, about few visitors, orders and ids: late, repeated, in batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from threading import Lock
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.test import Client

from alhena_tracking import events
from alhena_tracking.models import CartEvent, Channel

BROWSER, SERVER, PYTHON = "browser", "server", "python"

HOUR = timedelta(hours=1)
#: How old an event may be when it is sent; a browser's last one is too old.
AGES = (*[0 * HOUR] * 16, HOUR / 60, HOUR / 60, HOUR, 5 * HOUR, 23 * HOUR, 25 * HOUR, 49 * HOUR, 71 * HOUR, 73 * HOUR)
PRODUCTS = ("tea", "cup", "kettle")
METHODS = {
    "interactions": "sendInteraction",
    "cart_events": "sendCartEvent",
    "checkout_events": "sendCheckoutEvent",
}
_WHAT = (*["interactions"] * 3, *["cart_events"] * 3, *["checkout_events"] * 4, "batch", "batch", "refunds")
#: So many calls are about the same visitors, orders and ids.
CALLS_ABOUT_THE_SAME = 150


@dataclass(frozen=True, slots=True)
class Call:
    """One call: who makes it, the endpoint that takes it, and the body without company and credential."""

    by: str
    what: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an HTTP answer (of the Python functions: 200 or 400) and its body."""

    status: int
    body: Mapping[str, Any]


class ShopCalls:
    """Makes calls; ``now`` is the server's clock. Any number of threads may ask."""

    def __init__(self, random: Random, now: Callable[[], datetime]) -> None:
        self._random, self._now = random, now
        self._made: list[Call] = []
        self._number = 0
        self._lock = Lock()

    def next(self) -> Call:
        with self._lock:
            self._number += 1
            if self._made and self._random.random() < 0.1:
                return self._random.choice(self._made)
            call = self._new_call()
            self._made = [*self._made[-20:], call]
            return call

    def _new_call(self) -> Call:
        choice = self._random.choice
        by = choice((*[BROWSER] * 5, *[SERVER] * 3, PYTHON, PYTHON))
        what = choice(
            (*["interactions"] * 3, *["cart_events"] * 3, *["checkout_events"] * 4, "batch", "batch", "refunds")
        )
        if by == BROWSER and what == "refunds":
            what = "interactions"
        if what == "refunds":
            return Call(by, what, self._refund())
        visitor = self._visitor()
        if what != "batch":
            return Call(by, what, self._event(what, by) | visitor)
        # The Python functions take batches of one kind.
        kinds = ["cart_events", "checkout_events"] if by == PYTHON else list(METHODS)
        kind = choice(kinds)
        items = []
        for _ in range(choice((2, 3, 5))):
            of_kind = kind if by == PYTHON else choice(kinds)
            item = {"what": of_kind, **self._event(of_kind, by)}
            items.append(item | (self._visitor() if by != BROWSER else {}))
        return Call(by, what, {"events": items, **visitor})

    def _event(self, what: str, by: str) -> dict[str, Any]:
        choice = self._random.choice
        event = {
            "event_id": choice((self._shared_uuid("event"), self._new_uuid(), self._new_uuid(), self._new_uuid())),
            "occurred_at": self._moment(),
        }
        if what == "interactions":
            return event | {"type": choice(Channel.values), "ai_profile": choice((None, "sommelier"))}
        if what == "cart_events":
            return event | {
                "type": choice(CartEvent.Type.values),
                "product_id": choice(PRODUCTS),
                "product_name": "Mug",
                "value": choice((5, 19.99, 0.3)),
                "currency": choice(("EUR", "EUR", "EUR", "KWD")),
                "quantity": choice((1, 2, 3, 0.25)),
            }
        currency = choice(("EUR", "EUR", "EUR", "KWD"))
        order_id = choice((self._shared_id("order"), self._shared_id("order"), None))
        is_of_nobody = by != BROWSER and order_id is not None and choice((True, False))
        return event | {
            "order_id": order_id,
            "value": choice((10, 10, 25.5, 0)),
            "currency": currency,
            "line_items": [] if choice((True, False)) else self._lines(currency),
            **({"of_nobody": True} if is_of_nobody else {}),
        }

    def _lines(self, currency: str) -> list[dict[str, Any]]:
        return [
            {"product_id": product, "product_name": "Mug", "quantity": 1, "value": 5, "currency": currency}
            for product in self._random.sample(PRODUCTS, self._random.randrange(1, 3))
        ]

    def _refund(self) -> dict[str, Any]:
        choice = self._random.choice
        return {
            "order_id": self._shared_id("order"),
            "refund_id": choice(("R1", "R2", "R3")),
            "value": choice((3, 7, 10)),
            "currency": choice(("EUR", "EUR", "EUR", "KWD")),
            "occurred_at": self._moment(),
        }

    def _visitor(self) -> dict[str, str | None]:
        """Return a visitor's fingerprints. Some visitors share one."""
        chat, faq = self._random.choice(((0, None), (0, None), (1, None), (None, 0), (0, 0), (1, 0)))
        return {
            "user_fingerprint": None if chat is None else str(self._uuid_of(f"chat {self._epoch()} {chat}")),
            "user_faq_fingerprint": None if faq is None else str(self._uuid_of(f"faq {self._epoch()} {faq}")),
        }

    def _moment(self) -> str:
        return (self._now() - self._random.choice(AGES)).isoformat()

    def _epoch(self) -> int:
        return max(0, self._number // CALLS_ABOUT_THE_SAME - self._random.choice((0, 0, 0, 1)))

    def _shared_id(self, kind: str) -> str:
        return f"{kind}-{self._epoch()}-{self._random.choice('Aab')}"

    def _shared_uuid(self, kind: str) -> str:
        return str(self._uuid_of(self._shared_id(kind)))

    def _uuid_of(self, text: str) -> UUID:
        return uuid5(NAMESPACE_URL, text)

    def _new_uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


class Shop:
    """Makes the calls of one company."""

    def __init__(self, company_key: str, secret_key: str) -> None:
        self._company_key, self._secret_key = company_key, secret_key

    def send(self, call: Call) -> Answer:
        return self._run(call) if call.by == PYTHON else self._post(call)

    def _post(self, call: Call) -> Answer:
        body: dict[str, Any] = {"company_key": self._company_key, **_without_visitor(call.body)}
        if call.what == "batch":
            body["events"] = [_in_batch(item) for item in call.body["events"]]
        headers = {"Authorization": f"Bearer {self._secret_key}"} if call.by == SERVER else {}
        response = Client(raise_request_exception=False).post(
            f"/alhena/analytics/{call.what}", json.dumps(body), content_type="application/json", headers=headers
        )
        return Answer(response.status_code, json.loads(response.content))

    def _run(self, call: Call) -> Answer:
        try:
            return Answer(200, {"outcomes": _outcomes(_PYTHON[call.what](call.body, self._company_key))})
        except events.InvalidEvent as error:
            return Answer(400, {"errors": error.errors})


def _without_visitor(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the visitor of an event that names none."""
    names = {"of_nobody", "what"} | ({"user_fingerprint", "user_faq_fingerprint"} if "of_nobody" in fields else set())
    return {name: value for name, value in fields.items() if name not in names}


def _in_batch(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": METHODS[item["what"]],
        "data": {k: v for k, v in _without_visitor(item).items() if k not in _BESIDE_DATA},
        **{name: item[name] for name in _BESIDE_DATA if name in _without_visitor(item)},
    }


_BESIDE_DATA = ("event_id", "occurred_at", "user_fingerprint", "user_faq_fingerprint")


def _arguments(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a Python function."""
    visitor = None
    if "of_nobody" not in fields:
        ids = [fields["user_fingerprint"], fields["user_faq_fingerprint"]]
        visitor = events.Visitor(*(UUID(id_) if id_ else None for id_ in ids))
    hidden = {"of_nobody", "what", "user_fingerprint", "user_faq_fingerprint"}
    return {"visitor": visitor, **{name: value for name, value in fields.items() if name not in hidden}}


def _record_together(body: Mapping[str, Any], company: str) -> list[events.Outcome]:
    items = [_arguments(item) for item in body["events"]]
    record = events.record_orders if body["events"][0]["what"] == "checkout_events" else events.record_cart_events
    return record(items, company=company)


_PYTHON: Mapping[str, Callable[[Mapping[str, Any], str], events.Outcome | list[events.Outcome]]] = {
    "interactions": lambda body, company: events.record_interaction(**_arguments(body), company=company),
    "cart_events": lambda body, company: events.record_cart_event(**_arguments(body), company=company),
    "checkout_events": lambda body, company: events.record_order(**_arguments(body), company=company),
    "refunds": lambda body, company: events.refund_order(**body, company=company),
    "batch": _record_together,
}


def _outcomes(recorded: events.Outcome | list[events.Outcome]) -> list[tuple[str, str, str]]:
    outcomes = recorded if isinstance(recorded, list) else [recorded]
    return [(outcome.status, str(outcome.id or ""), outcome.reason) for outcome in outcomes]
