"""The field rules, where ``tests/contract`` does not reach."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alhena_tracking.contract import rules

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999Z", "2026-01-31T12:00:01Z"])
@pytest.mark.parametrize("is_clock_trusted", [True, False])
def test_time_when_it_lies_in_the_future_is_when_it_was_received(text: str, is_clock_trusted: bool) -> None:
    occurred_at = rules.parse_timestamp(text)
    assert rules.corrected_time(occurred_at, sent_at=NOON, received_at=NOON, is_clock_trusted=is_clock_trusted) == NOON
