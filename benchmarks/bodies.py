"""Request bodies of the benchmark. Each function returns one stream of bodies for each connection of the load.

``seed`` names a slice of the run. Each slice has its own products, so that quantities start at 1, and its own random
but reproducible event ids.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any
from uuid import UUID

Body = dict[str, Any]
Streams = list[Iterator[bytes]]

COMPANY = {"company_key": "acme"}
CONNECTIONS = 8
VISITORS = 200
PRODUCTS = 3
PRICE = 19.99
#: Number of recorded events that are sent again.
KNOWN = 200
#: How many interactions, one a minute, a visitor has who used the assistant often.
OFTEN = 1000
INTERACTIONS_IN_BATCH = 100


def first_interactions() -> Streams:
    """One interaction of each visitor, so that their next events are attributed."""
    visitors = iter(range(VISITORS))
    stream = (_encoded({**_visitor(v), "type": "CHAT", **_times()}) for v in visitors)
    return [stream] * CONNECTIONS


def many_interactions() -> Streams:
    """Batches of the interactions of visitors who used the assistant often, one for each connection."""
    return [_interactions_of(f"often-{visitor}") for visitor in range(CONNECTIONS)]


def single_interactions() -> Streams:
    """One interaction of each of the visitors who used the assistant once, one for each connection."""
    bodies = ({**_visitor(f"once-{visitor}"), "type": "CHAT", **_times()} for visitor in range(CONNECTIONS))
    return [map(_encoded, [body]) for body in bodies]


def cart_events_after(seed: str, how_often: str) -> Streams:
    """Cart events of the visitors who used the assistant ``how_often``: ``"once"`` or ``"often"``."""
    return [_cart_events(f"{seed}-{visitor}", [f"{how_often}-{visitor}"]) for visitor in range(CONNECTIONS)]


def cart_events(seed: str) -> Streams:
    """Many visitors in turn, with growing quantities of a few products."""
    return [_cart_events(seed, range(VISITORS))] * CONNECTIONS


def cart_events_of_each(seed: str) -> Streams:
    """One visitor for each connection."""
    return [_cart_events(f"{seed}-{visitor}", [visitor]) for visitor in range(CONNECTIONS)]


def cart_events_of_one(seed: str) -> Streams:
    """One visitor on all connections at once."""
    return [_cart_events(seed, [0])] * CONNECTIONS


def batches(seed: str, size: int) -> Streams:
    """Batches of ``size`` cart events of one visitor."""
    rng = random.Random(seed)
    return [_batches(rng, seed, size)] * CONNECTIONS


def server_batches(seed: str, size: int) -> Streams:
    """Batches of the shop's server: one cart event of each of ``size`` visitors."""
    rng = random.Random(seed)
    return [_server_batches(rng, seed, size)] * CONNECTIONS


def interactions(seed: str) -> Streams:
    """New visitors, who open a session and then use the assistant repeatedly."""
    rng = random.Random(seed)
    stream = (
        _encoded({**_visitor(f"{seed}-{number % VISITORS}"), "type": "FAQ", "product_id": "SKU-1", **_identity(rng)})
        for number in count()
    )
    return [stream] * CONNECTIONS


def strangers(seed: str) -> Streams:
    """Cart events of visitors who never used the assistant."""
    rng = random.Random(seed)
    stream = (_encoded({**_visitor(f"{seed}-{number}"), **_change(seed, 0), **_identity(rng)}) for number in count())
    return [stream] * CONNECTIONS


def known_events(since: datetime) -> Streams:
    """The events that ``repeated_events`` sends again, from ``since`` on."""
    return [map(_encoded, _known(since))] * CONNECTIONS


def repeated_events(seed: str, since: datetime) -> Streams:
    """Recorded events, sent again like a retry: only ``sent_at`` differs."""
    stream = (_encoded({**event, "sent_at": _now()}) for event in cycle(_known(since)))
    return [stream] * CONNECTIONS


def wrong_events(seed: str) -> Streams:
    """Cart events with one field of a wrong type."""
    rng = random.Random(seed)
    stream = (
        _encoded({**_visitor(number % VISITORS), **_change(seed, 0), **_identity(rng), "value": str(PRICE)})
        for number in count()
    )
    return [stream] * CONNECTIONS


def _cart_events(seed: str, visitors: Sequence[int | str]) -> Iterator[bytes]:
    rng = random.Random(seed)
    for turn in count():
        for visitor in visitors:
            yield _encoded({**_visitor(visitor), **_change(seed, turn), **_identity(rng)})


def _interactions_of(visitor: str) -> Iterator[bytes]:
    rng = random.Random(f"interactions of {visitor}")
    for start in range(0, OFTEN, INTERACTIONS_IN_BATCH):
        now = datetime.now(UTC)
        events = [
            {
                "method": "sendInteraction",
                "data": {"type": "CHAT"},
                "event_id": _uuid(rng),
                "occurred_at": (now - timedelta(minutes=OFTEN - number)).isoformat(),
            }
            for number in range(start, start + INTERACTIONS_IN_BATCH)
        ]
        yield _encoded({**_visitor(visitor), "sent_at": now.isoformat(), "events": events})


def _batches(rng: random.Random, seed: str, size: int) -> Iterator[bytes]:
    for turn in count():
        for visitor in range(VISITORS):
            events = [_batched(rng, _change(seed, turn * size + place)) for place in range(size)]
            yield _encoded({**_visitor(visitor), "sent_at": _now(), "events": events})


def _server_batches(rng: random.Random, seed: str, size: int) -> Iterator[bytes]:
    for turn in count():
        for first in range(0, VISITORS, size):
            events = [{**_fingerprints(first + place), **_batched(rng, _change(seed, turn))} for place in range(size)]
            yield _encoded({**COMPANY, "events": events})


def _batched(rng: random.Random, change: Body) -> Body:
    return {"method": "sendCartEvent", "data": change, "event_id": _uuid(rng), "occurred_at": _now()}


def _known(since: datetime) -> list[Body]:
    rng = random.Random("known")
    return [
        {
            **_visitor(number),
            **_change("known", 0),
            "event_id": _uuid(rng),
            "occurred_at": (since + timedelta(microseconds=number)).isoformat(),
            "sent_at": _now(),
        }
        for number in range(KNOWN)
    ]


def _visitor(name: int | str) -> Body:
    return {**COMPANY, **_fingerprints(name)}


def _fingerprints(name: int | str) -> Body:
    rng = random.Random(f"visitor {name}")
    return {"user_fingerprint": _uuid(rng), "user_faq_fingerprint": _uuid(rng)}


def _change(seed: str, turn: int) -> Body:
    quantity, product = divmod(turn, PRODUCTS)
    return {
        "type": "QUANTITY_INCREASED" if quantity else "ITEM_ADDED",
        "product_id": f"SKU-{seed}-{product}",
        "product_name": f"Gooseneck kettle, size {product}",
        "value": PRICE,
        "currency": "EUR",
        "quantity": quantity + 1,
        "source": "SHOPIFY",
    }


def _identity(rng: random.Random) -> Body:
    return {"event_id": _uuid(rng), **_times()}


def _times() -> Body:
    now = _now()
    return {"occurred_at": now, "sent_at": now}


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


_latest = datetime.min.replace(tzinfo=UTC)


def _now() -> str:
    """The current time, always later than the one returned before, so that events are in order."""
    global _latest
    _latest = max(datetime.now(UTC), _latest + timedelta(microseconds=1))
    return _latest.isoformat()


def _encoded(body: Body) -> bytes:
    return json.dumps(body).encode()
