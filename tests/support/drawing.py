"""Reproducible examples of a Hypothesis strategy, for tests of its coverage."""

from collections.abc import Iterator
from typing import TypeVar

from hypothesis import Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

Example = TypeVar("Example")


def drawn(strategy: SearchStrategy[Example], *, most: int) -> Iterator[Example]:
    """Draw at most `most` examples, a hundred at a time, so that callers can stop early."""
    for number in range(most // 100):
        yield from _hundred(strategy, number)


def _hundred(strategy: SearchStrategy[Example], number: int) -> list[Example]:
    examples: list[Example] = []

    @seed(number)
    @settings(max_examples=100, database=None, deadline=None, phases=[Phase.generate])
    @given(strategy)
    def draw(example: Example) -> None:
        examples.append(example)

    draw()
    return examples
