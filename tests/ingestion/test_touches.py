"""Direct and assisted, and the models side by side, as pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alhena_tracking.attribution import Candidate
from alhena_tracking.contract.limits import TOUCHES, VALUE_MINOR
from alhena_tracking.touches import Touch, direct_minor, linear_minor, touches_of, touching
from tests.support.touches_by_hand import half_up

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def use(number: int, channel: str = "CHAT", profile: str = "", **changes: object) -> Candidate:
    values = {"id": number, "occurred_at": AT - (1000 - number) * MINUTE, **changes}
    return Candidate(session_id=1, session_started_at=AT, channel=channel, ai_profile=profile, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value_minor", "lines", "expected"),
    [
        (13_500, [(10_000, True), (5_000, False)], 9_000),
        (9_500, [(10_000, True)], 9_500),
        (100, [(1, True), (2, False)], 33),
        (100, [(2, True), (1, False)], 67),
        (1, [(1, True), (1, False)], 1),
        (100, [(1, False)], 0),
        (100, [], 0),
        (100, [(0, True)], 0),
        (0, [(5, True)], 0),
    ],
)
def test_direct_when_some_lines_are_is_their_share_of_the_value(
    value_minor: int, lines: list[tuple[int, bool]], expected: int
) -> None:
    assert direct_minor(value_minor, lines) == expected


@given(
    st.integers(0, VALUE_MINOR),
    st.lists(st.tuples(st.one_of(st.integers(0, 9), st.integers(0, 10**15)), st.booleans())),
)
def test_direct_when_lines_are_any_is_the_rounded_share(value_minor: int, lines: list[tuple[int, bool]]) -> None:
    direct = direct_minor(value_minor, lines)
    assert 0 <= direct <= value_minor
    if total := sum(minor for minor, _ in lines):
        assert direct == half_up(Fraction(value_minor * sum(minor for minor, is_direct in lines if is_direct), total))


@pytest.mark.parametrize(
    ("value_minor", "counts", "expected"),
    [
        (100, [1, 1, 1], [33, 34, 33]),
        (1, [1, 1], [1, 0]),
        (0, [3, 2], [0, 0]),
        (1_000, [3, 1], [750, 250]),
        (5, [1], [5]),
        (5, [], []),
    ],
)
def test_linear_when_an_amount_does_not_divide_adds_up(
    value_minor: int, counts: list[int], expected: list[int]
) -> None:
    assert linear_minor(value_minor, counts) == expected


@given(st.integers(0, VALUE_MINOR), st.lists(st.integers(1, 32), min_size=1, max_size=TOUCHES))
def test_linear_when_counts_are_any_adds_up_and_is_near(value_minor: int, counts: list[int]) -> None:
    shares = linear_minor(value_minor, counts)
    assert sum(shares) == value_minor
    for share, count in zip(shares, counts, strict=True):
        assert abs(share - Fraction(value_minor * count, sum(counts))) <= 1
        assert share >= 0


def test_touches_when_pairs_alternate_are_in_order_of_their_first() -> None:
    uses = [use(1), use(2, "FAQ", "sales"), use(3), use(4, "FAQ"), use(5, "FAQ", "sales")]
    assert touches_of(uses) == [
        Touch("CHAT", "", 2, True, False),
        Touch("FAQ", "sales", 2, False, True),
        Touch("FAQ", "", 1, False, False),
    ]
    assert touches_of([]) == []


def test_touches_when_one_pair_is_all_are_first_and_last() -> None:
    assert touches_of([use(1), use(2)]) == [Touch("CHAT", "", 2, True, True)]


def test_touches_when_pairs_are_too_many_keep_both_ends_and_the_most() -> None:
    middle = [use(number, profile=f"p{number}") for number in range(1, TOUCHES + 9)]
    uses = [use(0, profile="first"), *middle, use(99, profile="p58"), use(100, profile="last")]
    kept = touches_of(uses)
    profiles = [touch.ai_profile for touch in kept]
    assert len(kept) == TOUCHES
    assert [touch.ai_profile for touch in kept if touch.is_first or touch.is_last] == ["first", "last"]
    assert profiles == ["first", *(f"p{number}" for number in range(1, TOUCHES - 2)), "p58", "last"]


def test_touching_when_interactions_do_not_qualify_leaves_them_out() -> None:
    uses = [
        use(1, occurred_at=AT - DAY - MINUTE),
        use(2, occurred_at=AT - DAY),
        use(3, is_qualifying=False),
        use(5, occurred_at=AT + MINUTE),
        use(4, occurred_at=AT),
        use(6, occurred_at=AT + 2 * MINUTE),
    ]
    assert [one.id for one in touching(uses, AT, DAY, 16)] == [2, 4, 5]


@settings(max_examples=50)
@given(st.permutations(range(60)), st.sets(st.integers(16, 43)))
def test_touching_when_interactions_are_very_many_is_both_ends(order: Sequence[int], unread: set[int]) -> None:
    uses = [use(number) for number in order if number not in unread]
    ends = [*range(16), *range(44, 60)]
    assert [one.id for one in touching(uses, AT, DAY, 16)] == ends
