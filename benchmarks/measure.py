"""Measure ours and the bare view in short alternating slices, so that other load affects both."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks import database, load
from benchmarks.database import RunError
from benchmarks.load import Load, Measured
from benchmarks.rows import Row
from benchmarks.server import Server, cpu_seconds, serve

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of a few seconds of load. Times are in seconds, CPU times per event."""

    events_per_second: float
    p50: float
    p99: float
    server_cpu: float
    database_cpu: float
    load_cpu: float

    @property
    def cpu(self) -> float:
        """CPU time of application and database."""
        return self.server_cpu + self.database_cpu

    @property
    def spread(self) -> float:
        return self.p99 / self.p50


@dataclass(frozen=True, slots=True)
class Result:
    """The slices of one row, each of ours with the bare one, or that of the row's base, that ran just before it."""

    row: Row
    ours: list[Slice]
    bare: list[Slice]

    def ratio(self, figure: Callable[[Slice], float]) -> float:
        """The median ratio of our figure to bare's."""
        return median(figure(ours) / figure(bare) for ours, bare in zip(self.ours, self.bare, strict=True))


class Bench:
    """A server and the load generator, in its own process."""

    def __init__(self, server: Server, executor: ProcessPoolExecutor) -> None:
        self.server = server
        self.executor = executor

    def measure(self, row: Row, rounds: int, seconds: float) -> Result:
        """Run a row. Raises ``RunError`` if any answer or row is wrong."""
        ours, bare = [], []
        self._base_slice(row, f"{row.name}-warm-up", WARM_UP_SECONDS)
        self._slice(row.load(f"{row.name}-warm-up", WARM_UP_SECONDS), stored=row.stored)
        for number in range(rounds):
            seed = f"{row.name}-{number}"
            bare.append(self._base_slice(row, seed, seconds))
            ours.append(self._slice(row.load(seed, seconds), stored=row.stored))
        return Result(row, ours, bare)

    def post(self, load: Load) -> None:
        """Post the events on which the rows build."""
        self._run(load)

    def _base_slice(self, row: Row, seed: str, seconds: float) -> Slice:
        if row.base is None:
            return self._slice(row.bare_load(seed, seconds), bare_stored=1)
        return self._slice(row.base.load(f"{seed}-base", seconds), stored=row.base.stored)

    def _slice(self, load: Load, *, stored: int = 0, bare_stored: int = 0) -> Slice:
        database.tidy()
        before = database.counts()
        backends = set(database.backends())
        server_cpu, database_cpu = self.server.cpu_seconds(), cpu_seconds(backends)
        measured = self._run(load)
        server_cpu = self.server.cpu_seconds() - server_cpu
        # A new backend's time counts from its start.
        database_cpu = cpu_seconds(backends | set(database.backends())) - database_cpu
        requests = len(measured.latencies)
        after = database.counts()
        if (after.ours - before.ours, after.bare - before.bare) != (requests * stored, requests * bare_stored):
            raise RunError(f"{requests} answers from {load.path}, but the rows changed from {before} to {after}")
        database.check_states()
        events = requests * load.answer.events
        percentiles = quantiles(measured.latencies, n=100)
        return Slice(
            events_per_second=events / measured.seconds,
            p50=percentiles[49],
            p99=percentiles[98],
            server_cpu=server_cpu / events,
            database_cpu=database_cpu / events,
            load_cpu=measured.cpu_seconds / events,
        )

    def _run(self, work: Load) -> Measured:
        measured = self.executor.submit(load.run, work, self.server.port).result()
        if measured.wrong_answers:
            wrong = measured.wrong_answers
            raise RunError(
                f"{len(wrong)} of {len(measured.latencies)} answers of {work.path} are wrong, the first:\n{wrong[0]}"
            )
        return measured


@contextmanager
def bench(*, is_threaded: bool) -> Iterator[Bench]:
    """Start the server and the load generator's process, and stop both afterwards."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor, serve(is_threaded=is_threaded) as server:
        yield Bench(server, executor)
