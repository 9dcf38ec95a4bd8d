"""What an interaction makes of its session. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date

from django.utils.module_loading import import_string

from alhena_tracking.attribution import Candidate
from alhena_tracking.conf import conf
from alhena_tracking.models import Interaction, VisitorSession

logger = logging.getLogger(__name__)


def is_qualifying(interaction: Interaction) -> bool:
    path = conf.qualifying_interaction
    if path is None:
        return True
    predicate: Callable[[Interaction], bool] = import_string(path)
    try:
        return bool(predicate(interaction))
    except Exception:
        logger.exception("%s failed; the interaction counts, as it does without a predicate.", path)
        return True


def candidate_of(row: Interaction, session: VisitorSession) -> Candidate:
    """Return an interaction as one that an event may be credited to."""
    return Candidate(
        row.pk,
        row.occurred_at,
        session.pk,
        session.started_at,
        row.kind,
        row.ai_profile,
        row.is_qualifying,
        row.conversation_id,
        row.product_id,
        row.recommended_product_ids,
    )


def changes_conversations(row: Interaction, candidates: Iterable[Candidate]) -> bool:
    """Return whether an interaction may change what counts of its session's conversations: adds one, or a
    recommendation. ``candidates`` are the visitor's earlier ones.
    """
    if not (row.is_qualifying and row.conversation_id):
        return False
    key = (row.session_id, row.conversation_id, row.kind, row.ai_profile)
    return row.recommended_product_ids is not None or not any(
        one.is_qualifying and (one.session_id, one.conversation_id, one.channel, one.ai_profile) == key
        for one in candidates
    )


def counted_as(session: VisitorSession) -> tuple[date, str, str]:
    """Return all that decides a session's place in the figures."""
    return session.started_on, session.channel, session.ai_profile


def include(session: VisitorSession, interaction: Interaction) -> None:
    """Update a session by an interaction."""
    at = interaction.occurred_at
    session.last_interaction_at = max(session.last_interaction_at, at)
    if at <= session.started_at:
        session.started_at, session.started_on = at, interaction.occurred_on
    if interaction.is_qualifying and (session.qualified_at is None or at < session.qualified_at):
        session.qualified_at, session.channel, session.ai_profile = at, interaction.kind, interaction.ai_profile
