"""Visitors of a busy shop, while a test injects faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from random import Random
from typing import Self

from tests.support.faults.delivery import Answer, deliver
from tests.support.faults.events import Event, Message, batch, visit
from tests.support.faults.server import Server


class Load:
    """Visits one after another on each of ``streams``, from entering the context until leaving it.

    A visit's events come out of two threads, as of two tabs; every other visit sends them in batches. All are retried
    until they are acknowledged. ``rate`` is how many requests are begun in a second, where the server keeps up.
    """

    def __init__(self, server: Server, *, streams: int = 3, rate: float | None = None, seed: int = 0) -> None:
        self.events: list[Event] = []
        self.answers: list[Answer] = []
        self._server = server
        self._pace = _Pace(rate)
        self._seeds = range(seed, seed + streams)
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(len(self._seeds))
        self._streams: list[Future[None]] = [self._pool.submit(self._stream, Random(seed)) for seed in self._seeds]
        return self

    def __exit__(self, *args: object) -> None:
        self._is_over.set()
        self._pool.shutdown()
        for stream in self._streams:
            stream.result()

    @property
    def final_answers(self) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.is_final]

    def wait_for(self, count: int, *, seconds: float = 30) -> None:
        """Wait until ``count`` more requests have a final answer."""
        aim, deadline = len(self.final_answers) + count, time.monotonic() + seconds
        while len(self.final_answers) < aim:
            assert time.monotonic() < deadline, "the shop does not answer any more"
            time.sleep(0.02)

    def _stream(self, random: Random) -> None:
        while not self._is_over.is_set():
            first, *others = visit(random)
            self._deliver([first.message()], [first])
            is_batched = random.random() < 0.5
            with ThreadPoolExecutor(2) as tabs:
                for tab in [
                    tabs.submit(self._deliver_all, events, is_batched) for events in (others[::2], others[1::2])
                ]:
                    tab.result()

    def _deliver_all(self, events: Sequence[Event], is_batched: bool) -> None:
        remaining = iter(events)
        while group := list(islice(remaining, 6)):
            self._deliver([batch(group)] if is_batched else [event.message() for event in group], group)

    def _deliver(self, messages: Sequence[Message], events: Sequence[Event]) -> None:
        for message in messages:
            self._pace.wait()
            answers = deliver(self._server, message)
            self.answers += answers
            assert answers[-1].is_acknowledged, answers[-1]
        self.events += events


class _Pace:
    """A clock that paces several threads. Delayed steps are caught up."""

    def __init__(self, rate: float | None) -> None:
        self._interval = 1 / rate if rate else 0
        self._next_at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        if self._interval:
            with self._lock:
                self._next_at += self._interval
                at = self._next_at
            time.sleep(max(0, at - time.monotonic()))
