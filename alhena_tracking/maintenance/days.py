"""The days of rows of companies whose time zone changed."""

from __future__ import annotations

from collections.abc import Iterator

from alhena_tracking import redating


def redate_companies() -> Iterator[str]:
    """Re-date the rows of all companies that are due."""
    for walk in redating.due():
        moved = redating.redate(walk.pk)
        yield f"{walk.company.key}: re-dated rows for {walk.company.time_zone}: {moved}."
