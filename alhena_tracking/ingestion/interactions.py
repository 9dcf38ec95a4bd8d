"""Recording uses of the assistant."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models.functions import Greatest
from django.utils.module_loading import import_string

from alhena_tracking.attribution import choose_session
from alhena_tracking.conf import conf
from alhena_tracking.ingestion.crediting import candidates_among, interactions_of
from alhena_tracking.ingestion.data import DUPLICATE, InteractionData, Outcome
from alhena_tracking.models import Company, Interaction, LockRow, VisitorSession

logger = logging.getLogger(__name__)


def record_interaction(company: Company, data: InteractionData) -> Outcome:
    """Store one use of the assistant, in the session it continues or in one of its own.

    Returns ``recorded`` or ``duplicate`` (the ``event_id`` is there already); committed on return unless the caller
    holds a transaction open.
    """
    user_digest, faq_digest = data.visitor.digests(company)
    interaction = Interaction(
        user_fingerprint_digest=user_digest,
        faq_fingerprint_digest=faq_digest,
        kind=data.kind,
        product_id=data.product_id,
        conversation_id=data.conversation_id,
        ai_profile=data.ai_profile,
        **data.fields(company),
    )
    interaction.is_qualifying = _is_qualifying(interaction)
    try:
        with transaction.atomic():
            LockRow.objects.lock([LockRow.number_of(digest) for digest in (user_digest, faq_digest) if digest])
            window = conf.attribution_window
            near = interactions_of(company, data).within(window, of=data.occurred_at)
            session_id = choose_session(candidates_among(near), data.occurred_at, window)
            interaction.session = _open_session(interaction) if session_id is None else _join(session_id, interaction)
            interaction.save(force_insert=True)
    except IntegrityError:
        if Interaction.objects.filter(company=company, event_id=data.event_id).exists():
            return DUPLICATE
        raise
    return Outcome("recorded", data.event_id)


def _is_qualifying(interaction: Interaction) -> bool:
    path = conf.qualifying_interaction
    if path is None:
        return True
    predicate: Callable[[Interaction], bool] = import_string(path)
    try:
        return bool(predicate(interaction))
    except Exception:
        logger.exception("%s failed; the interaction counts, as it does without a predicate.", path)
        return True


def _open_session(interaction: Interaction) -> VisitorSession:
    session = VisitorSession(
        company=interaction.company,
        started_at=interaction.occurred_at,
        started_on=interaction.occurred_on,
        last_interaction_at=interaction.occurred_at,
    )
    _qualify(session, interaction)
    session.save(force_insert=True)
    return session


def _join(session_id: int, interaction: Interaction) -> VisitorSession:
    at: datetime = interaction.occurred_at
    sessions = VisitorSession.objects.filter(pk=session_id)
    # Locks the row, too: visitors who share one fingerprint of two pass different visitor locks.
    sessions.update(last_interaction_at=Greatest("last_interaction_at", at))
    session = sessions.get()
    is_changed = _qualify(session, interaction)
    if at < session.started_at:
        session.started_at, session.started_on = at, interaction.occurred_on
        is_changed = True
    if is_changed:
        session.save()
    return session


def _qualify(session: VisitorSession, interaction: Interaction) -> bool:
    """Take the channel and AI profile over where this is the session's first qualifying interaction."""
    if not interaction.is_qualifying:
        return False
    if session.qualified_at is not None and session.qualified_at <= interaction.occurred_at:
        return False
    session.qualified_at = interaction.occurred_at
    session.channel = interaction.kind
    session.ai_profile = interaction.ai_profile
    return True
