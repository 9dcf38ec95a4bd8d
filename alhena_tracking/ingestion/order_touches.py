"""Which interactions an order's credit could have chosen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from alhena_tracking.attribution import Candidate
from alhena_tracking.digests import text_digest
from alhena_tracking.ingestion.data import Attribution
from alhena_tracking.ingestion.state import INTERACTIONS_READ
from alhena_tracking.product_groups import group_digest
from alhena_tracking.touches import Recommendation, touches_of, touching


def with_touches(attribution: Attribution, candidates: Iterable[Candidate], at: datetime) -> Attribution:
    """Add the touches of an order at a time, and the products that these named or recommended, and in which
    conversations.
    """
    interactions = touching(candidates, at, attribution.window, INTERACTIONS_READ)
    named = {
        digest: place
        for place, digest in enumerate(
            dict.fromkeys(group_digest(each).hex for one in interactions for each in one.product_ids)
        )
    }
    return replace(
        attribution,
        touches=tuple(touches_of(interactions)),
        named_products=tuple(named),
        recommendations=tuple(_recommendations(interactions, named)),
    )


def _recommendations(interactions: Iterable[Candidate], named: Mapping[str, int]) -> Iterator[Recommendation]:
    """Yield what each conversation recommended, by channel and AI profile."""
    found: dict[tuple[int, str, str, str], set[int]] = {}
    for one in interactions:
        if one.conversation_id and one.recommended_product_ids:
            key = (one.session_id, text_digest(one.conversation_id).hex, one.channel, one.ai_profile)
            products = {named[group_digest(each).hex] for each in one.recommended_product_ids}
            found.setdefault(key, set()).update(products)
    for key, products in found.items():
        yield Recommendation(*key, sorted(products))
