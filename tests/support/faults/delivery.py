"""Deliver events like the tracker: retry until an answer is final."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.faults.events import Message
from tests.support.faults.server import Server

#: Longer than the longest allowed answer.
ANSWER_SECONDS = 20
#: Statuses after which the tracker retries, besides 5xx and missing answers.
_PASSING = {408, 425, 429}
_LASTING = {501, 505}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its duration in seconds and its time (``time.monotonic``). Status 0: no answer."""

    status: int
    headers: Mapping[str, str]
    body: Any
    seconds: float
    at: float

    @property
    def began_at(self) -> float:
        return self.at - self.seconds

    @property
    def is_final(self) -> bool:
        return not (self.status == 0 or self.status in _PASSING or (self.status >= 500 and self.status not in _LASTING))

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server acknowledged the event, or each event of a batch."""
        return self.is_final and set(self.words) <= {"recorded", "duplicate", "confirmed", "pending"}

    @property
    def words(self) -> list[str]:
        """The status of the event, or of each one of a batch."""
        if not isinstance(self.body, dict):
            return [""]
        return [result["status"] for result in self.body.get("results", [self.body])]

    @property
    def is_unavailable(self) -> bool:
        """Whether it is the contract's answer if the database cannot record the event."""
        return (
            self.status == 503
            and self.headers.get("Retry-After", "").isdigit()
            and self.headers.get("Content-Type") == "application/json"
            and isinstance(self.body, dict)
            and bool(self.body["errors"])
        )


def post(server: Server, message: Message) -> Answer:
    """Send a message once."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS)
    try:
        path = f"/alhena/analytics/{message.endpoint}"
        headers = {"Content-Type": "application/json", **message.headers}
        connection.request("POST", path, json.dumps(message.body()), headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        now = time.monotonic()
        return Answer(0, {}, None, now - started, now)
    finally:
        connection.close()
    now = time.monotonic()
    return Answer(response.status, dict(response.headers), _json(content), now - started, now)


def deliver(server: Server, message: Message, *, patience: float = 30) -> list[Answer]:
    """Send a message until an answer is final, for at most ``patience`` seconds. Return all answers in order."""
    deadline = time.monotonic() + patience
    answers = [post(server, message)]
    while not answers[-1].is_final and time.monotonic() < deadline:
        # The tracker waits longer and obeys Retry-After; a test has less time.
        time.sleep(random.uniform(0.02, 0.1))
        answers.append(post(server, message))
    return answers


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
