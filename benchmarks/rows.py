"""The rows of the benchmark, and their goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from benchmarks import bodies
from benchmarks.bodies import Streams
from benchmarks.load import Answer, Load

ANALYTICS = "/alhena/analytics/"
RECORDED = Answer(201, "recorded")


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound that a figure must meet, and the one it aims for."""

    must: float
    aim: float
    is_ceiling: bool = False

    def verdict(self, figure: float) -> str:
        if self._is_met(figure, self.aim):
            return "aim"
        return "must" if self._is_met(figure, self.must) else "missed"

    def _is_met(self, figure: float, bound: float) -> bool:
        return figure <= bound if self.is_ceiling else figure >= bound


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of load. ``stored`` is the number of rows that each request stores.

    It is compared with the bare view, or with the load of another row, ``base``; ``is_of_cpu`` by its CPU time, else by
    its events per second.
    """

    name: str
    title: str
    endpoint: str
    streams: Callable[[str], Streams]
    answer: Answer = RECORDED
    stored: int = 1
    bare_streams: Callable[[str], Streams] = bodies.cart_events
    base: Row | None = None
    is_threaded: bool = False
    is_confirmed: bool = False
    is_of_cpu: bool = False
    goal: Goal | None = None

    def load(self, seed: str, seconds: float) -> Load:
        return Load(
            ANALYTICS + self.endpoint, partial(self.streams, seed), self.answer, seconds, is_confirmed=self.is_confirmed
        )

    def bare_load(self, seed: str, seconds: float) -> Load:
        return Load("/bare", partial(self.bare_streams, seed), RECORDED, seconds)


SINGLE = "single"
CPU_GOAL = Goal(2.1, 1.4, is_ceiling=True)
SPREAD_GOAL = Goal(3, 2, is_ceiling=True)
QUERY_GOALS = {"single": Goal(4, 3, is_ceiling=True), "batch50": Goal(10, 6, is_ceiling=True)}


def rows(since: datetime) -> list[Row]:
    """All rows. Events that are sent again occurred from ``since`` on."""
    return [
        Row(SINGLE, "one cart event", "cart_events", bodies.cart_events, goal=Goal(0.45, 0.8)),
        _batch(10, Goal(3, 5)),
        _batch(50, Goal(5, 8)),
        Row(
            "server_batch50",
            "50 visitors, one event each, in one batch of the server's",
            "batch",
            partial(bodies.server_batches, size=50),
            answer=Answer(200, "recorded", events=50),
            stored=50,
            is_confirmed=True,
            goal=Goal(4, 6),
        ),
        Row(
            "often",
            f"one event of a visitor with {bodies.OFTEN:,} interactions in the window, against one with 1",
            "cart_events",
            partial(bodies.cart_events_after, how_often="often"),
            base=Row("once", "with 1", "cart_events", partial(bodies.cart_events_after, how_often="once")),
            is_of_cpu=True,
            goal=Goal(1.3, 1.1, is_ceiling=True),
        ),
        Row("interaction", "interaction", "interactions", bodies.interactions, goal=Goal(0.4, 0.8)),
        Row(
            "duplicate",
            "duplicate",
            "cart_events",
            partial(bodies.repeated_events, since=since),
            answer=Answer(200, "duplicate"),
            stored=0,
            goal=Goal(0.4, 0.8),
        ),
        Row(
            "ignored",
            "ignored (no interaction)",
            "cart_events",
            bodies.strangers,
            answer=Answer(200, "ignored"),
            stored=0,
            goal=Goal(1.0, 1.3),
        ),
        Row("invalid", "invalid", "cart_events", bodies.wrong_events, answer=Answer(400, "invalid"), stored=0),
        Row(
            "eight_visitors",
            "eight visitors at once (threads)",
            "cart_events",
            bodies.cart_events_of_each,
            bare_streams=bodies.cart_events_of_each,
            is_threaded=True,
        ),
        Row(
            "one_visitor",
            "one visitor eight times at once (threads)",
            "cart_events",
            bodies.cart_events_of_one,
            bare_streams=bodies.cart_events_of_one,
            is_threaded=True,
            goal=Goal(0.15, 0.3),
        ),
    ]


def preparation(since: datetime) -> list[Load]:
    """The events stored before measuring: the visitors' interactions, and the events that are sent again."""
    many = Answer(200, "recorded", events=bodies.INTERACTIONS_IN_BATCH)
    return [
        Load(ANALYTICS + "interactions", bodies.first_interactions, RECORDED),
        Load(ANALYTICS + "interactions", bodies.single_interactions, RECORDED),
        Load(ANALYTICS + "batch", bodies.many_interactions, many),
        Load(ANALYTICS + "cart_events", partial(bodies.known_events, since), RECORDED),
    ]


def _batch(size: int, goal: Goal) -> Row:
    return Row(
        f"batch{size}",
        f"batch of {size}",
        "batch",
        partial(bodies.batches, size=size),
        answer=Answer(200, "recorded", events=size),
        stored=size,
        goal=goal,
    )
