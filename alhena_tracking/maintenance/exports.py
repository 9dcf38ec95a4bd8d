"""Files of the report, made in the background and kept for a day."""

from __future__ import annotations

from collections.abc import Iterator

from alhena_tracking.downloads.background import delete_expired, make_exports


def make_files() -> Iterator[str]:
    """Make the files that staff wait for."""
    for export in make_exports():
        yield f"File {export.pk}, {export.table}: {export.status}."


def delete_files() -> Iterator[str]:
    """Delete files that are older than a day."""
    if number := delete_expired():
        yield f"Deleted files: {number}."
