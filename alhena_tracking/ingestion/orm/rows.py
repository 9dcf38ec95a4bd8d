"""Rows where events are recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.db.models import Model

from alhena_tracking.db.transactions import rows_of
from alhena_tracking.ingestion.plan import PROVISIONAL_ID
from alhena_tracking.models import Interaction, VisitorSession

#: The ids of inserted rows, by model and provisional id.
Ids: TypeAlias = dict[tuple[type[Model], int], int]


def insert(rows: Sequence[Any], ids: Ids) -> None:
    """Insert rows of one model with their references to rows inserted before; note the ids of provisional ones."""
    if not rows:
        return
    for row in rows:
        resolve(row, ids)
    provisional = [row.pk for row in rows]
    for row in rows:
        row.pk = None
    rows_of(type(rows[0])).bulk_create(rows)
    ids.update({(type(row), pk): row.pk for row, pk in zip(rows, provisional, strict=True) if pk is not None})


def resolve(row: Any, ids: Mapping[tuple[type[Model], int], int]) -> None:
    """Replace the provisional ids that a row refers to."""
    for name, model in (("session_id", VisitorSession), ("credited_interaction_id", Interaction)):
        if (pk := getattr(row, name, 0)) >= PROVISIONAL_ID:
            setattr(row, name, ids[model, pk])
    if recommendations := getattr(row, "recommendations", None):
        row.recommendations = [
            [ids[VisitorSession, pk] if pk >= PROVISIONAL_ID else pk, *others] for pk, *others in recommendations
        ]
