"""From a visitor's fingerprints to the interactions, and to the one that an event is credited to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alhena_tracking.attribution import Candidate, Credit, choose_credit
from alhena_tracking.conf import conf
from alhena_tracking.ingestion.data import EventData
from alhena_tracking.models import Company, Interaction
from alhena_tracking.querysets import InteractionQuerySet


@dataclass(frozen=True, slots=True)
class Attribution:
    """A credit and the rules in force when it was given."""

    credit: Credit
    window: timedelta
    model: str

    def fields(self) -> dict[str, Any]:
        """Values for the fields of ``models.base.Credited``."""
        return {
            "session_id": self.credit.session_id,
            "credited_interaction_id": self.credit.interaction_id,
            "channel": self.credit.channel,
            "ai_profile": self.credit.ai_profile,
            "attribution_window": self.window,
            "attribution_model": self.model,
        }


def attribute(company: Company, data: EventData) -> Attribution | None:
    """Decide, now and for good, which interaction an event is credited to."""
    window, model = conf.attribution_window, conf.attribution_model
    candidates = candidates_among(interactions_of(company, data).creditable(data.occurred_at, window))
    credit = choose_credit(candidates, data.occurred_at, window, model)
    return Attribution(credit, window, model) if credit else None


def interactions_of(company: Company, data: EventData) -> InteractionQuerySet[Interaction]:
    """The interactions that share a fingerprint with an event (the digests are keyed per company)."""
    return Interaction.objects.sharing_fingerprint(*data.visitor.known_digests(company))


def candidates_among(interactions: InteractionQuerySet[Interaction]) -> list[Candidate]:
    rows = interactions.order_by().values_list(
        "id", "occurred_at", "session_id", "session__started_at", "kind", "ai_profile"
    )
    return [Candidate(*row) for row in rows]
