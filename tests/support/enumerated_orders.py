"""Hypothesis strategy for order ids that two visitors enumerate while the shop's server confirms or denies them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st

from tests.support.oracle import Interaction
from tests.support.trust_oracle import Ids, Word
from tests.support.trust_sequences import BASE, HOUR, MINUTE, TrustSequence, earned

#: What becomes of an order beside what the enumerators say: the words of its buyer and of the shop's server.
STORIES = {
    "claimed exactly": ("report", "nameless"),
    "claimed exactly, confirmed twice": ("report", "nameless", "nameless"),
    "verified": ("report", "named"),
    "verified without a report": ("named",),
    "not ours": ("named",),
    "not ours by two words": ("named", "nameless"),
    "bought without the assistant": ("nameless",),
}
ENUMERATORS: tuple[Ids, ...] = tuple((str(UUID(int=number)), None) for number in (0xA1, 0xA2))
#: What they guess of the amount: never all of it.
GUESSES = (
    lambda value: value * 7 // 10 + 1,
    lambda value: value * 13 // 10,
    lambda value: value + 1,
    lambda value: value // 2,
    lambda value: 0,
    lambda value: value + 10_000_000,
)
WAITS = (timedelta(0), MINUTE, MINUTE, 20 * MINUTE, HOUR)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """The stories and amounts of order ids, and all that is said of them, in order of arrival."""

    stories: dict[str, str]
    values: dict[str, int]
    sequence: TrustSequence


@st.composite
def enumerations(draw: st.DrawFn, most_orders: int = 4) -> Enumeration:
    """Enumerations of a few order ids: the words on all of them come in any order."""
    kinds = draw(st.lists(st.sampled_from(sorted(STORIES)), min_size=1, max_size=most_orders))
    stories = {f"{1001 + number}": kind for number, kind in enumerate(kinds)}
    values = {order_id: draw(st.integers(1000, 5000)) for order_id in stories}
    said: list[tuple[str, str, Ids | None, int]] = []
    for order_id, story in stories.items():
        value = values[order_id]
        said += [(kind, order_id, _buyer(order_id), value) for kind in STORIES[story]]
        for enumerator in ENUMERATORS:
            guesses = draw(st.lists(st.sampled_from(GUESSES), max_size=2))
            said += [("report", order_id, enumerator, guess(value)) for guess in guesses]
    visitors = [*ENUMERATORS, *(_buyer(order_id) for order_id, story in stories.items() if _uses_assistant(story))]
    visits = [Interaction("acme", *ids, kind="CHAT", ai_profile="", is_qualifying=True, at=BASE) for ids in visitors]
    return Enumeration(stories, values, TrustSequence((*visits, *_words(draw, visits, draw(st.permutations(said))))))


def _words(
    draw: st.DrawFn, visits: Sequence[Interaction], said: Sequence[tuple[str, str, Ids | None, int]]
) -> list[Word]:
    words, received_at = [], BASE + HOUR
    for number, (kind, order_id, visitor, value) in enumerate(said, start=1):
        received_at += draw(st.sampled_from(WAITS))
        visitor = None if kind == "nameless" else visitor
        words.append(
            Word(
                company="acme",
                event_id=UUID(int=number),
                is_confirmation=kind != "report",
                visitor=visitor,
                order_id=order_id,
                currency="EUR",
                value_minor=value,
                lines=(),
                at=received_at,
                received_at=received_at,
                is_dated=kind != "nameless" or draw(st.booleans()),
                **earned(tuple(visits), "acme", visitor, received_at),
            )
        )
    return words


def _buyer(order_id: str) -> Ids:
    return None, str(UUID(int=int(order_id)))


def _uses_assistant(story: str) -> bool:
    return story.startswith(("claimed", "verified"))
