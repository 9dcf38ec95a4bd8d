"""A visitor's interactions: events are credited to them, and each new one joins or opens a session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.module_loading import import_string

from alhena_tracking.attribution import Candidate, Credit, choose_credit, choose_session
from alhena_tracking.conf import conf
from alhena_tracking.contract.limits import INTERACTION_GRACE
from alhena_tracking.ingestion import insertions, statements
from alhena_tracking.ingestion.data import EventData, InteractionData, Visitor
from alhena_tracking.ingestion.stale_days import StaleDays
from alhena_tracking.models import Company, Interaction, VisitorSession

logger = logging.getLogger(__name__)

#: Ids from here on stand for rows that are not inserted yet; no stored row has one so large.
PROVISIONAL_ID = 2**62


@dataclass(frozen=True, slots=True)
class Attribution:
    """A credit and the attribution rules in force when it was given."""

    credit: Credit
    window: timedelta
    model: str

    def fields(self) -> dict[str, Any]:
        """Return the values of the columns of ``models.base.Credited``."""
        return {
            "session_id": self.credit.session_id,
            "credited_interaction_id": self.credit.interaction_id,
            "channel": self.credit.channel,
            "ai_profile": self.credit.ai_profile,
            "attribution_window": self.window,
            "attribution_model": self.model,
        }


class Visits:
    """One visitor's interactions: the stored ones and those that the current transaction adds."""

    def __init__(self, company: Company, visitor: Visitor | None) -> None:
        self.company = company
        self.window = conf.attribution_window
        self.model = conf.attribution_model
        self._known_digests = statements.Digests(*visitor.digests(company)) if visitor else statements.Digests([], [])
        #: The digests to store, chat before FAQ.
        self.digests = tuple(digests[0] if digests else None for digests in self._known_digests)
        self.found = statements.Found()
        self._opened: dict[int, VisitorSession] = {}
        self._added: list[Interaction] = []

    def look_up(
        self,
        events: Sequence[EventData],
        event_ids: Mapping[type[Model], Collection[UUID]],
        products: Mapping[tuple[UUID, str], datetime],
    ) -> None:
        """Read the rows that ``events`` depend on. See ``statements.look_up``."""
        after = self.window if any(isinstance(event, InteractionData) for event in events) else INTERACTION_GRACE
        start = min(event.occurred_at for event in events) - self.window
        end = max(event.occurred_at for event in events) + max(after, INTERACTION_GRACE)
        self.found = statements.look_up(self.company, self._known_digests, start, end, event_ids, products)

    def attribute(self, at: datetime) -> Attribution | None:
        """Choose the interaction that an event at ``at`` is credited to, for good; ``None`` if there is none."""
        credit = choose_credit(self._candidates, at, self.window, self.model)
        return Attribution(credit, self.window, self.model) if credit else None

    def add(self, data: InteractionData) -> None:
        """Add an interaction to the session that it joins, or to a new one."""
        user_digest, faq_digest = self.digests
        interaction = Interaction(
            user_fingerprint_digest=user_digest,
            faq_fingerprint_digest=faq_digest,
            **data.fields(self.company),
        )
        interaction.is_qualifying = _is_qualifying(interaction)
        session_id = choose_session(self._candidates, data.occurred_at, self.window)
        if session_id is None:
            session_id = PROVISIONAL_ID + len(self._opened)
            self._opened[session_id] = VisitorSession(
                company=self.company, started_at=data.occurred_at, last_interaction_at=data.occurred_at
            )
        interaction.session_id = session_id
        self._added.append(interaction)
        self._remember(interaction)

    def joined_sessions(self) -> set[int]:
        """Return the stored sessions that interactions were added to."""
        return {row.session_id for row in self._added} - self._opened.keys()

    def write(self, stale_days: StaleDays) -> Identities:
        """Insert the added rows. The joined sessions must be locked."""
        if not self._added:
            return Identities({}, {})
        joined_ids = self.joined_sessions()
        joined = {row.pk: row for row in VisitorSession.objects.filter(pk__in=joined_ids)} if joined_ids else {}
        counted = {pk: _counted_as(row) for pk, row in joined.items()}
        for interaction in self._added:
            _include(self._opened.get(interaction.session_id) or joined[interaction.session_id], interaction)
        insertions.insert(list(self._opened.values()))
        fields = ["started_at", "started_on", "last_interaction_at", "qualified_at", "channel", "ai_profile"]
        VisitorSession.objects.bulk_update(joined.values(), fields)
        stale_days.add_sessions(*(row.started_on for row in self._opened.values()))
        for pk, row in joined.items():
            if _counted_as(row) != counted[pk]:
                stale_days.add_sessions(row.started_on, counted[pk][0])
        sessions = {provisional: row.pk for provisional, row in self._opened.items()}
        for interaction in self._added:
            interaction.session_id = sessions.get(interaction.session_id, interaction.session_id)
        insertions.insert(self._added)
        return Identities(sessions, {PROVISIONAL_ID + number: row.pk for number, row in enumerate(self._added)})

    @property
    def _candidates(self) -> list[Candidate]:
        return self.found.candidates

    @property
    def added(self) -> Sequence[Interaction]:
        return self._added

    def _remember(self, interaction: Interaction) -> None:
        at, session_id = interaction.occurred_at, interaction.session_id
        started_at = min([c.session_started_at for c in self._candidates if c.session_id == session_id] + [at])
        self.found.candidates = [
            replace(c, session_started_at=started_at) if c.session_id == session_id else c for c in self._candidates
        ]
        self._candidates.append(
            Candidate(
                PROVISIONAL_ID + len(self._added) - 1,
                at,
                session_id,
                started_at,
                interaction.kind,
                interaction.ai_profile,
                interaction.is_qualifying,
            )
        )


@dataclass(frozen=True, slots=True)
class Identities:
    """The ids of inserted sessions and interactions, by their provisional ids."""

    sessions: dict[int, int]
    interactions: dict[int, int]

    def resolve(self, row: Any) -> None:
        """Replace the provisional ids of a credited row."""
        row.session_id = self.sessions.get(row.session_id, row.session_id)
        row.credited_interaction_id = self.interactions.get(row.credited_interaction_id, row.credited_interaction_id)


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


def _counted_as(session: VisitorSession) -> tuple[date, str, str]:
    """Return all that decides a session's place in the figures."""
    return session.started_on, session.channel, session.ai_profile


def _include(session: VisitorSession, interaction: Interaction) -> None:
    """Update a session by an interaction."""
    at = interaction.occurred_at
    session.last_interaction_at = max(session.last_interaction_at, at)
    if at <= session.started_at:
        session.started_at, session.started_on = at, interaction.occurred_on
    if interaction.is_qualifying and (session.qualified_at is None or at < session.qualified_at):
        session.qualified_at, session.channel, session.ai_profile = at, interaction.kind, interaction.ai_profile
