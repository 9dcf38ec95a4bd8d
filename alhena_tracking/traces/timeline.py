"""The timeline of a session, and for an order or a cart event of it, which interaction earned the credit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from django.db.models import QuerySet

from alhena_tracking.contract.limits import INTERACTION_GRACE
from alhena_tracking.models import AttributionModel, CartEvent, Interaction, Order, Refund, VisitorSession

#: How many rows a timeline lists at most: those nearest to its subject.
TIMELINE_LENGTH = 200

Subject: TypeAlias = Order | CartEvent
Row: TypeAlias = Interaction | CartEvent | Order | Refund

#: The order of rows of one moment.
_RANKS: dict[type[Row], int] = {Interaction: 0, CartEvent: 1, Order: 2, Refund: 3}


class Eligibility(StrEnum):
    """Why an interaction is credited with the subject, or why not.

    ``ELIGIBLE`` interactions were second choice. ``RECORDED_LATER`` and ``NO_SHARED_ID`` ones would have been the
    first, had they been recorded before the subject, or shared a fingerprint with it.
    """

    CREDITED = "credited"
    ELIGIBLE = "eligible"
    NOT_QUALIFYING = "not qualifying"
    BEFORE_WINDOW = "before window"
    AFTER_SUBJECT = "after subject"
    RECORDED_LATER = "recorded later"
    NO_SHARED_ID = "no shared id"


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the timeline; interactions have an ``eligibility``."""

    row: Row
    is_subject: bool
    eligibility: Eligibility | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps nearest to the subject, the earliest first, and the numbers of those left out."""

    steps: tuple[Step, ...]
    omitted_before: int
    omitted_after: int


def timeline_of(subject: Subject) -> Timeline:
    """Collect what happened in the subject's session. The subject and the credited interaction are never left out."""
    at, session_id = subject.occurred_at, subject.session_id
    rows: list[Row] = []
    totals = {False: 0, True: 0}  # by whether the rows are later than the subject
    for source in _rows_of(session_id):
        for is_after in (False, True):
            found, total = _nearest(source, at, is_after=is_after)
            rows += found
            totals[is_after] += total
    credited: Interaction = subject.credited_interaction
    if credited not in rows:
        rows.append(credited)
        totals[credited.occurred_at > at] += credited.session_id != session_id
    rows.sort(key=lambda row: (row not in (subject, credited), abs(row.occurred_at - at)))
    listed = sorted(rows[:TIMELINE_LENGTH], key=_place)
    listed_after = sum(row.occurred_at > at for row in listed)
    return Timeline(
        steps=tuple(Step(row, row == subject, _eligibility(row, subject)) for row in listed),
        omitted_before=totals[False] - (len(listed) - listed_after),
        omitted_after=totals[True] - listed_after,
    )


def timeline_of_session(session: VisitorSession) -> Timeline:
    """Collect what happened in a session, from its beginning."""
    rows: list[Row] = []
    total = 0
    for source in _rows_of(session.pk):
        found = list(source.order_by("occurred_at", "id")[:TIMELINE_LENGTH])
        rows += found
        total += len(found) if len(found) < TIMELINE_LENGTH else source.count()
    rows.sort(key=_place)
    listed = rows[:TIMELINE_LENGTH]
    return Timeline(tuple(Step(row, False, None) for row in listed), 0, total - len(listed))


def _rows_of(session_id: int) -> list[QuerySet[Any]]:
    return [
        Interaction.objects.filter(session=session_id),
        CartEvent.objects.filter(session=session_id),
        Order.objects.filter(session=session_id),
        Refund.objects.filter(refunded_order__session=session_id),
    ]


def _place(row: Row) -> tuple[datetime, int, int]:
    return row.occurred_at, _RANKS[type(row)], row.pk


def _nearest(rows: QuerySet[Any], at: datetime, *, is_after: bool) -> tuple[list[Any], int]:
    """Find the rows up to a moment, or after it, that are nearest to it, and count all of them."""
    if is_after:
        rows = rows.filter(occurred_at__gt=at).order_by("occurred_at", "id")
    else:
        rows = rows.filter(occurred_at__lte=at).order_by("-occurred_at", "-id")
    found = list(rows[:TIMELINE_LENGTH])
    return found, len(found) if len(found) < TIMELINE_LENGTH else rows.count()


def _eligibility(row: Row, subject: Subject) -> Eligibility | None:
    if not isinstance(row, Interaction):
        return None
    credited: Interaction = subject.credited_interaction
    if row == credited:
        return Eligibility.CREDITED
    if not row.is_qualifying:
        return Eligibility.NOT_QUALIFYING
    if row.occurred_at < subject.occurred_at - subject.attribution_window:
        return Eligibility.BEFORE_WINDOW
    if row.occurred_at > subject.occurred_at + INTERACTION_GRACE:
        return Eligibility.AFTER_SUBJECT
    place, credited_place = ((min(one.occurred_at, subject.occurred_at), one.pk) for one in (row, credited))
    is_last_touch = subject.attribution_model == AttributionModel.LAST_TOUCH
    if place < credited_place if is_last_touch else place > credited_place:
        return Eligibility.ELIGIBLE
    return Eligibility.RECORDED_LATER if row.received_at > subject.received_at else Eligibility.NO_SHARED_ID
