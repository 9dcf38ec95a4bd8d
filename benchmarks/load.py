"""The load generator: one thread with a request in flight on each connection, cheap enough to share the cores."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.bodies import Streams

ORIGIN = "https://shop.example"
#: The secret key of the shop's server.
SECRET_KEY = "alhena_sk_benchmark"
TIMEOUT_SECONDS = 30

_HEADERS = (
    "POST {path} HTTP/1.1\r\n"
    "Host: 127.0.0.1:{port}\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    f"Origin: {ORIGIN}\r\n"
    "Accept: */*\r\n"
    "Content-Type: application/json\r\n"
    "{further}"
    "Content-Length: "
)
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The expected answer: its status, and how often it contains an outcome."""

    status: int
    word: str
    events: int = 1

    def is_given(self, head: bytes, body: bytes) -> bool:
        return (
            head.startswith(b"HTTP/1.1 %d " % self.status) and body.count(b'"%b"' % self.word.encode()) == self.events
        )


@dataclass(frozen=True, slots=True)
class Load:
    """Bodies to post until ``seconds`` have passed or they run out, ``is_confirmed`` with the secret key."""

    path: str
    streams: Callable[[], Streams]
    answer: Answer
    seconds: float = TIMEOUT_SECONDS
    is_confirmed: bool = False

    @property
    def authorization(self) -> str:
        return f"Bearer {SECRET_KEY}" if self.is_confirmed else ""


@dataclass(slots=True)
class Measured:
    """Seconds of each answer, of the whole run, and of the load generator's CPU."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    wrong_answers: list[str] = field(default_factory=list)


def run(load: Load, port: int) -> Measured:
    """Post ``load`` and measure it. Raises ``OSError`` if the server does not answer."""
    measured = Measured()
    started, cpu_started = time.perf_counter(), time.process_time()
    further = f"Authorization: {load.authorization}\r\n" if load.authorization else ""
    headers = _HEADERS.format(path=load.path, port=port, further=further).encode()
    connections = [_Connection(port, headers, bodies) for bodies in load.streams()]
    with selectors.EpollSelector() as selector:
        under_way = sum(connection.send(selector) for connection in connections)
        while under_way:
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {TIMEOUT_SECONDS} s")
            for key, _ in ready:
                connection: _Connection = key.data
                answer = connection.receive(selector)
                if answer is None:
                    continue
                now = time.perf_counter()
                measured.latencies.append(now - connection.sent_at)
                if not load.answer.is_given(*answer):
                    measured.wrong_answers.append(b"\n".join(answer).decode(errors="replace"))
                if now - started >= load.seconds or not connection.send(selector):
                    under_way -= 1
    measured.seconds = time.perf_counter() - started
    measured.cpu_seconds = time.process_time() - cpu_started
    for connection in connections:
        connection.close()
    return measured


class _Connection:
    """A connection with one request at a time, reopened when the server closes it."""

    def __init__(self, port: int, headers: bytes, bodies: Iterator[bytes]) -> None:
        self.port = port
        self.headers = headers
        self.bodies = bodies
        self.socket: socket.socket | None = None
        self.received = b""
        self.sent_at = 0.0

    def send(self, selector: selectors.BaseSelector) -> bool:
        """Send the next body. Return whether there was one."""
        body = next(self.bodies, None)
        if body is None:
            return False
        self.received = b""
        self.sent_at = time.perf_counter()
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(b"%b%d\r\n\r\n%b" % (self.headers, len(body), body))
        return True

    def receive(self, selector: selectors.BaseSelector) -> tuple[bytes, bytes] | None:
        """Head and body of the answer once it is complete; ``None`` before."""
        assert self.socket is not None  # noqa: S101  (its socket became readable)
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError(f"closed during an answer: {self.received!r}")
        self.received += part
        head, _, body = self.received.partition(b"\r\n\r\n")
        length = _CONTENT_LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return None
        if _CLOSE.search(head):
            selector.unregister(self.socket)
            self.close()
        return head, body

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None
