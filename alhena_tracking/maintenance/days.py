"""The days of rows of companies whose time zone changed, and the sums of past days."""

from __future__ import annotations

from collections.abc import Iterator

from alhena_tracking import redating, rollups


def redate_companies() -> Iterator[str]:
    """Re-date the rows of all companies that are due."""
    for walk in redating.due():
        moved = redating.redate(walk.pk)
        yield f"{walk.company.key}: re-dated rows for {walk.company.time_zone}: {moved}."


def roll_up_days() -> Iterator[str]:
    """Roll up past days that were not, or have changed since."""
    for result in rollups.roll_up():
        key, days = result.company.key, result.days
        if days:
            yield f"{key}: rolled up days: {len(days)}."
        for day in result.failed:
            yield f"{key}: the sums of {day} are too large to store; reports read its events instead."
