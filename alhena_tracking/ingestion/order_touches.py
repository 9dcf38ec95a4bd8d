"""Which interactions an order's credit could have chosen. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from alhena_tracking.attribution import Candidate
from alhena_tracking.ingestion.data import Attribution
from alhena_tracking.ingestion.state import INTERACTIONS_READ
from alhena_tracking.product_groups import group_digest
from alhena_tracking.touches import touches_of, touching


def with_touches(attribution: Attribution, candidates: Iterable[Candidate], at: datetime) -> Attribution:
    """Add the touches of an order at a time, and the products that these named or recommended."""
    interactions = touching(candidates, at, attribution.window, INTERACTIONS_READ)
    named = dict.fromkeys(group_digest(each).hex for one in interactions for each in one.product_ids)
    return replace(attribution, touches=tuple(touches_of(interactions)), named_products=tuple(named))
